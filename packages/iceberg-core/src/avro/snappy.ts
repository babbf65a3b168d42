import { IcebergError } from '../errors.ts'

/** Decompresses a raw snappy block. @see https://github.com/google/snappy/blob/main/format_description.txt */
export function snappyDecompress(input: Uint8Array, maxLength: number): Uint8Array {
  let at = 0
  let length = 0
  for (let shift = 0; ; shift += 7) {
    const byte = input[at++]
    if (byte === undefined || shift > 28) throw damaged()
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  if (length > maxLength) throw damaged()
  const output = new Uint8Array(length)
  let out = 0
  while (at < input.length) {
    const tag = input[at++] ?? 0
    if ((tag & 3) === 0) {
      let size = (tag >> 2) + 1
      if (size > 60) {
        const extra = size - 60
        size = littleEndian(input, at, extra) + 1
        at += extra
      }
      if (at + size > input.length || out + size > length) throw damaged()
      output.set(input.subarray(at, at + size), out)
      at += size
      out += size
      continue
    }
    const [size, offset, bytes] = copyOf(tag, input, at)
    at += bytes
    if (offset === 0 || offset > out || out + size > length) throw damaged()
    // Byte by byte: a copy may overlap what it writes.
    for (let i = 0; i < size; i++, out++) output[out] = output[out - offset] ?? 0
  }
  if (out !== length) throw damaged()
  return output
}

function copyOf(tag: number, input: Uint8Array, at: number): [size: number, offset: number, bytes: number] {
  switch (tag & 3) {
    case 1:
      return [((tag >> 2) & 7) + 4, ((tag >> 5) << 8) | littleEndian(input, at, 1), 1]
    case 2:
      return [(tag >> 2) + 1, littleEndian(input, at, 2), 2]
    default:
      return [(tag >> 2) + 1, littleEndian(input, at, 4), 4]
  }
}

function littleEndian(input: Uint8Array, at: number, size: number): number {
  if (at + size > input.length) throw damaged()
  let value = 0
  for (let i = size - 1; i >= 0; i--) value = value * 256 + (input[at + i] ?? 0)
  return value
}

function damaged(): IcebergError {
  return new IcebergError('malformed-manifest', 'a snappy block is damaged')
}
