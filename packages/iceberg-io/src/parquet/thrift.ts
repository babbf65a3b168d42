import { damaged } from './decode-fault.ts'

/** A value of Thrift's compact protocol: 64-bit integers are bigint, narrower ones numbers. */
export type ThriftValue = boolean | number | bigint | Uint8Array | ThriftStruct | readonly ThriftValue[]

/** Structs of Parquet are not deeper than this. */
const deepest = 16
/** Higher field ids than any of Parquet's are passed over. */
const highestField = 63

const utf8 = new TextDecoder()

/** A struct by field id, with checked access. Absent fields are undefined. */
export class ThriftStruct {
  readonly #fields: (ThriftValue | undefined)[]

  constructor(fields: (ThriftValue | undefined)[]) {
    this.#fields = fields
  }

  /** An integer of up to 32 bits. */
  int(id: number): number | undefined {
    return this.#of(id, (value) => typeof value === 'number')
  }

  /** An integer of 64 bits; narrower ones are widened. */
  long(id: number): bigint | undefined {
    const value = this.#fields[id]
    if (typeof value === 'number') return BigInt(Math.trunc(value))
    return this.#of(id, (found) => typeof found === 'bigint')
  }

  bool(id: number): boolean | undefined {
    return this.#of(id, (value) => typeof value === 'boolean')
  }

  bytes(id: number): Uint8Array | undefined {
    return this.#of(id, (value) => value instanceof Uint8Array)
  }

  text(id: number): string | undefined {
    const bytes = this.bytes(id)
    return bytes === undefined ? undefined : utf8.decode(bytes)
  }

  struct(id: number): ThriftStruct | undefined {
    return this.#of(id, (value) => value instanceof ThriftStruct)
  }

  list(id: number): readonly ThriftValue[] | undefined {
    return this.#of(id, isList)
  }

  structs(id: number): readonly ThriftStruct[] | undefined {
    const list = this.list(id)
    if (list === undefined || list.every((value) => value instanceof ThriftStruct)) return list
    throw damaged(`field ${id} is not a list of structs`)
  }

  /** The field that a union has set. */
  get member(): number | undefined {
    const at = this.#fields.findIndex((value) => value !== undefined)
    return at < 0 ? undefined : at
  }

  #of<T extends ThriftValue>(id: number, is: (value: ThriftValue) => value is T): T | undefined {
    const value = this.#fields[id]
    if (value === undefined || is(value)) return value
    throw damaged(`field ${id} of a header is of another type than Parquet's`)
  }
}

function isList(value: ThriftValue): value is readonly ThriftValue[] {
  return Array.isArray(value)
}

/**
 * Reads structs of Thrift's compact protocol from bytes; never past their end, and never allocating for more elements than
 * there are bytes.
 *
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
export class ThriftReader {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, start = 0) {
    this.#bytes = bytes
    this.#at = start
  }

  /** Where the next byte is read. */
  get position(): number {
    return this.#at
  }

  struct(depth = 0): ThriftStruct {
    if (depth > deepest) throw damaged('a header is nested too deeply')
    const fields: (ThriftValue | undefined)[] = []
    let id = 0
    for (;;) {
      const head = this.#byte()
      if (head === 0) return new ThriftStruct(fields)
      const delta = head >> 4
      id = delta === 0 ? this.#zigzag() : id + delta
      const kind = head & 15
      const value = kind === 1 ? true : kind === 2 ? false : this.#value(kind, depth)
      if (id >= 0 && id <= highestField) fields[id] = value
    }
  }

  #value(kind: number, depth: number): ThriftValue {
    switch (kind) {
      case 1:
      case 2:
        // As an element a boolean has a byte of its own.
        return this.#byte() === 1
      case 3:
        return (this.#byte() << 24) >> 24
      case 4:
      case 5:
        return this.#zigzag()
      case 6:
        return this.#long()
      case 7:
        return this.#double()
      case 8:
        return this.#binary()
      case 9:
      case 10:
        return this.#list(depth)
      case 11:
        return this.#map(depth)
      case 12:
        return this.struct(depth + 1)
      case 13:
        return this.#take(16)
      default:
        throw damaged(`a header has a field of the unknown kind ${kind}`)
    }
  }

  #list(depth: number): ThriftValue[] {
    if (depth > deepest) throw damaged('a header is nested too deeply')
    const head = this.#byte()
    const size = head >> 4 === 15 ? this.#size() : head >> 4
    if (size > this.#bytes.length - this.#at) throw damaged('a list is longer than its header')
    const values: ThriftValue[] = []
    for (let index = 0; index < size; index++) values.push(this.#value(head & 15, depth + 1))
    return values
  }

  /** Parquet has no maps: pairs are passed over. */
  #map(depth: number): readonly ThriftValue[] {
    if (depth > deepest) throw damaged('a header is nested too deeply')
    const size = this.#size()
    if (size === 0) return []
    if (size > this.#bytes.length - this.#at) throw damaged('a map is longer than its header')
    const kinds = this.#byte()
    for (let index = 0; index < size; index++) {
      this.#value(kinds >> 4, depth + 1)
      this.#value(kinds & 15, depth + 1)
    }
    return []
  }

  #binary(): Uint8Array {
    return this.#take(this.#size())
  }

  #take(size: number): Uint8Array {
    if (size > this.#bytes.length - this.#at) throw damaged('a header ends too early')
    this.#at += size
    return this.#bytes.subarray(this.#at - size, this.#at)
  }

  #double(): number {
    const bytes = this.#take(8)
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true)
  }

  /** An unsigned size that fits what is left of a 32-bit integer. */
  #size(): number {
    let value = 0
    for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
      const byte = this.#byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw damaged('a size has too many bytes')
  }

  #zigzag(): number {
    const value = this.#size()
    if (value > 0xffff_ffff) throw damaged('an integer has too many bits')
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  #long(): bigint {
    let low = 0
    for (let index = 0, factor = 1; index < 4; index++, factor *= 128) {
      const byte = this.#byte()
      low += (byte & 0x7f) * factor
      if (byte < 0x80) return BigInt(low % 2 === 0 ? low / 2 : -(low + 1) / 2)
    }
    let value = BigInt(low)
    for (let shift = 28n; shift <= 63n; shift += 7n) {
      const byte = this.#byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
    }
    throw damaged('an integer has too many bytes')
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw damaged('a header ends too early')
    return byte
  }
}
