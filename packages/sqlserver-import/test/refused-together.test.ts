import { UpdateInsertMergeStrategy, UpsertMergeStrategy } from '@icebridge/sqlserver-import'
import type { Target } from '@icebridge/sqlserver-import'
import { SqlServerError } from '@icebridge/sqlserver'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FaultyTarget } from './faulty-target.ts'
import { OrdersTarget, upsert } from './orders-target.ts'
import { TargetServer } from './target-server.ts'

let targets: TargetServer
beforeAll(async () => {
  targets = await TargetServer.open()
})
afterAll(async () => await targets.close())

function refused(message: string, context: Readonly<Record<string, unknown>> = {}): object {
  return {
    code: 'row-refused',
    message: expect.stringContaining(`[dbo].[orders], ${message}`),
    context: expect.objectContaining(context),
  }
}

/** The server, asked something else in the place of some batches; `calls` are those that it was to be asked. */
function askedInstead(
  server: Parameters<typeof OrdersTarget.make>[0],
  calls: string[],
  instead: (sql: string) => string,
): Target {
  return {
    query: async (sql, options) => await server.query(sql, options),
    batch: async (sql, options) => await server.batch(sql, options),
    connection: async (options) => {
      const connection = await server.connection(options)
      return {
        batch: async (sql, more) => {
          calls.push(sql)
          return await connection.batch(instead(sql), more)
        },
        bulkLoad: async (target, batches, more) => await connection.bulkLoad(target, batches, more),
        close: async () => await connection.close(),
        destroy: () => connection.destroy(),
      }
    },
  }
}

describe.each([
  ['upsert-merge', () => new UpsertMergeStrategy()],
  ['update-insert', () => new UpdateInsertMergeStrategy()],
])('with %s', (_, strategy) => {
  test('a row that a filtered unique index refuses is named with the one that it cannot stand beside', async () => {
    await using server = await targets.database()
    const orders = await OrdersTarget.make(
      server,
      `CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [code] int NULL, [active] bit NOT NULL, [it's] varchar(5) NULL);
       CREATE UNIQUE INDEX [ux] ON [dbo].[orders] ([code]) WHERE [active] = 1 AND [it's] IN ('a', 'it''s')`,
      { strategy: strategy() },
    )
    const row = (id: number, code: number, active: boolean, its: string | null = 'A') =>
      upsert({ id, code, active, "it's": its })
    const before = [row(1, 1, true), row(2, 2, true), row(3, 1, false), row(4, 1, true, null)]
    await orders.apply(before)
    // 5 and 6 are outside of the index.
    const outside = [row(5, 2, false), row(6, 2, true, 'other')]
    await expect(orders.apply([...outside, row(7, 2, true)])).rejects.toMatchObject(
      refused("column code, row with id = 7 beside the target's row with id = 2: error 2601: ", { sequence: '7' }),
    )
    // 1 leaves the index, and 7 takes its value; 8 and 9 have one value.
    await expect(
      orders.apply([
        row(7, 1, true),
        row(1, 1, false),
        row(8, 8, true),
        ...outside,
        row(9, 8, true, "IT'S"),
        row(10, 8, true, "it's"),
        row(11, 9, true, "it's"),
      ]),
    ).rejects.toMatchObject(refused('column code, row with id = 8 beside the row with id = 9: error 2601: '))
    // 3 comes into the index.
    await expect(orders.apply([...outside, row(3, 1, true)])).rejects.toMatchObject(
      refused("column code, row with id = 3 beside the target's row with id = 1: error 2601: "),
    )
    expect(await orders.rows('[id], [code], [active]')).toEqual(
      before.map(({ values: { id, code, active } }) => ({ id, code, active })),
    )
  })

  test('a filter may name a column that is not written: a row keeps its value, and a new one has the default', async () => {
    await using server = await targets.database()
    const orders = await OrdersTarget.make(
      server,
      `CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [code] int NULL, [gone] bit NOT NULL DEFAULT (0), [kind] int NULL);
       CREATE UNIQUE INDEX [ux] ON [dbo].[orders] ([code], [kind]) WHERE [gone] = 0`,
      { strategy: strategy(), unwritten: ['gone', 'kind'] },
    )
    await orders.apply([upsert({ id: 1, code: 1 }), upsert({ id: 2, code: 2 }), upsert({ id: 3, code: 3 })])
    await server.batch(
      'UPDATE [dbo].[orders] SET [gone] = 1 WHERE [id] = 1; UPDATE [dbo].[orders] SET [kind] = 7 WHERE [id] = 2',
    )
    await expect(
      orders.apply([
        upsert({ id: 1, code: 3 }),
        upsert({ id: 4, code: 1 }),
        upsert({ id: 5, code: 2 }),
        upsert({ id: 6, code: 3 }),
      ]),
    ).rejects.toMatchObject(
      refused("columns code, kind, row with id = 6 beside the target's row with id = 3: error 2601: "),
    )
    await expect(
      orders.apply([
        upsert({ id: 1, code: 8 }),
        upsert({ id: 2, code: 8 }),
        upsert({ id: 4, code: 8 }),
        upsert({ id: 5, code: 8 }),
      ]),
    ).rejects.toMatchObject(refused('columns code, kind, row with id = 4 beside the row with id = 5: error 2601: '))
  })

  test('a unique index that refuses a row at the end of a reload: what the reload takes away is no conflict', async () => {
    await using server = await targets.database()
    const orders = await OrdersTarget.make(
      server,
      'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [code] int NULL CONSTRAINT [uq] UNIQUE)',
      { strategy: strategy() },
    )
    const before = [1, 2, 3, 4].map((id) => ({ id, code: id }))
    await orders.apply(before.map(upsert))
    const reload = [1, 2, 3, 5].map((id) => upsert({ id }))
    // 4 goes, and 5 takes its value; 1 keeps the one that 3 is to have.
    await expect(
      orders.apply([upsert({ id: 5, code: 4 }), upsert({ id: 3, code: 1 })], { reload }),
    ).rejects.toMatchObject(refused("column code, row with id = 3 beside the target's row with id = 1: error 2627: "))
    await expect(
      orders.apply([upsert({ id: 5, code: 4 }), upsert({ id: 3, code: 4 })], { reload }),
    ).rejects.toMatchObject(refused('column code, row with id = 5 beside the row with id = 3: error 2627: '))
    expect(await orders.rows('[id], [code]')).toEqual(before)
    expect(await orders.apply([upsert({ id: 5, code: 4 }), upsert({ id: 3, code: 3 })], { reload })).toMatchObject({
      status: 'applied',
      removed: 1n,
    })
  })
})

