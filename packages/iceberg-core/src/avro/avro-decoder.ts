import { IcebergError } from '../errors.ts'
import type { JsonObject, JsonValue } from '../json/json-value.ts'
import { isJsonArray, isJsonObject } from '../json/lossless-json.ts'

/**
 * A decoded record: values by field id. Longs are bigint, bytes and fixed are copies.
 *
 * The decoder is our own because the data may be damaged: every read is checked against the end of the block, and no
 * count makes it loop or allocate beyond what the bytes can hold.
 */
export type DecodedRecord = ReadonlyMap<number, unknown>

/** Which ids the fields of a record have when the file does not say: by name, for each level. */
export interface FieldNames {
  readonly [name: string]: { readonly id: number; readonly children?: FieldNames | undefined }
}

export type Decode = (cursor: Cursor) => unknown

/** Position in a block of decompressed data. */
export class Cursor {
  readonly bytes: Uint8Array
  readonly view: DataView
  at = 0

  constructor(bytes: Uint8Array) {
    // Of a Buffer, slice would not copy.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get remaining(): number {
    return this.bytes.length - this.at
  }

  /** Moves over `count` bytes and gives the position where they start. */
  skip(count: number): number {
    const start = this.at
    if (!(count >= 0) || count > this.bytes.length - start) throw damaged('data ends too early')
    this.at = start + count
    return start
  }

  byte(): number {
    const value = this.bytes[this.at++]
    if (value === undefined) throw damaged('data ends too early')
    return value
  }

  /** A zig-zag varint as a bigint. */
  long(): bigint {
    let low = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte()
      low += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return BigInt((low >>> 1) ^ -(low & 1))
    }
    let value = BigInt(low)
    for (let shift = 28n; shift <= 63n; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
    }
    throw damaged('an integer has too many bytes')
  }

  /** A varint that must be a 32-bit integer. */
  int(): number {
    const value = this.long()
    if (BigInt.asIntN(32, value) !== value) throw damaged('an int has more than 32 bits')
    return Number(value)
  }

  /** A count or length: at most the number of bytes that are left. */
  length(): number {
    const value = this.long()
    if (value < 0n || value > BigInt(this.remaining)) throw damaged('a length is larger than the data')
    return Number(value)
  }

  copy(length: number): Uint8Array {
    const start = this.skip(length)
    return this.bytes.slice(start, start + length)
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Records that take no bytes could repeat without end. */
const maxEmptyItems = 1 << 16

/** Makes a decoder for an Avro schema. @throws IcebergError `malformed-manifest` for a schema that is none. */
export function compileDecoder(schema: JsonValue, names: FieldNames = {}): Decode {
  return new Compiler().compile(schema, names, 0)
}

class Compiler {
  readonly #named = new Map<string, Decode>()

  compile(schema: JsonValue, names: FieldNames, depth: number): Decode {
    if (depth > 64) throw damaged('the Avro schema is nested too deeply')
    if (typeof schema === 'string') return primitive(schema) ?? this.#reference(schema)
    if (isJsonArray(schema)) return this.#union(schema, names, depth)
    if (!isJsonObject(schema)) throw damaged('the Avro schema is malformed')
    const type = schema['type'] ?? null
    if (type === 'record') return this.#record(schema, names, depth)
    if (type === 'array') return array(this.compile(schema['items'] ?? null, names, depth + 1))
    if (type === 'map') return map(this.compile(schema['values'] ?? null, names, depth + 1))
    if (type === 'fixed') return this.#fixed(schema)
    if (type === 'enum') return this.#enum(schema)
    return this.compile(type, names, depth + 1)
  }

  #fixed(schema: JsonObject): Decode {
    const size = schema['size']
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0) throw damaged('a fixed type has no size')
    return this.#name(schema, (cursor) => cursor.copy(size))
  }

  #enum(schema: JsonObject): Decode {
    const symbols = schema['symbols'] ?? null
    if (!isJsonArray(symbols)) throw damaged('an enum type has no symbols')
    return this.#name(schema, (cursor) => symbols[cursor.int()])
  }

  #record(schema: JsonObject, names: FieldNames, depth: number): Decode {
    const fields = schema['fields'] ?? null
    if (!isJsonArray(fields)) throw damaged('a record of the Avro schema has no fields')
    // Registered before its fields are compiled, as they may refer to it.
    const steps: { readonly id: number; readonly decode: Decode }[] = []
    const decode = this.#name(schema, (cursor) => {
      const record = new Map<number, unknown>()
      for (const step of steps) record.set(step.id, step.decode(cursor))
      return record
    })
    fields.forEach((field, index) => {
      if (!isJsonObject(field)) throw damaged('a field of the Avro schema is malformed')
      const id = fieldIdOf(field, names, index)
      const children = Object.values(names).find((candidate) => candidate.id === id)?.children ?? {}
      steps.push({ id, decode: this.compile(field['type'] ?? null, children, depth + 1) })
    })
    return decode
  }

  #union(branches: readonly JsonValue[], names: FieldNames, depth: number): Decode {
    const decoders = branches.map((branch) => this.compile(branch, names, depth + 1))
    return (cursor) => {
      const branch = decoders[cursor.int()]
      if (branch === undefined) throw damaged('a union has no such branch')
      return branch(cursor)
    }
  }

  #name(schema: JsonObject, decode: Decode): Decode {
    const { name, namespace } = schema
    if (typeof name === 'string') {
      this.#named.set(name, decode)
      if (typeof namespace === 'string') this.#named.set(`${namespace}.${name}`, decode)
    }
    return decode
  }

  #reference(name: string): Decode {
    const decode = this.#named.get(name) ?? this.#named.get(name.slice(name.lastIndexOf('.') + 1))
    if (decode === undefined) throw damaged(`the Avro schema names the unknown type ${name}`)
    return decode
  }
}

