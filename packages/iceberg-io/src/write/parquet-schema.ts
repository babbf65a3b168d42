import {
  decimalByteLength,
  formatType,
  type NestedField,
  type PrimitiveType,
  type Schema,
  type Type,
} from '@icebridge/iceberg-core'
import type { ConvertedType, LogicalType, ParquetType, SchemaElement } from 'hyparquet'
import { EdgeInterpolationAlgorithms } from 'hyparquet/src/constants.js'
import { IcebergIoError } from '../errors.ts'

/** What every stored column has, at any depth. */
interface Stored {
  /** Dotted path in the Iceberg schema. */
  readonly column: string
  readonly optional: boolean
}

/** A primitive column of the file, at any depth. */
export interface Leaf extends Stored {
  readonly kind: 'leaf'
  readonly fieldId: number
  readonly type: PrimitiveType
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
  | (Stored & { readonly kind: 'struct'; readonly children: readonly Node[] })
  | (Stored & { readonly kind: 'list'; readonly element: Node })
  | (Stored & { readonly kind: 'map'; readonly key: Node; readonly value: Node })
  /** A column of type unknown: it is in the batch, and not in the file. */
  | { readonly kind: 'absent' }

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
 * The Parquet schema that stores an Iceberg schema, with a field id on every element but the parts of a variant. Columns of
 * type unknown are left out.
 *
 * @throws IcebergIoError `unsupported-type` naming the list, map or struct that would have nothing but them inside.
 * @see https://iceberg.apache.org/spec/#parquet
 */
export function parquetSchema(schema: Pick<Schema, 'fields'>): ParquetSchema {
  const root: SchemaElement[] = []
  const leaves: Leaf[] = []
  const target: Target = { elements: root, leaves }
  const columns = schema.fields.map((field) =>
    addField(target, field, { path: [], column: '', definition: 0, repetition: 0 }),
  )
  return { elements: [{ name: 'table', num_children: storedCount(columns) }, ...root], columns, leaves }
}

interface Target {
  readonly elements: SchemaElement[]
  readonly leaves: Leaf[]
}

/** Where a field stands: its parents' names and levels. */
interface Place {
  readonly path: readonly string[]
  /** Dotted path in the Iceberg schema. */
  readonly column: string
  readonly definition: number
  readonly repetition: number
}

function addField(target: Target, field: Pick<NestedField, 'id' | 'name' | 'required' | 'type'>, parent: Place): Node {
  const { type } = field
  if (type === 'unknown') return { kind: 'absent' }
  const optional = !field.required
  const element = {
    name: field.name,
    repetition_type: optional ? ('OPTIONAL' as const) : ('REQUIRED' as const),
    field_id: field.id,
  }
  const column = parent.column === '' ? field.name : `${parent.column}.${field.name}`
  const place: Place = {
    path: [...parent.path, field.name],
    column,
    definition: parent.definition + (optional ? 1 : 0),
    repetition: parent.repetition,
  }
  const inside: Place = {
    path: place.path,
    column,
    definition: place.definition + 1,
    repetition: place.repetition + 1,
  }
  if (isKind(type, 'struct')) {
    const group: SchemaElement = { ...element, num_children: type.fields.length }
    target.elements.push(group)
    const children = type.fields.map((child) => addField(target, child, place))
    group.num_children = storedCount(children)
    if (group.num_children === 0) throw nothingInside(column)
    return { kind: 'struct', column, optional, children }
  }
  if (isKind(type, 'variant')) return addVariant(target, { id: field.id, element, place, optional })
  if (isKind(type, 'list')) {
    target.elements.push({ ...element, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } })
    target.elements.push({ name: 'list', repetition_type: 'REPEATED', num_children: 1 })
    if (type.element === 'unknown') throw nothingInside(column)
    const child = { id: type.elementId, name: 'element', required: type.elementRequired, type: type.element }
    return {
      kind: 'list',
      column,
      optional,
      element: addField(target, child, { ...inside, path: [...place.path, 'list'] }),
    }
  }
  if (isKind(type, 'map')) {
    target.elements.push({ ...element, num_children: 1, converted_type: 'MAP', logical_type: { type: 'MAP' } })
    if (type.key === 'unknown' || type.value === 'unknown') throw nothingInside(column)
    target.elements.push({ name: 'key_value', repetition_type: 'REPEATED', num_children: 2 })
    const entry: Place = { ...inside, path: [...place.path, 'key_value'] }
    const key = addField(target, { id: type.keyId, name: 'key', required: true, type: type.key }, entry)
    const value = { id: type.valueId, name: 'value', required: type.valueRequired, type: type.value }
    return { kind: 'map', column, optional, key, value: addField(target, value, entry) }
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
    column,
    optional,
    physical: stored.physical,
    width: stored.width ?? 0,
    path: place.path,
    maxDefinition: place.definition,
    maxRepetition: place.repetition,
    ordered: !isKind(primitive, 'geometry') && !isKind(primitive, 'geography'),
  }
  target.leaves.push(leaf)
  return leaf
}