test('the parent that the end of a reload takes away is no parent', async () => {
  await using server = await targets.database()
  const orders = await OrdersTarget.make(
    server,
    'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [boss] int NULL CONSTRAINT [fk] REFERENCES [dbo].[orders] ([id]))',
  )
  await orders.apply([1, 2, 3].map((id) => upsert({ id, boss: null })))
  const reload = [1, 3].map((id) => upsert({ id }))
  await expect(
    orders.apply([upsert({ id: 1, boss: 3 }), upsert({ id: 3, boss: 2 })], { reload }),
  ).rejects.toMatchObject(refused('column boss, row with id = 3: error 547: '))
})

test('what the end of a reload takes away, and another table refers to, is not looked for among its rows', async () => {
  await using server = await targets.database()
  const orders = await OrdersTarget.make(
    server,
    `CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY);
     CREATE TABLE [dbo].[lines] ([id] int NOT NULL PRIMARY KEY, [order] int NULL CONSTRAINT [fk_order] REFERENCES [dbo].[orders] ([id]))`,
  )
  await orders.apply([1, 2, 3].map((id) => upsert({ id })))
  await server.batch('INSERT INTO [dbo].[lines] VALUES (10, 2)')
  const hint = expect.stringMatching(/No row is named: the unit (is refused without any of its rows|has none)/)
  const reload = [1, 3, 4].map((id) => upsert({ id }))
  await expect(orders.apply([upsert({ id: 4 })], { reload })).rejects.toMatchObject({ code: 'row-refused', hint })
  await expect(orders.apply([], { reload })).rejects.toMatchObject({ code: 'row-refused', hint })
})

