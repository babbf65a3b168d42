import { Binary, type Data, FixedSizeBinary, makeData, Utf8 } from 'apache-arrow'
import { BuilderBase, doubled } from './builder-base.ts'

const MAX_BYTES = 0x7fff_ffff
/** Longer strings go through the platform's encoder, which costs a call but runs many bytes at a time. */
const SHORT = 32

/** What to do with a lone surrogate, which UTF-8 cannot hold: refuse the string, or put U+FFFD in its place. */
export type LoneSurrogates = 'refuse' | 'replace'

/** Builds a column of offsets into one growing byte buffer: string or binary. */
abstract class VariableBase extends BuilderBase {
  protected offsets: Int32Array | undefined = undefined
  protected bytes: Buffer = Buffer.alloc(0)
  protected end = 0

  appendNull(): void {
    this.prepare(0)
    this.markNull()
    this.close(this.end)
  }

  get byteSize(): number {
    return this.end + this.length * 4
  }

  /** Makes room for one more row and for `extra` more bytes. */
  protected prepare(extra: number): void {
    const offsets = this.offsets
    if (offsets === undefined) {
      this.offsets = new Int32Array(this.capacity + 1)
    } else if (this.length + 1 === offsets.length) {
      this.capacity = doubled(this.capacity)
      const grown = new Int32Array(this.capacity + 1)
      grown.set(offsets)
      this.offsets = grown
    }
    if (this.end + extra > this.bytes.length) this.#growBytes(extra)
  }

  protected close(end: number): void {
    this.end = end
    this.length++
    // prepare() made the slot
    ;(this.offsets as Int32Array)[this.length] = end
  }

  protected appendBytes(value: Uint8Array): void {
    const { length } = value
    this.prepare(length)
    const { bytes } = this
    let at = this.end
    if (length <= 24) {
      for (let index = 0; index < length; index++) bytes[at++] = value[index] ?? 0
    } else {
      bytes.set(value, at)
      at += length
    }
    this.close(at)
  }

  protected finishAs(type: Utf8 | Binary): Data {
    const offsets = (this.offsets ?? new Int32Array(1)).subarray(0, this.length + 1)
    const made = makeData({
      type: type as Binary, // both are laid out as offsets and bytes
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.takeBitmap(),
      valueOffsets: offsets,
      data: new Uint8Array(this.bytes.buffer, this.bytes.byteOffset, this.end),
    })
    const size = this.end
    this.offsets = undefined
    this.bytes = allocate(Math.min(MAX_BYTES, size + (size >> 3)))
    this.end = 0
    this.reset()
    return made
  }

  #growBytes(extra: number): void {
    const needed = this.end + extra
    if (needed > MAX_BYTES) {
      throw this.fault('batch-too-large', 'the column would pass 2 GiB', 'Finish batches after fewer rows.')
    }
    const grown = allocate(Math.min(MAX_BYTES, Math.max(needed, this.bytes.length * 2, this.capacity * 8)))
    grown.set(this.bytes.subarray(0, this.end))
    this.bytes = grown
  }
}

/** Outside Node's shared pool, so that a batch owns its memory. Only bytes that were written are ever exposed. */
function allocate(size: number): Buffer {
  return size === 0 ? Buffer.alloc(0) : Buffer.allocUnsafeSlow(size)
}

/** Builds a UTF-8 string column. */
export class StringBuilder extends VariableBase {
  readonly kind = 'string' as const
  readonly #loneSurrogates: LoneSurrogates

  constructor(name: string, initialRows: number, loneSurrogates: LoneSurrogates = 'refuse') {
    super(name, initialRows)
    this.#loneSurrogates = loneSurrogates
  }

