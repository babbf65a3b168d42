import {
  type BulkColumn,
  type FaultRule,
  type Parameter,
  type ResultColumn,
  type SqlType,
  type SqlValue,
  type TdsServer,
  serve,
} from '@icebridge/sqlserver-sandbox'
import mssql from 'mssql'
import { afterEach, describe, expect, it } from 'vitest'
import { type Script, failure, fakeEngine, select } from '../fake-engine.ts'

const open: { close(): Promise<unknown> }[] = []

afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item.close()
})

interface Opened {
  readonly server: TdsServer
  readonly pool: mssql.ConnectionPool
  readonly log: string[]
}

async function connect(script: Script = {}, overrides: Partial<mssql.config> = {}): Promise<Opened> {
  const engine = fakeEngine(script)
  const server = await serve({ engine, traceLimit: 100 })
  open.push(server)
  const pool = new mssql.ConnectionPool({
    server: server.host,
    port: server.port,
    user: 'sa',
    password: 'secret',
    database: 'Shop',
    options: { encrypt: false },
    pool: { max: 1 },
    ...overrides,
  })
  await pool.connect()
  open.push(pool)
  return { server, pool, log: engine.log }
}

function column(name: string, type: SqlType, nullable = true): ResultColumn {
  return { name, type, nullable }
}

const int: SqlType = { name: 'int' }
const id = column('id', int)

describe('login', () => {
  it('refuses a wrong password with the error of the engine', async () => {
    await expect(connect({}, { password: 'wrong' })).rejects.toMatchObject({
      code: 'ELOGIN',
      message: "Login failed for user 'sa'.",
    })
  })

  it('refuses to listen beyond loopback', async () => {
    await expect(serve({ engine: fakeEngine(), host: '0.0.0.0' })).rejects.toThrow('loopback only')
  })

  it('lets a client that insists on encryption say so', async () => {
    await expect(connect({}, { options: { encrypt: true } })).rejects.toThrow('did not negotiate encryption')
  })
})

