import type { DecodedRecord } from '../avro/avro-decoder.ts'
import { headerText, openAvroFile } from '../avro/avro-reader.ts'
import { damaged } from '../avro/cursor.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { FileIO } from '../port/file-io.ts'
import { entryField, entryNames } from './manifest-avro.ts'
import type { FieldSummary, ManifestFile } from './manifest-file.ts'
import { listField, listNames } from './manifest-list-avro.ts'
import { recordFields } from './record-fields.ts'

/**
 * The manifests of a snapshot, in list order. A version 1 snapshot that lists its manifests inline is understood.
 *
 * @throws IcebergError `malformed-manifest` naming file and position; `not-found`.
 */
export async function readManifestList(
  io: FileIO,
  snapshot: Snapshot,
  options: { readonly metadata: TableMetadata; readonly signal?: AbortSignal | undefined },
): Promise<ManifestFile[]> {
  if (snapshot.manifests !== undefined) {
    return await Promise.all(snapshot.manifests.map((path) => inlineManifest(io, path, snapshot, options)))
  }
  const file = await openAvroFile(io, snapshot.manifestList, { signal: options.signal })
  const manifests: ManifestFile[] = []
  for await (const manifest of file.records(listNames, fromRecord)) {
    options.signal?.throwIfAborted()
    manifests.push(manifest)
  }
  return manifests
}

function fromRecord(record: DecodedRecord): ManifestFile {
  const fields = recordFields(record)
  const f = listField
  const addedFilesCount = fields.optionalInt(f.addedFiles)
  const existingFilesCount = fields.optionalInt(f.existingFiles)
  const deletedFilesCount = fields.optionalInt(f.deletedFiles)
  const addedRowsCount = fields.optionalLong(f.addedRows)
  const existingRowsCount = fields.optionalLong(f.existingRows)
  const deletedRowsCount = fields.optionalLong(f.deletedRows)
  const partitions = fields.optionalArray(f.partitions)?.map(fieldSummary)
  const keyMetadata = fields.optionalBytes(f.keyMetadata)
  const firstRowId = fields.optionalLong(f.firstRowId)
  const content = fields.optionalInt(f.content) ?? 0
  if (content !== 0 && content !== 1) {
    throw damaged(`${content} is not the content of a manifest`)
  }
  return {
    path: fields.string(f.path),
    lengthBytes: fields.long(f.length),
    specId: fields.int(f.specId),
    content: content === 0 ? 'data' : 'deletes',
    sequenceNumber: fields.optionalLong(f.sequenceNumber) ?? 0n,
    minSequenceNumber: fields.optionalLong(f.minSequenceNumber) ?? 0n,
    addedSnapshotId: fields.optionalLong(f.addedSnapshotId) ?? -1n,
    ...(addedFilesCount === undefined ? {} : { addedFilesCount }),
    ...(existingFilesCount === undefined ? {} : { existingFilesCount }),
    ...(deletedFilesCount === undefined ? {} : { deletedFilesCount }),
    ...(addedRowsCount === undefined ? {} : { addedRowsCount }),
    ...(existingRowsCount === undefined ? {} : { existingRowsCount }),
    ...(deletedRowsCount === undefined ? {} : { deletedRowsCount }),
    ...(partitions === undefined ? {} : { partitions }),
    ...(keyMetadata === undefined ? {} : { keyMetadata }),
    ...(firstRowId === undefined ? {} : { firstRowId }),
  }
}

function fieldSummary(value: unknown): FieldSummary {
  if (!(value instanceof Map)) throw damaged('a partition summary is not a record')
  const fields = recordFields(value)
  const containsNaN = fields.optionalBoolean(listField.containsNaN)
  const lowerBound = fields.optionalBytes(listField.lowerBound)
  const upperBound = fields.optionalBytes(listField.upperBound)
  return {
    containsNull: fields.boolean(listField.containsNull),
    ...(containsNaN === undefined ? {} : { containsNaN }),
    ...(lowerBound === undefined ? {} : { lowerBound }),
    ...(upperBound === undefined ? {} : { upperBound }),
  }
}

/** Without a list, the manifest itself says which spec it follows, and its first entry which snapshot added it. */
async function inlineManifest(
  io: FileIO,
  path: string,
  snapshot: Snapshot,
  options: { readonly metadata: TableMetadata; readonly signal?: AbortSignal | undefined },
): Promise<ManifestFile> {
  const { sizeBytes } = await io.stat(path, { signal: options.signal })
  const file = await openAvroFile(io, path, { sizeBytes, signal: options.signal })
  const declared = Number(headerText(file.metadata, 'partition-spec-id') ?? 0)
  const spec = options.metadata.partitionSpecs.find((candidate) => candidate.specId === declared)
  let addedSnapshotId = snapshot.snapshotId
  const names = entryNames(spec ?? { specId: declared, fields: [] })
  for await (const id of file.records(names, (record) => recordFields(record).optionalLong(entryField.snapshotId))) {
    addedSnapshotId = id ?? addedSnapshotId
    break
  }
  return {
    path,
    lengthBytes: BigInt(sizeBytes),
    specId: declared,
    content: 'data',
    sequenceNumber: 0n,
    minSequenceNumber: 0n,
    addedSnapshotId,
  }
}
