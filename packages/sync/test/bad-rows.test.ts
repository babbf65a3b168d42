import { afterEach, beforeEach, expect, test } from 'vitest'
import { Bench, createOrders, insertOrders } from './bench.ts'

const orders = { table: { schema: 'dbo', name: 'orders' } }
const narrow = { ...orders, allowLoss: ['customer', 'placed'] }
const createTarget = createOrders.replace('[rv] rowversion', '[rv] binary(8)')
let bench: Bench

beforeEach(async () => {
  bench = await Bench.open()
  for (const statement of [createOrders, ...insertOrders(1, 100)]) await bench.source.batch(statement)
})

afterEach(() => bench[Symbol.asyncDispose]())

test.each([
  ['a check', "CHECK ([customer] <> N'bad')", 547, /column customer, row with id = 70: error 547: .*CHECK/],
  [
    'a foreign key',
    'CONSTRAINT [fk] REFERENCES [dbo].[customers] ([name])',
    547,
    /column customer, row with id = 70: error 547: .*"fk"/,
  ],
] as const)(
  '%s that refuses a row of a first load is named with the key, and the load goes on when it is mended',
  async (_, constraint, number, message) => {
    await bench.target.batch(
      "CREATE TABLE [dbo].[customers] ([name] nvarchar(60) NOT NULL PRIMARY KEY); INSERT INTO [dbo].[customers] VALUES (N'good');",
    )
    await bench.target.batch(createTarget.replace('nvarchar(60) NULL', `nvarchar(60) NULL ${constraint}`))
    await bench.source.batch(
      `UPDATE [dbo].[orders] SET [customer] = CASE WHEN [id] IN (70, 80) THEN N'bad' ELSE N'good' END;`,
    )
    const coordinator = bench.coordinator()
    await expect(coordinator.sync(orders)).rejects.toMatchObject({
      code: 'row-refused',
      context: { number, columns: 'customer' },
      message: expect.stringMatching(message),
    })
    expect(await bench.count(bench.target, '[dbo].[orders]')).toBe(0)
    expect(await bench.count(bench.target, '[icebridge].[applied]')).toBe(0)

    await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'good' WHERE [id] IN (70, 80);`)
    expect((await coordinator.sync(orders)).apply).toMatchObject({ status: 'applied', inserted: 100n, losses: {} })
    expect(await coordinator.verify(orders)).toMatchObject({ status: 'equal' })
  },
)

test('the result counts what declared columns lose, over all units, and nothing of versions that never reach the target', async () => {
  await bench.target.batch(
    createTarget
      .replace('nvarchar(60)', 'varchar(20) COLLATE Latin1_General_CI_AS')
      .replace('datetime2(7)', 'datetime2(3)'),
  )
  const placed = `[placed] = '2026-01-31T12:00:00.1230000'`
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'plain', ${placed};`)
  // Versions that later ones supersede: one is lossy, one does not fit at all.
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'Жук' WHERE [id] = 1;`)
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'longer than twenty characters' WHERE [id] = 2;`)
  const coordinator = bench.coordinator()
  await coordinator.extract(narrow)
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'plain' WHERE [id] IN (1, 2);`)
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'Жук' WHERE [id] IN (30, 90);`)
  await bench.source.batch(`UPDATE [dbo].[orders] SET [placed] = '2026-01-31T12:00:00.1234567' WHERE [id] = 90;`)
  await coordinator.extract(narrow)

  // One unit: it has both versions of the changed rows.
  expect(await coordinator.apply(narrow)).toMatchObject({
    status: 'applied',
    units: 1,
    inserted: 100n,
    losses: { customer: 2n, placed: 1n },
  })
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'Лев' WHERE [id] IN (10, 11, 12);`)
  expect((await coordinator.sync({ ...narrow, maxUnitRows: 2 })).apply).toMatchObject({
    units: 2,
    losses: { customer: 3n },
  })
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'plain' WHERE [id] = 10;`)
  expect((await coordinator.sync(narrow)).apply).toMatchObject({ updated: 1n, losses: {} })

  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'longer than twenty characters' WHERE [id] = 3;`)
  await expect(coordinator.sync(narrow)).rejects.toMatchObject({
    code: 'value-does-not-fit',
    message: expect.stringMatching(/column customer: 1 value does not fit varchar\(20\), .* id = 3$/),
  })
})

test('a bad version that a later one mends stops no unit, however small units are', async () => {
  await bench.target.batch(createTarget.replace('nvarchar(60)', 'nvarchar(20)'))
  const narrower = { ...orders, allowLoss: ['customer'], maxUnitRows: 30 }
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'longer than twenty characters' WHERE [id] = 5;`)
  const coordinator = bench.coordinator()
  await expect(coordinator.sync(narrower)).rejects.toMatchObject({ code: 'value-does-not-fit' })
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'short' WHERE [id] = 5;`)
  expect((await coordinator.sync(narrower)).apply).toMatchObject({ inserted: 100n })
  expect(await coordinator.verify(orders)).toMatchObject({ status: 'equal' })
})
