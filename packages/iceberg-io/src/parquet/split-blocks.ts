import { ThriftReader } from './thrift.ts'

const BLOCK_WORDS = 8
const MIN_BYTES = 32
/** Up to this size the place of a block is exact in a number. */
const MAX_BYTES = 1 << 26
const salts = Int32Array.of(
  0x47b6_137b,
  0x4497_4d91,
  0x8824_ad5b | 0,
  0xa2b7_289d | 0,
  0x7054_95c7,
  0x2df1_424b,
  0x9efc_4947 | 0,
  0x5c6b_fb31,
)

/**
 * A split block bloom filter: of a value that was added it says so, of most others that they were not. Values are the
 * halves of their hashes.
 *
 * @see https://github.com/apache/parquet-format/blob/master/BloomFilter.md
 */
export class SplitBlocks {
  readonly words: Uint32Array

  /** `words` are eight a block. */
  constructor(words: Uint32Array) {
    this.words = words
  }

  add(high: number, low: number): void {
    const { words } = this
    const first = this.#block(high)
    for (let word = 0; word < BLOCK_WORDS; word++) {
      words[first + word] = (words[first + word] ?? 0) | (1 << (Math.imul(low, salts[word] ?? 0) >>> 27))
    }
  }

  has(high: number, low: number): boolean {
    const { words } = this
    const first = this.#block(high)
    for (let word = 0; word < BLOCK_WORDS; word++) {
      if (((words[first + word] ?? 0) & (1 << (Math.imul(low, salts[word] ?? 0) >>> 27))) === 0) return false
    }
    return true
  }

  /** The first word of the block for the upper half of a hash: both are below 2^32, and so is the product's upper half. */
  #block(high: number): number {
    const blocks = this.words.length / BLOCK_WORDS
    return Math.floor(((high >>> 0) / 0x1_0000_0000) * blocks) * BLOCK_WORDS
  }
}

/** Bytes of a filter, a power of two up to `maxBytes`, that takes the given share of absent values for present; at least a block. */
export function filterBytes(
  distinct: number,
  size: { readonly falsePositives: number; readonly maxBytes: number },
): number {
  const bits = (-8 * distinct) / Math.log(1 - size.falsePositives ** (1 / 8))
  let bytes = MIN_BYTES
  while (bytes * 8 < bits && bytes * 2 <= size.maxBytes) bytes *= 2
  return bytes
}

/** The filter in a file, header and blocks; undefined when it is of another kind or not sound: it tells nothing then. */
export function parseBloomFilter(bytes: Uint8Array): SplitBlocks | undefined {
  try {
    const reader = new ThriftReader(bytes)
    const header = reader.struct()
    const size = header.int(1) ?? 0
    // The algorithm is split blocks, the hash xxHash, and nothing is compressed: the only members there are.
    const kinds = [header.struct(2)?.member, header.struct(3)?.member, header.struct(4)?.member]
    if (kinds.some((kind) => kind !== 1)) return undefined
    if (size < MIN_BYTES || size > MAX_BYTES || size % MIN_BYTES !== 0 || size > bytes.length - reader.position)
      return undefined
    const words = new Uint32Array(size >> 2)
    new Uint8Array(words.buffer).set(bytes.subarray(reader.position, reader.position + size))
    return new SplitBlocks(words)
  } catch {
    return undefined
  }
}
