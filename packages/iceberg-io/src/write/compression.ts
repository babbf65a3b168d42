import { promisify } from 'node:util'
import { constants, gzip, zstdCompress } from 'node:zlib'
import type { CompressionCodec } from 'hyparquet'
import { snappyCompress } from 'hyparquet-writer/src/snappy.js'
import { IcebergIoError } from '../errors.ts'

/** How the pages of a data file are compressed. */
export type Compression = 'zstd' | 'snappy' | 'gzip' | 'none'

/** Compresses pages, off the main thread where the platform can. */
export interface PageCompressor {
  readonly codec: CompressionCodec
  /** `bytes` must not change until the promise settles; the result is memory of its own. */
  compress(bytes: Buffer): Promise<Uint8Array>
}

const zstdAsync = promisify(zstdCompress)
const gzipAsync = promisify(gzip)
const DEFAULT_ZSTD_LEVEL = 1

/** A compressor; `level` is the codec's own, a fast one when absent. */
export function pageCompressor(compression: Compression, level?: number): PageCompressor {
  switch (compression) {
    case 'zstd': {
      const params = { [constants.ZSTD_c_compressionLevel]: level ?? DEFAULT_ZSTD_LEVEL }
      const compress = async (bytes: Buffer): Promise<Uint8Array> =>
        compact(await zstdAsync(bytes, { params, chunkSize: chunkSize(bytes), pledgedSrcSize: bytes.length }))
      return { codec: 'ZSTD', compress }
    }
    case 'gzip': {
      const options = level === undefined ? {} : { level }
      const compress = async (bytes: Buffer): Promise<Uint8Array> =>
        compact(await gzipAsync(bytes, { ...options, chunkSize: chunkSize(bytes) }))
      return { codec: 'GZIP', compress }
    }
    case 'snappy':
      return { codec: 'SNAPPY', compress: (bytes) => Promise.resolve(compact(snappyCompress(bytes))) }
    case 'none':
      return { codec: 'UNCOMPRESSED', compress: (bytes) => Promise.resolve(Buffer.from(bytes)) }
  }
}

/**
 * The compression that a table declares: `write.parquet.compression-codec`, zstd when it declares none, and
 * `write.parquet.compression-level`.
 *
 * @throws IcebergIoError `invalid-argument` for a codec that is not written.
 */
export function declaredCompression(properties: Readonly<Record<string, string>>): {
  readonly compression: Compression
  readonly level: number | undefined
} {
  const codec = (properties['write.parquet.compression-codec'] ?? 'zstd').toLowerCase()
  const level = Number(properties['write.parquet.compression-level'] ?? Number.NaN)
  const compression = codec === 'uncompressed' ? 'none' : codec
  if (compression !== 'zstd' && compression !== 'snappy' && compression !== 'gzip' && compression !== 'none') {
    throw new IcebergIoError(
      'invalid-argument',
      `the table declares the Parquet codec ${codec}, which is not written`,
      {
        context: { property: 'write.parquet.compression-codec', codec },
        hint: 'Set write.parquet.compression-codec to zstd, snappy, gzip or uncompressed.',
      },
    )
  }
  return { compression, level: Number.isInteger(level) ? level : undefined }
}

/** One round of the compressor should do; most pages shrink to less than half. */
function chunkSize(bytes: Buffer): number {
  return Math.max(1024, (bytes.length >> 1) + 64)
}

/** A small result must not keep the large buffer alive that it was made in. */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > bytes.length * 1.25 + 64
    ? Buffer.from(Uint8Array.prototype.slice.call(bytes))
    : bytes
}
