import {
  formatIdentifier,
  IcebergError,
  isIcebergError,
  snapshotById,
  type Catalog,
  type CommitOutcome,
  type CreateTable,
  type Environment,
  type FileIO,
  type FileIOFactory,
  type IcebergErrorCode,
  type IOOptions,
  type JsonValue,
  type LoadedTable,
  type NamespaceUpdate,
  type TableCommit,
  type TableIdentifier,
} from '@icebridge/iceberg-core'
import { noSuchNamespace, refuseContradiction } from '../catalog-errors.ts'
import { RecentlyUsed } from '../recently-used.ts'
import { BearerAuthenticator, type Authenticator } from './authenticator.ts'
import { newIdempotencyKey } from './idempotency-key.ts'
import { connect, type RestCatalogOptions, type RestConnection } from './rest-connection.ts'
import { RestFailure, restError } from './rest-failure.ts'
import { idempotencyKey, type RestAnswer, type RestRequest } from './rest-http.ts'
import {
  commitResultFromJson,
  commitToJson,
  createTableToJson,
  credentialsFromJson,
  identifierToJson,
  loadResultFromJson,
  namespacePropertiesFromJson,
  namespacesFromJson,
  tablesFromJson,
  type Page,
} from './rest-json.ts'
import { configFor, expiresAtMs, type TableAccess } from './storage-credentials.ts'
import { VendedFileIO } from './vended-io.ts'

/** A table that was loaded, and the mark by which the server knows whether it has changed. */
interface Known {
  readonly etag: string
  readonly loaded: LoadedTable
}

