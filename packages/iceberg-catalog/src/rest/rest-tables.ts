import {
  formatIdentifier,
  type Environment,
  type FileIO,
  type FileIOFactory,
  type IOOptions,
  type LoadedTable,
  type TableCommit,
  type TableIdentifier,
} from '@icebridge/iceberg-core'
import { RecentlyUsed } from '../recently-used.ts'
import { BearerAuthenticator, type Authenticator } from './authenticator.ts'
import type { RestCalls } from './rest-calls.ts'
import type { RestConnection } from './rest-connection.ts'
import type { RestAnswer } from './rest-http.ts'
import { commitResultFromJson, credentialsFromJson, loadResultFromJson } from './rest-json.ts'
import { configFor, expiresAtMs, type TableAccess } from './storage-credentials.ts'
import { VendedFileIO } from './vended-io.ts'

/** A table that was loaded, and the mark by which the server knows whether it has changed. */
interface Known {
  readonly etag: string
  readonly loaded: LoadedTable
}

/** The tables of a server as this client has seen them: by their ETag, with the credentials that came with them. */
export class RestTables {
  readonly #connection: RestConnection
  readonly #calls: RestCalls
  readonly #environment: Environment
  readonly #known: RecentlyUsed<Known>
  /** Tokens that the server gave for single tables. */
  readonly #tokens = new RecentlyUsed<Authenticator>(64)
  /** What the server said with a table, by the `config` that was made from it, which outlives the {@link LoadedTable}. */
  readonly #access = new WeakMap<Readonly<Record<string, string>>, TableAccess>()

  constructor(
    connection: RestConnection,
    calls: RestCalls,
    options: { readonly environment: Environment; readonly tableCacheSize?: number },
  ) {
    this.#connection = connection
    this.#calls = calls
    this.#environment = options.environment
    this.#known = new RecentlyUsed(options.tableCacheSize ?? 8)
  }

  /** What speaks for the client in requests about this table; `undefined`: what speaks for it everywhere. */
  authenticator(identifier: TableIdentifier): Authenticator | undefined {
    return this.#tokens.get(key(identifier))
  }

  /** @throws IcebergError `no-such-table`. */
  async load(identifier: TableIdentifier, options: IOOptions): Promise<LoadedTable> {
    const known = this.#known.get(key(identifier))
    const headers: Record<string, string> = { ...this.#connection.accessHeaders }
    if (known !== undefined && !this.#expiresSoon(known.loaded)) headers['if-none-match'] = known.etag
    const url = `${this.#connection.paths.table(identifier)}?snapshots=all`
    const authenticator = this.authenticator(identifier)
    const what = `to load the table ${formatIdentifier(identifier)}`
    const purpose = { ...options, what, missing: 'no-such-table' } as const
    const answer = await this.#calls.read(url, { ...purpose, headers, authenticator })
    if (answer.status === 304 && known !== undefined) return known.loaded
    return this.loaded(identifier, answer)
  }

  /** The table of an answer, remembered. */
  loaded(identifier: TableIdentifier, answer: RestAnswer): LoadedTable {
    const result = loadResultFromJson(answer.body, formatIdentifier(identifier))
    const { token, ...config } = result.config
    if (token !== undefined) this.#tokens.set(key(identifier), this.#tableAuthenticator(token, identifier))
    const access = { config: { ...this.#connection.properties, ...config }, credentials: result.credentials }
    const { metadata, metadataLocation } = result
    const loaded = { metadata, metadataLocation, config: { ...configFor(access, metadata.location) } }
    this.#access.set(loaded.config, access)
    this.#remember(identifier, answer, loaded)
    return loaded
  }

  /** A commit's answer has no config: the table keeps that of the state it was made on. */
  committed(identifier: TableIdentifier, commit: TableCommit, answer: RestAnswer): LoadedTable {
    const loaded = { ...commitResultFromJson(answer.body), config: commit.base.config }
    this.#remember(identifier, answer, loaded)
    return loaded
  }

  /** A store that renews the credentials of the table before they expire. */
  io(identifier: TableIdentifier, loaded: LoadedTable, factory: FileIOFactory): FileIO {
    const access = this.#access.get(loaded.config)
    const { location } = loaded.metadata
    if (access === undefined || (access.credentials.length < 2 && expiresAtMs(access) === undefined)) {
      return factory(location, loaded.config)
    }
    const renew = (): Promise<TableAccess> => this.#renewAccess(identifier, access)
    return new VendedFileIO(access, { factory, environment: this.#environment, renew })
  }

  /** The name stands for another table now, or for none. */
  forget(identifier: TableIdentifier): void {
    this.#known.delete(key(identifier))
    this.#tokens.delete(key(identifier))
  }

  #remember(identifier: TableIdentifier, answer: RestAnswer, loaded: LoadedTable): void {
    const etag = answer.headers.get('etag')
    if (etag === null) this.#known.delete(key(identifier))
    else this.#known.set(key(identifier), { etag, loaded })
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
        this.#tokens.delete(key(identifier))
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
      const authenticator = this.authenticator(identifier)
      const { body } = await this.#calls.read(url, { what, missing: 'no-such-table', authenticator })
      const credentials = credentialsFromJson(body)
      if (credentials.length > 0) return { config: access.config, credentials }
    }
    this.#known.delete(key(identifier))
    const { config } = await this.load(identifier, {})
    return this.#access.get(config) ?? { config, credentials: [] }
  }
}

function key({ namespace, name }: TableIdentifier): string {
  return JSON.stringify([namespace, name])
}
