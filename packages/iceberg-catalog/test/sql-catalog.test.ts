import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { append, openTable } from '@icebridge/iceberg-core'
import { put } from '@icebridge/fileio/testing'
import { systemEnvironment } from '@icebridge/iceberg-catalog'
import { catalogConformance, sampleTable } from '@icebridge/iceberg-catalog/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { sqliteFixture } from './fixture.ts'

const orders = { namespace: ['erp', 'dbo'], name: 'orders' }

afterEach(() => {
  vi.restoreAllMocks()
})

describe('SqlCatalog on SQLite as a Catalog', () => {
  test.each(catalogConformance({ create: sqliteFixture }))('$name', ({ run }) => run())
})

test('stores what Java and PyIceberg store', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  await catalog.createNamespace(orders.namespace, { comment: 'x' })
  const created = await catalog.createTable(orders, sampleTable)
  const outcome = await catalog.commitTable(orders, {
    base: created,
    requirements: [],
    updates: [{ action: 'remove-properties', removals: ['owner'] }],
  })
  expect(outcome.status).toBe('committed')
  const { metadataLocation } = await catalog.loadTable(orders)
  using database = new DatabaseSync(fixture.path)
  expect(database.prepare('SELECT * FROM iceberg_tables').all()).toEqual([
    {
      catalog_name: 'lake',
      table_namespace: 'erp.dbo',
      table_name: 'orders',
      metadata_location: metadataLocation,
      previous_metadata_location: created.metadataLocation,
      iceberg_type: 'TABLE',
    },
  ])
  expect(database.prepare('SELECT * FROM iceberg_namespace_properties ORDER BY property_key').all()).toEqual([
    { catalog_name: 'lake', namespace: 'erp.dbo', property_key: 'comment', property_value: 'x' },
    { catalog_name: 'lake', namespace: 'erp.dbo', property_key: 'exists', property_value: 'true' },
  ])
  expect(
    metadataLocation.startsWith(join(fixture.folder, 'warehouse', 'erp.dbo', 'orders', 'metadata', '00001-')),
  ).toBe(true)
})

test('works on a file of schema V0, which has no iceberg_type', async () => {
  await using fixture = await sqliteFixture()
  {
    using database = new DatabaseSync(fixture.path)
    database.exec(`
      CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL,
        table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000),
        PRIMARY KEY (catalog_name, table_namespace, table_name));
      CREATE TABLE iceberg_namespace_properties (catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL,
        property_key VARCHAR(255), property_value VARCHAR(1000), PRIMARY KEY (catalog_name, namespace, property_key))`)
  }
  await using catalog = await fixture.open()
  await catalog.createNamespace(orders.namespace)
  const created = await catalog.createTable(orders, sampleTable)
  expect((await catalog.loadTable(orders)).metadata).toEqual(created.metadata)
  expect(await catalog.listTables(orders.namespace)).toEqual([orders])
  using database = new DatabaseSync(fixture.path)
  expect(Object.keys(database.prepare('SELECT * FROM iceberg_tables').get() ?? {})).not.toContain('iceberg_type')
})

test('makes a file of schema V0 one of V1 only when it is asked', async () => {
  await using fixture = await sqliteFixture()
  {
    using database = new DatabaseSync(fixture.path)
    database.exec(`
      CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL,
        table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000),
        PRIMARY KEY (catalog_name, table_namespace, table_name))`)
  }
  await using asItIs = await fixture.open()
  await asItIs.createNamespace(orders.namespace)
  await asItIs.createTable(orders, sampleTable)
  const columns = () => {
    using database = new DatabaseSync(fixture.path)
    return Object.keys(database.prepare('SELECT * FROM iceberg_tables').get() ?? {})
  }
  expect(columns()).not.toContain('iceberg_type')
  const opened = await Promise.all([fixture.open({ upgradeToV1: true }), fixture.open({ upgradeToV1: true })])
  expect(columns()).toContain('iceberg_type')
  for (const catalog of opened) {
    expect(await catalog.listTables(orders.namespace)).toEqual([orders])
    await catalog[Symbol.asyncDispose]()
  }
  expect(await asItIs.tableExists(orders)).toBe(true)
})

