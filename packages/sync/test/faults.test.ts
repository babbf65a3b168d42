import { systemEnvironment } from '@icebridge/iceberg-catalog'
import { openTable } from '@icebridge/iceberg-core'
import { InMemoryCatalog } from '@icebridge/iceberg-core/testing'
import { IcebergReader } from '@icebridge/iceberg-io'
import { columnView } from '@icebridge/columnar'
import { isSqlServerError } from '@icebridge/sqlserver'
import { SyncError } from '@icebridge/sync'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Bench, createOrders, insertOrders } from './bench.ts'

const orders = { table: { schema: 'dbo', name: 'orders' } }
let bench: Bench

beforeEach(async () => {
  bench = await Bench.open()
  for (const statement of [createOrders, ...insertOrders(1, 20)]) await bench.source.batch(statement)
})

afterEach(() => bench[Symbol.asyncDispose]())

function memoryCatalog(): InMemoryCatalog {
  return new InMemoryCatalog({ io: bench.io, environment: systemEnvironment, warehouse: bench.folder })
}

/** Every `_sync_seq` of the journal, in order. */
async function sequences(catalog: InMemoryCatalog): Promise<readonly bigint[]> {
  const table = await openTable(catalog, { namespace: ['erp_dbo'], name: 'orders__changes' }, bench.io)
  const found: bigint[] = []
  for await (const batch of new IcebergReader(table).scan({ columns: ['_sync_seq'] })) {
    const view = columnView(batch, 0)
    if (view.kind !== 'int64') throw new TypeError('_sync_seq is a long')
    for (let row = 0; row < batch.numRows; row++) found.push(view.value(row))
  }
  return found.toSorted((a, b) => (a < b ? -1 : 1))
}

const upTo = (last: number): readonly bigint[] => Array.from({ length: last }, (_, index) => BigInt(index + 1))

test('two extractors that race repeat nothing and lose nothing: the slower one starts again from the new head', async () => {
  const catalog = memoryCatalog()
  await bench.coordinator({ catalog }).extract(orders)
  for (const statement of insertOrders(21, 30)) await bench.source.batch(statement)
  let raced = false
  catalog.beforeCommit = async () => {
    if (raced) return
    raced = true
    // While the first one's files are written and its commit is on its way, a second one does the whole leg.
    expect(await bench.coordinator({ catalog }).extract(orders)).toMatchObject({ status: 'committed', rows: 10n })
  }
  const slower = await bench.coordinator({ catalog }).extract(orders)
  expect(slower).toMatchObject({ status: 'unchanged', restarts: 1 })
  expect(await sequences(catalog)).toEqual(upTo(30))
})

test.each(['lost-after-commit', 'lost-before-commit'] as const)(
  'a lost answer to the commit in the catalog (%s) neither repeats nor loses the batch',
  async (fault) => {
    const catalog = memoryCatalog()
    const coordinator = bench.coordinator({ catalog })
    await coordinator.sync(orders)
    for (const statement of insertOrders(21, 30)) await bench.source.batch(statement)
    catalog.faults.push(fault)
    expect((await coordinator.sync(orders)).extract).toMatchObject({ status: 'committed', rows: 10n })
    expect(await sequences(catalog)).toEqual(upTo(30))
    expect((await coordinator.sync(orders)).status).toBe('unchanged')
    expect(await coordinator.verify(orders)).toMatchObject({ status: 'equal', targetRows: 30n })
  },
)

test('an extract that fails before its commit leaves the head where it was, and the next run takes everything', async () => {
  const catalog = memoryCatalog()
  const coordinator = bench.coordinator({ catalog })
  await coordinator.sync(orders)
  for (const statement of insertOrders(21, 30)) await bench.source.batch(statement)
  catalog.faults.push('throw')
  await expect(coordinator.extract(orders)).rejects.toBeInstanceOf(Error)
  expect(await sequences(catalog)).toEqual(upTo(20))
  await coordinator.sync(orders)
  expect(await coordinator.verify(orders)).toMatchObject({ status: 'equal', targetRows: 30n })
})

test('an abort throws and commits nothing', async () => {
  const catalog = memoryCatalog()
  const abort = new AbortController()
  abort.abort(new Error('stopped by the operator'))
  await expect(bench.coordinator({ catalog }).sync(orders, { signal: abort.signal })).rejects.toThrow(
    'stopped by the operator',
  )
  expect(await catalog.tableExists({ namespace: ['erp_dbo'], name: 'orders__changes' })).toBe(false)
})

test('a missing table, a table without a rowversion and a table without a key are refused before anything is written', async () => {
  const catalog = memoryCatalog()
  const coordinator = bench.coordinator({ catalog })
  const missing = coordinator.sync({ table: { schema: 'dbo', name: 'order' } })
  await expect(missing).rejects.toSatisfy((error: unknown) => isSqlServerError(error, 'no-such-table'))
  await bench.source.batch('CREATE TABLE [dbo].[plain] ([id] int NOT NULL PRIMARY KEY);')
  await expect(coordinator.sync({ table: { schema: 'dbo', name: 'plain' } })).rejects.toMatchObject({
    code: 'no-strategy',
  })
  expect(await catalog.tableExists({ namespace: ['erp_dbo'], name: 'plain__changes' })).toBe(false)
  await bench.source.batch('CREATE TABLE [dbo].[keyless] ([a] int NULL, [rv] rowversion NOT NULL);')
  const keyless = coordinator.sync({ table: { schema: 'dbo', name: 'keyless' } })
  await expect(keyless).rejects.toBeInstanceOf(SyncError)
  await expect(keyless).rejects.toMatchObject({ code: 'plan', problems: [expect.objectContaining({ code: 'no-key' })] })
  expect(await catalog.tableExists({ namespace: ['erp_dbo'], name: 'keyless__changes' })).toBe(false)
})

test('a target column that is too narrow is refused with its name, and the target is left alone', async () => {
  await bench.target.batch(
    'CREATE TABLE [dbo].[orders] ([id] bigint NOT NULL PRIMARY KEY, [customer] nvarchar(5) NULL, [total] decimal(38,10) NULL, [placed] datetime2(7) NULL, [payload] varbinary(20) NULL, [rv] binary(8) NULL);',
  )
  await expect(bench.coordinator().sync(orders)).rejects.toMatchObject({
    code: 'plan',
    problems: [expect.objectContaining({ column: 'customer', code: 'narrower-column' })],
  })
  expect(await bench.count(bench.target, '[dbo].[orders]')).toBe(0)
  expect(await bench.catalog.tableExists({ namespace: ['erp_dbo'], name: 'orders__changes' })).toBe(false)
})

test('odd identifiers work in every place', async () => {
  const table = { schema: 'odd].sche.ma', name: 'select "x".[y] 🧊' }
  const [schema, name] = ['[odd]].sche.ma]', '[select "x".[y]] 🧊]']
  await bench.source.batch(`CREATE SCHEMA ${schema};`)
  await bench.source.batch(
    `CREATE TABLE ${schema}.${name} ([order] int NOT NULL, [a.b'c] nvarchar(10) NULL, [rv ] rowversion NOT NULL, CONSTRAINT [pk]]] PRIMARY KEY ([order]));`,
  )
  await bench.source.batch(`INSERT INTO ${schema}.${name} ([order], [a.b'c]) VALUES (1, N'x'), (2, NULL);`)
  const coordinator = bench.coordinator()
  expect((await coordinator.sync({ table })).apply).toMatchObject({ inserted: 2n })
  expect(await coordinator.verify({ table })).toMatchObject({ status: 'equal', sourceRows: 2n })
})
