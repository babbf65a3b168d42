import {
  applyUpdates,
  checkRequirements,
  createTableMetadata,
  formatIdentifier,
  isIcebergError,
  type Catalog,
  type CommitOutcome,
  type CreateTable,
  type Environment,
  type FileIO,
  type FileIOFactory,
  type IOOptions,
  type LoadedTable,
  type TableCommit,
  type TableIdentifier,
} from '@icebridge/iceberg-core'
import { CatalogRows, noSuchNamespace, noSuchTable, tableExists } from './catalog-rows.ts'
import { deleteOldMetadata, discard, readMetadata, writeMetadata } from './metadata-file.ts'
import {
  defaultLocation,
  folderName,
  namespaceLevels,
  namespaceText,
  warehouseLocation,
  withoutSlash,
} from './names.ts'
import { purgeFiles } from './purge.ts'
import { SqliteStore } from './sqlite-store.ts'

export interface SqliteCatalogOptions {
  /** Tells catalogs apart that share the file. Other engines must use the same name. */
  readonly name: string
  /** The SQLite file. It and its folder are made when they are absent. */
  readonly path: string
  /** Where tables go that are created without a location. A relative path is made absolute. */
  readonly warehouse: string
  readonly io: FileIO | FileIOFactory
  readonly environment: Environment
  /** Given to the factory of file stores, and to whoever loads a table. */
  readonly properties?: Readonly<Record<string, string>>
  /** How long a call waits for other processes on the file, in milliseconds. Default 30,000. */
  readonly lockTimeoutMs?: number
}

/**
 * An Iceberg catalog in a SQLite file, the same one that Java's JdbcCatalog, PyIceberg's SqlCatalog and iceberg-rust open.
 *
 * A commit writes the new metadata file, then swaps its location for the one that was read, in one transaction. Any number of
 * processes on one host may use the file at once. It is not for network file systems: their locks do not hold.
 */
export class SqlCatalog implements Catalog {
  readonly name: string
  /** Where tables go that are created without a location. */
  readonly warehouse: string
  readonly #store: SqliteStore
  readonly #rows: CatalogRows
  readonly #io: FileIO | FileIOFactory
  readonly #environment: Environment
  readonly #properties: Readonly<Record<string, string>>

  private constructor(store: SqliteStore, options: SqliteCatalogOptions) {
    this.name = options.name
    this.warehouse = warehouseLocation(options.warehouse)
    this.#store = store
    this.#rows = new CatalogRows(store, options.name)
    this.#io = options.io
    this.#environment = options.environment
    this.#properties = options.properties ?? {}
  }

  /** @throws IcebergError `io` when the file is not a catalog or cannot be opened for writing. */
  static async openSqlite(options: SqliteCatalogOptions): Promise<SqlCatalog> {
    const { environment, lockTimeoutMs = 30_000 } = options
    return new SqlCatalog(await SqliteStore.open(options.path, { environment, lockTimeoutMs }), options)
  }

  async listNamespaces(
    options: IOOptions & { readonly parent?: readonly string[] | undefined } = {},
  ): Promise<readonly (readonly string[])[]> {
    const parent = options.parent ?? []
    if (parent.length > 0) await this.#requireNamespace(parent, options)
    const children = new Set<string>()
    for (const text of await this.#rows.namespaces(options.signal)) {
      const levels = namespaceLevels(text)
      const isBelow = levels.length > parent.length && parent.every((level, index) => levels[index] === level)
      if (isBelow) children.add(levels.slice(0, parent.length + 1).join('.'))
    }
    return [...children].sort().map(namespaceLevels)
  }

  async createNamespace(
    namespace: readonly string[],
    properties: Readonly<Record<string, string>> = {},
    options: IOOptions = {},
  ): Promise<void> {
    await this.#rows.insertNamespace(namespace, properties, options.signal)
  }

  async namespaceExists(namespace: readonly string[], options: IOOptions = {}): Promise<boolean> {
    return await this.#rows.namespaceExists(namespace, options.signal)
  }

  async dropNamespace(namespace: readonly string[], options: IOOptions = {}): Promise<void> {
    await this.#rows.deleteNamespace(namespace, options.signal)
  }

  async listTables(namespace: readonly string[], options: IOOptions = {}): Promise<readonly TableIdentifier[]> {
    await this.#requireNamespace(namespace, options)
    return await this.#rows.tables(namespace, options.signal)
  }

