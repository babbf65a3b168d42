import { constants, zstdCompressSync } from 'node:zlib'
import { ByteBuffer } from './byte-buffer.ts'
import type { PageCompressor } from './compression.ts'
import { appendDelta } from './delta-packed.ts'
import type { PageBuffer } from './page-buffer.ts'

/** A page is stored as differences only when they take at most this share of the plain bytes. */
const WORTHWHILE = 0.75
const yardstick = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/**
 * Decides page by page whether integers are stored as differences: when both are compressed, those of a column's first page have to
 * be smaller; a later page has to be well below its plain size.
 */
export class DeltaChoice {
  readonly #compressor: PageCompressor
  readonly #encoded = new ByteBuffer()
  #pays: boolean | undefined = undefined

  constructor(compressor: PageCompressor) {
    this.#compressor = compressor
  }

  /** The page's values as differences, valid until the next call; undefined when plain is better. */
  encode(page: PageBuffer, width: 4 | 8): Uint8Array | undefined {
    if (this.#pays === false || page.length === 0) return undefined
    this.#encoded.clear()
    appendDelta(this.#encoded, page, width)
    const deltas = this.#encoded.view()
    this.#pays ??= this.#compressedBytes(deltas) < this.#compressedBytes(page.bytes.subarray(0, page.length))
    return this.#pays && deltas.length <= page.length * WORTHWHILE ? deltas : undefined
  }

  /** What zstd makes of the bytes stands for any codec. */
  #compressedBytes(bytes: Buffer): number {
    return this.#compressor.codec === 'UNCOMPRESSED' ? bytes.length : zstdCompressSync(bytes, yardstick).length
  }
}
