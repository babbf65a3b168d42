import type { ColumnField } from '@icebridge/columnar'
import { formatSqlType, SqlServer, type BulkColumn, type BulkTarget, type SqlType } from '@icebridge/sqlserver'
import { FaultPlan, startSandbox, type Sandbox } from '@icebridge/sqlserver-sandbox'
import type { RecordBatch } from 'apache-arrow'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { batchOf, Fixture, once } from './fixture.ts'

let fixture: Fixture
let database: SqlServer
let made = 0

beforeAll(async () => {
  fixture = await Fixture.open()
  database = await fixture.database()
})
afterAll(async () => {
  await fixture.close()
})

const fields: readonly ColumnField[] = [
  { name: 'id', type: { kind: 'int32' }, nullable: true },
  { name: 's', type: { kind: 'string' }, nullable: true },
]

interface Loaded {
  readonly target: BulkTarget
  count(): Promise<unknown>
}

/** A table of (id int NOT NULL PRIMARY KEY, s nvarchar(5) NULL). */
async function table(): Promise<Loaded> {
  made += 1
  const name = `[dbo].[load_${made}]`
  await database.batch(`CREATE TABLE ${name} ([id] int NOT NULL PRIMARY KEY, [s] nvarchar(5) NULL)`)
  return {
    target: {
      table: name,
      columns: [
        { name: 'id', type: { name: 'int' }, nullable: false, from: { value: 'id' } },
        { name: 's', type: { name: 'nvarchar', length: 5 }, nullable: true, from: { value: 's' } },
      ],
    },
    count: async () => (await database.query({ text: `SELECT COUNT(*) AS [n] FROM ${name}` }))[0]?.['n'],
  }
}

const rows = (from: number, to: number): unknown[][] =>
  Array.from({ length: to - from }, (_, index) => [from + index, `${from + index}`.slice(0, 5)])

