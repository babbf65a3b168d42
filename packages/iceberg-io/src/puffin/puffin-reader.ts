import { zstdDecompressSync } from 'node:zlib'
import type { FileIO, IOOptions } from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'
import { parseFooter, type PuffinBlob, type PuffinFooter } from './blob-metadata.ts'
import { decompressLz4Frame } from './lz4-frame.ts'
import { puffinMagic, trailerBytes } from './puffin-format.ts'

/** A footer is read in one request when it is no longer. */
const guessBytes = 8192
const mostFooterBytes = 64 * 1024 * 1024
const defaultMostBlobBytes = 1024 * 1024 * 1024

export interface PuffinReadOptions extends IOOptions {
  /** Known size of the file in bytes; asked of the store when absent. */
  readonly sizeBytes?: number | undefined
  /** A blob that decompresses to more is refused. Default 1 GiB. */
  readonly mostBlobBytes?: number | undefined
}

/**
 * Reads the blobs of one Puffin file.
 *
 * @see https://iceberg.apache.org/puffin-spec/
 */
export class PuffinReader {
  readonly path: string
  readonly footer: PuffinFooter
  readonly #io: FileIO
  readonly #options: PuffinReadOptions
  readonly #footerStart: number

  private constructor(
    io: FileIO,
    path: string,
    found: { readonly footer: PuffinFooter; readonly start: number; readonly options: PuffinReadOptions },
  ) {
    this.path = path
    this.footer = found.footer
    this.#io = io
    this.#options = found.options
    this.#footerStart = found.start
  }

  /** @throws IcebergIoError `malformed-file` naming the file; what the store raises. */
  static async open(io: FileIO, path: string, options: PuffinReadOptions = {}): Promise<PuffinReader> {
    const { signal } = options
    const malformed = malformedPuffin(path)
    const sizeBytes = options.sizeBytes ?? (await io.stat(path, { signal })).sizeBytes
    // Both magics of the footer, its payload's size and its flags, after the magic of the file.
    if (sizeBytes < puffinMagic.length * 2 + trailerBytes) throw malformed('it is too short')
    const tailStart = Math.max(0, sizeBytes - guessBytes)
    const tail = buffer(await io.read(path, { range: { start: tailStart, end: sizeBytes }, signal }))
    if (tail.length !== sizeBytes - tailStart) throw malformed(`it has not the ${sizeBytes} bytes that it should have`)
    const trailer = tail.subarray(tail.length - trailerBytes)
    if (!trailer.subarray(8).equals(puffinMagic)) throw malformed('it does not end with its magic number')
    const payloadSize = trailer.readInt32LE(0)
    const start = sizeBytes - trailerBytes - payloadSize - puffinMagic.length
    if (payloadSize < 0 || payloadSize > mostFooterBytes || start < puffinMagic.length) {
      throw malformed(`its footer claims ${payloadSize} bytes`)
    }
    const flags = trailer.readUInt32LE(4)
    if ((flags & ~1) !== 0) throw malformed(`its footer has unknown flags`)
    const footerBytes =
      start >= tailStart
        ? tail.subarray(start - tailStart, tail.length - trailerBytes)
        : buffer(await io.read(path, { range: { start, end: sizeBytes - trailerBytes }, signal }))
    if (!footerBytes.subarray(0, puffinMagic.length).equals(puffinMagic)) {
      throw malformed('its footer does not begin with the magic number')
    }
    const stored = footerBytes.subarray(puffinMagic.length)
    const payload = (flags & 1) === 1 ? decompressLz4Frame(stored, mostFooterBytes, malformed) : stored
    return new PuffinReader(io, path, { footer: parseFooter(payload, malformed), start, options })
  }

  /**
   * The bytes of a blob, decompressed.
   *
   * @throws IcebergIoError `malformed-file`, or `unsupported-file` for a codec that the spec does not know.
   */
  async read(blob: PuffinBlob): Promise<Uint8Array> {
    const malformed = malformedPuffin(this.path)
    const end = blob.offset + blob.length
    if (blob.offset < BigInt(puffinMagic.length) || blob.length < 0n || end > BigInt(this.#footerStart)) {
      throw malformed(`a blob is said to be at ${blob.offset} with ${blob.length} bytes`)
    }
    const mostBytes = this.#options.mostBlobBytes ?? defaultMostBlobBytes
    if (blob.length > BigInt(mostBytes)) throw malformed(`a blob of ${blob.length} bytes is too large`)
    const range = { start: Number(blob.offset), end: Number(end) }
    const stored = await this.#io.read(this.path, { range, signal: this.#options.signal })
    if (BigInt(stored.length) !== blob.length) throw malformed('it ends early')
    switch (blob.codec) {
      case undefined:
        return stored
      case 'lz4':
        return decompressLz4Frame(stored, mostBytes, malformed)
      case 'zstd':
        try {
          return zstdDecompressSync(stored, { maxOutputLength: mostBytes })
        } catch (cause) {
          throw malformed(`a blob cannot be decompressed`, cause)
        }
      default:
        throw new IcebergIoError('unsupported-file', `${this.path}: a blob is compressed with ${blob.codec}`, {
          context: { file: this.path, codec: blob.codec },
          hint: 'Puffin files are compressed with lz4 or zstd.',
        })
    }
  }
}

function malformedPuffin(path: string): (reason: string, cause?: unknown) => IcebergIoError {
  return (reason, cause) =>
    new IcebergIoError('malformed-file', `${path} is not a readable Puffin file: ${reason}`, {
      context: { file: path },
      hint: 'The file is damaged or not Puffin; restore it.',
      cause,
    })
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