describe('values', () => {
  const guid = '6f9619ff-8b86-d011-b42d-00c04fc964ff'
  const bytes = Uint8Array.of(1, 2, 255)
  const cases: readonly [string, SqlType, SqlValue, unknown][] = [
    ['bit', { name: 'bit' }, true, true],
    ['tinyint', { name: 'tinyint' }, 255, 255],
    ['smallint', { name: 'smallint' }, -32768, -32768],
    ['int', int, -2147483648, -2147483648],
    ['bigint', { name: 'bigint' }, -9223372036854775808n, '-9223372036854775808'],
    ['real', { name: 'real' }, 1.5, 1.5],
    ['float', { name: 'float' }, -0.1, -0.1],
    ['decimal of 9', { name: 'decimal', precision: 9, scale: 2 }, -12345n, -123.45],
    ['decimal of 19', { name: 'decimal', precision: 19, scale: 0 }, 1n << 40n, 2 ** 40],
    ['numeric of 28', { name: 'numeric', precision: 28, scale: 0 }, 1n << 80n, 2 ** 80],
    ['decimal of 38', { name: 'decimal', precision: 38, scale: 0 }, -(1n << 100n), -(2 ** 100)],
    ['money', { name: 'money' }, -1234567890123n, -123456789.0123],
    ['smallmoney', { name: 'smallmoney' }, -1n, -0.0001],
    ['date', { name: 'date' }, 3652058, new Date('9999-12-31T00:00:00Z')],
    ['time(7)', { name: 'time', scale: 7 }, 863_999_990_000n, new Date('1970-01-01T23:59:59.999Z')],
    ['datetime2(0)', { name: 'datetime2', scale: 0 }, 0n, new Date('0001-01-01T00:00:00Z')],
    ['datetime2(7)', { name: 'datetime2', scale: 7 }, 3155378975999990000n, new Date('9999-12-31T23:59:59.999Z')],
    ['datetime', { name: 'datetime' }, -1n, new Date('1899-12-31T23:59:59.997Z')],
    ['smalldatetime', { name: 'smalldatetime' }, 1441, new Date('1900-01-02T00:01:00Z')],
    ['uniqueidentifier', { name: 'uniqueidentifier' }, guid, guid.toUpperCase()],
    ['nvarchar', { name: 'nvarchar', length: 20 }, 'a\ud83d\ude00\ud800', 'a\ud83d\ude00\ud800'],
    ['nvarchar(max)', { name: 'nvarchar', length: -1 }, 'x'.repeat(70_000), 'x'.repeat(70_000)],
    ['nvarchar(max), empty', { name: 'nvarchar', length: -1 }, '', ''],
    ['nchar', { name: 'nchar', length: 2 }, 'é ', 'é '],
    ['varchar', { name: 'varchar', length: 20 }, 'é€\u4e2d', 'é€?'],
    ['varchar in UTF-8', { name: 'varchar', length: 20, collation: 'Latin1_General_100_CI_AS_SC_UTF8' }, '中', '中'],
    ['varchar in code page 1250', { name: 'varchar', length: 20, collation: 'Polish_CI_AS' }, 'łЖ', 'ł?'],
    ['varchar in code page 932', { name: 'varchar', length: 20, collation: 'Japanese_CI_AS' }, '日本ł', '日本?'],
    ['varchar(max)', { name: 'varchar', length: -1 }, 'Žluť', 'Žlu?'],
    ['char', { name: 'char', length: 3 }, 'ab ', 'ab '],
    ['text', { name: 'text' }, 'naïve', 'naïve'],
    ['ntext', { name: 'ntext' }, 'ž', 'ž'],
    ['xml', { name: 'xml' }, '<a/>', '<a/>'],
    ['varbinary', { name: 'varbinary', length: 10 }, bytes, Buffer.from(bytes)],
    ['varbinary(max)', { name: 'varbinary', length: -1 }, bytes, Buffer.from(bytes)],
    ['binary', { name: 'binary', length: 3 }, bytes, Buffer.from(bytes)],
    ['image', { name: 'image' }, bytes, Buffer.from(bytes)],
    ['rowversion', { name: 'rowversion' }, new Uint8Array(8), Buffer.alloc(8)],
    ['sql_variant of int', { name: 'sql_variant' }, { type: int, value: 7 }, 7],
    ['sql_variant of nvarchar', { name: 'sql_variant' }, { type: { name: 'nvarchar', length: 5 }, value: 'ž' }, 'ž'],
  ]

  it.each(cases)('sends %s and its NULL', async (_, type, value, expected) => {
    const { pool } = await connect({
      batch: (_text, _parameters, sink) => select(sink, [column('v', type)], [[value], [null], [value]]),
    })
    const { recordset } = await pool.request().query('select v')
    expect(recordset.map((row: { v: unknown }) => row.v)).toEqual([expected, null, expected])
  })

  it('sends columns that are never NULL in their fixed form', async () => {
    const { pool } = await connect({
      batch: (_text, _parameters, sink) =>
        select(
          sink,
          [column('i', int, false), column('m', { name: 'money' }, false), column('b', { name: 'bit' }, false)],
          [[5, 12500n, false]],
        ),
    })
    const { recordset } = await pool.request().query('select')
    expect(recordset[0]).toEqual({ i: 5, m: 1.25, b: false })
  })
})

