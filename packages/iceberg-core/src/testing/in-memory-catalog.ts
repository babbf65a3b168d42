import { IcebergError } from '../errors.ts'
import { applyUpdates } from '../metadata/apply-updates.ts'
import { checkRequirements } from '../metadata/check-requirements.ts'
import { createTableMetadata } from '../metadata/create-table-metadata.ts'
import { encodeTableMetadata } from '../metadata/metadata-codec.ts'
import { parseTableMetadata } from '../metadata/table-metadata-json.ts'
import { nextMetadataLocation } from '../metadata/table-locations.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import {
  type Catalog,
  type CommitOutcome,
  type CreateTable,
  formatIdentifier,
  type LoadedTable,
  type TableCommit,
  type TableIdentifier,
} from '../port/catalog.ts'
import type { Environment } from '../port/environment.ts'
import type { FileIO, IOOptions } from '../port/file-io.ts'

/** What a commit is made to do. */
export type CommitFault =
  /** The commit lands, and its answer is lost. */
  | 'lost-after-commit'
  /** The commit does not land, and its answer is lost. */
  | 'lost-before-commit'
  /** The commit is refused as if somebody else had been quicker. */
  | 'conflict'
  /** An error is thrown before anything is sent. */
  | 'throw'

/** A catalog in memory, for tests. Metadata files go to the given store, as a real catalog's would. */
export class InMemoryCatalog implements Catalog {
  readonly name: string
  /** Consumed one a commit, in order; commits beyond them succeed. */
  readonly faults: CommitFault[] = []
  /** Runs before each commit is looked at: the place to let another writer win. */
  beforeCommit: ((identifier: TableIdentifier, commit: TableCommit) => Promise<void>) | undefined
  /** Commits that were asked for, faults included. */
  readonly commits: TableCommit[] = []
  readonly #io: FileIO
  readonly #warehouse: string
  readonly #environment: Environment
  readonly #namespaces = new Map<string, readonly string[]>()
  readonly #tables = new Map<string, { readonly identifier: TableIdentifier; location: string }>()

  constructor(options: {
    readonly io: FileIO
    readonly environment: Environment
    readonly warehouse?: string
    readonly name?: string
  }) {
    this.#io = options.io
    this.#environment = options.environment
    this.#warehouse = options.warehouse ?? '/warehouse'
    this.name = options.name ?? 'memory'
  }

  async listNamespaces(
    options: IOOptions & { readonly parent?: readonly string[] | undefined } = {},
  ): Promise<readonly (readonly string[])[]> {
    const parent = options.parent ?? []
    const below = [...this.#namespaces.values()].filter(
      (namespace) => namespace.length === parent.length + 1 && parent.every((level, at) => namespace[at] === level),
    )
    return Promise.resolve(below)
  }

  async createNamespace(namespace: readonly string[]): Promise<void> {
    if (this.#namespaces.has(namespaceKey(namespace))) {
      throw new IcebergError('already-exists', `namespace ${namespace.join('.')} already exists`)
    }
    this.#namespaces.set(namespaceKey(namespace), [...namespace])
    return Promise.resolve()
  }

