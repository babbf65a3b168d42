import {
  applyUpdates,
  checkRequirements,
  createTableMetadata,
  formatIdentifier,
  IcebergError,
  isIcebergError,
  type Catalog,
  type CommitOutcome,
  type CreateTable,
  type Environment,
  type FileIO,
  type FileIOFactory,
  type IOOptions,
  type LoadedTable,
  type NamespaceUpdate,
  type TableCommit,
  type TableIdentifier,
  type TableMetadata,
} from '@icebridge/iceberg-core'
import { noSuchNamespace, noSuchTable, refuseContradiction, tableExists } from '../catalog-errors.ts'
import { RecentlyUsed } from '../recently-used.ts'
import { CatalogRows, existsProperty } from './catalog-rows.ts'
import type { CatalogStore } from './catalog-store.ts'
import { deleteOldMetadata, discard, readMetadata, writeMetadata } from '../metadata-file.ts'
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
import { discardVersionHint, wantsVersionHint, writeVersionHint } from './version-hint.ts'

export interface SqlCatalogOptions {
  /** Tells catalogs apart that share the database. Other engines must use the same name. */
  readonly name: string
  /** Where tables go that are created without a location. A relative path is made absolute. */
  readonly warehouse: string
  readonly io: FileIO | FileIOFactory
  readonly environment: Environment
  /** Given to the factory of file stores, and to whoever loads a table. */
  readonly properties?: Readonly<Record<string, string>>
  /**
   * Gives tables of schema V0 (without views) the column of V1 when the catalog is opened, as Java does when it is asked for V1.
   * Every engine must then know V1. Default false: a V0 database is used as it is.
   */
  readonly upgradeToV1?: boolean
  /** How many metadata files are kept parsed, so that they are not read again. Default 8; 0 keeps none. */
  readonly metadataCacheSize?: number
  /**
   * Names the current metadata file in `metadata/version-hint.text` after each commit, for tools that know no catalog. A
   * table's property `icebridge.write-version-hint` goes before it. Default false.
   */
  readonly writeVersionHint?: boolean
}

export interface SqliteCatalogOptions extends SqlCatalogOptions {
  /** The SQLite file. It and its folder are made when they are absent. */
  readonly path: string
  /** How long a call waits for other processes on the file, in milliseconds. Default 30,000. */
  readonly lockTimeoutMs?: number
}

/**
 * An Iceberg catalog in a SQL database, the same one that Java's JdbcCatalog, PyIceberg's SqlCatalog and iceberg-rust open.
 *
 * A commit writes the new metadata file, then swaps its location for the one that was read, in one transaction. Any number of
 * processes may use the database at once; a SQLite file only on one host, since network file systems do not hold its locks.
 */
export class SqlCatalog implements Catalog {
  readonly name: string
  /** Where tables go that are created without a location. */
  readonly warehouse: string
  readonly #store: CatalogStore
  readonly #rows: CatalogRows
  readonly #io: FileIO | FileIOFactory
  readonly #environment: Environment
  readonly #properties: Readonly<Record<string, string>>
  /** Parsed metadata by location: a metadata file never changes, so a table that nobody changed is not read again. */
  readonly #cache: RecentlyUsed<TableMetadata>
  readonly #writesHint: boolean

  /** @internal Use {@link openSqlite}, or `openPostgresCatalog` of `@icebridge/iceberg-catalog/postgres`. */
  constructor(store: CatalogStore, options: SqlCatalogOptions) {
    this.name = options.name
    this.warehouse = warehouseLocation(options.warehouse)
    this.#store = store
    this.#rows = new CatalogRows(store, options.name)
    this.#io = options.io
    this.#environment = options.environment
    this.#properties = options.properties ?? {}
    this.#cache = new RecentlyUsed(options.metadataCacheSize ?? 8)
    this.#writesHint = options.writeVersionHint ?? false
  }

  /** @throws IcebergError `io` when the file is not a catalog or cannot be opened for writing. */
  static async openSqlite(options: SqliteCatalogOptions): Promise<SqlCatalog> {
    const { environment, lockTimeoutMs = 30_000, upgradeToV1 = false } = options
    return new SqlCatalog(await SqliteStore.open(options.path, { environment, lockTimeoutMs, upgradeToV1 }), options)
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
    refuseReserved(Object.keys(properties))
    await this.#rows.insertNamespace(namespace, properties, options.signal)
  }

