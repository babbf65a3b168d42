import { zstdCompressSync } from 'node:zlib'
import type { FileIO, FileWriter, IOOptions } from '@icebridge/iceberg-core'
import { type PuffinBlob, serializeFooter } from './blob-metadata.ts'
import { puffinMagic, trailerBytes } from './puffin-format.ts'

const createdBy = 'icebridge'

/** A blob to write: its metadata but for what the file decides. */
export interface NewPuffinBlob extends Omit<PuffinBlob, 'offset' | 'length' | 'codec'> {
  readonly bytes: Uint8Array
  /** Default uncompressed. */
  readonly codec?: 'zstd' | undefined
}

/**
 * Writes one Puffin file, blob by blob, with an uncompressed footer.
 *
 * @see https://iceberg.apache.org/puffin-spec/
 */
export class PuffinWriter {
  readonly path: string
  readonly #file: FileWriter
  readonly #blobs: PuffinBlob[] = []
  #position = 0

  private constructor(file: FileWriter) {
    this.path = file.path
    this.#file = file
  }

  /** Never overwrites. @throws what the store raises. */
  static async create(io: FileIO, path: string, options: IOOptions = {}): Promise<PuffinWriter> {
    return new PuffinWriter(await io.create(path, options))
  }

  /** Writes a blob; the result says where it is. */
  async add(blob: NewPuffinBlob): Promise<PuffinBlob> {
    if (this.#position === 0) await this.#put(puffinMagic)
    const { bytes, codec, ...metadata } = blob
    const stored = codec === undefined ? bytes : zstdCompressSync(bytes, { pledgedSrcSize: bytes.length })
    const written: PuffinBlob = {
      ...metadata,
      offset: BigInt(this.#position),
      length: BigInt(stored.length),
      ...(codec === undefined ? {} : { codec }),
    }
    await this.#put(stored)
    this.#blobs.push(written)
    return written
  }

  /** Ends the file; it is whole and durable when this resolves. */
  async close(): Promise<{ readonly sizeBytes: number }> {
    if (this.#position === 0) await this.#put(puffinMagic)
    const payload = serializeFooter({ blobs: this.#blobs, properties: { 'created-by': createdBy } })
    const trailer = Buffer.alloc(trailerBytes)
    trailer.writeInt32LE(payload.length)
    puffinMagic.copy(trailer, trailerBytes - puffinMagic.length)
    await this.#put(Buffer.concat([puffinMagic, payload, trailer]))
    await this.#file.close()
    return { sizeBytes: this.#position }
  }

  async abort(): Promise<void> {
    await this.#file.abort()
  }

  async #put(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes)
    this.#position += bytes.length
  }
}
