import {
  decimalByteLength,
  formatType,
  type NestedField,
  type PrimitiveType,
  type Schema,
  type Type,
} from '@icebridge/iceberg-core'
import type { ConvertedType, LogicalType, ParquetType, SchemaElement } from 'hyparquet'
import { columnFieldsOf } from '../column-fields.ts'
import { IcebergIoError } from '../errors.ts'

/** A primitive column of the file, at any depth. */
export interface Leaf {
  readonly kind: 'leaf'
  readonly fieldId: number
  readonly type: PrimitiveType
  readonly optional: boolean
  readonly physical: ParquetType
  /** Bytes of a FIXED_LEN_BYTE_ARRAY. */
  readonly width: number
  readonly path: readonly string[]
  readonly maxDefinition: number
  readonly maxRepetition: number
  /** False for values whose bytes have no order that a bound could be in. */
  readonly ordered: boolean
}

/** A column with its children, in the order of the batch's views: what shredding walks. */
export type Node =
  | Leaf
  | { readonly kind: 'struct'; readonly optional: boolean; readonly children: readonly Node[] }
  | { readonly kind: 'list'; readonly optional: boolean; readonly element: Node }
  | { readonly kind: 'map'; readonly optional: boolean; readonly key: Node; readonly value: Node }

/** The Parquet schema of an Iceberg schema. */
export interface ParquetSchema {
  /** Depth first, the root first. */
  readonly elements: readonly SchemaElement[]
  /** One a column, in order. */
  readonly columns: readonly Node[]
  /** Every leaf, in file order. */
  readonly leaves: readonly Leaf[]
}

/**
 * The Parquet schema that stores an Iceberg schema, with a field id on every element.
 *
 * @throws IcebergIoError `unsupported-type` naming the column.
 * @see https://iceberg.apache.org/spec/#parquet
 */
export function parquetSchema(schema: Pick<Schema, 'fields'>): ParquetSchema {
  columnFieldsOf(schema) // refuses what has no place in a batch
  const elements: SchemaElement[] = [{ name: 'table', num_children: schema.fields.length }]
  const leaves: Leaf[] = []
  const columns = schema.fields.map((field) =>
    addField({ elements, leaves }, field, { path: [], definition: 0, repetition: 0 }),
  )
  return { elements, columns, leaves }
}

interface Target {
  readonly elements: SchemaElement[]
  readonly leaves: Leaf[]
}

/** Where a field stands: its parents' names and levels. */
interface Place {
  readonly path: readonly string[]
  readonly definition: number
  readonly repetition: number
}

function addField(target: Target, field: Pick<NestedField, 'id' | 'name' | 'required' | 'type'>, parent: Place): Node {
  const { type } = field
  const optional = !field.required
  const element = {
    name: field.name,
    repetition_type: optional ? ('OPTIONAL' as const) : ('REQUIRED' as const),
    field_id: field.id,
  }
  const place: Place = {
    path: [...parent.path, field.name],
    definition: parent.definition + (optional ? 1 : 0),
    repetition: parent.repetition,
  }
  const inside: Place = {
    path: place.path,
    definition: place.definition + 1,
    repetition: place.repetition + 1,
  }
  if (isKind(type, 'struct')) {
    target.elements.push({ ...element, num_children: type.fields.length })
    return { kind: 'struct', optional, children: type.fields.map((child) => addField(target, child, place)) }
  }
  if (isKind(type, 'list')) {
    target.elements.push({ ...element, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } })
    target.elements.push({ name: 'list', repetition_type: 'REPEATED', num_children: 1 })
    const child = { id: type.elementId, name: 'element', required: type.elementRequired, type: type.element }
    return {
      kind: 'list',
      optional,
      element: addField(target, child, { ...inside, path: [...place.path, 'list'] }),
    }
  }
  if (isKind(type, 'map')) {
    target.elements.push({ ...element, num_children: 1, converted_type: 'MAP', logical_type: { type: 'MAP' } })
    target.elements.push({ name: 'key_value', repetition_type: 'REPEATED', num_children: 2 })
    const entry: Place = { ...inside, path: [...place.path, 'key_value'] }
    const key = addField(target, { id: type.keyId, name: 'key', required: true, type: type.key }, entry)
    const value = { id: type.valueId, name: 'value', required: type.valueRequired, type: type.value }
    return { kind: 'map', optional, key, value: addField(target, value, entry) }
  }
  const primitive = type as PrimitiveType // structs, lists and maps were handled above
  const stored = storedAs(primitive)
  target.elements.push({
    ...element,
    type: stored.physical,
    ...(stored.width === undefined ? {} : { type_length: stored.width }),
    ...(stored.converted === undefined ? {} : { converted_type: stored.converted }),
    ...(stored.logical === undefined ? {} : { logical_type: stored.logical }),
    ...(isKind(primitive, 'decimal') ? { precision: primitive.precision, scale: primitive.scale } : {}),
  })
  const leaf: Leaf = {
    kind: 'leaf',
    fieldId: field.id,
    type: primitive,
    optional,
    physical: stored.physical,
    width: stored.width ?? 0,
    path: place.path,
    maxDefinition: place.definition,
    maxRepetition: place.repetition,
    ordered: !isKind(primitive, 'geometry') && !isKind(primitive, 'geography') && !isKind(primitive, 'variant'),
  }
  target.leaves.push(leaf)
  return leaf
}

