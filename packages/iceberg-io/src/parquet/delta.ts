import { damaged } from './decode-fault.ts'

/** What a run of DELTA_BINARY_PACKED values gave, and where it ended in the bytes. */
export interface DeltaRun<A> {
  readonly values: A
  readonly end: number
}

interface Header {
  readonly miniBlocks: number
  readonly miniBlockValues: number
  readonly total: number
  readonly first: bigint
}

/**
 * Exactly `count` 32-bit values in DELTA_BINARY_PACKED.
 *
 * @throws DecodeFault
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/#delta-encoding-delta_binary_packed--5
 */
export function decodeDelta32(bytes: Uint8Array, count: number): DeltaRun<Int32Array> {
  const reader = new DeltaReader(bytes)
  const { miniBlocks, miniBlockValues, total, first } = reader.header(count)
  const values = new Int32Array(total)
  let value = Number(BigInt.asIntN(32, first))
  if (total > 0) values[0] = value
  let filled = Math.min(1, total)
  while (filled < total) {
    const minDelta = Number(BigInt.asIntN(32, reader.zigzag()))
    const widths = reader.take(miniBlocks)
    for (let block = 0; block < miniBlocks && filled < total; block++) {
      const width = widths[block] ?? 0
      const used = Math.min(miniBlockValues, total - filled)
      if (width > 32) throw damaged(`32-bit values have deltas of ${width} bits`)
      const packed = reader.miniBlock(width, { values: miniBlockValues, used })
      for (let index = 0; index < used; index++) {
        // Deltas wrap around as 32-bit integers do.
        value = (value + minDelta + bitsAt32(packed, index * width, width)) | 0
        values[filled++] = value
      }
    }
  }
  return { values, end: reader.position }
}

/** Exactly `count` 64-bit values in DELTA_BINARY_PACKED. @throws DecodeFault */
export function decodeDelta64(bytes: Uint8Array, count: number): DeltaRun<BigInt64Array> {
  const reader = new DeltaReader(bytes)
  const { miniBlocks, miniBlockValues, total, first } = reader.header(count)
  const values = new BigInt64Array(total)
  // Sums are kept as two 32-bit halves, since making a bigint of each is slow.
  const halves = new Int32Array(values.buffer)
  let low = Number(BigInt.asUintN(32, first))
  let high = Number(BigInt.asIntN(32, first >> 32n))
  if (total > 0) {
    halves[0] = low
    halves[1] = high
  }
  let filled = Math.min(1, total)
  while (filled < total) {
    const minDelta = reader.zigzag()
    const minLow = Number(BigInt.asUintN(32, minDelta))
    const minHigh = Number(BigInt.asIntN(32, minDelta >> 32n))
    const widths = reader.take(miniBlocks)
    for (let block = 0; block < miniBlocks && filled < total; block++) {
      const width = widths[block] ?? 0
      const used = Math.min(miniBlockValues, total - filled)
      const packed = reader.miniBlock(width, { values: miniBlockValues, used })
      for (let index = 0; index < used; index++) {
        const bit = index * width
        const deltaLow = bitsAt32(packed, bit, Math.min(32, width)) >>> 0
        const deltaHigh = width > 32 ? bitsAt32(packed, bit + 32, width - 32) : 0
        const sum = low + minLow + deltaLow
        high = (high + minHigh + deltaHigh + Math.floor(sum / 0x1_0000_0000)) | 0
        low = sum % 0x1_0000_0000
        halves[filled * 2] = low
        halves[filled * 2 + 1] = high
        filled++
      }
    }
  }
  return { values, end: reader.position }
}

/** `width` bits (0 to 32) from bit `bit` on, least significant first, as a signed 32-bit integer. */
function bitsAt32(bytes: Uint8Array, bit: number, width: number): number {
  if (width === 0) return 0
  const at = bit >> 3
  const shift = bit & 7
  const low =
    (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
  let value = low >>> shift
  if (shift > 0) value |= (bytes[at + 4] ?? 0) << (32 - shift)
  return width === 32 ? value | 0 : value & ((1 << width) - 1)
}

class DeltaReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get position(): number {
    return this.#at
  }

  header(count: number): Header {
    const blockValues = this.#size()
    const miniBlocks = this.#size()
    const total = this.#size()
    const first = this.zigzag()
    if (total !== count) throw damaged(`a page has ${total} delta-encoded values and claims ${count}`)
    const miniBlockValues = blockValues / miniBlocks
    if (miniBlocks === 0 || miniBlocks > 4096 || !Number.isInteger(miniBlockValues) || miniBlockValues % 8 !== 0) {
      throw damaged('delta-encoded values come in blocks of an odd size')
    }
    if (total > 1 && miniBlockValues === 0) throw damaged('delta-encoded values come in empty blocks')
    return { miniBlocks, miniBlockValues, total, first }
  }

  zigzag(): bigint {
    let low = 0
    for (let index = 0, factor = 1; index < 4; index++, factor *= 128) {
      const byte = this.#byte()
      low += (byte & 0x7f) * factor
      if (byte < 0x80) return BigInt(low % 2 === 0 ? low / 2 : -(low + 1) / 2)
    }
    let value = BigInt(low)
    for (let shift = 28n; shift <= 63n; shift += 7n) {
      const byte = this.#byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, (BigInt.asUintN(64, value) >> 1n) ^ -(value & 1n))
    }
    throw damaged('an integer has too many bytes')
  }

  take(size: number): Uint8Array {
    if (size > this.#bytes.length - this.#at) throw damaged('delta-encoded values end too early')
    this.#at += size
    return this.#bytes.subarray(this.#at - size, this.#at)
  }

  /** The last miniblock may leave out its padding. */
  miniBlock(width: number, size: { readonly values: number; readonly used: number }): Uint8Array {
    if (width > 64) throw damaged(`delta-encoded values have ${width} bits`)
    const whole = (size.values * width) / 8
    const left = this.#bytes.length - this.#at
    if (whole <= left) return this.take(whole)
    if (Math.ceil((size.used * width) / 8) > left) throw damaged('delta-encoded values end too early')
    return this.take(left)
  }

  #size(): number {
    let value = 0
    for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
      const byte = this.#byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw damaged('a size has too many bytes')
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw damaged('delta-encoded values end too early')
    return byte
  }
}
