import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { openPostgresCatalog } from '@icebridge/iceberg-catalog/postgres'
import { RestCatalog } from '@icebridge/iceberg-catalog/rest'
import { sampleTable } from '@icebridge/iceberg-catalog/testing'
import { append, openTable, type Catalog } from '@icebridge/iceberg-core'
import { describe, expect, test } from 'vitest'
import { javaRestServer, startJavaRestServer } from './java-rest-server.ts'
import { postgres, postgresFixture } from './postgres-fixture.ts'

const noJava = 'missing' in javaRestServer ? javaRestServer.missing : undefined
const noPostgres = 'missing' in postgres ? postgres.missing : undefined
if (noJava !== undefined) console.warn(`the tests against Java's JdbcCatalog are skipped: ${noJava}`)

/** One database, opened by our SQL catalog and by Java's JdbcCatalog, which is reached through the REST server before it. */
interface Pair extends AsyncDisposable {
  readonly ours: SqlCatalog
  readonly java: RestCatalog
}

const base = { name: 'lake', io: new LocalFileIO(), environment: systemEnvironment }

async function sqlitePair(schemaVersion: 'V0' | 'V1'): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), 'icebridge-jdbc-'))
  const path = join(folder, 'catalog.db')
  const warehouse = join(folder, 'warehouse')
  const properties = { 'jdbc.schema-version': schemaVersion }
  const server = await startJavaRestServer({ jdbcUrl: `jdbc:sqlite:${path}`, warehouse, properties })
  const java = await RestCatalog.open({ name: 'java', uri: server.uri, environment: systemEnvironment })
  const ours = await SqlCatalog.openSqlite({ ...base, path, warehouse })
  return {
    ours,
    java,
    [Symbol.asyncDispose]: async () => {
      await ours[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function postgresPair(schemaVersion: 'V0' | 'V1'): Promise<Pair> {
  const fixture = await postgresFixture()
  const url = new URL(fixture.url)
  const schema = url.searchParams.get('options')?.replace('-csearch_path=', '')
  const warehouse = join(fixture.folder, 'warehouse')
  const server = await startJavaRestServer({
    jdbcUrl: `jdbc:postgresql://${url.host}${url.pathname}?currentSchema=${schema}`,
    warehouse,
    properties: {
      'jdbc.schema-version': schemaVersion,
      'jdbc.user': decodeURIComponent(url.username),
      'jdbc.password': decodeURIComponent(url.password),
    },
  })
  const java = await RestCatalog.open({ name: 'java', uri: server.uri, environment: systemEnvironment })
  const ours = await openPostgresCatalog({ ...base, url: fixture.url, warehouse })
  return {
    ours,
    java,
    [Symbol.asyncDispose]: async () => {
      await ours[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
      await fixture[Symbol.asyncDispose]()
    },
  }
}

async function appendFile(catalog: Catalog, name: string): Promise<void> {
  const table = await openTable(catalog, { namespace: ['erp', 'dbo'], name: 'orders' }, base.io)
  const file = {
    content: 'data',
    filePath: `${table.loaded.metadata.location}/data/${name}.parquet`,
    fileFormat: 'parquet',
    partition: [],
    recordCount: 1n,
    fileSizeBytes: 9n,
    specId: 0,
  } as const
  const outcome = await append(table, { files: [file] }, { environment: systemEnvironment })
  expect(outcome.status).toBe('committed')
}

describe.each([
  ['SQLite', noJava, sqlitePair],
  ['PostgreSQL', noJava ?? noPostgres, postgresPair],
] as const)("our catalog and Java's JdbcCatalog in one %s database", (_, missing, makePair) => {
  test.for(['V0', 'V1'] as const)(
    'of schema %s: each opens, commits to, renames and drops the tables of the other',
    { timeout: 60_000 },
    async (schemaVersion, context) => {
      if (missing !== undefined) return context.skip(missing)
      await using pair = await makePair(schemaVersion)
      const { ours, java } = pair
      const orders = { namespace: ['erp', 'dbo'], name: 'orders' }
      for (const [creator, other] of [
        [ours, java],
        [java, ours],
      ] as const) {
        await creator.createNamespace(orders.namespace, { comment: "it's" })
        const properties = await other.namespaceProperties(orders.namespace)
        expect(properties['comment']).toBe("it's")
        expect(properties['exists']).toBeUndefined()
        await other.updateNamespaceProperties(orders.namespace, { set: { owner: 'me' }, remove: ['comment'] })
        expect(await creator.namespaceProperties(orders.namespace)).toMatchObject({ owner: 'me' })
        expect(await other.listNamespaces()).toEqual([['erp']])
        expect(await other.listNamespaces({ parent: ['erp'] })).toEqual([['erp', 'dbo']])

        await creator.createTable(orders, sampleTable)
        expect(await other.listTables(orders.namespace)).toEqual([orders])
        for (const [index, catalog] of [other, creator, other].entries()) await appendFile(catalog, `f${index}`)
        const [one, two] = [await creator.loadTable(orders), await other.loadTable(orders)]
        expect(one.metadataLocation).toBe(two.metadataLocation)
        expect(one.metadata).toEqual(two.metadata)
        expect(one.metadata.snapshots).toHaveLength(3)
        expect(one.metadata.metadataLog).toHaveLength(3)

        const renamed = { ...orders, name: 'renamed' }
        await other.renameTable(orders, renamed)
        expect((await creator.loadTable(renamed)).metadataLocation).toBe(one.metadataLocation)
        await assertTaken(other, renamed)
        await creator.dropTable(renamed)
        await expect(other.loadTable(renamed)).rejects.toMatchObject({ code: 'no-such-table' })
        await other.registerTable(orders, one.metadataLocation)
        expect((await creator.loadTable(orders)).metadata).toEqual(one.metadata)
        await creator.dropTable(orders, { purge: true })
        await other.dropNamespace(orders.namespace)
        expect(await creator.listNamespaces()).toEqual([])
      }
    },
  )
})

async function assertTaken(catalog: Catalog, identifier: { namespace: string[]; name: string }): Promise<void> {
  await expect(catalog.createTable(identifier, sampleTable)).rejects.toMatchObject({ code: 'already-exists' })
}