  /** @throws IcebergError `no-such-namespace`. */
  async namespaceProperties(
    namespace: readonly string[],
    options: IOOptions = {},
  ): Promise<Readonly<Record<string, string>>> {
    await this.#requireNamespace(namespace, options)
    const { [existsProperty]: _, ...properties } = await this.#rows.namespaceProperties(namespace, options.signal)
    return properties
  }

  /** A property that is removed and absent is fine. @throws IcebergError `no-such-namespace`. */
  async updateNamespaceProperties(
    namespace: readonly string[],
    update: NamespaceUpdate,
    options: IOOptions = {},
  ): Promise<void> {
    const { set = {}, remove = [] } = update
    refuseReserved([...Object.keys(set), ...remove])
    refuseContradiction(namespace, set, remove)
    await this.#rows.updateNamespace(namespace, { set, remove }, options.signal)
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
    const { location: declared } = await this.#rows.namespaceProperties(namespace, options.signal)
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
    const table = this.#loaded(metadata, metadataLocation)
    await this.#writeHint(identifier, io, table)
    return table
  }

  async registerTable(
    identifier: TableIdentifier,
    metadataLocation: string,
    options: IOOptions = {},
  ): Promise<LoadedTable> {
    await this.#requireNamespace(identifier.namespace, options)
    const metadata = await readMetadata(this.#ioFor(metadataLocation), metadataLocation, options)
    await this.#rows.insertTable(identifier, metadataLocation, options.signal)
    const table = this.#loaded(metadata, metadataLocation)
    await this.#writeHint(identifier, this.#ioFor(metadataLocation), table)
    return table
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
    if (table === undefined) return
    const io = this.#ioFor(table.metadata.location)
    await purgeFiles(io, table, options)
    await discardVersionHint(io, table)
    this.#cache.delete(table.metadataLocation)
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
    const table = this.#loaded(metadata, next)
    await this.#writeHint(identifier, io, table)
    await deleteOldMetadata(io, before, table)
    return { status: 'committed', table }
  }

  /** Closes the database. Calls that are under way fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.close()
  }

  /** The table as it stands now; from `base` where that is the same file, since metadata files never change. */
  async #current(identifier: TableIdentifier, base: LoadedTable | undefined, options: IOOptions): Promise<LoadedTable> {
    const config = this.#properties
    let metadataLocation = await this.#requireTable(identifier, options)
    for (;;) {
      if (metadataLocation === base?.metadataLocation) return { ...base, config }
      const known = this.#cache.get(metadataLocation)
      if (known !== undefined) return { metadata: known, metadataLocation, config }
      try {
        const metadata = await readMetadata(this.#ioFor(metadataLocation), metadataLocation, options)
        return this.#loaded(metadata, metadataLocation)
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

  #loaded(metadata: TableMetadata, metadataLocation: string): LoadedTable {
    this.#cache.set(metadataLocation, metadata)
    return { metadata, metadataLocation, config: this.#properties }
  }

  /**
   * Names the current file beside the table. Two commits may write in the wrong order: whoever finds that the table has moved
   * on writes again. It never fails a commit, which is durable by now: the next one writes the hint anew.
   */
  async #writeHint(identifier: TableIdentifier, io: FileIO, table: LoadedTable): Promise<void> {
    if (!wantsVersionHint(table.metadata, this.#writesHint)) return
    try {
      for (let location = table.metadataLocation; ;) {
        await writeVersionHint(io, location)
        const latest = await this.#rows.metadataLocation(identifier)
        if (latest === undefined || latest === location) return
        location = latest
      }
    } catch {
      // See above.
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

/** `exists` marks a namespace in the database and is nobody's property: Java refuses it too. */
function refuseReserved(keys: readonly string[]): void {
  if (!keys.includes(existsProperty)) return
  throw new IcebergError('invalid-argument', `The namespace property ${existsProperty} is reserved`, {
    context: { property: existsProperty },
    hint: 'SQL catalogs keep it to mark a namespace that has no other property. Use another name.',
  })
}