  /**
   * Appends a string.
   *
   * @throws ColumnarError 'lone-surrogate' for a string that is not well-formed UTF-16, unless the builder replaces them.
   */
  append(value: string): void {
    if (typeof value !== 'string') throw this.fault('wrong-value-type', 'not a string')
    const { length } = value
    if (length > SHORT) return this.#appendLong(value)
    this.prepare(length * 3)
    const { bytes } = this
    let at = this.end
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index)
      if (code < 0x80) {
        bytes[at++] = code
      } else if (code < 0x800) {
        bytes[at++] = 0xc0 | (code >> 6)
        bytes[at++] = 0x80 | (code & 0x3f)
      } else if (code < 0xd800 || code > 0xdfff) {
        bytes[at++] = 0xe0 | (code >> 12)
        bytes[at++] = 0x80 | ((code >> 6) & 0x3f)
        bytes[at++] = 0x80 | (code & 0x3f)
      } else {
        return this.#appendLong(value)
      }
    }
    this.close(at)
  }

  /**
   * Appends text that is UTF-8 already. The bytes are copied.
   *
   * @throws ColumnarError 'malformed-utf8' when they are not valid UTF-8.
   */
  appendUtf8(utf8: Uint8Array): void {
    if (!validUtf8(utf8)) throw this.fault('malformed-utf8', 'not valid UTF-8')
    this.appendBytes(utf8)
  }

  /** The Arrow data; the builder starts again empty. */
  finish(): Data {
    return this.finishAs(new Utf8())
  }

  #appendLong(value: string): void {
    if (this.#loneSurrogates === 'refuse' && !value.isWellFormed()) {
      throw this.fault(
        'lone-surrogate',
        'the string holds half of a surrogate pair, which UTF-8 cannot store',
        'Correct the value at its source, or declare that lone surrogates are replaced by U+FFFD.',
      )
    }
    // Reserving three bytes a character for a very long string would waste memory: count them first.
    const most = value.length > 65_536 ? Buffer.byteLength(value, 'utf8') : value.length * 3
    this.prepare(most)
    this.close(this.end + this.bytes.write(value, this.end, 'utf8'))
  }
}

/** Builds a binary column; the bytes are copied. */
export class BinaryBuilder extends VariableBase {
  readonly kind = 'binary' as const

  append(value: Uint8Array): void {
    if (!(value instanceof Uint8Array)) throw this.fault('wrong-value-type', 'not a Uint8Array')
    this.appendBytes(value)
  }

  /** The Arrow data; the builder starts again empty. */
  finish(): Data {
    return this.finishAs(new Binary())
  }
}

abstract class FixedBase extends BuilderBase {
  readonly byteWidth: number
  #bytes: Uint8Array | undefined = undefined

  constructor(name: string, initialRows: number, byteWidth: number) {
    super(name, initialRows)
    this.byteWidth = byteWidth
  }

  /** Appends bytes of exactly the column's length; they are copied. @throws ColumnarError 'wrong-length' */
  append(value: Uint8Array): void {
    const width = this.byteWidth
    if (value.length !== width) throw this.fault('wrong-length', `${value.length} bytes, not ${width}`)
    const bytes = this.#room()
    const start = this.length * width
    if (width <= 24) for (let index = 0; index < width; index++) bytes[start + index] = value[index] ?? 0
    else bytes.set(value, start)
    this.length++
  }

  appendNull(): void {
    this.#room()
    this.markNull()
    this.length++
  }

  get byteSize(): number {
    return this.length * this.byteWidth
  }

  /** The Arrow data; the builder starts again empty. */
  finish(): Data {
    const made = makeData({
      type: new FixedSizeBinary(this.byteWidth),
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.takeBitmap(),
      data: (this.#bytes ?? new Uint8Array(0)).subarray(0, this.length * this.byteWidth),
    })
    this.#bytes = undefined
    this.reset()
    return made
  }

  #room(): Uint8Array {
    const bytes = this.#bytes
    if (bytes !== undefined && this.length < this.capacity) return bytes
    if (bytes !== undefined) this.capacity = doubled(this.capacity)
    const grown = new Uint8Array(this.capacity * this.byteWidth)
    if (bytes !== undefined) grown.set(bytes)
    this.#bytes = grown
    return grown
  }
}

/** Builds a column of byte strings of one length. */
export class FixedBuilder extends FixedBase {
  readonly kind = 'fixed' as const
}

/** Builds a UUID column from 16 bytes each, in the order in which the text form is written. */
export class UuidBuilder extends FixedBase {
  readonly kind = 'uuid' as const

  constructor(name: string, initialRows: number) {
    super(name, initialRows, 16)
  }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function validUtf8(bytes: Uint8Array): boolean {
  let index = 0
  while (index < bytes.length && (bytes[index] ?? 0) < 0x80) index++
  if (index === bytes.length) return true
  try {
    strict.decode(bytes)
    return true
  } catch {
    return false
  }
}