  async tableExists(identifier: TableIdentifier, options: IOOptions = {}): Promise<boolean> {
    return (await this.#rows.metadataLocation(identifier, options.signal)) !== undefined
  }

  async loadTable(identifier: TableIdentifier, options: IOOptions = {}): Promise<LoadedTable> {
    return await this.#current(identifier, undefined, options)
  }

  async createTable(identifier: TableIdentifier, create: CreateTable, options: IOOptions = {}): Promise<LoadedTable> {
    const { namespace, name } = identifier
    await this.#requireNamespace(namespace, options)
    if (await this.tableExists(identifier, options)) throw tableExists(identifier)
    const declared = await this.#rows.namespaceProperty(namespace, 'location', options.signal)
    const fallback =
      declared === undefined
        ? defaultLocation(this.warehouse, identifier)
        : `${withoutSlash(declared)}/${folderName(name)}`
    const metadata = createTableMetadata(create, {
      location: create.location === undefined ? fallback : withoutSlash(create.location),
      tableUuid: this.#environment.uuid(),
      nowMs: this.#environment.nowMs(),
    })
    const io = this.#ioFor(metadata.location)
    const metadataLocation = await writeMetadata(io, metadata, {
      previous: undefined,
      environment: this.#environment,
      signal: options.signal,
    })
    try {
      await this.#rows.insertTable(identifier, metadataLocation, options.signal)
    } catch (error) {
      // When the answer was lost the row may be there, and the file that it names must stay.
      if (!isIcebergError(error, 'commit-unknown')) await discard(io, metadataLocation)
      throw error
    }
    return { metadata, metadataLocation, config: this.#properties }
  }

  async registerTable(
    identifier: TableIdentifier,
    metadataLocation: string,
    options: IOOptions = {},
  ): Promise<LoadedTable> {
    await this.#requireNamespace(identifier.namespace, options)
    const metadata = await readMetadata(this.#ioFor(metadataLocation), metadataLocation, options)
    await this.#rows.insertTable(identifier, metadataLocation, options.signal)
    return { metadata, metadataLocation, config: this.#properties }
  }

  /** The table's files stay where they are. @throws IcebergError `no-such-table`, `already-exists`, `no-such-namespace`. */
  async renameTable(from: TableIdentifier, to: TableIdentifier, options: IOOptions = {}): Promise<void> {
    await this.#requireNamespace(to.namespace, options)
    await this.#rows.renameTable(from, to, options.signal)
  }

  /**
   * Forgets the table. With `purge` it then deletes the files that its metadata refers to, but no data files where the table
   * says `gc.enabled` = `false`.
   */
  async dropTable(
    identifier: TableIdentifier,
    options: IOOptions & { readonly purge?: boolean | undefined } = {},
  ): Promise<void> {
    const table = options.purge === true ? await this.loadTable(identifier, options) : undefined
    await this.#rows.deleteTable(identifier, options.signal)
    if (table !== undefined) await purgeFiles(this.#ioFor(table.metadata.location), table, options)
  }

  async commitTable(identifier: TableIdentifier, commit: TableCommit, options: IOOptions = {}): Promise<CommitOutcome> {
    const current = await this.#current(identifier, commit.base, options)
    const { metadata: before, metadataLocation } = current
    const unmet = checkRequirements(before, commit.requirements)
    if (unmet !== undefined) return { status: 'conflict', reason: unmet }
    if (commit.updates.length === 0) return { status: 'committed', table: current }
    const metadata = applyUpdates(before, commit.updates, { nowMs: this.#environment.nowMs(), metadataLocation })
    const io = this.#ioFor(metadata.location)
    const next = await writeMetadata(io, metadata, {
      previous: metadataLocation,
      environment: this.#environment,
      signal: options.signal,
    })
    let outcome
    try {
      outcome = await this.#rows.swap(identifier, { current: metadataLocation, next }, options.signal)
    } catch (error) {
      await discard(io, next)
      throw error
    }
    if (outcome.status === 'unknown') return outcome
    if (!outcome.value) {
      await discard(io, next)
      return { status: 'conflict', reason: `another commit to ${formatIdentifier(identifier)} came first` }
    }
    const table = { metadata, metadataLocation: next, config: this.#properties }
    await deleteOldMetadata(io, before, table)
    return { status: 'committed', table }
  }

  /** Closes the file. Calls that are under way fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#store.close()
  }

  /** The table as it stands now; from `base` where that is the same file, since metadata files never change. */
  async #current(identifier: TableIdentifier, base: LoadedTable | undefined, options: IOOptions): Promise<LoadedTable> {
    const config = this.#properties
    let metadataLocation = await this.#requireTable(identifier, options)
    for (;;) {
      if (metadataLocation === base?.metadataLocation) return { ...base, config }
      try {
        const metadata = await readMetadata(this.#ioFor(metadataLocation), metadataLocation, options)
        return { metadata, metadataLocation, config }
      } catch (error) {
        // A commit in between may have replaced the file, and a table may ask for old ones to be deleted.
        const latest = isIcebergError(error, 'not-found')
          ? await this.#requireTable(identifier, options)
          : metadataLocation
        if (latest === metadataLocation) throw error
        metadataLocation = latest
      }
    }
  }

  async #requireTable(identifier: TableIdentifier, options: IOOptions): Promise<string> {
    const location = await this.#rows.metadataLocation(identifier, options.signal)
    if (location !== undefined) return location
    await this.#requireNamespace(identifier.namespace, options)
    throw noSuchTable(identifier)
  }

  async #requireNamespace(namespace: readonly string[], options: IOOptions): Promise<void> {
    namespaceText(namespace)
    if (!(await this.#rows.namespaceExists(namespace, options.signal))) throw noSuchNamespace(namespace)
  }

  #ioFor(location: string): FileIO {
    return typeof this.#io === 'function' ? this.#io(location, this.#properties) : this.#io
  }
}
