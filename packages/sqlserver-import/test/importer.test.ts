import { SqlServerImporter, UpdateInsertMergeStrategy, UpsertMergeStrategy } from '@icebridge/sqlserver-import'
import type { ApplyOptions, ImporterOptions, MergeStrategy } from '@icebridge/sqlserver-import'
import { testTableUuid, unitOfRows } from '@icebridge/sqlserver-import/testing'
import type { UnitRow } from '@icebridge/sqlserver-import/testing'
import type { AppliedPosition, JournalUnit } from '@icebridge/journal'
import type { SqlServer, TableDefinition } from '@icebridge/sqlserver'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TargetServer } from './target-server.ts'

const orders = { schema: 'dbo', name: 'orders' }
const plain = 'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [name] nvarchar(20) NOT NULL)'
const tableKey = 'erp.dbo.orders'

let targets: TargetServer
beforeAll(async () => {
  targets = await TargetServer.open()
})
afterAll(async () => await targets.close())

function importerOf(target: SqlServer, more: Partial<ImporterOptions> = {}): SqlServerImporter {
  const environment = { nowMs: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678), sleep: async () => {} }
  return new SqlServerImporter({ target, environment, ...more })
}

async function prepared(target: SqlServer, ddl = plain): Promise<TableDefinition> {
  await importerOf(target).prepare()
  await target.batch(ddl)
  return await target.describeTable(orders)
}

function rowsOf(...ids: readonly number[]): readonly UnitRow[] {
  return ids.map((id) => ({ op: 'upsert', values: { id, name: `n${id}` } }))
}

function optionsOf(position: AppliedPosition | undefined, more: Partial<ApplyOptions> = {}): ApplyOptions {
  return { tableKey, tableUuid: testTableUuid, position, lakeLocation: '/lake/orders', runId: 'run-1', ...more }
}

async function idsIn(target: SqlServer): Promise<readonly unknown[]> {
  const rows = await target.query({ text: 'SELECT [id] FROM [dbo].[orders] ORDER BY [id]' })
  return rows.map((row) => row['id'])
}

describe('prepare', () => {
  test('creates what is absent, once, however many importers begin at the same time', async () => {
    await using target = await targets.database()
    expect(await importerOf(target).position(tableKey)).toBeUndefined()
    await Promise.all([1, 2, 3].map(async () => await importerOf(target).prepare()))
    await importerOf(target).prepare()
    expect(await importerOf(target).position(tableKey)).toBeUndefined()
    expect(await target.query({ text: 'SELECT COUNT(*) AS [n] FROM [icebridge].[applied]' })).toEqual([{ n: 0 }])
  })
})

describe('createTarget', () => {
  const ddl =
    'CREATE TABLE [dbo].[orders] ([id] int IDENTITY(5, 2) NOT NULL, [line] smallint NOT NULL, [note] nvarchar(max) NULL, ' +
    '[price] decimal(38, 10) NULL, [at] datetime2(7) NULL, [rv] rowversion NOT NULL, CONSTRAINT [pk_orders] PRIMARY KEY ([id], [line] DESC))'

  test('makes the table that the definition describes', async () => {
    await using source = await targets.database()
    await using target = await targets.database()
    await source.batch(ddl)
    const definition = await source.describeTable(orders)
    await importerOf(target).createTarget(definition, { schema: 'copy of', name: 'orders' })
    const created = await target.describeTable({ schema: 'copy of', name: 'orders' })
    const shape = (table: TableDefinition) =>
      table.columns.map(({ name, type, nullable, collation, identity }) => ({
        name,
        type,
        nullable,
        collation,
        identity,
      }))
    expect(shape(created)).toEqual(
      shape(definition).map((column) =>
        column.name === 'rv' ? { ...column, type: { name: 'binary', length: 8 } } : column,
      ),
    )
    expect(created.keys).toEqual(definition.keys)
    expect(importerOf(target).plan(definition, created).problems).toEqual([])
  })

  test('refuses a name that is taken, and leaves everything as it was', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importer = importerOf(target)
    await expect(importer.createTarget(definition, orders)).rejects.toMatchObject({ code: 'target-exists' })
    expect(await target.describeTable(orders)).toEqual(definition)
  })

  test('forgets the position that an earlier target left', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importer = importerOf(target)
    const unit = unitOfRows(definition, rowsOf(1), { from: 1n })
    await importer.apply(unit, importer.plan(definition, definition), optionsOf(undefined))
    await target.batch('DROP TABLE [dbo].[orders]')
    await importer.createTarget(definition, orders, { tableKey })
    expect(await importer.position(tableKey)).toBeUndefined()
  })
})

