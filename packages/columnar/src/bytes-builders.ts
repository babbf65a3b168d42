import { Binary, type Data, Utf8 } from 'apache-arrow'
import type { ColumnarError } from './errors.ts'
import { KERNEL_BYTES, Utf16Kernel } from './utf16-kernel.ts'
import { AT_ONCE, MAX_BYTES, VariableBase } from './variable-base.ts'

/** Longer strings go through the platform's encoder, which costs a call but runs many bytes at a time. */
const SHORT = 32
/** The same for UTF-16, and for the kernel. */
const SHORT_UTF16_BYTES = 160

/** What to do with a lone surrogate, which UTF-8 cannot hold: refuse the string, or put U+FFFD in its place. */
export type LoneSurrogates = 'refuse' | 'replace'

/** Builds a UTF-8 string column. */
export class StringBuilder extends VariableBase {
  readonly kind = 'string' as const
  readonly #loneSurrogates: LoneSurrogates
  readonly #kernel = Utf16Kernel.get()
  readonly #pair: Buffer = Buffer.alloc(4)
  #carried = 0
  /** Values since the last `finish` in which half a pair was replaced. */
  #replaced = 0
  /** Whether one was in the parts so far of the value that comes in parts. */
  #partReplaced = false

  constructor(
    name: string,
    initialRows: number,
    options: { readonly loneSurrogates?: LoneSurrogates | undefined; readonly maxValueBytes?: number | undefined } = {},
  ) {
    super(name, initialRows, options.maxValueBytes)
    this.#loneSurrogates = options.loneSurrogates ?? 'refuse'
  }

  /** Values since the last `finish` that are not as they were appended: half of a surrogate pair in them was replaced. */
  get replacedCount(): number {
    return this.#replaced
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

  /**
   * Appends the bytes of `source` from `start` (inclusive) to `end` (exclusive) if all of them are ASCII characters, which mean the
   * same in every code page. False, and nothing is appended, if not.
   */
  appendAscii(source: Uint8Array, start: number, end: number): boolean {
    this.checkBytes(end - start)
    this.prepare(end - start)
    const { bytes } = this
    let at = this.end
    let all = 0
    for (let index = start; index < end; index++) {
      const byte = source[index] ?? 0
      all |= byte
      bytes[at++] = byte
    }
    if (all >= 0x80) return false
    this.close(at)
    return true
  }

  /**
   * Appends the UTF-16LE text that stands in `source` from `start` (inclusive) to `end` (exclusive): an even number of bytes.
   *
   * @throws ColumnarError 'lone-surrogate' as {@link append}.
   */
  appendUtf16(source: Buffer, start: number, end: number): void {
    if (end - start > SHORT_UTF16_BYTES) {
      const bytes = end - start > KERNEL_BYTES ? undefined : this.#kernel?.convert(source, start, end)
      if (bytes === undefined) {
        this.#appendLong(source.toString('utf16le', start, end))
      } else {
        this.checkBytes(bytes)
        this.prepare(bytes)
        this.#kernel?.copy(this.bytes, this.end, bytes)
        this.close(this.end + bytes)
      }
      return
    }
    this.prepare(((end - start) >> 1) * 3)
    const { bytes } = this
    let at = this.end
    for (let index = start; index < end; index += 2) {
      const code = (source[index] ?? 0) | ((source[index + 1] ?? 0) << 8)
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
        return this.#appendLong(source.toString('utf16le', start, end))
      }
    }
    this.close(at)
  }

  /**
   * Begins a value whose UTF-16LE text comes in parts, so that the whole of it never exists as a string. Nothing else may be
   * appended before {@link endUtf16}.
   *
   * @param bytes of the text, if known: room is made for them once.
   */
  beginUtf16(bytes: number | undefined): void {
    // At least a byte of UTF-8 for two of UTF-16, at most three.
    this.beginText(bytes === undefined ? undefined : { least: bytes >> 1, most: bytes + (bytes >> 1) })
  }

  /** Begins a value whose text comes in parts of characters, of so many bytes of UTF-8, if that is known. */
  beginText(bytes: { readonly least: number; readonly most: number } | undefined): void {
    this.#carried = 0
    this.#partReplaced = false
    this.prepare(0)
    if (bytes === undefined) return
    const { least, most } = bytes
    this.checkBytes(least)
    this.prepare(least > AT_ONCE ? Math.min(most, MAX_BYTES - this.end) : least)
  }

