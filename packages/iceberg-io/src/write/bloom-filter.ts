import { BloomBuilder, writeBloomFilter } from 'hyparquet-writer/src/bloom.js'
import { ByteWriter } from 'hyparquet-writer/src/bytewriter.js'
import type { Leaf } from './parquet-schema.ts'

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
 * Collects the hashes of one column chunk's values for a split block bloom filter.
 *
 * @see https://github.com/apache/parquet-format/blob/master/BloomFilter.md
 */
export class BloomFilter {
  readonly #leaf: Leaf
  readonly #options: BloomOptions
  #builder: BloomBuilder

  constructor(leaf: Leaf, options: BloomOptions) {
    this.#leaf = leaf
    this.#options = options
    this.#builder = this.#begin()
  }

  /** Adds plain encoded values: those of a page, or those of a dictionary. */
  add(plain: Uint8Array): void {
    const width = valueWidth(this.#leaf)
    if (width > 0) {
      for (let at = 0; at < plain.length; at += width) this.#builder.insert(plain.subarray(at, at + width))
      return
    }
    const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength)
    for (let at = 0; at < plain.length;) {
      const length = view.getUint32(at, true)
      this.#builder.insert(plain.subarray(at + 4, at + 4 + length))
      at += 4 + length
    }
  }

  /** The filter with its header; `undefined` without a value. The next chunk begins. */
  take(): Uint8Array | undefined {
    const blocks = this.#builder.finalize()
    this.#builder = this.#begin()
    if (blocks === undefined) return undefined
    const writer = new ByteWriter()
    writeBloomFilter(writer, blocks)
    return writer.getBytes().slice()
  }

  #begin(): BloomBuilder {
    // The hash is that of a value's plain bytes, whatever its type: they are all handed over as bytes.
    const element = { name: '', type: 'FIXED_LEN_BYTE_ARRAY' } as const
    return new BloomBuilder(element, { fpp: this.#options.falsePositives, maxBytes: this.#options.maxBytes })
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