describe('parameters', () => {
  it('arrive with their types and values, and go back as output', async () => {
    const seen: Parameter[] = []
    const { pool } = await connect({
      batch(_text, parameters, sink) {
        seen.push(...parameters)
        sink.returnValue('@out', int, 42)
      },
    })
    const request = pool.request()
    request.input('n', mssql.NVarChar(20), 'a\ud800')
    request.input('d', mssql.Decimal(18, 2), 12.5)
    request.input('t', mssql.DateTime2(3), new Date('2026-02-03T04:05:06.789Z'))
    request.input('g', mssql.UniqueIdentifier, '6F9619FF-8B86-D011-B42D-00C04FC964FF')
    request.input('b', mssql.VarBinary(mssql.MAX), Buffer.from([1, 2]))
    request.input('z', mssql.Int, null)
    request.output('out', mssql.Int)
    const result = await request.query('select 1')
    expect(result.output).toEqual({ out: 42 })
    expect(Object.fromEntries(seen.map((parameter) => [parameter.name, parameter.value]))).toEqual({
      '@n': 'a\ud800',
      '@d': 1250n,
      '@t': 639056883067890000n,
      '@g': '6f9619ff-8b86-d011-b42d-00c04fc964ff',
      '@b': Uint8Array.of(1, 2),
      '@z': null,
      '@out': null,
    })
  })

  it('reach a prepared statement by its handle', async () => {
    const { pool, server } = await connect({
      batch: (_text, parameters, sink) => select(sink, [id], [[parameters[0]?.value ?? null]]),
    })
    const statement = new mssql.PreparedStatement(pool)
    statement.input('id', mssql.Int)
    await statement.prepare('select @id as id')
    expect((await statement.execute({ id: 4 })).recordset).toEqual([{ id: 4 }])
    expect((await statement.execute({ id: 5 })).recordset).toEqual([{ id: 5 }])
    await statement.unprepare()
    expect(server.trace.map((entry) => entry.text)).toEqual([
      'select @id as id',
      'select @id as id',
      'select @id as id',
      'sp_unprepare 1',
    ])
  })

  it('of a procedure become an EXEC, its RETURN value the status', async () => {
    const { pool, log } = await connect({
      batch: (_text, _parameters, sink) => sink.returnValue('@__return_status', int, -1),
    })
    const result = await pool.request().input('Resource', mssql.NVarChar(255), 'x').execute('sp_getapplock')
    expect(result.returnValue).toBe(-1)
    expect(log.at(-1)).toBe('EXEC @__return_status = sp_getapplock @Resource = @Resource')
  })
})

describe('statements', () => {
  it('count their rows one by one, in a batch and in a query', async () => {
    const { pool } = await connect({
      async batch(text, _parameters, sink) {
        if (!text.startsWith('many')) return
        await sink.done({ kind: 'insert', rowCount: 3 })
        await sink.done({ kind: 'other' })
        await select(sink, [id], [[1], [2]])
        await sink.done({ kind: 'update', rowCount: 0 })
      },
    })
    expect((await pool.request().batch('many')).rowsAffected).toEqual([3, 2, 0])
    const result = await pool.request().query('many')
    expect(result.rowsAffected).toEqual([3, 2, 0])
    expect(result.recordset).toEqual([{ id: 1 }, { id: 2 }])
  })

  it('raise errors with number, state, class and line, and the connection lives on', async () => {
    const { pool } = await connect({
      batch(text, _parameters, sink) {
        if (text === 'bad') {
          sink.error({ number: 2627, state: 3, severity: 14, line: 7, message: 'Violation', procedure: 'p' })
        }
        if (text === 'throws') throw failure(208, 'Invalid object name')
      },
    })
    await expect(pool.request().batch('bad')).rejects.toMatchObject({
      number: 2627,
      state: 3,
      class: 14,
      lineNumber: 7,
      procName: 'p',
    })
    await expect(pool.request().query('throws')).rejects.toMatchObject({ number: 208 })
    expect((await pool.request().batch('good')).rowsAffected).toEqual([])
  })

  it('stop when the client cancels, and the connection lives on', async () => {
    const started = Promise.withResolvers<void>()
    const { pool } = await connect({
      batch(text, _parameters, _sink, signal) {
        if (text !== 'slow') return
        started.resolve()
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      },
    })
    const request = pool.request()
    const running = request.batch('slow')
    running.catch(() => {})
    await started.promise
    request.cancel()
    await expect(running).rejects.toMatchObject({ code: 'ECANCEL' })
    await pool.request().batch('next')
  })
})