describe.each([
  ['upsert-merge', () => new UpsertMergeStrategy()],
  ['update-insert', () => new UpdateInsertMergeStrategy()],
])('apply with %s', (_, strategy) => {
  test('commits rows and position together, unit after unit', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importer = importerOf(target, { strategy: strategy() })
    const plan = importer.plan(definition, definition)
    const first = unitOfRows(definition, rowsOf(1, 2, 3), { from: 1n, snapshotId: 77n, rowsPerBatch: 2 })
    const staged: number[] = []
    const one = await importer.apply(first, plan, optionsOf(undefined, { onProgress: (rows) => staged.push(rows) }))
    const position = { tableUuid: testTableUuid, snapshotId: 77n, sequence: 3n }
    expect(one).toEqual({
      status: 'applied',
      merge: { inserted: 3n, updated: 0n, deleted: 0n, unchanged: 0n },
      removed: 0n,
      rows: 3n,
      position,
      attempts: 1,
    })
    expect(staged).toEqual([2, 3])
    expect(await importer.position(tableKey)).toEqual(position)
    const second = unitOfRows(definition, rowsOf(3, 4), { from: 4n, snapshotId: 9_007_199_254_740_993n })
    expect(await importer.apply(second, plan, optionsOf(position))).toMatchObject({
      merge: { inserted: 1n, unchanged: 1n },
      position: { snapshotId: 9_007_199_254_740_993n, sequence: 5n },
    })
    expect(await idsIn(target)).toEqual([1, 2, 3, 4])
    const [row] = await target.query({
      text: 'SELECT [run_id], [target_table], [lake_location], [updated_at] FROM [icebridge].[applied]',
    })
    expect(row).toEqual({
      run_id: 'run-1',
      target_table: '[dbo].[orders]',
      lake_location: '/lake/orders',
      updated_at: '2026-01-02T03:04:05.6780000',
    })
  })

  test('leaves table and position as they were when a statement in the middle fails', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importer = importerOf(target, { strategy: strategy() })
    const plan = importer.plan(definition, definition)
    const first = await importer.apply(unitOfRows(definition, rowsOf(1, 2), { from: 1n }), plan, optionsOf(undefined))
    if (first.status !== 'applied') throw new Error(first.status)
    const failing: MergeStrategy = {
      name: 'failing',
      statement: (context) =>
        `${strategy().statement(context)}\nINSERT INTO ${context.target} ([id], [name]) VALUES (99, NULL);`,
    }
    const rows: readonly UnitRow[] = [...rowsOf(3), { op: 'delete', values: { id: 1 } }]
    const attempt = importerOf(target, { strategy: failing }).apply(
      unitOfRows(definition, rows, { from: 3n }),
      plan,
      optionsOf(first.position, { widest: true }),
    )
    // No row is named: the statement fails whatever the rows are.
    await expect(attempt).rejects.toMatchObject({
      code: 'row-refused',
      context: { number: 515 },
      message: expect.stringMatching(/^\[dbo\]\.\[orders\], column name: error 515: /),
    })
    expect(await idsIn(target)).toEqual([1, 2])
    expect(await importer.position(tableKey)).toEqual(first.position)
  })
})

