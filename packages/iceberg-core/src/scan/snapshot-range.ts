import { IcebergError } from '../errors.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import { ancestorsOf } from '../metadata/table-metadata.ts'
import { formatIdentifier } from '../port/catalog.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { requireSnapshot } from './plan-scan.ts'

/** A stretch of a table's history. */
export interface SnapshotRange {
  /** Snapshots after this one; from the first one on when absent. It may have expired itself. */
  readonly fromExclusive?: bigint | undefined
  readonly toInclusive: bigint
}

/**
 * The snapshots of (from, to], oldest first.
 *
 * @throws IcebergError `no-such-snapshot` when `to` is not retained, or when `from` is neither an ancestor of `to` nor
 * the parent of a retained one.
 */
export function snapshotsBetween(table: TableHandle, options: SnapshotRange): readonly Snapshot[] {
  const { fromExclusive, toInclusive } = options
  requireSnapshot(table, toInclusive)
  if (fromExclusive === toInclusive) return []
  const range: Snapshot[] = []
  for (const snapshot of ancestorsOf(table.loaded.metadata, toInclusive)) {
    if (snapshot.snapshotId === fromExclusive) return range.toReversed()
    range.push(snapshot)
    // The parent may have expired: what came after it is still all here.
    if (snapshot.parentSnapshotId === fromExclusive) return range.toReversed()
  }
  throw historyLost(table, options)
}

function historyLost(table: TableHandle, options: SnapshotRange): IcebergError {
  const name = formatIdentifier(table.identifier)
  const { fromExclusive, toInclusive } = options
  const message =
    fromExclusive === undefined
      ? `the history of table ${name} up to snapshot ${toInclusive} no longer reaches back to its first snapshot`
      : `snapshot ${fromExclusive} of table ${name} is neither an ancestor of ${toInclusive} nor the parent of one`
  return new IcebergError('no-such-snapshot', message, {
    context: { table: name, snapshotId: fromExclusive, toSnapshotId: toInclusive },
    hint: 'Snapshots have expired or the table was rolled back. Read the whole table at one snapshot instead.',
  })
}
