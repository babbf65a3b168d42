/** Bits in a row, least significant first: how both Arrow's bitmaps and Parquet's booleans stand in memory. */
export class BitBuffer {
  bytes: Buffer = Buffer.alloc(128)
  /** Bits. Those of the last byte beyond are zero. */
  length = 0

  get byteLength(): number {
    return (this.length + 7) >> 3
  }

  append(bit: number): void {
    if ((this.length & 7) === 0) this.#reserve(1)
    this.#put(bit)
  }

  /** Appends `count` bits of a bitmap from its bit `from` on. */
  appendBits(bits: Uint8Array, from: number, count: number): void {
    this.#reserve(count)
    let at = from
    let left = count
    for (; left > 0 && (this.length & 7) !== 0; at++, left--) this.#put(((bits[at >> 3] ?? 0) >> (at & 7)) & 1)
    if (left === 0) return
    const shift = at & 7
    let source = at >> 3
    let to = this.length >> 3
    this.length += left
    const { bytes } = this
    if (shift === 0) {
      const whole = left >> 3
      bytes.set(bits.subarray(source, source + whole), to)
      source += whole
      to += whole
      left &= 7
    } else {
      for (; left >= 8; left -= 8, source++) {
        bytes[to++] = ((bits[source] ?? 0) >> shift) | ((bits[source + 1] ?? 0) << (8 - shift))
      }
    }
    if (left > 0) {
      const rest = ((bits[source] ?? 0) >> shift) | ((bits[source + 1] ?? 0) << (8 - shift))
      bytes[to] = rest & ((1 << left) - 1)
    }
  }

  /** Appends the same bit `count` times. */
  appendRun(bit: 0 | 1, count: number): void {
    this.#reserve(count)
    let left = count
    for (; left > 0 && (this.length & 7) !== 0; left--) this.#put(bit)
    const start = this.length >> 3
    this.length += left
    this.bytes.fill(bit === 1 ? 0xff : 0, start, start + (left >> 3))
    if ((left & 7) > 0) this.bytes[start + (left >> 3)] = bit === 1 ? (1 << (left & 7)) - 1 : 0
  }

  /** What was written, a view that the next write may change; the bits begin again. */
  take(): Buffer {
    const written = this.bytes.subarray(0, this.byteLength)
    this.length = 0
    return written
  }

  /** Appends one bit where there is room; the first of a byte clears the others. */
  #put(bit: number): void {
    const at = this.length >> 3
    const shift = this.length++ & 7
    this.bytes[at] = shift === 0 ? bit : (this.bytes[at] ?? 0) | (bit << shift)
  }

  #reserve(bits: number): void {
    const needed = (this.length + bits + 7) >> 3
    if (needed <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(grown, 0, 0, this.byteLength)
    this.bytes = grown
  }
}

/** How many of `count` bits from `from` on are 1. */
export function countBits(bits: Uint8Array, from: number, count: number): number {
  let ones = 0
  let at = from
  const end = from + count
  for (; at < end && (at & 7) !== 0; at++) ones += ((bits[at >> 3] ?? 0) >> (at & 7)) & 1
  for (; at + 8 <= end; at += 8) ones += onesOf[bits[at >> 3] ?? 0] ?? 0
  for (; at < end; at++) ones += ((bits[at >> 3] ?? 0) >> (at & 7)) & 1
  return ones
}

const onesOf: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0
  for (let rest = byte; rest > 0; rest >>= 1) ones += rest & 1
  return ones
})
