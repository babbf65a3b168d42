import { LocalFileIO } from '@icebridge/fileio'
import { put } from '@icebridge/fileio/testing'
import { systemEnvironment } from '@icebridge/iceberg-catalog'
import { sampleTable } from '@icebridge/iceberg-catalog/testing'
import { openTable, type Environment, type FileIOFactory, type JsonObject } from '@icebridge/iceberg-core'
import { expect, test } from 'vitest'
import { restFixture } from './rest-fixture.ts'

const orders = { namespace: ['erp'], name: 'orders' }

/** A factory that remembers what it was asked for. */
function rememberingFactory() {
  const asked: { readonly location: string; readonly config: Readonly<Record<string, string>> }[] = []
  const factory: FileIOFactory = (location, config) => {
    asked.push({ location, config })
    return new LocalFileIO()
  }
  return { asked, factory }
}

function movableClock() {
  let ahead = 0
  const environment: Environment = { ...systemEnvironment, nowMs: () => Date.now() + ahead }
  return { environment, forward: (ms: number) => (ahead += ms) }
}

test('a table comes with the properties of server and client, its own over them, and its credentials over those', async () => {
  await using fixture = await restFixture({
    config: {
      defaults: { 's3.endpoint': 'default', 's3.region': 'default', a: 'default' },
      overrides: { a: 'override' },
    },
    tableExtras: () => ({
      config: { 's3.region': 'table', 's3.access-key-id': 'of the config', token: 'for the table' },
      'storage-credentials': [
        { prefix: '/', config: { 's3.access-key-id': 'short' } },
        { prefix: fixture.behind.folder, config: { 's3.access-key-id': 'long' } },
        { prefix: '/elsewhere/and/much/longer/than/anything/else/that/could/stand/here', config: { x: 'y' } },
      ],
    }),
  })
  await using catalog = await fixture.open({ properties: { 's3.endpoint': 'client', a: 'client' } })
  await catalog.createNamespace(orders.namespace)
  const created = await catalog.createTable(orders, sampleTable)
  const expected = { a: 'override', 's3.endpoint': 'client', 's3.region': 'table', 's3.access-key-id': 'long' }
  expect(created.config).toEqual(expected)
  expect((await catalog.loadTable(orders)).config).toEqual(expected)
  const outcome = await catalog.commitTable(orders, { base: created, requirements: [], updates: [] })
  expect(outcome).toMatchObject({ status: 'committed', table: { config: expected } })
})

test('asks for vended credentials with each table, for what it is told, or for nothing', async () => {
  await using fixture = await restFixture()
  const asked = async (accessDelegation: readonly ('vended-credentials' | 'remote-signing')[] | undefined) => {
    await using catalog = await fixture.open(accessDelegation === undefined ? {} : { accessDelegation })
    if (!(await catalog.namespaceExists(orders.namespace))) {
      await catalog.createNamespace(orders.namespace)
      await catalog.createTable(orders, sampleTable)
    }
    await catalog.loadTable(orders)
    return fixture.server.seen.at(-1)?.headers['x-iceberg-access-delegation']
  }
  expect(await asked(undefined)).toBe('vended-credentials')
  expect(await asked(['vended-credentials', 'remote-signing'])).toBe('vended-credentials,remote-signing')
  expect(await asked([])).toBeUndefined()
})

test("uses a table's own token for the table, until the server refuses it", async () => {
  let token = 'table-token'
  await using fixture = await restFixture({
    tableExtras: () => ({ config: { token } }),
    respond: ({ method, headers }) =>
      method === 'POST' && headers.authorization === 'Bearer spent'
        ? { status: 401, body: { error: { message: 'expired', type: 'NotAuthorizedException', code: 401 } } }
        : undefined,
  })
  await using catalog = await fixture.open({ auth: { token: 'catalog-token' } })
  await catalog.createNamespace(orders.namespace)
  const base = await catalog.createTable(orders, sampleTable)
  const commit = { base, requirements: [], updates: [{ action: 'set-properties', updates: { a: 'b' } }] } as const
  const lastAuthorization = () => fixture.server.seen.at(-1)?.headers.authorization
  await catalog.commitTable(orders, commit)
  expect(lastAuthorization()).toBe('Bearer table-token')
  await catalog.listTables(orders.namespace)
  expect(lastAuthorization()).toBe('Bearer catalog-token')
  token = 'spent'
  await catalog.loadTable(orders)
  expect((await catalog.commitTable(orders, commit)).status).toBe('committed')
  expect(lastAuthorization()).toBe('Bearer catalog-token')
})