test.each([
  ['a default that is more than a constant', 'DEFAULT (ABS(1))', 'WHERE [flag] = 1'],
  ['a value that the server makes', 'IDENTITY', 'WHERE [flag] > 0'],
])('a filter on %s is not guessed at: no row is named, and why', async (_, flag, filter) => {
  await using server = await targets.database()
  const orders = await OrdersTarget.make(
    server,
    `CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [code] int NULL, [flag] int NOT NULL ${flag});
     CREATE UNIQUE INDEX [ux] ON [dbo].[orders] ([code]) ${filter}`,
    { unwritten: ['flag'] },
  )
  await orders.apply([upsert({ id: 1, code: 1 })])
  await expect(orders.apply([upsert({ id: 2, code: 1 })])).rejects.toMatchObject({
    ...refused('column code: error 2601: '),
    hint: expect.stringContaining('No row is named: the constraint has a column or a condition'),
  })
  expect(await orders.rows('[id]')).toEqual([{ id: 1 }])
})

test('a check is asked of each row with the values that it will have', async () => {
  await using server = await targets.database()
  const calls: string[] = []
  const orders = await OrdersTarget.make(
    server,
    `CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [n] int NULL, [m] int NOT NULL DEFAULT (5), CONSTRAINT [ck] CHECK ([n] < [m] OR [n] = 100))`,
    { unwritten: ['m'], target: askedInstead(server, calls, (sql) => sql) },
  )
  await orders.apply([upsert({ id: 1, n: 1 }), upsert({ id: 2, n: 1 })])
  await server.batch('UPDATE [dbo].[orders] SET [m] = 9 WHERE [id] = 2')
  const rows = [
    { id: 2, n: 8 },
    { id: 3, n: null },
    { id: 4, n: 100 },
    { id: 5, n: 5 },
    { id: 6, n: 7 },
  ]
  await expect(orders.apply(rows.map(upsert))).rejects.toMatchObject(refused('column n, row with id = 5: error 547: '))
  // It takes no merge to find it.
  expect(calls.filter((text) => text.includes('MERGE '))).toHaveLength(2)
})

test('a row that broke a check before there was one is not written, and not taken for the refused one', async () => {
  await using server = await targets.database()
  const target = askedInstead(server, [], (sql) => sql.replace('k.[definition]', "N'([n]<>(13) AND [n]<>(1))'"))
  const orders = await OrdersTarget.make(
    server,
    `CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [n] int NULL CONSTRAINT [ck] CHECK ([n] <> 13))`,
    { target },
  )
  await orders.apply([upsert({ id: 1, n: 1 })])
  await expect(orders.apply([upsert({ id: 1, n: 1 }), upsert({ id: 2, n: 13 })])).rejects.toMatchObject(
    refused('column n, row with id = 2: error 547: '),
  )
})

test('a check that the server cannot answer for the stage is found by merging', async () => {
  await using server = await targets.database()
  const target = askedInstead(server, [], (sql) => sql.replace('k.[definition]', "N'([n]<>''x'')'"))
  const orders = await OrdersTarget.make(
    server,
    `CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [n] int NULL CONSTRAINT [ck] CHECK ([n] <> 13))`,
    { target },
  )
  await expect(orders.apply([upsert({ id: 1, n: 1 }), upsert({ id: 2, n: 13 })])).rejects.toMatchObject(
    refused('column n, row with id = 2: error 547: '),
  )
})

/** A target that refuses whatever has both rows. Its probes say in their DELETE statements what they merge. */
function refusingTogether(server: ConstructorParameters<typeof FaultyTarget>[0], first: bigint, second: bigint) {
  return new FaultyTarget(server, ({ verb, text }) => {
    if (verb !== 'batch') return 'pass'
    const ranges = [...text.matchAll(/\[seq\] < CONVERT\(bigint, '(\d+)'\) OR \[seq\] > CONVERT\(bigint, '(\d+)'\)/g)]
    const [, from, to] = ranges.at(-1) ?? []
    const merges =
      from === undefined ? text.includes('COMMIT TRANSACTION') : BigInt(from) <= first && BigInt(to ?? 0) >= second
    if (!merges) return 'pass'
    return new SqlServerError('statement', 'error 50001: together', { context: { number: 50_001 } })
  })
}

