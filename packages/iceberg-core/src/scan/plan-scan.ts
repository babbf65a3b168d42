import { IcebergError } from '../errors.ts'
import type { Expression } from '../expression/expression.ts'
import type { ManifestEntry } from '../manifest/manifest-entry.ts'
import { openManifests } from '../manifest/open-manifests.ts'
import { mainBranch, type Snapshot } from '../metadata/snapshot.ts'
import {
  currentSchema,
  currentSnapshot,
  snapshotById,
  snapshotByRef,
  type TableMetadata,
} from '../metadata/table-metadata.ts'
import { formatIdentifier } from '../port/catalog.ts'
import type { TableHandle } from '../port/table-handle.ts'
import * as metadataColumns from '../schema/metadata-columns.ts'
import { findFieldByName, type Schema } from '../schema/schema.ts'
import type { DeleteFileIndex } from './delete-file-index.ts'
import type { FileScanTask } from './file-scan-task.ts'
import { ScanFilter } from './scan-filter.ts'
import { readDeletes, snapshotManifests, wrongContent } from './snapshot-manifests.ts'

/** Names that a reader takes for what the table's metadata says of a row, where the table has no such column. */
const metadataColumnNames: ReadonlySet<string> = new Set([
  metadataColumns.fileColumn.name,
  metadataColumns.positionColumn.name,
  metadataColumns.deletedColumn.name,
  metadataColumns.specIdColumn.name,
  metadataColumns.partitionColumn({ kind: 'struct', fields: [] }).name,
  metadataColumns.rowIdColumn.name,
  metadataColumns.lastUpdatedSequenceNumberColumn.name,
])

export interface ScanOptions {
  /** The current snapshot when neither it nor {@link ref} is given. */
  readonly snapshotId?: bigint | undefined
  /** A branch or tag, whose snapshot is read. */
  readonly ref?: string | undefined
  /** Columns that are to be read, as dotted paths: checked here, so that a mistake shows before any file is opened. */
  readonly columns?: readonly string[] | undefined
  readonly filter?: Expression | undefined
  /** False when the column metrics of the tasks' files are not needed: they may be missing then. */
  readonly stats?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** Which snapshot of a table is meant: by id, or by the branch or tag that names it. */
export type SnapshotChoice = Pick<ScanOptions, 'snapshotId' | 'ref'>

/**
 * The files of a snapshot that may hold rows passing the filter, in manifest order, each with the delete files that
 * apply to it. Delete manifests are read before the first task, data manifests as the tasks are pulled. A table without
 * a snapshot has none.
 *
 * The filter is tied to the schema of {@link scanSchema}.
 *
 * @throws IcebergError `no-such-snapshot`, `no-such-column`, `invalid-argument`, `malformed-manifest`.
 * @see https://iceberg.apache.org/spec/#scan-planning
 */
export async function* planScan(
  table: TableHandle,
  options: ScanOptions = {},
): AsyncGenerator<FileScanTask, void, undefined> {
  const { io } = table
  const { metadata } = table.loaded
  const { signal } = options
  const snapshot = chosenSnapshot(table, options)
  const schema = scanSchema(metadata, options)
  for (const column of options.columns ?? []) requireColumn(schema, column)
  const filter = new ScanFilter(metadata, schema, options.filter)
  if (snapshot === undefined) return
  const manifests = await snapshotManifests(io, snapshot, { metadata, signal })
  const deletes = await readDeletes(io, manifests.deletes, { metadata, filter, signal })
  // Which equality deletes apply is decided by metrics, too.
  const stats = options.stats !== false || deletes.size > 0
  const matching = manifests.data.filter((manifest) => filter.mightMatchManifest(manifest))
  for (const { manifest, pages } of openManifests(io, matching, { metadata, signal })) {
    for await (const page of pages({ ...filter.selection(manifest.specId), live: true, stats })) {
      for (const entry of page) {
        if (entry.file.content !== 'data') throw wrongContent(manifest, 'data', entry.file.filePath)
        signal?.throwIfAborted()
        yield scanTask(entry, filter, deletes)
      }
    }
  }
}

/**
 * The schema a scan reads with: the snapshot's own when one is named by its id or by a tag, the table's current one
 * otherwise, so for branches too.
 */
export function scanSchema(metadata: TableMetadata, choice: SnapshotChoice | bigint | undefined): Schema {
  const { snapshotId, ref } = typeof choice === 'object' ? choice : { snapshotId: choice, ref: undefined }
  const tag = ref !== undefined && Object.hasOwn(metadata.refs, ref) && metadata.refs[ref]?.type === 'tag'
  const id = tag ? metadata.refs[ref]?.snapshotId : snapshotId
  const snapshot = id === undefined ? undefined : snapshotById(metadata, id)
  const own = metadata.schemas.find((schema) => schema.schemaId === snapshot?.schemaId)
  return own ?? currentSchema(metadata)
}

/** @internal */
export function scanTask(entry: ManifestEntry, filter: ScanFilter, deletes: DeleteFileIndex | undefined): FileScanTask {
  return {
    file: entry.file,
    sequenceNumber: entry.sequenceNumber,
    fileSequenceNumber: entry.fileSequenceNumber,
    deletes: deletes?.forFile(entry) ?? [],
    residual: filter.residual(entry.file),
  }
}

/** The snapshot that is meant; `undefined` when none is named and the table has none. */
function chosenSnapshot(table: TableHandle, { snapshotId, ref }: SnapshotChoice): Snapshot | undefined {
  const { metadata } = table.loaded
  if (ref === undefined) {
    return snapshotId === undefined ? currentSnapshot(metadata) : requireSnapshot(table, snapshotId)
  }
  const name = formatIdentifier(table.identifier)
  if (snapshotId !== undefined) {
    throw new IcebergError('invalid-argument', `a scan of table ${name} is of a snapshot or of a ref, not of both`, {
      context: { table: name, snapshotId, ref },
    })
  }
  const snapshot = snapshotByRef(metadata, ref)
  if (snapshot !== undefined) return snapshot
  // The main branch is there before anything was written to it.
  if (ref === mainBranch && currentSnapshot(metadata) === undefined) return undefined
  throw new IcebergError('no-such-snapshot', `table ${name} has no branch or tag ${ref}`, {
    context: { table: name, ref },
    hint: `Branches and tags are: ${Object.keys(metadata.refs).join(', ')}`,
  })
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
  if (metadataColumnNames.has(column) || findFieldByName(schema, column) !== undefined) return
  throw new IcebergError('no-such-column', `the schema has no column ${column}`, {
    context: { column, schemaId: schema.schemaId },
    hint: `Columns are: ${schema.fields.map((field) => field.name).join(', ')}`,
  })
}
