import type { ColumnView, MemoryPool, Validity } from '@icebridge/columnar'
import { BitBuffer, countBits } from './bit-buffer.ts'
import { BloomFilter, type BloomOptions } from './bloom-filter.ts'
import { ByteBuffer } from './byte-buffer.ts'
import { LONG_VALUE_BYTES } from './bytes-encoder.ts'
import type { PageCompressor } from './compression.ts'
import { encoderOf } from './encoder-of.ts'
import { dataHeader, dictionaryHeader, encodingIds, PLAIN, RLE } from './page-headers.ts'
import type { IndexedPage } from './page-index.ts'
import type { Leaf } from './parquet-schema.ts'
import { appendBitmap, appendHybrid, appendRun, bitWidth } from './rle-hybrid.ts'
import type { Shredded } from './shred.ts'
import { unionBounds } from './statistics.ts'
import type { PageEncoding, RawBounds, ValueEncoder } from './value-encoder.ts'

/** Rows appended between two looks at the page's size. */
const STEP = 4096
/** Most pages shrink to less. */
const FIRST_SHARE = 0.5
/** Memory for levels that is kept from page to page. */
const KEPT_BYTES = 1 << 21
/** How the column chunks of one leaf are cut and compressed. */
export interface LeafOptions {
  readonly compressor: PageCompressor
  /** For pages that are being compressed. */
  readonly memory: MemoryPool
  /** Plain bytes at which a page is closed. */
  readonly pageBytes: number
  /** Rows at which a page is closed. */
  readonly pageRows: number
  /** Plain bytes of a dictionary at most. */
  readonly dictionaryBytes: number
  /** Store integers as differences where that is smaller. */
  readonly deltas: boolean
  readonly bloom: BloomOptions | undefined
}

/** A column chunk ready to be written: page headers and pages in order, offsets relative to its start. */
export interface Chunk {
  readonly leaf: Leaf
  readonly parts: readonly Uint8Array[]
  readonly compressedBytes: number
  readonly uncompressedBytes: number
  readonly hasDictionary: boolean
  readonly dictionaryBytes: number
  readonly encodings: readonly number[]
  /** Slots, nulls included. */
  readonly valueCount: number
  readonly nullCount: number
  readonly nanCount: number
  readonly bounds: RawBounds | undefined
  readonly pages: readonly IndexedPage[]
  readonly bloomFilter: Uint8Array | undefined
}

interface Page {
  readonly slots: number
  readonly firstRow: number
  readonly nullCount: number
  readonly bounds: RawBounds | undefined
  readonly encoding: PageEncoding
  readonly uncompressedBytes: number
  readonly compressed: Uint8Array | Promise<readonly Uint8Array[]>
}

/** Writes the column chunks of one leaf, one after the other. Pages are compressed as soon as they are full. */
export class LeafWriter {
  readonly leaf: Leaf
  readonly #values: ValueEncoder
  readonly #options: LeafOptions
  readonly #bloom: BloomFilter | undefined
  readonly #levels = new ByteBuffer()
  /** Which slots of the open page hold a value, from its first null on: the levels of a leaf that is a column itself. */
  readonly #present = new BitBuffer()
  #definitions = new Uint8Array(0)
  #repetitions = new Uint8Array(0)
  #slots = 0
  #pageRows = 0
  #pageNulls = 0
  #pages: Page[] = []
  /** Pages that are compressed from where their value stands. */
  #borrowing: Promise<unknown>[] = []
  /** What share of its bytes the page before took when it was compressed. */
  #share = FIRST_SHARE
  #chunkRows = 0
  #chunkSlots = 0
  #chunkNulls = 0

  constructor(leaf: Leaf, options: LeafOptions) {
    this.leaf = leaf
    this.#values = encoderOf(leaf, options)
    this.#options = options
    this.#bloom = options.bloom === undefined ? undefined : new BloomFilter(leaf, options.bloom)
  }

