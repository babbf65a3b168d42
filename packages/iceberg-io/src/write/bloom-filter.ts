import { filterBytes, SplitBlocks } from '../parquet/split-blocks.ts'
import { XxHash64 } from '../parquet/xxhash64.ts'
import type { Leaf } from './parquet-schema.ts'
import { ThriftWriter } from './thrift-writer.ts'
import type { RawBounds } from './value-encoder.ts'

/** Pages that wait to be hashed, which most of them never are. */
const MOST_RISING_BYTES = 2 * 1024 * 1024

export interface BloomOptions {
  /** Share of absent values that the filter takes for present. */
  readonly falsePositives: number
  readonly maxBytes: number
}

/** True for a column whose values can be looked up in a bloom filter. */
export function canBloom(leaf: Leaf): boolean {
  return leaf.physical !== 'BOOLEAN' && leaf.ordered
}

/**
 * Collects the distinct hashes of one column chunk's values for a split block bloom filter of their number. From as many on as the
 * largest filter is good for, that one is filled and no hash kept.
 *
 * @see https://github.com/apache/parquet-format/blob/master/BloomFilter.md
 */
export class BloomFilter {
  readonly #width: number
  readonly #isInteger: boolean
  readonly #options: BloomOptions
  readonly #hashes = new HashSet()
  #full: SplitBlocks | undefined = undefined
  /** Pages of integers that have come in rising order, not hashed: of most of them there will be no filter. */
  #rising: Uint8Array[] = []
  #risingBytes = 0
  #last: number | bigint | undefined = undefined
  #isRising: boolean

  constructor(leaf: Leaf, options: BloomOptions) {
    this.#width = valueWidth(leaf)
    this.#isInteger = leaf.physical === 'INT32' || leaf.physical === 'INT64'
    this.#options = options
    this.#isRising = this.#isInteger
  }

  /** Adds plain encoded values: those of a page, or those of a dictionary. */
  add(plain: Uint8Array): void {
    if (this.#isRising) {
      // Memory of its own, aligned.
      const page = Uint8Array.from(plain)
      this.#last = risingEnd(
        this.#width === 4 ? new Int32Array(page.buffer) : new BigInt64Array(page.buffer),
        this.#last,
      )
      this.#rising.push(page)
      this.#risingBytes += page.length
      if (this.#last !== undefined && this.#risingBytes <= MOST_RISING_BYTES) return
      this.#hashRising()
      return
    }
    this.#hash(plain)
  }

  #hashRising(): void {
    this.#isRising = false
    for (const page of this.#rising.splice(0)) this.#hash(page)
    this.#risingBytes = 0
  }

