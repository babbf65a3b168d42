import { expect, test } from 'vitest'
import { Bench } from './bench.ts'

const orders = { table: { schema: 'dbo', name: 'orders' } }

test('plan gives each column its verdict, what a narrower target would lose, and a remedy, and no run writes before', async () => {
  await using bench = await Bench.open()
  await bench.source.batch(
    `CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [same] decimal(38,10) NULL, [wider] int NULL, [name] nvarchar(20) NULL,
      [code] varchar(10) COLLATE Latin1_General_CI_AS NULL, [at] datetime2(7) NULL, [n] bigint NULL, [other] float NULL,
      [note] nvarchar(max) NULL, [twice] AS ([wider] * (2)), [rv] rowversion NOT NULL)`,
  )
  await bench.target.batch(
    `CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [same] decimal(38,10) NULL, [wider] bigint NULL, [name] nvarchar(10) NULL,
      [code] varchar(10) COLLATE Polish_CI_AS NULL, [at] datetime2(3) NULL, [n] int NULL, [other] nvarchar(20) NULL,
      [twice] AS ([wider] * (2)), [rv] rowversion NOT NULL)`,
  )
  await bench.source.batch("INSERT INTO [dbo].[orders] ([id], [name]) VALUES (1, N'x')")
  const plan = await bench.coordinator().plan(orders)
  expect(Object.fromEntries(plan.columns.map(({ name, verdict }) => [name, verdict]))).toEqual({
    id: 'exact',
    same: 'exact',
    wider: 'exact',
    name: 'exact; target narrower: nvarchar(10) in the target would lose characters past 10',
    code: 'exact; target narrower: varchar(10) in the target would lose characters that are not in the code page of Polish_CI_AS',
    at: 'exact; target narrower: datetime2(3) in the target would lose fractions of a second',
    n: 'exact; target narrower: int in the target would lose values out of range',
    other: 'exact; refused: float does not go into nvarchar(20)',
    note: 'exact; refused: the target has no such column',
    twice: 'exact; not written: computed',
    rv: 'exact; not written: rowversion',
  })
  expect(plan.problems.map(({ code, column }) => `${code} ${column ?? ''}`).toSorted()).toEqual([
    'different-type other',
    'missing-column note',
    'narrower-column at',
    'narrower-column code',
    'narrower-column n',
    'narrower-column name',
  ])
  for (const { hint } of plan.problems) expect(hint).not.toBe('')
  await expect(bench.coordinator().sync(orders)).rejects.toMatchObject({ code: 'plan' })
  expect(await bench.count(bench.target, '[dbo].[orders]')).toBe(0)

  // Declared, the values decide.
  const declared = { ...orders, allowLoss: ['name', 'code', 'at', 'n'], skipColumns: ['other', 'note'] }
  expect((await bench.coordinator().plan(declared)).problems).toEqual([])
  expect((await bench.coordinator().sync(declared)).apply).toMatchObject({ inserted: 1n, losses: {} })
})