describe('a bulk load', () => {
  let loaded: Loaded
  beforeEach(async () => {
    loaded = await table()
  })

  it('counts the rows of all batches, empty ones included', async () => {
    const batches = once(batchOf(fields, rows(0, 1000)), batchOf(fields, []), batchOf(fields, rows(1000, 1500)))
    expect(await database.bulkLoad(loaded.target, batches)).toEqual({ rows: 1500n })
    expect(await loaded.count()).toBe(1500)
  })

  it('loads nothing from no batches', async () => {
    expect(await database.bulkLoad(loaded.target, once())).toEqual({ rows: 0n })
  })

  it('reads slices of a batch', async () => {
    const batch = batchOf(fields, [...rows(0, 20), [20, null], ...rows(21, 30)])
    await database.bulkLoad(loaded.target, once(batch.slice(13, 25)))
    const text = `SELECT [id], [s] FROM ${loaded.target.table} ORDER BY [id]`
    expect(await database.query({ text })).toEqual(
      Array.from({ length: 12 }, (_, index) => ({ id: 13 + index, s: index === 7 ? null : `${13 + index}` })),
    )
  })

  it('carries long values among short ones, made while they are sent', async () => {
    await database.batch(
      'CREATE TABLE [dbo].[longs] ([id] int NOT NULL PRIMARY KEY, [s] nvarchar(max) NULL, [b] varbinary(max) NULL, [v] varchar(max) NULL, [x] xml NULL)',
    )
    const column = (name: string, type: SqlType): BulkColumn => ({ name, type, nullable: true, from: { value: name } })
    const target: BulkTarget = {
      table: '[dbo].[longs]',
      columns: [
        column('id', { name: 'int' }),
        column('s', { name: 'nvarchar', length: 'max' }),
        column('b', { name: 'varbinary', length: 'max' }),
        column('v', { name: 'varchar', length: 'max', collation: 'Latin1_General_CI_AS' }),
        column('x', { name: 'xml' }),
      ],
    }
    const types = { id: 'int32', s: 'string', b: 'binary', v: 'string', x: 'string' } as const
    const long = (index: number): string => `${index}${'aé東😀'.repeat(110_000 + index)}`
    const bytes = (index: number): Uint8Array => Buffer.alloc(1_048_574 + index, `${index}bytes`)
    const all = Array.from({ length: 6 }, (_, index): unknown[] => [
      index,
      index % 3 === 0 ? long(index) : index % 3 === 1 ? null : 'short',
      index === 1 ? null : bytes(index),
      index % 2 === 0 ? 'é'.repeat(600_000) : '',
      index === 4 ? `<a>${'b'.repeat(1_100_000)}</a>` : '<a/>',
    ])
    const longFields = Object.entries(types).map(([name, kind]) => ({ name, type: { kind }, nullable: true }) as const)
    const batches = once(batchOf(longFields, all.slice(0, 4)), batchOf(longFields, all.slice(4)))
    expect(await database.bulkLoad(target, batches)).toEqual({ rows: 6n })
    const found = await database.query({
      text: 'SELECT [id], [s], [b], [v], CONVERT(nvarchar(max), [x]) AS [x] FROM [dbo].[longs] ORDER BY [id]',
    })
    for (const [row, [id, s, b, v, x]] of all.entries()) {
      const cells = found[row]
      expect(cells?.['id']).toBe(id)
      expect([cells?.['s'] === s, cells?.['v'] === v, cells?.['x'] === x], `row ${row}`).toEqual([true, true, true])
      const binary = cells?.['b']
      expect(b === null ? binary === null : Buffer.compare(binary as Buffer, b as Buffer) === 0, `b of ${row}`).toBe(
        true,
      )
    }
  })

  it('refuses a character that the code page lacks at the end of a long text, and loads nothing', async () => {
    await database.batch('CREATE TABLE [dbo].[longs_1252] ([id] int NOT NULL, [v] varchar(max) NULL)')
    const target: BulkTarget = {
      table: '[dbo].[longs_1252]',
      columns: [
        { name: 'id', type: { name: 'int' }, nullable: false, from: { value: 'id' } },
        {
          name: 'v',
          type: { name: 'varchar', length: 'max', collation: 'Latin1_General_CI_AS' },
          nullable: true,
          from: { value: 's' },
        },
      ],
      key: ['id'],
    }
    const bad = batchOf(fields, [
      [1, 'fine'],
      [2, `${'é'.repeat(700_000)}東`],
    ])
    await expect(database.bulkLoad(target, once(bad))).rejects.toMatchObject({
      code: 'invalid-value',
      message: expect.stringContaining('code page'),
    })
    expect(await database.query({ text: 'SELECT COUNT(*) AS [n] FROM [dbo].[longs_1252]' })).toEqual([{ n: 0 }])
  })

  it('carries rows of every length, whatever pieces they go in', async () => {
    await database.batch(
      'CREATE TABLE [dbo].[lengths] ([id] int NOT NULL PRIMARY KEY, [s] nvarchar(max) NULL, [b] varbinary(max) NULL, [t] nvarchar(60) NULL)',
    )
    const target: BulkTarget = {
      table: '[dbo].[lengths]',
      columns: [
        { name: 'id', type: { name: 'int' }, nullable: false, from: { value: 'id' } },
        { name: 's', type: { name: 'nvarchar', length: 'max' }, nullable: true, from: { value: 's' } },
        { name: 'b', type: { name: 'varbinary', length: 'max' }, nullable: true, from: { value: 'b' } },
        { name: 't', type: { name: 'nvarchar', length: 60 }, nullable: true, from: { value: 't' } },
      ],
    }
    const all: readonly ColumnField[] = [
      ...fields,
      { name: 'b', type: { kind: 'binary' }, nullable: true },
      { name: 't', type: { kind: 'string' }, nullable: true },
    ]
    const letters = ['a', 'é', '語', '😀', '\u0000', 'ﬀ']
    // Lengths around what goes in one piece (64 KiB), runs of short rows, and a few that are longer than a piece.
    const lengthOf = (row: number): number =>
      row % 97 === 0
        ? 32_700 + (row % 89)
        : row % 211 === 0
          ? 200_000 + row
          : (row * 7919) % (row % 400 < 200 ? 40 : 3000)
    const made = Array.from({ length: 2000 }, (_, row) => {
      const letter = letters[row % letters.length] ?? ''
      const s = row % 13 === 0 ? null : `${row}${letter.repeat(Math.max(1, lengthOf(row) / letter.length))}`
      const b = row % 17 === 0 ? null : Buffer.alloc(lengthOf(row + 1) % 5000, `${row}`)
      return [row, s, b, row % 19 === 0 ? null : `${letter}${row}`.repeat(row % 8)]
    })
    const batches = once(
      batchOf(all, made.slice(0, 700)),
      batchOf(all, made.slice(700, 701)),
      batchOf(all, made.slice(701)),
    )
    expect(await database.bulkLoad(target, batches)).toEqual({ rows: 2000n })
    const read = await database.query({ text: `SELECT [id], [s], [b], [t] FROM [dbo].[lengths] ORDER BY [id]` })
    expect(read.map(({ id, s, b, t }) => [id, s, b === null ? null : Buffer.from(b as Uint8Array), t])).toEqual(made)
  })

  it('names the row that is bad, whichever place it has among those that go in one piece', async () => {
    for (const bad of [0, 1, 999]) {
      const some = rows(0, 1000).map(([id, s], row) => [id, row === bad ? 'longer' : s])
      await expect(database.bulkLoad(loaded.target, once(batchOf(fields, some)))).rejects.toMatchObject({
        context: { column: 's', row: bad },
      })
      expect(await loaded.count()).toBe(0)
    }
  })

  it('names a bad row by its key, where it is told what the key is', async () => {
    const target = { ...loaded.target, key: ['id', 's'], label: 'the copy' }
    const batches = once(batchOf(fields, [...rows(0, 20), [20, 'longer'], [21, 'x']]))
    await expect(database.bulkLoad(target, batches)).rejects.toMatchObject({
      message: 'the copy, column s, row with id = 20, s = longer: the value is longer than 5 characters',
      context: { table: 'the copy', column: 's', row: 20 },
    })
  })

  it('loads batch by batch, whatever the batches of the source are', async () => {
    const batches = once(batchOf(fields, rows(0, 1000)), batchOf(fields, []), batchOf(fields, rows(1000, 1500)))
    expect(await database.bulkLoad(loaded.target, batches, { batchRows: 400 })).toEqual({ rows: 1500n })
    expect(await loaded.count()).toBe(1500)
    expect(await database.bulkLoad(loaded.target, once(), { batchRows: 400 })).toEqual({ rows: 0n })
  })

  it('keeps the batches before one that fails, counts rows over all of them, and ends the source', async () => {
    let ended = false
    const source = async function* () {
      try {
        yield batchOf(fields, rows(0, 100))
        yield batchOf(fields, [...rows(100, 120), [120, 'longer']])
        yield batchOf(fields, rows(121, 200))
      } finally {
        ended = true
      }
    }
    await expect(database.bulkLoad(loaded.target, source(), { batchRows: 50 })).rejects.toMatchObject({
      context: { row: 120 },
    })
    expect(ended).toBe(true)
    expect(await loaded.count()).toBe(100)
    await expect(database.bulkLoad(loaded.target, once(), { batchRows: 0 })).rejects.toMatchObject({
      code: 'invalid-argument',
    })
  })

  it('names column and row of a value that is too long, and loads nothing', async () => {
    const batches = once(batchOf(fields, rows(0, 100)), batchOf(fields, [...rows(100, 120), [120, 'longer']]))
    await expect(database.bulkLoad(loaded.target, batches)).rejects.toMatchObject({
      code: 'invalid-value',
      message: expect.stringMatching(/column s: the value of row 120 .*longer than 5/),
      context: { column: 's', row: 120 },
    })
    expect(await loaded.count()).toBe(0)
  })

  it('names column and row of a NULL where none may be', async () => {
    await expect(
      database.bulkLoad(
        loaded.target,
        once(
          batchOf(fields, [
            [1, 'a'],
            [null, 'b'],
          ]),
        ),
      ),
    ).rejects.toMatchObject({
      code: 'invalid-value',
      context: { column: 'id', row: 1 },
    })
    expect(await loaded.count()).toBe(0)
  })

  it('reports the error of the server, loads nothing, and the pool stays usable', async () => {
    const twice = once(batchOf(fields, [...rows(0, 10), [3, 'again']]))
    await expect(database.bulkLoad(loaded.target, twice)).rejects.toMatchObject({
      code: 'constraint',
      context: { number: 2627 },
    })
    expect(await loaded.count()).toBe(0)
  })

  it('throws the error of its source as it is, closes the source and loads nothing', async () => {
    const boom = new Error('boom')
    let closed = false
    async function* source(): AsyncGenerator<RecordBatch, void, undefined> {
      try {
        yield batchOf(fields, rows(0, 10_000))
        throw boom
      } finally {
        closed = true
      }
    }
    await expect(database.bulkLoad(loaded.target, source())).rejects.toBe(boom)
    expect(closed).toBe(true)
    expect(await loaded.count()).toBe(0)
  })

  it('stops on abort while it waits for its source, and loads nothing', async () => {
    const controller = new AbortController()
    async function* source(): AsyncGenerator<RecordBatch, void, undefined> {
      yield batchOf(fields, rows(0, 10_000))
      setTimeout(() => controller.abort(new Error('stop')), 20)
      await new Promise((resolve) => setTimeout(resolve, 500))
      yield batchOf(fields, rows(10_000, 20_000))
    }
    await expect(database.bulkLoad(loaded.target, source(), { signal: controller.signal })).rejects.toThrow('stop')
    expect(await loaded.count()).toBe(0)
  })

  it('pulls batches only as the server takes the rows', async () => {
    let pulled = 0
    async function* source(): AsyncGenerator<RecordBatch, void, undefined> {
      for (; pulled < 5; pulled += 1) yield batchOf(fields, rows(pulled * 1000, pulled * 1000 + 1000))
    }
    const missing = { ...loaded.target, table: '[dbo].[absent]' }
    await expect(database.bulkLoad(missing, source())).rejects.toMatchObject({ context: { number: 208 } })
    expect(pulled).toBeLessThan(2)
  })

  it('says which batch column is missing', async () => {
    const target = {
      ...loaded.target,
      columns: loaded.target.columns.map((each) => ({ ...each, from: { value: 'nope' } })),
    }
    await expect(database.bulkLoad(target, once(batchOf(fields, rows(0, 1))))).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('"nope"'),
    })
  })

  it('fills a temporary table of its connection', async () => {
    await using connection = await database.connection()
    await connection.batch('CREATE TABLE #stage ([id] int NOT NULL, [s] nvarchar(5) NULL)')
    await connection.bulkLoad({ ...loaded.target, table: '#stage' }, once(batchOf(fields, rows(0, 500))))
    expect(await connection.query({ text: 'SELECT COUNT(*) AS [n], MAX([id]) AS [m] FROM #stage' })).toEqual([
      { n: 500, m: 499 },
    ])
  })

  it('keeps identity values', async () => {
    await database.batch('CREATE TABLE [dbo].[ident] ([id] int NOT NULL IDENTITY(1, 1), [s] nvarchar(5) NULL)')
    await database.bulkLoad(
      { ...loaded.target, table: '[dbo].[ident]' },
      once(
        batchOf(fields, [
          [70, 'a'],
          [30, 'b'],
        ]),
      ),
    )
    expect(await database.query({ text: 'SELECT [id] FROM [dbo].[ident] ORDER BY [id]' })).toEqual([
      { id: 30 },
      { id: 70 },
    ])
  })

  it('loads columns whose names need quoting', async () => {
    await database.batch('CREATE TABLE [dbo].[odd ]]t] ([a]]b "c"] int NULL)')
    const odd: BulkColumn = { name: 'a]b "c"', type: { name: 'int' }, nullable: true, from: { value: 'id' } }
    await database.bulkLoad({ table: '[dbo].[odd ]]t]', columns: [odd] }, once(batchOf(fields, rows(0, 3))))
    expect(await database.query({ text: 'SELECT COUNT(*) AS [n] FROM [dbo].[odd ]]t]' })).toEqual([{ n: 3 }])
  })
})