test('reads no metadata file again that it has read, and follows other clients', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  await using other = await fixture.open()
  await using forgetful = await fixture.open({ metadataCacheSize: 0 })
  await catalog.createNamespace(orders.namespace)
  const created = await catalog.createTable(orders, sampleTable)
  const read = vi.spyOn(fixture.io, 'read')
  await catalog.loadTable(orders)
  await other.loadTable(orders)
  await other.loadTable(orders)
  expect(read).toHaveBeenCalledTimes(1)
  const updates = [{ action: 'set-properties', updates: { a: 'b' } }] as const
  const outcome = await other.commitTable(orders, { base: created, requirements: [], updates })
  expect(outcome.status).toBe('committed')
  expect(read).toHaveBeenCalledTimes(1)
  expect((await catalog.loadTable(orders)).metadata.properties['a']).toBe('b')
  expect(read).toHaveBeenCalledTimes(2)
  await forgetful.loadTable(orders)
  await forgetful.loadTable(orders)
  expect(read).toHaveBeenCalledTimes(4)
})

test('refuses the namespace property that marks a namespace, and hides it', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  const refused = { code: 'invalid-argument', message: expect.stringContaining('exists') }
  await expect(catalog.createNamespace(['n'], { exists: 'false' })).rejects.toMatchObject(refused)
  await catalog.createNamespace(['n'])
  await expect(catalog.updateNamespaceProperties(['n'], { remove: ['exists'] })).rejects.toMatchObject(refused)
  expect(await catalog.namespaceProperties(['n'])).toEqual({})
})

test('a namespace that Python made with properties only goes on existing without them', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  using database = new DatabaseSync(fixture.path)
  database.exec("INSERT INTO iceberg_namespace_properties VALUES ('lake', 'n', 'owner', 'py')")
  await catalog.updateNamespaceProperties(['n'], { remove: ['owner'] })
  expect(await catalog.namespaceExists(['n'])).toBe(true)
  expect(await catalog.namespaceProperties(['n'])).toEqual({})
})

test('takes a row without a type for a table, and leaves views alone', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  await catalog.createNamespace(['n'])
  const { metadataLocation } = await catalog.createTable({ namespace: ['n'], name: 'typed' }, sampleTable)
  using database = new DatabaseSync(fixture.path)
  const insert = database.prepare("INSERT INTO iceberg_tables VALUES ('lake', 'n', ?, ?, NULL, ?)")
  insert.run('untyped', metadataLocation, null)
  insert.run('view', metadataLocation, 'VIEW')
  const view = { namespace: ['n'], name: 'view' }
  expect((await catalog.listTables(['n'])).map((table) => table.name)).toEqual(['typed', 'untyped'])
  expect((await catalog.loadTable({ namespace: ['n'], name: 'untyped' })).metadataLocation).toBe(metadataLocation)
  await expect(catalog.loadTable(view)).rejects.toMatchObject({ code: 'no-such-table' })
  await expect(catalog.dropTable(view)).rejects.toMatchObject({ code: 'no-such-table' })
  await expect(catalog.createTable(view, sampleTable)).rejects.toMatchObject({ code: 'already-exists' })
})

test('takes a namespace for existing when only one below it has a row', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  await catalog.createNamespace(['a_b', 'x'])
  expect(await catalog.namespaceExists(['a_b'])).toBe(true)
  expect(await catalog.namespaceExists(['aXb'])).toBe(false)
  expect(await catalog.listNamespaces()).toEqual([['a_b']])
  await expect(catalog.createNamespace(['a_b'])).rejects.toMatchObject({ code: 'already-exists' })
  await expect(catalog.dropNamespace(['a_b'])).rejects.toMatchObject({ code: 'namespace-not-empty' })
})

