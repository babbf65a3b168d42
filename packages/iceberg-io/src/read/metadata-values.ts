import { type ColumnBuilder, columnBuilder } from '@icebridge/columnar'
import {
  deletedColumn,
  fileColumn,
  type FileScanTask,
  lastUpdatedSequenceNumberColumn,
  type NestedField,
  partitionColumn,
  partitionColumnId,
  partitionTypes,
  type PartitionValue,
  positionColumn,
  rowIdColumn,
  specById,
  specIdColumn,
  type StructType,
  type TableMetadata,
} from '@icebridge/iceberg-core'
import type { Data } from 'apache-arrow'
import { columnFieldOf } from '../column-fields.ts'
import { appendValue } from './append-value.ts'

/** The columns that are read of every table that has none of their own by that name. */
export function metadataColumns(metadata: TableMetadata): readonly NestedField[] {
  return [
    fileColumn,
    positionColumn,
    deletedColumn,
    specIdColumn,
    partitionColumn(unifiedPartition(metadata)),
    rowIdColumn,
    lastUpdatedSequenceNumberColumn,
  ]
}

/**
 * The fields of all of a table's specs, by ascending field id. A field that a later version 1 spec makes void keeps what
 * it was. Fields without a known type are left out.
 *
 * @see https://iceberg.apache.org/spec/#partition-statistics
 */
export function unifiedPartition(metadata: TableMetadata): StructType {
  const fields = new Map<number, NestedField & { readonly isVoid: boolean }>()
  for (const spec of metadata.partitionSpecs.toSorted((a, b) => b.specId - a.specId)) {
    const types = partitionTypes(metadata, spec)
    for (const [index, { fieldId, name, transform }] of spec.fields.entries()) {
      const type = types[index]
      const known = fields.get(fieldId)
      const isVoid = transform.kind === 'void'
      if (type === undefined || (known !== undefined && (isVoid || !known.isVoid))) continue
      fields.set(fieldId, { id: fieldId, name: known?.name ?? name, required: false, type, isVoid })
    }
  }
  const ordered = [...fields.values()].toSorted((a, b) => a.id - b.id)
  return { kind: 'struct', fields: ordered.map(({ id, name, required, type }) => ({ id, name, required, type })) }
}

/** What every row of a task's file has in metadata columns. */
export class ConstantColumns {
  readonly #task: Pick<FileScanTask, 'file'>
  readonly #metadata: TableMetadata
  readonly #made = new Map<NestedField, Data>()

  constructor(task: Pick<FileScanTask, 'file'>, metadata: TableMetadata) {
    this.#task = task
    this.#metadata = metadata
  }

  /** The column for so many rows; batches share its memory. */
  data(field: NestedField, rows: number): Data {
    const known = this.#made.get(field)
    if (known !== undefined && known.length >= rows) return known.slice(0, rows)
    const builder = columnBuilder(columnFieldOf(field), { initialRows: rows })
    const append = constantOf(field, builder, this.#task, this.#metadata)
    for (let row = 0; row < rows; row++) append()
    const made = builder.finish()
    this.#made.set(field, made)
    return made
  }
}

function constantOf(
  field: NestedField,
  builder: ColumnBuilder,
  { file }: Pick<FileScanTask, 'file'>,
  metadata: TableMetadata,
): () => void {
  if (field.id === fileColumn.id) return () => appendValue(builder, file.filePath)
  if (field.id === specIdColumn.id) return () => appendValue(builder, file.specId)
  if (field.id !== partitionColumnId || builder.kind !== 'struct') throw new TypeError(`${field.name} is no constant`)
  const ids =
    typeof field.type === 'object' && field.type.kind === 'struct' ? field.type.fields.map(({ id }) => id) : []
  const values = new Map<number, PartitionValue>()
  for (const [index, { fieldId, transform }] of specById(metadata, file.specId).fields.entries()) {
    if (transform.kind !== 'void') values.set(fieldId, file.partition[index] ?? null)
  }
  return () => {
    for (const [index, child] of builder.children.entries()) appendValue(child, values.get(ids[index] ?? -1) ?? null)
    builder.append()
  }
}