describe('a value that would change on its way', () => {
  const refused: readonly (readonly [type: SqlType, field: ColumnField['type'], value: unknown, why: RegExp])[] = [
    [{ name: 'tinyint' }, { kind: 'int32' }, 256, /out of range/],
    [{ name: 'int' }, { kind: 'int64' }, 2n ** 31n, /out of range/],
    [
      { name: 'decimal', precision: 5, scale: 2 },
      { kind: 'decimal', precision: 10, scale: 2 },
      100_000n,
      /more than 5 digits/,
    ],
    [
      { name: 'decimal', precision: 9, scale: 1 },
      { kind: 'decimal', precision: 9, scale: 2 },
      101n,
      /more than 1 digits after/,
    ],
    [{ name: 'smallmoney' }, { kind: 'decimal', precision: 19, scale: 4 }, 2n ** 31n, /out of range/],
    [{ name: 'float' }, { kind: 'float64' }, Number.NaN, /not a finite number/],
    [{ name: 'date' }, { kind: 'date' }, 2_932_897, /years 1 to 9999/],
    [{ name: 'datetime2', scale: 3 }, { kind: 'timestamp', utc: false }, 1n, /more than 3 digits/],
    [{ name: 'datetime' }, { kind: 'timestamp', utc: false }, -9_000_000_000_000_000n, /before 1753/],
    [{ name: 'smalldatetime' }, { kind: 'timestamp', utc: false }, 1_000_000n, /no whole minute/],
    [{ name: 'varbinary', length: 2 }, { kind: 'binary' }, new Uint8Array(3), /longer than 2 bytes/],
  ]

  it.each(refused)('into %o from %o is refused', async (type, field, value, why) => {
    made += 1
    const target = `[dbo].[refused_${made}]`
    const batch = batchOf([{ name: 'v', type: field, nullable: true }], [[value]])
    await database.batch(`CREATE TABLE ${target} ([v] ${formatSqlType(type)} NULL)`)
    const load = database.bulkLoad(
      { table: target, columns: [{ name: 'v', type, nullable: true, from: { value: 'v' } }] },
      once(batch),
    )
    await expect(load).rejects.toMatchObject({ code: 'invalid-value', message: expect.stringMatching(why) })
    expect(await database.query({ text: `SELECT COUNT(*) AS [n] FROM ${target}` })).toEqual([{ n: 0 }])
  })

  it('is refused when the batch holds another kind', async () => {
    const batch = batchOf(fields, rows(0, 1))
    const target = {
      table: '[dbo].[x]',
      columns: [{ name: 'v', type: { name: 'bit' }, nullable: true, from: { value: 's' } }],
    } as const
    await database.batch('CREATE TABLE [dbo].[x] ([v] bit NULL)')
    await expect(database.bulkLoad(target, once(batch))).rejects.toMatchObject({ code: 'unsupported-type' })
  })

  it('because the code page of its collation lacks a character is refused', async (context) => {
    const [row] = await database
      .query({ text: "SELECT CONVERT(int, COLLATIONPROPERTY(N'Latin1_General_CI_AS', 'CodePage')) AS [p]" })
      .catch(() => [])
    if (row?.['p'] !== 1252) context.skip('this server does not tell code pages')
    await database.batch('CREATE TABLE [dbo].[narrow] ([v] varchar(20) COLLATE Latin1_General_CI_AS NULL)')
    const collation = 'Latin1_General_CI_AS'
    const type: SqlType = { name: 'varchar', length: 20, collation }
    const target = { table: '[dbo].[narrow]', columns: [{ name: 'v', type, nullable: true, from: { value: 's' } }] }
    const load = (text: string) => database.bulkLoad(target, once(batchOf(fields, [[1, text]])))
    await load('café €')
    await expect(load('日本')).rejects.toMatchObject({
      code: 'invalid-value',
      message: expect.stringContaining('code page'),
    })
    expect(await database.query({ text: 'SELECT [v] FROM [dbo].[narrow]' })).toEqual([{ v: 'café €' }])

    // As a stage is loaded: in Unicode, for a column of the collation. The server's own characters for the bytes that others leave out pass.
    const wide = {
      table: '[dbo].[narrow]',
      columns: [{ name: 'v', type: { name: 'nvarchar', length: 20 }, collation, nullable: true, from: { value: 's' } }],
      key: ['id'],
    } as const
    await database.bulkLoad(wide, once(batchOf(fields, [[2, 'ÿŸ\u0081\u009d']])))
    for (const text of ['ł', 'plain, then 😀', `${'long '.repeat(3)}Ж`]) {
      await expect(database.bulkLoad(wide, once(batchOf(fields, [[7, text]])))).rejects.toMatchObject({
        code: 'invalid-value',
        message: expect.stringMatching(/column v, row with id = 7: the value has a character that the code page/),
      })
    }
    expect(await database.query({ text: 'SELECT COUNT(*) AS [n] FROM [dbo].[narrow]' })).toEqual([{ n: 2 }])
  })
})

