import { IcebergError } from '../errors.ts'
import type { Expression } from '../expression/expression.ts'
import type { ManifestEntry } from '../manifest/manifest-entry.ts'
import { hasLiveFiles } from '../manifest/manifest-file.ts'
import { readManifestList } from '../manifest/read-manifest-list.ts'
import { readManifest } from '../manifest/read-manifest.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import { currentSchema, currentSnapshot, snapshotById, type TableMetadata } from '../metadata/table-metadata.ts'
import { formatIdentifier } from '../port/catalog.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { findFieldByName, type Schema } from '../schema/schema.ts'
import type { FileScanTask } from './file-scan-task.ts'
import { ScanFilter } from './scan-filter.ts'

export interface ScanOptions {
  /** The current snapshot when absent. */
  readonly snapshotId?: bigint | undefined
  /** Columns that are to be read, as dotted paths: checked here, so that a mistake shows before any file is opened. */
  readonly columns?: readonly string[] | undefined
  readonly filter?: Expression | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The files of a snapshot that may hold rows passing the filter, in manifest order. Manifests are read as the tasks
 * are pulled. A table without a snapshot has none.
 *
 * The filter is tied to the schema of {@link scanSchema}.
 *
 * @throws IcebergError `no-such-snapshot`, `no-such-column`, `malformed-manifest`, or `unsupported-deletes` naming the
 * snapshot when it has delete files.
 * @see https://iceberg.apache.org/spec/#scan-planning
 */
export async function* planScan(
  table: TableHandle,
  options: ScanOptions = {},
): AsyncGenerator<FileScanTask, void, undefined> {
  const { metadata } = table.loaded
  const { signal } = options
  const snapshot =
    options.snapshotId === undefined ? currentSnapshot(metadata) : requireSnapshot(table, options.snapshotId)
  const schema = scanSchema(metadata, options.snapshotId)
  for (const column of options.columns ?? []) requireColumn(schema, column)
  const filter = new ScanFilter(metadata, schema, options.filter)
  if (snapshot === undefined) return
  const manifests = await readManifestList(table.io, snapshot, { metadata, signal })
  if (manifests.some((manifest) => manifest.content === 'deletes' && hasLiveFiles(manifest))) {
    throw unsupportedDeletes(table, snapshot)
  }
  for (const manifest of manifests) {
    if (manifest.content === 'deletes' || !hasLiveFiles(manifest) || !filter.mightMatchManifest(manifest)) continue
    for await (const entry of readManifest(table.io, manifest, { metadata, signal })) {
      if (entry.status === 'deleted') continue
      // Lists have been seen that call a manifest of deletes one of data.
      if (entry.file.content !== 'data') throw unsupportedDeletes(table, snapshot)
      if (filter.mightMatchFile(entry.file)) yield scanTask(entry, filter)
    }
  }
}

/** The schema a scan reads with: the snapshot's own when one is named, the table's current one otherwise. */
export function scanSchema(metadata: TableMetadata, snapshotId: bigint | undefined): Schema {
  const snapshot = snapshotId === undefined ? undefined : snapshotById(metadata, snapshotId)
  const own = metadata.schemas.find((schema) => schema.schemaId === snapshot?.schemaId)
  return own ?? currentSchema(metadata)
}

/** @internal */
export function scanTask(entry: ManifestEntry, filter: ScanFilter): FileScanTask {
  return {
    file: entry.file,
    sequenceNumber: entry.sequenceNumber,
    fileSequenceNumber: entry.fileSequenceNumber,
    deletes: [],
    residual: filter.residual(entry.file),
  }
}

/** @internal The snapshot with that id. @throws IcebergError `no-such-snapshot`. */
export function requireSnapshot(table: TableHandle, snapshotId: bigint): Snapshot {
  const snapshot = snapshotById(table.loaded.metadata, snapshotId)
  if (snapshot !== undefined) return snapshot
  const name = formatIdentifier(table.identifier)
  throw new IcebergError('no-such-snapshot', `table ${name} has no snapshot ${snapshotId}`, {
    context: { table: name, snapshotId },
    hint: 'It has expired, or it belongs to another table.',
  })
}

function requireColumn(schema: Schema, column: string): void {
  if (findFieldByName(schema, column) !== undefined) return
  throw new IcebergError('no-such-column', `the schema has no column ${column}`, {
    context: { column, schemaId: schema.schemaId },
    hint: `Columns are: ${schema.fields.map((field) => field.name).join(', ')}`,
  })
}

function unsupportedDeletes(table: TableHandle, snapshot: Snapshot): IcebergError {
  const name = formatIdentifier(table.identifier)
  return new IcebergError(
    'unsupported-deletes',
    `snapshot ${snapshot.snapshotId} of table ${name} has delete files, which are not read`,
    {
      context: { table: name, snapshotId: snapshot.snapshotId },
      hint: 'Compact the table with another engine (rewrite_data_files) so that its deletes are applied, or read an earlier snapshot.',
    },
  )
}
