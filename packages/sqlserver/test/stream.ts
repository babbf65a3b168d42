import {
  readColumns,
  selectList,
  SqlServer,
  useExactValues,
  type ExactValues,
  type ReadQuery,
} from '@icebridge/sqlserver'
import { FaultPlan, startSandbox, type Sandbox } from '@icebridge/sqlserver-sandbox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { batchOf, column, Fixture, once, rowsOf } from './fixture.ts'

const id = column('id', { name: 'int' }, { nullable: false })
const text = column('s', { name: 'nvarchar', length: 100 })
const ROWS = 50_000

/** Everything about streams, in one mode of exact values. */
export function streams(mode: ExactValues): void {
  useExactValues(mode)
  const query: ReadQuery = {
    text: 'SELECT [t].[id], [t].[s] FROM [dbo].[many] AS [t]',
    columns: [...readColumns(id), ...readColumns(text)],
    table: '[dbo].[many]',
    key: ['id'],
  }

  /** Rows whose text has 100 characters, so that the whole does not fit into the buffers of a socket. */
  async function fill(database: SqlServer): Promise<void> {
    await database.batch('CREATE TABLE [dbo].[many] ([id] int NOT NULL, [s] nvarchar(100) NULL)')
    const fields = query.columns.map((each) => each.field)
    const rows = Array.from({ length: ROWS }, (_, index) => [index, `${index}`.padEnd(100, '.')])
    await database.bulkLoad(
      {
        table: '[dbo].[many]',
        columns: [
          { name: 'id', type: id.type, nullable: false, from: { value: 'id' } },
          { name: 's', type: text.type, nullable: true, from: { value: 's' } },
        ],
      },
      once(batchOf(fields, rows)),
    )
  }

  let fixture: Fixture
  let database: SqlServer

  beforeAll(async () => {
    fixture = await Fixture.open()
    database = await fixture.database()
    await fill(database)
  })
  afterAll(async () => {
    await fixture.close()
  })

  describe('a streamed read', () => {
    it('is cut into batches by rows', async () => {
      const sizes: number[] = []
      for await (const batch of database.stream(query, { batchRows: 20_000 })) sizes.push(batch.numRows)
      expect(sizes).toEqual([20_000, 20_000, 10_000])
    })

    it('holds one row too long for a batch at a time', async () => {
      await database.batch(
        'CREATE TABLE [dbo].[long] ([id] int NOT NULL, [s] nvarchar(max) NULL, [b] varbinary(max) NULL)',
      )
      const long = column('s', { name: 'nvarchar', length: 'max' })
      const bytes = column('b', { name: 'varbinary', length: 'max' })
      const columns = [id, long, bytes].flatMap((each) => readColumns(each))
      const rows = Array.from({ length: 12 }, (_, index) => [
        index,
        index % 5 === 4 ? null : `${'x'.repeat(index)}😀ß`.repeat(100_000),
        index % 4 === 3 ? null : Uint8Array.from({ length: index * 50_000 }, (_value, at) => at % 251),
      ])
      await database.bulkLoad(
        {
          table: '[dbo].[long]',
          columns: [id, long, bytes].map(({ name, type, nullable }) => ({
            name,
            type,
            nullable,
            from: { value: name },
          })),
        },
        once(
          batchOf(
            columns.map(({ field }) => field),
            rows,
          ),
        ),
      )
      const read = { text: 'SELECT [t].[id], [t].[s], [t].[b] FROM [dbo].[long] AS [t]', columns }
      const sizes: number[] = []
      const found: unknown[] = []
      for await (const batch of database.stream(read, { batchBytes: 256 * 1024 })) {
        sizes.push(batch.numRows)
        found.push(...(await rowsOf(once(batch))))
      }
      expect(Math.max(...sizes.slice(1, -1))).toBeLessThanOrEqual(2)
      expect(found).toEqual(
        await rowsOf(
          once(
            batchOf(
              columns.map(({ field }) => field),
              rows,
            ),
          ),
        ),
      )
    })

    it('refuses half a pair in a long text, names the row by a key that comes later, and leaves the connection usable', async () => {
      await database.batch(
        'CREATE TABLE [dbo].[half] ([s] nvarchar(max) NULL, [id] int NOT NULL, [k] uniqueidentifier NOT NULL)',
      )
      await database.batch(
        "INSERT INTO [dbo].[half] ([s], [id], [k]) VALUES (N'fine', 1, '01234567-89ab-cdef-0011-223344556677')",
      )
      await database.batch(
        "INSERT INTO [dbo].[half] ([s], [id], [k]) SELECT REPLICATE(CONVERT(nvarchar(max), N'x'), 70000) + NCHAR(55357) + REPLICATE(CONVERT(nvarchar(max), N'y'), 70000), 2, '01234567-89ab-cdef-0011-223344556677'",
      )
      const columns = [
        column('k', { name: 'uniqueidentifier' }, { nullable: false }),
        column('s', { name: 'nvarchar', length: 'max' }),
        id,
      ].flatMap((each) => readColumns(each))
      const half = {
        text: 'SELECT [t].[k], [t].[s], [t].[id] FROM [dbo].[half] AS [t] ORDER BY [t].[id]',
        columns,
        key: ['id', 'k'],
      }
      await expect(rowsOf(database.stream(half))).rejects.toMatchObject({
        code: 'lone-surrogate',
        message: expect.stringMatching(/column s, row with id = 2, k = 01234567-89AB-CDEF-0011-223344556677/),
      })
      expect(await database.query({ text: 'SELECT COUNT(*) AS [n] FROM [dbo].[half]' })).toEqual([{ n: 2 }])
    })

    it('is cut into batches by bytes', async () => {
      let rows = 0
      for await (const batch of database.stream(query, { batchBytes: 64 * 1024 })) {
        expect(batch.numRows).toBeLessThan(1000)
        rows += batch.numRows
      }
      expect(rows).toBe(ROWS)
    })

    it('gives no batch for no rows', async () => {
      expect(await rowsOf(database.stream({ ...query, text: `${query.text} WHERE [t].[id] < 0` }))).toEqual([])
    })

    it('takes parameters', async () => {
      const one = {
        ...query,
        text: `${query.text} WHERE [t].[id] = @id`,
        parameters: [{ name: 'id', type: { name: 'int' }, value: 7 } as const],
      }
      expect(await rowsOf(database.stream(one))).toEqual([[7, '7'.padEnd(100, '.')]])
    })

    it('ends the query when the consumer leaves early, and the connection is used again', async () => {
      for (let attempt = 0; attempt < 12; attempt += 1) {
        for await (const batch of database.stream(query, { batchRows: 100 })) {
          expect(batch.numRows).toBe(100)
          break
        }
      }
      expect(await database.query({ text: 'SELECT 1 AS [x]' })).toEqual([{ x: 1 }])
    })

    it('throws the reason of the signal on abort, never an early end', async () => {
      const controller = new AbortController()
      const read = async (): Promise<void> => {
        for await (const batch of database.stream(query, { batchRows: 100, signal: controller.signal })) {
          expect(batch.numRows).toBe(100)
          controller.abort(new Error('stop'))
        }
      }
      await expect(read()).rejects.toThrow('stop')
      expect(await database.query({ text: 'SELECT 1 AS [x]' })).toEqual([{ x: 1 }])
    })

    it('refuses a query whose columns are not those that it says', async () => {
      const fewer = database.stream({ ...query, text: 'SELECT [t].[id] FROM [dbo].[many] AS [t]' })
      await expect(rowsOf(fewer)).rejects.toMatchObject({
        code: 'unexpected-result',
        message: expect.stringMatching(/1 columns where 2/),
      })
      const swapped = database.stream({ ...query, text: 'SELECT [t].[s], [t].[id] FROM [dbo].[many] AS [t]' })
      await expect(rowsOf(swapped)).rejects.toMatchObject({ code: 'unexpected-result' })
    })

    it('reports an error of the server with its number', async () => {
      const broken = database.stream({ ...query, text: 'SELECT [t].[nope], [t].[s] FROM [dbo].[many] AS [t]' })
      await expect(rowsOf(broken)).rejects.toMatchObject({ code: 'statement', context: { number: 207 } })
    })

    it('names table, column and key of a text that is no Unicode', async () => {
      await database.batch('CREATE TABLE [dbo].[lone] ([id] int NOT NULL, [s] nvarchar(100) NULL)')
      await database.batch("INSERT INTO [dbo].[lone] ([id], [s]) VALUES (41, N'fine')")
      await database.batch('INSERT INTO [dbo].[lone] ([id], [s]) SELECT 42, NCHAR(55357)')
      const lone = {
        ...query,
        text: 'SELECT [t].[id], [t].[s] FROM [dbo].[lone] AS [t] ORDER BY [t].[id]',
        table: '[dbo].[lone]',
      }
      await expect(rowsOf(database.stream(lone))).rejects.toMatchObject({
        code: 'lone-surrogate',
        message: expect.stringMatching(/\[dbo\]\.\[lone\], column s, row with id = 42/),
        context: { table: '[dbo].[lone]', column: 's' },
        hint: expect.stringContaining("loneSurrogates: 'replace'"),
      })
    })

    it.each([
      ['nvarchar', "N'x'", 32_768],
      ['nvarchar', "N'é'", 16_384],
      ['varchar', "'x'", 32_768],
      ['varchar', "'é'", 16_384],
      ['varbinary', '0x41', 32_768],
    ] as const)('takes a value of %s(max) at the bound and refuses one past it: %s', async (name, unit, units) => {
      const table = `[dbo].[bound_${name}_${units}]`
      await database.batch(`CREATE TABLE ${table} ([v] ${name}(max) NULL, [id] int NOT NULL)`)
      const put = async (row: number, count: number): Promise<void> => {
        const value =
          name === 'varbinary' ? `0x${'41'.repeat(count)}` : `REPLICATE(CONVERT(${name}(max), ${unit}), ${count})`
        await database.batch(`INSERT INTO ${table} ([v], [id]) SELECT ${value}, ${row}`)
      }
      await put(1, units)
      const bounded = {
        text: `SELECT [t].[v], [t].[id] FROM ${table} AS [t] ORDER BY [t].[id]`,
        columns: [column('v', { name, length: 'max' }), id].flatMap((each) => readColumns(each)),
        table,
        key: ['id'],
      }
      const options = { maxValueBytes: 32_768 }
      expect(await rowsOf(database.stream(bounded, options))).toHaveLength(1)
      await put(2, units + 1)
      await expect(rowsOf(database.stream(bounded, options))).rejects.toMatchObject({
        code: 'value-too-large',
        message: expect.stringMatching(
          /\[dbo\]\.\[bound_\w+\], column v, row with id = 2: a value of \d+ bytes.* bound is 32768 \(maxValueBytes\)/,
        ),
        hint: expect.stringContaining('maxValueBytes'),
        context: expect.objectContaining({ table, column: 'v', row: 2 }),
      })
      expect(await rowsOf(database.stream(bounded, { maxValueBytes: 65_536 }))).toHaveLength(2)
      expect(await database.query({ text: `SELECT COUNT(*) AS [n] FROM ${table}` })).toEqual([{ n: 2 }])
    })

    it('has no bound below what a column with a length can hold, and none past 1 GiB', async () => {
      for (const maxValueBytes of [1000, 2 ** 31]) {
        await expect(rowsOf(database.stream(query, { maxValueBytes }))).rejects.toMatchObject({
          code: 'invalid-argument',
        })
      }
    })

    it('reads text of a code page whole, long or short, U+FEFF at its beginning too', async () => {
      const collate = 'COLLATE Latin1_General_100_CI_AS_SC_UTF8'
      await database.batch(`CREATE TABLE [dbo].[pages] ([id] int NOT NULL, [m] varchar(max) NULL,
        [u] varchar(max) ${collate} NULL, [s] varchar(100) ${collate} NULL)`)
      const max = { name: 'varchar', length: 'max' } as const
      const utf8 = { collation: 'Latin1_General_100_CI_AS_SC_UTF8' }
      const short = column('s', { name: 'varchar', length: 100, ...utf8 })
      const columns = [id, column('m', max), column('u', { ...max, ...utf8 }), short]
      const reads = columns.flatMap((each) => readColumns(each))
      const rows = [
        [1, `${'plain'.repeat(20_000)}é€\u0081${'ü'.repeat(50_001)}`, `\ufeff${'a東😀'.repeat(30_000)}`, '\ufeff東'],
        [2, '', '', ''],
        [3, null, null, null],
      ]
      await database.bulkLoad(
        {
          table: '[dbo].[pages]',
          columns: columns.map(({ name, type }) => ({
            name,
            type,
            nullable: name !== 'id',
            from: { value: name },
          })),
        },
        once(
          batchOf(
            reads.map(({ field }) => field),
            rows,
          ),
        ),
      )
      const text = `SELECT ${selectList(reads, '[t]')} FROM [dbo].[pages] AS [t] ORDER BY [c0]`
      const found = await rowsOf(database.stream({ text, columns: reads }))
      for (const [row, cells] of rows.entries()) {
        for (const [at, cell] of cells.entries())
          expect(found[row]?.[at] === cell, `row ${row}, column ${at}`).toBe(true)
      }
    })

    it('replaces half a pair where that is declared, tells how many values, and refuses it in a key still', async () => {
      await database.batch('CREATE TABLE [dbo].[replaced] ([id] int NOT NULL, [s] nvarchar(max) NULL)')
      await database.batch(
        "INSERT INTO [dbo].[replaced] ([id], [s]) SELECT 1, NCHAR(55357) + N'x' UNION ALL SELECT 2, N'😀' UNION ALL SELECT 3, REPLICATE(CONVERT(nvarchar(max), N'é'), 9000) + NCHAR(56320)",
      )
      const replaced = {
        ...query,
        text: 'SELECT [t].[id], [t].[s] FROM [dbo].[replaced] AS [t] ORDER BY [t].[id]',
        table: '[dbo].[replaced]',
      }
      const told: [string, number][] = []
      const rows = await rowsOf(
        database.stream(replaced, {
          batchRows: 2,
          loneSurrogates: 'replace',
          onReplaced: (name, values) => told.push([name, values]),
        }),
      )
      expect(rows).toEqual([
        [1, '\ufffdx'],
        [2, '😀'],
        [3, `${'é'.repeat(9000)}\ufffd`],
      ])
      expect(told).toEqual([
        ['s', 1],
        ['s', 1],
      ])
      const asKey = database.stream({ ...replaced, key: ['s'] }, { loneSurrogates: 'replace' })
      await expect(rowsOf(asKey)).rejects.toMatchObject({
        code: 'lone-surrogate',
        hint: expect.stringContaining('two keys could become one'),
      })
    })

    it('cannot be bounded by nothing', async () => {
      await expect(rowsOf(database.stream(query, { batchRows: 0 }))).rejects.toMatchObject({ code: 'invalid-argument' })
    })
  })

  describe('a streamed read on a bad connection', () => {
    const faults = new FaultPlan()
    let sandbox: Sandbox
    let flaky: SqlServer

    beforeAll(async () => {
      sandbox = await startSandbox({ password: 'Pw-1', databases: ['Flaky'], faults })
      flaky = await SqlServer.connect({
        server: sandbox.host,
        port: sandbox.port,
        database: 'Flaky',
        user: 'sa',
        password: 'Pw-1',
        encrypt: false,
        idleTimeoutMs: 300,
      })
      await fill(flaky)
    })
    afterAll(async () => {
      faults.clear()
      await flaky.close()
      await sandbox.close()
    })

    it('fails as lost when the connection drops in the middle, and the pool recovers', async () => {
      faults.add({ at: 'row', nth: 30_000, text: /many/, action: { do: 'drop' } })
      await expect(rowsOf(flaky.stream(query))).rejects.toMatchObject({ code: 'connection-lost', retryable: true })
      expect(await flaky.query({ text: 'SELECT 1 AS [x]' })).toEqual([{ x: 1 }])
    })

    it('fails with the error that the server raises in the middle', async () => {
      faults.add({
        at: 'row',
        nth: 30_000,
        text: /many/,
        action: { do: 'fail', error: { number: 1205, message: 'victim' } },
      })
      await expect(rowsOf(flaky.stream(query))).rejects.toMatchObject({
        code: 'deadlock',
        retryable: true,
        context: { number: 1205 },
      })
      expect(await flaky.query({ text: 'SELECT 1 AS [x]' })).toEqual([{ x: 1 }])
    })

    it('is given up when nothing comes for the idle time-out', async () => {
      const stall = faults.add({ at: 'row', nth: 30_000, text: /many/, action: { do: 'stall' } })
      await expect(rowsOf(flaky.stream(query))).rejects.toMatchObject({ code: 'timeout', retryable: true })
      stall.release()
      expect(await flaky.query({ text: 'SELECT 1 AS [x]' })).toEqual([{ x: 1 }])
    })

    it('waits for a slow consumer as long as it takes, and the server waits with it', async () => {
      const end = faults.add({ at: 'row', nth: ROWS, text: /many/, action: { do: 'stall', ms: 0 } })
      let rows = 0
      for await (const batch of flaky.stream(query, { batchRows: 100 })) {
        if (rows === 0) {
          await new Promise((resolve) => setTimeout(resolve, 900))
          // 10 MB of rows would have been sent by now if nobody waited.
          expect(end.fired).toBe(false)
        }
        rows += batch.numRows
      }
      expect(rows).toBe(ROWS)
      expect(end.fired).toBe(true)
    })

    it('does not count the time that the consumer takes after the last row has come', async () => {
      const few = { ...query, text: `${query.text} WHERE [t].[id] < 150` }
      const sizes: number[] = []
      for await (const batch of flaky.stream(few, { batchRows: 100 })) {
        if (sizes.length === 0) await new Promise((resolve) => setTimeout(resolve, 900))
        sizes.push(batch.numRows)
      }
      expect(sizes).toEqual([100, 50])
    })
  })
}
