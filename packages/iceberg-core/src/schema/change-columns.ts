import { IcebergError } from '../errors.ts'
import type { JsonValue } from '../json/json-value.ts'
import { defaultSortOrder, defaultSpec, type FormatVersion, type TableMetadata } from '../metadata/table-metadata.ts'
import { singleValueFromJson } from '../value/single-value-json.ts'
import { assignFreshFieldIds } from './assign-fresh-ids.ts'
import { canPromote } from './promotion.ts'
import type { AddColumn, SchemaChanges } from './schema-changes.ts'
import { findFieldByName, indexById, type Schema } from './schema.ts'
import { formatType } from './type-json.ts'
import { isPrimitive, type NestedField, type Type } from './type.ts'

/** A schema under change, and the highest column id that was ever given. */
export interface SchemaState {
  readonly schema: Schema
  readonly lastColumnId: number
}

/** Applies everything of `changes` that changes columns themselves: all but union, moves and identifier fields. */
export function changeColumns(
  table: { readonly metadata: TableMetadata; readonly identifiersChange: boolean },
  state: SchemaState,
  changes: SchemaChanges,
): SchemaState {
  const { metadata } = table
  const { schema } = state
  const places = placesOf(schema)
  const edits = new Map<number, (field: NestedField) => NestedField | undefined>()
  const edit = (
    column: string,
    verb: string,
    change: (field: NestedField) => NestedField | undefined,
    allowed: readonly Place[] = ['field'],
  ): void => {
    const { id } = requireColumn(schema, column)
    const place = places.get(id) ?? 'field'
    if (!allowed.includes(place)) throw misplaced(column, place, verb)
    const before = edits.get(id)
    edits.set(id, (field) => {
      const edited = before === undefined ? field : before(field)
      return edited === undefined ? undefined : change(edited)
    })
  }
  for (const column of changes.dropColumns ?? []) {
    refuseUsedColumn(table, schema, requireColumn(schema, column))
    edit(column, 'dropped', () => undefined)
  }
  for (const { column, name } of changes.renameColumns ?? []) {
    edit(column, 'renamed', (field) => ({ ...field, name }))
  }
  let { lastColumnId } = state
  for (const { column, type: wanted } of changes.updateTypes ?? []) {
    checkPromotion(metadata, requireColumn(schema, column), wanted)
    let type = wanted
    if (!isPrimitive(type)) {
      // A column of type unknown becomes a nested one. Its own id stays: the one that is given here is the last in use.
      const fresh = assignFreshFieldIds({ id: 0, name: column, required: false, type }, lastColumnId)
      lastColumnId = fresh.lastColumnId
      type = fresh.field.type
    }
    edit(column, 'given another type', (field) => ({ ...field, type }), ['field', 'element', 'value'])
  }
  for (const column of changes.makeOptional ?? []) {
    edit(column, 'made optional', (field) => ({ ...field, required: false }), ['field', 'element', 'value'])
  }
  for (const { column, doc } of changes.documentColumns ?? []) {
    edit(column, 'documented', (field) => withDoc(field, doc))
  }
  for (const { column, value } of changes.writeDefaults ?? []) {
    const field = requireColumn(schema, column)
    checkDefault(column, field.type, value, metadata.formatVersion)
    if (value === null && field.required && (field.initialDefault ?? null) !== null) {
      throw invalid(column, `column ${column} is required and cannot do without a write default`)
    }
    edit(column, 'given a default', (before) => withWriteDefault(before, value))
  }

  const added = new Map<number | undefined, NestedField[]>()
  for (const column of changes.addColumns ?? []) {
    const fresh = assignFreshFieldIds(newField(metadata.formatVersion, column), lastColumnId + 1)
    lastColumnId = fresh.lastColumnId
    const parent = column.parent === undefined ? undefined : structIdOf(schema, places, column.parent)
    added.set(parent, [...(added.get(parent) ?? []), fresh.field])
  }
  if (edits.size === 0 && added.size === 0) return state
  return { schema: { ...schema, fields: rebuildFields(schema.fields, undefined, edits, added) }, lastColumnId }
}

