import {
  formatIdentifier,
  isIcebergError,
  snapshotById,
  type Catalog,
  type CommitOutcome,
  type CreateTable,
  type FileIO,
  type FileIOFactory,
  type IOOptions,
  type LoadedTable,
  type NamespaceUpdate,
  type TableCommit,
  type TableIdentifier,
} from '@icebridge/iceberg-core'
import { noSuchNamespace, refuseContradiction } from '../catalog-errors.ts'
import { RestCalls } from './rest-calls.ts'
import { connect, type RestCatalogOptions, type RestConnection } from './rest-connection.ts'
import { RestFailure, restError } from './rest-failure.ts'
import {
  commitToJson,
  createTableToJson,
  identifierToJson,
  namespacePropertiesFromJson,
  namespacesFromJson,
  tablesFromJson,
} from './rest-json.ts'
import { RestTables } from './rest-tables.ts'

/**
 * A client of an Iceberg REST catalog.
 *
 * A commit whose answer is lost is looked for in the table before it is called `unknown`. Tables come with the credentials that
 * the server hands out; {@link tableIO} renews them. Secrets stand in no message.
 * @see https://github.com/apache/iceberg/blob/main/open-api/rest-catalog-open-api.yaml
 */
export class RestCatalog implements Catalog {
  readonly name: string
  readonly #connection: RestConnection
  readonly #calls: RestCalls
  readonly #tables: RestTables

  private constructor(connection: RestConnection, options: RestCatalogOptions) {
    this.name = options.name
    this.#connection = connection
    this.#calls = new RestCalls(connection, options)
    this.#tables = new RestTables(connection, this.#calls, options)
  }

  /**
   * Asks the server for its configuration.
   * @throws IcebergError `io` when it cannot be reached, `unauthorized`, or `invalid-argument` for an address that is none.
   */
  static async open(options: RestCatalogOptions, io: IOOptions = {}): Promise<RestCatalog> {
    return new RestCatalog(await connect(options, io), options)
  }

