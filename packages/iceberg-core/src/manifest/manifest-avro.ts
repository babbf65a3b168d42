import { avroName, avroPrimitive, intMapOf, listOf, optionalField, requiredField } from '../avro/avro-schema.ts'
import type { FieldNames } from '../avro/avro-decoder.ts'
import type { JsonObject } from '../json/json-value.ts'
import type { PartitionSpec } from '../partition/partition-spec.ts'
import type { PartitionFieldType } from './partition-type.ts'

/** Field ids of manifest entries. @see https://iceberg.apache.org/spec/#manifests */
export const entryField = {
  status: 0,
  snapshotId: 1,
  dataFile: 2,
  sequenceNumber: 3,
  fileSequenceNumber: 4,
  filePath: 100,
  fileFormat: 101,
  partition: 102,
  recordCount: 103,
  fileSize: 104,
  columnSizes: 108,
  valueCounts: 109,
  nullValueCounts: 110,
  lowerBounds: 125,
  upperBounds: 128,
  keyMetadata: 131,
  splitOffsets: 132,
  content: 134,
  equalityIds: 135,
  nanValueCounts: 137,
  sortOrderId: 140,
  firstRowId: 142,
  referencedDataFile: 143,
  contentOffset: 144,
  contentSize: 145,
} as const

/** Ids of key and value of each metrics map. */
export const mapIds: ReadonlyMap<number, readonly [key: number, value: number]> = new Map([
  [entryField.columnSizes, [117, 118]],
  [entryField.valueCounts, [119, 120]],
  [entryField.nullValueCounts, [121, 122]],
  [entryField.nanValueCounts, [138, 139]],
  [entryField.lowerBounds, [126, 127]],
  [entryField.upperBounds, [129, 130]],
])

/** Files without field ids are read by these names. */
export function entryNames(spec: PartitionSpec): FieldNames {
  const map = (id: number): FieldNames[string] => {
    const [key = 0, value = 0] = mapIds.get(id) ?? []
    return { id, children: { key: { id: key }, value: { id: value } } }
  }
  return {
    status: { id: entryField.status },
    snapshot_id: { id: entryField.snapshotId },
    sequence_number: { id: entryField.sequenceNumber },
    file_sequence_number: { id: entryField.fileSequenceNumber },
    data_file: {
      id: entryField.dataFile,
      children: {
        content: { id: entryField.content },
        file_path: { id: entryField.filePath },
        file_format: { id: entryField.fileFormat },
        partition: {
          id: entryField.partition,
          children: Object.fromEntries(
            spec.fields.flatMap((field) => [
              [field.name, { id: field.fieldId }],
              [avroName(field.name), { id: field.fieldId }],
            ]),
          ),
        },
        record_count: { id: entryField.recordCount },
        file_size_in_bytes: { id: entryField.fileSize },
        column_sizes: map(entryField.columnSizes),
        value_counts: map(entryField.valueCounts),
        null_value_counts: map(entryField.nullValueCounts),
        nan_value_counts: map(entryField.nanValueCounts),
        lower_bounds: map(entryField.lowerBounds),
        upper_bounds: map(entryField.upperBounds),
        key_metadata: { id: entryField.keyMetadata },
        split_offsets: { id: entryField.splitOffsets },
        equality_ids: { id: entryField.equalityIds },
        sort_order_id: { id: entryField.sortOrderId },
        first_row_id: { id: entryField.firstRowId },
        referenced_data_file: { id: entryField.referencedDataFile },
        content_offset: { id: entryField.contentOffset },
        content_size_in_bytes: { id: entryField.contentSize },
      },
    },
  }
}

/** The Avro schema of a manifest of format version 2 or 3. */
export function entrySchema(
  spec: PartitionSpec,
  types: readonly PartitionFieldType[],
  formatVersion: 2 | 3,
): JsonObject {
  const counts = (id: number, name: string): JsonObject => metricsMap(id, name, 'long')
  const bounds = (id: number, name: string): JsonObject => metricsMap(id, name, 'bytes')
  return {
    type: 'record',
    name: 'manifest_entry',
    fields: [
      requiredField(entryField.status, 'status', 'int'),
      optionalField(entryField.snapshotId, 'snapshot_id', 'long'),
      optionalField(entryField.sequenceNumber, 'sequence_number', 'long'),
      optionalField(entryField.fileSequenceNumber, 'file_sequence_number', 'long'),
      requiredField(entryField.dataFile, 'data_file', {
        type: 'record',
        name: 'r2',
        fields: [
          requiredField(entryField.content, 'content', 'int'),
          requiredField(entryField.filePath, 'file_path', 'string'),
          requiredField(entryField.fileFormat, 'file_format', 'string'),
          requiredField(entryField.partition, 'partition', partitionSchema(spec, types)),
          requiredField(entryField.recordCount, 'record_count', 'long'),
          requiredField(entryField.fileSize, 'file_size_in_bytes', 'long'),
          counts(entryField.columnSizes, 'column_sizes'),
          counts(entryField.valueCounts, 'value_counts'),
          counts(entryField.nullValueCounts, 'null_value_counts'),
          counts(entryField.nanValueCounts, 'nan_value_counts'),
          bounds(entryField.lowerBounds, 'lower_bounds'),
          bounds(entryField.upperBounds, 'upper_bounds'),
          optionalField(entryField.keyMetadata, 'key_metadata', 'bytes'),
          optionalField(entryField.splitOffsets, 'split_offsets', listOf(133, 'long')),
          optionalField(entryField.equalityIds, 'equality_ids', listOf(136, 'int')),
          optionalField(entryField.sortOrderId, 'sort_order_id', 'int'),
          ...(formatVersion >= 3 ? [optionalField(entryField.firstRowId, 'first_row_id', 'long')] : []),
          optionalField(entryField.referencedDataFile, 'referenced_data_file', 'string'),
          ...(formatVersion >= 3
            ? [
                optionalField(entryField.contentOffset, 'content_offset', 'long'),
                optionalField(entryField.contentSize, 'content_size_in_bytes', 'long'),
              ]
            : []),
        ],
      }),
    ],
  }
}

function partitionSchema(spec: PartitionSpec, types: readonly PartitionFieldType[]): JsonObject {
  return {
    type: 'record',
    name: 'r102',
    fields: spec.fields.map((field, index) => {
      // A value whose column is gone can only be null here: such a spec is not written to.
      const avroType = avroPrimitive(types[index] ?? 'unknown', `p${field.fieldId}`)
      const name = avroName(field.name)
      const original = name === field.name ? {} : { 'iceberg-field-name': field.name }
      return { ...optionalField(field.fieldId, name, avroType), ...original }
    }),
  }
}

function metricsMap(id: number, name: string, value: string): JsonObject {
  const [keyId = 0, valueId = 0] = mapIds.get(id) ?? []
  return optionalField(id, name, intMapOf(keyId, valueId, value))
}
