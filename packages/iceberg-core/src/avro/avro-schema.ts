import type { JsonObject, JsonValue } from '../json/json-value.ts'
import type { PrimitiveType } from '../schema/type.ts'
import { decimalByteLength } from '../value/decimal.ts'

/**
 * The Avro type that Iceberg stores a primitive type as. `name` makes the fixed types of one file distinct.
 *
 * @see https://iceberg.apache.org/spec/#avro
 */
export function avroPrimitive(type: PrimitiveType, name: string): JsonValue {
  if (typeof type === 'string') {
    switch (type) {
      case 'boolean':
      case 'int':
      case 'long':
      case 'float':
      case 'double':
      case 'string':
        return type
      case 'binary':
        return 'bytes'
      case 'unknown':
        return 'null'
      case 'date':
        return { type: 'int', logicalType: 'date' }
      case 'time':
        return { type: 'long', logicalType: 'time-micros' }
      case 'timestamp':
      case 'timestamptz':
        return { type: 'long', logicalType: 'timestamp-micros', 'adjust-to-utc': type === 'timestamptz' }
      case 'timestamp_ns':
      case 'timestamptz_ns':
        return { type: 'long', logicalType: 'timestamp-nanos', 'adjust-to-utc': type === 'timestamptz_ns' }
      case 'uuid':
        return { type: 'fixed', name: `${name}_uuid`, size: 16, logicalType: 'uuid' }
    }
  }
  switch (type.kind) {
    case 'decimal':
      return {
        type: 'fixed',
        name: `${name}_decimal`,
        size: decimalByteLength(type.precision),
        logicalType: 'decimal',
        precision: type.precision,
        scale: type.scale,
      }
    case 'fixed':
      return { type: 'fixed', name: `${name}_fixed`, size: type.length }
    case 'variant': {
      const fields = ['metadata', 'value'].map((part) => ({ name: part, type: 'bytes' }))
      return { type: 'record', name: `${name}_variant`, fields, logicalType: 'variant' }
    }
    case 'geometry':
    case 'geography':
      return 'bytes'
  }
}

export function requiredField(id: number, name: string, type: JsonValue): JsonObject {
  return { name, type, 'field-id': id }
}

export function optionalField(id: number, name: string, type: JsonValue): JsonObject {
  return { name, type: type === 'null' ? 'null' : ['null', type], default: null, 'field-id': id }
}

export function listOf(elementId: number, items: JsonValue): JsonObject {
  return { type: 'array', items, 'element-id': elementId }
}

/** A map with keys that are no strings: an array of key-value records with the logical type `map`. */
export function intMapOf(keyId: number, valueId: number, value: JsonValue): JsonObject {
  return {
    type: 'array',
    logicalType: 'map',
    items: {
      type: 'record',
      name: `k${keyId}_v${valueId}`,
      fields: [requiredField(keyId, 'key', 'int'), requiredField(valueId, 'value', value)],
    },
  }
}

/** A column name as an Avro name: other characters than letters, digits and `_` become `_x` and their code. */
export function avroName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name
  const escaped = Array.from(name, (char, index) => {
    if (/[A-Za-z_]/.test(char) || (index > 0 && /[0-9]/.test(char))) return char
    if (/[0-9]/.test(char)) return `_${char}`
    return `_x${(char.codePointAt(0) ?? 0).toString(16).toUpperCase()}`
  })
  return escaped.join('') || '_'
}