/** The field's own id, else the one its name has; fields that nobody knows get negative ids. */
export function fieldIdOf(field: JsonObject, names: FieldNames, index: number): number {
  const { 'field-id': id, name } = field
  if (typeof id === 'number') return id
  if (typeof name === 'string' && Object.hasOwn(names, name)) return names[name]?.id ?? -1 - index
  return -1 - index
}

function primitive(type: string): Decode | undefined {
  switch (type) {
    case 'null':
      return () => null
    case 'boolean':
      return (cursor) => cursor.byte() !== 0
    case 'int':
      return (cursor) => cursor.int()
    case 'long':
      return (cursor) => cursor.long()
    case 'float':
      return (cursor) => cursor.view.getFloat32(cursor.skip(4), true)
    case 'double':
      return (cursor) => cursor.view.getFloat64(cursor.skip(8), true)
    case 'bytes':
      return (cursor) => cursor.copy(cursor.length())
    case 'string':
      return decodeString
    default:
      return undefined
  }
}

function decodeString(cursor: Cursor): string {
  const length = cursor.length()
  const start = cursor.skip(length)
  try {
    return utf8.decode(cursor.bytes.subarray(start, start + length))
  } catch (cause) {
    throw damaged('a string is not valid UTF-8', cause)
  }
}

function array(item: Decode): Decode {
  return (cursor) => {
    const items: unknown[] = []
    forEachItem(cursor, () => items.push(item(cursor)))
    return items
  }
}

function map(value: Decode): Decode {
  return (cursor) => {
    const entries = new Map<string, unknown>()
    forEachItem(cursor, () => entries.set(decodeString(cursor), value(cursor)))
    return entries
  }
}

/** Blocks of items up to one with the count 0; a negative count is followed by the block's size in bytes. */
function forEachItem(cursor: Cursor, visit: () => void): void {
  let empty = 0
  for (;;) {
    let count = cursor.long()
    if (count === 0n) return
    if (count < 0n) {
      count = -count
      cursor.length()
    }
    if (count > BigInt(cursor.remaining + maxEmptyItems)) throw damaged('an array has more items than data')
    for (let left = Number(count); left > 0; left--) {
      const before = cursor.at
      visit()
      if (cursor.at === before && ++empty > maxEmptyItems) throw damaged('an array has too many items')
    }
  }
}

export function damaged(what: string, cause?: unknown): IcebergError {
  return new IcebergError('malformed-manifest', what, { cause })
}
