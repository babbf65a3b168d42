import type { BinaryView, ColumnView, MemoryPool, StringView } from '@icebridge/columnar'
import { truncateBytesUpper } from '@icebridge/iceberg-core'
import { ByteBuffer, copyBytes, isRepeated } from './byte-buffer.ts'
import { HEADROOM, PageBody } from './page-body.ts'
import { appendHybrid, bitWidth } from './rle-hybrid.ts'
import { raisedText } from './utf8-bounds.ts'
import {
  type EncodedDictionary,
  type EncodedValues,
  type RawBounds,
  type ValueEncoder,
  wrongKind,
} from './value-encoder.ts'

const MAX_DICTIONARY_ENTRIES = 1 << 17
/** Longer values go plain: hashing them costs more than the few repeats that a dictionary of them could hold. */
const MAX_ENTRY_BYTES = 512
/** Plain pages from this size on are handed over with their memory. */
const OWN_BYTES = 1 << 18
/** A value from this length on is not copied when it has its page for itself. */
export const LONG_VALUE_BYTES: number = 1 << 20
/** Bytes that a bound of a page keeps. */
const MAX_BOUND_BYTES = 1024
/** A first page pays for its dictionary when both together take at most this share of the plain bytes. */
const WORTHWHILE = 0.75

/**
 * Strings and binaries: through a dictionary as long as that is smaller, plain from then on.
 *
 * Whether it is, shows on the first page of a chunk; a later page that outgrows the dictionary ends it.
 */
export class BytesEncoder implements ValueEncoder {
  readonly nanCount = 0
  readonly #plain: PageBody
  readonly #dictionary: Dictionary
  readonly #encoded = new ByteBuffer()
  #indexes = new Int32Array(1024)
  #indexCount = 0
  /** Plain size of the values behind the open page's indexes. */
  #indexedBytes = 0
  #long: Uint8Array | undefined
  #useDictionary = true
  #referenced = false
  readonly #bounds = new PlacedBounds()

  readonly #isText: boolean

  constructor(options: { readonly dictionaryBytes: number; readonly isText: boolean; readonly memory: MemoryPool }) {
    this.#isText = options.isText
    this.#plain = new PageBody(options.memory)
    this.#dictionary = new Dictionary(options.dictionaryBytes)
  }

  get pageBytes(): number {
    return this.#plain.size + this.#indexedBytes + (this.#long?.length ?? 0)
  }

  appendRange(view: ColumnView, start: number, end: number): void {
    const { data, offsets } = bytesOf(view)
    if (this.#useDictionary && isConstant(data, offsets, start, end)) {
      this.#appendRepeated(data, offsets[start] ?? 0, offsets[start + 1] ?? 0, end - start)
      return
    }
    for (let row = start; row < end; row++) this.#append(data, offsets[row] ?? 0, offsets[row + 1] ?? 0)
  }

  appendRows(view: ColumnView, rows: Int32Array, count: number): void {
    const { data, offsets } = bytesOf(view)
    for (let index = 0; index < count; index++) {
      const row = rows[index] ?? 0
      this.#append(data, offsets[row] ?? 0, offsets[row + 1] ?? 0)
    }
  }

