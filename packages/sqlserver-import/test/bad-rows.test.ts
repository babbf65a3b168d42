import { SqlServerImporter, UpdateInsertMergeStrategy, UpsertMergeStrategy } from '@icebridge/sqlserver-import'
import type { ApplyOptions, ImporterOptions, ImportPlanOptions, ImportResult } from '@icebridge/sqlserver-import'
import type { AppliedPosition } from '@icebridge/journal'
import { testTableUuid, unitOfRows } from '@icebridge/sqlserver-import/testing'
import type { UnitRow } from '@icebridge/sqlserver-import/testing'
import type { SqlServer } from '@icebridge/sqlserver'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TargetServer } from './target-server.ts'

const tableKey = 'erp.dbo.orders'
const orders = { schema: 'dbo', name: 'orders' }
const target = `CREATE TABLE [dbo].[parents] ([id] int NOT NULL PRIMARY KEY);
INSERT INTO [dbo].[parents] VALUES (1);
CREATE TABLE [dbo].[orders] ([id] int NOT NULL, [line] int NOT NULL, [name] nvarchar(5) NULL,
  [n] smallint NULL CONSTRAINT [ck_n] CHECK ([n] <> 13), [tag] int NULL CONSTRAINT [uq_tag] UNIQUE,
  [price] decimal(9,2) NULL, [at] datetime2(7) NULL, [ratio] float NULL,
  [parent] int NULL CONSTRAINT [fk_parent] REFERENCES [dbo].[parents] ([id]), PRIMARY KEY ([id], [line]));`

let targets: TargetServer
beforeAll(async () => {
  targets = await TargetServer.open()
})
afterAll(async () => await targets.close())

function importerOf(target: SqlServer, more: Partial<ImporterOptions> = {}): SqlServerImporter {
  const environment = { nowMs: () => Date.UTC(2026, 0, 1), sleep: async () => {} }
  return new SqlServerImporter({ target, environment, ...more })
}

function optionsOf(position: AppliedPosition | undefined, more: Partial<ApplyOptions> = {}): ApplyOptions {
  return { tableKey, tableUuid: testTableUuid, position, lakeLocation: '/lake', runId: 'run-1', ...more }
}

/** Two good rows in the target; then, after a change of it, a unit with a good row and a bad one. The source's `n` is wider. */
async function withBadRow(
  server: SqlServer,
  bad: UnitRow['values'],
  options: { readonly widest?: boolean; readonly change?: string } = {},
): Promise<ImportResult> {
  await server.batch(target)
  const importer = importerOf(server)
  await importer.prepare()
  const into = await server.describeTable(orders)
  const source = {
    ...into,
    columns: into.columns.map((column) =>
      column.name === 'n' ? { ...column, type: { name: 'int' } as const } : column,
    ),
  }
  const planOptions: ImportPlanOptions = { allowLoss: ['n'] }
  const plan = importer.plan(source, into, planOptions)
  const apply = async (rows: readonly UnitRow['values'][], from: bigint): Promise<ImportResult> =>
    await importer.apply(
      unitOfRows(
        source,
        rows.map((values) => ({ op: 'upsert', values })),
        { from },
      ),
      plan,
      optionsOf(await importer.position(tableKey), { widest: options.widest ?? false }),
    )
  await apply(
    [
      { id: 1, line: 1, tag: 1 },
      { id: 2, line: 1, tag: 2 },
    ],
    1n,
  )
  if (options.change !== undefined && options.change !== '') await server.batch(options.change)
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
  await expect(withBadRow(server, bad, { widest: true })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  })
  await untouched(server)
})

test.each([
  ['a check constraint', { n: 13 }, 547, /ck_n/],
  ['a foreign key', { parent: 9 }, 547, /fk_parent/],
  ['a unique index', { tag: 2 }, 2627, /uq_tag.*\(2\)/s],
  ['a narrower column', { n: 40_000 }, undefined, /does not fit/],
] as const)('%s that refuses a row widens its unit, and nothing of it stays', async (_, bad, number, message) => {
  await using server = await targets.database()
  const result = await withBadRow(server, bad)
  expect(result).toMatchObject({ status: 'widen', number })
  expect(result.status === 'widen' && String(result.cause)).toMatch(message)
  await untouched(server)
})

const alter = (column: string): string => `ALTER TABLE [dbo].[orders] ALTER COLUMN ${column}`

