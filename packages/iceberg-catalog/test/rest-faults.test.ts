import { createServer, type Socket } from 'node:net'
import { append, openTable, type LoadedTable, type TableUpdate } from '@icebridge/iceberg-core'
import { systemEnvironment } from '@icebridge/iceberg-catalog'
import { RestCatalog } from '@icebridge/iceberg-catalog/rest'
import { sampleTable } from '@icebridge/iceberg-catalog/testing'
import { expect, test, vi } from 'vitest'
import { restFixture, type RestFixture } from './rest-fixture.ts'
import type { Fault, RestServerOptions, Seen } from './rest-server.ts'

const orders = { namespace: ['erp'], name: 'orders' }
const updates = [{ action: 'set-properties', updates: { landed: 'yes' } }] as const

function snapshotUpdates(table: LoadedTable, snapshotId: bigint): readonly TableUpdate[] {
  const { location } = table.metadata
  const snapshot = {
    snapshotId,
    sequenceNumber: 1n,
    timestampMs: table.metadata.lastUpdatedMs + 1,
    manifestList: `${location}/metadata/snap.avro`,
    operation: 'append',
    summary: {},
    schemaId: 0,
  } as const
  return [
    { action: 'add-snapshot', snapshot },
    { action: 'set-snapshot-ref', refName: 'main', snapshotId, type: 'branch' },
  ]
}

const onEmptyMain = [{ type: 'assert-ref-snapshot-id', ref: 'main', snapshotId: undefined }] as const

/** A server whose commits meet the given faults, one each, in order. */
function failing(faults: readonly Fault[], options: RestServerOptions = {}) {
  const left = [...faults]
  const isCommit = ({ method, path }: Seen) => method === 'POST' && /\/tables\/[^/]+$/.test(path)
  return restFixture({ ...options, fault: (request) => (isCommit(request) ? left.shift() : undefined) })
}

function commits(fixture: RestFixture): readonly Seen[] {
  return fixture.server.seen.filter(({ method, path }) => method === 'POST' && /\/tables\/[^/]+$/.test(path))
}

async function created(fixture: RestFixture) {
  const catalog = await fixture.open()
  await catalog.createNamespace(orders.namespace)
  return { catalog, base: await catalog.createTable(orders, sampleTable) }
}

const lost: readonly [string, Fault][] = [
  ['500', { thenAnswer: 500 }],
  ['502', { thenAnswer: 502 }],
  ['503 without Retry-After', { thenAnswer: 503 }],
  ['504', { thenAnswer: 504 }],
  ['the connection is lost', { cut: 'after' }],
  ['an answer that is no JSON', { thenAnswer: 200, body: 'not a table' }],
]

test.each(lost)('a commit that landed behind %s is found in the table', async (_, fault) => {
  await using fixture = await failing([fault])
  const { catalog, base } = await created(fixture)
  const commit = { base, requirements: onEmptyMain, updates: snapshotUpdates(base, 7n) }
  const outcome = await catalog.commitTable(orders, commit)
  expect(outcome).toMatchObject({ status: 'committed', table: { metadata: { currentSnapshotId: 7n } } })
  expect(commits(fixture)).toHaveLength(1)
})

test.each([
  ['500', { answer: 500 }],
  ['502', { answer: 502 }],
  ['503 without Retry-After', { answer: 503 }],
  ['504', { answer: 504 }],
  ['the connection is lost', { cut: 'before' }],
] satisfies [string, Fault][])('a commit behind %s that is not in the table is unknown', async (_, fault) => {
  await using fixture = await failing([fault])
  const { catalog, base } = await created(fixture)
  const commit = { base, requirements: onEmptyMain, updates: snapshotUpdates(base, 7n) }
  const outcome = await catalog.commitTable(orders, commit)
  expect(outcome).toMatchObject({ status: 'unknown', cause: { code: 'commit-unknown' } })
  expect(commits(fixture)).toHaveLength(1)
})

