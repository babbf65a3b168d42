import { IcebergError } from '../errors.ts'
import type { JsonObject, JsonValue } from '../json/json-value.ts'
import { isJsonArray, isJsonObject } from '../json/lossless-json.ts'
import { formatType } from '../schema/type-json.ts'
import { isPrimitive, type PrimitiveType, type Type } from '../schema/type.ts'
import { formatDate, formatTime, formatTimestamp, parseDate, parseTime, parseTimestamp } from './calendar.ts'
import { formatDecimal, parseDecimal } from './decimal.ts'
import { fromHex, toHex } from './hex.ts'
import { uuidToBytes } from './uuid.ts'
import type { Value } from './value.ts'

/** A value of any type: structs by field id, lists as arrays, maps as pairs. */
export type NestedValue = Value | null | StructValue | readonly NestedValue[] | MapValue
export interface StructValue {
  readonly kind: 'struct'
  readonly values: ReadonlyMap<number, NestedValue>
}
export interface MapValue {
  readonly kind: 'map'
  readonly entries: readonly (readonly [NestedValue, NestedValue])[]
}

/**
 * The JSON form of a single value, as column defaults hold it.
 *
 * @throws IcebergError `invalid-argument` for a value that is not one of the type, or that has no JSON form.
 * @see https://iceberg.apache.org/spec/#json-single-value-serialization
 */
export function singleValueToJson(type: Type, value: NestedValue): JsonValue {
  if (value === null) return null
  if (isPrimitive(type)) {
    const json = primitiveToJson(type, value)
    if (json === undefined) throw notOfType(type)
    return json
  }
  switch (type.kind) {
    case 'struct': {
      if (!isKind(value, 'struct')) throw notOfType(type)
      const members: [string, JsonValue][] = []
      for (const field of type.fields) {
        const member = value.values.get(field.id)
        if (member !== undefined) members.push([String(field.id), singleValueToJson(field.type, member)])
      }
      return Object.fromEntries(members)
    }
    case 'list':
      if (!isList(value)) throw notOfType(type)
      return value.map((element) => singleValueToJson(type.element, element))
    case 'map':
      if (!isKind(value, 'map')) throw notOfType(type)
      return {
        keys: value.entries.map(([key]) => singleValueToJson(type.key, key)),
        values: value.entries.map(([, item]) => singleValueToJson(type.value, item)),
      } satisfies JsonObject
  }
}

/** The value of a JSON form. @throws IcebergError `malformed-metadata` when it is not one of that type. */
export function singleValueFromJson(type: Type, json: JsonValue): NestedValue {
  if (json === null) return null
  if (isPrimitive(type)) {
    const value = primitiveFromJson(type, json)
    if (value === undefined) throw notJsonOf(type)
    return value
  }
  switch (type.kind) {
    case 'struct': {
      if (!isJsonObject(json)) throw notJsonOf(type)
      const values = new Map<number, NestedValue>()
      for (const field of type.fields) {
        const member = json[String(field.id)]
        if (member !== undefined) values.set(field.id, singleValueFromJson(field.type, member))
      }
      return { kind: 'struct', values }
    }
    case 'list':
      if (!isJsonArray(json)) throw notJsonOf(type)
      return json.map((element) => singleValueFromJson(type.element, element))
    case 'map': {
      const keys = isJsonObject(json) ? json['keys'] : undefined
      const values = isJsonObject(json) ? json['values'] : undefined
      if (keys === undefined || values === undefined || !isJsonArray(keys) || !isJsonArray(values)) {
        throw notJsonOf(type)
      }
      if (keys.length !== values.length) throw notJsonOf(type)
      return {
        kind: 'map',
        entries: keys.map((key, index) => [
          singleValueFromJson(type.key, key),
          singleValueFromJson(type.value, values[index] ?? null),
        ]),
      }
    }
  }
}