test.each([
  ['a check constraint', { n: 13 }, '', 547, /column n, row with id = 7, line = 2: error 547: .*ck_n/],
  ['a foreign key', { parent: 9 }, '', 547, /column parent, row with id = 7, line = 2: error 547: .*fk_parent/],
  [
    'a unique index',
    { tag: 2 },
    '',
    2627,
    /column tag, row with id = 7, line = 2 beside the target's row with id = 2, line = 1: error 2627: .*uq_tag/,
  ],
  [
    'a column made NOT NULL after the plan',
    { tag: 3 },
    "UPDATE [dbo].[orders] SET [name] = N'x'; " + alter('[name] nvarchar(5) NOT NULL'),
    515,
    /column name, row with id = 3, line = 1: error 515: .*NULL/,
  ],
  [
    'a column made shorter after the plan',
    { name: 'abcd' },
    alter('[name] nvarchar(3) NULL'),
    2628,
    /column name, row with id = 7, line = 2: error 2628: /,
  ],
])('%s: the row that is refused is named by key, column and reason', async (_, bad, change, number, message) => {
  await using server = await targets.database()
  await expect(withBadRow(server, bad, { widest: true, change })).rejects.toMatchObject({
    code: 'row-refused',
    retryable: false,
    context: { number },
    message: expect.stringMatching(message),
  })
  await untouched(server)
})

test.each([
  ['another collation', alter('[name] nvarchar(5) COLLATE Latin1_General_BIN2 NULL'), 'name'],
  ['fewer digits', alter('[price] decimal(9,1) NULL'), 'price'],
  ['a coarser time', alter('[at] datetime2(3) NULL'), 'at'],
  ['another type', alter('[ratio] real NULL'), 'ratio'],
])('a target that has %s since the plan was made takes no unit and no load', async (_, change, column) => {
  await using server = await targets.database()
  await server.batch(target)
  const importer = importerOf(server)
  await importer.prepare()
  const definition = await server.describeTable(orders)
  const plan = importer.plan(definition, definition)
  await server.batch(change)
  const unit = unitOfRows(definition, [{ op: 'upsert', values: { id: 1, line: 1, name: 'Abc', price: 125n } }], {
    from: 1n,
  })
  const stale = {
    code: 'target-changed',
    context: { columns: column },
    message: `[dbo].[orders] was altered after its plan was made: ${column}`,
  }
  await expect(importer.apply(unit, plan, optionsOf(undefined))).rejects.toMatchObject(stale)
  await expect(importer.loadStraight(unit, plan, optionsOf(undefined))).rejects.toMatchObject(stale)
  expect(await server.query({ text: 'SELECT COUNT(*) AS [n] FROM [dbo].[orders]' })).toEqual([{ n: 0 }])
  expect(await importer.position(tableKey)).toBeUndefined()
})

