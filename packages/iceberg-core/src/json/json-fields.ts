import { IcebergError, type IcebergErrorCode } from '../errors.ts'
import type { JsonArray, JsonObject, JsonValue } from './json-value.ts'
import { isJsonArray, isJsonObject } from './lossless-json.ts'

/** Where a piece of JSON comes from, for messages. */
export interface JsonOrigin {
  /** The error to raise when the shape is wrong. */
  readonly code: IcebergErrorCode
  /** The file, when known. */
  readonly file: string | undefined
  readonly hint?: string
}

/** Typed access to the members of a JSON object, that remembers which were asked for. `null` is taken as absent. */
export class JsonFields {
  readonly #object: JsonObject
  readonly #place: string | Place
  readonly #origin: JsonOrigin
  /** A list, since there are few: a set for each of thousands of snapshots costs more than it saves. */
  readonly #known: string[] = []

  private constructor(object: JsonObject, place: string | Place, origin: JsonOrigin) {
    this.#object = object
    this.#place = place
    this.#origin = origin
  }

  static of(value: JsonValue | undefined, path: string, origin: JsonOrigin): JsonFields {
    return JsonFields.#of(value, path, origin)
  }

  static #of(value: JsonValue | undefined, place: string | Place, origin: JsonOrigin): JsonFields {
    if (value === undefined || !isJsonObject(value)) throw malformed(origin, pathOf(place), 'an object')
    return new JsonFields(value, place, origin)
  }

  /** Where the object stands in its document: `schemas[0].fields[2]`. */
  get path(): string {
    return pathOf(this.#place)
  }

  has(key: string): boolean {
    return this.raw(key) !== undefined
  }

  /** The member as it is; `undefined` when it is absent or null. */
  raw(key: string): JsonValue | undefined {
    this.#known.push(key)
    return Object.hasOwn(this.#object, key) ? (this.#object[key] ?? undefined) : undefined
  }

  string(key: string): string {
    return this.optionalString(key) ?? this.#missing(key, 'a string')
  }

  optionalString(key: string): string | undefined {
    const value = this.raw(key)
    if (value === undefined || typeof value === 'string') return value
    return this.#missing(key, 'a string')
  }

  boolean(key: string): boolean {
    const value = this.raw(key)
    return typeof value === 'boolean' ? value : this.#missing(key, 'a boolean')
  }

  /** A 32-bit integer. */
  int(key: string): number {
    return this.optionalInt(key) ?? this.#missing(key, 'an integer')
  }

  optionalInt(key: string): number | undefined {
    const value = this.raw(key)
    if (value === undefined) return undefined
    return typeof value === 'number' && (value | 0) === value ? value : this.#missing(key, 'a 32-bit integer')
  }

  /** An integer that a `number` holds exactly: times in milliseconds. */
  safeInteger(key: string): number {
    const value = this.raw(key)
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : this.#missing(key, 'an integer')
  }

  long(key: string): bigint {
    return this.optionalLong(key) ?? this.#missing(key, 'a 64-bit integer')
  }

  optionalLong(key: string): bigint | undefined {
    const value = this.raw(key)
    if (value === undefined) return undefined
    return asLong(value) ?? this.#missing(key, 'a 64-bit integer')
  }

  array(key: string): JsonArray {
    return this.optionalArray(key) ?? this.#missing(key, 'an array')
  }

  optionalArray(key: string): JsonArray | undefined {
    const value = this.raw(key)
    if (value === undefined || isJsonArray(value)) return value
    return this.#missing(key, 'an array')
  }

  /** An array of objects, each read by `read`. */
  objects<T>(key: string, read: (fields: JsonFields) => T): T[] {
    return this.array(key).map((value, index) => read(this.#element(value, key, index)))
  }

  optionalObjects<T>(key: string, read: (fields: JsonFields) => T): T[] | undefined {
    return this.has(key) ? this.objects(key, read) : undefined
  }

  ints(key: string): number[] {
    return this.array(key).map((value) =>
      typeof value === 'number' && (value | 0) === value ? value : this.#missing(key, 'a list of integers'),
    )
  }

  longs(key: string): bigint[] {
    return this.array(key).map((value) => asLong(value) ?? this.#missing(key, 'a list of 64-bit integers'))
  }

  strings(key: string): string[] {
    return this.array(key).map((value) => (typeof value === 'string' ? value : this.#missing(key, 'a list of strings')))
  }

  object(key: string): JsonFields {
    return JsonFields.of(this.raw(key), this.#at(key), this.#origin)
  }

  rawObject(key: string): JsonObject {
    const value = this.raw(key)
    return value !== undefined && isJsonObject(value) ? value : this.#missing(key, 'an object')
  }

  /** String to string map; numbers and booleans, which some writers leave unquoted, become their text. */
  stringMap(key: string): Readonly<Record<string, string>> {
    const object = this.rawObject(key)
    const values = Object.values(object)
    if (values.every((value) => typeof value === 'string')) return object as Readonly<Record<string, string>>
    const map: [string, string][] = []
    for (const [name, value] of Object.entries(object)) {
      if (value === null) continue
      if (typeof value === 'object') return this.#missing(key, 'a map of strings')
      map.push([name, String(value)])
    }
    return Object.fromEntries(map)
  }

  /** The members nobody asked for, to be kept on rewrite; `{}` when there are none, for spreading. */
  unknown(): { readonly unknownFields?: JsonObject } {
    const unknown = Object.keys(this.#object).filter((key) => !this.#known.includes(key))
    if (unknown.length === 0) return {}
    return { unknownFields: Object.fromEntries(unknown.map((key) => [key, this.#object[key] ?? null])) }
  }

  /** An error that names this place. */
  malformed(key: string, expected: string): IcebergError {
    return malformed(this.#origin, this.#at(key), expected)
  }

  #element(value: JsonValue, key: string, index: number): JsonFields {
    return JsonFields.#of(value, { parent: this.#place, key, index }, this.#origin)
  }

  #at(key: string): string {
    return pathOf({ parent: this.#place, key })
  }

  #missing(key: string, expected: string): never {
    throw malformed(this.#origin, this.#at(key), expected)
  }
}

/** A path that nobody has asked for yet. */
interface Place {
  readonly parent: string | Place
  readonly key: string
  readonly index?: number
}

function pathOf(place: string | Place): string {
  if (typeof place === 'string') return place
  const parent = pathOf(place.parent)
  const path = parent === '' ? place.key : `${parent}.${place.key}`
  return place.index === undefined ? path : `${path}[${place.index}]`
}

function asLong(value: JsonValue): bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
  return typeof value === 'bigint' && BigInt.asIntN(64, value) === value ? value : undefined
}

function malformed(origin: JsonOrigin, path: string, expected: string): IcebergError {
  const where = origin.file === undefined ? '' : ` in ${origin.file}`
  return new IcebergError(origin.code, `field ${path || '(root)'}${where} is not ${expected}`, {
    context: { file: origin.file, field: path },
    hint: origin.hint,
  })
}
