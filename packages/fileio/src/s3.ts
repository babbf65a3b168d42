import { randomUUID } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3'
import {
  IcebergError,
  type ByteRange,
  type FileEntry,
  type FileIO,
  type FileWriter,
  type IOOptions,
} from '@icebridge/iceberg-core'
import { alreadyExists, checkRange, ObjectStore, type StoreFailure, truncated } from './object-store.ts'
import { objectLocation, type ObjectLocation } from './object-location.ts'
import { ObjectWriter, type ObjectSink, type PartUpload } from './object-writer.ts'
import { s3ClientConfig, s3WriteSettings, type S3WriteSettings } from './s3-client.ts'

const SCHEMES = ['s3', 's3a', 's3n']
const store = new ObjectStore('Amazon S3', failureOf)
const PARTS_UNDER_WAY = 2
/** Metadata of an object that tells the writer which it was, should the answer to its request be lost. */
const WRITER_KEY = 'icebridge-writer'

export interface S3FileIOOptions {
  /** A client of your own; else one is made from the properties. */
  readonly client?: S3Client | undefined
  /** Iceberg's `s3.*` and `client.*` properties. */
  readonly properties?: Readonly<Record<string, string>> | undefined
}

/**
 * Objects in Amazon S3 and in stores that speak its protocol, under `s3:`, `s3a:` and `s3n:` locations.
 *
 * A file appears at `close`, by one conditional PutObject or the conditional end of a multipart upload: an object that exists
 * is never replaced. A crashed writer may leave an unfinished multipart upload, which no listing shows; let a lifecycle rule
 * end those. @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export class S3FileIO implements FileIO {
  readonly #client: S3Client
  readonly #settings: S3WriteSettings

  /** @throws IcebergError `invalid-argument` that names a property. */
  constructor(options: S3FileIOOptions = {}) {
    const properties = options.properties ?? {}
    this.#settings = s3WriteSettings(properties)
    this.#client = options.client ?? new S3Client(s3ClientConfig(properties))
  }

  async read(path: string, options: IOOptions & { readonly range?: ByteRange | undefined } = {}): Promise<Uint8Array> {
    const { range, signal } = options
    signal?.throwIfAborted()
    if (range !== undefined) checkRange(path, range)
    const { authority: Bucket, key: Key } = objectLocation(path, SCHEMES)
    if (range !== undefined && range.start === range.end) {
      await this.stat(path, { signal })
      return new Uint8Array(0)
    }
    return store.readRange({ path, signal }, async () => {
      const Range = range === undefined ? undefined : `bytes=${range.start}-${range.end - 1}`
      const answer = await this.#client.send(new GetObjectCommand({ Bucket, Key, Range }), abortable(signal))
      const bytes = (await answer.Body?.transformToByteArray()) ?? new Uint8Array(0)
      if (answer.ContentLength === undefined || answer.ContentLength === bytes.length) return bytes
      throw truncated(path, bytes.length, answer.ContentLength)
    })
  }

  async stat(path: string, options: IOOptions = {}): Promise<{ readonly sizeBytes: number }> {
    const { signal } = options
    signal?.throwIfAborted()
    const { authority: Bucket, key: Key } = objectLocation(path, SCHEMES)
    return store.call('look at', { path, signal }, async () => {
      const head = await this.#client.send(new HeadObjectCommand({ Bucket, Key }), abortable(signal))
      return { sizeBytes: head.ContentLength ?? 0 }
    })
  }

  async create(path: string, options: IOOptions = {}): Promise<FileWriter> {
    const { signal } = options
    signal?.throwIfAborted()
    const location = objectLocation(path, SCHEMES)
    if (await this.#exists(path, options)) throw alreadyExists(path)
    return new ObjectWriter(this.#sink(path, location, signal), {
      path,
      partBytes: this.#settings.partBytes,
      concurrency: PARTS_UNDER_WAY,
      signal,
    })
  }

  async replace(path: string, bytes: Uint8Array, options: IOOptions = {}): Promise<void> {
    const { signal } = options
    signal?.throwIfAborted()
    const { authority: Bucket, key: Key } = objectLocation(path, SCHEMES)
    const put = new PutObjectCommand({ Bucket, Key, Body: bytes, ...this.#settings.encryption })
    await store.call('write', { path, signal }, () => this.#client.send(put, abortable(signal)))
  }

  async delete(path: string, options: IOOptions = {}): Promise<void> {
    const { signal } = options
    signal?.throwIfAborted()
    const { authority: Bucket, key: Key } = objectLocation(path, SCHEMES)
    await store.call('delete', { path, signal }, () =>
      this.#client.send(new DeleteObjectCommand({ Bucket, Key }), abortable(signal)),
    )
  }

  async *list(prefix: string, options: IOOptions = {}): AsyncGenerator<FileEntry, void, undefined> {
    const { signal } = options
    signal?.throwIfAborted()
    const location = objectLocation(prefix, SCHEMES, { keyOptional: true })
    let token: string | undefined
    do {
      const page = await store.call('list', { path: prefix, signal }, () =>
        this.#client.send(
          new ListObjectsV2Command({
            Bucket: location.authority,
            Prefix: location.key,
            ContinuationToken: token,
          }),
          abortable(signal),
        ),
      )
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        // Consoles mark folders by empty objects whose names end in a slash.
        if (Key === undefined || (Key.endsWith('/') && Size === 0)) continue
        yield { path: location.prefix + Key, sizeBytes: Size ?? 0, lastModifiedMs: LastModified?.getTime() ?? 0 }
      }
      token = page.NextContinuationToken
    } while (token !== undefined)
  }

  async #exists(path: string, options: IOOptions): Promise<boolean> {
    try {
      await this.stat(path, options)
      return true
    } catch (error) {
      if (error instanceof IcebergError && error.code === 'not-found') return false
      throw error
    }
  }

  #sink(path: string, location: ObjectLocation, signal: AbortSignal | undefined): ObjectSink {
    const target = { Bucket: location.authority, Key: location.key }
    const writer = randomUUID()
    const attributes = { Metadata: { [WRITER_KEY]: writer }, ...this.#settings.encryption }
    const condition = this.#settings.conditionalCreate ? { IfNoneMatch: '*' } : {}
    const where = { path, signal }
    const send = this.#client.send.bind(this.#client)
    const unlessThere = (step: () => Promise<unknown>): Promise<void> =>
      store.createOnce(where, step, async () => {
        const found = await send(new HeadObjectCommand(target), abortable(signal))
        return found.Metadata?.[WRITER_KEY] === writer
      })
    return {
      putWhole: (Body) =>
        unlessThere(() =>
          send(new PutObjectCommand({ ...target, ...attributes, ...condition, Body }), abortable(signal)),
        ),
      begin: () =>
        store.call('write', where, async (): Promise<PartUpload> => {
          const { UploadId } = await send(
            new CreateMultipartUploadCommand({ ...target, ...attributes }),
            abortable(signal),
          )
          const parts: CompletedPart[] = []
          return {
            putPart: (PartNumber, Body) =>
              store.call('write', where, async () => {
                const { ETag } = await send(
                  new UploadPartCommand({ ...target, UploadId, PartNumber, Body }),
                  abortable(signal),
                )
                parts[PartNumber - 1] = { PartNumber, ETag }
              }),
            complete: () =>
              unlessThere(() =>
                send(
                  new CompleteMultipartUploadCommand({
                    ...target,
                    ...condition,
                    UploadId,
                    MultipartUpload: { Parts: parts },
                  }),
                  abortable(signal),
                ),
              ),
            abort: async () => {
              // Best effort: what stays behind is not listed and not part of any object.
              await send(new AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => undefined)
            },
          }
        }),
    }
  }
}

function failureOf(error: Error): StoreFailure {
  const {
    $metadata,
    code,
  }: Error & { readonly $metadata?: { readonly httpStatusCode?: number }; readonly code?: unknown } = error
  const status = $metadata?.httpStatusCode
  return {
    status,
    reason: typeof code === 'string' ? code : error.name,
    message: error.message,
    // 409 ConditionalRequestConflict: another writer of the same name was faster.
    exists: status === 412 || (status === 409 && error.name === 'ConditionalRequestConflict'),
  }
}

function abortable(signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal }
}