describe('apply', () => {
  test('moves only the position for a unit without rows', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importer = importerOf(target)
    const plan = importer.plan(definition, definition)
    const first = await importer.apply(unitOfRows(definition, rowsOf(1), { from: 1n }), plan, optionsOf(undefined))
    if (first.status !== 'applied') throw new Error(first.status)
    const empty = unitOfRows(definition, [], { from: 2n, snapshotId: 5n })
    expect(await importer.apply(empty, plan, optionsOf(first.position))).toEqual({
      status: 'applied',
      merge: { inserted: 0n, updated: 0n, deleted: 0n, unchanged: 0n },
      removed: 0n,
      rows: 0n,
      position: { ...first.position, snapshotId: 5n },
      attempts: 1,
    })
    expect(await importer.apply(empty, plan, optionsOf(first.position))).toMatchObject({ status: 'alreadyApplied' })
  })

  test('takes the newest version although the rows do not come in order', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importer = importerOf(target)
    const rows: readonly UnitRow[] = ['old', 'newest'].map((name) => ({ op: 'upsert', values: { id: 1, name } }))
    const inOrder = unitOfRows(definition, rows, { from: 1n, rowsPerBatch: 1 })
    const reversed: JournalUnit = {
      ...inOrder,
      batches: {
        async *[Symbol.asyncIterator]() {
          const batches = []
          for await (const batch of inOrder.batches) batches.push(batch)
          yield* batches.reverse()
        },
      },
    }
    await importer.apply(reversed, importer.plan(definition, definition), optionsOf(undefined))
    expect(await target.query({ text: 'SELECT [name] FROM [dbo].[orders]' })).toEqual([{ name: 'newest' }])
  })

  test('widens numbers on the way into a larger target type', async () => {
    await using target = await targets.database()
    const source = await prepared(
      target,
      'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [n] smallint NULL, [p] decimal(10, 2) NULL, [r] real NULL)',
    )
    await target.batch(
      'CREATE TABLE [dbo].[wide] ([id] bigint NOT NULL PRIMARY KEY, [n] int NULL, [p] decimal(20, 4) NULL, [r] float NULL)',
    )
    const importer = importerOf(target)
    const plan = importer.plan(source, await target.describeTable({ schema: 'dbo', name: 'wide' }))
    expect(plan.problems).toEqual([])
    const rows: readonly UnitRow[] = [{ op: 'insert', values: { id: 7, n: -3, p: 12345n, r: 1.5 } }]
    await importer.apply(unitOfRows(source, rows, { from: 1n }), plan, optionsOf(undefined))
    expect(
      await target.query({ text: 'SELECT [id], [n], CONVERT(nvarchar(41), [p]) AS [p], [r] FROM [dbo].[wide]' }),
    ).toEqual([{ id: 7n, n: -3, p: '123.4500', r: 1.5 }])
  })

  test('tables of a schema that is not there yet are created side by side', async () => {
    await using target = await targets.database()
    const source = await prepared(target)
    const importer = importerOf(target)
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => importer.createTarget(source, { schema: 'fresh', name })))
    for (const name of ['a', 'b', 'c', 'd']) {
      expect((await target.describeTable({ schema: 'fresh', name })).keys.map((key) => key.name)).toEqual([
        `PK_${name}`,
      ])
    }
  })

  test('refuses a narrower target before anything is written', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    await target.batch('CREATE TABLE [dbo].[narrow] ([id] int NOT NULL PRIMARY KEY, [name] nvarchar(5) NOT NULL)')
    const importer = importerOf(target)
    const plan = importer.plan(definition, await target.describeTable({ schema: 'dbo', name: 'narrow' }))
    let read = false
    const unit: JournalUnit = {
      ...unitOfRows(definition, rowsOf(1), { from: 1n }),
      batches: {
        [Symbol.asyncIterator]: () => {
          read = true
          throw new Error('the unit was read')
        },
      },
    }
    await expect(importer.apply(unit, plan, optionsOf(undefined))).rejects.toMatchObject({
      code: 'plan',
      hint: 'Make the target column nvarchar(20), or name it in allowLoss.',
    })
    expect(read).toBe(false)
    expect(await importer.position(tableKey)).toBeUndefined()
  })

  test('asks for a wider unit when a unique index refuses it, and changes nothing', async () => {
    await using target = await targets.database()
    const definition = await prepared(target, `${plain}; CREATE UNIQUE INDEX [ux_name] ON [dbo].[orders] ([name])`)
    const importer = importerOf(target)
    const plan = importer.plan(definition, definition)
    expect(plan.cutAnywhere).toBe(false)
    const first = await importer.apply(unitOfRows(definition, rowsOf(1), { from: 1n }), plan, optionsOf(undefined))
    if (first.status !== 'applied') throw new Error(first.status)
    const taken: readonly UnitRow[] = [{ op: 'insert', values: { id: 2, name: 'n1' } }]
    expect(
      await importer.apply(unitOfRows(definition, taken, { from: 2n }), plan, optionsOf(first.position)),
    ).toMatchObject({
      status: 'widen',
      number: 2601,
    })
    expect(await importer.position(tableKey)).toEqual(first.position)
    const wide: readonly UnitRow[] = [...taken, { op: 'delete', values: { id: 1 } }]
    expect(
      await importer.apply(unitOfRows(definition, wide, { from: 2n }), plan, optionsOf(first.position)),
    ).toMatchObject({
      status: 'applied',
      merge: { inserted: 1n, deleted: 1n },
    })
  })

  test('stops when the target was dropped and made again', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importer = importerOf(target)
    const plan = importer.plan(definition, definition)
    const first = await importer.apply(unitOfRows(definition, rowsOf(1), { from: 1n }), plan, optionsOf(undefined))
    if (first.status !== 'applied') throw new Error(first.status)
    await target.batch('DROP TABLE [dbo].[orders]')
    await target.batch(plain)
    const next = unitOfRows(definition, rowsOf(2), { from: 2n })
    await expect(importer.apply(next, plan, optionsOf(first.position))).rejects.toMatchObject({
      code: 'target-replaced',
    })
    expect(await idsIn(target)).toEqual([])
  })

  test('stops at a position of another lake table', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importer = importerOf(target)
    const position = { tableUuid: '00000000-0000-4000-8000-000000000000', snapshotId: 1n, sequence: 0n }
    const unit = unitOfRows(definition, rowsOf(1), { from: 1n })
    await expect(
      importer.apply(unit, importer.plan(definition, definition), optionsOf(position)),
    ).rejects.toMatchObject({
      code: 'foreign-lake',
    })
  })

  test('stops at a position that a newer version wrote', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importer = importerOf(target)
    const plan = importer.plan(definition, definition)
    const first = await importer.apply(unitOfRows(definition, rowsOf(1), { from: 1n }), plan, optionsOf(undefined))
    if (first.status !== 'applied') throw new Error(first.status)
    await target.batch('UPDATE [icebridge].[applied] SET [version] = 2')
    await expect(importer.position(tableKey)).rejects.toMatchObject({ code: 'newer-version' })
    const next = unitOfRows(definition, rowsOf(2), { from: 2n })
    await expect(importer.apply(next, plan, optionsOf(first.position))).rejects.toMatchObject({ code: 'newer-version' })
    expect(await idsIn(target)).toEqual([1])
  })
})