test.each([
  ['from the endpoint for credentials', true],
  ['with the table where there is no such endpoint', false],
])('renews credentials before they expire, %s', async (_, hasEndpoint) => {
  const clock = movableClock()
  let generation = 0
  const credentials = (): JsonObject => ({
    'storage-credentials': [
      {
        prefix: '/',
        config: {
          's3.access-key-id': `key-${++generation}`,
          's3.session-token-expires-at-ms': String(clock.environment.nowMs() + 3600_000),
        },
      },
    ],
  })
  const endpoints = ['GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/credentials']
  await using fixture = await restFixture({
    config: hasEndpoint ? { endpoints } : {},
    sendsEtags: true,
    tableExtras: credentials,
    respond: ({ path }) => (path.endsWith('/credentials') ? { status: 200, body: credentials() } : undefined),
  })
  await using catalog = await fixture.open({ environment: clock.environment })
  await catalog.createNamespace(orders.namespace)
  await catalog.createTable(orders, sampleTable)
  const { asked, factory } = rememberingFactory()
  const table = await openTable(catalog, orders, factory)
  const path = `${table.loaded.metadata.location}/data/x`
  await put(table.io, path, 'x')
  await table.io.read(path)
  const keys = () => asked.map(({ config }) => config['s3.access-key-id'])
  expect(keys()).toEqual(['key-1'])
  clock.forward(3600_000 - 301_000)
  await table.io.stat(path)
  expect(keys()).toEqual(['key-1'])
  clock.forward(2_000)
  await Promise.all([table.io.stat(path), table.io.read(path), table.io.delete(`${path}y`)])
  expect(keys()).toEqual(['key-1', 'key-2'])
  const last = fixture.server.seen.at(-1)?.path ?? ''
  expect(last.endsWith('/credentials')).toBe(hasEndpoint)
})

test('goes on with credentials that are still good when the catalog cannot renew them just now', async () => {
  const clock = movableClock()
  const expires = String(Date.now() + 3600_000)
  let isAway = false
  await using fixture = await restFixture({
    tableExtras: () => ({ config: { 'gcs.oauth2.token': 'secret-token', 'gcs.oauth2.token-expires-at': expires } }),
    fault: () => (isAway ? { answer: 500 } : undefined),
  })
  await using catalog = await fixture.open({ environment: clock.environment })
  await catalog.createNamespace(orders.namespace)
  await catalog.createTable(orders, sampleTable)
  const { asked, factory } = rememberingFactory()
  const table = await openTable(catalog, orders, factory)
  const path = `${table.loaded.metadata.location}/data/x`
  await put(table.io, path, 'x')
  isAway = true
  clock.forward(3600_000 - 60_000)
  await table.io.read(path)
  expect(asked).toHaveLength(1)
  clock.forward(61_000)
  await expect(table.io.read(path)).rejects.toMatchObject({ code: 'io', context: { status: 500 } })
})

test('takes for each file the credentials of the longest prefix', async () => {
  const prefixes = (): readonly JsonObject[] => [
    { prefix: '/', config: { which: 'all' } },
    { prefix: `${fixture.behind.folder}/warehouse/erp/orders/data`, config: { which: 'data' } },
  ]
  await using fixture = await restFixture({ tableExtras: () => ({ 'storage-credentials': [...prefixes()] }) })
  await using catalog = await fixture.open()
  await catalog.createNamespace(orders.namespace)
  await catalog.createTable(orders, sampleTable)
  const { asked, factory } = rememberingFactory()
  const table = await openTable(catalog, orders, factory)
  const { location } = table.loaded.metadata
  await put(table.io, `${location}/data/x`, 'x')
  const listed: string[] = []
  for await (const { path } of table.io.list(`${location}/metadata/`)) listed.push(path)
  expect(listed).toEqual([table.loaded.metadataLocation])
  expect(asked.map(({ config }) => config['which'])).toEqual(['data', 'all'])
})

test('a table whose server does not know that it has not changed is not sent twice', async () => {
  await using fixture = await restFixture({ sendsEtags: true })
  await using catalog = await fixture.open()
  await using other = await fixture.open()
  await catalog.createNamespace(orders.namespace)
  const base = await catalog.createTable(orders, sampleTable)
  const first = await catalog.loadTable(orders)
  expect(fixture.server.seen.at(-1)?.headers['if-none-match']).toBe(`"${base.metadataLocation}"`)
  expect((await catalog.loadTable(orders)).metadata).toBe(first.metadata)
  const updates = [{ action: 'set-properties', updates: { a: 'b' } }] as const
  await other.commitTable(orders, { base, requirements: [], updates })
  expect((await catalog.loadTable(orders)).metadata.properties['a']).toBe('b')
})