test('a commit without a snapshot is unknown when its answer is lost, whether it landed or not', async () => {
  await using fixture = await failing([{ thenAnswer: 500 }])
  const { catalog, base } = await created(fixture)
  expect(await catalog.commitTable(orders, { base, requirements: [], updates })).toMatchObject({ status: 'unknown' })
  expect((await catalog.loadTable(orders)).metadata.properties['landed']).toBe('yes')
})

test('a commit is sent again after 429, and after 503 that says when', async () => {
  await using fixture = await failing([
    { answer: 429 },
    { answer: 503, headers: { 'retry-after': '0' } },
    { answer: 503, headers: { 'retry-after': new Date(Date.now() - 5000).toUTCString() } },
  ])
  const { catalog, base } = await created(fixture)
  const outcome = await catalog.commitTable(orders, { base, requirements: [], updates })
  expect(outcome.status).toBe('committed')
  expect(commits(fixture)).toHaveLength(4)
})

test('waits as long as Retry-After says, and gives up where that is too long', async () => {
  await using fixture = await failing([
    { answer: 429, headers: { 'retry-after': '1' } },
    { answer: 429, headers: { 'retry-after': '3600' } },
  ])
  const { catalog, base } = await created(fixture)
  const started = Date.now()
  await expect(catalog.commitTable(orders, { base, requirements: [], updates })).rejects.toMatchObject({
    code: 'io',
    retryable: true,
    context: { status: 429 },
  })
  expect(Date.now() - started).toBeGreaterThanOrEqual(1000)
  expect(Date.now() - started).toBeLessThan(30_000)
})

test('a commit whose first attempt landed behind a 503 is committed, not a conflict with itself', async () => {
  await using fixture = await failing([{ thenAnswer: 503, headers: { 'retry-after': '0' } }])
  const { catalog, base } = await created(fixture)
  const commit = { base, requirements: onEmptyMain, updates: snapshotUpdates(base, 7n) }
  expect(await catalog.commitTable(orders, commit)).toMatchObject({ status: 'committed' })
  expect(commits(fixture)).toHaveLength(2)
})

test.each([
  ['the server cannot be reached', 'unreachable'],
  ['it is aborted', 'aborted'],
] as const)('a commit that landed behind a 503 is never thrown when %s before it is sent again', async (_, how) => {
  await using fixture = await failing([{ thenAnswer: 503, headers: { 'retry-after': '0' } }])
  const { base } = await created(fixture)
  const controller = new AbortController()
  let count = 0
  await using catalog = await fixture.open({
    fetch: async (input, init) => {
      count += init?.method === 'POST' ? 1 : 0
      if (count < 2 || init?.method !== 'POST') return await fetch(input, init)
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) })
    },
    environment: {
      ...systemEnvironment,
      sleep: async (_ms, signal) => {
        if (how === 'aborted') controller.abort()
        signal?.throwIfAborted()
      },
    },
  })
  const commit = { base, requirements: onEmptyMain, updates: snapshotUpdates(base, 7n) }
  const outcome = await catalog.commitTable(orders, commit, { signal: controller.signal })
  expect(outcome.status).toBe(how === 'aborted' ? 'unknown' : 'committed')
})

test('a commit that is refused after an attempt that may have landed is unknown when the table cannot be read', async () => {
  const faults: Fault[] = [{ thenAnswer: 503, headers: { 'retry-after': '0' } }]
  let isAway = false
  await using fixture = await restFixture({
    fault: ({ method, path }) => {
      if (isAway && method === 'GET') return { answer: 500 }
      if (method !== 'POST' || !/\/tables\/[^/]+$/.test(path)) return undefined
      isAway = true
      return faults.shift()
    },
  })
  const { catalog, base } = await created(fixture)
  const commit = { base, requirements: onEmptyMain, updates: snapshotUpdates(base, 7n) }
  expect(await catalog.commitTable(orders, commit)).toMatchObject({ status: 'unknown' })
  isAway = false
  expect((await catalog.loadTable(orders)).metadata.currentSnapshotId).toBe(7n)
})