describe('a unit that is not what it says', () => {
  test.each([
    ['refuses a unit that has fewer rows than it promised', { rows: 3 }],
    ['refuses a unit that has more rows than it promised', { rows: 1 }],
    ['refuses a unit whose rows are numbered past its end', { sequence: { from: 1n, to: 1n } }],
  ])('%s', async (_, wrong) => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importer = importerOf(target)
    const unit: JournalUnit = { ...unitOfRows(definition, rowsOf(1, 2), { from: 1n }), ...wrong }
    const attempt = importer.apply(unit, importer.plan(definition, definition), optionsOf(undefined))
    await expect(attempt).rejects.toMatchObject({ code: 'malformed-unit' })
    expect(await idsIn(target)).toEqual([])
    expect(await importer.position(tableKey)).toBeUndefined()
  })

  test('refuses a sequence number that stands twice', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importer = importerOf(target)
    const one = unitOfRows(definition, rowsOf(1), { from: 1n })
    const unit: JournalUnit = {
      ...one,
      rows: 2,
      batches: {
        async *[Symbol.asyncIterator]() {
          yield* one.batches
          yield* one.batches
        },
      },
    }
    await expect(
      importer.apply(unit, importer.plan(definition, definition), optionsOf(undefined)),
    ).rejects.toMatchObject({
      code: 'malformed-unit',
    })
    expect(await idsIn(target)).toEqual([])
  })

  test('refuses a unit without a column that the plan writes', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const narrower = { ...definition, columns: definition.columns.slice(0, 1) }
    const importer = importerOf(target)
    const unit = unitOfRows(narrower, [{ op: 'upsert', values: { id: 1 } }], { from: 1n })
    await expect(importer.apply(unit, importer.plan(definition, definition), optionsOf(undefined))).rejects.toThrow(
      "the journal's rows have no column name",
    )
  })

  test('narrows values as declared, says how many lost something, and refuses those that do not fit by their key', async () => {
    await using target = await targets.database()
    await target.batch(
      'CREATE TABLE [dbo].[wide] ([id] int NOT NULL PRIMARY KEY, [d] decimal(18,2) NULL, [t] datetime2(7) NULL, [n] nvarchar(20) NULL, [b] bigint NULL, [v] varbinary(10) NULL)',
    )
    const source = await target.describeTable({ schema: 'dbo', name: 'wide' })
    const into = await prepared(
      target,
      'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [d] decimal(10,1) NULL, [t] datetime2(3) NULL, [n] varchar(4) COLLATE Latin1_General_CI_AS NULL, [b] int NULL, [v] varbinary(2) NULL)',
    )
    const plan = importerOf(target).plan(source, into, { allowLoss: ['d', 't', 'n', 'b', 'v'] })
    expect(plan.problems).toEqual([])
    const exact = { d: 120n, t: 1_000_000n, _sync_ns100_t: 0, n: 'ab ', b: 7n, v: Uint8Array.of(1, 0) }
    const apply = async (rows: readonly UnitRow['values'][], position?: AppliedPosition) =>
      await importerOf(target).apply(
        unitOfRows(
          source,
          rows.map((values) => ({ op: 'upsert', values })),
          { from: (position?.sequence ?? 0n) + 1n },
        ),
        plan,
        optionsOf(position, { widest: true }),
      )

    const first = await apply([
      { id: 1, ...exact },
      { id: 2, d: null },
    ])
    expect(first).toMatchObject({ status: 'applied', merge: { inserted: 2n } })
    expect(first).not.toHaveProperty('losses')
    const { position } = first as { position: AppliedPosition }

    for (const [column, value] of [
      ['d', 100_000_000_000n],
      ['n', 'abcde'],
      ['b', 2_147_483_648n],
      ['v', Uint8Array.of(1, 2, 3)],
    ] as const) {
      await expect(
        apply(
          [
            { id: 3, ...exact },
            { id: 4, ...exact, [column]: value },
          ],
          position,
        ),
      ).rejects.toMatchObject({
        code: 'value-does-not-fit',
        message: expect.stringMatching(new RegExp(`column ${column}: 1 value does .* id = 4$`)),
      })
    }
    expect(await idsIn(target)).toEqual([1, 2])

    const lossy = await apply(
      [
        { id: 3, ...exact, d: 125n },
        { id: 4, ...exact, n: 'Ж', _sync_ns100_t: 9 },
      ],
      position,
    )
    expect(lossy).toMatchObject({ status: 'applied', losses: { d: 1n, t: 1n, n: 1n } })
    const [row] = await target.query({ text: 'SELECT [d], [n] FROM [dbo].[orders] WHERE [id] = 4' })
    expect(row).toEqual({ d: '1.2', n: '?' })
  })

  test('lets no text of a damaged sql_variant declaration into a statement', async () => {
    await using target = await targets.database()
    const definition = await prepared(
      target,
      'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [v] sql_variant NULL)',
    )
    const plan = importerOf(target).plan(definition, definition)
    for (const base of [
      "int'); DROP TABLE [dbo].[orders]; --",
      'varchar(10)',
      'decimal(10,2) COLLATE x',
      'xml',
      'text',
    ]) {
      const unit = unitOfRows(definition, [{ op: 'upsert', values: { id: 1, v: '1', _sync_variant_v: base } }], {
        from: 1n,
      })
      await expect(importerOf(target).apply(unit, plan, optionsOf(undefined))).rejects.toMatchObject({
        code: 'malformed-unit',
        context: { base },
      })
    }
    expect(await idsIn(target)).toEqual([])
  })

  test('passes on what the journal throws, and leaves nothing', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importer = importerOf(target)
    const good = unitOfRows(definition, rowsOf(1), { from: 1n })
    const unit: JournalUnit = {
      ...good,
      rows: 2,
      batches: {
        async *[Symbol.asyncIterator]() {
          yield* good.batches
          throw new RangeError('a damaged file')
        },
      },
    }
    await expect(importer.apply(unit, importer.plan(definition, definition), optionsOf(undefined))).rejects.toThrow(
      'a damaged file',
    )
    expect(await importer.position(tableKey)).toBeUndefined()
  })
})

