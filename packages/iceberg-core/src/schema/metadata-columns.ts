import type { NestedField, StructType } from './type.ts'

/** Field ids above this are reserved for metadata columns. @see https://iceberg.apache.org/spec/#reserved-field-ids */
export const highestTableFieldId = 2_147_483_447

/** The file in which a row is stored, as its `file_path` stands in the manifest. */
export const fileColumn: NestedField = {
  id: 2_147_483_646,
  name: '_file',
  required: true,
  type: 'string',
  doc: 'Path of the file in which a row is stored',
}

/** The row's position in its file, from 0. */
export const positionColumn: NestedField = {
  id: 2_147_483_645,
  name: '_pos',
  required: true,
  type: 'long',
  doc: 'Ordinal position of a row in the source data file',
}

/** Whether the row has been deleted. */
export const deletedColumn: NestedField = {
  id: 2_147_483_644,
  name: '_deleted',
  required: true,
  type: 'boolean',
  doc: 'Whether the row has been deleted',
}

/** The partition spec that the row's file follows. */
export const specIdColumn: NestedField = {
  id: 2_147_483_643,
  name: '_spec_id',
  required: true,
  type: 'int',
  doc: 'Spec ID used to track the file containing a row',
}

/** Field id of {@link partitionColumn}. */
export const partitionColumnId = 2_147_483_642

/** The row's partition; its type is a struct of the fields of the table's specs. */
export function partitionColumn(type: StructType): NestedField {
  return {
    id: partitionColumnId,
    name: '_partition',
    required: false,
    type,
    doc: 'Partition to which a row belongs',
  }
}

/** In position delete files: the data file that the deleted row is in. */
export const deleteFilePathColumn: NestedField = {
  id: 2_147_483_546,
  name: 'file_path',
  required: true,
  type: 'string',
  doc: 'Path of a file in which a deleted row is stored',
}

/** In position delete files: the position of the deleted row, from 0. */
export const deletePositionColumn: NestedField = {
  id: 2_147_483_545,
  name: 'pos',
  required: true,
  type: 'long',
  doc: 'Ordinal position of a deleted row in the data file',
}

/** Field id of {@link deleteRowColumn}. */
export const deleteRowColumnId = 2_147_483_544

/** In position delete files, where the column is either absent or required: the values of the deleted row. */
export function deleteRowColumn(type: StructType): NestedField {
  return { id: deleteRowColumnId, name: 'row', required: true, type, doc: 'Deleted row values' }
}

/** What happened to the row: INSERT, DELETE, UPDATE_BEFORE or UPDATE_AFTER. */
export const changeTypeColumn: NestedField = {
  id: 2_147_483_543,
  name: '_change_type',
  required: true,
  type: 'string',
  doc: 'Record type in changelog',
}

/** The place of the change's snapshot in the range that is read, from 0. */
export const changeOrdinalColumn: NestedField = {
  id: 2_147_483_542,
  name: '_change_ordinal',
  required: true,
  type: 'int',
  doc: 'Change ordinal in changelog',
}

/** The snapshot in which the change was committed. */
export const commitSnapshotIdColumn: NestedField = {
  id: 2_147_483_541,
  name: '_commit_snapshot_id',
  required: true,
  type: 'long',
  doc: 'Commit snapshot ID',
}

/** Row lineage, format version 3: the row's own id, kept when the row moves to another file. */
export const rowIdColumn: NestedField = {
  id: 2_147_483_540,
  name: '_row_id',
  required: false,
  type: 'long',
  doc: 'Implicit row ID that is automatically assigned',
}

/** Row lineage, format version 3: the sequence number of the commit that last changed the row. */
export const lastUpdatedSequenceNumberColumn: NestedField = {
  id: 2_147_483_539,
  name: '_last_updated_sequence_number',
  required: false,
  type: 'long',
  doc: 'Sequence number when the row was last updated',
}