test('a commit that is refused after an attempt that did not land is a conflict', async () => {
  await using fixture = await failing([{ answer: 503, headers: { 'retry-after': '0' } }])
  const { catalog, base } = await created(fixture)
  const requirements = [{ type: 'assert-ref-snapshot-id', ref: 'main', snapshotId: 5n }] as const
  const commit = { base, requirements, updates: snapshotUpdates(base, 7n) }
  expect(await catalog.commitTable(orders, commit)).toMatchObject({ status: 'conflict' })
})

test('with idempotency keys a commit is sent again under the same key, and lands once', async () => {
  await using fixture = await failing([{ cut: 'after' }, { thenAnswer: 502 }, { thenAnswer: 500 }], {
    config: { 'idempotency-key-lifetime': 'PT30M' },
  })
  const { catalog, base } = await created(fixture)
  const outcome = await catalog.commitTable(orders, { base, requirements: [], updates })
  expect(outcome.status).toBe('committed')
  const keys = commits(fixture).map(({ headers }) => headers['idempotency-key'])
  expect(keys).toHaveLength(4)
  expect(new Set(keys).size).toBe(1)
  expect(keys[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(Math.abs(Number.parseInt(String(keys[0]).replace('-', '').slice(0, 12), 16) - Date.now())).toBeLessThan(60_000)
  expect((await catalog.loadTable(orders)).metadata.metadataLog).toHaveLength(1)
  await catalog.dropTable(orders)
  expect(fixture.server.seen.at(-1)?.headers['idempotency-key']).not.toBe(keys[0])
})

test('a 400, 403 or 404 to a commit is thrown: nothing was changed', async () => {
  await using fixture = await failing([{ answer: 400 }, { answer: 403 }])
  const { catalog, base } = await created(fixture)
  const commit = { base, requirements: [], updates }
  await expect(catalog.commitTable(orders, commit)).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(catalog.commitTable(orders, commit)).rejects.toMatchObject({ code: 'unauthorized' })
  await expect(catalog.commitTable({ ...orders, name: 'none' }, commit)).rejects.toMatchObject({
    code: 'no-such-table',
  })
})

test('a commit that is aborted while the server works on it is unknown', async () => {
  await using fixture = await failing([{ hang: true }])
  const { catalog, base } = await created(fixture)
  const signal = AbortSignal.timeout(200)
  const outcome = await catalog.commitTable(orders, { base, requirements: [], updates }, { signal })
  expect(outcome.status).toBe('unknown')
  expect((await catalog.loadTable(orders)).metadata.properties['landed']).toBe('yes')
})

test('a commit that is not answered in time is unknown, or found', async () => {
  await using fixture = await failing([{ hang: true }])
  const { base } = await created(fixture)
  await using catalog = await fixture.open({ requestTimeoutMs: 300 })
  const commit = { base, requirements: onEmptyMain, updates: snapshotUpdates(base, 7n) }
  expect(await catalog.commitTable(orders, commit)).toMatchObject({ status: 'committed' })
})

test('an append whose answer is lost is committed once', async () => {
  await using fixture = await failing([{ cut: 'after' }])
  const { catalog, base } = await created(fixture)
  const table = await openTable(catalog, orders, fixture.io)
  const file = {
    content: 'data',
    filePath: `${base.metadata.location}/data/1.parquet`,
    fileFormat: 'parquet',
    partition: [],
    recordCount: 1n,
    fileSizeBytes: 9n,
    specId: 0,
  } as const
  const snapshotId = 9_007_199_254_740_993n
  const outcome = await append(table, { files: [file], snapshotId }, { environment: systemEnvironment })
  expect(outcome.status).toBe('committed')
  const { metadata } = await catalog.loadTable(orders)
  expect(metadata.snapshots.map((snapshot) => snapshot.snapshotId)).toEqual([snapshotId])
})

test('a change other than a commit whose answer is lost says that nobody knows', async () => {
  await using fixture = await restFixture({
    fault: ({ method }) => (method === 'POST' || method === 'DELETE' ? { cut: 'after' } : undefined),
  })
  await using catalog = await fixture.open()
  await expect(catalog.createNamespace(['n'])).rejects.toMatchObject({
    code: 'commit-unknown',
    hint: expect.stringContaining('happened'),
  })
  expect(await catalog.namespaceExists(['n'])).toBe(true)
  await expect(catalog.dropNamespace(['n'])).rejects.toMatchObject({ code: 'commit-unknown' })
})

test('reading is tried again after a lost connection, 429, 502, 503 and 504, and not after 500', async () => {
  const faults: Fault[] = [{ cut: 'before' }, { answer: 429 }, { answer: 503 }]
  await using fixture = await restFixture({ fault: () => faults.shift() })
  await using catalog = await fixture.open()
  expect(await catalog.listNamespaces()).toEqual([])
  faults.push({ answer: 502 }, { answer: 504 }, { cut: 'after' })
  expect(await catalog.listNamespaces()).toEqual([])
  const count = fixture.server.seen.length
  faults.push({ answer: 500, body: { error: { message: 'a bug', type: 'RuntimeException', code: 500 } } })
  await expect(catalog.listNamespaces()).rejects.toMatchObject({
    code: 'io',
    message: expect.stringContaining('a bug'),
    context: { status: 500, type: 'RuntimeException' },
  })
  expect(fixture.server.seen).toHaveLength(count + 1)
})

test('a reader stops when it is aborted: while it waits for an answer, and between attempts', async () => {
  const faults: Fault[] = [{ hang: true }]
  await using fixture = await restFixture({ fault: () => faults.shift() })
  await using catalog = await fixture.open()
  const stopped = async (signal: AbortSignal) =>
    await catalog.listNamespaces({ signal }).catch((error: unknown) => error)
  const first = AbortSignal.timeout(150)
  expect(await stopped(first)).toBe(first.reason)
  faults.push({ answer: 503, headers: { 'retry-after': '1' } })
  const second = AbortSignal.timeout(150)
  expect(await stopped(second)).toBe(second.reason)
  const third = AbortSignal.abort(new Error('before'))
  const count = fixture.server.seen.length
  expect(await stopped(third)).toBe(third.reason)
  expect(fixture.server.seen).toHaveLength(count)
})

test('a server that cannot be reached is an error that was not sent, with the remedy', async () => {
  const server = createServer((socket: Socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  await new Promise((resolve) => server.close(resolve))
  const options = { name: 'rest', environment: systemEnvironment, retry: { retries: 2, minWaitMs: 1, maxWaitMs: 2 } }
  const uri = `http://127.0.0.1:${port}`
  await expect(RestCatalog.open({ ...options, uri })).rejects.toMatchObject({
    code: 'io',
    retryable: true,
    message: expect.stringContaining(uri),
    hint: expect.stringContaining('address'),
  })
  await using fixture = await restFixture()
  const { base } = await created(fixture)
  let isGone = false
  await using catalog = await fixture.open({
    fetch: async (input, init) => await fetch(isGone ? `${uri}/v1/x` : input, init),
  })
  isGone = true
  await expect(catalog.commitTable(orders, { base, requirements: [], updates })).rejects.toMatchObject({ code: 'io' })
})

test('a certificate that is not trusted is an error that was not sent', async () => {
  const reason = Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  await using fixture = await restFixture()
  const { base } = await created(fixture)
  let isGone = false
  const fetchOnce = vi.fn<typeof fetch>(async (input, init) => {
    if (isGone) throw new TypeError('fetch failed', { cause: reason })
    return await fetch(input, init)
  })
  await using catalog = await fixture.open({ fetch: fetchOnce })
  isGone = true
  await expect(catalog.commitTable(orders, { base, requirements: [], updates })).rejects.toMatchObject({
    code: 'io',
    message: expect.stringContaining('self-signed'),
  })
})

test('a redirect is refused instead of followed with the token', async () => {
  await using fixture = await restFixture({
    fault: () => ({ answer: 301, headers: { location: 'http://elsewhere.invalid/' } }),
  })
  await using catalog = await fixture.open()
  await expect(catalog.listNamespaces()).rejects.toMatchObject({ message: expect.stringContaining('redirects') })
})

test.each([
  [[404, 'NoSuchTableException'], 'no-such-table'],
  [[404, 'NoSuchNamespaceException'], 'no-such-namespace'],
  [[404, undefined], 'no-such-namespace'],
  [[400, 'BadRequestException'], 'invalid-argument'],
  [[401, 'NotAuthorizedException'], 'unauthorized'],
  [[403, undefined], 'unauthorized'],
  [[406, 'UnsupportedOperationException'], 'unsupported-operation'],
  [[409, 'AlreadyExistsException'], 'already-exists'],
  [[419, undefined], 'unauthorized'],
  [[422, undefined], 'invalid-argument'],
] as const)('an answer of %j is the error %s', async ([status, type], code) => {
  const body = {
    error: { message: 'the reason', code: status, ...(type === undefined ? {} : { type }), stack: ['at x'] },
  }
  await using fixture = await restFixture({ fault: () => ({ answer: status, body }) })
  await using catalog = await fixture.open()
  await expect(catalog.listTables(['n'])).rejects.toMatchObject({
    code,
    message: expect.stringContaining('the reason'),
    context: { status, catalog: fixture.server.uri },
  })
})

test('an error that is no JSON is quoted shortly', async () => {
  await using fixture = await restFixture({ fault: () => ({ answer: 404, body: `<html>${'x'.repeat(5000)}` }) })
  await using catalog = await fixture.open()
  const error = await catalog.listTables(['n']).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code: 'no-such-namespace' })
  expect(String(error).length).toBeLessThan(500)
})

test('a list that never ends is an error', async () => {
  await using fixture = await restFixture({
    respond: () => ({ status: 200, body: { namespaces: [['a']], 'next-page-token': 'again' } }),
  })
  await using catalog = await fixture.open()
  await expect(catalog.listNamespaces()).rejects.toMatchObject({ message: expect.stringContaining('same page') })
})

test('refuses a table that the server lets it read in part only', async () => {
  const restrictions: unknown[] = [
    { 'required-row-filter': { type: 'eq', term: 'id', value: 5 } },
    { 'required-column-projections': [{ 'field-id': 1 }] },
    { 'required-row-filter': { type: 'true' } },
    {},
  ]
  await using fixture = await restFixture({
    tableExtras: () => ({ 'read-restrictions': (restrictions.shift() ?? null) as never }),
  })
  restrictions.unshift(undefined)
  const { catalog } = await created(fixture)
  for (let times = 0; times < 2; times++) {
    await expect(catalog.loadTable(orders)).rejects.toMatchObject({
      code: 'unsupported-operation',
      message: expect.stringContaining('erp.orders'),
    })
  }
  for (let times = 0; times < 2; times++) expect((await catalog.loadTable(orders)).metadata.formatVersion).toBe(2)
})

test('an endpoint that the server does not offer is refused by name', async () => {
  await using fixture = await restFixture({
    config: { endpoints: ['GET /v1/{prefix}/namespaces', 'GET /v1/{prefix}/namespaces/{namespace}'] },
  })
  await using catalog = await fixture.open()
  await expect(catalog.renameTable(orders, { ...orders, name: 'x' })).rejects.toMatchObject({
    code: 'unsupported-operation',
    context: { endpoint: 'POST /v1/{prefix}/tables/rename' },
  })
  expect(await catalog.namespaceExists(['none'])).toBe(false)
  expect(fixture.server.seen.at(-1)?.method).toBe('GET')
})