describe.each([
  ['upsert-merge', () => new UpsertMergeStrategy()],
  ['update-insert', () => new UpdateInsertMergeStrategy()],
])('with %s', (_, strategy) => {
  test('the first of several refused rows of a large unit is named, in the order of the journal', async () => {
    await using server = await targets.database()
    await server.batch('CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [n] int NULL CHECK ([n] < 1000))')
    const importer = importerOf(server, { strategy: strategy() })
    await importer.prepare()
    const definition = await server.describeTable(orders)
    const rows = Array.from({ length: 3000 }, (__, index): UnitRow => ({
      op: 'upsert',
      // The order of the keys is not that of the journal. A superseded version is never refused.
      values: { id: 10_000 - index, n: [1717, 1718, 2999].includes(index) ? 1000 : 1 },
    }))
    rows.unshift({ op: 'upsert', values: { id: 10_000, n: 1000 } })
    const unit = unitOfRows(definition, rows, { from: 5n })
    const plan = importer.plan(definition, definition)
    await expect(importer.apply(unit, plan, optionsOf(undefined, { widest: true }))).rejects.toMatchObject({
      code: 'row-refused',
      context: { columns: 'n', sequence: String(5 + 1 + 1717) },
      message: expect.stringContaining('column n, row with id = 8283: error 547: '),
    })
    expect(await server.query({ text: 'SELECT COUNT(*) AS [n] FROM [dbo].[orders]' })).toEqual([{ n: 0 }])
  })

  test('a row whose parent or whose freed value comes later in its unit is not taken for the refused one', async () => {
    await using server = await targets.database()
    await server.batch(
      'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [boss] int NULL CONSTRAINT [fk_boss] REFERENCES [dbo].[orders] ([id]), [code] int NULL CONSTRAINT [uq_code] UNIQUE)',
    )
    const importer = importerOf(server, { strategy: strategy() })
    await importer.prepare()
    const definition = await server.describeTable(orders)
    const plan = importer.plan(definition, definition)
    const upsert = (id: number, boss: number | null, code: number): UnitRow => ({
      op: 'upsert',
      values: { id, boss, code },
    })
    const first = unitOfRows(definition, [upsert(1, null, 1), upsert(2, null, 2), upsert(3, 2, 3)], { from: 1n })
    await importer.apply(first, plan, optionsOf(undefined))
    const refusal = async (rows: readonly UnitRow[]): Promise<unknown> => {
      const position = await importer.position(tableKey)
      return await importer.apply(
        unitOfRows(definition, rows, { from: 4n }),
        plan,
        optionsOf(position, { widest: true }),
      )
    }
    // 4 has its parent in 5; 6 has none.
    await expect(refusal([upsert(4, 5, 4), upsert(5, 1, 5), upsert(6, 9, 6)])).rejects.toMatchObject({
      code: 'row-refused',
      message: expect.stringContaining('column boss, row with id = 6: error 547: '),
    })
    // 1 and 4 swap a value; 5 has one that 2 keeps.
    await expect(refusal([upsert(4, null, 1), upsert(1, null, 4), upsert(5, null, 2)])).rejects.toMatchObject({
      code: 'row-refused',
      message: expect.stringContaining(
        "column code, row with id = 5 beside the target's row with id = 2: error 2627: ",
      ),
    })
    // Two rows of the unit have the same value.
    await expect(refusal([upsert(4, null, 4), upsert(5, null, 7), upsert(6, null, 7)])).rejects.toMatchObject({
      code: 'row-refused',
      message: expect.stringContaining('column code, row with id = 5 beside the row with id = 6: error 2627: '),
    })
    expect(await server.query({ text: 'SELECT [id], [code] FROM [dbo].[orders] ORDER BY [id]' })).toEqual(
      [1, 2, 3].map((id) => ({ id, code: id })),
    )
  })
})

test('a row that refers to the deleted one is no reason to name another', async () => {
  await using server = await targets.database()
  await server.batch(
    'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY); CREATE TABLE [dbo].[lines] ([id] int NOT NULL PRIMARY KEY, [order] int NULL CONSTRAINT [fk_order] REFERENCES [dbo].[orders] ([id])); ' +
      'INSERT INTO [dbo].[orders] VALUES (1), (2), (3); INSERT INTO [dbo].[lines] VALUES (10, 2);',
  )
  const importer = importerOf(server)
  await importer.prepare()
  const definition = await server.describeTable(orders)
  const rows = [1, 2, 3].map((id): UnitRow => ({ op: 'delete', values: { id } }))
  const plan = importer.plan(definition, definition)
  await expect(
    importer.apply(unitOfRows(definition, rows, { from: 1n }), plan, optionsOf(undefined, { widest: true })),
  ).rejects.toMatchObject({
    code: 'row-refused',
    message: expect.stringMatching(/row with id = 2: error 547: .*fk_order/),
  })
  expect(await server.query({ text: 'SELECT COUNT(*) AS [n] FROM [dbo].[orders]' })).toEqual([{ n: 3 }])
})

test('a straight load that a column refuses goes by way of the stage, which names the row', async () => {
  await using server = await targets.database()
  await server.batch('CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [n] int NULL)')
  const importer = importerOf(server)
  await importer.prepare()
  const definition = await server.describeTable(orders)
  const plan = importer.plan(definition, definition)
  await server.batch(alter('[n] int NOT NULL'))
  const rows = [1, null, 3].map((n, id): UnitRow => ({ op: 'upsert', values: { id, n } }))
  const unit = unitOfRows(definition, rows, { from: 1n })
  expect(await importer.loadStraight(unit, plan, optionsOf(undefined))).toMatchObject({
    status: 'declined',
    reason: 'value',
  })
  await expect(importer.apply(unit, plan, optionsOf(undefined, { widest: true }))).rejects.toMatchObject({
    code: 'row-refused',
    message: expect.stringContaining('column n, row with id = 1: error 515: '),
  })
  expect(await server.query({ text: 'SELECT COUNT(*) AS [n] FROM [dbo].[orders]' })).toEqual([{ n: 0 }])
})