  async listNamespaces(
    options: IOOptions & { readonly parent?: readonly string[] | undefined } = {},
  ): Promise<readonly (readonly string[])[]> {
    const { parent = [], signal } = options
    const { paths } = this.#connection
    return await this.#calls.pages(paths.namespaces, namespacesFromJson, {
      signal,
      what: parent.length === 0 ? 'to list namespaces' : `to list the namespaces of ${parent.join('.')}`,
      missing: 'no-such-namespace',
      query: parent.length === 0 ? {} : { parent: paths.parent(parent) },
    })
  }

  async createNamespace(
    namespace: readonly string[],
    properties: Readonly<Record<string, string>> = {},
    options: IOOptions = {},
  ): Promise<void> {
    const { paths } = this.#connection
    paths.namespace(namespace) // refuses what no server can hold
    const purpose = {
      ...options,
      what: `to create the namespace ${namespace.join('.')}`,
      taken: 'already-exists',
    } as const
    await this.#calls.change({ method: 'POST', url: paths.namespaces, json: { namespace, properties } }, purpose)
  }

  async namespaceExists(namespace: readonly string[], options: IOOptions = {}): Promise<boolean> {
    const url = this.#connection.paths.namespace(namespace)
    const method = this.#connection.supports('HEAD /v1/{prefix}/namespaces/{namespace}') ? 'HEAD' : 'GET'
    return await this.#calls.exists(method, url, {
      ...options,
      what: `to look for the namespace ${namespace.join('.')}`,
    })
  }

  /** @throws IcebergError `no-such-namespace`. */
  async namespaceProperties(
    namespace: readonly string[],
    options: IOOptions = {},
  ): Promise<Readonly<Record<string, string>>> {
    const what = `to load the namespace ${namespace.join('.')}`
    const purpose = { ...options, what, missing: 'no-such-namespace' } as const
    const { body } = await this.#calls.read(this.#connection.paths.namespace(namespace), purpose)
    return namespacePropertiesFromJson(body)
  }

  /** A property that is removed and absent is fine. @throws IcebergError `no-such-namespace` or `invalid-argument`. */
  async updateNamespaceProperties(
    namespace: readonly string[],
    update: NamespaceUpdate,
    options: IOOptions = {},
  ): Promise<void> {
    const { set = {}, remove = [] } = update
    refuseContradiction(namespace, set, remove)
    const url = `${this.#connection.paths.namespace(namespace)}/properties`
    const what = `to set properties of the namespace ${namespace.join('.')}`
    const purpose = { ...options, what, missing: 'no-such-namespace' } as const
    await this.#calls.change({ method: 'POST', url, json: { removals: remove, updates: set } }, purpose)
  }

  async dropNamespace(namespace: readonly string[], options: IOOptions = {}): Promise<void> {
    const what = `to drop the namespace ${namespace.join('.')}`
    const purpose = { ...options, what, missing: 'no-such-namespace', taken: 'namespace-not-empty' } as const
    await this.#calls.change({ method: 'DELETE', url: this.#connection.paths.namespace(namespace) }, purpose)
  }

  async listTables(namespace: readonly string[], options: IOOptions = {}): Promise<readonly TableIdentifier[]> {
    const what = `to list the tables of ${namespace.join('.')}`
    const purpose = { ...options, what, missing: 'no-such-namespace', query: {} } as const
    return await this.#calls.pages(this.#connection.paths.tables(namespace), tablesFromJson, purpose)
  }

  async tableExists(identifier: TableIdentifier, options: IOOptions = {}): Promise<boolean> {
    const url = this.#connection.paths.table(identifier)
    const hasHead = this.#connection.supports('HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}')
    const purpose = { ...options, what: `to look for the table ${formatIdentifier(identifier)}` }
    return await this.#calls.exists(hasHead ? 'HEAD' : 'GET', url, purpose)
  }

  async loadTable(identifier: TableIdentifier, options: IOOptions = {}): Promise<LoadedTable> {
    try {
      return await this.#tables.load(identifier, options)
    } catch (error) {
      if (!isIcebergError(error, 'no-such-table')) throw error
      // Most servers do not tell the two apart.
      if (!(await this.namespaceExists(identifier.namespace, options))) throw noSuchNamespace(identifier.namespace)
      throw error
    }
  }

  async createTable(identifier: TableIdentifier, create: CreateTable, options: IOOptions = {}): Promise<LoadedTable> {
    const { paths, accessHeaders: headers } = this.#connection
    paths.table(identifier) // refuses what no server can hold
    const answer = await this.#calls.change(
      {
        method: 'POST',
        url: paths.tables(identifier.namespace),
        json: createTableToJson(identifier.name, create),
        headers,
      },
      {
        ...options,
        what: `to create the table ${formatIdentifier(identifier)}`,
        missing: 'no-such-namespace',
        taken: 'already-exists',
      },
    )
    return this.#tables.loaded(identifier, answer)
  }

  async registerTable(
    identifier: TableIdentifier,
    metadataLocation: string,
    options: IOOptions = {},
  ): Promise<LoadedTable> {
    const { paths, accessHeaders: headers } = this.#connection
    paths.table(identifier) // refuses what no server can hold
    const url = `${paths.namespace(identifier.namespace)}/register`
    const json = { name: identifier.name, 'metadata-location': metadataLocation }
    const what = `to register ${metadataLocation} as ${formatIdentifier(identifier)}`
    this.#calls.require('POST /v1/{prefix}/namespaces/{namespace}/register', what)
    const answer = await this.#calls.change(
      { method: 'POST', url, json, headers },
      { ...options, what, missing: 'not-found' },
    )
    return this.#tables.loaded(identifier, answer)
  }

  async renameTable(from: TableIdentifier, to: TableIdentifier, options: IOOptions = {}): Promise<void> {
    const { paths } = this.#connection
    for (const identifier of [from, to]) paths.table(identifier) // refuses what no server can hold
    const what = `to rename the table ${formatIdentifier(from)}`
    this.#calls.require('POST /v1/{prefix}/tables/rename', what)
    const json = { source: identifierToJson(from), destination: identifierToJson(to) }
    const purpose = { ...options, what, missing: 'no-such-table', taken: 'already-exists' } as const
    await this.#calls.change({ method: 'POST', url: paths.rename, json }, purpose)
    this.#tables.forget(from)
    this.#tables.forget(to)
  }

  /** `purge` asks the server to delete the files. It may do so later. */
  async dropTable(
    identifier: TableIdentifier,
    options: IOOptions & { readonly purge?: boolean | undefined } = {},
  ): Promise<void> {
    const { purge = false, signal } = options
    const url = `${this.#connection.paths.table(identifier)}?purgeRequested=${purge}`
    const authenticator = this.#tables.authenticator(identifier)
    const what = `to drop the table ${formatIdentifier(identifier)}`
    await this.#calls.change({ method: 'DELETE', url, authenticator }, { signal, what, missing: 'no-such-table' })
    this.#tables.forget(identifier)
  }

  async commitTable(identifier: TableIdentifier, commit: TableCommit, options: IOOptions = {}): Promise<CommitOutcome> {
    options.signal?.throwIfAborted()
    const what = `to commit to ${formatIdentifier(identifier)}`
    const request = {
      method: 'POST',
      url: this.#connection.paths.table(identifier),
      json: commitToJson(identifier, commit),
      authenticator: this.#tables.authenticator(identifier),
    } as const
    let answer
    try {
      answer = await this.#connection.http.send(this.#calls.keyed(request), options)
      return { status: 'committed', table: this.#tables.committed(identifier, commit, answer) }
    } catch (error) {
      const { uri } = this.#connection
      // The server has committed, and the table that it sent cannot be read.
      if (answer !== undefined) {
        const found = await this.#lookFor(identifier, commit)
        return found?.status === 'committed' ? found : { status: 'unknown', cause: error }
      }
      if (!(error instanceof RestFailure)) throw error
      const cause = restError(error, { what, uri, missing: 'no-such-table', changes: true })
      if (error.kind === 'uncertain' || error.isAfterUncertain) {
        const found = options.signal?.aborted === true ? undefined : await this.#lookFor(identifier, commit)
        if (found?.status === 'committed') return found
        // Refused now, with the requirements of the attempt before: that one is refused too, if it was not carried out.
        if (found?.status === 'absent' && error.status === 409) return { status: 'conflict', reason: error.message }
        return { status: 'unknown', cause }
      }
      if (error.status === 409) return { status: 'conflict', reason: error.message }
      throw cause
    }
  }

  /** A store that renews the credentials of the table before they expire. */
  tableIO(identifier: TableIdentifier, loaded: LoadedTable, factory: FileIOFactory): FileIO {
    return this.#tables.io(identifier, loaded, factory)
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Whether a commit whose answer was lost stands in the table; `undefined` when that cannot be told. */
  async #lookFor(
    identifier: TableIdentifier,
    commit: TableCommit,
  ): Promise<
    { readonly status: 'committed'; readonly table: LoadedTable } | { readonly status: 'absent' } | undefined
  > {
    const ids = snapshotIds(commit)
    if (ids.length === 0) return undefined
    let table
    try {
      table = await this.#tables.load(identifier, {})
    } catch {
      return undefined // the answer that was lost first is what the caller has to know of
    }
    const { metadata } = table
    return ids.every((id) => snapshotById(metadata, id) !== undefined)
      ? { status: 'committed', table }
      : { status: 'absent' }
  }
}

function snapshotIds(commit: TableCommit): readonly bigint[] {
  return commit.updates.flatMap((update) => (update.action === 'add-snapshot' ? [update.snapshot.snapshotId] : []))
}