test('deletes old metadata files when the table asks for it', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  await catalog.createNamespace(orders.namespace)
  const properties = {
    'write.metadata.delete-after-commit.enabled': 'true',
    'write.metadata.previous-versions-max': '2',
  }
  let table = await catalog.createTable(orders, { ...sampleTable, properties })
  for (const name of ['a', 'b', 'c', 'd']) {
    const updates = [{ action: 'set-properties', updates: { [name]: 'yes' } }] as const
    const outcome = await catalog.commitTable(orders, { base: table, requirements: [], updates })
    if (outcome.status !== 'committed') throw new Error(outcome.status)
    table = outcome.table
  }
  const log = table.metadata.metadataLog.map((entry) => entry.metadataFile)
  expect(log).toHaveLength(2)
  const left = await readdir(join(table.metadata.location, 'metadata'))
  expect(left.sort()).toEqual([...log, table.metadataLocation].map((path) => basename(path)).sort())
})

test('keeps catalogs of one file apart by their names', async () => {
  await using fixture = await sqliteFixture()
  await using one = await fixture.open({ name: 'one' })
  await using two = await fixture.open({ name: 'two' })
  await one.createNamespace(['n'])
  expect(await two.listNamespaces()).toEqual([])
  await two.createNamespace(['n'])
  await two.dropNamespace(['n'])
  expect(await one.listNamespaces()).toEqual([['n']])
})

test('puts a table below the location of its namespace, and stores plain absolute paths', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open({ warehouse: `${pathToFileURL(fixture.folder).href}/ware%20house/` })
  await catalog.createNamespace(['a'])
  await catalog.createNamespace(['b'], { location: `${fixture.folder}/b/` })
  const inWarehouse = await catalog.createTable({ namespace: ['a'], name: 'x y' }, sampleTable)
  const inNamespace = await catalog.createTable({ namespace: ['b'], name: 't' }, sampleTable)
  const declared = { ...sampleTable, location: `${fixture.folder}/own//` }
  const elsewhere = await catalog.createTable({ namespace: ['b'], name: 'u' }, declared)
  expect(inWarehouse.metadata.location).toBe(`${fixture.folder}/ware house/a/x%20y`)
  expect(inNamespace.metadata.location).toBe(`${fixture.folder}/b/t`)
  expect(elsewhere.metadata.location).toBe(`${fixture.folder}/own`)
})

test.each([
  [[], 't'],
  [[''], 't'],
  [['a.b'], 't'],
  [['n'], ''],
  [['n'], 'x'.repeat(256)],
  [['n'], 'lone \ud800 surrogate'],
])('refuses namespace %j and name %j, which a SQL catalog cannot hold', async (namespace, name) => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  await catalog.createNamespace(['n'])
  await expect(catalog.createTable({ namespace, name }, sampleTable)).rejects.toMatchObject({
    code: 'invalid-argument',
  })
})

test('says unknown when the answer to COMMIT was lost, and keeps the file that may be in use', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  await catalog.createNamespace(orders.namespace)
  const base = await catalog.createTable(orders, sampleTable)
  const lost = new Error('disk I/O error')
  // oxlint-disable-next-line typescript/unbound-method -- called on the database that the mock was called on
  const exec = DatabaseSync.prototype.exec
  vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (this: DatabaseSync, sql: string) {
    exec.call(this, sql)
    if (sql === 'COMMIT') throw lost
  })
  const updates = [{ action: 'set-properties', updates: { landed: 'yes' } }] as const
  expect(await catalog.commitTable(orders, { base, requirements: [], updates })).toEqual({
    status: 'unknown',
    cause: lost,
  })
  await expect(catalog.createTable({ ...orders, name: 'other' }, sampleTable)).rejects.toMatchObject({
    code: 'commit-unknown',
  })
  vi.restoreAllMocks()
  expect((await catalog.loadTable(orders)).metadata.properties['landed']).toBe('yes')
  expect(await catalog.tableExists({ ...orders, name: 'other' })).toBe(true)
})