describe('transactions', () => {
  it('of the driver reach the engine with their isolation level', async () => {
    const { pool, log } = await connect()
    const transaction = new mssql.Transaction(pool)
    await transaction.begin(mssql.ISOLATION_LEVEL.SNAPSHOT)
    await transaction.commit()
    const other = new mssql.Transaction(pool)
    await other.begin()
    await other.rollback()
    expect(log.filter((line) => /^(begin|commit|rollback)/.test(line))).toEqual([
      'begin snapshot',
      'commit',
      'begin read committed',
      'rollback',
    ])
  })
})

describe('bulk loads', () => {
  const columns: readonly BulkColumn[] = [
    { name: 'id', type: int },
    { name: 'name', type: { name: 'nvarchar', length: 20 } },
    { name: 'note', type: { name: 'varchar', length: -1 } },
  ]

  function table(rows: Iterable<unknown[]>): mssql.Table {
    const made = new mssql.Table('#t')
    made.columns.add('id', mssql.Int, { nullable: true })
    made.columns.add('name', mssql.NVarChar(20), { nullable: true })
    made.columns.add('note', mssql.VarChar(mssql.MAX), { nullable: true })
    // mssql takes any iterable here; its types know the array only.
    made.rows = rows as typeof made.rows
    return made
  }

  function* numbered(count: number): Generator<unknown[]> {
    for (let index = 0; index < count; index++) yield [index, `n${index}`, null]
  }

  it('stream 200,000 rows, no faster than the engine takes them', async () => {
    let sum = 0
    let largest = 0
    const { pool, log } = await connect({
      bulkColumns: columns,
      async bulkRows(rows) {
        largest = Math.max(largest, rows.length)
        for (const row of rows) sum += Number(row[0])
        await new Promise((resolve) => setImmediate(resolve))
      },
    })
    const result = await pool.request().bulk(table(numbered(200_000)))
    expect(result.rowsAffected).toBe(200_000)
    expect(sum).toBe((200_000 * 199_999) / 2)
    expect(largest).toBeLessThanOrEqual(2048)
    expect(log).toContain('bulk finish 200000')
  })

  it('keep lone surrogates, nulls and values larger than a packet', async () => {
    const got: SqlValue[][] = []
    const { pool } = await connect({
      bulkColumns: columns,
      bulkRows: (rows) => void got.push(...rows.map((row) => [...row])),
    })
    const long = 'y'.repeat(300_000)
    await pool.request().bulk(
      table([
        [1, 'a\udc00', long],
        [null, null, null],
      ]),
    )
    expect(got).toEqual([
      [1, 'a\udc00', long],
      [null, null, null],
    ])
  })

  it('report an error in the middle and leave the connection usable', async () => {
    const { pool, log } = await connect({
      bulkColumns: columns,
      bulkRows() {
        throw failure(2627, 'Violation', 14)
      },
    })
    await expect(pool.request().bulk(table(numbered(50_000)))).rejects.toMatchObject({ number: 2627 })
    expect(log.at(-1)).toBe('bulk abort')
    await pool.request().batch('next')
  })
})

describe('reading', () => {
  it('waits for a client that pauses', async () => {
    const total = 200_000
    let sent = 0
    const { pool } = await connect({
      async batch(text, _parameters, sink) {
        if (text !== 'rows') return
        await sink.columns([id, column('pad', { name: 'nvarchar', length: 100 })])
        for (let start = 0; start < total; start += 2000) {
          await sink.rows({ rowCount: 2000, cells: [(row) => start + row, () => 'p'.repeat(100)] })
          sent += 2000
        }
        await sink.done({ kind: 'select', rowCount: total })
      },
    })
    const request = pool.request()
    request.stream = true
    let rows = 0
    let sentWhilePaused = 0
    const ended = Promise.withResolvers<void>()
    request.on('row', () => {
      if (++rows !== 10) return
      request.pause()
      setTimeout(() => {
        sentWhilePaused = sent
        request.resume()
      }, 300)
    })
    request.on('error', ended.reject)
    request.on('done', () => ended.resolve())
    void request.batch('rows')
    await ended.promise
    expect(rows).toBe(total)
    expect(sentWhilePaused).toBeLessThan(total)
  })
})

