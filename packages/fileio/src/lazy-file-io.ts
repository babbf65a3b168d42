import {
  IcebergError,
  type ByteRange,
  type FileEntry,
  type FileIO,
  type FileWriter,
  type IOOptions,
} from '@icebridge/iceberg-core'

/** A store whose client library is loaded with the first call. */
export class LazyFileIO implements FileIO {
  readonly #load: () => Promise<FileIO>
  #loaded: Promise<FileIO> | undefined

  constructor(load: () => Promise<FileIO>) {
    this.#load = load
  }

  async read(path: string, options?: IOOptions & { readonly range?: ByteRange | undefined }): Promise<Uint8Array> {
    return (await this.#io()).read(path, options)
  }

  async stat(path: string, options?: IOOptions): Promise<{ readonly sizeBytes: number }> {
    return (await this.#io()).stat(path, options)
  }

  async create(path: string, options?: IOOptions): Promise<FileWriter> {
    return (await this.#io()).create(path, options)
  }

  async replace(path: string, bytes: Uint8Array, options?: IOOptions): Promise<void> {
    const io = await this.#io()
    if (io.replace === undefined) {
      throw new IcebergError('unsupported-operation', `the store of ${path} cannot replace a file`, {
        context: { path },
      })
    }
    await io.replace(path, bytes, options)
  }

  async delete(path: string, options?: IOOptions): Promise<void> {
    return (await this.#io()).delete(path, options)
  }

  async *list(prefix: string, options?: IOOptions): AsyncGenerator<FileEntry, void, undefined> {
    yield* (await this.#io()).list(prefix, options)
  }

  #io(): Promise<FileIO> {
    return (this.#loaded ??= this.#load())
  }
}

/**
 * Loads an adapter whose library is an optional peer.
 *
 * @throws IcebergError `invalid-argument` that names the library when it is not installed.
 */
export async function loadAdapter(library: string, location: string, load: () => Promise<FileIO>): Promise<FileIO> {
  try {
    return await load()
  } catch (cause) {
    const absent = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND'
    if (!absent || !cause.message.includes(library)) throw cause
    throw new IcebergError('invalid-argument', `${location} needs the package ${library}, which is not installed`, {
      context: { path: location, library },
      hint: `Install it beside @icebridge/fileio: npm install ${library}`,
      cause,
    })
  }
}
