import { randomUUID } from 'node:crypto'
import type { BlockBlobClient } from '@azure/storage-blob'
import {
  IcebergError,
  type ByteRange,
  type FileEntry,
  type FileIO,
  type FileWriter,
  type IOOptions,
} from '@icebridge/iceberg-core'
import { AzureClients } from './azure-clients.ts'
import { alreadyExists, checkRange, ObjectStore, type StoreFailure, truncated } from './object-store.ts'
import { objectLocation } from './object-location.ts'
import { ObjectWriter, type ObjectSink, type PartUpload } from './object-writer.ts'

const SCHEMES = ['abfss', 'abfs', 'wasbs', 'wasb']
const store = new ObjectStore('Azure Storage', failureOf)
const PART_BYTES = 8 * 1024 * 1024
const PARTS_UNDER_WAY = 2
/** Metadata of a blob that tells the writer which it was; the names of blob metadata are C# identifiers. */
const WRITER_KEY = 'icebridge_writer'

export interface AzureFileIOOptions {
  /** Iceberg's `adls.*` properties. */
  readonly properties?: Readonly<Record<string, string>> | undefined
}

/**
 * Blobs in Azure Storage, with or without a hierarchical namespace, under `abfss://container@account.dfs.core.windows.net/…`
 * and its older spellings.
 *
 * A file appears at `close`: by one conditional Put Blob, or by Put Block List over blocks of this writer alone. A blob that
 * exists is never replaced. Blocks of a crashed writer vanish after a week.
 * @see https://learn.microsoft.com/en-us/rest/api/storageservices/put-block-list
 */
export class AzureFileIO implements FileIO {
  readonly #clients: AzureClients

  constructor(options: AzureFileIOOptions = {}) {
    this.#clients = new AzureClients(options.properties ?? {})
  }

  async read(path: string, options: IOOptions & { readonly range?: ByteRange | undefined } = {}): Promise<Uint8Array> {
    const { range, signal } = options
    signal?.throwIfAborted()
    if (range !== undefined) checkRange(path, range)
    if (range !== undefined && range.start === range.end) {
      await this.stat(path, { signal })
      return new Uint8Array(0)
    }
    const blob = await this.#blob(path)
    return store.readRange({ path, signal }, async () => {
      const count = range === undefined ? undefined : range.end - range.start
      const answer = await blob.download(range?.start ?? 0, count, { ...abortable(signal), maxRetryRequests: 3 })
      const chunks: Buffer[] = []
      for await (const chunk of answer.readableStreamBody ?? []) chunks.push(Buffer.from(chunk))
      const bytes = Buffer.concat(chunks)
      if (answer.contentLength === undefined || answer.contentLength === bytes.length) return bytes
      throw truncated(path, bytes.length, answer.contentLength)
    })
  }

  async stat(path: string, options: IOOptions = {}): Promise<{ readonly sizeBytes: number }> {
    const { signal } = options
    signal?.throwIfAborted()
    const blob = await this.#blob(path)
    return store.call('look at', { path, signal }, async () => {
      const properties = await blob.getProperties(abortable(signal))
      return { sizeBytes: properties.contentLength ?? 0 }
    })
  }

  async create(path: string, options: IOOptions = {}): Promise<FileWriter> {
    const { signal } = options
    signal?.throwIfAborted()
    const blob = await this.#blob(path)
    const exists = await store.call('look at', { path, signal }, () => blob.exists(abortable(signal)))
    if (exists) throw alreadyExists(path)
    return new ObjectWriter(sink(path, blob, signal), {
      path,
      partBytes: PART_BYTES,
      concurrency: PARTS_UNDER_WAY,
      signal,
    })
  }

  async replace(path: string, bytes: Uint8Array, options: IOOptions = {}): Promise<void> {
    const { signal } = options
    signal?.throwIfAborted()
    const blob = await this.#blob(path)
    await store.call('write', { path, signal }, () => blob.upload(asBuffer(bytes), bytes.length, abortable(signal)))
  }