  async namespaceExists(namespace: readonly string[]): Promise<boolean> {
    return Promise.resolve(this.#namespaces.has(namespaceKey(namespace)))
  }

  async dropNamespace(namespace: readonly string[]): Promise<void> {
    if ((await this.listTables(namespace)).length > 0) {
      throw new IcebergError('namespace-not-empty', `namespace ${namespace.join('.')} has tables`)
    }
    this.#namespaces.delete(namespaceKey(namespace))
  }

  async listTables(namespace: readonly string[]): Promise<readonly TableIdentifier[]> {
    this.#requireNamespace(namespace)
    const key = namespaceKey(namespace)
    return Promise.resolve(
      [...this.#tables.values()].map((table) => table.identifier).filter((id) => namespaceKey(id.namespace) === key),
    )
  }

  async tableExists(identifier: TableIdentifier): Promise<boolean> {
    return Promise.resolve(this.#tables.has(tableKey(identifier)))
  }

  async loadTable(identifier: TableIdentifier, options: IOOptions = {}): Promise<LoadedTable> {
    options.signal?.throwIfAborted()
    const { location } = this.#requireTable(identifier)
    return { metadata: await this.#read(location, options), metadataLocation: location, config: {} }
  }

  async createTable(identifier: TableIdentifier, create: CreateTable, options: IOOptions = {}): Promise<LoadedTable> {
    this.#requireNamespace(identifier.namespace)
    this.#refuseExisting(identifier)
    const metadata = createTableMetadata(create, {
      location: create.location ?? [this.#warehouse, ...identifier.namespace, identifier.name].join('/'),
      tableUuid: this.#environment.uuid(),
      nowMs: this.#environment.nowMs(),
    })
    const location = await this.#write(metadata, undefined, options)
    this.#tables.set(tableKey(identifier), { identifier, location })
    return { metadata, metadataLocation: location, config: {} }
  }

  async registerTable(
    identifier: TableIdentifier,
    metadataLocation: string,
    options: IOOptions = {},
  ): Promise<LoadedTable> {
    this.#requireNamespace(identifier.namespace)
    this.#refuseExisting(identifier)
    const metadata = await this.#read(metadataLocation, options)
    this.#tables.set(tableKey(identifier), { identifier, location: metadataLocation })
    return { metadata, metadataLocation, config: {} }
  }

  async renameTable(from: TableIdentifier, to: TableIdentifier): Promise<void> {
    const { location } = this.#requireTable(from)
    this.#requireNamespace(to.namespace)
    this.#refuseExisting(to)
    this.#tables.set(tableKey(to), { identifier: to, location })
    this.#tables.delete(tableKey(from))
    return Promise.resolve()
  }

  async dropTable(
    identifier: TableIdentifier,
    options: IOOptions & { readonly purge?: boolean | undefined } = {},
  ): Promise<void> {
    const { location } = this.#requireTable(identifier)
    this.#tables.delete(tableKey(identifier))
    if (options.purge !== true) return
    const metadata = await this.#read(location, options)
    for await (const file of this.#io.list(`${metadata.location}/`, options)) await this.#io.delete(file.path, options)
  }

  async commitTable(identifier: TableIdentifier, commit: TableCommit, options: IOOptions = {}): Promise<CommitOutcome> {
    options.signal?.throwIfAborted()
    this.commits.push(commit)
    const fault = this.faults.shift()
    if (fault === 'throw') throw new IcebergError('io', 'the catalog cannot be reached', { retryable: true })
    await this.beforeCommit?.(identifier, commit)
    if (fault === 'conflict') return { status: 'conflict', reason: 'another writer was quicker' }
    if (fault === 'lost-before-commit') return { status: 'unknown', cause: new Error('connection reset') }
    const table = this.#requireTable(identifier)
    const before = table.location
    const current = await this.#read(before, options)
    const reason = checkRequirements(current, commit.requirements)
    if (reason !== undefined) return { status: 'conflict', reason }
    const metadata = applyUpdates(current, commit.updates, {
      nowMs: this.#environment.nowMs(),
      metadataLocation: before,
    })
    const metadataLocation = await this.#write(metadata, before, options)
    // The swap: nothing may have happened between reading and here.
    if (table.location !== before) {
      await this.#io.delete(metadataLocation)
      return { status: 'conflict', reason: 'the table changed during the commit' }
    }
    table.location = metadataLocation
    if (fault === 'lost-after-commit') return { status: 'unknown', cause: new Error('connection reset') }
    return { status: 'committed', table: { metadata, metadataLocation, config: {} } }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }

  async #read(location: string, options: IOOptions): Promise<TableMetadata> {
    return parseTableMetadata(await this.#io.read(location, { signal: options.signal }), { file: location })
  }

  async #write(metadata: TableMetadata, previous: string | undefined, options: IOOptions): Promise<string> {
    const location = nextMetadataLocation(metadata, { previous, uuid: this.#environment.uuid() })
    const file = await this.#io.create(location, { signal: options.signal })
    await file.write(encodeTableMetadata(metadata))
    await file.close()
    return location
  }

  #requireNamespace(namespace: readonly string[]): void {
    if (this.#namespaces.has(namespaceKey(namespace))) return
    throw new IcebergError('no-such-namespace', `namespace ${namespace.join('.')} does not exist`)
  }

  #requireTable(identifier: TableIdentifier): { readonly identifier: TableIdentifier; location: string } {
    this.#requireNamespace(identifier.namespace)
    const table = this.#tables.get(tableKey(identifier))
    if (table !== undefined) return table
    throw new IcebergError('no-such-table', `table ${formatIdentifier(identifier)} does not exist`)
  }

  #refuseExisting(identifier: TableIdentifier): void {
    if (!this.#tables.has(tableKey(identifier))) return
    throw new IcebergError('already-exists', `table ${formatIdentifier(identifier)} already exists`)
  }
}

function namespaceKey(namespace: readonly string[]): string {
  return JSON.stringify(namespace)
}

function tableKey(identifier: TableIdentifier): string {
  return JSON.stringify([identifier.namespace, identifier.name])
}
