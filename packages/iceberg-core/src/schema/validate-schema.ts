import { IcebergError } from '../errors.ts'
import type { FormatVersion } from '../metadata/table-metadata.ts'
import { indexById, type LocatedField, type Schema } from './schema.ts'
import { formatType } from './type-json.ts'
import { isPrimitive, type NestedField, type Type } from './type.ts'

/** Ids above this one are reserved for metadata columns. @see https://iceberg.apache.org/spec/#reserved-field-ids */
export const highestAllowedFieldId = 2147483447

const version3Types: ReadonlySet<string> = new Set([
  'unknown',
  'variant',
  'geometry',
  'geography',
  'timestamp_ns',
  'timestamptz_ns',
])

/**
 * Checks a schema that is to be written: unique names and ids, types that the format version has, identifier fields
 * that can identify.
 *
 * @throws IcebergError `invalid-schema` that names the column.
 */
export function validateSchema(schema: Schema, formatVersion: FormatVersion): void {
  checkNames(schema.fields, '')
  const seen = new Set<number>()
  forEachField(schema.fields, (field) => {
    if (seen.has(field.id)) throw invalid(`field id ${field.id} is used twice`, field.name)
    if (field.id > highestAllowedFieldId) throw invalid(`field id ${field.id} is reserved`, field.name)
    seen.add(field.id)
    checkType(field, formatVersion)
  })
  const byId = indexById(schema)
  for (const id of schema.identifierFieldIds) checkIdentifier(id, byId.get(id))
}

function checkNames(fields: readonly NestedField[], prefix: string): void {
  const names = new Set<string>()
  for (const field of fields) {
    if (field.name === '') throw invalid('a column has an empty name', prefix)
    if (names.has(field.name)) throw invalid(`column ${prefix}${field.name} is there twice`, prefix + field.name)
    names.add(field.name)
    checkNestedNames(field.type, `${prefix}${field.name}.`)
  }
}

function checkNestedNames(type: Type, prefix: string): void {
  if (isPrimitive(type)) return
  if (type.kind === 'struct') checkNames(type.fields, prefix)
  else if (type.kind === 'list') checkNestedNames(type.element, prefix)
  else {
    checkNestedNames(type.key, prefix)
    checkNestedNames(type.value, prefix)
  }
}

function forEachField(fields: readonly NestedField[], visit: (field: NestedField) => void): void {
  for (const field of fields) {
    visit(field)
    const type = field.type
    if (isPrimitive(type)) continue
    if (type.kind === 'struct') forEachField(type.fields, visit)
    else if (type.kind === 'list') forEachField([elementOf(type)], visit)
    else {
      forEachField(
        [
          { id: type.keyId, name: `${field.name}.key`, required: true, type: type.key },
          { id: type.valueId, name: `${field.name}.value`, required: type.valueRequired, type: type.value },
        ],
        visit,
      )
    }
  }
}

function elementOf(type: Extract<Type, { kind: 'list' }>): NestedField {
  return { id: type.elementId, name: 'element', required: type.elementRequired, type: type.element }
}

function checkType(field: NestedField, formatVersion: FormatVersion): void {
  const { type } = field
  const kind = typeof type === 'string' ? type : type.kind
  if (formatVersion < 3 && version3Types.has(kind)) {
    throw invalid(
      `column ${field.name} has type ${formatType(type)}, which needs format version 3`,
      field.name,
      'Create the table with format version 3, or choose another type.',
    )
  }
  if (formatVersion < 3 && (field.initialDefault ?? null) !== null) {
    throw invalid(`column ${field.name} has an initial default, which needs format version 3`, field.name)
  }
  if (typeof type === 'object' && type.kind === 'decimal') {
    const { precision, scale } = type
    if (!(precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision)) {
      throw invalid(`column ${field.name} has the impossible type ${formatType(type)}`, field.name)
    }
  }
  if (type === 'unknown' && field.required) {
    throw invalid(`column ${field.name} is of type unknown and so cannot be required`, field.name)
  }
}

function checkIdentifier(id: number, located: LocatedField | undefined): void {
  if (located === undefined) throw invalid(`identifier field ${id} is not in the schema`, String(id))
  const { field, path } = located
  if (!isPrimitive(field.type)) throw invalid(`identifier field ${path} is not of a primitive type`, path)
  if (field.type === 'float' || field.type === 'double') {
    throw invalid(`identifier field ${path} is a floating-point number`, path)
  }
  if (located.optional) throw invalid(`identifier field ${path} is optional`, path)
  if (located.repeated) throw invalid(`identifier field ${path} is inside a list or map`, path)
}

function invalid(message: string, column: string, hint?: string): IcebergError {
  return new IcebergError('invalid-schema', message, { context: { column }, hint })
}
