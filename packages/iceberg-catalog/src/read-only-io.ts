import { IcebergError, type FileEntry, type FileIO, type FileWriter, type IOOptions } from '@icebridge/iceberg-core'

export type MapPath = (path: string) => string

/** A store that is only read, under other paths than those that stand in the metadata. */
export class ReadOnlyFileIO implements FileIO {
  readonly #io: FileIO
  readonly #mapPath: MapPath

  constructor(io: FileIO, mapPath: MapPath) {
    this.#io = io
    this.#mapPath = mapPath
  }

  async read(path: string, options?: Parameters<FileIO['read']>[1]): Promise<Uint8Array> {
    return await this.#io.read(this.#mapPath(path), options)
  }

  async stat(path: string, options?: IOOptions): Promise<{ readonly sizeBytes: number }> {
    return await this.#io.stat(this.#mapPath(path), options)
  }

  list(prefix: string, options?: IOOptions): AsyncIterable<FileEntry> {
    return this.#io.list(this.#mapPath(prefix), options)
  }

  async create(path: string): Promise<FileWriter> {
    throw readOnly(`${path} cannot be written`)
  }

  async delete(path: string): Promise<void> {
    throw readOnly(`${path} cannot be deleted`)
  }
}

export function readOnly(what: string): IcebergError {
  return new IcebergError('unsupported-operation', `${what}: the table was opened from its files, read-only`, {
    hint: 'Open the table through its catalog to change it.',
  })
}