/** What a call does, for messages; and what it means when the server does not know the thing, or has a conflict with it. */
interface Purpose extends IOOptions {
  readonly what: string
  readonly missing?: IcebergErrorCode
  readonly taken?: IcebergErrorCode
}

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
  readonly #environment: Environment
  readonly #pageSize: number | undefined
  readonly #known: RecentlyUsed<Known>
  /** Tokens that the server gave for single tables. */
  readonly #tableTokens = new RecentlyUsed<Authenticator>(64)
  /** What the server said with a table, by the `config` that was made from it, which outlives the {@link LoadedTable}. */
  readonly #access = new WeakMap<Readonly<Record<string, string>>, TableAccess>()

  private constructor(connection: RestConnection, options: RestCatalogOptions) {
    this.name = options.name
    this.#connection = connection
    this.#environment = options.environment
    this.#pageSize = options.pageSize
    this.#known = new RecentlyUsed(options.tableCacheSize ?? 8)
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
    return await this.#pages(paths.namespaces, namespacesFromJson, {
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
    await this.#change({ method: 'POST', url: paths.namespaces, json: { namespace, properties } }, purpose)
  }

  async namespaceExists(namespace: readonly string[], options: IOOptions = {}): Promise<boolean> {
    const url = this.#connection.paths.namespace(namespace)
    const method = this.#connection.supports('HEAD /v1/{prefix}/namespaces/{namespace}') ? 'HEAD' : 'GET'
    return await this.#exists(method, url, { ...options, what: `to look for the namespace ${namespace.join('.')}` })
  }

  /** @throws IcebergError `no-such-namespace`. */
  async namespaceProperties(
    namespace: readonly string[],
    options: IOOptions = {},
  ): Promise<Readonly<Record<string, string>>> {
    const what = `to load the namespace ${namespace.join('.')}`
    const purpose = { ...options, what, missing: 'no-such-namespace' } as const
    const { body } = await this.#read(this.#connection.paths.namespace(namespace), purpose)
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
    await this.#change({ method: 'POST', url, json: { removals: remove, updates: set } }, purpose)
  }

  async dropNamespace(namespace: readonly string[], options: IOOptions = {}): Promise<void> {
    const what = `to drop the namespace ${namespace.join('.')}`
    const purpose = { ...options, what, missing: 'no-such-namespace', taken: 'namespace-not-empty' } as const
    await this.#change({ method: 'DELETE', url: this.#connection.paths.namespace(namespace) }, purpose)
  }

  async listTables(namespace: readonly string[], options: IOOptions = {}): Promise<readonly TableIdentifier[]> {
    const what = `to list the tables of ${namespace.join('.')}`
    const purpose = { ...options, what, missing: 'no-such-namespace', query: {} } as const
    return await this.#pages(this.#connection.paths.tables(namespace), tablesFromJson, purpose)
  }

  async tableExists(identifier: TableIdentifier, options: IOOptions = {}): Promise<boolean> {
    const url = this.#connection.paths.table(identifier)
    const hasHead = this.#connection.supports('HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}')
    const purpose = { ...options, what: `to look for the table ${formatIdentifier(identifier)}` }
    return await this.#exists(hasHead ? 'HEAD' : 'GET', url, purpose)
  }

  async loadTable(identifier: TableIdentifier, options: IOOptions = {}): Promise<LoadedTable> {
    try {
      return await this.#load(identifier, options)
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
    const answer = await this.#change(
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
    return this.#loaded(identifier, answer)
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
    this.#require('POST /v1/{prefix}/namespaces/{namespace}/register', what)
    const answer = await this.#change(
      { method: 'POST', url, json, headers },
      { ...options, what, missing: 'not-found' },
    )
    return this.#loaded(identifier, answer)
  }

  async renameTable(from: TableIdentifier, to: TableIdentifier, options: IOOptions = {}): Promise<void> {
    const { paths } = this.#connection
    for (const identifier of [from, to]) paths.table(identifier) // refuses what no server can hold
    const what = `to rename the table ${formatIdentifier(from)}`
    this.#require('POST /v1/{prefix}/tables/rename', what)
    const json = { source: identifierToJson(from), destination: identifierToJson(to) }
    const purpose = { ...options, what, missing: 'no-such-table', taken: 'already-exists' } as const
    await this.#change({ method: 'POST', url: paths.rename, json }, purpose)
    this.#forget(from)
    this.#forget(to)
  }

  /** `purge` asks the server to delete the files. It may do so later. */
  async dropTable(
    identifier: TableIdentifier,
    options: IOOptions & { readonly purge?: boolean | undefined } = {},
  ): Promise<void> {
    const { purge = false, signal } = options
    const url = `${this.#connection.paths.table(identifier)}?purgeRequested=${purge}`
    const authenticator = this.#tableTokens.get(key(identifier))
    const what = `to drop the table ${formatIdentifier(identifier)}`
    await this.#change({ method: 'DELETE', url, authenticator }, { signal, what, missing: 'no-such-table' })
    this.#forget(identifier)
  }

  async commitTable(identifier: TableIdentifier, commit: TableCommit, options: IOOptions = {}): Promise<CommitOutcome> {
    options.signal?.throwIfAborted()
    const what = `to commit to ${formatIdentifier(identifier)}`
    const request = {
      method: 'POST',
      url: this.#connection.paths.table(identifier),
      json: commitToJson(identifier, commit),
      authenticator: this.#tableTokens.get(key(identifier)),
    } as const
    let answer
    try {
      answer = await this.#connection.http.send(this.#keyed(request), options)
      return { status: 'committed', table: this.#committed(identifier, commit, answer) }
    } catch (error) {
      const { uri } = this.#connection
      // The server has committed, and the table that it sent cannot be read.
      if (answer !== undefined) return await this.#lookFor(identifier, commit, error)
      if (!(error instanceof RestFailure)) throw error
      const cause = restError(error, { what, uri, missing: 'no-such-table', changes: true })
      if (error.kind === 'uncertain' || error.isAfterUncertain) {
        if (options.signal?.aborted === true) return { status: 'unknown', cause }
        const found = await this.#lookFor(identifier, commit, cause)
        // Refused now, with the requirements of the attempt before: that one is refused too, if it was not carried out.
        const isSettled = found.status === 'unknown' && error.status === 409 && snapshotIds(commit).length > 0
        return isSettled ? { status: 'conflict', reason: error.message } : found
      }
      if (error.status === 409) return { status: 'conflict', reason: error.message }
      throw cause
    }
  }

  /** A store that renews the credentials of the table before they expire. */
  tableIO(identifier: TableIdentifier, loaded: LoadedTable, factory: FileIOFactory): FileIO {
    const access = this.#access.get(loaded.config)
    const { location } = loaded.metadata
    if (access === undefined || (access.credentials.length < 2 && expiresAtMs(access) === undefined)) {
      return factory(location, loaded.config)
    }
    const renew = (): Promise<TableAccess> => this.#renewAccess(identifier, access)
    return new VendedFileIO(access, { factory, environment: this.#environment, renew })
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #load(identifier: TableIdentifier, options: IOOptions): Promise<LoadedTable> {
    const known = this.#known.get(key(identifier))
    const headers: Record<string, string> = { ...this.#connection.accessHeaders }
    if (known !== undefined && !this.#expiresSoon(known.loaded)) headers['if-none-match'] = known.etag
    const url = `${this.#connection.paths.table(identifier)}?snapshots=all`
    const authenticator = this.#tableTokens.get(key(identifier))
    const what = `to load the table ${formatIdentifier(identifier)}`
    const purpose = { ...options, what, missing: 'no-such-table' } as const
    const answer = await this.#read(url, { ...purpose, headers, authenticator })
    if (answer.status === 304 && known !== undefined) return known.loaded
    return this.#loaded(identifier, answer)
  }

  #loaded(identifier: TableIdentifier, answer: RestAnswer): LoadedTable {
    const result = loadResultFromJson(answer.body, formatIdentifier(identifier))
    const { token, ...config } = result.config
    if (token !== undefined) this.#tableTokens.set(key(identifier), this.#tableAuthenticator(token, identifier))
    const access = { config: { ...this.#connection.properties, ...config }, credentials: result.credentials }
    const { metadata, metadataLocation } = result
    const loaded = { metadata, metadataLocation, config: { ...configFor(access, metadata.location) } }
    this.#access.set(loaded.config, access)
    this.#remember(identifier, answer, loaded)
    return loaded
  }

  /** A commit's answer has no config: the table keeps that of the state it was made on. */
  #committed(identifier: TableIdentifier, commit: TableCommit, answer: RestAnswer): LoadedTable {
    const loaded = { ...commitResultFromJson(answer.body), config: commit.base.config }
    this.#remember(identifier, answer, loaded)
    return loaded
  }

  #remember(identifier: TableIdentifier, answer: RestAnswer, loaded: LoadedTable): void {
    const etag = answer.headers.get('etag')
    if (etag === null) this.#known.delete(key(identifier))
    else this.#known.set(key(identifier), { etag, loaded })
  }

  #forget(identifier: TableIdentifier): void {
    this.#known.delete(key(identifier))
    this.#tableTokens.delete(key(identifier))
  }

  #expiresSoon(loaded: LoadedTable): boolean {
    const access = this.#access.get(loaded.config)
    const expires = access === undefined ? undefined : expiresAtMs(access)
    return expires !== undefined && expires - this.#environment.nowMs() < 300_000
  }

  /** A token for one table; the catalog's own takes over when the server no longer takes it. */
  #tableAuthenticator(token: string, identifier: TableIdentifier): Authenticator {
    const own = new BearerAuthenticator(token)
    const { authenticator } = this.#connection
    let isSpent = false
    return {
      token: async (options) => (isSpent ? await authenticator.token(options) : await own.token()),
      renew: (refused) => {
        if (isSpent) return authenticator.renew(refused)
        isSpent = true
        this.#tableTokens.delete(key(identifier))
        return true
      },
      redact: (text) => own.redact(authenticator.redact(text)),
    }
  }

  /** Credentials alone where the server has an endpoint for them, else with the whole table. */
  async #renewAccess(identifier: TableIdentifier, access: TableAccess): Promise<TableAccess> {
    if (this.#connection.supports('GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/credentials')) {
      const url = `${this.#connection.paths.table(identifier)}/credentials`
      const what = `to renew the credentials of ${formatIdentifier(identifier)}`
      const authenticator = this.#tableTokens.get(key(identifier))
      const { body } = await this.#read(url, { what, missing: 'no-such-table', authenticator })
      const credentials = credentialsFromJson(body)
      if (credentials.length > 0) return { config: access.config, credentials }
    }
    this.#known.delete(key(identifier))
    const { config } = await this.#load(identifier, {})
    return this.#access.get(config) ?? { config, credentials: [] }
  }

  /** Whether a commit whose answer was lost stands in the table. */
  async #lookFor(identifier: TableIdentifier, commit: TableCommit, cause: unknown): Promise<CommitOutcome> {
    const ids = snapshotIds(commit)
    if (ids.length === 0) return { status: 'unknown', cause }
    try {
      const table = await this.#load(identifier, {})
      if (ids.every((id) => snapshotById(table.metadata, id) !== undefined)) return { status: 'committed', table }
    } catch {
      // What was lost first is what the caller has to know.
    }
    return { status: 'unknown', cause }
  }

  async #exists(method: 'HEAD' | 'GET', url: string, purpose: Purpose): Promise<boolean> {
    try {
      await this.#send({ method, url, isIdempotent: true }, { ...purpose, missing: 'not-found' })
      return true
    } catch (error) {
      const isMissing =
        isIcebergError(error) && ['not-found', 'no-such-table', 'no-such-namespace'].includes(error.code)
      if (isMissing) return false
      throw error
    }
  }

  async #pages<T>(
    url: string,
    parse: (body: JsonValue | undefined) => Page<T>,
    purpose: Purpose & { readonly query: Readonly<Record<string, string>> },
  ): Promise<readonly T[]> {
    const items: T[] = []
    const seen = new Set<string>()
    for (let token = ''; ;) {
      const query = new URLSearchParams(purpose.query)
      if (this.#pageSize !== undefined) query.set('pageSize', String(this.#pageSize))
      if (this.#pageSize !== undefined || token !== '') query.set('pageToken', token)
      const { body } = await this.#read(query.size === 0 ? url : `${url}?${spaced(query)}`, purpose)
      const page = parse(body)
      items.push(...page.items)
      if (page.next === undefined) return items
      if (seen.has(page.next)) throw endless(this.#connection.uri, purpose.what)
      seen.add(page.next)
      token = page.next
    }
  }

  async #read(url: string, purpose: Purpose & Pick<RestRequest, 'headers' | 'authenticator'>): Promise<RestAnswer> {
    const { headers = {}, authenticator } = purpose
    return await this.#send({ method: 'GET', url, headers, authenticator, isIdempotent: true }, purpose)
  }

  async #change(request: Omit<RestRequest, 'isIdempotent'>, purpose: Purpose): Promise<RestAnswer> {
    purpose.signal?.throwIfAborted()
    return await this.#send(this.#keyed(request), { ...purpose, changes: true })
  }

  /** A request that changes something, with a key where the server takes one: it can be sent again then. */
  #keyed(request: Omit<RestRequest, 'isIdempotent'>): RestRequest {
    if (!this.#connection.takesIdempotencyKeys) return { ...request, isIdempotent: false }
    const headers = { ...request.headers, [idempotencyKey]: newIdempotencyKey(this.#environment) }
    return { ...request, headers, isIdempotent: true }
  }

  async #send(request: RestRequest, purpose: Purpose & { readonly changes?: boolean }): Promise<RestAnswer> {
    try {
      return await this.#connection.http.send(request, purpose)
    } catch (error) {
      purpose.signal?.throwIfAborted()
      if (!(error instanceof RestFailure)) throw error
      throw restError(error, { ...purpose, uri: this.#connection.uri })
    }
  }

  #require(endpoint: string, what: string): void {
    if (this.#connection.supports(endpoint)) return
    throw new IcebergError('unsupported-operation', `The catalog ${this.#connection.uri} has no way ${what}`, {
      context: { catalog: this.#connection.uri, endpoint },
      hint: 'The server does not offer this endpoint. Do it with the tools of the server.',
    })
  }
}

function key({ namespace, name }: TableIdentifier): string {
  return JSON.stringify([namespace, name])
}

function snapshotIds(commit: TableCommit): readonly bigint[] {
  return commit.updates.flatMap((update) => (update.action === 'add-snapshot' ? [update.snapshot.snapshotId] : []))
}

/** Blanks as `%20`: not every server takes a plus sign for one. */
function spaced(query: URLSearchParams): string {
  return query.toString().replaceAll('+', '%20')
}

function endless(uri: string, what: string): IcebergError {
  return new IcebergError('io', `The catalog ${uri} failed ${what}: it gives the same page again and again`, {
    context: { catalog: uri },
  })
}