test.for([
  ['Latin1_General_CI_AS', 'café €ÿ', 'é', 'Łódź'],
  ['Polish_CI_AS', 'Łódź €', 'ł', 'señor'],
  ['Cyrillic_General_CI_AS', 'Жук', 'ж', 'é'],
  ['Japanese_CI_AS', '日本語', '本', '한국어'],
  ['Latin1_General_100_CI_AS_SC_UTF8', 'Łódź Жук 日本語 😀', 'é', undefined],
] as const)(
  'text that a varchar column of %s has no character for is refused by key and column, straight and staged',
  async ([collation, good, key, bad], context) => {
    const { capabilities } = targets.server
    const need = collation.endsWith('_UTF8') ? 'utf8' : 'code-pages'
    if (!capabilities.has(need)) return context.skip(`the server lacks ${need}`)
    await using server = await targets.database()
    await server.batch(
      `CREATE TABLE [dbo].[orders] ([code] varchar(20) COLLATE ${collation} NOT NULL PRIMARY KEY, [name] varchar(40) COLLATE ${collation} NULL, [note] varchar(max) COLLATE ${collation} NULL)`,
    )
    const importer = importerOf(server)
    await importer.prepare()
    // The plan is exact, since both columns are of one code page. The journal may still have text from before the source's was.
    const definition = await server.describeTable(orders)
    const plan = importer.plan(definition, definition)
    expect(plan.problems).toEqual([])
    const rows = (values: UnitRow['values']): readonly UnitRow[] => [
      { op: 'upsert', values: { code: 'a', name: good, note: good.repeat(2000) } },
      { op: 'upsert', values: { code: key, ...values } },
    ]
    for (const [values, column] of bad === undefined
      ? []
      : ([
          [{ name: bad }, 'name'],
          [{ note: 'x'.repeat(5000) + bad }, 'note'],
          [{ code: bad }, 'code'],
        ] as const)) {
      const unit = unitOfRows(definition, rows(values), { from: 1n })
      const staged = async () => await importer.apply(unit, plan, optionsOf(undefined, { widest: true }))
      const straight = async () => await importer.loadStraight(unit, plan, optionsOf(undefined))
      if (column === 'code') {
        // A key's later versions have the same character.
        const refused = {
          code: 'invalid-value',
          message: expect.stringMatching(`column code, row with code = ${bad}: the value has a character`),
        }
        await expect(staged()).rejects.toMatchObject(refused)
        await expect(straight()).rejects.toMatchObject(refused)
        continue
      }
      await expect(staged()).rejects.toMatchObject({
        code: 'value-does-not-fit',
        message: `[dbo].[orders], column ${column}: 1 value has a character that the code page of ${collation} lacks, the first in the row code = ${key}`,
      })
      expect(await straight()).toMatchObject({ status: 'declined', reason: 'value' })
      expect(await importer.apply(unit, plan, optionsOf(undefined))).toMatchObject({
        status: 'widen',
        number: undefined,
      })
    }
    expect(await server.query({ text: 'SELECT COUNT(*) AS [n] FROM [dbo].[orders]' })).toEqual([{ n: 0 }])
    const unit = unitOfRows(definition, rows({ name: 'plain' }), { from: 1n })
    expect(await importer.apply(unit, plan, optionsOf(undefined))).toMatchObject({ status: 'applied' })
    const text = 'CONVERT(nvarchar(40), [name])'
    expect(await server.query({ text: `SELECT ${text} AS [name] FROM [dbo].[orders] WHERE [code] = 'a'` })).toEqual([
      { name: good },
    ])
  },
)