test('throws, and removes its file, when COMMIT failed for certain', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  await catalog.createNamespace(orders.namespace)
  const base = await catalog.createTable(orders, sampleTable)
  const full = Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 })
  // oxlint-disable-next-line typescript/unbound-method -- called on the database that the mock was called on
  const exec = DatabaseSync.prototype.exec
  vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (this: DatabaseSync, sql: string) {
    if (sql === 'COMMIT') throw full
    exec.call(this, sql)
  })
  const updates = [{ action: 'set-properties', updates: { landed: 'yes' } }] as const
  await expect(catalog.commitTable(orders, { base, requirements: [], updates })).rejects.toMatchObject({
    code: 'io',
    retryable: true,
    context: { path: fixture.path, reason: 'no-space' },
  })
  vi.restoreAllMocks()
  expect((await catalog.loadTable(orders)).metadataLocation).toBe(base.metadataLocation)
  expect(await readdir(join(base.metadata.location, 'metadata'))).toHaveLength(1)
})

test('says what failed when SQLite ended the transaction by itself, and works on', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  await catalog.createNamespace(orders.namespace)
  const created = await catalog.createTable(orders, sampleTable)
  using database = new DatabaseSync(fixture.path)
  database.exec("CREATE TRIGGER ends BEFORE UPDATE ON iceberg_tables BEGIN SELECT RAISE(ROLLBACK, 'no room'); END")
  const commit = {
    base: created,
    requirements: [],
    updates: [{ action: 'remove-properties', removals: ['owner'] }],
  } as const
  await expect(catalog.commitTable(orders, commit)).rejects.toMatchObject({
    code: 'io',
    message: `The catalog ${fixture.path} failed: no room`,
  })
  database.exec('DROP TRIGGER ends')
  expect((await catalog.commitTable(orders, commit)).status).toBe('committed')
})

test('waits for another process that holds the file, gives up in time, and stops on an abort', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open({ lockTimeoutMs: 300 })
  using other = new DatabaseSync(fixture.path)
  other.exec('BEGIN IMMEDIATE')
  setTimeout(() => other.exec('ROLLBACK'), 100)
  await catalog.createNamespace(['waited'])
  expect(await catalog.namespaceExists(['waited'])).toBe(true)
  other.exec('BEGIN EXCLUSIVE')
  await expect(catalog.createNamespace(['late'])).rejects.toMatchObject({ code: 'io', retryable: true })
  await expect(catalog.listNamespaces()).rejects.toMatchObject({
    code: 'io',
    message: expect.stringContaining('locked'),
  })
  const stop = new AbortController()
  setTimeout(() => stop.abort(new Error('stopped')), 30)
  await expect(catalog.createNamespace(['late'], {}, { signal: stop.signal })).rejects.toThrow('stopped')
  other.exec('ROLLBACK')
  expect(await catalog.listNamespaces()).toEqual([['waited']])
})

test.each([
  ['every file', {}, []],
  ['all but the data files where gc.enabled is false', { 'gc.enabled': 'false' }, ['1.parquet', '2.parquet']],
])('a purge deletes %s that the table refers to, and nothing else', async (_, properties, left) => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  await catalog.createNamespace(orders.namespace)
  await catalog.createTable(orders, { ...sampleTable, properties })
  const { io } = fixture
  let table = await openTable(catalog, orders, io)
  const { location } = table.loaded.metadata
  for (const name of ['1.parquet', '2.parquet', 'stranger.txt']) await put(io, `${location}/data/${name}`, name)
  for (const name of ['1.parquet', '2.parquet']) {
    const file = {
      content: 'data',
      filePath: `${location}/data/${name}`,
      fileFormat: 'parquet',
      partition: [],
    } as const
    const files = [{ ...file, recordCount: 1n, fileSizeBytes: 9n, specId: 0 }]
    const outcome = await append(table, { files }, { environment: systemEnvironment })
    if (outcome.status !== 'committed') throw new Error(outcome.status)
    table = outcome.table
  }
  await catalog.dropTable(orders, { purge: true })
  expect(await readdir(join(location, 'metadata'))).toEqual([])
  expect((await readdir(join(location, 'data'))).sort()).toEqual([...left, 'stranger.txt'])
})

