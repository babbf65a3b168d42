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
