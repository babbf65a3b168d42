import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { Compressors } from 'hyparquet'
import { compressors as others } from 'hyparquet-compressors'

/** Decompressors by Parquet codec: zlib's own where Node has one. LZO has none anywhere. */
export const decompressors: Compressors = {
  GZIP: (bytes, size) => gunzipSync(bytes, { maxOutputLength: Math.max(size, 1) }),
  ZSTD: (bytes, size) => zstdDecompressSync(bytes, { maxOutputLength: Math.max(size, 1) }),
  BROTLI: (bytes, size) => brotliDecompressSync(bytes, { maxOutputLength: Math.max(size, 1) }),
  ...(others.LZ4 === undefined ? {} : { LZ4: others.LZ4 }),
  ...(others.LZ4_RAW === undefined ? {} : { LZ4_RAW: others.LZ4_RAW }),
}