test('a failed write of the metadata file leaves the table as it was', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  await catalog.createNamespace(orders.namespace)
  const base = await catalog.createTable(orders, sampleTable)
  const { io } = fixture
  vi.spyOn(io, 'create').mockRejectedValue(new Error('no space'))
  const updates = [{ action: 'set-properties', updates: { a: 'b' } }] as const
  await expect(catalog.commitTable(orders, { base, requirements: [], updates })).rejects.toThrow('no space')
  expect((await catalog.loadTable(orders)).metadataLocation).toBe(base.metadataLocation)
})

test('refuses a file that is no SQLite database, and a damaged or missing metadata file, by name', async () => {
  await using fixture = await sqliteFixture()
  const text = join(fixture.folder, 'text.db')
  await writeFile(text, 'this is not a database, however long it may go on and on')
  await expect(fixture.open({ path: text })).rejects.toMatchObject({
    code: 'io',
    message: expect.stringContaining(text),
  })
  await using catalog = await fixture.open()
  await catalog.createNamespace(orders.namespace)
  const { metadataLocation } = await catalog.createTable(orders, sampleTable)
  await writeFile(metadataLocation, '{"format-version": 2, "table-uuid"')
  await using other = await fixture.open()
  await expect(other.loadTable(orders)).rejects.toMatchObject({
    message: expect.stringContaining(metadataLocation),
    hint: expect.stringMatching(/./),
    context: { path: metadataLocation },
  })
  await fixture.io.delete(metadataLocation)
  await expect(other.loadTable(orders)).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringContaining(metadataLocation),
  })
})

test('a folder that cannot be made is named', async () => {
  await using fixture = await sqliteFixture()
  const file = join(fixture.folder, 'file')
  await writeFile(file, '')
  const path = join(file, 'lake', 'catalog.db')
  await expect(fixture.open({ path })).rejects.toMatchObject({
    code: 'io',
    message: `The folder of the catalog ${path} cannot be made`,
  })
})

test('a closed catalog says so', async () => {
  await using fixture = await sqliteFixture()
  const catalog = await fixture.open()
  await catalog[Symbol.asyncDispose]()
  await catalog[Symbol.asyncDispose]()
  await expect(catalog.listNamespaces()).rejects.toThrow('closed')
})

test('compresses metadata files as write.metadata.compression-codec says', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  await catalog.createNamespace(orders.namespace)
  const codec = 'write.metadata.compression-codec'
  const created = await catalog.createTable(orders, { ...sampleTable, properties: { [codec]: 'gzip' } })
  expect(basename(created.metadataLocation)).toMatch(/^00000-[0-9a-f-]{36}\.gz\.metadata\.json$/)
  expect(JSON.parse(gunzipSync(await readFile(created.metadataLocation)).toString())).toMatchObject({
    'table-uuid': created.metadata.tableUuid,
  })
  expect((await catalog.loadTable(orders)).metadata).toEqual(created.metadata)

  const set = async (value: string) =>
    catalog.commitTable(orders, {
      base: created,
      requirements: [],
      updates: [{ action: 'set-properties', updates: { [codec]: value } }],
    })
  const plain = await set('none')
  if (plain.status !== 'committed') throw new Error(plain.status)
  expect(basename(plain.table.metadataLocation)).toMatch(/^00001-[0-9a-f-]{36}\.metadata\.json$/)
  expect(await readFile(plain.table.metadataLocation, 'utf8')).toContain(created.metadataLocation)

  await expect(set('lzma')).rejects.toMatchObject({
    code: 'invalid-argument',
    context: { property: codec, codec: 'lzma' },
  })
  expect(await catalog.loadTable(orders)).toEqual(plain.table)
})