type Edits = ReadonlyMap<number, (field: NestedField) => NestedField | undefined>
type Additions = ReadonlyMap<number | undefined, readonly NestedField[]>
/** `key`: a map's key, or anything inside one, where nothing can change. */
type Place = 'field' | 'element' | 'value' | 'key'

function placesOf(schema: Schema): ReadonlyMap<number, Place> {
  const places = new Map<number, Place>()
  const visit = (type: Type, inKey: boolean): void => {
    if (isPrimitive(type)) return
    const set = (id: number, place: Place, inner: Type, key = inKey): void => {
      places.set(id, key ? 'key' : place)
      visit(inner, key)
    }
    if (type.kind === 'struct') for (const field of type.fields) set(field.id, 'field', field.type)
    else if (type.kind === 'list') set(type.elementId, 'element', type.element)
    else {
      set(type.keyId, 'key', type.key, true)
      set(type.valueId, 'value', type.value)
    }
  }
  visit({ kind: 'struct', fields: schema.fields }, false)
  return places
}

function rebuildFields(
  fields: readonly NestedField[],
  parentId: number | undefined,
  edits: Edits,
  added: Additions,
): NestedField[] {
  const kept = fields.flatMap((field) => {
    const rebuilt = { ...field, type: rebuildType(field.type, field.id, edits, added) }
    const edited = edits.has(field.id) ? edits.get(field.id)?.(rebuilt) : rebuilt
    return edited === undefined ? [] : [edited]
  })
  return [...kept, ...(added.get(parentId) ?? [])]
}

function rebuildType(type: Type, fieldId: number, edits: Edits, added: Additions): Type {
  if (isPrimitive(type)) return type
  switch (type.kind) {
    case 'struct':
      return { ...type, fields: rebuildFields(type.fields, fieldId, edits, added) }
    case 'list': {
      const element = edits.get(type.elementId)?.(pseudoField(type.elementId, type.elementRequired, type.element))
      return {
        ...type,
        elementRequired: element?.required ?? type.elementRequired,
        element: rebuildType(element?.type ?? type.element, type.elementId, edits, added),
      }
    }
    case 'map': {
      const value = edits.get(type.valueId)?.(pseudoField(type.valueId, type.valueRequired, type.value))
      return {
        ...type,
        valueRequired: value?.required ?? type.valueRequired,
        value: rebuildType(value?.type ?? type.value, type.valueId, edits, added),
      }
    }
  }
}

function pseudoField(id: number, required: boolean, type: Type): NestedField {
  return { id, name: 'element', required, type }
}

function requireColumn(schema: Schema, column: string): NestedField {
  const field = findFieldByName(schema, column)
  if (field !== undefined) return field
  throw new IcebergError('no-such-column', `the schema has no column ${column}`, {
    context: { column, schemaId: schema.schemaId },
  })
}

function structIdOf(schema: Schema, places: ReadonlyMap<number, Place>, path: string): number {
  const field = requireColumn(schema, path)
  const { type } = field
  if (places.get(field.id) === 'key') throw misplaced(path, 'key', 'given fields')
  if (isStruct(type)) return field.id
  if (typeof type === 'object' && type.kind === 'list' && isStruct(type.element)) return type.elementId
  if (typeof type === 'object' && type.kind === 'map' && isStruct(type.value)) return type.valueId
  throw new IcebergError('invalid-schema', `column ${path} is no struct to add columns to`, {
    context: { column: path, type: formatType(type) },
  })
}

function isStruct(type: Type): boolean {
  return typeof type === 'object' && type.kind === 'struct'
}

function newField(formatVersion: FormatVersion, column: AddColumn): NestedField {
  const { name, type, doc } = column
  // Defaults come in their JSON form; what is none is refused by the check.
  const initialDefault = column.initialDefault as JsonValue | undefined
  const writeDefault = (column.writeDefault ?? initialDefault) as JsonValue | undefined
  if (column.required === true && !((initialDefault ?? null) !== null && formatVersion >= 3)) {
    throw new IcebergError('invalid-schema', `column ${name} cannot be added as required without a default`, {
      context: { column: name },
      hint: 'Rows that are already there would have no value. Add it as optional.',
    })
  }
  for (const value of [initialDefault, writeDefault]) checkDefault(name, type, value ?? null, formatVersion)
  return {
    id: 0,
    name,
    required: column.required ?? false,
    type,
    ...(doc === undefined ? {} : { doc }),
    ...(initialDefault === undefined ? {} : { initialDefault }),
    ...(writeDefault === undefined ? {} : { writeDefault }),
  }
}

