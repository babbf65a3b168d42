import type { ByteBuffer } from './byte-buffer.ts'
import type { PageBuffer } from './page-buffer.ts'

const BLOCK = 128
const MINI_BLOCKS = 4
const MINI_BLOCK = BLOCK / MINI_BLOCKS

/**
 * Appends a page of 32- or 64-bit integers as their differences, each block of 128 in as few bits as its own need.
 *
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/#delta-encoding-delta_binary_packed--5
 */
export function appendDelta(out: ByteBuffer, page: PageBuffer, width: 4 | 8): void {
  const count = page.length / width
  const { buffer, byteOffset } = page.words
  const values = width === 4 ? new Int32Array(buffer, byteOffset, count) : new BigInt64Array(buffer, byteOffset, count)
  out.appendVarint(BLOCK)
  out.appendVarint(MINI_BLOCKS)
  out.appendVarint(count)
  appendZigzag(out, BigInt(values[0] ?? 0))
  const block = new DeltaBlock()
  for (let start = 1; start < count; start += BLOCK) {
    const size = Math.min(BLOCK, count - start)
    if (values instanceof Int32Array) block.take32(values, start, size)
    else block.take64(values, start, size)
    block.appendTo(out)
  }
}

/** The differences of a block, less the smallest of them, as unsigned halves. Differences wrap around as the integers do. */
class DeltaBlock {
  readonly #deltas = new BigInt64Array(BLOCK)
  readonly #halves = new Int32Array(this.#deltas.buffer)
  #size = 0
  #min = 0n

  take32(values: Int32Array, start: number, size: number): void {
    const halves = this.#halves
    let min = 0x7fff_ffff
    for (let index = 0; index < size; index++) {
      const delta = ((values[start + index] ?? 0) - (values[start + index - 1] ?? 0)) | 0
      halves[index * 2] = delta
      if (delta < min) min = delta
    }
    for (let index = 0; index < size; index++) {
      halves[index * 2] = (halves[index * 2] ?? 0) - min
      halves[index * 2 + 1] = 0
    }
    this.#size = size
    this.#min = BigInt(min)
  }

  take64(values: BigInt64Array, start: number, size: number): void {
    const deltas = this.#deltas
    let min = 0x7fff_ffff_ffff_ffffn
    for (let index = 0; index < size; index++) {
      const delta = BigInt.asIntN(64, (values[start + index] ?? 0n) - (values[start + index - 1] ?? 0n))
      deltas[index] = delta
      if (delta < min) min = delta
    }
    for (let index = 0; index < size; index++) deltas[index] = BigInt.asIntN(64, (deltas[index] ?? 0n) - min)
    this.#size = size
    this.#min = min
  }

  appendTo(out: ByteBuffer): void {
    appendZigzag(out, this.#min)
    this.#halves.fill(0, this.#size * 2)
    const widths = out.length
    for (let mini = 0; mini < MINI_BLOCKS; mini++) out.appendByte(0)
    for (let mini = 0; mini * MINI_BLOCK < this.#size; mini++) {
      const width = this.#width(mini * MINI_BLOCK)
      out.bytes[widths + mini] = width
      if (width > 0) this.#pack(out, mini * MINI_BLOCK, width)
    }
  }

  /** Bits that the values of a miniblock need. */
  #width(start: number): number {
    let low = 0
    let high = 0
    for (let at = start * 2; at < (start + MINI_BLOCK) * 2; at += 2) {
      low |= this.#halves[at] ?? 0
      high |= this.#halves[at + 1] ?? 0
    }
    return high === 0 ? 32 - Math.clz32(low) : 64 - Math.clz32(high)
  }

  /** Packs a miniblock, least significant bits first, by parts of 16 bits. */
  #pack(out: ByteBuffer, start: number, width: number): void {
    const bytes = out.reserve((MINI_BLOCK * width) >> 3)
    let to = out.length
    let pending = 0
    let bits = 0
    for (let index = start; index < start + MINI_BLOCK; index++) {
      for (let part = 0; part < width; part += 16) {
        const half = this.#halves[index * 2 + (part >> 5)] ?? 0
        const taken = Math.min(16, width - part)
        pending |= ((half >>> (part & 31)) & ((1 << taken) - 1)) << bits
        bits += taken
        for (; bits >= 8; bits -= 8) {
          bytes[to++] = pending & 0xff
          pending >>>= 8
        }
      }
    }
    out.length = to
  }
}

/** Signed, as LEB128 of its zigzag form. */
function appendZigzag(out: ByteBuffer, value: bigint): void {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  for (; rest > 0x7fn; rest >>= 7n) out.appendByte(Number(rest & 0x7fn) | 0x80)
  out.appendByte(Number(rest))
}
