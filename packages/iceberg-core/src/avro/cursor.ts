import { IcebergError } from '../errors.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * A position in a block of Avro data. The data may be damaged: every read is checked against the end of the block, and
 * throws IcebergError `malformed-manifest`.
 */
export class Cursor {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly #buffer: Buffer
  at = 0

  constructor(bytes: Uint8Array) {
    // Of a Buffer, slice would not copy.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
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
    const start = this.at
    const small = this.#smallVarint()
    if (small !== undefined) return BigInt((small >>> 1) ^ -(small & 1))
    this.at = start
    let value = 0n
    for (let shift = 0n; shift <= 63n; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
    }
    throw damaged('an integer has too many bytes')
  }

  /** A varint that must be a 32-bit integer. */
  int(): number {
    const start = this.at
    const small = this.#smallVarint()
    if (small !== undefined) return (small >>> 1) ^ -(small & 1)
    this.at = start
    const value = this.long()
    if (BigInt.asIntN(32, value) !== value) throw damaged('an int has more than 32 bits')
    return Number(value)
  }

  /** A count or length: at most the number of bytes that are left. */
  length(): number {
    const value = this.count()
    if (value < 0 || value > this.remaining) throw damaged('a length is larger than the data')
    return value
  }

  /** A varint as a number: exact up to 2^53, which is more than anything that is counted here. */
  count(): number {
    const start = this.at
    const small = this.#smallVarint()
    if (small !== undefined) return (small >>> 1) ^ -(small & 1)
    this.at = start
    return Number(this.long())
  }

  /** Moves over so many varints of any size. */
  skipVarints(count: number): void {
    const { bytes } = this
    const end = bytes.length
    let at = this.at
    for (let left = count; left > 0; left--) {
      const last = at + 9
      while (at < end && (bytes[at] ?? 0) >= 0x80) if (++at > last) throw damaged('an integer has too many bytes')
      if (++at > end) throw damaged('data ends too early')
    }
    this.at = at
  }

  /** Moves over bytes or text with their length before them. */
  skipBytes(): void {
    this.skip(this.length())
  }

  copy(length: number): Uint8Array {
    const start = this.skip(length)
    return this.bytes.slice(start, start + length)
  }

  /** Text of so many bytes. */
  text(length: number): string {
    const start = this.skip(length)
    const end = start + length
    const { bytes } = this
    for (let at = start; at < end; at++) if ((bytes[at] ?? 0) >= 0x80) return decodeUtf8(bytes.subarray(start, end))
    return this.#buffer.toString('latin1', start, end)
  }

  /** The raw value of a varint of at most four bytes; `undefined`, at any position, for a longer one. */
  #smallVarint(): number | undefined {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    return undefined
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw damaged('a string is not valid UTF-8', cause)
  }
}

/** The error for data that cannot be what it should be; the reader of the file adds where. */
export function damaged(what: string, cause?: unknown): IcebergError {
  return new IcebergError('malformed-manifest', what, { cause })
}
