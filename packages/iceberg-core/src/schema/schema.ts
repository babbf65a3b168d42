import type { JsonObject } from '../json/json-value.ts'
import { isPrimitive, type NestedField, type StructType, type Type } from './type.ts'

/** A version of a table's columns. @see https://iceberg.apache.org/spec/#schemas-and-data-types */
export interface Schema {
  readonly schemaId: number
  readonly fields: readonly NestedField[]
  /** Field ids of the columns that identify a row; empty when none is declared. */
  readonly identifierFieldIds: readonly number[]
  /** JSON members that this version does not know, kept on rewrite. */
  readonly unknownFields?: JsonObject
}

/** The schema's fields as a struct. */
export function schemaAsStruct(schema: Schema): StructType {
  return { kind: 'struct', fields: schema.fields }
}

/** A field found in a schema: its dotted path, and whether a list or map lies between it and the row. */
export interface LocatedField {
  readonly field: NestedField
  readonly path: string
  readonly repeated: boolean
  /** True when the field or any struct around it is optional. */
  readonly optional: boolean
}

/**
 * Every field at every depth, by id. List elements and map keys and values appear under the names `element`, `key`
 * and `value`.
 */
export function indexById(schema: Pick<Schema, 'fields'>): ReadonlyMap<number, LocatedField> {
  const byId = new Map<number, LocatedField>()
  walk(schema.fields, { prefix: '', repeated: false, optional: false }, (located) =>
    byId.set(located.field.id, located),
  )
  return byId
}

/** The field with that id, at any depth. */
export function findFieldById(schema: Pick<Schema, 'fields'>, id: number): NestedField | undefined {
  return indexById(schema).get(id)?.field
}

/** The field with that dotted path (`address.city`). A column whose own name holds the dots is preferred. */
export function findFieldByName(schema: Pick<Schema, 'fields'>, path: string): NestedField | undefined {
  const direct = schema.fields.find((field) => field.name === path)
  if (direct !== undefined) return direct
  for (const located of indexById(schema).values()) if (located.path === path) return located.field
  return undefined
}

/** Largest field id in use at any depth, 0 for a schema without fields. */
export function highestFieldId(schema: Pick<Schema, 'fields'>): number {
  let highest = 0
  for (const id of indexById(schema).keys()) highest = Math.max(highest, id)
  return highest
}

interface Place {
  readonly prefix: string
  readonly repeated: boolean
  readonly optional: boolean
}

function walk(fields: readonly NestedField[], place: Place, visit: (located: LocatedField) => void): void {
  for (const field of fields) {
    const path = place.prefix + field.name
    const optional = place.optional || !field.required
    visit({ field, path, repeated: place.repeated, optional })
    walkType(field.type, { prefix: `${path}.`, repeated: place.repeated, optional }, visit)
  }
}

function walkType(type: Type, place: Place, visit: (located: LocatedField) => void): void {
  if (isPrimitive(type)) return
  const repeated: Place = { ...place, repeated: true }
  switch (type.kind) {
    case 'struct':
      walk(type.fields, place, visit)
      return
    case 'list':
      walk(
        [{ id: type.elementId, name: 'element', required: type.elementRequired, type: type.element }],
        repeated,
        visit,
      )
      return
    case 'map':
      walk(
        [
          { id: type.keyId, name: 'key', required: true, type: type.key },
          { id: type.valueId, name: 'value', required: type.valueRequired, type: type.value },
        ],
        repeated,
        visit,
      )
  }
}
