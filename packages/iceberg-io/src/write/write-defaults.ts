import { BatchBuilder, type ColumnBuilder, columnFields } from '@icebridge/columnar'
import { type NestedField, type NestedValue, type Schema, singleValueFromJson } from '@icebridge/iceberg-core'
import { type Data, makeData, RecordBatch, Schema as ArrowSchema, Struct } from 'apache-arrow'
import { columnFieldOf } from '../column-fields.ts'
import { appendValue } from '../read/append-value.ts'

/**
 * Adds the columns that batches lack and the schema has a write default for.
 *
 * @see https://iceberg.apache.org/spec/#default-values
 */
export class WriteDefaults {
  readonly #fields: readonly NestedField[]
  #last: { readonly from: ArrowSchema; readonly to: ArrowSchema; readonly missing: readonly NestedField[] } | undefined

  constructor(schema: Pick<Schema, 'fields'>) {
    this.#fields = schema.fields.filter((field) => writeDefault(field) !== null)
  }

  /** The batch itself when it lacks nothing. */
  complete(batch: RecordBatch): RecordBatch {
    if (this.#fields.length === 0) return batch
    if (this.#last?.from !== batch.schema) this.#last = this.#plan(batch.schema)
    const { to, missing } = this.#last
    if (missing.length === 0) return batch
    const children: Data[] = [...batch.data.children, ...missing.map((field) => constant(field, batch.numRows))]
    const data = makeData({ type: new Struct(to.fields), length: batch.numRows, nullCount: 0, children })
    return new RecordBatch(to, data)
  }

  #plan(from: ArrowSchema): { from: ArrowSchema; to: ArrowSchema; missing: readonly NestedField[] } {
    const present = new Set(columnFields(from).map(({ name }) => name))
    const missing = this.#fields.filter(({ name }) => !present.has(name))
    const added = new BatchBuilder(missing.map((field) => columnFieldOf(field))).schema.fields
    return { from, to: new ArrowSchema([...from.fields, ...added], from.metadata), missing }
  }
}

/** The value written for a field that is not supplied; null without a default. */
function writeDefault(field: NestedField): NestedValue {
  if (field.writeDefault === undefined || field.writeDefault === null) return null
  // Defaults stand in a schema as they stand in its JSON.
  return singleValueFromJson(field.type, field.writeDefault as Parameters<typeof singleValueFromJson>[1])
}

function constant(field: NestedField, rows: number): Data {
  const builder = new BatchBuilder([columnFieldOf(field)], { initialRows: rows })
  const value = writeDefault(field)
  for (const target of builder.columns) for (let row = 0; row < rows; row++) appendDefault(target, field, value)
  const [data] = builder.finish().data.children
  if (data === undefined) throw new TypeError(`the column ${field.name} has no builder`)
  return data
}

/** A struct's default names none of its fields: each has its own. */
function appendDefault(target: ColumnBuilder, field: NestedField, value: NestedValue): void {
  const { type } = field
  if (target.kind !== 'struct' || value === null || typeof type === 'string' || type.kind !== 'struct') {
    appendValue(target, value)
    return
  }
  for (const [index, child] of target.children.entries()) {
    const inner = type.fields[index]
    if (inner !== undefined) appendDefault(child, inner, writeDefault(inner))
  }
  target.append()
}