/** @see https://iceberg.apache.org/spec/#default-values */
function checkDefault(column: string, type: Type, value: JsonValue, formatVersion: FormatVersion): void {
  if (value === null) return
  if (formatVersion < 3) {
    throw invalid(column, `the default of column ${column} needs format version 3`, 'Upgrade the table first.')
  }
  const kind = typeof type === 'string' ? type : type.kind
  if (kind === 'unknown' || kind === 'variant' || kind === 'geometry' || kind === 'geography') {
    throw invalid(column, `column ${column} is of type ${formatType(type)}, which has no default but null`)
  }
  if (kind === 'struct') {
    if (typeof value === 'object' && Object.keys(value).length === 0 && !Array.isArray(value)) return
    throw invalid(
      column,
      `the default of struct ${column} has values of its fields`,
      'Set the defaults of its fields, and null or {} for the struct itself.',
    )
  }
  try {
    singleValueFromJson(type, value)
  } catch (cause) {
    throw new IcebergError('invalid-schema', `the default of column ${column} is no ${formatType(type)}`, {
      context: { column, type: formatType(type) },
      hint: 'Give it in the JSON single-value form of the Iceberg spec: dates and decimals are strings.',
      cause,
    })
  }
}

function withDoc(field: NestedField, doc: string | undefined): NestedField {
  if (doc !== undefined) return { ...field, doc }
  const { doc: _, ...rest } = field
  return rest
}

function withWriteDefault(field: NestedField, value: JsonValue): NestedField {
  if (value !== null) return { ...field, writeDefault: value }
  const { writeDefault: _, ...rest } = field
  return rest
}

function checkPromotion(metadata: TableMetadata, field: NestedField, to: Type): void {
  const nested = !isPrimitive(to) && field.type !== 'unknown'
  if (nested || !canPromote(field.type, to, metadata.formatVersion)) {
    throw new IcebergError(
      'invalid-schema',
      `column ${field.name} cannot change from ${formatType(field.type)} to ${formatType(to)}`,
      {
        context: { column: field.name, from: formatType(field.type), to: formatType(to) },
        hint: 'Only int to long, float to double and a wider decimal of the same scale keep old files readable. Add a new column.',
      },
    )
  }
  // A date and the timestamps of that day hash and truncate to different partition values.
  if (field.type === 'date' && to !== 'date') {
    const partitions = metadata.partitionSpecs.some((spec) =>
      spec.fields.some((f) => f.sourceIds.includes(field.id) && f.transform.kind !== 'void'),
    )
    if (partitions) refuse(field.name, 'promoted', 'a partition spec')
  }
}

function refuseUsedColumn(
  table: { readonly metadata: TableMetadata; readonly identifiersChange: boolean },
  schema: Schema,
  field: NestedField,
): void {
  const { metadata } = table
  for (const [id, { path }] of [[field.id, { path: field.name }] as const, ...indexById({ fields: [field] })]) {
    if (defaultSpec(metadata).fields.some((f) => f.transform.kind !== 'void' && f.sourceIds.includes(id))) {
      refuse(path, 'dropped', 'the default partition spec')
    }
    if (defaultSortOrder(metadata).fields.some((f) => f.sourceIds.includes(id))) {
      refuse(path, 'dropped', 'the default sort order')
    }
    if (!table.identifiersChange && schema.identifierFieldIds.includes(id)) {
      refuse(path, 'dropped', 'the identifier fields')
    }
  }
}

function refuse(column: string, verb: string, by: string): never {
  throw invalid(column, `column ${column} cannot be ${verb}: it is used by ${by}`)
}

function misplaced(column: string, place: Place, verb: string): IcebergError {
  const what = {
    field: 'a field',
    element: 'the element of a list',
    value: 'the value of a map',
    key: 'in the key of a map',
  }
  return invalid(column, `${column} cannot be ${verb}: it is ${what[place]}`)
}

function invalid(column: string, message: string, hint?: string): IcebergError {
  return new IcebergError('invalid-schema', message, { context: { column }, hint })
}
