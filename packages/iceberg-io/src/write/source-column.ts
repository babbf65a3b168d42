import { type ColumnView, columnView } from '@icebridge/columnar'
import { type PartitionValue, type Schema, type Type, uuidFromBytes } from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'

/** A primitive column that a partition or sort field is made of, perhaps inside structs. */
export interface SourceColumn {
  /** From the column down. */
  readonly names: readonly string[]
  readonly type: Type
}

/** The source with that field id; `undefined` when the schema has none outside lists and maps. */
export function sourceColumn(schema: Pick<Schema, 'fields'>, id: number): SourceColumn | undefined {
  const path = pathTo(schema.fields, id)
  const last = path?.at(-1)
  return path === undefined || last === undefined ? undefined : { names: path.map(({ name }) => name), type: last.type }
}

/** A source column of one batch. */
export interface SourceView {
  readonly view: ColumnView
  /** True when the value is null, or any struct around it. */
  readonly isNull: (row: number) => boolean
}

/** The source column in a batch; `undefined` when the batch does not have it, which is null in every row. */
export function sourceView(batch: RecordBatch, source: SourceColumn): SourceView | undefined {
  const [column = '', ...inside] = source.names
  const index = batch.schema.fields.findIndex((field) => field.name === column)
  if (index < 0) return undefined
  let field = batch.schema.fields[index]
  let view = columnView(batch, index)
  const views = [view]
  for (const name of inside) {
    const at = field?.type.children.findIndex((child: { name: string }) => child.name === name) ?? -1
    const child: ColumnView | undefined = view.kind === 'struct' ? view.fields[at] : undefined
    if (child === undefined) return undefined
    field = field?.type.children[at]
    view = child
    views.push(view)
  }
  if (inside.length === 0) return { view, isNull: (row) => view.isNull(row) }
  return { view, isNull: (row) => views.some((step) => step.isNull(row)) }
}

/** A value of a primitive column in the form that transforms take. The row must not be null. */
export function sourceValue(view: ColumnView, row: number): PartitionValue {
  switch (view.kind) {
    case 'uuid':
      return uuidFromBytes(view.value(row))
    case 'binary':
    case 'fixed':
      return view.value(row).slice()
    case 'struct':
    case 'list':
    case 'map':
      throw new TypeError('a nested column is no source of a partition or sort field')
    case 'boolean':
    case 'int32':
    case 'int64':
    case 'float32':
    case 'float64':
    case 'decimal':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'timestamp_ns':
    case 'string':
    case 'null':
      return view.value(row)
  }
}

interface Step {
  readonly id: number
  readonly name: string
  readonly type: Type
}

/** The fields from a column down to the one with that id, through structs only. */
function pathTo(fields: readonly Step[], id: number): readonly Step[] | undefined {
  for (const field of fields) {
    if (field.id === id) return [field]
    if (typeof field.type === 'string' || field.type.kind !== 'struct') continue
    const rest = pathTo(field.type.fields, id)
    if (rest !== undefined) return [field, ...rest]
  }
  return undefined
}
