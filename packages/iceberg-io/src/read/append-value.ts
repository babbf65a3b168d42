import type { ColumnBuilder } from '@icebridge/columnar'
import {
  singleValueFromJson,
  uuidToBytes,
  type JsonValue,
  type NestedField,
  type NestedValue,
  type Type,
} from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'

/**
 * The value that rows have for a field that their file was written without. The default of a struct is its fields' defaults.
 *
 * @see https://iceberg.apache.org/spec/#default-values
 */
export function defaultOf(field: NestedField): NestedValue {
  // Defaults stand in the schema as the JSON of the table metadata.
  return field.initialDefault === undefined ? null : singleValueFromJson(field.type, field.initialDefault as JsonValue)
}

/** Appends a value of `iceberg-core`: a default, or a partition value. Values of nested types need their type. */
export function appendValue(builder: ColumnBuilder, value: NestedValue, type?: Type): void {
  if (value === null) {
    builder.appendNull()
    return
  }
  switch (builder.kind) {
    case 'boolean':
      if (typeof value === 'boolean') return builder.append(value)
      break
    case 'int32':
    case 'float32':
    case 'float64':
    case 'date':
      if (typeof value === 'number') return builder.append(value)
      break
    case 'int64':
    case 'time':
    case 'timestamp':
    case 'timestamp_ns':
    case 'decimal':
      if (typeof value === 'bigint') return builder.append(value)
      break
    case 'string':
      if (typeof value === 'string') return builder.append(value)
      break
    case 'binary':
    case 'fixed':
      if (value instanceof Uint8Array) return builder.append(value)
      break
    case 'uuid': {
      const bytes = typeof value === 'string' ? uuidToBytes(value) : undefined
      if (bytes !== undefined) return builder.append(bytes)
      break
    }
    case 'struct':
    case 'list':
    case 'map':
      if (appendNested(builder, type, value)) return
      break
    case 'null':
      break
    default:
      return builder satisfies never
  }
  throw new IcebergIoError('unsupported-file', `column ${builder.name} has a default of a kind that is not read`, {
    context: { column: builder.name },
    hint: 'Leave the column out of the columns to read.',
  })
}

function appendNested(
  builder: Extract<ColumnBuilder, { kind: 'struct' | 'list' | 'map' }>,
  type: Type | undefined,
  value: NestedValue,
): boolean {
  if (type === undefined || typeof type === 'string' || typeof value !== 'object' || value === null) return false
  if (builder.kind === 'struct' && type.kind === 'struct' && 'kind' in value && value.kind === 'struct') {
    type.fields.forEach((field, index) => {
      const child = builder.children[index]
      if (child === undefined) throw new TypeError('a builder for each field')
      const given = value.values.get(field.id)
      appendValue(child, given === undefined ? defaultOf(field) : given, field.type)
    })
    builder.append()
    return true
  }
  if (builder.kind === 'list' && type.kind === 'list' && isList(value)) {
    for (const element of value) appendValue(builder.element, element, type.element)
    builder.append()
    return true
  }
  if (builder.kind === 'map' && type.kind === 'map' && 'kind' in value && value.kind === 'map') {
    for (const [key, item] of value.entries) {
      appendValue(builder.key, key, type.key)
      appendValue(builder.value, item, type.value)
    }
    builder.append()
    return true
  }
  return false
}

function isList(value: NestedValue): value is readonly NestedValue[] {
  return Array.isArray(value)
}
