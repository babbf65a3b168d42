import type { Environment, IOOptions } from '@icebridge/iceberg-core'
import { BearerAuthenticator, noAuthentication, type Authenticator } from './authenticator.ts'
import { OAuth2Authenticator, type OAuth2Options } from './oauth2.ts'
import { RestFailure, restError } from './rest-failure.ts'
import { checkedUrl, RestHttp, type Fetch, type RestHttpOptions, type RestRetry } from './rest-http.ts'
import { configFromJson } from './rest-json.ts'
import { RestPaths } from './rest-paths.ts'

/** How the client proves who it is. A function is asked for a token again when the server refuses the last one. */
export type RestAuth =
  | { readonly token: string | (() => string | Promise<string>) }
  | { readonly oauth2: OAuth2Options }

export interface RestCatalogOptions {
  /** What this client calls the catalog; the server does not see it. */
  readonly name: string
  /** `https://host/path`: what stands before `/v1`. */
  readonly uri: string
  readonly environment: Environment
  /** Which of the server's warehouses. */
  readonly warehouse?: string
  /** None when absent. */
  readonly auth?: RestAuth
  /** Sent with every request to the catalog. */
  readonly headers?: Readonly<Record<string, string>>
  /** For the stores of the tables, such as `s3.endpoint`. The server's defaults come before them, its overrides after. */
  readonly properties?: Readonly<Record<string, string>>
  /** What to ask the server for with each table. Default `['vended-credentials']`; empty asks for nothing. */
  readonly accessDelegation?: readonly ('vended-credentials' | 'remote-signing')[]
  /** Entries that a page of a list may have. Absent: lists come whole. */
  readonly pageSize?: number
  /** How many tables are remembered, so that the server need not send one again that has not changed. Default 8. */
  readonly tableCacheSize?: number
  /** How long one attempt may take, in milliseconds. Default 60,000. */
  readonly requestTimeoutMs?: number
  /** Default: 5 retries, from 100 ms to 10 s apart. */
  readonly retry?: Partial<RestRetry>
  /** Instead of the global one: for a proxy, client certificates or an authority of one's own. */
  readonly fetch?: Fetch
}

/** A server, and what it has said of itself. */
export interface RestConnection {
  readonly uri: string
  readonly http: RestHttp
  readonly authenticator: Authenticator
  readonly paths: RestPaths
  readonly properties: Readonly<Record<string, string>>
  /** Headers of requests that answer with a table. */
  readonly accessHeaders: Readonly<Record<string, string>>
  readonly takesIdempotencyKeys: boolean
  supports(endpoint: string): boolean
}

/** What a server has that does not say: the list in the description of `/v1/config`. */
const defaultEndpoints: readonly string[] = [
  'GET /v1/{prefix}/namespaces',
  'POST /v1/{prefix}/namespaces',
  'GET /v1/{prefix}/namespaces/{namespace}',
  'DELETE /v1/{prefix}/namespaces/{namespace}',
  'POST /v1/{prefix}/namespaces/{namespace}/properties',
  'GET /v1/{prefix}/namespaces/{namespace}/tables',
  'POST /v1/{prefix}/namespaces/{namespace}/tables',
  'GET /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  'DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  'POST /v1/{prefix}/namespaces/{namespace}/register',
  'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics',
  'POST /v1/{prefix}/tables/rename',
  'POST /v1/{prefix}/transactions/commit',
]

/** Asks the server for its configuration. */
export async function connect(options: RestCatalogOptions, io: IOOptions): Promise<RestConnection> {
  const uri = checkedUrl(options.uri, 'address of the catalog')
  const httpOptions: RestHttpOptions = {
    environment: options.environment,
    // Looked up at each call, so that whoever replaces the global one reaches this client too.
    fetch: options.fetch ?? ((...request) => globalThis.fetch(...request)),
    headers: options.headers ?? {},
    requestTimeoutMs: options.requestTimeoutMs ?? 60_000,
    retry: { retries: 5, minWaitMs: 100, maxWaitMs: 10_000, ...options.retry },
  }
  const authenticator = authenticatorOf(options.auth, uri, httpOptions)
  const http = new RestHttp(httpOptions, authenticator)
  const query = options.warehouse === undefined ? '' : `?warehouse=${encodeURIComponent(options.warehouse)}`
  let answer
  try {
    answer = await http.send({ method: 'GET', url: `${uri}/v1/config${query}`, isIdempotent: true }, io)
  } catch (error) {
    if (!(error instanceof RestFailure)) throw error
    io.signal?.throwIfAborted()
    throw restError(error, { what: 'to give its configuration', uri })
  }
  const config = configFromJson(answer.body)
  const properties = { ...config.defaults, ...options.properties, ...config.overrides }
  const endpoints = new Set(config.endpoints ?? defaultEndpoints)
  const access = options.accessDelegation ?? ['vended-credentials']
  return {
    uri,
    http,
    authenticator,
    paths: new RestPaths(uri, { prefix: properties['prefix'], separator: properties['namespace-separator'] }),
    properties,
    accessHeaders: access.length === 0 ? {} : { 'x-iceberg-access-delegation': access.join(',') },
    takesIdempotencyKeys: config.takesIdempotencyKeys,
    supports: (endpoint) => endpoints.has(endpoint),
  }
}

function authenticatorOf(auth: RestAuth | undefined, uri: string, http: RestHttpOptions): Authenticator {
  if (auth === undefined) return noAuthentication
  return 'token' in auth ? new BearerAuthenticator(auth.token) : new OAuth2Authenticator(auth.oauth2, uri, http)
}