describe('two importers of one table', () => {
  test('lets one of two importers apply a unit', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importers = [importerOf(target), importerOf(target)]
    const results = await Promise.all(
      importers.map(
        async (importer) =>
          await importer.apply(
            unitOfRows(definition, rowsOf(1, 2, 3), { from: 1n }),
            importer.plan(definition, definition),
            optionsOf(undefined),
          ),
      ),
    )
    expect(results.map((result) => result.status).toSorted()).toEqual(['alreadyApplied', 'applied'])
    expect(await idsIn(target)).toEqual([1, 2, 3])
  })

  test('answers conflict to the importer whose position is gone', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    const importer = importerOf(target)
    const plan = importer.plan(definition, definition)
    const short = await importer.apply(unitOfRows(definition, rowsOf(1), { from: 1n }), plan, optionsOf(undefined))
    if (short.status !== 'applied') throw new Error(short.status)
    const long = unitOfRows(definition, rowsOf(1, 2, 3), { from: 1n })
    expect(await importer.apply(long, plan, optionsOf(undefined))).toMatchObject({
      status: 'conflict',
      position: short.position,
    })
    expect(await idsIn(target)).toEqual([1])
  })

  test('gives up with `locked` when another session keeps the lock', async () => {
    await using target = await targets.database()
    const definition = await prepared(target)
    await using other = await target.connection()
    await other.batch(
      `BEGIN TRANSACTION; EXEC sys.sp_getapplock @Resource = N'icebridge:${tableKey}', @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = 0;`,
    )
    const importer = importerOf(target, { lockTimeoutMs: 50, attempts: 2 })
    const unit = unitOfRows(definition, rowsOf(1), { from: 1n })
    const plan = importer.plan(definition, definition)
    await expect(importer.apply(unit, plan, optionsOf(undefined))).rejects.toMatchObject({
      code: 'locked',
      retryable: true,
    })
    await other.batch('ROLLBACK TRANSACTION')
    expect(await importer.apply(unit, plan, optionsOf(undefined))).toMatchObject({ status: 'applied', attempts: 1 })
  })
})
