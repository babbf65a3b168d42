/** A random source that repeats itself, for property tests. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 inclusive to 1 exclusive. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  /** Often near the ends of the range, where codecs go wrong. */
  signed(bits: number): bigint {
    const size = 1 + this.below(bits)
    let value = 0n
    for (let bit = 0; bit < size; bit += 16) value = (value << 16n) | BigInt(this.below(65536))
    return BigInt.asIntN(bits, this.below(2) === 0 ? value : -value)
  }

  bytes(maxLength: number): Uint8Array {
    return Uint8Array.from({ length: this.below(maxLength + 1) }, () => this.below(256))
  }

  /** Code points of every length in UTF-8, surrogates excepted. */
  text(maxPoints: number): string {
    return Array.from({ length: this.below(maxPoints + 1) }, () => {
      const point = this.pick([
        0x20 + this.below(0x5f),
        this.below(0x800),
        this.below(0xd800),
        0xe000 + this.below(0x2000),
        0x10000 + this.below(0x100000),
      ])
      return String.fromCodePoint(point)
    }).join('')
  }
}
