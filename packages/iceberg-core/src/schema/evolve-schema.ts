import { IcebergError } from '../errors.ts'
import { currentSchema, defaultSortOrder, defaultSpec, type TableMetadata } from '../metadata/table-metadata.ts'
import type { TableUpdate } from '../metadata/table-update.ts'
import type { Transform } from '../partition/transform.ts'
import { assignFreshFieldIds } from './assign-fresh-ids.ts'
import { canPromote } from './promotion.ts'
import { findFieldByName, type Schema } from './schema.ts'
import { formatType } from './type-json.ts'
import { isPrimitive, type NestedField, type Type } from './type.ts'
import { validateSchema } from './validate-schema.ts'

/** A column to add; its ids are assigned. */
export interface AddColumn {
  readonly name: string
  readonly type: Type
  /** Dotted path of the struct to add it to; the row itself when absent. */
  readonly parent?: string | undefined
  readonly doc?: string | undefined
  /** Only with an initial default, in format version 3. */
  readonly required?: boolean | undefined
  /** In the JSON single-value form. */
  readonly initialDefault?: unknown
  readonly writeDefault?: unknown
}

/** Changes to a schema, applied in this order: drop, rename, widen, make optional, document, add. */
export interface SchemaChanges {
  readonly dropColumns?: readonly string[] | undefined
  readonly renameColumns?: readonly { readonly column: string; readonly name: string }[] | undefined
  readonly updateTypes?: readonly { readonly column: string; readonly type: Type }[] | undefined
  readonly makeOptional?: readonly string[] | undefined
  readonly documentColumns?: readonly { readonly column: string; readonly doc: string }[] | undefined
  readonly addColumns?: readonly AddColumn[] | undefined
}

/**
 * The updates that evolve the table's current schema; none when nothing changes. Columns are named by their dotted
 * path in the current schema. Commit them with `assert-current-schema-id` and `assert-last-assigned-field-id`.
 *
 * @throws IcebergError `no-such-column`, or `invalid-schema` for a change that the spec does not allow.
 * @see https://iceberg.apache.org/spec/#schema-evolution
 */
export function evolveSchema(metadata: TableMetadata, changes: SchemaChanges): TableUpdate[] {
  const current = currentSchema(metadata)
  const edits = new Map<number, (field: NestedField) => NestedField | undefined>()
  const edit = (column: string, change: (field: NestedField) => NestedField | undefined): void => {
    const { id } = requireColumn(current, column)
    const before = edits.get(id)
    edits.set(id, (field) => {
      const edited = before === undefined ? field : before(field)
      return edited === undefined ? undefined : change(edited)
    })
  }
  for (const column of changes.dropColumns ?? []) {
    refuseUsedColumn(metadata, requireColumn(current, column), 'dropped')
    edit(column, () => undefined)
  }
  for (const { column, name } of changes.renameColumns ?? []) edit(column, (field) => ({ ...field, name }))
  for (const { column, type } of changes.updateTypes ?? []) {
    checkPromotion(metadata, requireColumn(current, column), type)
    edit(column, (field) => ({ ...field, type }))
  }
  for (const column of changes.makeOptional ?? []) edit(column, (field) => ({ ...field, required: false }))
  for (const { column, doc } of changes.documentColumns ?? []) edit(column, (field) => ({ ...field, doc }))

  let lastColumnId = metadata.lastColumnId
  const added = new Map<number | undefined, NestedField[]>()
  for (const column of changes.addColumns ?? []) {
    const fresh = assignFreshFieldIds(newField(metadata, column), lastColumnId + 1)
    lastColumnId = fresh.lastColumnId
    const parent = column.parent === undefined ? undefined : structIdOf(current, column.parent)
    added.set(parent, [...(added.get(parent) ?? []), fresh.field])
  }
  if (edits.size === 0 && added.size === 0) return []
  const schema: Schema = {
    ...current,
    schemaId: Math.max(...metadata.schemas.map((candidate) => candidate.schemaId)) + 1,
    fields: rebuildFields(current.fields, undefined, edits, added),
  }
  validateSchema(schema, metadata.formatVersion)
  return [
    { action: 'add-schema', schema },
    { action: 'set-current-schema', schemaId: -1 },
  ]
}

type Edits = ReadonlyMap<number, (field: NestedField) => NestedField | undefined>
type Additions = ReadonlyMap<number | undefined, readonly NestedField[]>

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

function structIdOf(schema: Schema, path: string): number {
  const field = requireColumn(schema, path)
  const { type } = field
  if (typeof type === 'object' && type.kind === 'struct') return field.id
  if (typeof type === 'object' && type.kind === 'list' && typeof type.element === 'object') return type.elementId
  if (typeof type === 'object' && type.kind === 'map' && typeof type.value === 'object') return type.valueId
  throw new IcebergError('invalid-schema', `column ${path} is no struct to add columns to`, {
    context: { column: path, type: formatType(type) },
  })
}

function newField(metadata: TableMetadata, column: AddColumn): NestedField {
  const hasDefault = (column.initialDefault ?? null) !== null
  if (column.required === true && !(hasDefault && metadata.formatVersion >= 3)) {
    throw new IcebergError('invalid-schema', `column ${column.name} cannot be added as required without a default`, {
      context: { column: column.name },
      hint: 'Rows that are already there would have no value. Add it as optional.',
    })
  }
  return {
    id: 0,
    name: column.name,
    required: column.required ?? false,
    type: column.type,
    ...(column.doc === undefined ? {} : { doc: column.doc }),
    ...(column.initialDefault === undefined ? {} : { initialDefault: column.initialDefault }),
    ...(column.writeDefault === undefined && column.initialDefault === undefined
      ? {}
      : { writeDefault: column.writeDefault ?? column.initialDefault }),
  }
}

function checkPromotion(metadata: TableMetadata, field: NestedField, to: Type): void {
  if (!canPromote(field.type, to, metadata.formatVersion)) {
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
  if (field.type === 'date') {
    const uses = (transform: Transform): boolean => transform.kind !== 'void'
    if (
      metadata.partitionSpecs.some((spec) =>
        spec.fields.some((f) => f.sourceIds.includes(field.id) && uses(f.transform)),
      )
    ) {
      refuse(field, 'promoted', 'a partition spec')
    }
  }
}

function refuseUsedColumn(metadata: TableMetadata, field: NestedField, verb: string): void {
  if (defaultSpec(metadata).fields.some((f) => f.transform.kind !== 'void' && f.sourceIds.includes(field.id))) {
    refuse(field, verb, 'the default partition spec')
  }
  if (defaultSortOrder(metadata).fields.some((f) => f.sourceIds.includes(field.id))) {
    refuse(field, verb, 'the default sort order')
  }
  if (currentSchema(metadata).identifierFieldIds.includes(field.id)) refuse(field, verb, 'the identifier fields')
}

function refuse(field: NestedField, verb: string, by: string): never {
  throw new IcebergError('invalid-schema', `column ${field.name} cannot be ${verb}: it is used by ${by}`, {
    context: { column: field.name },
  })
}
