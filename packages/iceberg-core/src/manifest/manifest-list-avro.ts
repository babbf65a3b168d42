import { listOf, optionalField, requiredField } from '../avro/avro-schema.ts'
import type { FieldNames } from '../avro/avro-decoder.ts'
import type { JsonObject } from '../json/json-value.ts'

/** Field ids of manifest lists. @see https://iceberg.apache.org/spec/#manifest-lists */
export const listField = {
  path: 500,
  length: 501,
  specId: 502,
  addedSnapshotId: 503,
  addedFiles: 504,
  existingFiles: 505,
  deletedFiles: 506,
  partitions: 507,
  containsNull: 509,
  lowerBound: 510,
  upperBound: 511,
  addedRows: 512,
  existingRows: 513,
  deletedRows: 514,
  sequenceNumber: 515,
  minSequenceNumber: 516,
  content: 517,
  containsNaN: 518,
  keyMetadata: 519,
  firstRowId: 520,
} as const

/** Files without field ids are read by these names, the older ones of the counts included. */
export const listNames: FieldNames = {
  manifest_path: { id: listField.path },
  manifest_length: { id: listField.length },
  partition_spec_id: { id: listField.specId },
  content: { id: listField.content },
  sequence_number: { id: listField.sequenceNumber },
  min_sequence_number: { id: listField.minSequenceNumber },
  added_snapshot_id: { id: listField.addedSnapshotId },
  added_files_count: { id: listField.addedFiles },
  existing_files_count: { id: listField.existingFiles },
  deleted_files_count: { id: listField.deletedFiles },
  added_data_files_count: { id: listField.addedFiles },
  existing_data_files_count: { id: listField.existingFiles },
  deleted_data_files_count: { id: listField.deletedFiles },
  added_rows_count: { id: listField.addedRows },
  existing_rows_count: { id: listField.existingRows },
  deleted_rows_count: { id: listField.deletedRows },
  partitions: {
    id: listField.partitions,
    children: {
      contains_null: { id: listField.containsNull },
      contains_nan: { id: listField.containsNaN },
      lower_bound: { id: listField.lowerBound },
      upper_bound: { id: listField.upperBound },
    },
  },
  key_metadata: { id: listField.keyMetadata },
  first_row_id: { id: listField.firstRowId },
}

/** The Avro schema of a manifest list of format version 2 or 3. */
export function listSchema(formatVersion: 2 | 3): JsonObject {
  const f = listField
  return {
    type: 'record',
    name: 'manifest_file',
    fields: [
      requiredField(f.path, 'manifest_path', 'string'),
      requiredField(f.length, 'manifest_length', 'long'),
      requiredField(f.specId, 'partition_spec_id', 'int'),
      requiredField(f.content, 'content', 'int'),
      requiredField(f.sequenceNumber, 'sequence_number', 'long'),
      requiredField(f.minSequenceNumber, 'min_sequence_number', 'long'),
      requiredField(f.addedSnapshotId, 'added_snapshot_id', 'long'),
      requiredField(f.addedFiles, 'added_files_count', 'int'),
      requiredField(f.existingFiles, 'existing_files_count', 'int'),
      requiredField(f.deletedFiles, 'deleted_files_count', 'int'),
      requiredField(f.addedRows, 'added_rows_count', 'long'),
      requiredField(f.existingRows, 'existing_rows_count', 'long'),
      requiredField(f.deletedRows, 'deleted_rows_count', 'long'),
      optionalField(
        f.partitions,
        'partitions',
        listOf(508, {
          type: 'record',
          name: 'r508',
          fields: [
            requiredField(f.containsNull, 'contains_null', 'boolean'),
            optionalField(f.containsNaN, 'contains_nan', 'boolean'),
            optionalField(f.lowerBound, 'lower_bound', 'bytes'),
            optionalField(f.upperBound, 'upper_bound', 'bytes'),
          ],
        }),
      ),
      optionalField(f.keyMetadata, 'key_metadata', 'bytes'),
      ...(formatVersion >= 3 ? [optionalField(f.firstRowId, 'first_row_id', 'long')] : []),
    ],
  }
}