  /** The next characters. @throws ColumnarError 'lone-surrogate' as {@link append}. */
  appendText(text: string): void {
    if (!text.isWellFormed()) {
      if (this.#loneSurrogates === 'refuse') throw this.#loneSurrogate()
      this.#partReplaced = true
    }
    const most = text.length * 3
    // Near the end of the room that was made for the whole value the exact number decides.
    const room = this.end + most <= this.bytes.length ? most : Buffer.byteLength(text, 'utf8')
    this.checkPart(text.length)
    this.prepare(room)
    this.end += this.bytes.write(text, this.end, 'utf8')
  }

  /** The next bytes, which are ASCII characters: the caller knows. */
  appendAsciiText(source: Uint8Array, start: number, end: number): void {
    this.checkPart(end - start)
    this.prepare(end - start)
    this.bytes.set(source.subarray(start, end), this.end)
    this.end += end - start
  }

  /** The next part, which may end anywhere. @throws ColumnarError 'lone-surrogate' as {@link append}. */
  appendUtf16Part(source: Buffer, start: number, end: number): void {
    let from = start
    while (this.#carried > 0 && from < end) this.#carry(source[from++] ?? 0)
    let to = end - ((end - from) & 1)
    const last = to > from ? (source[to - 1] ?? 0) : 0
    if (last >= 0xd8 && last <= 0xdb) to -= 2
    if (to > from) this.#appendPart(source, from, to)
    for (let index = Math.max(from, to); index < end; index++) this.#carry(source[index] ?? 0)
  }

  /** Ends a value in parts. @throws ColumnarError 'lone-surrogate' as {@link append}; 'malformed-utf16' for half a code unit. */
  endUtf16(): void {
    if ((this.#carried & 1) === 1) throw this.fault('malformed-utf16', 'the text ends within a code unit')
    if (this.#carried > 0) this.#appendPart(this.#pair, 0, this.#carried)
    this.#carried = 0
    this.checkPart(0)
    if (this.#partReplaced) this.#replaced++
    this.close(this.end)
  }

  /** The Arrow data; the builder starts again empty. */
  finish(): Data {
    this.#replaced = 0
    return this.finishAs(new Utf8())
  }

  /** Keeps a byte of a code unit, or of a pair, that a part has cut through; written once it is whole. */
  #carry(byte: number): void {
    const pair = this.#pair
    pair[this.#carried++] = byte
    if ((this.#carried & 1) === 1) return
    const isPair = this.#carried === 4 && (byte & 0xfc) === 0xdc
    if (this.#carried === 4 && !isPair) {
      // The first unit has no second one; the new one may begin a pair of its own.
      this.#appendPart(pair, 0, 2)
      pair.copyWithin(0, 2, 4)
      this.#carried = 2
    }
    if (!isPair && (byte & 0xfc) === 0xd8) return
    const bytes = this.#carried
    this.#carried = 0
    this.#appendPart(pair, 0, bytes)
  }

  #appendPart(source: Buffer, start: number, end: number): void {
    for (let from = start; from < end;) {
      const to = Math.min(end, from + KERNEL_BYTES)
      const bytes = this.#kernel?.convert(source, from, to)
      if (bytes === undefined) {
        this.appendText(source.toString('utf16le', from, end))
        return
      }
      this.checkPart(bytes)
      this.prepare(bytes)
      this.#kernel?.copy(this.bytes, this.end, bytes)
      this.end += bytes
      from = to
    }
  }

  #loneSurrogate(): ColumnarError {
    return this.fault(
      'lone-surrogate',
      'the string holds half of a surrogate pair, which UTF-8 cannot store',
      'Correct the value at its source, or declare that lone surrogates are replaced by U+FFFD.',
    )
  }

  #appendLong(value: string): void {
    const isReplaced = !value.isWellFormed()
    if (isReplaced && this.#loneSurrogates === 'refuse') throw this.#loneSurrogate()
    // Reserving three bytes a character for a very long string would waste memory: count them first.
    const most = value.length > 65_536 ? Buffer.byteLength(value, 'utf8') : value.length * 3
    if (value.length > 65_536) this.checkBytes(most)
    this.prepare(most)
    const written = this.bytes.write(value, this.end, 'utf8')
    this.checkBytes(written)
    this.close(this.end + written)
    if (isReplaced) this.#replaced++
  }
}

/** Builds a binary column; the bytes are copied. */
export class BinaryBuilder extends VariableBase {
  readonly kind = 'binary' as const

  append(value: Uint8Array): void {
    if (!(value instanceof Uint8Array)) throw this.fault('wrong-value-type', 'not a Uint8Array')
    this.appendBytes(value)
  }

  /** Appends the bytes of `source` from `start` (inclusive) to `end` (exclusive). */
  appendSlice(source: Uint8Array, start: number, end: number): void {
    this.beginParts(end - start)
    this.appendPart(source, start, end)
    this.endParts()
  }

  /** Begins a value that comes in parts, of `bytes` in all if known. Nothing else may be appended before {@link endParts}. */
  beginParts(bytes: number | undefined): void {
    this.checkBytes(bytes ?? 0)
    this.prepare(bytes ?? 0)
  }

  /** The next part, which may end anywhere. */
  appendPart(source: Uint8Array, start: number, end: number): void {
    this.checkPart(end - start)
    this.prepare(end - start)
    const { bytes } = this
    let at = this.end
    if (end - start <= 24) for (let index = start; index < end; index++) bytes[at++] = source[index] ?? 0
    else bytes.set(source.subarray(start, end), at)
    this.end += end - start
  }

  endParts(): void {
    this.close(this.end)
  }

  /** The Arrow data; the builder starts again empty. */
  finish(): Data {
    return this.finishAs(new Binary())
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
