import { rm } from 'node:fs/promises'
import { LocalFileIO } from '@icebridge/fileio'
import { systemEnvironment } from '@icebridge/iceberg-catalog'
import { RestCatalog } from '@icebridge/iceberg-catalog/rest'
import { catalogConformance, sampleTable, type CatalogFixture } from '@icebridge/iceberg-catalog/testing'
import { append, openTable, type Catalog } from '@icebridge/iceberg-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { javaRestServer, startJavaRestServer, type JavaRestServer } from './java-rest-server.ts'

const missing = 'missing' in javaRestServer ? javaRestServer.missing : undefined
if (missing !== undefined) console.warn(`the tests against Apache Iceberg's REST server are skipped: ${missing}`)

let server: JavaRestServer
const io = new LocalFileIO()
const orders = { namespace: ['erp'], name: 'orders' }

beforeAll(async () => {
  if (missing === undefined) server = await startJavaRestServer()
}, 60_000)

afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
})

function open(): Promise<RestCatalog> {
  return RestCatalog.open({ name: 'java', uri: server.uri, environment: systemEnvironment })
}

/** What the server itself does not do, by the name of the test. */
const faultsOfTheServer: Readonly<Record<string, string>> = {
  'does not take one namespace for another that begins like it':
    'the JdbcCatalog behind the server looks for namespaces with LIKE, which does not tell cases apart on SQLite',
}

/** Drops every table and namespace below `parent`. */
async function clear(catalog: Catalog, parent: readonly string[] = []): Promise<void> {
  for (const namespace of await catalog.listNamespaces(parent.length === 0 ? {} : { parent })) {
    for (const table of await catalog.listTables(namespace)) await catalog.dropTable(table)
    await clear(catalog, namespace)
    await catalog.dropNamespace(namespace).catch(() => undefined) // its last row went with the last namespace below it
  }
}

/** The one server, emptied. */
async function create(): Promise<CatalogFixture> {
  const catalog = await open()
  await clear(catalog)
  await rm(server.warehouse, { recursive: true, force: true })
  return {
    open,
    io,
    // Jetty refuses a slash and a percent sign within a segment, encoded too; and `..` is no segment.
    tableNames: (names) => names.filter((name) => name !== '..' && !/[/%]/.test(name)),
    cleansUp: false,
    // Its JdbcCatalog may find SQLite busy, which the server answers with 500.
    failsLosers: true,
    [Symbol.asyncDispose]: () => catalog[Symbol.asyncDispose](),
  }
}

describe.skipIf(missing !== undefined)("RestCatalog on Apache Iceberg's own server as a Catalog", () => {
  test.for(catalogConformance({ create }))('$name', { timeout: 30_000 }, async ({ name, run }) => {
    const fault = faultsOfTheServer[name]
    // An entry that no longer holds fails here.
    if (fault === undefined) await run()
    else await expect(run(), fault).rejects.toThrow()
  })
})

describe.skipIf(missing !== undefined)("RestCatalog on Apache Iceberg's own server", () => {
  test.each([2, 3] as const)('appends to tables of version %d, with ids beyond 2^53', async (formatVersion) => {
    await using fixture = await create()
    await using catalog = await open()
    await catalog.createNamespace(orders.namespace)
    await catalog.createTable(orders, { ...sampleTable, formatVersion })
    const snapshotIds = [9_007_199_254_740_993n, 9_223_372_036_854_775_807n]
    for (const snapshotId of snapshotIds) {
      const table = await openTable(catalog, orders, fixture.io)
      const file = {
        content: 'data',
        filePath: `${table.loaded.metadata.location}/data/${snapshotId}.parquet`,
        fileFormat: 'parquet',
        partition: [],
        recordCount: 10n,
        fileSizeBytes: 9n,
        specId: 0,
      } as const
      const outcome = await append(table, { files: [file], snapshotId }, { environment: systemEnvironment })
      expect(outcome.status).toBe('committed')
    }
    const { metadata } = await catalog.loadTable(orders)
    expect(metadata.snapshots.map((snapshot) => snapshot.snapshotId)).toEqual(snapshotIds)
    expect(metadata.nextRowId).toBe(formatVersion === 3 ? 20n : undefined)
  })
})
