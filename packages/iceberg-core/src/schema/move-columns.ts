import { IcebergError } from '../errors.ts'
import type { MoveColumn } from './schema-changes.ts'
import { findFieldByName, type Schema } from './schema.ts'
import { isPrimitive, type NestedField, type Type } from './type.ts'

/**
 * The schema with one column in another place of its struct.
 *
 * @throws IcebergError `no-such-column`, or `invalid-schema` when both columns are not of one struct.
 */
export function moveColumns(schema: Schema, move: MoveColumn): Schema {
  const id = idOf(schema, move.column)
  const anchor = 'before' in move ? move.before : 'after' in move ? move.after : undefined
  const anchorId = anchor === undefined ? undefined : idOf(schema, anchor)
  let found = false
  const reorder = (fields: readonly NestedField[]): readonly NestedField[] => {
    const moved = fields.find((field) => field.id === id)
    if (moved === undefined) return fields
    const others = fields.filter((field) => field.id !== id)
    const at = anchorId === undefined ? 0 : others.findIndex((field) => field.id === anchorId)
    if (at < 0) {
      throw new IcebergError('invalid-schema', `${move.column} and ${anchor} are not different fields of one struct`, {
        context: { column: move.column, anchor },
      })
    }
    found = true
    return others.toSpliced('after' in move ? at + 1 : at, 0, moved)
  }
  const fields = mapStructs(schema.fields, reorder)
  if (!found) {
    throw new IcebergError('invalid-schema', `${move.column} cannot be moved: it is no field of a struct`, {
      context: { column: move.column },
    })
  }
  return { ...schema, fields }
}

/** Applies `change` to the fields of every struct, outermost first. */
function mapStructs(
  fields: readonly NestedField[],
  change: (fields: readonly NestedField[]) => readonly NestedField[],
): readonly NestedField[] {
  return change(fields).map((field) => ({ ...field, type: mapType(field.type, change) }))
}

function mapType(type: Type, change: (fields: readonly NestedField[]) => readonly NestedField[]): Type {
  if (isPrimitive(type)) return type
  switch (type.kind) {
    case 'struct':
      return { ...type, fields: mapStructs(type.fields, change) }
    case 'list':
      return { ...type, element: mapType(type.element, change) }
    case 'map':
      return { ...type, key: mapType(type.key, change), value: mapType(type.value, change) }
  }
}

function idOf(schema: Schema, column: string): number {
  const field = findFieldByName(schema, column)
  if (field !== undefined) return field.id
  throw new IcebergError('no-such-column', `the schema has no column ${column}`, { context: { column } })
}
