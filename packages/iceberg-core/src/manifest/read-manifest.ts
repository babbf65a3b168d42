import { fieldIdOf, type DecodedRecord } from '../avro/avro-decoder.ts'
import { openAvroFile } from '../avro/avro-reader.ts'
import { IcebergError } from '../errors.ts'
import type { JsonValue } from '../json/json-value.ts'
import { isJsonArray, isJsonObject } from '../json/lossless-json.ts'
import { specById, type TableMetadata } from '../metadata/table-metadata.ts'
import type { PartitionSpec } from '../partition/partition-spec.ts'
import type { FileIO } from '../port/file-io.ts'
import type { PartitionValue } from '../value/value.ts'
import type { DataFile, FileContent, FileFormat } from './data-file.ts'
import { entryField, entryNames, mapIds } from './manifest-avro.ts'
import type { EntryStatus, ManifestEntry } from './manifest-entry.ts'
import type { ManifestFile } from './manifest-file.ts'
import { type PartitionFieldType, partitionTypes } from './partition-type.ts'
import { partitionValueFromAvro } from './partition-value-avro.ts'
import { recordFields } from './record-fields.ts'

/**
 * The entries of a manifest of any format version, in file order, deleted ones included, pulled as they are needed.
 *
 * Sequence numbers, snapshot id and first row id that an entry does not have are inherited from `manifest`, which is
 * what the manifest list says. The file's own key-value metadata is not needed: it may be missing.
 *
 * @throws IcebergError `malformed-manifest` naming file and position; `not-found`.
 * @see https://iceberg.apache.org/spec/#sequence-number-inheritance
 */
