import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { damaged, unsupported } from './decode-fault.ts'
import { lz4Decompress, lz4HadoopDecompress } from './lz4.ts'
import type { Codec } from './metadata.ts'
import { snappyDecompress } from './snappy.ts'

/** Output is taken in pieces of at most this, so that a claim alone allocates no more. */
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
      return zstdDecompressSync(input, zlibOptions(size))
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
