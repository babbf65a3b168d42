import { IcebergError } from '../errors.ts'
import type { ByteRange, FileEntry, FileIO, FileWriter, IOOptions } from '../port/file-io.ts'

/** A store in memory, for tests. Keeps the contract of {@link FileIO}. */
export class InMemoryFileIO implements FileIO {
  /** The files that are there; tests may look and change. */
  readonly files: Map<string, Uint8Array> = new Map<string, Uint8Array>()
  /** When files were last changed, for {@link list}; 0 for those that are not here. */
  readonly modifiedMs: Map<string, number> = new Map<string, number>()
  /** Paths whose deletion fails. */
  readonly undeletable: Set<string> = new Set<string>()
  /** Every successful call, as `read path`, `create path` (at close), `delete path`. */
  readonly calls: string[] = []

  async read(path: string, options: IOOptions & { readonly range?: ByteRange | undefined } = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted()
    const file = this.#require(path)
    this.calls.push(`read ${path}`)
    return Promise.resolve(new Uint8Array(file.subarray(options.range?.start ?? 0, options.range?.end ?? file.length)))
  }

  async stat(path: string, options: IOOptions = {}): Promise<{ readonly sizeBytes: number }> {
    options.signal?.throwIfAborted()
    return Promise.resolve({ sizeBytes: this.#require(path).length })
  }

  async create(path: string, options: IOOptions = {}): Promise<FileWriter> {
    options.signal?.throwIfAborted()
    if (this.files.has(path)) throw alreadyExists(path)
    return Promise.resolve(new InMemoryFileWriter(path, this))
  }

  async delete(path: string, options: IOOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    if (this.undeletable.has(path)) {
      throw new IcebergError('io', `file ${path} cannot be deleted`, { context: { path }, retryable: true })
    }
    this.files.delete(path)
    this.calls.push(`delete ${path}`)
    return Promise.resolve()
  }

  async *list(prefix: string, options: IOOptions = {}): AsyncGenerator<FileEntry, void, undefined> {
    for (const [path, bytes] of Array.from(this.files)) {
      options.signal?.throwIfAborted()
      const lastModifiedMs = this.modifiedMs.get(path) ?? 0
      if (path.startsWith(prefix)) yield await Promise.resolve({ path, sizeBytes: bytes.length, lastModifiedMs })
    }
  }

  #require(path: string): Uint8Array {
    const file = this.files.get(path)
    if (file !== undefined) return file
    throw new IcebergError('not-found', `file ${path} does not exist`, { context: { path } })
  }
}

class InMemoryFileWriter implements FileWriter {
  readonly path: string
  readonly #io: InMemoryFileIO
  readonly #chunks: Uint8Array[] = []
  #sizeBytes = 0
  #settled = false

  constructor(path: string, io: InMemoryFileIO) {
    this.path = path
    this.#io = io
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#chunks.push(new Uint8Array(bytes))
    this.#sizeBytes += bytes.length
    return Promise.resolve()
  }

  async close(): Promise<void> {
    if (this.#settled) return
    this.#settled = true
    if (this.#io.files.has(this.path)) throw alreadyExists(this.path)
    this.#io.files.set(this.path, new Uint8Array(Buffer.concat(this.#chunks)))
    this.#io.calls.push(`create ${this.path}`)
    return Promise.resolve()
  }

  async abort(): Promise<void> {
    this.#settled = true
    return Promise.resolve()
  }
}

function alreadyExists(path: string): IcebergError {
  return new IcebergError('already-exists', `file ${path} already exists`, { context: { path } })
}