test('a version that a later one supersedes may have characters that the code page lacks', async (context) => {
  if (!targets.server.capabilities.has('code-pages')) return context.skip('the server lacks code-pages')
  await using server = await targets.database()
  await server.batch(
    'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [a] varchar(20) COLLATE Latin1_General_CI_AS NULL, [b] char(8) COLLATE Latin1_General_CI_AS NULL, [c] varchar(max) COLLATE Latin1_General_CI_AS NULL, [d] text COLLATE Latin1_General_CI_AS NULL)',
  )
  const importer = importerOf(server)
  await importer.prepare()
  const definition = await server.describeTable(orders)
  const plan = importer.plan(definition, definition)
  expect(plan.problems).toEqual([])
  const good = { a: 'né', b: 'señor   ', c: 'ÿ'.repeat(5000), d: 'café' }
  const rows: readonly UnitRow['values'][] = [
    { id: 1, a: 'Жук', b: 'Ж       ', c: '日'.repeat(5000), d: 'ł' },
    { id: 2, a: 'ok', b: 'Ж       ', c: null, d: null },
    { id: 1, ...good },
    { id: 2, a: 'ok', b: null, c: null, d: 'ok' },
    { id: 3, a: null, b: 'ÿ       ', c: '', d: '' },
  ]
  const unit = unitOfRows(
    definition,
    [...rows.map((values): UnitRow => ({ op: 'upsert', values })), { op: 'delete', values: { id: 4, a: null } }],
    { from: 1n },
  )
  const result = await importer.apply(unit, plan, optionsOf(undefined))
  expect(result).toMatchObject({ status: 'applied', merge: { inserted: 3n } })
  expect(result).not.toHaveProperty('losses')
  const text = (name: string): string => `CONVERT(nvarchar(max), [${name}]) AS [${name}]`
  const query = `SELECT [id], ${['a', 'b', 'c', 'd'].map(text).join(', ')} FROM [dbo].[orders] ORDER BY [id]`
  expect(await server.query({ text: query })).toEqual([{ id: 1, ...good }, ...rows.slice(3)])
  // The newest version counts, and so does the way it comes: staged again it is what it was.
  const again = unitOfRows(
    definition,
    [
      { op: 'upsert', values: { id: 1, ...good, a: 'Ж' } },
      { op: 'upsert', values: { id: 1, ...good } },
      { op: 'upsert', values: { id: 3, a: 'Ж', b: null, c: null, d: 'Ж' } },
    ],
    { from: 7n },
  )
  const position = await importer.position(tableKey)
  expect(await importer.apply(again, plan, optionsOf(position))).toMatchObject({ status: 'widen', attempts: 1 })
  await expect(importer.apply(again, plan, optionsOf(position, { widest: true }))).rejects.toMatchObject({
    code: 'value-does-not-fit',
    context: { column: 'a', rows: 1, sequence: '9' },
    message: expect.stringMatching(/column a: 1 value has a character .* Latin1_General_CI_AS lacks, .* id = 3$/),
  })
  expect(await server.query({ text: query })).toEqual([{ id: 1, ...good }, ...rows.slice(3)])
})

test('text that goes into another code page by declaration is counted where that lacks its characters', async (context) => {
  if (!targets.server.capabilities.has('code-pages')) return context.skip('the server lacks code-pages')
  await using server = await targets.database()
  await server.batch(
    'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [wide] varchar(20) COLLATE Polish_CI_AS NULL, [moved] varchar(20) COLLATE Polish_CI_AS NULL)',
  )
  const importer = importerOf(server)
  await importer.prepare()
  const into = await server.describeTable(orders)
  const types = {
    wide: { type: { name: 'nvarchar', length: 20 }, collation: 'Polish_CI_AS' },
    moved: {
      type: { name: 'varchar', length: 20, collation: 'Latin1_General_CI_AS' },
      collation: 'Latin1_General_CI_AS',
    },
  } as const
  const source = {
    ...into,
    columns: into.columns.map((column) =>
      column.name === 'wide' || column.name === 'moved' ? { ...column, ...types[column.name] } : column,
    ),
  }
  expect(importer.plan(source, into).problems.map(({ code, column }) => [code, column])).toEqual([
    ['narrower-column', 'wide'],
    ['narrower-column', 'moved'],
  ])
  const plan = importer.plan(source, into, { allowLoss: ['wide', 'moved'] })
  const unit = unitOfRows(
    source,
    [
      { id: 1, wide: 'Łódź', moved: 'né' },
      { id: 2, wide: 'Жук', moved: 'señor' },
      { id: 3, wide: '日', moved: null },
    ].map((values) => ({ op: 'upsert', values })),
    { from: 1n },
  )
  expect(await importer.apply(unit, plan, optionsOf(undefined))).toMatchObject({ losses: { wide: 2n, moved: 1n } })
  const text =
    'SELECT CONVERT(nvarchar(20), [wide]) AS [wide], CONVERT(nvarchar(20), [moved]) AS [moved] FROM [dbo].[orders] WHERE [id] = 1'
  expect(await server.query({ text })).toEqual([{ wide: 'Łódź', moved: 'né' }])
})
