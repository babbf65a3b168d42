import { Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { brotliCompress, constants, createZstdCompress, gzip, zstdCompressSync } from 'node:zlib'
import type { CompressionCodec } from 'hyparquet'
import { snappyCompress } from 'hyparquet-writer/src/snappy.js'
import { IcebergIoError } from '../errors.ts'
import { lz4Compress } from './lz4.ts'
import { ZstdFrames } from './zstd-frames.ts'

/** How the pages of a data file are compressed. */
export type Compression = 'zstd' | 'snappy' | 'gzip' | 'brotli' | 'lz4' | 'none'

/** Compresses pages, large ones off the main thread where the platform can. */
export interface PageCompressor {
  readonly codec: CompressionCodec
  /**
   * `bytes` must not change until the promise settles; the result is none of them.
   *
   * @param share of the bytes that the result is expected to take at most; more costs a copy.
   */
  compress(bytes: Buffer, share: number): Promise<readonly Uint8Array[]>
  /** Compresses at once, where handing the bytes to another thread would take longer; undefined where it would not. */
  compressNow(bytes: Buffer, share: number): Uint8Array | undefined
  /** Compresses parts as if they were one, which they never become where the codec takes them as they are; nor does the result. */
  compressParts(parts: readonly Uint8Array[]): Promise<readonly Uint8Array[]>
  /** Says that nobody reads a part of a page any more, so that its memory may be freed at once. */
  giveBack?(part: Uint8Array): void
  /** Frees what is kept from page to page, as far as no page is being compressed. */
  release?(): void
}

const gzipAsync = promisify(gzip)
const brotliAsync = promisify(brotliCompress)
const DEFAULT_ZSTD_LEVEL = 1
/**
 * Up to this size a page is compressed at once at a low level: on another thread it costs twice the processor time, since the allocator
 * gives memory back after each page there. 20,000 rows of sixteen bytes and their levels fit.
 */
const SMALL_PAGE_BYTES = 384 * 1024
const LOW_ZSTD_LEVEL = 3
/** What goes into and comes out of a codec that takes parts, at a time. */
const PART_BYTES = 1 << 18
const DEFAULT_BROTLI_LEVEL = 1

/** Lowest and highest level that a codec takes; none for those without levels. */
const levels: Readonly<Record<Compression, readonly [number, number] | undefined>> = {
  zstd: [-7, 22],
  gzip: [0, 9],
  brotli: [0, 11],
  snappy: undefined,
  lz4: undefined,
  none: undefined,
}

/** A compressor; `level` is the codec's own, a fast one when absent. */
export function pageCompressor(compression: Compression, level?: number): PageCompressor {
  switch (compression) {
    case 'zstd': {
      const chosen = level ?? DEFAULT_ZSTD_LEVEL
      const params = { [constants.ZSTD_c_compressionLevel]: chosen }
      const frames = new ZstdFrames(chosen)
      return {
        codec: 'ZSTD',
        compress: (bytes) => frames.compress(bytes),
        compressNow: (bytes, share) =>
          bytes.length <= SMALL_PAGE_BYTES && chosen <= LOW_ZSTD_LEVEL
            ? compact(
                zstdCompressSync(bytes, { params, chunkSize: chunkSize(bytes, share), pledgedSrcSize: bytes.length }),
              )
            : undefined,
        giveBack: (part) => frames.giveBack(part),
        release: () => frames.release(),
        compressParts: async (parts) => {
          const pledgedSrcSize = parts.reduce((sum, part) => sum + part.length, 0)
          return await through(createZstdCompress({ params, chunkSize: PART_BYTES, pledgedSrcSize }), parts)
        },
      }
    }
    case 'gzip': {
      const options = level === undefined ? {} : { level }
      const compress = async (bytes: Buffer, share: number): Promise<readonly Uint8Array[]> => [
        compact(await gzipAsync(bytes, { ...options, chunkSize: chunkSize(bytes, share) })),
      ]
      return { codec: 'GZIP', compress, compressNow: notNow, compressParts: joined(compress) }
    }
    case 'brotli': {
      const params = { [constants.BROTLI_PARAM_QUALITY]: level ?? DEFAULT_BROTLI_LEVEL }
      const compress = async (bytes: Buffer, share: number): Promise<readonly Uint8Array[]> => [
        compact(await brotliAsync(bytes, { params, chunkSize: chunkSize(bytes, share) })),
      ]
      return { codec: 'BROTLI', compress, compressNow: notNow, compressParts: joined(compress) }
    }
    case 'snappy':
      return atOnce('SNAPPY', (bytes) => compact(snappyCompress(bytes)))
    case 'lz4':
      return atOnce('LZ4_RAW', (bytes) => compact(lz4Compress(bytes)))
    case 'none':
      return atOnce('UNCOMPRESSED', (bytes) => Buffer.from(bytes))
  }
}

/**
 * The compression that a table declares: `write.parquet.compression-codec`, zstd when it declares none, and
 * `write.parquet.compression-level`. What is called `lz4` is written as LZ4_RAW, the form that Parquet defines.
 *
 * @throws IcebergIoError `invalid-argument` for a codec that is not written or a level that the codec has not.
 */
export function declaredCompression(properties: Readonly<Record<string, string>>): {
  readonly compression: Compression
  readonly level: number | undefined
} {
  const codec = (properties['write.parquet.compression-codec'] ?? 'zstd').toLowerCase()
  const compression = codec === 'uncompressed' ? 'none' : codec === 'lz4_raw' ? 'lz4' : codec
  if (!isCompression(compression)) {
    throw new IcebergIoError(
      'invalid-argument',
      `the table declares the Parquet codec ${codec}, which is not written`,
      {
        context: { property: 'write.parquet.compression-codec', codec },
        hint: 'Set write.parquet.compression-codec to zstd, snappy, gzip, brotli, lz4 or uncompressed.',
      },
    )
  }
  const declared = properties['write.parquet.compression-level']
  const range = levels[compression]
  if (declared === undefined || range === undefined) return { compression, level: undefined }
  const level = Number(declared)
  if (Number.isInteger(level) && level >= range[0] && level <= range[1]) return { compression, level }
  throw new IcebergIoError(
    'invalid-argument',
    `the table declares the compression level ${declared}, which ${codec} does not have`,
    {
      context: { property: 'write.parquet.compression-level', level: declared, codec },
      hint: `Set write.parquet.compression-level to a whole number from ${range[0]} to ${range[1]}, or remove it.`,
    },
  )
}

/** A codec that runs on this thread in any case. */
function atOnce(codec: CompressionCodec, compressNow: (bytes: Buffer) => Uint8Array): PageCompressor {
  const compress = (bytes: Buffer): Promise<readonly Uint8Array[]> => Promise.resolve([compressNow(bytes)])
  return { codec, compress, compressNow, compressParts: joined(compress) }
}

/** For codecs that take the whole of their input at once. */
function joined(compress: PageCompressor['compress']): PageCompressor['compressParts'] {
  return async (parts) => await compress(Buffer.concat(parts), 1)
}

async function through(codec: Transform, parts: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  const compressed: Uint8Array[] = []
  await pipeline(Readable.from(pieces(parts)), codec, async (source: AsyncIterable<Buffer>) => {
    for await (const bytes of source) compressed.push(compact(bytes))
  })
  return compressed
}

function* pieces(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += PART_BYTES) yield part.subarray(at, at + PART_BYTES)
  }
}

const notNow = (): undefined => undefined

function isCompression(text: string): text is Compression {
  return Object.hasOwn(levels, text)
}

/** One round of the compressor should do. */
function chunkSize(bytes: Buffer, share: number): number {
  return Math.max(1024, Math.ceil(bytes.length * Math.min(1, share)) + 64)
}

/** A small result must not keep the large buffer alive that it was made in. */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > bytes.length * 1.25 + 64
    ? Buffer.from(Uint8Array.prototype.slice.call(bytes))
    : bytes
}
