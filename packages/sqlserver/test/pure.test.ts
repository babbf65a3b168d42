import {
  classify,
  formatSqlType,
  isSqlServerError,
  keyOf,
  parseConnectionString,
  quoteName,
  quoteString,
  quoteTable,
  readColumns,
  SqlServerError,
  sqlTypeNames,
  withRetry,
  type TableDefinition,
} from '@icebridge/sqlserver'
import { describe, expect, it } from 'vitest'
import { column } from './fixture.ts'

describe('a connection string', () => {
  it('gives server, port, database and login', () => {
    const text =
      'Server=tcp:db.example.com,1433;Database=erp;User Id=sync;Password=p@ss;Encrypt=true;TrustServerCertificate=false'
    expect(parseConnectionString(text)).toEqual({
      server: 'db.example.com',
      port: 1433,
      database: 'erp',
      user: 'sync',
      password: 'p@ss',
      encrypt: true,
      trustServerCertificate: false,
    })
  })

  it('names an instance after a backslash', () => {
    expect(parseConnectionString(String.raw`Data Source=host\SQL2022;Initial Catalog=erp`)).toEqual({
      server: 'host',
      instanceName: 'SQL2022',
      database: 'erp',
    })
  })

  it('takes quoted values with semicolons and doubled quotes, and keys in any case', () => {
    const text = `SERVER = . ; database='my ''db''; x' ; PWD = "a;""b=" ; Uid= corp\\jo ;;`
    expect(parseConnectionString(text)).toEqual({
      server: 'localhost',
      database: "my 'db'; x",
      password: 'a;"b=',
      user: 'jo',
      domain: 'corp',
    })
  })

  it('counts time-outs in seconds and ignores what only SqlClient knows', () => {
    expect(
      parseConnectionString('Server=h;Database=d;Connect Timeout=5;Command Timeout=60;Pooling=true;Encrypt=Strict'),
    ).toEqual({
      server: 'h',
      database: 'd',
      connectTimeoutMs: 5000,
      requestTimeoutMs: 60_000,
      encrypt: 'strict',
    })
  })

  it.each([
    ['Database=d', 'names no Server'],
    ['Server=h', 'names no Database'],
    ['Server=h;Database=d;Colour=red', '"Colour" is not a keyword'],
    ['Server=h,99999;Database=d', 'port'],
    ['Server=np:h;Database=d', 'only TCP'],
    ['Server=h;Database=d;Encrypt=maybe', 'Encrypt is none of'],
    ['Server=h;Database=d;Integrated Security=SSPI', 'not supported'],
    ['Server=h;Database="d', 'malformed'],
  ])('refuses %s', (text, message) => {
    expect(() => parseConnectionString(text)).toThrow(
      expect.objectContaining({ code: 'invalid-config', message: expect.stringContaining(message) }),
    )
  })

  it('never repeats a password in an error', () => {
    for (const text of ['Server=h;Database=d;Password=hunter2;Nope=1', 'Server=h;Database=d;Password="hunter2']) {
      try {
        parseConnectionString(text)
        expect.unreachable()
      } catch (error) {
        expect(JSON.stringify(error) + String(error)).not.toContain('hunter2')
      }
    }
  })
})