function primitiveToJson(type: PrimitiveType, value: NestedValue): JsonValue | undefined {
  if (typeof type !== 'string') {
    switch (type.kind) {
      case 'decimal':
        return typeof value === 'bigint' ? formatDecimal(value, type.scale) : undefined
      case 'fixed':
        return value instanceof Uint8Array && value.length === type.length ? toHex(value) : undefined
      case 'variant':
      case 'geometry':
      case 'geography':
        return undefined
    }
  }
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'int':
      return typeof value === 'number' && (value | 0) === value ? value : undefined
    case 'long':
      return typeof value === 'bigint' ? value : undefined
    case 'float':
    case 'double':
      return typeof value === 'number' && Number.isFinite(value) ? value : undefined
    case 'date':
      return typeof value === 'number' ? formatDate(value) : undefined
    case 'time':
      return typeof value === 'bigint' ? formatTime(value, 6) : undefined
    case 'timestamp':
      return typeof value === 'bigint' ? formatTimestamp(value, 6) : undefined
    case 'timestamptz':
      return typeof value === 'bigint' ? `${formatTimestamp(value, 6)}+00:00` : undefined
    case 'timestamp_ns':
      return typeof value === 'bigint' ? formatTimestamp(value, 9) : undefined
    case 'timestamptz_ns':
      return typeof value === 'bigint' ? `${formatTimestamp(value, 9)}+00:00` : undefined
    case 'string':
      return typeof value === 'string' ? value : undefined
    case 'uuid':
      return typeof value === 'string' && uuidToBytes(value) !== undefined ? value.toLowerCase() : undefined
    case 'binary':
      return value instanceof Uint8Array ? toHex(value) : undefined
    case 'unknown':
      return undefined
  }
}

function primitiveFromJson(type: PrimitiveType, json: JsonValue): Value | undefined {
  if (typeof type !== 'string') {
    switch (type.kind) {
      case 'decimal':
        return typeof json === 'string' ? parseDecimal(json, type.scale) : undefined
      case 'fixed': {
        const bytes = typeof json === 'string' ? fromHex(json) : undefined
        return bytes?.length === type.length ? bytes : undefined
      }
      case 'variant':
      case 'geometry':
      case 'geography':
        return undefined
    }
  }
  switch (type) {
    case 'boolean':
      return typeof json === 'boolean' ? json : undefined
    case 'int':
      return typeof json === 'number' && (json | 0) === json ? json : undefined
    case 'long':
      if (typeof json === 'bigint') return BigInt.asIntN(64, json) === json ? json : undefined
      return typeof json === 'number' && Number.isSafeInteger(json) ? BigInt(json) : undefined
    case 'float':
      return typeof json === 'number' || typeof json === 'bigint' ? Math.fround(Number(json)) : undefined
    case 'double':
      return typeof json === 'number' || typeof json === 'bigint' ? Number(json) : undefined
    case 'unknown':
      return undefined
    case 'date':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
    case 'string':
    case 'uuid':
    case 'binary':
      return typeof json === 'string' ? valueFromText(type, json) : undefined
  }
}

/** A value of a type whose JSON form is text; `undefined` when the text is not one. */
export function valueFromText(
  type:
    | 'date'
    | 'time'
    | 'timestamp'
    | 'timestamptz'
    | 'timestamp_ns'
    | 'timestamptz_ns'
    | 'string'
    | 'uuid'
    | 'binary',
  text: string,
): Value | undefined {
  switch (type) {
    case 'date':
      return parseDate(text)
    case 'time':
      return parseTime(text, 6)
    case 'timestamp':
      return parseTimestamp(text, 6, false)
    case 'timestamptz':
      return parseTimestamp(text, 6, true)
    case 'timestamp_ns':
      return parseTimestamp(text, 9, false)
    case 'timestamptz_ns':
      return parseTimestamp(text, 9, true)
    case 'string':
      return text
    case 'uuid':
      return uuidToBytes(text) === undefined ? undefined : text.toLowerCase()
    case 'binary':
      return fromHex(text)
  }
}

function isList(value: NestedValue): value is readonly NestedValue[] {
  return Array.isArray(value)
}

function isKind<K extends 'struct' | 'map'>(
  value: NestedValue,
  kind: K,
): value is Extract<StructValue | MapValue, { kind: K }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind
}

function notOfType(type: Type): IcebergError {
  return new IcebergError('invalid-argument', `the value has no JSON form as ${formatType(type)}`, {
    context: { type: formatType(type) },
  })
}

function notJsonOf(type: Type): IcebergError {
  return new IcebergError('malformed-metadata', `the JSON is not a value of type ${formatType(type)}`, {
    context: { type: formatType(type) },
  })
}
