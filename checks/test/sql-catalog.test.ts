import { randomUUID } from 'node:crypto'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalFileIO } from '@icebridge/fileio'
import { openStaticTable, SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { openPostgresCatalog } from '@icebridge/iceberg-catalog/postgres'
import { append, openTable, planScan, type Catalog, type DataFile } from '@icebridge/iceberg-core'
import { describe, expect, test } from 'vitest'
import { findPython } from '../src/python.ts'
import { output } from '../src/run-process.ts'
import { root } from '../src/workspace.ts'

/** What interop/sql_catalog.py prints. */
interface State {
  readonly namespaces: readonly (readonly string[])[]
  readonly below: readonly (readonly string[])[]
  readonly tables: readonly (readonly string[])[]
  readonly properties: Readonly<Record<string, string>>
  readonly metadataLocation: string
  readonly snapshots: readonly string[]
  readonly rows: readonly (readonly [number, string])[]
}

interface Shared extends AsyncDisposable {
  /** For SQLAlchemy. */
  readonly uri: string
  readonly name: string
  readonly warehouse: string
  open(options?: { readonly writeVersionHint?: boolean }): Promise<SqlCatalog>
}

const python = await findPython()
if ('missing' in python) console.warn(`the checks of shared SQL catalogs are skipped: ${python.missing}`)
const postgres = process.env['ICEBRIDGE_TEST_POSTGRES']
const noPostgres = 'ICEBRIDGE_TEST_POSTGRES is not set: give the URL of a PostgreSQL server'
if (postgres === undefined) {
  if (process.env['ICEBRIDGE_REQUIRE_INTEROP'] === '1') throw new Error(noPostgres)
  console.warn(`the checks of shared SQL catalogs on PostgreSQL are skipped: ${noPostgres}`)
}

const io = new LocalFileIO()
const orders = { namespace: ['erp', 'dbo'], name: 'orders' }
const schema = {
  schemaId: 0,
  identifierFieldIds: [],
  fields: [
    { id: 1, name: 'id', required: true, type: 'long' },
    { id: 2, name: 'name', required: false, type: 'string' },
  ],
} as const

async function sharedSqlite(schemaVersion: 'V0' | 'V1'): Promise<Shared> {
  const folder = await mkdtemp(join(tmpdir(), 'icebridge-shared-'))
  const path = join(folder, 'catalog.db')
  const warehouse = join(folder, 'warehouse')
  if (schemaVersion === 'V0') {
    using database = new DatabaseSync(path)
    database.exec(schemaV0)
  }
  const name = 'lake'
  return {
    uri: `sqlite:///${path}`,
    name,
    warehouse,
    open: (options) => SqlCatalog.openSqlite({ name, path, warehouse, io, environment: systemEnvironment, ...options }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** A catalog of its own in the server's database: the tables stay, as they would in a database that many share. */
async function sharedPostgres(server: string): Promise<Shared> {
  const folder = await mkdtemp(join(tmpdir(), 'icebridge-shared-'))
  const warehouse = join(folder, 'warehouse')
  const url = new URL(server)
  url.searchParams.set('options', '-csearch_path=public')
  const name = randomUUID()
  return {
    // SQLAlchemy has a driver of its own choice for the plain scheme.
    uri: server.replace(/^postgres(ql)?:/, 'postgresql+psycopg2:'),
    name,
    warehouse,
    open: (options) =>
      openPostgresCatalog({ name, url: url.href, warehouse, io, environment: systemEnvironment, ...options }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

const schemaV0 = `
  CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL,
    table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000),
    PRIMARY KEY (catalog_name, table_namespace, table_name));
  CREATE TABLE iceberg_namespace_properties (catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL,
    property_key VARCHAR(255), property_value VARCHAR(1000), PRIMARY KEY (catalog_name, namespace, property_key))`

async function pyiceberg(shared: Shared, step: string, ...ids: readonly number[]): Promise<State> {
  if ('missing' in python) throw new Error(python.missing)
  const script = join(root, 'checks/interop/sql_catalog.py')
  return JSON.parse(
    await output(python.path, [script, step, shared.uri, shared.name, shared.warehouse, ...ids.map(String)]),
  ) as State
}

/** Appends the table's first file once more, as a copy. */
async function appendCopy(catalog: Catalog): Promise<void> {
  const table = await openTable(catalog, orders, io)
  const files: DataFile[] = []
  for await (const { file } of planScan(table)) files.push(file)
  const [first] = files
  if (first === undefined) throw new Error('the table has no file')
  const filePath = first.filePath.replace(/[^/]+$/, `copy-${randomUUID()}.parquet`)
  await copyFile(plain(first.filePath), plain(filePath))
  const outcome = await append(table, { files: [{ ...first, filePath }] }, { environment: systemEnvironment })
  expect(outcome.status).toBe('committed')
}

function plain(path: string): string {
  return path.replace(/^file:(\/\/)?/, '')
}

function rowsOf(ids: readonly number[]): readonly (readonly [number, string])[] {
  return [...ids].sort((a, b) => a - b).map((id) => [id, `row ${id}`])
}

describe.each([
  ['SQLite, schema V0', true, () => sharedSqlite('V0')],
  ['SQLite, schema V1', true, () => sharedSqlite('V1')],
  ['PostgreSQL', postgres !== undefined, () => sharedPostgres(postgres ?? '')],
] as const)('a catalog on %s that is shared with PyIceberg', (_, isThere, share) => {
  test("opens and changes PyIceberg's tables", { timeout: 120_000 }, async (context) => {
    if ('missing' in python) return context.skip(python.missing)
    if (!isThere) return context.skip(noPostgres)
    await using shared = await share()
    const created = await pyiceberg(shared, 'create', 1, 2)
    await using catalog = await shared.open()
    expect(await catalog.listNamespaces()).toEqual([['erp']])
    expect(await catalog.namespaceProperties(orders.namespace)).toEqual({ comment: "it's python's" })
    expect(await catalog.listTables(orders.namespace)).toEqual([orders])
    const loaded = await catalog.loadTable(orders)
    expect(loaded.metadataLocation).toBe(created.metadataLocation)
    await catalog.updateNamespaceProperties(orders.namespace, { set: { owner: 'us' }, remove: ['comment'] })
    await appendCopy(catalog)
    await catalog.renameTable(orders, { ...orders, name: 'renamed' })
    const after = await pyiceberg(shared, 'rename', 3)
    expect(after).toMatchObject({
      namespaces: [['erp']],
      below: [['erp', 'dbo']],
      tables: [['erp', 'dbo', 'orders']],
      properties: { owner: 'us' },
      rows: rowsOf([1, 1, 2, 2, 3]),
    })
    const { metadata } = await catalog.loadTable(orders)
    expect(metadata.snapshots.map(({ snapshotId }) => String(snapshotId))).toEqual(after.snapshots)
    expect(after.snapshots).toHaveLength(3)
    await catalog.dropTable(orders, { purge: true })
    await catalog.dropNamespace(orders.namespace)
  })

  test(
    'lets PyIceberg open and change ours; DuckDB finds them by their hint',
    { timeout: 120_000 },
    async (context) => {
      if ('missing' in python) return context.skip(python.missing)
      if (!isThere) return context.skip(noPostgres)
      await using shared = await share()
      await using catalog = await shared.open({ writeVersionHint: true })
      await catalog.createNamespace(orders.namespace, { comment: 'ours' })
      const { metadata } = await catalog.createTable(orders, { schema })
      const appended = await pyiceberg(shared, 'append', 1, 2)
      expect(appended).toMatchObject({ properties: { comment: 'ours', exists: 'true' }, rows: rowsOf([1, 2]) })
      expect((await catalog.loadTable(orders)).metadataLocation).toBe(appended.metadataLocation)
      await appendCopy(catalog)
      const read = await pyiceberg(shared, 'read')
      expect(read.rows).toEqual(rowsOf([1, 1, 2, 2]))
      const script = join(root, 'checks/interop/duckdb_folder.py')
      expect(JSON.parse(await output(python.path, [script, metadata.location]))).toEqual([1, 1, 2, 2])
      const found = await openStaticTable(metadata.location, io)
      expect(found.loaded.metadataLocation).toBe(read.metadataLocation)
      const base = await catalog.loadTable(orders)
      const gzip = { action: 'set-properties', updates: { 'write.metadata.compression-codec': 'gzip' } } as const
      const { status } = await catalog.commitTable(orders, { base, requirements: [], updates: [gzip] })
      expect(status).toBe('committed')
      const compressed = await pyiceberg(shared, 'read')
      expect(compressed.metadataLocation).toMatch(/\.gz\.metadata\.json$/)
      expect(compressed.rows).toEqual(read.rows)
      expect(JSON.parse(await output(python.path, [script, metadata.location, 'gzip']))).toEqual([1, 1, 2, 2])
      await catalog.dropTable(orders, { purge: true })
      await catalog.dropNamespace(orders.namespace)
    },
  )
})