  #hash(plain: Uint8Array): void {
    const hasher = new XxHash64(plain)
    const width = this.#width
    if (width > 0) {
      for (let at = 0; at < plain.length; at += width) {
        hasher.hash(at, at + width)
        this.#insert(hasher.high, hasher.low)
      }
      return
    }
    const lengths = new DataView(plain.buffer, plain.byteOffset, plain.byteLength)
    for (let at = 0; at < plain.length;) {
      const end = at + 4 + lengths.getUint32(at, true)
      hasher.hash(at + 4, end)
      this.#insert(hasher.high, hasher.low)
      at = end
    }
  }

  /**
   * The filter with its header; `undefined` without a value, and for integers that fill at least half of the range that their bounds
   * leave, of which a filter would say little more. The next chunk begins.
   */
  take(bounds: RawBounds | undefined): Uint8Array | undefined {
    if (this.#risingBytes > 0 && !isDense(bounds, this.#risingBytes / this.#width)) this.#hashRising()
    this.#rising = []
    this.#risingBytes = 0
    this.#last = undefined
    this.#isRising = this.#isInteger
    const { size } = this.#hashes
    const count = this.#isInteger && isDense(bounds, size) ? 0 : size
    const blocks = this.#full ?? (count === 0 ? undefined : this.#blocks(filterBytes(count, this.#options)))
    this.#full = undefined
    this.#hashes.clear()
    if (blocks === undefined) return undefined
    // Split blocks of xxHashes, not compressed: each is a union whose only field is empty.
    const only = (union: ThriftWriter): void => void union.struct(1, () => {})
    const header = new ThriftWriter().int(1, blocks.words.byteLength).struct(2, only).struct(3, only).struct(4, only)
    return Buffer.concat([header.take(), new Uint8Array(blocks.words.buffer)])
  }

  #insert(high: number, low: number): void {
    if (this.#full !== undefined) return this.#full.add(high, low)
    if (!this.#hashes.add(high, low)) return
    const { maxBytes } = this.#options
    // Asked for at each doubling only.
    const { size } = this.#hashes
    if ((size & (size - 1)) !== 0 || filterBytes(size * 2, this.#options) * 2 <= maxBytes) return
    this.#full = this.#blocks(filterBytes(size * 2, this.#options))
    this.#hashes.clear()
  }

  #blocks(bytes: number): SplitBlocks {
    const blocks = new SplitBlocks(new Uint32Array(bytes >> 2))
    this.#hashes.each((high, low) => blocks.add(high, low))
    return blocks
  }
}

/** The last of values that rise from `before` on, each above the one before it; undefined where they do not. */
function risingEnd(
  values: Int32Array | BigInt64Array,
  before: number | bigint | undefined,
): number | bigint | undefined {
  let last = before
  for (const value of values) {
    if (last !== undefined && value <= last) return undefined
    last = value
  }
  return last
}

/** True for integers that fill half of their range. */
function isDense(bounds: RawBounds | undefined, count: number): boolean {
  const { min, max } = bounds ?? {}
  if (typeof min === 'number' && typeof max === 'number') return count * 2 > max - min
  return typeof min === 'bigint' && typeof max === 'bigint' && BigInt(count) * 2n > max - min
}

/** Distinct 64-bit hashes as two halves, by open addressing; at most half full. */
class HashSet {
  #highs = new Int32Array(2048)
  #lows = new Int32Array(2048)
  /** Zero marks an empty place; the hash 0 stands aside. */
  #zero = false
  #count = 0

  get size(): number {
    return this.#count + (this.#zero ? 1 : 0)
  }

  /** False when it was there. */
  add(high: number, low: number): boolean {
    if ((high | low) === 0) {
      const isNew = !this.#zero
      this.#zero = true
      return isNew
    }
    if (this.#count * 2 >= this.#highs.length) this.#grow()
    return this.#put(high, low)
  }

  each(visit: (high: number, low: number) => void): void {
    if (this.#zero) visit(0, 0)
    for (let at = 0; at < this.#highs.length; at++) {
      const high = this.#highs[at] ?? 0
      const low = this.#lows[at] ?? 0
      if ((high | low) !== 0) visit(high, low)
    }
  }

  clear(): void {
    this.#highs.fill(0)
    this.#lows.fill(0)
    this.#zero = false
    this.#count = 0
  }

  #put(high: number, low: number): boolean {
    const highs = this.#highs
    const lows = this.#lows
    const mask = highs.length - 1
    let at = low & mask
    while (((highs[at] ?? 0) | (lows[at] ?? 0)) !== 0) {
      if (highs[at] === high && lows[at] === low) return false
      at = (at + 1) & mask
    }
    highs[at] = high
    lows[at] = low
    this.#count++
    return true
  }

  #grow(): void {
    const [highs, lows] = [this.#highs, this.#lows]
    this.#highs = new Int32Array(highs.length * 2)
    this.#lows = new Int32Array(highs.length * 2)
    this.#count = 0
    for (let at = 0; at < highs.length; at++) {
      const high = highs[at] ?? 0
      const low = lows[at] ?? 0
      if ((high | low) !== 0) this.#put(high, low)
    }
  }
}

/** Bytes of a plain value; 0 where they differ. */
function valueWidth(leaf: Leaf): number {
  switch (leaf.physical) {
    case 'INT32':
    case 'FLOAT':
      return 4
    case 'INT64':
    case 'DOUBLE':
      return 8
    default:
      return leaf.width
  }
}
