import { AvroWriter } from '../avro/avro-writer.ts'
import { IcebergError } from '../errors.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { FileIO } from '../port/file-io.ts'
import type { FieldSummary, ManifestFile } from './manifest-file.ts'
import { manifestCodec } from './manifest-codec.ts'
import { listSchema } from './manifest-list-avro.ts'
import { type NewManifest, version1 } from './write-manifest.ts'

/** The snapshot that a manifest list is written for. */
export interface SnapshotToWrite {
  readonly snapshotId: bigint
  readonly parentSnapshotId: bigint | undefined
  readonly sequenceNumber: bigint
}

/** What format version 3 needs to know of a written list. */
export interface WrittenManifestList {
  readonly manifests: readonly ManifestFile[]
  readonly firstRowId?: bigint
  /** Rows that were given ids, at most. */
  readonly addedRows?: bigint
}

/**
 * Writes a manifest list. New manifests get the snapshot's sequence number; in format version 3 every data manifest
 * without a first row id gets the next one.
 *
 * @see https://iceberg.apache.org/spec/#first-row-id-assignment
 */
export async function writeManifestList(
  io: FileIO,
  path: string,
  options: {
    readonly metadata: TableMetadata
    readonly snapshot: SnapshotToWrite
    readonly manifests: readonly (ManifestFile | NewManifest)[]
    readonly signal?: AbortSignal | undefined
  },
): Promise<WrittenManifestList> {
  const { metadata, snapshot } = options
  const { formatVersion } = metadata
  if (formatVersion === 1) throw version1(metadata)
  const firstRowId = formatVersion >= 3 ? (metadata.nextRowId ?? 0n) : undefined
  let nextRowId = firstRowId
  const manifests = options.manifests.map((manifest) => {
    const numbered = withSequenceNumbers(manifest, snapshot.sequenceNumber)
    if (nextRowId === undefined || numbered.content !== 'data' || numbered.firstRowId !== undefined) return numbered
    const withId = { ...numbered, firstRowId: nextRowId }
    nextRowId += rowsToNumber(manifest)
    return withId
  })
  const writer = await AvroWriter.create(io, path, {
    schema: listSchema(formatVersion),
    metadata: {
      'snapshot-id': String(snapshot.snapshotId),
      'parent-snapshot-id': String(snapshot.parentSnapshotId ?? null),
      'sequence-number': String(snapshot.sequenceNumber),
      ...(firstRowId === undefined ? {} : { 'first-row-id': String(firstRowId) }),
      'format-version': String(formatVersion),
    },
    codec: manifestCodec(metadata.properties),
    signal: options.signal,
  })
  try {
    for (const manifest of manifests) await writer.write(toAvro(manifest))
    await writer.close()
  } catch (cause) {
    await writer.abort()
    throw cause
  }
  if (firstRowId === undefined || nextRowId === undefined) return { manifests }
  return { manifests, firstRowId, addedRows: nextRowId - firstRowId }
}

function withSequenceNumbers(manifest: ManifestFile | NewManifest, sequenceNumber: bigint): ManifestFile {
  if (!('inherits' in manifest)) return manifest
  const { inherits, minExplicitSequenceNumber, rowsWithoutIds: _, ...rest } = manifest
  const minSequenceNumber =
    minExplicitSequenceNumber === undefined || (inherits && sequenceNumber < minExplicitSequenceNumber)
      ? sequenceNumber
      : minExplicitSequenceNumber
  return { ...rest, sequenceNumber, minSequenceNumber }
}

/** Of a manifest of an earlier snapshot it is not known which rows have ids already: all are counted. */
function rowsToNumber(manifest: ManifestFile | NewManifest): bigint {
  if ('inherits' in manifest) return manifest.rowsWithoutIds
  return (manifest.addedRowsCount ?? 0n) + (manifest.existingRowsCount ?? 0n)
}

function toAvro(manifest: ManifestFile): Readonly<Record<string, unknown>> {
  return {
    manifest_path: manifest.path,
    manifest_length: manifest.lengthBytes,
    partition_spec_id: manifest.specId,
    content: manifest.content === 'data' ? 0 : 1,
    sequence_number: manifest.sequenceNumber,
    min_sequence_number: manifest.minSequenceNumber,
    added_snapshot_id: manifest.addedSnapshotId,
    added_files_count: known(manifest, manifest.addedFilesCount),
    existing_files_count: known(manifest, manifest.existingFilesCount),
    deleted_files_count: known(manifest, manifest.deletedFilesCount),
    added_rows_count: known(manifest, manifest.addedRowsCount),
    existing_rows_count: known(manifest, manifest.existingRowsCount),
    deleted_rows_count: known(manifest, manifest.deletedRowsCount),
    partitions: manifest.partitions?.map(summaryToAvro) ?? null,
    key_metadata: manifest.keyMetadata === undefined ? null : Buffer.from(manifest.keyMetadata),
    first_row_id: manifest.firstRowId ?? null,
  }
}

function summaryToAvro(summary: FieldSummary): Readonly<Record<string, unknown>> {
  return {
    contains_null: summary.containsNull,
    contains_nan: summary.containsNaN ?? null,
    lower_bound: summary.lowerBound === undefined ? null : Buffer.from(summary.lowerBound),
    upper_bound: summary.upperBound === undefined ? null : Buffer.from(summary.upperBound),
  }
}

/** A missing count means "some", so writing 0 in its place would lose files: `countManifest` fills it in first. */
function known<T>(manifest: ManifestFile, count: T | undefined): T {
  if (count !== undefined) return count
  throw new IcebergError('invalid-argument', `manifest ${manifest.path} has no file counts`, {
    context: { file: manifest.path },
  })
}
