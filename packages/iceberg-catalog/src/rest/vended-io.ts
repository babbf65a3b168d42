import type {
  ByteRange,
  Environment,
  FileEntry,
  FileIO,
  FileIOFactory,
  FileWriter,
  IOOptions,
} from '@icebridge/iceberg-core'
import { configFor, credentialFor, expiresAtMs, type TableAccess } from './storage-credentials.ts'

/** Credentials are renewed this long before they expire, or at half of their life where that is later. */
const RENEWAL_MS = 300_000

/**
 * The store of one table's files, over credentials that the catalog hands out: those of the longest prefix for each file, and
 * new ones before they expire. A file that is being written keeps the ones that it began with.
 */
export class VendedFileIO implements FileIO {
  readonly #factory: FileIOFactory
  readonly #environment: Environment
  readonly #renew: () => Promise<TableAccess>
  #access: TableAccess
  #stores = new Map<string, FileIO>()
  #renewAtMs: number | undefined
  #renewing: Promise<void> | undefined

  constructor(
    access: TableAccess,
    options: {
      readonly factory: FileIOFactory
      readonly environment: Environment
      readonly renew: () => Promise<TableAccess>
    },
  ) {
    this.#factory = options.factory
    this.#environment = options.environment
    this.#renew = options.renew
    this.#access = access
    this.#renewAtMs = this.#renewalOf(access)
  }

  async read(path: string, options?: IOOptions & { readonly range?: ByteRange | undefined }): Promise<Uint8Array> {
    return await (await this.#storeFor(path)).read(path, options)
  }

  async stat(path: string, options?: IOOptions): Promise<{ readonly sizeBytes: number }> {
    return await (await this.#storeFor(path)).stat(path, options)
  }

  async create(path: string, options?: IOOptions): Promise<FileWriter> {
    return await (await this.#storeFor(path)).create(path, options)
  }

  async delete(path: string, options?: IOOptions): Promise<void> {
    await (await this.#storeFor(path)).delete(path, options)
  }

  async *list(prefix: string, options?: IOOptions): AsyncGenerator<FileEntry, void, undefined> {
    yield* (await this.#storeFor(prefix)).list(prefix, options)
  }

  async #storeFor(path: string): Promise<FileIO> {
    const now = this.#environment.nowMs()
    if (this.#renewAtMs !== undefined && now >= this.#renewAtMs) {
      this.#renewing ??= this.#renewNow().finally(() => {
        this.#renewing = undefined
      })
      await this.#renewing
    }
    const prefix = credentialFor(this.#access, path)?.prefix ?? ''
    let store = this.#stores.get(prefix)
    if (store === undefined) {
      store = this.#factory(path, configFor(this.#access, path))
      this.#stores.set(prefix, store)
    }
    return store
  }

  async #renewNow(): Promise<void> {
    let access
    try {
      access = await this.#renew()
    } catch (error) {
      // The catalog may be away for a moment, and the old ones may still do.
      const expires = expiresAtMs(this.#access)
      if (expires !== undefined && this.#environment.nowMs() < expires) return
      throw error
    }
    this.#access = access
    this.#stores = new Map()
    this.#renewAtMs = this.#renewalOf(access)
  }

  #renewalOf(access: TableAccess): number | undefined {
    const expires = expiresAtMs(access)
    if (expires === undefined) return undefined
    const now = this.#environment.nowMs()
    return expires - Math.min(RENEWAL_MS, Math.max(0, expires - now) / 2)
  }
}
