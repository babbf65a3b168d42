import { promisify } from 'node:util'
import {
  crc32,
  deflateRawSync,
  inflateRaw,
  inflateRawSync,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib'
import { IcebergError } from '../errors.ts'
import { snappyDecompress } from './snappy.ts'

/** Codecs that are written. */
export type AvroCodec = 'null' | 'deflate' | 'zstandard'

/** A block that claims to be larger than this is taken as damaged. */
const maxBlockBytes = 1 << 29

/** From this size on, compressed, a block is worth the way to another thread. */
const largeBlockBytes = 256 << 10

const inflate = promisify(inflateRaw)
const unzstd = promisify(zstdDecompress)

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

/**
 * Decompresses a block, a large one outside of the main thread.
 *
 * @throws IcebergError `malformed-manifest` for damaged data and for a codec that is not known.
 */
export async function decompressBlock(codec: string, data: Uint8Array): Promise<Uint8Array> {
  const options = { maxOutputLength: maxBlockBytes }
  const large = data.length >= largeBlockBytes
  try {
    switch (codec) {
      case 'null':
        return data
      case 'deflate':
        return large ? await inflate(data, options) : inflateRawSync(data, options)
      case 'zstandard':
        return large ? await unzstd(data, options) : zstdDecompressSync(data, options)
      case 'snappy':
        return decompressSnappy(data)
    }
  } catch (cause) {
    throw new IcebergError('malformed-manifest', `a block compressed with ${codec} is damaged`, { cause })
  }
  throw new IcebergError('malformed-manifest', `Avro codec ${codec} is not known`, {
    context: { codec },
    hint: 'Rewrite the manifests of the table with deflate, snappy or zstd.',
  })
}

/** Four bytes of CRC-32, big-endian, of what was compressed follow the block. */
function decompressSnappy(block: Uint8Array): Uint8Array {
  const end = Math.max(0, block.length - 4)
  const data = snappyDecompress(block.subarray(0, end), maxBlockBytes)
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
  if (view.getUint32(end) !== crc32(data)) throw new IcebergError('malformed-manifest', 'the CRC-32 does not match')
  return data
}
