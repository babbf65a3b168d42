import { inspect } from 'node:util'
import { createServer, type Socket } from 'node:net'
import { systemEnvironment } from '@icebridge/iceberg-catalog'
import { openPostgresCatalog } from '@icebridge/iceberg-catalog/postgres'
import { catalogConformance, sampleTable } from '@icebridge/iceberg-catalog/testing'
import { LocalFileIO } from '@icebridge/fileio'
import { describe, expect, test } from 'vitest'
import { postgres, postgresFixture } from './postgres-fixture.ts'
import { cuttingProxy } from './cutting-proxy.ts'

const missing = 'missing' in postgres ? postgres.missing : undefined
if (missing !== undefined) console.warn(`the tests on PostgreSQL are skipped: ${missing}`)

const orders = { namespace: ['erp', 'dbo'], name: 'orders' }
const properties = [{ action: 'set-properties', updates: { landed: 'yes' } }] as const

describe.skipIf(missing !== undefined)('SqlCatalog on PostgreSQL as a Catalog', () => {
  test.each(catalogConformance({ create: postgresFixture }))('$name', ({ run }) => run())
})

describe.skipIf(missing !== undefined)('SqlCatalog on PostgreSQL', () => {
  test('stores what Java and PyIceberg store', async () => {
    await using fixture = await postgresFixture()
    await using catalog = await fixture.open()
    await catalog.createNamespace(orders.namespace, { comment: 'x' })
    const created = await catalog.createTable(orders, sampleTable)
    const outcome = await catalog.commitTable(orders, { base: created, requirements: [], updates: properties })
    expect(outcome.status).toBe('committed')
    const { metadataLocation } = await catalog.loadTable(orders)
    expect(await fixture.query('SELECT * FROM iceberg_tables')).toEqual([
      {
        catalog_name: 'lake',
        table_namespace: 'erp.dbo',
        table_name: 'orders',
        metadata_location: metadataLocation,
        previous_metadata_location: created.metadataLocation,
        iceberg_type: 'TABLE',
      },
    ])
    expect(await fixture.query('SELECT * FROM iceberg_namespace_properties ORDER BY property_key')).toEqual([
      { catalog_name: 'lake', namespace: 'erp.dbo', property_key: 'comment', property_value: 'x' },
      { catalog_name: 'lake', namespace: 'erp.dbo', property_key: 'exists', property_value: 'true' },
    ])
  })

  test('uses tables of schema V0 as they are, and makes them V1 only when it is asked', async () => {
    await using fixture = await postgresFixture()
    await fixture.query(`CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL,
      table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000),
      previous_metadata_location VARCHAR(1000), PRIMARY KEY (catalog_name, table_namespace, table_name))`)
    const columns = async () =>
      (
        await fixture.query(
          `SELECT attname FROM pg_attribute WHERE attrelid = 'iceberg_tables'::regclass AND attnum > 0`,
        )
      )
        .map((row) => row['attname'])
        .join()
    await using catalog = await fixture.open()
    await catalog.createNamespace(orders.namespace)
    const created = await catalog.createTable(orders, sampleTable)
    expect(await columns()).not.toContain('iceberg_type')
    await using upgraded = await fixture.open({ upgradeToV1: true })
    expect(await columns()).toContain('iceberg_type')
    expect((await upgraded.loadTable(orders)).metadataLocation).toBe(created.metadataLocation)
    // A client that opened the database before goes on.
    const outcome = await catalog.commitTable(orders, { base: created, requirements: [], updates: properties })
    expect(outcome.status).toBe('committed')
    expect((await upgraded.loadTable(orders)).metadata.properties['landed']).toBe('yes')
  })

  test('lets many clients open an empty database at once', async () => {
    await using fixture = await postgresFixture()
    const catalogs = await Promise.all(Array.from({ length: 8 }, () => fixture.open()))
    await catalogs[0]?.createNamespace(['n'])
    expect(await catalogs[7]?.listNamespaces()).toEqual([['n']])
    await Promise.all(catalogs.map((catalog) => catalog[Symbol.asyncDispose]()))
  })

  test('says unknown when the answer to COMMIT was lost, and keeps the file that may be in use', async () => {
    await using fixture = await postgresFixture()
    await using proxy = await cuttingProxy(fixture.url, 'COMMIT')
    await using direct = await fixture.open()
    await using catalog = await fixture.open({ url: proxy.url })
    await direct.createNamespace(orders.namespace)
    const base = await direct.createTable(orders, sampleTable)
    proxy.arm()
    const outcome = await catalog.commitTable(orders, { base, requirements: [], updates: properties })
    expect(outcome.status).toBe('unknown')
    expect((await direct.loadTable(orders)).metadata.properties['landed']).toBe('yes')
    // The broken connection is not used again.
    expect((await catalog.loadTable(orders)).metadata.properties['landed']).toBe('yes')
  })

  test('throws, and removes its file, when the connection was lost before COMMIT', async () => {
    await using fixture = await postgresFixture()
    await using proxy = await cuttingProxy(fixture.url, 'UPDATE iceberg_tables')
    await using direct = await fixture.open()
    await using catalog = await fixture.open({ url: proxy.url })
    await direct.createNamespace(orders.namespace)
    const base = await direct.createTable(orders, sampleTable)
    proxy.arm()
    await expect(catalog.commitTable(orders, { base, requirements: [], updates: properties })).rejects.toMatchObject({
      code: 'io',
      retryable: true,
    })
    expect((await direct.loadTable(orders)).metadataLocation).toBe(base.metadataLocation)
    const left: string[] = []
    for await (const { path } of fixture.io.list(`${base.metadata.location}/metadata/`)) left.push(path)
    expect(left).toEqual([base.metadataLocation])
  })

  test('stops waiting for a lock when it is aborted', async () => {
    await using fixture = await postgresFixture()
    await using catalog = await fixture.open()
    await catalog.createNamespace(orders.namespace)
    const base = await catalog.createTable(orders, sampleTable)
    await fixture.query('BEGIN')
    await fixture.query('LOCK TABLE iceberg_tables IN EXCLUSIVE MODE')
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('stopped')), 200)
    await expect(
      catalog.commitTable(orders, { base, requirements: [], updates: properties }, { signal: controller.signal }),
    ).rejects.toThrow('stopped')
    await fixture.query('ROLLBACK')
    expect((await catalog.loadTable(orders)).metadataLocation).toBe(base.metadataLocation)
  })

  test('names a user that the server does not know, without the password', async () => {
    await using fixture = await postgresFixture()
    const url = new URL(fixture.url)
    url.username = 'nobody_of_that_name'
    url.password = 'hunter2secret'
    const error = await fixture.open({ url: url.href }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: expect.stringMatching(/^(unauthorized|io)$/) })
    expect(everything(error)).not.toContain('hunter2secret')
  })

  test('a closed catalog says so', async () => {
    await using fixture = await postgresFixture()
    const catalog = await fixture.open()
    await catalog[Symbol.asyncDispose]()
    await catalog[Symbol.asyncDispose]()
    await expect(catalog.listNamespaces()).rejects.toThrow('closed')
  })
})

