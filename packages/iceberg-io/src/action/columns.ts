import { arrowSchema, columnFields, columnView, type ColumnView } from '@icebridge/columnar'
import type { Schema } from '@icebridge/iceberg-core'
import { type Data, type Field, makeData, RecordBatch, Schema as ArrowSchema, Struct } from 'apache-arrow'
import { columnFieldsOf } from '../column-fields.ts'
import { IcebergIoError } from '../errors.ts'

/** A column of a batch with its Arrow field. */
export interface Column {
  readonly field: Field
  readonly data: Data
}

export function batchOfColumns(columns: readonly Column[], length: number): RecordBatch {
  const fields = columns.map(({ field }) => field)
  const children = columns.map(({ data }) => data)
  return new RecordBatch(
    new ArrowSchema(fields),
    makeData({ type: new Struct(fields), length, nullCount: 0, children }),
  )
}

/** The column with that name; `undefined` when the batch has none. */
export function columnNamed(batch: RecordBatch, name: string): Column | undefined {
  const index = batch.schema.fields.findIndex((field) => field.name === name)
  const field = batch.schema.fields[index]
  const data: Data | undefined = batch.data.children[index]
  return field === undefined || data === undefined ? undefined : { field, data }
}

/** The columns with these names that the batch has. */
export function columnsNamed(batch: RecordBatch, names: readonly string[]): readonly Column[] {
  return names.flatMap((name) => columnNamed(batch, name) ?? [])
}

/** Views of the columns with these names, which the batch must have. */
export function viewsOf(batch: RecordBatch, names: readonly string[]): readonly ColumnView[] {
  return names.map((name) =>
    columnView(
      batch,
      batch.schema.fields.findIndex((field) => field.name === name),
    ),
  )
}

/**
 * The batch with exactly the columns of the schema, in its order, under the schema's own Arrow types.
 *
 * @throws IcebergIoError `schema-mismatch` naming a column that is missing, unknown, or of another type.
 */
export function conformed(batch: RecordBatch, schema: Pick<Schema, 'fields'>): RecordBatch {
  const wanted = columnFieldsOf(schema)
  const { fields } = arrowSchema(wanted)
  const found = new Map(columnFields(batch.schema).map((field) => [field.name, field]))
  const columns = wanted.map(({ name, type }, index): Column => {
    const column = columnNamed(batch, name)
    const field = fields[index]
    if (column === undefined || field === undefined) throw mismatch(name, 'is not in the batch')
    const kind = found.get(name)?.type.kind
    // A uuid without its Arrow extension name is 16 bytes all the same.
    if (kind !== type.kind && !(type.kind === 'uuid' && kind === 'fixed')) {
      throw mismatch(name, `is ${type.kind} in the table and ${kind} in the batch`)
    }
    return { field, data: column.data.clone(field.type) }
  })
  for (const name of found.keys()) {
    if (!wanted.some((field) => field.name === name)) throw mismatch(name, 'is in the batch and not in the table')
  }
  return batchOfColumns(columns, batch.numRows)
}

function mismatch(column: string, what: string): IcebergIoError {
  return new IcebergIoError('schema-mismatch', `column ${column} ${what}`, {
    context: { column },
    hint: 'Give batches with all columns of the table.',
  })
}
