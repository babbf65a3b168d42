import { IcebergError } from '../errors.ts'
import type { Expression } from '../expression/expression.ts'
import { readManifestList } from '../manifest/read-manifest-list.ts'
import { readManifest } from '../manifest/read-manifest.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import { currentSchema } from '../metadata/table-metadata.ts'
import { formatIdentifier } from '../port/catalog.ts'
import type { TableHandle } from '../port/table-handle.ts'
import type { AppendScanTask } from './file-scan-task.ts'
import { scanTask } from './plan-scan.ts'
import { ScanFilter } from './scan-filter.ts'
import { type SnapshotRange, snapshotsBetween } from './snapshot-range.ts'

export interface IncrementalScanOptions extends SnapshotRange {
  readonly filter?: Expression | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The files added by the append snapshots in (from, to], oldest snapshot first, in manifest order within each.
 * Snapshots that only replace files (compaction) add nothing. The filter is tied to the table's current schema.
 *
 * @throws IcebergError `no-such-snapshot` when `to` is not retained, or when `from` is neither an ancestor of `to` nor
 * the parent of a retained one; `not-append-only` naming a snapshot in between that did something else.
 */
export async function* planIncrementalAppends(
  table: TableHandle,
  options: IncrementalScanOptions,
): AsyncGenerator<AppendScanTask, void, undefined> {
  const { metadata } = table.loaded
  const { signal } = options
  const filter = new ScanFilter(metadata, currentSchema(metadata), options.filter)
  for (const snapshot of appendsBetween(table, options)) {
    for (const manifest of await readManifestList(table.io, snapshot, { metadata, signal })) {
      if (manifest.addedFilesCount === 0 || manifest.addedSnapshotId !== snapshot.snapshotId) continue
      if (manifest.content === 'deletes') throw notAppendOnly(table, snapshot, 'adds delete files')
      if (!filter.mightMatchManifest(manifest)) continue
      for await (const entry of readManifest(table.io, manifest, { metadata, signal })) {
        if (entry.status !== 'added' || entry.snapshotId !== snapshot.snapshotId) continue
        if (entry.file.content !== 'data') throw notAppendOnly(table, snapshot, 'adds delete files')
        if (filter.mightMatchFile(entry.file)) {
          yield { ...scanTask(entry, filter, undefined), snapshotId: snapshot.snapshotId }
        }
      }
    }
  }
}

function appendsBetween(table: TableHandle, options: IncrementalScanOptions): Snapshot[] {
  const appends: Snapshot[] = []
  for (const snapshot of snapshotsBetween(table, options)) {
    if (snapshot.operation === 'append') appends.push(snapshot)
    else if (snapshot.operation !== 'replace') {
      throw notAppendOnly(table, snapshot, `is of operation ${snapshot.operation}`)
    }
  }
  return appends
}

function notAppendOnly(table: TableHandle, snapshot: Snapshot, what: string): IcebergError {
  const name = formatIdentifier(table.identifier)
  return new IcebergError('not-append-only', `snapshot ${snapshot.snapshotId} of table ${name} ${what}`, {
    context: { table: name, snapshotId: snapshot.snapshotId, operation: snapshot.operation },
    hint: 'Something other than an append changed the table. Read its changes, or the whole table at one snapshot instead.',
  })
}
