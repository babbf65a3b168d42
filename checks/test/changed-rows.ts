import { planChangelog, type TableHandle } from '@icebridge/iceberg-core'
import { IcebergReader } from '@icebridge/iceberg-io'
import { exactRows, inOneOrder } from './exact-rows.ts'

/** The rows that snapshots inserted and deleted, as Spark's changelog view has them: equal rows of one snapshot cancel out. */
export async function changedRows(
  table: TableHandle,
  range: { readonly fromExclusive: bigint | undefined; readonly toInclusive: bigint },
): Promise<readonly string[]> {
  const reader = new IcebergReader(table)
  /** How often a row was inserted, less how often deleted, by the row and its snapshot. */
  const net = new Map<string, { readonly row: object; readonly commit: object; count: number }>()
  for await (const task of planChangelog(table, range)) {
    const commit = { _change_ordinal: task.changeOrdinal, _commit_snapshot_id: String(task.commitSnapshotId) }
    for (const text of await exactRows(reader.scanTasks([task]))) {
      const key = `${task.commitSnapshotId} ${text}`
      const change = net.get(key) ?? { row: JSON.parse(text) as object, commit, count: 0 } // a row is an object
      net.set(key, { ...change, count: change.count + (task.change === 'insert' ? 1 : -1) })
    }
  }
  return inOneOrder(
    [...net.values()].flatMap(({ row, commit, count }) =>
      Array.from({ length: Math.abs(count) }, () => ({
        ...row,
        _change_type: count > 0 ? 'INSERT' : 'DELETE',
        ...commit,
      })),
    ),
  )
}
