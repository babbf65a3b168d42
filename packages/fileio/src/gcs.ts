import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import type { Bucket, File, GetFilesOptions, GetFilesResponse, Storage } from '@google-cloud/storage'
import type { ByteRange, FileEntry, FileIO, FileWriter, IOOptions } from '@icebridge/iceberg-core'
import { gcsClient } from './gcs-client.ts'
import { alreadyExists, checkRange, type ObjectCall, ObjectStore, type StoreFailure } from './object-store.ts'
import { objectLocation } from './object-location.ts'
import { ObjectWriter, type ObjectSink, type PartUpload } from './object-writer.ts'

const SCHEMES = ['gs', 'gcs']
const store = new ObjectStore('Google Cloud Storage', failureOf)
/** A resumable upload takes chunks of a multiple of 256 KiB, one after the other. */
const PART_BYTES = 8 * 1024 * 1024
/** Metadata of an object that tells the writer which it was. */
const WRITER_KEY = 'icebridge-writer'

export interface GcsFileIOOptions {
  /** A client of your own; else one is made from the properties. */
  readonly client?: Storage | undefined
  /** Iceberg's `gcs.*` properties. */
  readonly properties?: Readonly<Record<string, string>> | undefined
}

/**
 * Objects in Google Cloud Storage, under `gs:` locations.
 *
 * A file appears at `close`, by an upload under the condition that no generation of the object is live: one that exists is
 * never replaced. @see https://cloud.google.com/storage/docs/request-preconditions
 */
export class GcsFileIO implements FileIO {
  readonly #client: () => Promise<Storage>

  constructor(options: GcsFileIOOptions = {}) {
    let made: Promise<Storage> | undefined
    const { client, properties = {} } = options
    this.#client = () => (made ??= client === undefined ? gcsClient(properties, Date.now()) : Promise.resolve(client))
  }

  async read(path: string, options: IOOptions & { readonly range?: ByteRange | undefined } = {}): Promise<Uint8Array> {
    const { range, signal } = options
    signal?.throwIfAborted()
    if (range !== undefined) checkRange(path, range)
    if (range !== undefined && range.start === range.end) {
      await this.stat(path, { signal })
      return new Uint8Array(0)
    }
    const file = await this.#file(path)
    return store.readRange({ path, signal }, async () => {
      const stream = file.createReadStream({
        decompress: false,
        // A part of an object has no checksum of its own.
        ...(range === undefined ? {} : { start: range.start, end: range.end - 1, validation: false }),
      })
      const stop = (): void => void stream.destroy(new Error('aborted'))
      signal?.addEventListener('abort', stop, { once: true })
      try {
        const chunks: Buffer[] = []
        for await (const chunk of stream) chunks.push(Buffer.from(chunk))
        return Buffer.concat(chunks)
      } finally {
        signal?.removeEventListener('abort', stop)
      }
    })
  }

  async stat(path: string, options: IOOptions = {}): Promise<{ readonly sizeBytes: number }> {
    const { signal } = options
    signal?.throwIfAborted()
    const file = await this.#file(path)
    return store.call('look at', { path, signal }, async () => {
      const [metadata] = await file.getMetadata()
      return { sizeBytes: Number(metadata.size ?? 0) }
    })
  }

  async create(path: string, options: IOOptions = {}): Promise<FileWriter> {
    const { signal } = options
    signal?.throwIfAborted()
    const file = await this.#file(path)
    const [exists] = await store.call('look at', { path, signal }, () => file.exists())
    if (exists) throw alreadyExists(path)
    return new ObjectWriter(sink(path, file, signal), { path, partBytes: PART_BYTES, concurrency: 1, signal })
  }

  async replace(path: string, bytes: Uint8Array, options: IOOptions = {}): Promise<void> {
    const { signal } = options
    signal?.throwIfAborted()
    const file = await this.#file(path)
    await store.call('write', { path, signal }, () => file.save(asBuffer(bytes), { resumable: false }))
  }

  async delete(path: string, options: IOOptions = {}): Promise<void> {
    const { signal } = options
    signal?.throwIfAborted()
    const file = await this.#file(path)
    await store.call('delete', { path, signal }, () => file.delete({ ignoreNotFound: true }))
  }

  async *list(prefix: string, options: IOOptions = {}): AsyncGenerator<FileEntry, void, undefined> {
    const { signal } = options
    signal?.throwIfAborted()
    const location = objectLocation(prefix, SCHEMES, { keyOptional: true })
    const bucket = (await this.#client()).bucket(location.authority)
    let query: GetFilesOptions | null = { prefix: location.key, autoPaginate: false }
    while (query !== null) {
      const [files, next]: GetFilesResponse = await this.#page(bucket, query, { path: prefix, signal })
      for (const { name, metadata } of files) {
        // Consoles mark folders by empty objects whose names end in a slash.
        if (name.endsWith('/') && Number(metadata.size ?? 0) === 0) continue
        yield {
          path: location.prefix + name,
          sizeBytes: Number(metadata.size ?? 0),
          lastModifiedMs: Date.parse(metadata.updated ?? '') || 0,
        }
      }
      query = next ?? null
    }
  }

  async #page(bucket: Bucket, query: GetFilesOptions, where: ObjectCall): Promise<GetFilesResponse> {
    return store.call('list', where, () => bucket.getFiles(query))
  }

  async #file(path: string): Promise<File> {
    const { authority, key } = objectLocation(path, SCHEMES)
    return (await this.#client()).bucket(authority).file(key)
  }
}

function sink(path: string, file: File, signal: AbortSignal | undefined): ObjectSink {
  const where = { path, signal }
  const writer = randomUUID()
  const options = {
    metadata: { metadata: { [WRITER_KEY]: writer } },
    preconditionOpts: { ifGenerationMatch: 0 },
  }
  const unlessThere = (step: () => Promise<unknown>): Promise<void> =>
    store.createOnce(where, step, async () => {
      const [found] = await file.getMetadata()
      return found.metadata?.[WRITER_KEY] === writer
    })
  return {
    putWhole: (bytes) => unlessThere(() => file.save(asBuffer(bytes), { ...options, resumable: false })),
    begin: () => {
      const stream = file.createWriteStream({ ...options, resumable: true, chunkSize: PART_BYTES })
      const ended = finished(stream)
      // Reported by the part under way or by `complete`; nobody waits for it in between.
      ended.catch(() => undefined)
      return Promise.resolve<PartUpload>({
        putPart: (_number, bytes) =>
          store.call('write', where, async () => {
            if (!stream.write(bytes)) await Promise.race([once(stream, 'drain'), ended])
          }),
        complete: () =>
          unlessThere(async () => {
            stream.end()
            await ended
          }),
        abort: async () => {
          stream.destroy()
          await ended.catch(() => undefined)
        },
      })
    },
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

function failureOf(error: Error): StoreFailure {
  const known: Error & { readonly code?: unknown; readonly status?: unknown } = error
  const status = [known.code, known.status].map(Number).find((code) => code >= 100 && code < 600)
  return {
    status,
    reason: status === undefined && typeof known.code === 'string' ? known.code : `HTTP ${status ?? error.name}`,
    message: error.message,
    exists: status === 412,
  }
}
