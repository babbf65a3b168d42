import { SqlServer, type SqlType, type SqlValue, useExactValues } from '@icebridge/sqlserver'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Fixture } from './fixture.ts'

let fixture: Fixture
let database: SqlServer

beforeAll(async () => {
  fixture = await Fixture.open()
  database = await fixture.database()
})
afterAll(async () => {
  await fixture.close()
})

describe('parameters', () => {
  const exact: readonly (readonly [type: SqlType, value: SqlValue, convert: readonly string[]])[] = [
    [{ name: 'bit' }, true, []],
    [{ name: 'tinyint' }, 255, []],
    [{ name: 'int' }, -2147483648, []],
    [{ name: 'bigint' }, 9007199254740993n, []],
    [{ name: 'bigint' }, -9223372036854775808n, []],
    [{ name: 'decimal', precision: 38, scale: 10 }, '-9999999999999999999999999999.9999999999', ['varchar(60)']],
    [{ name: 'decimal', precision: 15, scale: 4 }, '-0.0001', []],
    [{ name: 'money' }, '922337203685477.5807', ['decimal(19,4)', 'varchar(60)']],
    [{ name: 'money' }, '333.3400', []],
    [{ name: 'smallmoney' }, '-214748.3648', []],
    [{ name: 'float' }, 0.1, []],
    [{ name: 'real' }, 0.5, []],
    [{ name: 'date' }, '0001-01-01', []],
    [{ name: 'time', scale: 7 }, '23:59:59.9999999', []],
    [{ name: 'datetime' }, '1969-12-31T23:59:59.997', []],
    [{ name: 'smalldatetime' }, '2079-06-06T23:59:00', []],
    [{ name: 'datetime2', scale: 7 }, '9999-12-31T23:59:59.9999999', []],
    [{ name: 'datetime2', scale: 0 }, '1600-02-29T12:00:00', []],
    [{ name: 'nvarchar', length: 20 }, 'ß😀  ', []],
    [{ name: 'nvarchar', length: 'max' }, 'é'.repeat(9000), []],
    [{ name: 'varbinary', length: 8 }, Uint8Array.of(0, 255), []],
    [{ name: 'binary', length: 8 }, Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 255), []],
    [{ name: 'uniqueidentifier' }, '01234567-89ab-cdef-0011-223344556677', []],
    [{ name: 'int' }, null, []],
    [{ name: 'nvarchar', length: 'max' }, null, []],
  ]

  it.each(exact)('of type %o come back as they went: %s', async (type, value, convert) => {
    const expression = convert.reduce((inner, to) => `CONVERT(${to}, ${inner})`, '@v')
    const [row] = await database.query({
      text: `SELECT ${expression} AS [v]`,
      parameters: [{ name: 'v', type, value }],
    })
    const got = row?.['v']
    expect(got instanceof Uint8Array ? new Uint8Array(got) : got).toEqual(value)
  })

  it('keep the offset of a datetimeoffset', async () => {
    const [row] = await database.query({
      text: 'SELECT DATEPART(tzoffset, @v) AS [tz], CONVERT(datetime2(7), SWITCHOFFSET(@v, 0)) AS [utc]',
      parameters: [
        { name: 'v', type: { name: 'datetimeoffset', scale: 7 }, value: '2024-03-01T01:30:00.1234567+05:30' },
      ],
    })
    expect(row).toEqual({ tz: 330, utc: '2024-02-29T20:00:00.1234567' })
  })

  const wrong: readonly (readonly [type: SqlType, value: SqlValue])[] = [
    [{ name: 'tinyint' }, 256],
    [{ name: 'int' }, 1.5],
    [{ name: 'bigint' }, 2n ** 63n],
    [{ name: 'decimal', precision: 4, scale: 2 }, '100.00'],
    [{ name: 'decimal', precision: 4, scale: 2 }, '0.001'],
    [{ name: 'decimal', precision: 4, scale: 2 }, '1e1'],
    [{ name: 'float' }, Number.NaN],
    [{ name: 'date' }, '2023-02-29'],
    [{ name: 'datetime2', scale: 3 }, '2024-01-01T00:00:00.1234'],
    [{ name: 'datetime' }, '1752-12-31T00:00:00'],
    [{ name: 'datetimeoffset' }, '2024-01-01T00:00:00'],
    [{ name: 'nvarchar', length: 2 }, 'abc'],
    [{ name: 'uniqueidentifier' }, 'x'],
    [{ name: 'rowversion' }, new Uint8Array(9)],
  ]

  it.each(wrong)('are refused when the type %o cannot hold %s', async (type, value) => {
    const query = database.query({ text: 'SELECT @v AS [v]', parameters: [{ name: 'v', type, value }] })
    await expect(query).rejects.toMatchObject({ code: 'invalid-value', context: { parameter: '@v' } })
  })
})