test.each([
  [3n, 900n, '898 rows together, from the one with id = 3 to the one with id = 900'],
  [500n, 501n, '2 rows together, from the one with id = 500 to the one with id = 501'],
  [1n, 1000n, '1000 rows together, from the one with id = 1 to the one with id = 1000'],
])('rows %i and %i, refused only together, are the ends of the range that is told', async (first, second, message) => {
  await using server = await targets.database()
  const target = refusingTogether(server, first, second)
  const orders = await OrdersTarget.make(server, 'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY)', {
    target,
  })
  const rows = Array.from({ length: 1000 }, (_, index) => upsert({ id: index + 1 }))
  await expect(orders.apply(rows)).rejects.toMatchObject({
    ...refused(`${message}: error 50001: together`, {
      fromSequence: String(first),
      toSequence: String(second),
      rows: Number(second - first) + 1,
    }),
    hint: expect.stringContaining('No single row of the unit is refused by itself'),
  })
  expect(
    target.calls.filter(
      ({ text }) => text.includes('ROLLBACK TRANSACTION;\n') || text.endsWith('ROLLBACK TRANSACTION;'),
    ).length,
  ).toBeLessThan(60)
  expect(await orders.rows('[id]')).toEqual([])
})

const trigger =
  'CREATE TRIGGER [dbo].[seen] ON [dbo].[orders] AFTER INSERT, UPDATE AS INSERT INTO [dbo].[runs] SELECT COUNT(*) FROM inserted'

test.each([
  '([active]=(1)) OR 1=1--',
  '([active]=(1))) OR ((1)=(1)',
  '([active]=(SELECT MAX([id]) FROM [dbo].[orders]))',
  '([dbo].[f]([active])=(1))',
  '([active]=(1)); DROP TABLE [dbo].[orders]',
  '([active]=@x)',
  '/* */ ([active]=(1))',
  '',
])('the text %j gets from no definition into a statement', async (filter) => {
  await using server = await targets.database()
  const calls: string[] = []
  const target = askedInstead(server, calls, (sql) =>
    sql.replace('x.[filter_definition]', `N'${filter.replaceAll("'", "''")}'`),
  )
  const orders = await OrdersTarget.make(
    server,
    `CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [active] bit NOT NULL, [code] int NULL);
     CREATE UNIQUE INDEX [ux] ON [dbo].[orders] ([code]) WHERE [active] = 1`,
    { target },
  )
  await expect(orders.apply([1, 2].map((id) => upsert({ id, active: true, code: 1 })))).rejects.toMatchObject({
    ...refused('column code: error 2601: '),
    hint: expect.stringContaining('No row is named: the constraint has a column or a condition'),
  })
  expect(calls.filter((sql) => sql.includes('INTERSECT') || sql.includes('LEAD'))).toEqual([])
})

test('no row is looked for by merging where that would run triggers; a check is asked for all the same', async () => {
  await using server = await targets.database()
  const calls: string[] = []
  // The sandbox has no triggers.
  const told = (sql: string): string =>
    sql.includes('sys.triggers') ? "SELECT OBJECT_ID(N'[dbo].[orders]') AS [table];" : sql
  const target = askedInstead(server, calls, targets.server.kind === 'sandbox' ? told : (sql) => sql)
  const orders = await OrdersTarget.make(
    server,
    `CREATE TABLE [dbo].[runs] ([rows] int NOT NULL);
     CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [n] int NULL CONSTRAINT [ck_n] CHECK ([n] <> 13), [name] nvarchar(20) NULL CONSTRAINT [ck_name] CHECK (LEN([name]) < 5))`,
    { target },
  )
  if (targets.server.kind !== 'sandbox') await server.batch(trigger)
  const rows = [1, 2, 3].map((id) => ({ id, n: id, name: 'abc' }))
  await expect(orders.apply([...rows, { id: 4, n: 13, name: 'abc' }].map(upsert))).rejects.toMatchObject(
    refused('column n, row with id = 4: error 547: '),
  )
  await expect(orders.apply([...rows, { id: 4, n: 4, name: 'abcdef' }].map(upsert))).rejects.toMatchObject({
    ...refused('column name: error 547: '),
    hint: expect.stringContaining('No row is named: the target has triggers'),
  })
  // Each unit merged once, and nothing else.
  expect(calls.filter((text) => text.includes('MERGE '))).toHaveLength(2)
  expect(await orders.rows('[id]')).toEqual([])
})
