import type { ByteBuffer } from './byte-buffer.ts'

/** Bits needed for values up to `max`. */
export function bitWidth(max: number): number {
  return 32 - Math.clz32(max)
}

/**
 * Appends the first `count` values in Parquet's hybrid of run lengths and bit packing, without a length prefix.
 * `width` is at most 24 bits.
 *
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
 */
export function appendHybrid(out: ByteBuffer, values: Uint8Array | Int32Array, count: number, width: number): void {
  let literal = 0
  let at = 0
  while (at < count) {
    const value = values[at] ?? 0
    let run = 1
    while (at + run < count && values[at + run] === value) run++
    // Bit packing comes in groups of eight: a run may have to lend values to fill the last group.
    const lent = (8 - ((at - literal) & 7)) & 7
    if (run - lent >= 8) {
      appendPacked(out, values, { start: literal, end: at + lent, width })
      appendRun(out, value, run - lent, width)
      at += run
      literal = at
    } else {
      at += run
    }
  }
  appendPacked(out, values, { start: literal, end: count, width })
}

/** Whole bytes of one bit from which on a run is shorter to say than its bits. */
const RUN_BYTES = 4

/** Appends the first `count` bits of a bitmap as values of one bit, whole bytes of the same bit as runs. */
export function appendBitmap(out: ByteBuffer, bits: Uint8Array, count: number): void {
  const whole = count >> 3
  let literal = 0
  for (let at = 0; at < whole;) {
    const byte = bits[at] ?? 0
    let end = at + 1
    if (byte === 0 || byte === 0xff) while (end < whole && bits[end] === byte) end++
    if (end - at >= RUN_BYTES) {
      appendBytes(out, bits, literal, at)
      appendRun(out, byte & 1, (end - at) * 8, 1)
      literal = end
    }
    at = end
  }
  appendBytes(out, bits, literal, (count + 7) >> 3)
}

/** Eight values of one bit a byte. */
function appendBytes(out: ByteBuffer, bits: Uint8Array, start: number, end: number): void {
  if (start === end) return
  out.appendVarint((end - start) * 2 + 1)
  out.append(bits.subarray(start, end))
}

/** Appends one run. */
export function appendRun(out: ByteBuffer, value: number, count: number, width: number): void {
  if (count === 0) return
  out.appendVarint(count * 2)
  for (let bits = 0; bits < width; bits += 8) out.appendByte((value >>> bits) & 0xff)
}

function appendPacked(
  out: ByteBuffer,
  values: Uint8Array | Int32Array,
  range: { readonly start: number; readonly end: number; readonly width: number },
): void {
  const { start, end, width } = range
  if (start === end) return
  const groups = (end - start + 7) >> 3
  out.appendVarint(groups * 2 + 1)
  const bytes = out.reserve(groups * width)
  const stop = out.length + groups * width
  let at = out.length
  let pending = 0
  let bits = 0
  for (let index = start; index < end; index++) {
    pending |= (values[index] ?? 0) << bits
    bits += width
    while (bits >= 8) {
      bytes[at++] = pending & 0xff
      pending >>>= 8
      bits -= 8
    }
  }
  if (bits > 0) bytes[at++] = pending & 0xff
  bytes.fill(0, at, stop)
  out.length = stop
}