describe('faults', () => {
  const lost = { code: expect.stringMatching(/^(ESOCKET|ECLOSE|ECONNRESET|EINVALIDSTATE)$/) as unknown }

  async function withFault(rule: FaultRule, script: Script = {}): Promise<Opened & { fired: () => boolean }> {
    const opened = await connect(script)
    const fault = opened.server.faults.add(rule)
    return { ...opened, fired: () => fault.fired }
  }

  it('drop the connection before the nth matching statement', async () => {
    const { pool, log, fired } = await withFault({ at: 'before', nth: 2, text: /^x/, action: { do: 'drop' } })
    await pool.request().batch('x1')
    await pool.request().batch('y')
    await expect(pool.request().batch('x2')).rejects.toMatchObject(lost)
    expect(log).not.toContain('x2')
    expect(fired()).toBe(true)
  })

  it('lose the answer to a batch that has committed', async () => {
    const { pool, log } = await withFault({ at: 'after', text: /COMMIT TRANSACTION/, action: { do: 'drop' } })
    await expect(pool.request().batch('BEGIN TRAN; COMMIT TRANSACTION')).rejects.toMatchObject(lost)
    expect(log).toContain('BEGIN TRAN; COMMIT TRANSACTION')
  })

  it("lose the answer to the driver's commit", async () => {
    const { pool, log } = await withFault({ at: 'after', kind: 'transaction', text: /^COMMIT/, action: { do: 'drop' } })
    const transaction = new mssql.Transaction(pool)
    await transaction.begin()
    await expect(transaction.commit()).rejects.toMatchObject(lost)
    expect(log).toContain('commit')
  })

  it('answer with an error in place of the nth row', async () => {
    const { pool } = await withFault(
      { at: 'row', nth: 3, action: { do: 'fail', error: { number: 1205, message: 'deadlock', severity: 13 } } },
      { batch: (_text, _parameters, sink) => select(sink, [id], [[1], [2], [3], [4]]) },
    )
    const request = pool.request()
    request.stream = true
    const rows: unknown[] = []
    const errors: unknown[] = []
    const ended = new Promise<void>((resolve) => request.on('done', () => resolve()))
    request.on('row', (row) => rows.push(row))
    request.on('error', (error) => errors.push(error))
    void request.batch('rows')
    await ended
    expect(rows).toEqual([{ id: 1 }, { id: 2 }])
    expect(errors).toMatchObject([{ number: 1205, class: 13 }])
  })

  it('drop the connection at the nth row of a bulk load, which leaves nothing', async () => {
    const { pool, log, fired } = await withFault(
      { at: 'bulkRow', nth: 3000, action: { do: 'drop' } },
      { bulkColumns: [{ name: 'id', type: int }] },
    )
    const table = new mssql.Table('#t')
    table.columns.add('id', mssql.Int, { nullable: true })
    for (let index = 0; index < 10_000; index++) table.rows.add(index)
    await expect(pool.request().bulk(table)).rejects.toMatchObject(lost)
    await expect.poll(() => log.at(-1)).toBe('close')
    expect(log).toContain('bulk abort')
    expect(log).not.toContain('bulk finish 10000')
    expect(fired()).toBe(true)
  })

  it('stall until they are released', async () => {
    const { pool, server } = await connect()
    const fault = server.faults.add({ at: 'before', action: { do: 'stall' } })
    let answered = false
    const running = pool
      .request()
      .batch('x')
      .then(() => (answered = true))
    await fault.whenFired
    expect(answered).toBe(false)
    fault.release()
    await running
    expect(server.faults.list()).toHaveLength(1)
    server.faults.clear()
    expect(server.faults.list()).toHaveLength(0)
  })
})
