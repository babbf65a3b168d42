import { IcebergError } from '../errors.ts'
import type { JsonObject, JsonValue } from './json-value.ts'

/** `JSON.parse` hands the reviver the source text of each primitive, but TypeScript's library does not say so yet. */
type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => JsonValue

/**
 * Parses JSON without loss: an integer outside ±(2^53 - 1) becomes a `bigint`, every other number a `number`.
 *
 * @throws IcebergError `malformed-json` with the position of the mistake, also for numbers too large for any type.
 */
export function parseJsonLossless(text: string): JsonValue {
  try {
    return parseWithSource(text, reviveNumber)
  } catch (cause) {
    if (cause instanceof IcebergError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new IcebergError('malformed-json', `not valid JSON: ${reason}`, { cause })
  }
}

/** Writes JSON so that {@link parseJsonLossless} gives equal values back. Members that are `undefined` are left out. */
export function stringifyJsonLossless(value: JsonValue): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'number':
      return stringifyNumber(value)
    case 'object':
      if (value === null) return 'null'
      return isJsonArray(value) ? `[${value.map(stringifyJsonLossless).join(',')}]` : stringifyObject(value)
  }
}

export function isJsonArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}

export function isJsonObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function reviveNumber(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context.source ?? ''
  if (/^-?\d+$/.test(source)) return BigInt(source)
  if (!Number.isFinite(value)) throw new IcebergError('malformed-json', `not valid JSON: number out of range`)
  return value
}

function stringifyNumber(value: number): string {
  if (!Number.isFinite(value)) {
    throw new IcebergError('invalid-argument', `${value} has no JSON form`, {})
  }
  return Object.is(value, -0) ? '-0.0' : String(value)
}

function stringifyObject(object: JsonObject): string {
  const members: string[] = []
  for (const [key, value] of Object.entries(object) as [string, JsonValue | undefined][]) {
    if (value !== undefined) members.push(`${JSON.stringify(key)}:${stringifyJsonLossless(value)}`)
  }
  return `{${members.join(',')}}`
}
