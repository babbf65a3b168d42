import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  isIcebergError,
  isJsonObject,
  parseJsonLossless,
  stringifyJsonLossless,
  tableMetadataToJson,
  tableRequirementFromJson,
  tableUpdateFromJson,
  type Catalog,
  type JsonObject,
  type JsonValue,
  type LoadedTable,
  type TableIdentifier,
} from '@icebridge/iceberg-core'

export interface Seen {
  readonly method: string
  /** With its query, still encoded. */
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** What becomes of a request instead of, or after, being carried out. */
export type Fault =
  /** Answers without doing anything. */
  | { readonly answer: number; readonly body?: JsonValue; readonly headers?: Readonly<Record<string, string>> }
  /** Does it, then answers this. */
  | { readonly thenAnswer: number; readonly body?: JsonValue; readonly headers?: Readonly<Record<string, string>> }
  /** Cuts the connection, before doing it or after. */
  | { readonly cut: 'before' | 'after' }
  /** Does it, and never answers. */
  | { readonly hang: true }

export interface RestServerOptions {
  /** The answer to `/v1/config`, over an empty one. */
  readonly config?: JsonObject
  /** Decides about each request but those for the configuration. */
  fault?(request: Seen): Fault | undefined
  /** Answers requests that the catalog does not know, or in its place; but those for the configuration. */
  respond?(request: Seen): { readonly status: number; readonly body?: JsonValue } | undefined
  /** What goes into an answer with a table, beside its metadata. */
  tableExtras?(identifier: TableIdentifier): JsonObject
  readonly sendsEtags?: boolean
  /** Entries of a page where the client asks for pages. */
  readonly largestPage?: number
}

export interface RestServer extends AsyncDisposable {
  readonly uri: string
  /** Every request, in order. */
  readonly seen: readonly Seen[]
}

type Answer = { readonly status: number; readonly body?: JsonValue; readonly headers?: Record<string, string> }

/**
 * A REST catalog in this process over any other catalog, for tests: small, strict about what it knows, and able to fail on demand.
 * @see https://github.com/apache/iceberg/blob/main/open-api/rest-catalog-open-api.yaml
 */
export async function startRestServer(catalog: Catalog, options: RestServerOptions = {}): Promise<RestServer> {
  const seen: Seen[] = []
  const finished = new Map<string, Answer>()
  const server = createServer((request, response) => {
    void handle(request, response)
  })
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method = '', url = '', headers } = request
    const entry: Seen = { method, path: url, headers, body: Buffer.concat(chunks).toString() }
    seen.push(entry)
    const fault = url.startsWith('/v1/config') ? undefined : options.fault?.(entry)
    if (fault !== undefined && 'cut' in fault && fault.cut === 'before') return void request.socket.destroy()
    if (fault !== undefined && 'answer' in fault) return send(response, { ...fault, status: fault.answer } as Answer)
    const idempotencyKey = headers['idempotency-key']
    const replay = typeof idempotencyKey === 'string' ? finished.get(idempotencyKey) : undefined
    const answer = replay ?? (await answerTo(entry, catalog, options))
    if (typeof idempotencyKey === 'string' && answer.status < 500) finished.set(idempotencyKey, answer)
    if (fault === undefined) return send(response, answer)
    if ('cut' in fault) return void request.socket.destroy()
    if ('thenAnswer' in fault) send(response, { ...fault, status: fault.thenAnswer } as Answer)
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    uri: `http://127.0.0.1:${address.port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function send(response: ServerResponse, answer: Answer): void {
  const text = answer.body === undefined ? undefined : stringifyJsonLossless(answer.body)
  response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
  response.end(text)
}

async function answerTo(request: Seen, catalog: Catalog, options: RestServerOptions): Promise<Answer> {
  const own = request.path.startsWith('/v1/config') ? undefined : options.respond?.(request)
  if (own !== undefined) return own
  try {
    return await route(request, catalog, options)
  } catch (error) {
    if (!isIcebergError(error)) {
      return failure(500, 'RuntimeException', error instanceof Error ? error.message : String(error))
    }
    const [status, type] = errors[error.code] ?? [500, 'RuntimeException']
    return failure(status, type, error.message)
  }
}

const errors: Readonly<Record<string, readonly [number, string]>> = {
  'no-such-table': [404, 'NoSuchTableException'],
  'no-such-namespace': [404, 'NoSuchNamespaceException'],
  'not-found': [404, 'NotFoundException'],
  'already-exists': [409, 'AlreadyExistsException'],
  'namespace-not-empty': [409, 'NamespaceNotEmptyException'],
  'invalid-argument': [400, 'BadRequestException'],
  'invalid-schema': [400, 'ValidationException'],
}

function failure(status: number, type: string, message: string): Answer {
  return { status, body: { error: { message, type, code: status } } }
}

async function route(request: Seen, catalog: Catalog, options: RestServerOptions): Promise<Answer> {
  const url = new URL(request.path, 'http://localhost')
  const { method } = request
  const config = isJsonObject(options.config ?? null) ? (options.config ?? {}) : {}
  if (url.pathname === '/v1/config') return { status: 200, body: { defaults: {}, overrides: {}, ...config } }
  const overrides = config['overrides']
  const prefix = overrides !== undefined && isJsonObject(overrides) ? overrides['prefix'] : undefined
  const base = typeof prefix === 'string' ? `/v1/${prefix}/` : '/v1/'
  if (!url.pathname.startsWith(base)) return failure(404, 'NoSuchEndpoint', `no ${url.pathname}`)
  const [first, encoded, kind, table, last] = url.pathname.slice(base.length).split('/')
  const body = (): JsonObject => {
    const parsed = parseJsonLossless(request.body)
    if (!isJsonObject(parsed)) throw new Error('the body is no object')
    return parsed
  }
  if (first === 'tables' && encoded === 'rename') {
    const { source, destination } = body()
    await catalog.renameTable?.(identifierOf(source), identifierOf(destination))
    return { status: 204 }
  }
  if (first !== 'namespaces') return failure(404, 'NoSuchEndpoint', `no ${url.pathname}`)
  if (encoded === undefined) {
    if (method === 'POST') {
      const { namespace, properties } = body()
      await catalog.createNamespace(namespace as string[], (properties ?? {}) as Record<string, string>)
      return { status: 200, body: { namespace: namespace ?? [], properties: properties ?? {} } }
    }
    const parent = url.searchParams.get('parent')?.split('\u001F')
    return page(url, options, 'namespaces', await catalog.listNamespaces(parent === undefined ? {} : { parent }))
  }
  const namespace = encoded.split('%1F').map(decodeURIComponent)
  if (kind === undefined) {
    if (method === 'DELETE') {
      await catalog.dropNamespace(namespace)
      return { status: 204 }
    }
    const properties = await catalog.namespaceProperties?.(namespace)
    return method === 'HEAD' ? { status: 204 } : { status: 200, body: { namespace, properties: properties ?? {} } }
  }
  if (kind === 'properties') {
    const { removals, updates } = body()
    await catalog.updateNamespaceProperties?.(namespace, {
      set: (updates ?? {}) as Record<string, string>,
      remove: (removals ?? []) as string[],
    })
    return { status: 200, body: { updated: Object.keys(updates ?? {}), removed: removals ?? [] } }
  }
  if (kind === 'register') {
    const { name, 'metadata-location': location } = body()
    const identifier = { namespace, name: text(name) }
    return loaded(identifier, await catalog.registerTable(identifier, text(location)), options)
  }
  if (table === undefined) {
    if (method === 'POST') return await create(namespace, body(), catalog, options)
    const tables = await catalog.listTables(namespace)
    return page(
      url,
      options,
      'identifiers',
      tables.map(({ namespace: levels, name }) => ({ namespace: levels, name })),
    )
  }
  const identifier = { namespace, name: decodeURIComponent(table) }
  if (last !== undefined) return failure(404, 'NoSuchEndpoint', `no ${url.pathname}`)
  if (method === 'POST') return await commit(identifier, body(), catalog)
  if (method === 'DELETE') {
    await catalog.dropTable(identifier, { purge: url.searchParams.get('purgeRequested') === 'true' })
    return { status: 204 }
  }
  if (method === 'HEAD') {
    if (await catalog.tableExists(identifier)) return { status: 204 }
    return { status: 404 }
  }
  const table_ = await catalog.loadTable(identifier)
  const etag = `"${table_.metadataLocation}"`
  if (options.sendsEtags === true && request.headers['if-none-match'] === etag) return { status: 304 }
  return loaded(identifier, table_, options)
}

async function create(
  namespace: readonly string[],
  body: JsonObject,
  catalog: Catalog,
  options: RestServerOptions,
): Promise<Answer> {
  const { name, schema, location, 'partition-spec': spec, 'write-order': order, properties } = body
  const added = tableUpdateFromJson({ action: 'add-schema', schema: schema ?? null })
  const addedSpec = spec === undefined ? undefined : tableUpdateFromJson({ action: 'add-spec', spec })
  const addedOrder =
    order === undefined ? undefined : tableUpdateFromJson({ action: 'add-sort-order', 'sort-order': order })
  if (added.action !== 'add-schema') throw new Error('no schema')
  const { 'format-version': version, ...own } = (properties ?? {}) as Record<string, string>
  const identifier = { namespace, name: text(name) }
  const table = await catalog.createTable(identifier, {
    schema: added.schema,
    ...(addedSpec?.action === 'add-spec' ? { partitionSpec: addedSpec.spec } : {}),
    ...(addedOrder?.action === 'add-sort-order' ? { sortOrder: addedOrder.sortOrder } : {}),
    ...(typeof location === 'string' ? { location } : {}),
    properties: own,
    formatVersion: version === '3' ? 3 : 2,
  })
  return loaded(identifier, table, options)
}

async function commit(identifier: TableIdentifier, body: JsonObject, catalog: Catalog): Promise<Answer> {
  const requirements = (body['requirements'] as JsonValue[]).map(tableRequirementFromJson)
  const updates = (body['updates'] as JsonValue[]).map(tableUpdateFromJson)
  const base = await catalog.loadTable(identifier)
  const outcome = await catalog.commitTable(identifier, { base, requirements, updates })
  switch (outcome.status) {
    case 'committed':
      return { status: 200, body: tableBody(outcome.table) }
    case 'conflict':
      return failure(409, 'CommitFailedException', outcome.reason)
    case 'unknown':
      return failure(500, 'CommitStateUnknownException', String(outcome.cause))
  }
}

function loaded(identifier: TableIdentifier, table: LoadedTable, options: RestServerOptions): Answer {
  const headers = options.sendsEtags === true ? { headers: { etag: `"${table.metadataLocation}"` } } : {}
  return { status: 200, body: { ...tableBody(table), ...options.tableExtras?.(identifier) }, ...headers }
}

function tableBody(table: LoadedTable): JsonObject {
  return { 'metadata-location': table.metadataLocation, metadata: tableMetadataToJson(table.metadata) }
}

function page(url: URL, options: RestServerOptions, name: string, items: readonly JsonValue[]): Answer {
  const token = url.searchParams.get('pageToken')
  if (token === null) return { status: 200, body: { [name]: items, 'next-page-token': null } }
  const start = Number(token === '' ? 0 : token)
  const size = Math.min(Number(url.searchParams.get('pageSize') ?? 100), options.largestPage ?? 100)
  const next = start + size < items.length ? String(start + size) : null
  return { status: 200, body: { [name]: items.slice(start, start + size), 'next-page-token': next } }
}

function identifierOf(value: JsonValue | undefined): TableIdentifier {
  const { namespace, name } = value as { namespace: string[]; name: string }
  return { namespace, name }
}

function text(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value
  throw new Error('a text is missing')
}