interface Stored {
  readonly physical: ParquetType
  readonly width?: number
  readonly converted?: ConvertedType
  readonly logical?: LogicalType
}

function storedAs(type: PrimitiveType): Stored {
  switch (type) {
    case 'boolean':
      return { physical: 'BOOLEAN' }
    case 'int':
      return { physical: 'INT32' }
    case 'long':
      return { physical: 'INT64' }
    case 'float':
      return { physical: 'FLOAT' }
    case 'double':
      return { physical: 'DOUBLE' }
    case 'date':
      return { physical: 'INT32', converted: 'DATE', logical: { type: 'DATE' } }
    case 'time':
      return { physical: 'INT64', logical: { type: 'TIME', isAdjustedToUTC: false, unit: 'MICROS' } }
    case 'timestamp':
      return { physical: 'INT64', logical: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'MICROS' } }
    case 'timestamptz':
      return {
        physical: 'INT64',
        converted: 'TIMESTAMP_MICROS',
        logical: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
      }
    case 'string':
      return { physical: 'BYTE_ARRAY', converted: 'UTF8', logical: { type: 'STRING' } }
    case 'uuid':
      return { physical: 'FIXED_LEN_BYTE_ARRAY', width: 16, logical: { type: 'UUID' } }
    case 'binary':
      return { physical: 'BYTE_ARRAY' }
    case 'timestamp_ns':
    case 'timestamptz_ns':
    case 'unknown':
      throw notWritten(type)
    default:
      break
  }
  if (isKind(type, 'fixed')) return { physical: 'FIXED_LEN_BYTE_ARRAY', width: type.length }
  if (isKind(type, 'decimal')) {
    const { precision, scale } = type
    const decimal = { converted: 'DECIMAL', logical: { type: 'DECIMAL', precision, scale } } as const
    if (precision <= 9) return { physical: 'INT32', ...decimal }
    if (precision <= 18) return { physical: 'INT64', ...decimal }
    return { physical: 'FIXED_LEN_BYTE_ARRAY', width: decimalByteLength(precision), ...decimal }
  }
  throw notWritten(type)
}

function notWritten(type: PrimitiveType): IcebergIoError {
  return new IcebergIoError('unsupported-type', `columns of the type ${formatType(type)} are not written`, {
    context: { type: formatType(type) },
    hint: 'Write the table with another engine, or leave the column out of it.',
  })
}

function isKind<K extends Exclude<Type, string>['kind']>(type: Type, kind: K): type is Extract<Type, { kind: K }> {
  return typeof type !== 'string' && type.kind === kind
}
