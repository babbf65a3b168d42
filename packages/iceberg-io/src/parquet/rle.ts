import { damaged } from './decode-fault.ts'

/** Bits that a level of at most `max` takes. */
export function levelBits(max: number): number {
  return 32 - Math.clz32(max)
}

/**
 * Decodes runs of the RLE and bit-packing hybrid until `target` is full.
 *
 * @throws DecodeFault when the bytes end before.
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/#run-length-encoding--bit-packing-hybrid-rle--3
 */
export function decodeHybrid(bytes: Uint8Array, bitWidth: number, target: Uint8Array | Int32Array): void {
  const count = target.length
  if (bitWidth === 0) {
    target.fill(0)
    return
  }
  if (bitWidth > 32) throw damaged(`runs have ${bitWidth} bits`)
  const valueBytes = (bitWidth + 7) >> 3
  let at = 0
  let filled = 0
  while (filled < count) {
    let head = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]
      if (byte === undefined || factor > 2 ** 28) throw damaged('the runs of a page end too early')
      head += (byte & 0x7f) * factor
      if (byte < 0x80) break
    }
    if (head % 2 === 0) {
      if (at + valueBytes > bytes.length) throw damaged('the runs of a page end too early')
      let value = 0
      for (let index = 0; index < valueBytes; index++) value |= (bytes[at++] ?? 0) << (8 * index)
      const end = Math.min(count, filled + head / 2)
      target.fill(value, filled, end)
      if (end === filled) throw damaged('a run of a page has no values')
      filled = end
    } else {
      const values = Math.min(((head - 1) / 2) * 8, count - filled)
      // The last run may leave out the padding of its last group.
      if (at + Math.ceil((values * bitWidth) / 8) > bytes.length) throw damaged('the runs of a page end too early')
      if (values === 0) throw damaged('a run of a page has no values')
      unpack(bytes, { at, bitWidth, start: filled, count: values }, target)
      at += ((head - 1) / 2) * bitWidth
      filled += values
    }
  }
}

/** The value of the only run when one run holds all `count` values, else undefined. */
export function singleRun(bytes: Uint8Array, bitWidth: number, count: number): number | undefined {
  let head = 0
  let at = 0
  for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
    const byte = bytes[at++]
    if (byte === undefined) return undefined
    head += (byte & 0x7f) * factor
    if (byte < 0x80) break
  }
  if (head % 2 === 1 || head / 2 < count || bitWidth > 8) return undefined
  return bytes[at]
}

interface Packed {
  readonly at: number
  readonly bitWidth: number
  readonly start: number
  readonly count: number
}

/** Values packed from the least significant bit on. The caller has checked that the bytes are there. */
function unpack(bytes: Uint8Array, { at, bitWidth, start, count }: Packed, target: Uint8Array | Int32Array): void {
  const end = start + count
  if (bitWidth === 1) {
    for (let slot = start, byte = at; slot < end; byte++) {
      let bits = bytes[byte] ?? 0
      for (const stop = Math.min(end, slot + 8); slot < stop; slot++) {
        target[slot] = bits & 1
        bits >>= 1
      }
    }
    return
  }
  if (bitWidth === 8) {
    for (let slot = start, byte = at; slot < end; slot++) target[slot] = bytes[byte++] ?? 0
    return
  }
  if (bitWidth <= 24) {
    // At most 7 bits are left over when a byte is added: everything fits in 31 bits.
    const mask = (1 << bitWidth) - 1
    let held = 0
    let bits = 0
    let byte = at
    for (let slot = start; slot < end; slot++) {
      while (bits < bitWidth) {
        held |= (bytes[byte++] ?? 0) << bits
        bits += 8
      }
      target[slot] = held & mask
      held >>>= bitWidth
      bits -= bitWidth
    }
    return
  }
  const size = 2 ** bitWidth
  let held = 0
  let bits = 0
  let byte = at
  for (let slot = start; slot < end; slot++) {
    while (bits < bitWidth) {
      held += (bytes[byte++] ?? 0) * 2 ** bits
      bits += 8
    }
    target[slot] = held % size
    held = Math.floor(held / size)
    bits -= bitWidth
  }
}

/**
 * The older packing of levels, from the most significant bit on.
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/#bit-packed-deprecated-bit_packed--4
 */
export function decodeBitPacked(bytes: Uint8Array, bitWidth: number, target: Uint8Array): void {
  if (Math.ceil((target.length * bitWidth) / 8) > bytes.length) throw damaged('the levels of a page end too early')
  let bit = 0
  for (let slot = 0; slot < target.length; slot++) {
    let value = 0
    for (let index = 0; index < bitWidth; index++, bit++) {
      value = (value << 1) | (((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1)
    }
    target[slot] = value
  }
}
