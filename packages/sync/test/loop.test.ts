import { IcebergReader } from '@icebridge/iceberg-io'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Bench, createOrders, insertOrders } from './bench.ts'

const orders = { table: { schema: 'dbo', name: 'orders' } }
let bench: Bench

beforeEach(async () => {
  bench = await Bench.open()
  for (const statement of [createOrders, ...insertOrders(1, 1000)]) await bench.source.batch(statement)
})

afterEach(() => bench[Symbol.asyncDispose]())

test('1,000 rows, then 100 new and 50 changed ones, arrive exactly, and a run in between does nothing', async () => {
  const coordinator = bench.coordinator()
  const first = await coordinator.sync(orders)
  expect(first.extract).toMatchObject({
    status: 'committed',
    mode: 'load',
    rows: 1000n,
    sequence: { from: 1n, to: 1000n },
  })
  expect(first.apply).toMatchObject({
    status: 'applied',
    createdTarget: true,
    inserted: 1000n,
    updated: 0n,
    deleted: 0n,
  })

  const before = (await bench.journal('orders')).loaded
  const idle = await coordinator.sync(orders)
  expect(idle).toMatchObject({
    status: 'unchanged',
    extract: { status: 'unchanged', rows: 0n },
    apply: { status: 'unchanged', units: 0 },
  })
  expect((await bench.journal('orders')).loaded.metadataLocation).toBe(before.metadataLocation)

  for (const statement of insertOrders(1001, 1100)) await bench.source.batch(statement)
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'changed', [total] = [total] + 1 WHERE [id] <= 50;`)
  const second = await coordinator.sync(orders)
  expect(second.extract).toMatchObject({ mode: 'increment', rows: 150n, sequence: { from: 1001n, to: 1150n } })
  expect(second.apply).toMatchObject({ inserted: 100n, updated: 50n, unchanged: 0n })

  expect(await bench.count(bench.target, '[dbo].[orders]')).toBe(1100)
  expect(await coordinator.verify(orders)).toMatchObject({
    status: 'equal',
    sourceRows: 1100n,
    targetRows: 1100n,
    skipped: [],
  })
})

test('a row that changed twice between two runs arrives as it is now', async () => {
  const coordinator = bench.coordinator()
  await coordinator.sync(orders)
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'first' WHERE [id] = 7;`)
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'second' WHERE [id] = 7;`)
  expect((await coordinator.sync(orders)).apply).toMatchObject({ rows: 1n, updated: 1n })
  const [row] = await bench.target.query({ text: 'SELECT [customer] AS [c] FROM [dbo].[orders] WHERE [id] = 7' })
  expect(row?.['c']).toBe('second')
})

test('two extracts before one apply: the newest version of a key wins', async () => {
  const coordinator = bench.coordinator()
  await coordinator.sync(orders)
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'older' WHERE [id] = 8;`)
  await coordinator.extract(orders)
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'newer' WHERE [id] = 8;`)
  await coordinator.extract(orders)
  expect(await coordinator.apply(orders)).toMatchObject({ rows: 2n, updated: 1n })
  expect(await coordinator.verify(orders)).toMatchObject({ status: 'equal' })
})

test('the journal can be read as of its first snapshot', async () => {
  const coordinator = bench.coordinator()
  const first = await coordinator.sync(orders)
  for (const statement of insertOrders(1001, 1010)) await bench.source.batch(statement)
  await coordinator.sync(orders)
  const snapshotId = first.extract?.snapshotId
  let rows = 0
  for await (const batch of new IcebergReader(await bench.journal('orders')).scan({ columns: ['id'], snapshotId })) {
    rows += batch.numRows
  }
  expect(rows).toBe(1000)
})

test('verify finds a row that is missing, one too many and one that differs, and names the column', async () => {
  const coordinator = bench.coordinator()
  await coordinator.sync(orders)
  await bench.target.batch(`DELETE FROM [dbo].[orders] WHERE [id] = 1;`)
  await bench.target.batch(`UPDATE [dbo].[orders] SET [customer] = UPPER([customer]) WHERE [id] = 2;`)
  await bench.target.batch(`INSERT INTO [dbo].[orders] ([id], [rv]) VALUES (5000, 0x0000000000000001);`)
  expect(await coordinator.verify(orders)).toMatchObject({
    status: 'different',
    missing: 1n,
    extra: 1n,
    different: 1n,
    differentColumns: { customer: 1n },
  })
})

test('verify orders rows by the whole of a key of 1,700 bytes', async () => {
  const table = { schema: 'dbo', name: 'wide' }
  const create = `CREATE TABLE [dbo].[wide] ([k] nvarchar(850) NOT NULL, CONSTRAINT [pk_wide] PRIMARY KEY NONCLUSTERED ([k]));`
  const keys = ['a', 'b', 'c'].map((end) => `N'${'x'.repeat(849)}${end}'`)
  for (const [server, order] of [
    [bench.source, keys],
    [bench.target, keys.toReversed()],
  ] as const) {
    await server.batch(create)
    for (const key of order) await server.batch(`INSERT INTO [dbo].[wide] ([k]) VALUES (${key});`)
  }
  expect(await bench.coordinator().verify({ table })).toMatchObject({ status: 'equal', sourceRows: 3n })
})

test.each([
  ['nvarchar(40) COLLATE Latin1_General_BIN2', 'nvarchar(60) COLLATE Latin1_General_BIN2'],
  ['varchar(8000) COLLATE Latin1_General_BIN2', 'nvarchar(4000) COLLATE Latin1_General_BIN2'],
])('verify pairs keys of %s and %s that are the beginning of others, or only in one', async (from, to) => {
  const create = (type: string): string =>
    `CREATE TABLE [dbo].[words] ([k] ${type} NOT NULL, [n] int NOT NULL, CONSTRAINT [pk_words] PRIMARY KEY NONCLUSTERED ([k], [n]));`
  const keys = ["N'a'", "N'a' + NCHAR(0)", "N'aé'", "N'ab'", "N''"].flatMap((k) => [`(${k}, 2)`, `(${k}, 1)`])
  for (const [server, type, order] of [
    [bench.source, from, keys],
    [bench.target, to, keys.toReversed()],
  ] as const) {
    await server.batch(create(type))
    for (const key of order) await server.batch(`INSERT INTO [dbo].[words] ([k], [n]) VALUES ${key};`)
  }
  const words = { table: { schema: 'dbo', name: 'words' } }
  const coordinator = bench.coordinator()
  expect(await coordinator.verify(words)).toMatchObject({ status: 'equal', sourceRows: 10n, targetRows: 10n })
  // A key of the target that is longer than those of the source is none of them.
  await bench.target.batch(`INSERT INTO [dbo].[words] ([k], [n]) VALUES (REPLICATE(N'a', 41), 1);`)
  await bench.source.batch(`INSERT INTO [dbo].[words] ([k], [n]) VALUES (REPLICATE('a', 40), 1);`)
  expect(await coordinator.verify(words)).toMatchObject({ missing: 1n, extra: 1n, different: 0n })
})

test('verify takes text for equal whatever the code pages of the two sides', async (context) => {
  if (!bench.server.capabilities.has('utf8') || !bench.server.capabilities.has('code-pages')) {
    return context.skip('the server lacks utf8 or code-pages')
  }
  const create = (collation: string): string =>
    `CREATE TABLE [dbo].[words] ([k] varchar(40) COLLATE ${collation} NOT NULL PRIMARY KEY, [v] varchar(40) COLLATE ${collation} NULL);`
  await bench.source.batch(create('Polish_CS_AS'))
  await bench.target.batch(create('Latin1_General_100_CS_AS_SC_UTF8'))
  for (const server of [bench.source, bench.target]) {
    await server.batch("INSERT INTO [dbo].[words] ([k], [v]) VALUES (N'żółw', N'ł'), (N'zoo', NULL), (N'łoś', N'ó');")
  }
  const words = { table: { schema: 'dbo', name: 'words' } }
  expect(await bench.coordinator().verify(words)).toMatchObject({ status: 'equal', sourceRows: 3n, targetRows: 3n })
})

test('status says how far the target is behind', async () => {
  const coordinator = bench.coordinator()
  await coordinator.sync(orders)
  for (const statement of insertOrders(1001, 1003)) await bench.source.batch(statement)
  await coordinator.extract(orders)
  expect(await coordinator.status(orders)).toMatchObject({
    journal: { name: 'erp_dbo.orders__changes', strategy: 'rowversion', sequence: 1003n },
    target: { exists: true, behind: 3n, position: { sequence: 1000n } },
  })
})

test('a column that is to be skipped goes to the lake and not to the target, and verify says so', async () => {
  const coordinator = bench.coordinator()
  const table = { ...orders, skipColumns: ['payload'] }
  expect((await coordinator.sync(table)).apply).toMatchObject({ createdTarget: true, inserted: 1000n })
  const columns = (await bench.target.describeTable(orders.table)).columns.map(({ name }) => name)
  expect(columns).toEqual(['id', 'customer', 'total', 'placed', 'rv'])
  expect(await coordinator.verify(table)).toMatchObject({
    status: 'equal',
    skipped: [{ column: 'payload', reason: 'the target has no such column' }],
  })
})

test('two targets in one database follow one source table, each from its own position', async () => {
  const coordinator = bench.coordinator()
  const tables = ['copy_a', 'copy_b'].map((name) => ({ ...orders, target: { schema: 'dbo', name } }))
  for (const table of tables) expect((await coordinator.sync(table)).apply).toMatchObject({ inserted: 1000n })
  for (const statement of insertOrders(1001, 1003)) await bench.source.batch(statement)
  for (const table of tables) {
    expect((await coordinator.sync(table)).apply).toMatchObject({ inserted: 3n, updated: 0n })
    expect(await coordinator.verify(table)).toMatchObject({ status: 'equal', targetRows: 1003n })
  }
})
