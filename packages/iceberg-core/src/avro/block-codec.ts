import { deflateRawSync, inflateRawSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { IcebergError } from '../errors.ts'
import { snappyDecompress } from './snappy.ts'

/** Codecs that are written. */
export type AvroCodec = 'null' | 'deflate' | 'zstandard'

/** A block that claims to be larger than this is taken as damaged. */
const maxBlockBytes = 1 << 29

export function compressBlock(codec: AvroCodec, data: Uint8Array): Uint8Array {
  switch (codec) {
    case 'null':
      return data
    case 'deflate':
      return deflateRawSync(data)
    case 'zstandard':
      return zstdCompressSync(data)
  }
}

/** @throws IcebergError `malformed-manifest` for damaged data and for a codec that is not known. */
export function decompressBlock(codec: string, data: Uint8Array): Uint8Array {
  try {
    switch (codec) {
      case 'null':
        return data
      case 'deflate':
        return inflateRawSync(data, { maxOutputLength: maxBlockBytes })
      case 'zstandard':
        return zstdDecompressSync(data, { maxOutputLength: maxBlockBytes })
      case 'snappy':
        // Four bytes of CRC-32 follow the block.
        return snappyDecompress(data.subarray(0, Math.max(0, data.length - 4)), maxBlockBytes)
    }
  } catch (cause) {
    throw new IcebergError('malformed-manifest', `a block compressed with ${codec} is damaged`, { cause })
  }
  throw new IcebergError('malformed-manifest', `Avro codec ${codec} is not known`, {
    context: { codec },
    hint: 'Rewrite the manifests of the table with deflate, snappy or zstd.',
  })
}
