import {
  IcebergError,
  type Catalog,
  type CommitOutcome,
  type FileIO,
  type FileIOFactory,
  type IOOptions,
  type LoadedTable,
  type TableHandle,
  type TableIdentifier,
} from '@icebridge/iceberg-core'
import { readMetadata } from './metadata-file.ts'
import { ReadOnlyFileIO, readOnly, type MapPath } from './read-only-io.ts'
import { findMetadataFile } from './static-location.ts'

export interface StaticTableOptions extends IOOptions {
  /** Where a file is that the metadata has under `path`: for tables whose files were moved. */
  readonly mapPath?: MapPath
}

/**
 * Opens a table from its files, without a catalog, read-only: a metadata file, or a table folder in its newest state. A refresh
 * looks again.
 *
 * @throws IcebergError `not-found`, `malformed-metadata`, or `invalid-argument` when a folder does not say which file is newest.
 */
export async function openStaticTable(
  location: string,
  io: FileIO | FileIOFactory,
  options: StaticTableOptions = {},
): Promise<TableHandle> {
  const store = typeof io === 'function' ? io(location, {}) : io
  const catalog = new StaticCatalog(location, new ReadOnlyFileIO(store, options.mapPath ?? ((path) => path)))
  const { identifier } = catalog
  return { identifier, catalog, io: catalog.io, loaded: await catalog.loadTable(identifier, options) }
}

/** The catalog of one table that is only its files. */
class StaticCatalog implements Catalog {
  readonly name = 'files'
  readonly io: FileIO
  readonly identifier: TableIdentifier
  readonly #location: string

  constructor(location: string, io: FileIO) {
    this.io = io
    this.#location = location
    this.identifier = { namespace: [], name: nameOf(location) }
  }

  async loadTable(identifier: TableIdentifier, options: IOOptions = {}): Promise<LoadedTable> {
    if (!this.#isOwn(identifier)) {
      throw new IcebergError(
        'no-such-table',
        `${this.#location} is the table ${this.identifier.name}, not ${identifier.name}`,
      )
    }
    const metadataLocation = await findMetadataFile(this.io, this.#location, options)
    const metadata = await readMetadata(this.io, metadataLocation, options)
    return { metadata, metadataLocation, config: {} }
  }

  async listNamespaces(): Promise<readonly (readonly string[])[]> {
    return []
  }

  async namespaceExists(): Promise<boolean> {
    return false
  }

  async listTables(): Promise<readonly TableIdentifier[]> {
    return [this.identifier]
  }

  async tableExists(identifier: TableIdentifier): Promise<boolean> {
    return this.#isOwn(identifier)
  }

  async createNamespace(): Promise<never> {
    throw readOnly('A namespace cannot be created')
  }

  async dropNamespace(): Promise<never> {
    throw readOnly('A namespace cannot be dropped')
  }

  async createTable(): Promise<never> {
    throw readOnly('A table cannot be created')
  }

  async registerTable(): Promise<never> {
    throw readOnly('A table cannot be registered')
  }

  async dropTable(): Promise<never> {
    throw readOnly(`${this.#location} cannot be dropped`)
  }

  async commitTable(): Promise<CommitOutcome> {
    throw readOnly(`Nothing can be committed to ${this.#location}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #isOwn(identifier: TableIdentifier): boolean {
    return identifier.namespace.length === 0 && identifier.name === this.identifier.name
  }
}

/** The table folder's name, which is all that is known of the table's. */
function nameOf(location: string): string {
  const parts = location.split('/').filter((part) => part !== '')
  const isFile = /\.json(\.gz)?$/i.test(location)
  const end = isFile ? parts.length - 1 : parts.length
  const folder = parts[end - 1] === 'metadata' ? end - 1 : end
  return parts[folder - 1] ?? 'table'
}