export async function* readManifest(
  io: FileIO,
  manifest: ManifestFile,
  options: { readonly metadata: TableMetadata; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<ManifestEntry, void, undefined> {
  const spec = specById(options.metadata, manifest.specId)
  const file = await openAvroFile(io, manifest.path, { signal: options.signal })
  const names = entryNames(spec)
  const partition = partitionReader(spec, partitionTypes(options.metadata, spec), file.schema)
  let nextRowId = manifest.firstRowId
  for await (const record of file.records(names)) {
    options.signal?.throwIfAborted()
    const entry = readEntry(record, manifest, partition)
    const { file: dataFile } = entry
    if (nextRowId !== undefined && dataFile.content === 'data' && dataFile.firstRowId === undefined) {
      // Every file without an id takes the next ones, deleted entries excepted: they no longer have rows.
      if (entry.status !== 'deleted') {
        yield { ...entry, file: { ...dataFile, firstRowId: nextRowId } }
        nextRowId += dataFile.recordCount
        continue
      }
    }
    yield entry
  }
}

type ReadPartition = (record: DecodedRecord) => PartitionValue[]

function readEntry(record: DecodedRecord, manifest: ManifestFile, partition: ReadPartition): ManifestEntry {
  const entry = recordFields(record, manifest.path)
  const status = statusOf(entry.int(entryField.status))
  const own = entry.optionalLong(entryField.sequenceNumber)
  const ownFile = entry.optionalLong(entryField.fileSequenceNumber)
  // Only added files inherit; version 1 has no numbers at all and its manifests have sequence number 0.
  const inherited = status === 'added' || manifest.sequenceNumber === 0n ? manifest.sequenceNumber : undefined
  const sequenceNumber = own ?? inherited
  if (sequenceNumber === undefined) {
    throw new IcebergError('malformed-manifest', `${manifest.path}: a file that is not new has no sequence number`, {
      context: { file: manifest.path },
    })
  }
  return {
    status,
    snapshotId: entry.optionalLong(entryField.snapshotId) ?? manifest.addedSnapshotId,
    sequenceNumber,
    // Some writers of version 2 leave it out for existing files; it is then no lower than the data sequence number.
    fileSequenceNumber: ownFile ?? inherited ?? sequenceNumber,
    file: readDataFile(entry.record(entryField.dataFile), manifest, partition),
  }
}

function readDataFile(record: DecodedRecord, manifest: ManifestFile, partition: ReadPartition): DataFile {
  const fields = recordFields(record, manifest.path)
  const f = entryField
  const keyMetadata = fields.optionalBytes(f.keyMetadata)
  const splitOffsets = fields.optionalLongs(f.splitOffsets)
  const equalityIds = fields.optionalInts(f.equalityIds)
  const sortOrderId = fields.optionalInt(f.sortOrderId)
  const firstRowId = fields.optionalLong(f.firstRowId)
  const referencedDataFile = fields.optionalString(f.referencedDataFile)
  const contentOffset = fields.optionalLong(f.contentOffset)
  const contentSizeBytes = fields.optionalLong(f.contentSize)
  const columnSizes = fields.optionalIntMap(f.columnSizes, mapIds, asBigInt)
  const valueCounts = fields.optionalIntMap(f.valueCounts, mapIds, asBigInt)
  const nullValueCounts = fields.optionalIntMap(f.nullValueCounts, mapIds, asBigInt)
  const nanValueCounts = fields.optionalIntMap(f.nanValueCounts, mapIds, asBigInt)
  const lowerBounds = fields.optionalIntMap(f.lowerBounds, mapIds, asBytes)
  const upperBounds = fields.optionalIntMap(f.upperBounds, mapIds, asBytes)
  return {
    content: contentOf(fields.optionalInt(f.content) ?? 0),
    filePath: fields.string(f.filePath),
    fileFormat: formatOf(fields.string(f.fileFormat), manifest),
    specId: manifest.specId,
    partition: partition(fields.record(f.partition)),
    recordCount: fields.long(f.recordCount),
    fileSizeBytes: fields.long(f.fileSize),
    ...(columnSizes === undefined ? {} : { columnSizes }),
    ...(valueCounts === undefined ? {} : { valueCounts }),
    ...(nullValueCounts === undefined ? {} : { nullValueCounts }),
    ...(nanValueCounts === undefined ? {} : { nanValueCounts }),
    ...(lowerBounds === undefined ? {} : { lowerBounds }),
    ...(upperBounds === undefined ? {} : { upperBounds }),
    ...(keyMetadata === undefined ? {} : { keyMetadata }),
    ...(splitOffsets === undefined ? {} : { splitOffsets }),
    ...(equalityIds === undefined ? {} : { equalityIds }),
    ...(sortOrderId === undefined ? {} : { sortOrderId }),
    ...(firstRowId === undefined ? {} : { firstRowId }),
    ...(referencedDataFile === undefined ? {} : { referencedDataFile }),
    ...(contentOffset === undefined ? {} : { contentOffset }),
    ...(contentSizeBytes === undefined ? {} : { contentSizeBytes }),
  }
}

/**
 * Reads partition tuples in the order of the spec: by field id or name where the file's record has them all, else by
 * position, as version 1 files may carry other ids.
 */
function partitionReader(spec: PartitionSpec, types: readonly PartitionFieldType[], schema: JsonValue): ReadPartition {
  const ids = partitionFieldIds(schema, entryNames(spec)['data_file']?.children?.['partition']?.children ?? {})
  const matched = spec.fields.every((field) => ids.includes(field.fieldId))
  return (record) =>
    spec.fields.map((field, index) =>
      partitionValueFromAvro(types[index], record.get(matched ? field.fieldId : (ids[index] ?? field.fieldId))),
    )
}

function partitionFieldIds(schema: JsonValue, names: Parameters<typeof fieldIdOf>[1]): number[] {
  const partition = fieldType(fieldType(schema, 'data_file', entryField.dataFile), 'partition', entryField.partition)
  const fields = isJsonObject(partition) ? (partition['fields'] ?? null) : null
  if (!isJsonArray(fields)) return []
  return fields.map((field, index) => (isJsonObject(field) ? fieldIdOf(field, names, index) : -1 - index))
}

function fieldType(schema: JsonValue, name: string, id: number): JsonValue {
  const fields = isJsonObject(schema) ? (schema['fields'] ?? null) : null
  if (!isJsonArray(fields)) return null
  const field = fields.find(
    (candidate) => isJsonObject(candidate) && (candidate['field-id'] === id || candidate['name'] === name),
  )
  return isJsonObject(field ?? null) ? ((field as { readonly type?: JsonValue }).type ?? null) : null
}

function statusOf(code: number): EntryStatus {
  if (code === 0) return 'existing'
  if (code === 1) return 'added'
  if (code === 2) return 'deleted'
  throw new IcebergError('malformed-manifest', `${code} is not the status of a manifest entry`)
}

function contentOf(code: number): FileContent {
  if (code === 0) return 'data'
  if (code === 1) return 'position-deletes'
  if (code === 2) return 'equality-deletes'
  throw new IcebergError('malformed-manifest', `${code} is not the content of a file`)
}

function formatOf(text: string, manifest: ManifestFile): FileFormat {
  const format = text.toLowerCase()
  if (format === 'parquet' || format === 'avro' || format === 'orc' || format === 'puffin') return format
  throw new IcebergError('malformed-manifest', `${manifest.path}: file format ${text} is not known`, {
    context: { file: manifest.path, format: text },
  })
}

function asBigInt(value: unknown): bigint | undefined {
  return typeof value === 'bigint' ? value : undefined
}

function asBytes(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}
