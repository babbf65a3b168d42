import { afterEach, beforeEach, expect, test } from 'vitest'
import { Bench, createOrders, insertOrders } from './bench.ts'

const orders = { table: { schema: 'dbo', name: 'orders' } }
let bench: Bench

beforeEach(async () => {
  bench = await Bench.open()
  for (const statement of [createOrders, ...insertOrders(1, 100)]) await bench.source.batch(statement)
})

afterEach(() => bench[Symbol.asyncDispose]())

test('a first load goes straight into an empty target, and what follows it by way of the stage', async () => {
  const coordinator = bench.coordinator()
  await coordinator.extract(orders)
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'changed' WHERE [id] <= 5;`)
  await coordinator.extract(orders)
  expect(await coordinator.apply(orders)).toMatchObject({
    firstLoad: { way: 'straight' },
    units: 2,
    rows: 105n,
    inserted: 100n,
    updated: 5n,
  })
  expect(await coordinator.verify(orders)).toMatchObject({ status: 'equal', targetRows: 100n })
  expect((await coordinator.apply(orders)).firstLoad).toBeUndefined()
})

test('a target that has rows is loaded by way of the stage, and the result says why', async () => {
  await bench.target.batch(createOrders.replace('[rv] rowversion', '[rv] binary(8)'))
  await bench.target.batch(`INSERT INTO [dbo].[orders] ([id], [rv]) VALUES (1, 0x0000000000000001);`)
  const coordinator = bench.coordinator()
  const { apply } = await coordinator.sync(orders)
  expect(apply).toMatchObject({
    firstLoad: { way: 'staged', reason: 'occupied', message: '[dbo].[orders] is not empty' },
    inserted: 99n,
    updated: 1n,
  })
  expect(await coordinator.verify(orders)).toMatchObject({ status: 'equal' })
})

test('straightLoad never keeps to the stage', async () => {
  const { apply } = await bench.coordinator().sync({ ...orders, straightLoad: 'never', maxUnitRows: 40 })
  expect(apply).toMatchObject({ firstLoad: { way: 'staged', reason: 'never' }, units: 3, inserted: 100n })
})

test('a sql_variant and a declared loss send the load by way of the stage, which makes and counts their values', async () => {
  await bench.source.batch(
    'CREATE TABLE [dbo].[mixed] ([id] int NOT NULL PRIMARY KEY, [v] sql_variant NULL, [rv] rowversion NOT NULL);',
  )
  await bench.source.batch(
    "INSERT INTO [dbo].[mixed] ([id], [v]) SELECT 1, CONVERT(sql_variant, CONVERT(smallint, 7)) UNION ALL SELECT 2, CONVERT(sql_variant, N'seven');",
  )
  const mixed = { table: { schema: 'dbo', name: 'mixed' } }
  const coordinator = bench.coordinator()
  expect((await coordinator.sync(mixed)).apply).toMatchObject({
    firstLoad: { way: 'staged', reason: 'column-type' },
    inserted: 2n,
  })
  expect(await coordinator.verify(mixed)).toMatchObject({ status: 'equal', targetRows: 2n })
  await bench.target.batch(
    createOrders.replace('[rv] rowversion', '[rv] binary(8)').replace('decimal(38,10)', 'decimal(38,8)'),
  )
  const narrowed = { ...orders, allowLoss: ['total'] }
  expect((await coordinator.sync(narrowed)).apply).toMatchObject({
    firstLoad: { way: 'staged', reason: 'narrowed', message: expect.stringContaining('total') },
    inserted: 100n,
  })
})

test('a row that a key of the target refuses sends the load by way of the stage, where its newest version counts', async () => {
  await bench.target.batch(
    `${createOrders.replace('[rv] rowversion', '[rv] binary(8)')} CREATE UNIQUE INDEX [ux] ON [dbo].[orders] ([customer]);`,
  )
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'same' WHERE [id] IN (1, 2);`)
  const coordinator = bench.coordinator()
  await coordinator.extract(orders)
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'other' WHERE [id] = 2;`)
  await coordinator.extract(orders)
  const apply = await coordinator.apply(orders)
  expect(apply).toMatchObject({ firstLoad: { way: 'staged', reason: 'constraint' }, inserted: 100n })
  expect(await coordinator.verify(orders)).toMatchObject({ status: 'equal' })
})

test('settings of the load reach the target', async () => {
  const target = { name: 'dwh', server: bench.target, bulk: { batchRows: 30, lockTable: false } }
  const { apply } = await bench.coordinator({ target }).sync(orders)
  expect(apply).toMatchObject({ firstLoad: { way: 'straight' }, inserted: 100n })
})