describe('a connection URL', () => {
  const options = { name: 'lake', warehouse: '/nowhere', io: new LocalFileIO(), environment: systemEnvironment }

  test.each(['postgres//user:hunter2secret@host/db', 'mysql://user:hunter2secret@host/db', 'hunter2secret'])(
    'that is none is refused without being repeated: %s',
    async (url) => {
      const error = await openPostgresCatalog({ ...options, url }).catch((caught: unknown) => caught)
      expect(error).toMatchObject({ code: 'invalid-argument', hint: expect.stringContaining('postgresql://') })
      expect(everything(error)).not.toContain('hunter2secret')
    },
  )

  test('leads to an error that names host and database, not the password, when nobody listens', async () => {
    const server = createServer((socket: Socket) => socket.destroy())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    await new Promise((resolve) => server.close(resolve))
    const url = `postgresql://user:hunter2secret@127.0.0.1:${port}/lake`
    const error = await openPostgresCatalog({ ...options, url }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({
      code: 'io',
      retryable: true,
      message: expect.stringContaining(`postgresql://127.0.0.1:${port}/lake`),
      hint: expect.stringMatching(/./),
    })
    expect(everything(error)).not.toContain('hunter2secret')
  })
})

/** An error as a logger would print it, with its causes. */
function everything(error: unknown): string {
  return inspect(error, { depth: 20, showHidden: true })
}