describe('quoting', () => {
  it('doubles closing brackets and single quotes', () => {
    expect(quoteTable({ schema: 'odd ]s', name: "o'[x]" })).toBe("[odd ]]s].[o'[x]]]")
    expect(quoteString("it's")).toBe("N'it''s'")
  })

  it.each(['', 'x'.repeat(129), 'a\0b'])('refuses what cannot be an identifier', (name) => {
    expect(() => quoteName(name)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  })
})

describe('types', () => {
  it('are formatted as a declaration writes them', () => {
    expect(formatSqlType({ name: 'nvarchar', length: 'max' })).toBe('nvarchar(max)')
    expect(formatSqlType({ name: 'decimal', precision: 38, scale: 10 })).toBe('decimal(38,10)')
    expect(formatSqlType({ name: 'datetime2', scale: 0 })).toBe('datetime2(0)')
    expect(formatSqlType({ name: 'datetime2' })).toBe('datetime2(7)')
    expect(formatSqlType({ name: 'varchar' })).toBe('varchar(1)')
  })

  it.each([
    { name: 'decimal', precision: 39 },
    { name: 'decimal', precision: 5, scale: 6 },
    { name: 'time', scale: 8 },
    { name: 'nvarchar', length: 4001 },
    { name: 'binary', length: 0 },
  ] as const)('are refused out of range: %o', (type) => {
    expect(() => formatSqlType(type)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  })

  it('all have a batch type', () => {
    for (const name of sqlTypeNames) {
      const [value] = readColumns(column('c', { name }))
      expect(value?.role).toBe('value')
      expect(value?.field.type.kind).toBeTypeOf('string')
    }
  })

  it('have companions for what a batch type cannot hold', () => {
    const roles = (type: Parameters<typeof column>[1]): string[] =>
      readColumns(column('c', type)).map((read) => `${read.role} ${read.name}`)
    expect(roles({ name: 'datetimeoffset', scale: 7 })).toEqual([
      'value c',
      'offset _sync_offset_c',
      'ns100 _sync_ns100_c',
    ])
    expect(roles({ name: 'datetime2', scale: 6 })).toEqual(['value c'])
    expect(roles({ name: 'time' })).toEqual(['value c', 'ns100 _sync_ns100_c'])
    expect(roles({ name: 'sql_variant' })).toEqual(['value c', 'variant _sync_variant_c'])
  })

  it('never cut the text of a sql_variant, of which 8,000 bytes have 16,002 hexadecimal characters', () => {
    const [value] = readColumns(column('c', { name: 'sql_variant' }))
    expect(value?.expression('[t]')).not.toMatch(/nvarchar\(\d{4}/)
  })

  it('quote the column in every expression', () => {
    for (const name of sqlTypeNames) {
      for (const read of readColumns(column('a]b', { name }))) expect(read.expression('[t]')).toContain('[t].[a]]b]')
    }
  })
})

describe('the key of a table', () => {
  const table = (keys: TableDefinition['keys']): TableDefinition => ({
    table: { schema: 'dbo', name: 't' },
    objectId: 1,
    columns: [column('a', { name: 'int' }, { nullable: false }), column('b', { name: 'int' })],
    keys,
    foreignKeys: 0,
    secondaryUniqueIndexes: false,
    triggers: false,
    temporal: false,
    memoryOptimized: false,
    rowFilter: false,
    changeTracking: false,
    rowCount: 0n,
  })
  const index = { name: 'u', kind: 'unique-index', clustered: false, filtered: false } as const
  const on = (name: string) => [{ name, descending: false }]

  it('is the primary key, then an unfiltered unique index over NOT NULL columns', () => {
    const primary = { ...index, name: 'pk', kind: 'primary-key', columns: on('a') } as const
    expect(keyOf(table([{ ...index, columns: on('a') }, primary]))?.name).toBe('pk')
    expect(keyOf(table([{ ...index, columns: on('b') }]))).toBeUndefined()
    expect(keyOf(table([{ ...index, columns: on('a'), filtered: true }]))).toBeUndefined()
    expect(keyOf(table([{ ...index, columns: on('a') }]))?.name).toBe('u')
  })
})

describe('classification', () => {
  it.each([
    [{ number: 1205 }, 'deadlock', true],
    [{ number: 1222 }, 'timeout', true],
    [{ number: 40613 }, 'transient', true],
    [{ number: 3960 }, 'transient', true],
    [{ number: 2627 }, 'constraint', false],
    [{ number: 229 }, 'permission', false],
    [{ number: 18456 }, 'login', false],
    [{ number: 4060 }, 'login', false],
    [{ number: 208 }, 'syntax', false],
    [{ number: 50000 }, 'other', false],
    [{ code: 'ESOCKET' }, 'connection-lost', true],
    [{ code: 'ECONNRESET' }, 'connection-lost', true],
    [{ code: 'ECLOSE' }, 'connection-lost', true],
    [{ code: 'ETIMEOUT' }, 'timeout', true],
    [{ cause: { number: 1205 } }, 'deadlock', true],
    [new AggregateError([{ number: 2627 }]), 'constraint', false],
    ['text', 'other', false],
    [undefined, 'other', false],
  ])('of %o is %s, retryable %s', (error, kind, retryable) => {
    expect(classify(error)).toMatchObject({ kind, retryable })
  })
})

describe('retry', () => {
  const deadlock = new SqlServerError('deadlock', 'x', { retryable: true, context: { number: 1205 } })

  it('repeats retryable work with growing pauses and gives its result', async () => {
    const pauses: number[] = []
    const result = await withRetry(
      async (attempt) => {
        if (attempt < 4) throw deadlock
        return attempt
      },
      { attempts: 5, baseDelayMs: 100, maxDelayMs: 300, random: () => 0.5, sleep: async (ms) => void pauses.push(ms) },
    )
    expect(result).toBe(4)
    expect(pauses).toEqual([75, 150, 225])
  })

  it('throws what is not retryable at once, and the last error when the attempts are used up', async () => {
    let runs = 0
    const options = { attempts: 3, baseDelayMs: 0, maxDelayMs: 0, random: () => 0, sleep: async () => {} }
    const fail = (error: Error) =>
      withRetry(async () => {
        runs += 1
        throw error
      }, options)
    await expect(fail(new Error('no'))).rejects.toThrow('no')
    expect(runs).toBe(1)
    await expect(fail(deadlock)).rejects.toBe(deadlock)
    expect(runs).toBe(4)
  })

  it('stops when the signal aborts', async () => {
    const controller = new AbortController()
    const work = withRetry(
      async () => {
        controller.abort(new Error('enough'))
        throw deadlock
      },
      { attempts: 9, baseDelayMs: 0, maxDelayMs: 0, random: () => 0, sleep: async () => {}, signal: controller.signal },
    )
    await expect(work).rejects.toThrow('enough')
  })
})

it('recognises its errors by class and code', () => {
  const error = new SqlServerError('timeout', 'x')
  expect(isSqlServerError(error, 'timeout')).toBe(true)
  expect(isSqlServerError(error, 'tls')).toBe(false)
  expect(isSqlServerError(new Error('x'))).toBe(false)
})
