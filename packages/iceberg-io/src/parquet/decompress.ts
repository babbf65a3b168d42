import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { damaged, unsupported } from './decode-fault.ts'
import { lz4Decompress, lz4HadoopDecompress } from './lz4.ts'
import type { Codec } from './metadata.ts'
import { snappyDecompress } from './snappy.ts'

/** Output is taken in pieces of at most this, so that a claim alone allocates no more, unless the codec's own header makes it too. */
const pieceBytes = 1 << 20

/** The bytes of a page: exactly `size`. @throws DecodeFault */
export function decompress(codec: Codec, input: Uint8Array, size: number): Uint8Array {
  const output = decompressed(codec, input, size)
  if (output.length !== size) throw damaged(`a page has ${output.length} bytes and claims ${size}`)
  return output
}

function decompressed(codec: Codec, input: Uint8Array, size: number): Uint8Array {
  if (codec === 'uncompressed') return input
  // Pages of nulls alone are empty, and some writers leave them so.
  if (size === 0) return new Uint8Array(0)
  switch (codec) {
    case 'snappy':
      return snappyDecompress(input, size)
    case 'gzip':
      return gunzipSync(input, zlibOptions(size))
    case 'zstd':
      // In one piece, which a byte of room keeps from being followed by a second one: pieces would be joined by copying them.
      return zstdContentSize(input) === size
        ? zstdDecompressSync(input, { maxOutputLength: size, chunkSize: size + 64 })
        : zstdDecompressSync(input, zlibOptions(size))
    case 'brotli':
      return brotliDecompressSync(input, zlibOptions(size))
    case 'lz4':
      return lz4HadoopDecompress(input, size)
    case 'lz4_raw':
      return lz4Decompress(input, size)
    case 'lzo':
      throw unsupported('the codec LZO is not read')
  }
}

function zlibOptions(size: number): { readonly maxOutputLength: number; readonly chunkSize: number } {
  return { maxOutputLength: size, chunkSize: Math.max(64, Math.min(size, pieceBytes)) }
}

/**
 * The size of the content that a frame tells in its header; undefined when it tells none.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8878#name-frame_header
 */
function zstdContentSize(frame: Uint8Array): number | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  if (frame.length < 18 || view.getUint32(0, true) !== 0xfd2f_b528) return undefined
  const descriptor = view.getUint8(4)
  const singleSegment = (descriptor >> 5) & 1
  const at = 6 - singleSegment + ([0, 1, 2, 4][descriptor & 3] ?? 0)
  switch (descriptor >> 6) {
    case 1:
      return view.getUint16(at, true) + 256
    case 2:
      return view.getUint32(at, true)
    case 3:
      return Number(view.getBigUint64(at, true))
    default:
      return singleSegment === 1 ? view.getUint8(at) : undefined
  }
}