describe('a bulk load on a bad connection', () => {
  const faults = new FaultPlan()
  let sandbox: Sandbox
  let flaky: SqlServer
  const target: BulkTarget = {
    table: '[dbo].[flaky]',
    columns: [{ name: 'id', type: { name: 'int' }, nullable: false, from: { value: 'id' } }],
  }
  const count = async () => await flaky.query({ text: 'SELECT COUNT(*) AS [n] FROM [dbo].[flaky]' })

  beforeAll(async () => {
    sandbox = await startSandbox({ password: 'Pw-1', databases: ['Flaky'], faults })
    flaky = await SqlServer.connect({
      server: sandbox.host,
      port: sandbox.port,
      database: 'Flaky',
      user: 'sa',
      password: 'Pw-1',
      encrypt: false,
      bulkTimeoutMs: 300,
    })
    await flaky.batch('CREATE TABLE [dbo].[flaky] ([id] int NOT NULL)')
  })
  afterAll(async () => {
    faults.clear()
    await flaky.close()
    await sandbox.close()
  })

  it('is given up when the server takes nothing for the time-out, and loads nothing', async () => {
    const stall = faults.add({ at: 'bulkRow', nth: 500, action: { do: 'stall' } })
    const load = flaky.bulkLoad(target, once(batchOf(fields, rows(0, 1000))))
    await expect(load).rejects.toMatchObject({ code: 'timeout', retryable: true, context: { table: '[dbo].[flaky]' } })
    // The lost connection ends the stall; a server that goes on before it learns of the loss has all that it needs.
    expect(stall.fired).toBe(true)
    expect(await count()).toEqual([{ n: 0 }])
  })

  it('does not count the time that its source takes', async () => {
    async function* slow(): AsyncGenerator<RecordBatch, void, undefined> {
      yield batchOf(fields, rows(0, 10))
      await new Promise((resolve) => setTimeout(resolve, 700))
      yield batchOf(fields, rows(10, 20))
    }
    expect(await flaky.bulkLoad(target, slow())).toEqual({ rows: 20n })
    await flaky.batch('DELETE FROM [dbo].[flaky]')
  })

  it('fails as lost when the connection drops, loads nothing, and the pool recovers', async () => {
    faults.add({ at: 'bulkRow', nth: 500, action: { do: 'drop' } })
    const load = flaky.bulkLoad(target, once(batchOf(fields, rows(0, 1000))))
    await expect(load).rejects.toMatchObject({ code: 'connection-lost', retryable: true })
    expect(await count()).toEqual([{ n: 0 }])
  })
})