  async delete(path: string, options: IOOptions = {}): Promise<void> {
    const { signal } = options
    signal?.throwIfAborted()
    const blob = await this.#blob(path)
    await store.call('delete', { path, signal }, () => blob.deleteIfExists(abortable(signal)))
  }

  async *list(prefix: string, options: IOOptions = {}): AsyncGenerator<FileEntry, void, undefined> {
    const { signal } = options
    signal?.throwIfAborted()
    const location = objectLocation(prefix, SCHEMES, { keyOptional: true })
    const container = await this.#clients.container(location, prefix)
    const blobs = container.listBlobsFlat({ prefix: location.key, includeMetadata: true, ...abortable(signal) })
    while (true) {
      const next = await store.call('list', { path: prefix, signal }, () => blobs.next())
      if (next.done === true) return
      const { name, properties, metadata } = next.value
      // Folders of a hierarchical namespace are listed as blobs too.
      if (metadata?.['hdi_isfolder'] === 'true') continue
      yield {
        path: location.prefix + name,
        sizeBytes: properties.contentLength ?? 0,
        lastModifiedMs: properties.lastModified.getTime(),
      }
    }
  }

  async #blob(path: string): Promise<BlockBlobClient> {
    const location = objectLocation(path, SCHEMES)
    return (await this.#clients.container(location, path)).getBlockBlobClient(location.key)
  }
}

function sink(path: string, blob: BlockBlobClient, signal: AbortSignal | undefined): ObjectSink {
  const where = { path, signal }
  const writer = randomUUID()
  const attributes = { metadata: { [WRITER_KEY]: writer }, conditions: { ifNoneMatch: '*' } }
  const unlessThere = (step: () => Promise<unknown>): Promise<void> =>
    store.createOnce(where, step, async () => {
      if (!(await blob.exists(abortable(signal)))) return false
      const found = await blob.getProperties(abortable(signal))
      return found.metadata?.[WRITER_KEY] === writer
    })
  const begin = (): PartUpload => {
    const blocks: string[] = []
    return {
      putPart: (number, bytes) =>
        store.call('write', where, async () => {
          // Blocks of one blob share a list until it is committed, whoever wrote them: the id names this writer.
          const id = Buffer.from(`${writer}-${String(number).padStart(6, '0')}`).toString('base64')
          await blob.stageBlock(id, asBuffer(bytes), bytes.length, abortable(signal))
          blocks[number - 1] = id
        }),
      complete: () => unlessThere(() => blob.commitBlockList(blocks, { ...attributes, ...abortable(signal) })),
      // There is no call to drop blocks; they vanish by themselves.
      abort: () => Promise.resolve(),
    }
  }
  return {
    putWhole: async (bytes) => {
      try {
        await unlessThere(() => blob.upload(asBuffer(bytes), bytes.length, { ...attributes, ...abortable(signal) }))
      } catch (error) {
        const taken = error instanceof IcebergError && error.code === 'already-exists'
        if (!taken || (await store.call('write', where, () => blob.exists(abortable(signal))))) throw error
        // Only blocks that somebody has not committed stand in the way; a list of our own ends them.
        const upload = begin()
        if (bytes.length > 0) await upload.putPart(1, bytes)
        await upload.complete()
      }
    },
    begin: () => Promise.resolve(begin()),
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

function failureOf(error: Error): StoreFailure {
  const { statusCode, code }: Error & { readonly statusCode?: number; readonly code?: string } = error
  const reason = code ?? error.name
  return {
    status: statusCode,
    reason,
    // Only the first line: the rest repeats the request.
    message: error.message.split('\n', 1)[0] ?? '',
    // A commit by another writer takes our blocks away.
    exists: ['BlobAlreadyExists', 'ConditionNotMet', 'InvalidBlockList'].includes(reason),
  }
}

function abortable(signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal }
}