describe('queries', () => {
  it('give rows by column name', async () => {
    expect(await database.query({ text: "SELECT 1 AS [a], N'x' AS [b], NULL AS [c]" })).toEqual([
      { a: 1, b: 'x', c: null },
    ])
  })

  it('refuse a value that the driver would round', async () => {
    useExactValues('convert')
    await using plain = await SqlServer.connect(fixture.server.config('master'))
    const lossy = plain.query({ text: "SELECT CONVERT(decimal(38,10), '1.5') AS [d]" })
    await expect(lossy).rejects.toMatchObject({ code: 'driver-inexact', message: expect.stringContaining('d') })
  })

  it('give that value exactly where the driver hands over raw values', async () => {
    useExactValues('driver')
    await using raw = await SqlServer.connect(fixture.server.config('master'))
    const text = "SELECT CONVERT(decimal(38,10), '-1234567890123456789012345678.0123456789') AS [d]"
    expect(await raw.query({ text })).toEqual([{ d: '-1234567890123456789012345678.0123456789' }])
  })

  it('refuse two columns of one name', async () => {
    await expect(database.query({ text: 'SELECT 1 AS [a], 2 AS [a]' })).rejects.toMatchObject({
      code: 'unexpected-result',
    })
  })

  it('leave the pool usable after an error, which has the number and the remedy', async () => {
    for (let attempt = 0; attempt < 15; attempt += 1) {
      await expect(database.query({ text: 'SELECT * FROM [dbo].[absent]' })).rejects.toMatchObject({
        code: 'statement',
        context: { number: 208 },
        hint: expect.any(String),
      })
    }
    expect(await database.query({ text: 'SELECT 2 AS [a]' })).toEqual([{ a: 2 }])
  })

  it('stop on abort with the reason of the signal, and the pool stays usable', async () => {
    const controller = new AbortController()
    const query = database.query({ text: "WAITFOR DELAY '00:00:30'" }, { signal: controller.signal })
    setTimeout(() => controller.abort(new Error('stop')), 50)
    await expect(query).rejects.toThrow('stop')
    expect(await database.query({ text: 'SELECT 3 AS [a]' })).toEqual([{ a: 3 }])
  })
})

describe('batches', () => {
  it('give the rows of each statement', async () => {
    const { resultSets } = await database.batch('SELECT 1 AS [a]; SELECT 2 AS [b];')
    expect(resultSets).toEqual([[{ a: 1 }], [{ b: 2 }]])
  })

  it('leave no open transaction behind in the pool', async () => {
    await database.batch('CREATE TABLE [dbo].[left_open] ([id] int NOT NULL)')
    await database.batch('BEGIN TRANSACTION; INSERT INTO [dbo].[left_open] ([id]) VALUES (1);')
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(await database.query({ text: 'SELECT @@TRANCOUNT AS [n]' })).toEqual([{ n: 0 }])
    }
    expect(await database.query({ text: 'SELECT COUNT(*) AS [n] FROM [dbo].[left_open]' })).toEqual([{ n: 0 }])
  })

  it('leave no temporary table behind in the pool', async () => {
    await database.batch('CREATE TABLE #leak ([id] int NOT NULL)')
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(await database.query({ text: "SELECT OBJECT_ID(N'tempdb..#leak') AS [id]" })).toEqual([{ id: null }])
    }
  })
})

describe('a connection of its own', () => {
  it('keeps temporary tables and transactions until it is closed', async () => {
    await database.batch('CREATE TABLE [dbo].[kept] ([id] int NOT NULL)')
    const connection = await database.connection()
    await connection.batch('CREATE TABLE #t ([id] int NOT NULL)')
    await connection.batch('INSERT INTO #t ([id]) VALUES (7)')
    expect(await connection.query({ text: 'SELECT [id] FROM #t' })).toEqual([{ id: 7 }])
    await connection.batch('BEGIN TRANSACTION; INSERT INTO [dbo].[kept] ([id]) VALUES (1);')
    await connection.close()
    expect(connection.open).toBe(false)
    await expect(connection.query({ text: 'SELECT 1 AS [x]' })).rejects.toMatchObject({ code: 'closed' })
    await expect
      .poll(async () => await database.query({ text: 'SELECT COUNT(*) AS [n] FROM [dbo].[kept]' }))
      .toEqual([{ n: 0 }])
  })

  it('refuses a second statement while one runs', async () => {
    await using connection = await database.connection()
    const first = connection.query({ text: 'SELECT 1 AS [x]' })
    await expect(connection.query({ text: 'SELECT 2 AS [x]' })).rejects.toMatchObject({ code: 'invalid-argument' })
    expect(await first).toEqual([{ x: 1 }])
  })

  it('fails what is running when it is destroyed', async () => {
    const connection = await database.connection()
    const waiting = connection.batch("WAITFOR DELAY '00:00:30'")
    setTimeout(() => connection.destroy(), 50)
    await expect(waiting).rejects.toMatchObject({ code: 'connection-lost', retryable: true })
  })
})