/**
 * A variant: its metadata and its value, both with the id of the column.
 *
 * @see https://github.com/apache/parquet-format/blob/master/VariantEncoding.md#variant-in-parquet
 */
function addVariant(
  target: Target,
  field: {
    readonly id: number
    readonly element: SchemaElement
    readonly place: Place
    readonly optional: boolean
  },
): Node {
  const { id, element, place, optional } = field
  target.elements.push({ ...element, num_children: 2, logical_type: { type: 'VARIANT' } })
  const children = ['metadata', 'value'].map((name): Leaf => {
    target.elements.push({ name, repetition_type: 'REQUIRED', type: 'BYTE_ARRAY' })
    return {
      kind: 'leaf',
      fieldId: id,
      type: 'binary',
      column: `${place.column}.${name}`,
      optional: false,
      physical: 'BYTE_ARRAY',
      width: 0,
      path: [...place.path, name],
      maxDefinition: place.definition,
      maxRepetition: place.repetition,
      ordered: false,
    }
  })
  target.leaves.push(...children)
  return { kind: 'struct', column: place.column, optional, children }
}

function storedCount(nodes: readonly Node[]): number {
  return nodes.filter((node) => node.kind !== 'absent').length
}

interface Storage {
  readonly physical: ParquetType
  readonly width?: number
  readonly converted?: ConvertedType
  readonly logical?: LogicalType
}

function storedAs(type: PrimitiveType): Storage {
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
      return { physical: 'INT64', logical: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'NANOS' } }
    case 'timestamptz_ns':
      return { physical: 'INT64', logical: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' } }
    case 'unknown':
      break
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
  if (isKind(type, 'geometry')) {
    return {
      physical: 'BYTE_ARRAY',
      logical: { type: 'GEOMETRY', ...(type.crs === undefined ? {} : { crs: type.crs }) },
    }
  }
  if (isKind(type, 'geography')) {
    return { physical: 'BYTE_ARRAY', logical: geographyType(type) }
  }
  throw new TypeError(`the type ${formatType(type)} has no leaf of its own`)
}

/** An algorithm that Parquet has no number for is a table's mistake: it must not be written as another one. */
function geographyType({ crs, algorithm }: Extract<PrimitiveType, { kind: 'geography' }>): LogicalType {
  const known = EdgeInterpolationAlgorithms.find((name) => name === algorithm?.toUpperCase())
  if (algorithm !== undefined && known === undefined) {
    throw new IcebergIoError(
      'unsupported-type',
      `the edge-interpolation algorithm ${algorithm} is not one of Parquet's`,
      {
        context: { algorithm },
        hint: `Use one of ${EdgeInterpolationAlgorithms.join(', ').toLowerCase()}.`,
      },
    )
  }
  return {
    type: 'GEOGRAPHY',
    ...(crs === undefined ? {} : { crs }),
    ...(known === undefined ? {} : { algorithm: known }),
  }
}

function nothingInside(column: string): IcebergIoError {
  return new IcebergIoError(
    'unsupported-type',
    `column ${column} holds nothing but values of type unknown, which are stored nowhere: Parquet cannot tell its nulls`,
    { context: { column }, hint: 'Give the column inside a type before writing.' },
  )
}

function isKind<K extends Exclude<Type, string>['kind']>(type: Type, kind: K): type is Extract<Type, { kind: K }> {
  return typeof type !== 'string' && type.kind === kind
}