  detach(): void {
    if (this.#long !== undefined) this.#copyLong(this.#long)
  }

  takePage(): EncodedValues {
    if (this.#long !== undefined) return this.#takeLong(this.#long)
    if (!this.#useDictionary) return this.#takePlain()
    const width = bitWidth(Math.max(0, this.#dictionary.count - 1))
    this.#encoded.clear()
    this.#encoded.appendByte(width)
    appendHybrid(this.#encoded, this.#indexes, this.#indexCount, width)
    if (!this.#referenced && this.#encoded.length + this.#dictionary.byteSize > this.#indexedBytes * WORTHWHILE) {
      this.#spill()
      return this.#takePlain()
    }
    this.#referenced = true
    this.#boundIndexes()
    this.#indexCount = 0
    this.#indexedBytes = 0
    const bounds = this.#bounds.take(this.#dictionary.plain.bytes, this.#isText)
    return { encoding: 'RLE_DICTIONARY', bytes: this.#encoded.view(), plain: undefined, bounds }
  }

  takeChunk(): EncodedDictionary | undefined {
    const dictionary = this.#referenced
      ? { count: this.#dictionary.count, bytes: this.#dictionary.plain.view() }
      : undefined
    // A chunk whose first page did not pay says that the next one will not either.
    this.#useDictionary = this.#referenced
    this.#referenced = false
    this.#dictionary.clear()
    return dictionary
  }

  #append(data: Uint8Array, start: number, end: number): void {
    if (this.#long !== undefined) this.#copyLong(this.#long)
    else if (end - start >= LONG_VALUE_BYTES && this.#indexCount === 0 && this.#plain.size === 0) {
      this.#useDictionary = false
      this.#long = data.subarray(start, end)
      return
    }
    if (this.#useDictionary) {
      const index = end - start > MAX_ENTRY_BYTES ? -1 : this.#dictionary.indexOf(data, start, end)
      if (index >= 0) {
        if (this.#indexCount === this.#indexes.length) this.#indexes = doubled(this.#indexes)
        this.#indexes[this.#indexCount++] = index
        this.#indexedBytes += end - start + 4
        return
      }
      // The dictionary has no room for it: the open page goes plain, and so do all after it.
      this.#spill()
    }
    this.#appendPlain(data, start, end)
  }

  /** The same value so many times: it is looked up once. */
  #appendRepeated(data: Uint8Array, start: number, end: number, count: number): void {
    this.#append(data, start, end)
    if (!this.#useDictionary) {
      for (let left = count - 1; left > 0; left--) this.#append(data, start, end)
      return
    }
    const from = this.#indexCount
    const to = from + count - 1
    while (to > this.#indexes.length) this.#indexes = doubled(this.#indexes)
    this.#indexes.fill(this.#indexes[from - 1] ?? 0, from, to)
    this.#indexCount = to
    this.#indexedBytes += (end - start + 4) * (count - 1)
  }

  #takeLong(long: Uint8Array): EncodedValues {
    this.#long = undefined
    this.#encoded.clear()
    this.#encoded.appendUint32(long.length)
    this.#bounds.add(long, 0, long.length)
    const bytes = this.#encoded.view()
    return { encoding: 'PLAIN', bytes, long, plain: bytes, bounds: this.#bounds.take(long, this.#isText) }
  }

  /** A value that has to share its page after all. */
  #copyLong(long: Uint8Array): void {
    this.#long = undefined
    this.#appendPlain(long, 0, long.length)
  }

  #takePlain(): EncodedValues {
    const bounds = this.#bounds.take(this.#plain.bytes, this.#isText)
    if (this.#plain.size < OWN_BYTES) {
      const bytes = this.#plain.view()
      this.#plain.clear()
      return { encoding: 'PLAIN', bytes, plain: bytes, bounds }
    }
    const bytes = this.#plain.release()
    return { encoding: 'PLAIN', bytes, plain: bytes, bounds, headroom: HEADROOM }
  }

  /** Turns the open page's indexes back into plain values and leaves the dictionary to the pages before it. */
  #spill(): void {
    const { plain, starts } = this.#dictionary
    for (let at = 0; at < this.#indexCount; at++) {
      const start = (starts[this.#indexes[at] ?? 0] ?? 0) + 4
      this.#appendPlain(plain.bytes, start, start + plain.bytes.readUInt32LE(start - 4))
    }
    this.#indexCount = 0
    this.#indexedBytes = 0
    this.#useDictionary = false
  }

  #appendPlain(data: Uint8Array, start: number, end: number): void {
    const length = end - start
    const page = this.#plain
    const bytes = page.reserve(length + 4)
    let at = page.length
    bytes[at++] = length & 0xff
    bytes[at++] = (length >>> 8) & 0xff
    bytes[at++] = (length >>> 16) & 0xff
    bytes[at++] = length >>> 24
    if (length > 32) bytes.set(data.subarray(start, end), at)
    else for (let index = start; index < end; index++) bytes[at++] = data[index] ?? 0
    const from = page.length + 4
    page.length = from + length
    this.#bounds.add(bytes, from, from + length)
  }

  /** Bounds of the open page's indexes: each entry is looked at once, however often it is used. */
  #boundIndexes(): void {
    const { plain, starts, count } = this.#dictionary
    const used = new Uint8Array(count)
    const indexes = this.#indexes
    for (let at = 0; at < this.#indexCount; at++) used[indexes[at] ?? 0] = 1
    for (let entry = 0; entry < count; entry++) {
      if (used[entry] === 0) continue
      const start = (starts[entry] ?? 0) + 4
      this.#bounds.add(plain.bytes, start, start + plain.bytes.readUInt32LE(start - 4))
    }
  }
}

/** The smallest and largest of the values in one buffer, by place: they are copied once, when they are taken. */
class PlacedBounds {
  #some = false
  #minStart = 0
  #minEnd = 0
  #maxStart = 0
  #maxEnd = 0

  /** The value at a place of a buffer that holds all those before. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#some) {
      this.#some = true
      this.#minStart = this.#maxStart = start
      this.#minEnd = this.#maxEnd = end
    } else if (order(bytes, start, end, this.#maxStart, this.#maxEnd) > 0) {
      this.#maxStart = start
      this.#maxEnd = end
    } else if (order(bytes, start, end, this.#minStart, this.#minEnd) < 0) {
      this.#minStart = start
      this.#minEnd = end
    }
  }

  /** Longer ones than {@link MAX_BOUND_BYTES} are cut, the upper one rounded up: they stay in memory until the file ends. */
  take(bytes: Uint8Array, isText: boolean): RawBounds | undefined {
    if (!this.#some) return undefined
    this.#some = false
    return {
      min: copyBytes(bytes, this.#minStart, cutEnd(bytes, this.#minStart, this.#minEnd, isText)),
      max: upperBound(bytes, this.#maxStart, this.#maxEnd, isText),
    }
  }
}

/** Where a bound ends that is cut, between two characters if it is text. */
function cutEnd(bytes: Uint8Array, start: number, end: number, isText: boolean): number {
  if (end - start <= MAX_BOUND_BYTES) return end
  let cut = start + MAX_BOUND_BYTES
  while (isText && ((bytes[cut] ?? 0) & 0xc0) === 0x80) cut -= 1
  return cut
}

/** Whole when it is short, or when no shorter bound is above it. */
function upperBound(bytes: Uint8Array, start: number, end: number, isText: boolean): Uint8Array {
  const cut = cutEnd(bytes, start, end, isText)
  if (cut === end) return copyBytes(bytes, start, end)
  if (!isText) return truncateBytesUpper(bytes.subarray(start, cut + 1), cut - start) ?? copyBytes(bytes, start, end)
  return raisedText(bytes, start, cut) ?? copyBytes(bytes, start, end)
}

/** Distinct byte strings in the order of their first use, found by hash. */
class Dictionary {
  /** Plain encoded: a 32-bit length, then the bytes. */
  readonly plain: ByteBuffer = new ByteBuffer(4096)
  /** Where each entry's length stands in `plain`. */
  starts: Int32Array = new Int32Array(256)
  count = 0
  #hashes = new Int32Array(256)
  /** Entry + 1 by hash, open addressing; at most half full. */
  #slots = new Int32Array(1024)
  readonly #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get byteSize(): number {
    return this.plain.length
  }

  /** The index of the value, added when it is new; -1 when it is new and there is no room. */
  indexOf(data: Uint8Array, start: number, end: number): number {
    let hash = end - start
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ (data[at] ?? 0), 0x0100_0193)
    hash ^= hash >>> 15
    const mask = this.#slots.length - 1
    let slot = hash & mask
    for (let entry = this.#slots[slot] ?? 0; entry !== 0; entry = this.#slots[slot] ?? 0) {
      if (this.#hashes[entry - 1] === hash && this.#equals(entry - 1, data, start, end)) return entry - 1
      slot = (slot + 1) & mask
    }
    if (this.count === MAX_DICTIONARY_ENTRIES || this.plain.length + end - start + 4 > this.#maxBytes) return -1
    return this.#add(data, start, end, { slot, hash })
  }

  clear(): void {
    this.plain.clear()
    this.count = 0
    this.#slots.fill(0)
  }

  #add(data: Uint8Array, start: number, end: number, place: { readonly slot: number; readonly hash: number }): number {
    const entry = this.count++
    if (entry === this.starts.length) {
      this.starts = doubled(this.starts)
      this.#hashes = doubled(this.#hashes)
    }
    this.starts[entry] = this.plain.length
    this.#hashes[entry] = place.hash
    this.plain.appendUint32(end - start)
    this.plain.append(data.subarray(start, end))
    this.#slots[place.slot] = entry + 1
    if (this.count * 2 > this.#slots.length) this.#rehash()
    return entry
  }

  #equals(entry: number, data: Uint8Array, start: number, end: number): boolean {
    const { bytes } = this.plain
    let at = this.starts[entry] ?? 0
    const next = entry + 1 < this.count ? (this.starts[entry + 1] ?? 0) : this.plain.length
    at += 4
    if (next - at !== end - start) return false
    for (let from = start; from < end; from++) if (bytes[at++] !== data[from]) return false
    return true
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let entry = 0; entry < this.count; entry++) {
      let slot = (this.#hashes[entry] ?? 0) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = entry + 1
    }
    this.#slots = slots
  }
}

/** Whether all of so many values are the same: each is as long as the first, and has its bytes. */
function isConstant(data: Uint8Array, offsets: Int32Array, start: number, end: number): boolean {
  const from = offsets[start] ?? 0
  const length = (offsets[start + 1] ?? 0) - from
  const to = offsets[end] ?? 0
  if (to - from !== length * (end - start)) return false
  if (!isRepeated(data.subarray(from, to), length)) return false
  for (let row = start; row < end; row++) if ((offsets[row + 1] ?? 0) - (offsets[row] ?? 0) !== length) return false
  return true
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(array.length * 2)
  grown.set(array)
  return grown
}

function bytesOf(view: ColumnView): StringView | BinaryView {
  if (view.kind !== 'string' && view.kind !== 'binary') throw wrongKind(view, 'bytes')
  return view
}

/** Unsigned byte order of two values in one buffer, a prefix before what it begins. */
function order(bytes: Uint8Array, start: number, end: number, otherStart: number, otherEnd: number): number {
  const common = Math.min(end - start, otherEnd - otherStart)
  for (let index = 0; index < common; index++) {
    const difference = (bytes[start + index] ?? 0) - (bytes[otherStart + index] ?? 0)
    if (difference !== 0) return difference
  }
  return end - start - (otherEnd - otherStart)
}
