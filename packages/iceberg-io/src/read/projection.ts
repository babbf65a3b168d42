import type { NestedField, Schema } from '@icebridge/iceberg-core'
import { type Data, Field, makeData, Struct } from 'apache-arrow'

/** The column of a dotted path, with no more of the structs on the way than leads to it; undefined when there is none. */
export function projectPath(schema: Pick<Schema, 'fields'>, path: string): NestedField | undefined {
  // A column whose own name holds the dots is preferred.
  const whole = schema.fields.find((field) => field.name === path)
  if (whole !== undefined) return whole
  for (const field of schema.fields) {
    if (!path.startsWith(`${field.name}.`) || !isStruct(field)) continue
    const below = projectPath(field.type, path.slice(field.name.length + 1))
    if (below !== undefined) return { ...field, type: { kind: 'struct', fields: [below] } }
  }
  return undefined
}

/** The same for a field id. */
export function projectField(schema: Pick<Schema, 'fields'>, id: number): NestedField | undefined {
  for (const field of schema.fields) {
    if (field.id === id) return field
    if (!isStruct(field)) continue
    const below = projectField(field.type, id)
    if (below !== undefined) return { ...field, type: { kind: 'struct', fields: [below] } }
  }
  return undefined
}

/** Fields of both, each once: those of the first in their places, the parts of structs joined. */
export function mergeFields(first: readonly NestedField[], second: readonly NestedField[]): readonly NestedField[] {
  const merged = [...first]
  for (const field of second) {
    const at = merged.findIndex(({ id }) => id === field.id)
    const known = merged[at]
    if (known === undefined) merged.push(field)
    else if (known !== field && isStruct(known) && isStruct(field)) {
      const fields = mergeFields(known.type.fields, field.type.fields)
      if (
        fields.length > known.type.fields.length ||
        fields.some((child, index) => child !== known.type.fields[index])
      ) {
        merged[at] = { ...known, type: { kind: 'struct', fields } }
      }
    }
  }
  return merged
}

/** A column as it was read. */
export interface ReadColumn {
  readonly field: Field
  readonly data: Data
}

/** A column that was read as `from`, with only the parts of its structs that `to` has; no value is copied. */
export function projectColumn(column: ReadColumn, from: NestedField, to: NestedField): ReadColumn {
  if (from === to || !isStruct(from) || !isStruct(to)) return column
  const parts = to.type.fields.map((field): ReadColumn => {
    const at = from.type.fields.findIndex(({ id }) => id === field.id)
    const read = from.type.fields[at]
    const arrow: Field | undefined = column.field.type.children[at]
    const data: Data | undefined = column.data.children[at]
    if (read === undefined || arrow === undefined || data === undefined) {
      throw new TypeError(`${from.name} was read with ${field.name}`)
    }
    return projectColumn({ field: arrow, data }, read, field)
  })
  const { name, nullable, metadata } = column.field
  const type = new Struct(parts.map(({ field }) => field))
  const { length, nullCount, nullBitmap, offset } = column.data
  const children = parts.map(({ data }) => data)
  return {
    field: new Field(name, type, nullable, metadata),
    data: makeData({ type, offset, length, nullCount, nullBitmap, children }),
  }
}

type StructField = NestedField & { readonly type: { readonly kind: 'struct'; readonly fields: readonly NestedField[] } }

function isStruct(field: NestedField): field is StructField {
  return typeof field.type === 'object' && field.type.kind === 'struct'
}
