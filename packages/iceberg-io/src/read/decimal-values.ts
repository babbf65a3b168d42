import { fromBigEndian } from '@icebridge/iceberg-core'
import { DecodeFault } from '../parquet/decode-fault.ts'
import type { DenseBytes, DenseFixed } from '../parquet/gather.ts'

/** Decimal128 of unscaled 32-bit or 64-bit integers, four words each. @throws DecodeFault past the precision */
export function integerDecimals({ bytes, width, count }: DenseFixed, precision: number): Uint32Array {
  const from = new Int32Array(bytes.buffer)
  const wordsEach = width >> 2
  const to = new Uint32Array((from.length / wordsEach) * 4)
  // As a double a value is near enough to tell which ones need a closer look.
  const limit = 10 ** precision
  for (let at = 0; at < count; at++) {
    const low = from[at * wordsEach] ?? 0
    const high = wordsEach === 1 ? low >> 31 : (from[at * 2 + 1] ?? 0)
    const sign = high >> 31
    to[at * 4] = low
    to[at * 4 + 1] = high
    to[at * 4 + 2] = sign
    to[at * 4 + 3] = sign
    const value = high * 0x1_0000_0000 + (low >>> 0)
    if (value >= limit || value <= -limit) checkDigits((BigInt(high) << 32n) | BigInt(low >>> 0), precision)
  }
  return to
}

/** Decimal128 of big-endian two's complement of one width. @throws DecodeFault past the precision */
export function bigEndianDecimals({ bytes, width, count }: DenseFixed, precision: number): Uint32Array {
  const to = new Uint32Array(width === 0 ? count * 4 : Math.floor(bytes.length / width) * 4)
  for (let at = 0; at < count; at++)
    storeBigEndian(bytes, { start: at * width, end: (at + 1) * width }, { to, at: at * 4, precision })
  return to
}

/** Decimal128 of big-endian two's complement of any width. @throws DecodeFault past the precision */
export function byteArrayDecimals({ bytes, offsets, count }: DenseBytes, precision: number): Uint32Array {
  const to = new Uint32Array((offsets.length - 1) * 4)
  for (let at = 0; at < count; at++) {
    storeBigEndian(bytes, { start: offsets[at] ?? 0, end: offsets[at + 1] ?? 0 }, { to, at: at * 4, precision })
  }
  return to
}

function storeBigEndian(
  bytes: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
  { to, at, precision }: { readonly to: Uint32Array; readonly at: number; readonly precision: number },
): void {
  const negative = start < end && (bytes[start] ?? 0) >= 0x80
  const sign = negative ? 0xffff_ffff : 0
  to[at + 1] = sign
  to[at + 2] = sign
  to[at + 3] = sign
  to[at] = sign
  let significant = start
  while (significant < end && bytes[significant] === (negative ? 0xff : 0)) significant++
  if (end - significant > 16) checkDigits(fromBigEndian(bytes.subarray(start, end)), precision)
  for (let from = end - 1, byte = 0; from >= significant; from--, byte++) {
    const word = at + (byte >> 2)
    const shift = (byte & 3) * 8
    to[word] = ((to[word] ?? 0) & ~(0xff << shift)) | ((bytes[from] ?? 0) << shift)
  }
  const magnitude = approximate(to, at)
  if (magnitude >= 10 ** precision * 0.999_999) checkDigits(fromBigEndian(bytes.subarray(start, end)), precision)
}

/** The absolute value as a double. */
function approximate(words: Uint32Array, at: number): number {
  const high = (words[at + 3] ?? 0) | 0
  const value =
    ((high * 0x1_0000_0000 + (words[at + 2] ?? 0)) * 0x1_0000_0000 + (words[at + 1] ?? 0)) * 0x1_0000_0000 +
    (words[at] ?? 0)
  return Math.abs(value)
}

function checkDigits(unscaled: bigint, precision: number): void {
  const limit = 10n ** BigInt(precision)
  if (unscaled < limit && unscaled > -limit) return
  throw new DecodeFault('malformed-file', `a decimal has more than ${precision} digits`)
}
