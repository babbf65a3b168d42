import type { MemoryPool } from '@icebridge/columnar'

/** Levels of a page without nulls take less; so do those of one with a few of them. */
export const HEADROOM = 16
const FIRST_BYTES = 1024
/** Larger ones grow by a quarter: a page is not much longer than its bound. */
const LARGE = 512 * 1024

/**
 * The plain values of an open page, from {@link HEADROOM} on, in memory of a pool. What is written may be taken away with its memory,
 * so that a page's levels are put before it and it is compressed where it stands.
 */
export class PageBody {
  readonly #memory: MemoryPool
  /** Past {@link length} of any content. */
  bytes: Buffer = Buffer.alloc(0)
  /** Where the next value goes. */
  length: number = HEADROOM
  /** What the next page begins with, after one that was taken with its memory. */
  #expected = FIRST_BYTES

  constructor(memory: MemoryPool) {
    this.#memory = memory
  }

  /** Bytes of the values. */
  get size(): number {
    return this.length - HEADROOM
  }

  /** Makes room for `extra` more bytes at `length`. */
  reserve(extra: number): Buffer {
    const needed = this.length + extra
    const { length } = this.bytes
    if (needed > length) {
      const next = length === 0 ? this.#expected : length + (length < LARGE ? length : length >> 2)
      const grown = Buffer.from(this.#memory.take(Math.max(needed, next)))
      this.bytes.copy(grown, 0, 0, this.length)
      this.#memory.giveBack(this.bytes.buffer)
      this.bytes = grown
    }
    return this.bytes
  }

  /** The values, which the next page overwrites. */
  view(): Buffer {
    return this.bytes.subarray(HEADROOM, this.length)
  }

  /** Begins the next page in the same memory. */
  clear(): void {
    this.length = HEADROOM
  }

  /** The values with their memory, which the caller gives back to the pool. */
  release(): Buffer {
    const values = this.view()
    this.#expected = this.bytes.length > LARGE * 4 ? FIRST_BYTES : this.bytes.length
    this.bytes = Buffer.alloc(0)
    this.length = HEADROOM
    return values
  }
}