  /** Appends rows of a leaf that is a column itself. */
  appendColumn(view: ColumnView, range: { readonly start: number; readonly end: number }, scratch: Int32Array): void {
    for (let from = range.start; from < range.end;) {
      const rows = Math.min(STEP, scratch.length, this.#options.pageRows - this.#pageRows)
      const to = stepEnd(view, from, { to: Math.min(range.end, from + rows), bytes: this.#options.pageBytes })
      if (this.#slots > 0 && to === from + 1 && isLong(view, from)) this.#closePage()
      this.#appendStep(view, from, to, scratch)
      this.#pageRows += to - from
      from = to
      if (this.#isFull()) this.#closePage()
    }
  }

  /** Appends the slots of `rowCount` rows for a leaf inside a nested column. */
  appendShredded(shredded: Shredded, rowCount: number): void {
    const { definitions, repetitions, rows, count } = shredded
    this.#reserveLevels(definitions.length)
    this.#definitions.set(definitions, this.#slots)
    if (this.leaf.maxRepetition > 0) this.#repetitions.set(repetitions, this.#slots)
    this.#values.appendRows(shredded.view, rows, count)
    this.#slots += definitions.length
    this.#pageRows += rowCount
    this.#pageNulls += definitions.length - count
    if (this.#isFull()) this.#closePage()
  }

  /** Appends nulls, one a row, for a leaf of a column that the batch does not have. */
  appendNulls(slots: number): void {
    if (this.leaf.path.length === 1) {
      this.#beginPresent()
      this.#present.appendRun(0, slots)
    } else {
      this.#reserveLevels(slots)
      this.#definitions.fill(0, this.#slots, this.#slots + slots)
      this.#repetitions.fill(0, this.#slots, this.#slots + slots)
    }
    this.#slots += slots
    this.#pageRows += slots
    this.#pageNulls += slots
    if (this.#isFull()) this.#closePage()
  }

  /** Resolves when nothing of the batches that were appended is looked at any more. */
  async detach(): Promise<void> {
    this.#values.detach?.()
    if (this.#borrowing.length === 0) return
    await Promise.all(this.#borrowing)
    this.#borrowing = []
  }

  /** Ends the last page of the chunk, which is compressed from now on. */
  endPages(): void {
    if (this.#slots > 0) this.#closePage()
  }

  /** Ends the chunk. Resolves when its pages are compressed. */
  async takeChunk(): Promise<Chunk> {
    this.endPages()
    const { nanCount } = this.#values
    const dictionary = this.#values.takeChunk()
    if (dictionary !== undefined) this.#bloom?.add(dictionary.bytes)
    const pages = this.#pages
    const indexed: IndexedPage[] = []
    let bounds: RawBounds | undefined
    const parts: Uint8Array[] = []
    let uncompressed = 0
    let compressed = 0
    const add = (header: Uint8Array, body: readonly Uint8Array[], plainBytes: number): void => {
      parts.push(header, ...body)
      compressed += header.length + lengthOf(body)
      uncompressed += header.length + plainBytes
    }
    if (dictionary !== undefined) {
      const { compressor } = this.#options
      const { bytes } = dictionary
      const now = compressor.compressNow(bytes, FIRST_SHARE)
      const body = now === undefined ? await compressor.compress(bytes, FIRST_SHARE) : [now]
      add(dictionaryHeader(bytes.length, lengthOf(body), dictionary.count), body, bytes.length)
    }
    const dictionaryBytes = compressed
    for (const page of pages) {
      const stored = await page.compressed
      const body = stored instanceof Uint8Array ? [stored] : stored
      this.#share = (lengthOf(body) / Math.max(1, page.uncompressedBytes)) * 1.1
      const offset = compressed
      add(dataHeader(page, lengthOf(body)), body, page.uncompressedBytes)
      const { firstRow, nullCount, slots } = page
      indexed.push({
        offset,
        compressedBytes: compressed - offset,
        firstRow,
        nullCount,
        isNull: nullCount === slots,
        bounds: page.bounds,
      })
      bounds = unionBounds(this.leaf.type, bounds, page.bounds)
    }
    const encodings = new Set([PLAIN, RLE, ...pages.map(({ encoding }) => encodingIds[encoding])])
    const chunk: Chunk = {
      leaf: this.leaf,
      parts,
      compressedBytes: compressed,
      uncompressedBytes: uncompressed,
      hasDictionary: dictionary !== undefined,
      dictionaryBytes,
      encodings: [...encodings],
      valueCount: this.#chunkSlots,
      nullCount: this.#chunkNulls,
      nanCount,
      bounds,
      pages: indexed,
      bloomFilter: this.#bloom?.take(bounds),
    }
    this.#pages = []
    this.#chunkRows = 0
    this.#chunkSlots = 0
    this.#chunkNulls = 0
    return chunk
  }

  #appendStep(view: ColumnView, from: number, to: number, scratch: Int32Array): void {
    const slots = to - from
    const { validity } = view
    const count = validity === undefined ? slots : countBits(validity.bits, validity.offset + from, slots)
    if (validity !== undefined && count < slots) {
      this.#beginPresent()
      this.#present.appendBits(validity.bits, validity.offset + from, slots)
    } else if (this.#pageNulls > 0) {
      this.#present.appendRun(1, slots)
    }
    if (count === slots) this.#values.appendRange(view, from, to)
    else if (validity !== undefined && count > 0) {
      rowsOf(validity, { from, to }, scratch)
      this.#values.appendRows(view, scratch, count)
    }
    this.#slots += slots
    this.#pageNulls += slots - count
  }

  /** At a page's first null: the slots before it were all there. */
  #beginPresent(): void {
    if (this.#pageNulls === 0) this.#present.appendRun(1, this.#slots)
  }

  #isFull(): boolean {
    return this.#values.pageBytes >= this.#options.pageBytes || this.#pageRows >= this.#options.pageRows
  }

  #closePage(): void {
    const slots = this.#slots
    const levels = this.#levels
    levels.clear(KEPT_BYTES)
    const { maxDefinition, maxRepetition } = this.leaf
    if (maxRepetition > 0) this.#appendLevels(this.#repetitions, maxRepetition)
    if (maxDefinition > 0) {
      if (this.#pageNulls === 0 && maxRepetition === 0) this.#appendFull(maxDefinition)
      else if (this.leaf.path.length === 1) this.#appendPresent()
      else this.#appendLevels(this.#definitions, maxDefinition)
    }
    const { encoding, bytes, long, plain, bounds, headroom } = this.#values.takePage()
    if (plain !== undefined) this.#bloom?.add(long === undefined ? plain : Buffer.concat([plain, long]))
    const uncompressedBytes = levels.length + bytes.length + (long?.length ?? 0)
    const compressed =
      long === undefined
        ? this.#compress(this.#body(levels.view(), bytes, headroom))
        : this.#compressLong(levels.view(), bytes, long)
    this.#pages.push({
      slots,
      firstRow: this.#chunkRows,
      nullCount: this.#pageNulls,
      bounds: this.leaf.ordered ? bounds : undefined,
      encoding,
      uncompressedBytes,
      compressed,
    })
    this.#chunkRows += this.#pageRows
    this.#chunkSlots += slots
    this.#chunkNulls += this.#pageNulls
    this.#pageRows = 0
    this.#slots = 0
    this.#pageNulls = 0
  }

  /** Levels and values in one piece of memory of the pool: where the values stand, if there is room before them. */
  #body(levels: Uint8Array, values: Uint8Array, headroom: number | undefined): Buffer {
    const { memory } = this.#options
    const length = levels.length + values.length
    if (headroom !== undefined && levels.length <= headroom && values.buffer instanceof ArrayBuffer) {
      const body = Buffer.from(values.buffer, values.byteOffset - levels.length, length)
      body.set(levels)
      return body
    }
    const body = Buffer.from(memory.take(length), 0, length)
    body.set(levels)
    body.set(values, levels.length)
    if (headroom !== undefined) memory.giveBack(values.buffer)
    return body
  }

  #compress(body: Buffer): Uint8Array | Promise<readonly Uint8Array[]> {
    const { compressor, memory } = this.#options
    const now = compressor.compressNow(body, this.#share)
    if (now !== undefined) {
      memory.giveBack(body.buffer)
      return now
    }
    const compressed = compressor.compress(body, this.#share).finally(() => memory.giveBack(body.buffer))
    // Awaited with the chunk; a failure before that must not count as unhandled.
    compressed.catch(() => undefined)
    return compressed
  }

  /** A page of one long value, which is compressed from where it stands. */
  #compressLong(levels: Uint8Array, bytes: Uint8Array, long: Uint8Array): Promise<readonly Uint8Array[]> {
    const compressed = this.#options.compressor.compressParts([Buffer.concat([levels, bytes]), long])
    // Awaited before the batch is given back, and with the chunk.
    compressed.catch(() => undefined)
    this.#borrowing.push(compressed)
    return compressed
  }

  /** Levels of a page in which every slot holds a value. */
  #appendFull(level: number): void {
    const start = this.#beginLevels()
    appendRun(this.#levels, level, this.#slots, bitWidth(level))
    this.#endLevels(start)
  }

  /** Levels of a leaf that is a column itself: its bitmap. */
  #appendPresent(): void {
    const start = this.#beginLevels()
    appendBitmap(this.#levels, this.#present.take(), this.#slots)
    this.#endLevels(start)
  }

  #appendLevels(values: Uint8Array, max: number): void {
    const start = this.#beginLevels()
    appendHybrid(this.#levels, values, this.#slots, bitWidth(max))
    this.#endLevels(start)
  }

  #beginLevels(): number {
    this.#levels.appendUint32(0)
    return this.#levels.length
  }

  #endLevels(start: number): void {
    this.#levels.bytes.writeUInt32LE(this.#levels.length - start, start - 4)
  }

  #reserveLevels(extra: number): void {
    const needed = this.#slots + extra
    if (needed > this.#definitions.length) this.#definitions = grown(this.#definitions, needed)
    if (this.leaf.maxRepetition > 0 && needed > this.#repetitions.length) {
      this.#repetitions = grown(this.#repetitions, needed)
    }
  }
}

/** The rows of a range that hold a value, into `scratch`. */
function rowsOf(
  { bits, offset }: Validity,
  range: { readonly from: number; readonly to: number },
  scratch: Int32Array,
): void {
  let count = 0
  for (let row = range.from; row < range.to; row++) {
    scratch[count] = row
    count += ((bits[(offset + row) >> 3] ?? 0) >> ((offset + row) & 7)) & 1
  }
}

/** Fewer rows than a step where the values are long, so that no page grows far past its size; at least one. */
function stepEnd(view: ColumnView, from: number, limit: { readonly to: number; readonly bytes: number }): number {
  if (view.kind !== 'string' && view.kind !== 'binary') return limit.to
  const start = view.offsets[from] ?? 0
  let end = limit.to
  while (end > from + 1 && (view.offsets[end] ?? 0) - start > limit.bytes) end = from + ((end - from) >> 1)
  return end
}

function isLong(view: ColumnView, row: number): boolean {
  if (view.kind !== 'string' && view.kind !== 'binary') return false
  return (view.offsets[row + 1] ?? 0) - (view.offsets[row] ?? 0) >= LONG_VALUE_BYTES
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0)
}

function grown(array: Uint8Array, needed: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(needed, array.length * 2))
  larger.set(array)
  return larger
}
