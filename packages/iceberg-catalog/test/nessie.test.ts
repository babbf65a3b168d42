import { fileIOFor } from '@icebridge/fileio'
import { systemEnvironment } from '@icebridge/iceberg-catalog'
import { RestCatalog } from '@icebridge/iceberg-catalog/rest'
import { catalogConformance, sampleTable, type CatalogFixture } from '@icebridge/iceberg-catalog/testing'
import { append, openTable, planScan, type Catalog } from '@icebridge/iceberg-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nessie, startNessie, type NessieServer } from './nessie-server.ts'

const missing = 'missing' in nessie ? nessie.missing : undefined
if (missing !== undefined) console.warn(`the tests against Project Nessie are skipped: ${missing}`)

let server: NessieServer

beforeAll(async () => {
  if (missing === undefined) server = await startNessie()
}, 180_000)

afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
})

function open(): Promise<RestCatalog> {
  const { uri, warehouse, properties } = server
  return RestCatalog.open({ name: 'nessie', uri, warehouse, properties, environment: systemEnvironment })
}

/** What Nessie does in its own way, by the name of the test. */
const ownWays: Readonly<Record<string, string>> = {
  'creates, lists and drops namespaces':
    'Nessie lists nothing, instead of an error, below a namespace that does not exist',
  'keeps location, properties and format version as they were asked for': 'Nessie chooses the location itself',
  'names a missing table and a missing namespace':
    'Nessie lists nothing, instead of an error, in a namespace that does not exist',
  'commits on the newest metadata and keeps the history of files':
    'Nessie keeps its own history instead of a metadata log',
  'drops a table and keeps its files, unless they are purged': 'Nessie does not delete files, and registers a copy',
  'registers an existing metadata file under a free name only': 'Nessie registers a copy with properties of its own',
  'opens a table as a handle that sees other commits once it is refreshed':
    'Nessie answers a commit with an address in place of the metadata file',
}

/** Drops every table and namespace below `parent`. */
async function clear(catalog: Catalog, parent: readonly string[] = []): Promise<void> {
  for (const namespace of await catalog.listNamespaces(parent.length === 0 ? {} : { parent })) {
    for (const table of await catalog.listTables(namespace)) await catalog.dropTable(table)
    await clear(catalog, namespace)
    await catalog.dropNamespace(namespace)
  }
}

/** The one server, emptied. */
async function create(): Promise<CatalogFixture> {
  const catalog = await open()
  await clear(catalog)
  return {
    open,
    io: fileIOFor('s3://lake/', server.properties),
    tableNames: (names) => names.filter((name) => name !== '..'),
    cleansUp: false,
    [Symbol.asyncDispose]: () => catalog[Symbol.asyncDispose](),
  }
}

describe.skipIf(missing !== undefined)('RestCatalog on Project Nessie as a Catalog', () => {
  test.for(catalogConformance({ create }))('$name', { timeout: 60_000 }, async ({ name, run }) => {
    const ownWay = ownWays[name]
    // An entry that no longer holds fails here.
    if (ownWay === undefined) await run()
    else await expect(run(), ownWay).rejects.toThrow()
  })
})

describe.skipIf(missing !== undefined)('RestCatalog on Project Nessie', () => {
  test('appends to a table in S3, with ids beyond 2^53, and reads it back', { timeout: 60_000 }, async () => {
    await using fixture = await create()
    await using catalog = await open()
    const orders = { namespace: ['erp'], name: 'orders' }
    await catalog.createNamespace(orders.namespace)
    await catalog.createTable(orders, sampleTable)
    const snapshotIds = [9_007_199_254_740_993n, 9_223_372_036_854_775_807n]
    for (const snapshotId of snapshotIds) {
      const table = await openTable(catalog, orders, fileIOFor)
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
    const table = await openTable(catalog, orders, fixture.io)
    expect(table.loaded.metadata.currentSnapshotId).toBe(snapshotIds[1])
    const found: string[] = []
    for await (const { file } of planScan(table)) found.push(file.filePath)
    expect(found).toHaveLength(2)
  })
})
