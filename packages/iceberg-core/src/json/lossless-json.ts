import { IcebergError } from '../errors.ts'
import { maxDepth, parseJsonSlowly } from './json-parser.ts'
import type { JsonObject, JsonValue } from './json-value.ts'

/**
 * Parses JSON without loss: an integer outside ±(2^53 - 1) becomes a `bigint`, every other number a `number`.
 *
 * @throws IcebergError `malformed-json` with the offset of the mistake, also for a number too large for any type and
 * for text nested deeper than 500 levels.
 */
export function parseJsonLossless(text: string): JsonValue {
  return parseWithPlatform(text) ?? parseJsonSlowly(text)
}

/** Writes JSON so that {@link parseJsonLossless} gives equal values back. Members that are `undefined` are left out. */
export function stringifyJsonLossless(value: JsonValue): string {
  switch (typeof value) {
    case 'string':
      return quote(value)
    case 'number':
      return stringifyNumber(value)
    case 'object':
      if (value === null) return 'null'
      return isJsonArray(value) ? stringifyArray(value) : stringifyObject(value)
    default:
      return String(value)
  }
}

export function isJsonArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}

export function isJsonObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A member whose value is an integer of 16 digits or more. The quote before the colon follows a letter, digit, hyphen or
 * underscore, so in JSON that is whole it can only close a name: it is not escaped, and where a string may open, another
 * character stands before. What is matched is therefore never inside a string.
 */
const longInteger = /([\w-]"\s*:\s*)(-?[1-9]\d{15,})(?=\s*[,}])/g
/** DEL, which JSON may hold unescaped. */
const mark = '\u007f'
const markCode = 0x7f
const quoteCode = 0x22
const backslashCode = 0x5c

/**
 * The platform's own parser is several times faster, but rounds long integers. They are put between quotes with a mark
 * before it runs, and become bigints afterwards. `undefined` where that does not work, as for text that is damaged.
 */
function parseWithPlatform(text: string): JsonValue | undefined {
  if (text.includes(mark) || text.includes('\\u007')) return undefined
  // V8 14 takes an escaped name for an earlier one that ends in a backslash: `{"a":1,"\n":2}` after `{"a":1,"\\":2}`.
  if (hasEscapedName(text)) return undefined
  let value: JsonValue
  try {
    value = JSON.parse(text.replace(longInteger, `$1"${mark}$2"`)) as JsonValue // what it gives is JSON
  } catch {
    return undefined
  }
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined
  return typeof value !== 'object' || value === null || unmark(value, 0) ? value : undefined
}

/** True when the name of a member, or an item of an array, holds an escape; and for text that is no JSON, at will. */
function hasEscapedName(text: string): boolean {
  let end = -1
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', end + 1)) {
    // The first backslash of a string: no quote stands between it and the one that opens the string.
    const open = text.lastIndexOf('"', at)
    if (open <= end) return true
    const before = text.slice(Math.max(end + 1, open - 32), open).trimEnd()
    if (before === '' || before.endsWith(',') || before.endsWith('{')) return true
    for (end = at; text.charCodeAt(end) !== quoteCode; end += text.charCodeAt(end) === backslashCode ? 2 : 1) {
      if (end >= text.length) return true
    }
  }
  return false
}

/** Makes bigints of marked strings, in place. False when a number may have been rounded, or nesting is too deep. */
function unmark(container: JsonObject | readonly JsonValue[], depth: number): boolean {
  if (depth > maxDepth) return false
  if (Array.isArray(container)) {
    for (const item of container as readonly JsonValue[]) if (!isExact(item, depth)) return false
    return true
  }
  const object = container as Record<string, JsonValue> // made by JSON.parse, and nobody else has it yet
  for (const name in object) {
    const value = object[name]
    if (typeof value === 'string') {
      if (value.charCodeAt(0) !== markCode) continue
      const integer = BigInt(value.slice(1))
      const rounded = Number(integer)
      define(object, name, Number.isSafeInteger(rounded) ? rounded : integer)
    } else if (value !== undefined && !isExact(value, depth)) {
      return false
    }
  }
  return true
}

function isExact(value: JsonValue, depth: number): boolean {
  if (typeof value === 'object') return value === null || unmark(value, depth + 1)
  return (
    typeof value !== 'number' || Number.isSafeInteger(value) || !(Number.isInteger(value) || !Number.isFinite(value))
  )
}

function define(object: Record<string, JsonValue>, name: string, value: JsonValue): void {
  // Assigned, it would become the prototype instead of a member.
  if (name !== '__proto__') object[name] = value
  else Object.defineProperty(object, name, { configurable: true, enumerable: true, writable: true, value })
}

/** What cannot stand between quotes as it is. A surrogate may be one half of a pair, which can. */
const escaped = /["\\\p{Cc}\p{Cs}]/u

function quote(text: string): string {
  return escaped.test(text) ? JSON.stringify(text) : `"${text}"`
}

function stringifyNumber(value: number): string {
  if (!Number.isFinite(value)) throw new IcebergError('invalid-argument', `${value} has no JSON form`)
  if (Object.is(value, -0)) return '-0.0'
  const text = String(value)
  // Without a point, digits alone would be read as a bigint.
  return Number.isInteger(value) && !Number.isSafeInteger(value) && !text.includes('e') ? `${text}.0` : text
}

function stringifyArray(items: readonly JsonValue[]): string {
  let text = '['
  let separator = ''
  for (const item of items) {
    text += separator + stringifyJsonLossless(item)
    separator = ','
  }
  return `${text}]`
}

function stringifyObject(object: JsonObject): string {
  let text = '{'
  let separator = ''
  for (const name of Object.keys(object)) {
    const value: JsonValue | undefined = object[name]
    if (value === undefined) continue
    text += `${separator}${quote(name)}:${stringifyJsonLossless(value)}`
    separator = ','
  }
  return `${text}}`
}
