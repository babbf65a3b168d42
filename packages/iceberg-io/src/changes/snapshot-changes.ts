import type { ChangelogScanTask } from '@icebridge/iceberg-core'
import { PositionSet } from '../delete/position-set.ts'
import type { SpillingKeyTable } from '../delete/spilling-key-table.ts'
import { IcebergIoError } from '../errors.ts'
import { addAt, type ChangedRows, type ChangeSource, type ChangeType, valueAt } from './change-source.ts'

/**
 * The rows that one snapshot changed: deleted ones, then inserted ones. Rows that a rewritten file carries over unchanged
 * are neither: as many rows of the same bytes as were deleted and inserted drop out. With keys, a deleted and an inserted
 * row of one key are an update.
 *
 * @throws IcebergIoError `duplicate-keys` when several rows of a key were deleted or inserted, and some of the other kind.
 */
export async function* snapshotChanges(
  tasks: readonly ChangelogScanTask[],
  source: ChangeSource,
): AsyncGenerator<ChangedRows, void, undefined> {
  const deletes = tasks.filter(({ change }) => change === 'delete')
  const inserts = tasks.filter(({ change }) => change === 'insert')
  if (deletes.length === 0 || inserts.length === 0) {
    const types = deletes.length === 0 ? 'INSERT' : 'DELETE'
    for (const task of tasks) for await (const batch of source.wanted(task)) yield { task, batch, types }
    return
  }
  // By row: how many were deleted, and how many of those came back.
  const rows = source.table(2)
  for (const task of deletes) {
    for await (const batch of source.whole(task)) {
      await rows.add({ keys: source.rowsOf(batch), rows: batch.numRows }, [1, 0])
    }
  }
  // By key: how many rows were really deleted, and how many really inserted.
  const keys = source.hasKeys ? source.table(2) : undefined
  const inserted = new Map<ChangelogScanTask, PositionSet>()
  for (const task of inserts) inserted.set(task, await newRows(task, { source, rows, keys }))
  for (const task of deletes) {
    for await (const batch of source.whole(task)) {
      const types: (ChangeType | undefined)[] = Array.from({ length: batch.numRows })
      const carried = new Uint8Array(batch.numRows)
      await rows.visit({ keys: source.rowsOf(batch), rows: batch.numRows, mutates: true }, (row, table, entry) => {
        if (valueAt(table, entry, 0) > valueAt(table, entry, 1)) {
          addAt(table, entry, 0, -1)
          types[row] = 'DELETE'
        } else carried[row] = 1
      })
      await keys?.visit({ ...lookup(source, batch), skip: carried, mutates: true }, (row, table, entry) => {
        if (entry < 0) return
        addAt(table, entry, 0, 1)
        if (valueAt(table, entry, 0) > 1 || valueAt(table, entry, 1) > 1) throw ambiguous(task)
        types[row] = 'UPDATE_BEFORE'
      })
      yield { task, batch, types }
    }
  }
  for (const task of inserts) {
    let first = 0
    for await (const batch of source.whole(task)) {
      const isNew = new Uint8Array(batch.numRows)
      inserted.get(task)?.mark(first, isNew)
      const types = Array.from(isNew, (bit): ChangeType | undefined => (bit === 1 ? 'INSERT' : undefined))
      const skip = isNew.map((bit) => 1 - bit)
      await keys?.visit({ ...lookup(source, batch), skip }, (row, table, entry) => {
        if (valueAt(table, entry, 0) > 0) types[row] = 'UPDATE_AFTER'
      })
      first += batch.numRows
      yield { task, batch, types }
    }
  }
}

/** Which rows of an added file were not in a removed one, numbered as they are read. */
async function newRows(
  task: ChangelogScanTask,
  {
    source,
    rows,
    keys,
  }: { readonly source: ChangeSource; readonly rows: SpillingKeyTable; readonly keys: SpillingKeyTable | undefined },
): Promise<PositionSet> {
  const found = new PositionSet()
  let first = 0
  for await (const batch of source.whole(task)) {
    const carried = new Uint8Array(batch.numRows)
    await rows.visit({ keys: source.rowsOf(batch), rows: batch.numRows, mutates: true }, (row, table, entry) => {
      if (valueAt(table, entry, 0) > valueAt(table, entry, 1)) {
        addAt(table, entry, 1, 1)
        carried[row] = 1
      }
    })
    carried.forEach((bit, row) => {
      if (bit === 0) found.add(first + row)
    })
    await keys?.add({ ...lookup(source, batch), skip: carried }, [0, 1])
    first += batch.numRows
  }
  found.compact()
  return found
}

function lookup(
  source: ChangeSource,
  batch: ChangedRows['batch'],
): { readonly keys: ReturnType<ChangeSource['keysOf']>; readonly rows: number } {
  return { keys: source.keysOf(batch), rows: batch.numRows }
}

/** @internal A snapshot after which a key has several rows. */
export function ambiguous(task: ChangelogScanTask | undefined): IcebergIoError {
  const snapshot = task === undefined ? 'a snapshot' : `snapshot ${task.commitSnapshotId}`
  return new IcebergIoError('duplicate-keys', `${snapshot} changes several rows with one key`, {
    context: task === undefined ? {} : { snapshotId: task.commitSnapshotId },
    hint: 'Name columns that together tell all rows apart, or read the changes without keys.',
  })
}
