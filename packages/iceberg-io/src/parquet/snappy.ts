import { damaged } from './decode-fault.ts'

/**
 * A raw Snappy block of exactly `size` bytes once it is decompressed.
 *
 * @throws DecodeFault
 * @see https://github.com/google/snappy/blob/main/format_description.txt
 */
export function snappyDecompress(input: Uint8Array, size: number): Uint8Array {
  let at = 0
  let claimed = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = input[at++]
    if (byte === undefined || factor > 2 ** 28) throw damaged('a Snappy block is damaged')
    claimed += (byte & 0x7f) * factor
    if (byte < 0x80) break
  }
  // Three bytes of input stand for at most 64 bytes.
  if (claimed !== size || size > input.length * 64) throw damaged('a Snappy block is not of the size of its page')
  const output = new Uint8Array(size)
  const end = input.length
  let out = 0
  while (at < end) {
    const tag = input[at++] ?? 0
    let length = (tag >> 2) + 1
    let offset: number
    switch (tag & 3) {
      case 0: {
        if (length > 60) {
          const extra = length - 60
          if (at + extra > end) throw damaged('a Snappy block ends too early')
          length = 1
          for (let index = 0; index < extra; index++) length += (input[at++] ?? 0) * 2 ** (8 * index)
        }
        if (length > end - at || length > size - out) throw damaged('a Snappy block is damaged')
        if (length <= 16) for (const stop = at + length; at < stop;) output[out++] = input[at++] ?? 0
        else {
          output.set(input.subarray(at, at + length), out)
          at += length
          out += length
        }
        continue
      }
      case 1:
        length = ((tag >> 2) & 7) + 4
        offset = ((tag >> 5) << 8) | (input[at] ?? 0)
        at += 1
        break
      case 2:
        offset = (input[at] ?? 0) | ((input[at + 1] ?? 0) << 8)
        at += 2
        break
      default:
        offset =
          (input[at] ?? 0) +
          (input[at + 1] ?? 0) * 0x100 +
          (input[at + 2] ?? 0) * 0x1_0000 +
          (input[at + 3] ?? 0) * 0x100_0000
        at += 4
    }
    if (at > end) throw damaged('a Snappy block ends too early')
    if (offset === 0 || offset > out || length > size - out) throw damaged('a Snappy block is damaged')
    if (offset >= length && length > 24) {
      output.copyWithin(out, out - offset, out - offset + length)
      out += length
    } else {
      // Byte by byte: the copy may overlap what it writes.
      for (const stop = out + length; out < stop; out++) output[out] = output[out - offset] ?? 0
    }
  }
  if (out !== size) throw damaged('a Snappy block is smaller than it claims')
  return output
}
