import { damaged } from './decode-fault.ts'

/**
 * One LZ4 block of exactly `size` bytes once it is decompressed.
 *
 * @throws DecodeFault
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 */
export function lz4Decompress(input: Uint8Array, size: number): Uint8Array {
  // A byte of input stands for at most 255 bytes.
  if (size > input.length * 255 + 64) throw damaged('an LZ4 block is smaller than it claims')
  const output = new Uint8Array(size)
  let at = 0
  let out = 0
  while (at < input.length) {
    const token = input[at++] ?? 0
    let literals = token >> 4
    if (literals === 15) {
      let more = 255
      while (more === 255) {
        more = byteAt(input, at++)
        literals += more
      }
    }
    if (at + literals > input.length || out + literals > size) throw damaged('an LZ4 block is damaged')
    output.set(input.subarray(at, at + literals), out)
    at += literals
    out += literals
    if (at === input.length) break
    const offset = byteAt(input, at) | (byteAt(input, at + 1) << 8)
    at += 2
    let length = (token & 15) + 4
    if ((token & 15) === 15) {
      let more = 255
      while (more === 255) {
        more = byteAt(input, at++)
        length += more
      }
    }
    if (offset === 0 || offset > out || out + length > size) throw damaged('an LZ4 block is damaged')
    if (offset >= length) {
      output.copyWithin(out, out - offset, out - offset + length)
      out += length
    } else {
      // Byte by byte: the copy overlaps what it writes.
      for (const end = out + length; out < end; out++) output[out] = output[out - offset] ?? 0
    }
  }
  if (out !== size) throw damaged('an LZ4 block is smaller than it claims')
  return output
}

/**
 * The older LZ4 of Parquet: blocks of Hadoop, each after its two sizes (big-endian), or one bare block.
 * @see https://github.com/apache/parquet-format/blob/master/Compression.md#lz4
 */
export function lz4HadoopDecompress(input: Uint8Array, size: number): Uint8Array {
  const blocks = hadoopBlocks(input, size)
  if (blocks === undefined) return lz4Decompress(input, size)
  const output = new Uint8Array(size)
  let out = 0
  for (const block of blocks) {
    output.set(lz4Decompress(block.bytes, block.size), out)
    out += block.size
  }
  return output
}

interface Block {
  readonly bytes: Uint8Array
  readonly size: number
}

function hadoopBlocks(input: Uint8Array, size: number): readonly Block[] | undefined {
  if (size > input.length * 255 + 64) throw damaged('an LZ4 block is smaller than it claims')
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const blocks: Block[] = []
  let at = 0
  let total = 0
  while (at + 8 <= input.length) {
    const plain = view.getUint32(at)
    const packed = view.getUint32(at + 4)
    at += 8
    if (packed > input.length - at || total + plain > size) return undefined
    blocks.push({ bytes: input.subarray(at, at + packed), size: plain })
    at += packed
    total += plain
  }
  return at === input.length && total === size ? blocks : undefined
}

function byteAt(input: Uint8Array, at: number): number {
  const byte = input[at]
  if (byte === undefined) throw damaged('an LZ4 block ends too early')
  return byte
}
