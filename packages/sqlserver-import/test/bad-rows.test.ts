import { SqlServerImporter } from '@icebridge/sqlserver-import'
import type { ImportPlanOptions, ImportResult } from '@icebridge/sqlserver-import'
import { testTableUuid, unitOfRows } from '@icebridge/sqlserver-import/testing'
import type { UnitRow } from '@icebridge/sqlserver-import/testing'
import type { SqlServer } from '@icebridge/sqlserver'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TargetServer } from './target-server.ts'

const tableKey = 'erp.dbo.orders'
const orders = { schema: 'dbo', name: 'orders' }
const target = `CREATE TABLE [dbo].[parents] ([id] int NOT NULL PRIMARY KEY);
INSERT INTO [dbo].[parents] VALUES (1);
CREATE TABLE [dbo].[orders] ([id] int NOT NULL, [line] int NOT NULL, [name] nvarchar(5) NULL,
  [n] smallint NULL CONSTRAINT [ck_n] CHECK ([n] <> 13), [tag] int NULL CONSTRAINT [uq_tag] UNIQUE,
  [parent] int NULL CONSTRAINT [fk_parent] REFERENCES [dbo].[parents] ([id]), PRIMARY KEY ([id], [line]));`

let targets: TargetServer
beforeAll(async () => {
  targets = await TargetServer.open()
})
afterAll(async () => await targets.close())

/** Two good rows in the target; then a unit with a good row and a bad one. The source's `n` is wider. */
async function withBadRow(server: SqlServer, bad: UnitRow['values']): Promise<ImportResult> {
  await server.batch(target)
  const importer = new SqlServerImporter({
    target: server,
    environment: { nowMs: () => Date.UTC(2026, 0, 1), sleep: async () => {} },
  })
  await importer.prepare()
  const into = await server.describeTable(orders)
  const source = {
    ...into,
    columns: into.columns.map((column) =>
      column.name === 'n' ? { ...column, type: { name: 'int' } as const } : column,
    ),
  }
  const options: ImportPlanOptions = { allowLoss: ['n'] }
  const plan = importer.plan(source, into, options)
  const apply = async (rows: readonly UnitRow['values'][], from: bigint): Promise<ImportResult> =>
    await importer.apply(
      unitOfRows(
        source,
        rows.map((values) => ({ op: 'upsert', values })),
        { from },
      ),
      plan,
      {
        tableKey,
        tableUuid: testTableUuid,
        position: await importer.position(tableKey),
        lakeLocation: '/lake',
        runId: 'run-1',
      },
    )
  await apply(
    [
      { id: 1, line: 1, tag: 1 },
      { id: 2, line: 1, tag: 2 },
    ],
    1n,
  )
  return await apply(
    [
      { id: 3, line: 1, tag: 3 },
      { id: 7, line: 2, ...bad },
      { id: 4, line: 1, tag: 4 },
    ],
    3n,
  )
}

/** What the first unit left is there, and nothing of the second. */
async function untouched(server: SqlServer): Promise<void> {
  expect(await server.query({ text: 'SELECT [id], [tag] FROM [dbo].[orders] ORDER BY [id]' })).toEqual([
    { id: 1, tag: 1 },
    { id: 2, tag: 2 },
  ])
  expect(await server.query({ text: 'SELECT [sequence] FROM [icebridge].[applied]' })).toEqual([{ sequence: 2n }])
}

test.each([
  [
    'text that is too long',
    { name: 'longer' },
    'invalid-value',
    /column name, row with id = 7, line = 2: .*longer than 5 characters/,
  ],
  [
    'a number out of the range of a narrower type',
    { n: 40_000 },
    'value-does-not-fit',
    /column n: 1 value does not fit smallint, .*7/,
  ],
] as const)('%s is named by key, column and reason, and nothing of its unit stays', async (_, bad, code, message) => {
  await using server = await targets.database()
  await expect(withBadRow(server, bad)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  await untouched(server)
})

test.each([
  ['a check constraint', { n: 13 }, 547, /ck_n/],
  ['a foreign key', { parent: 9 }, 547, /fk_parent/],
  ['a unique index', { tag: 2 }, 2627, /uq_tag.*\(2\)/s],
] as const)('%s that refuses a row is named, and nothing of its unit stays', async (_, bad, number, message) => {
  await using server = await targets.database()
  const result = await withBadRow(server, bad)
  expect(result).toMatchObject({ status: 'widen', number })
  expect(result.status === 'widen' && String(result.cause)).toMatch(message)
  await untouched(server)
})
