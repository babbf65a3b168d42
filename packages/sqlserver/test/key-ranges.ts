import {
  boundaryQuery,
  lastKeyQuery,
  parseBoundary,
  quoteTable,
  rangeKeyOf,
  readBoundary,
  rowRange,
  serializeBoundary,
  useExactValues,
  type ExactValues,
  type KeyBoundary,
  type RangeEnds,
  type RangeKey,
  type SqlServer,
  type TableDefinition,
} from '@icebridge/sqlserver'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { column, Fixture } from './fixture.ts'

let fixture: Fixture
let database: SqlServer
let tables = 0

interface KeyedTable {
  readonly table: TableDefinition
  readonly key: RangeKey
}

async function create(columns: string, primaryKey: string, rows: readonly string[]): Promise<KeyedTable> {
  tables += 1
  const name = `ranges_${tables}`
  await database.batch(
    `CREATE TABLE [dbo].[${name}] (${columns}, CONSTRAINT [PK_${name}] PRIMARY KEY CLUSTERED (${primaryKey}));`,
  )
  for (const row of rows) await database.batch(`INSERT INTO [dbo].[${name}] VALUES (${row});`)
  const table = await database.describeTable({ schema: 'dbo', name })
  const { key, reason } = rangeKeyOf(table)
  if (key === undefined) throw new Error(reason)
  return { table, key }
}

/** Boundaries after every `rows` rows, each through its text and back. */
async function boundaries({ table, key }: KeyedTable, rows: number): Promise<readonly KeyBoundary[]> {
  const found: KeyBoundary[] = []
  for (;;) {
    const [row, next] = await database.query(boundaryQuery(table, key, { after: found.at(-1), rows }))
    if (row === undefined || next === undefined) return found
    const boundary = readBoundary(key, row)
    const again = parseBoundary(key, serializeBoundary(key, boundary))
    expect(again).toEqual(boundary)
    found.push(again ?? boundary)
  }
}

async function countIn({ table, key }: KeyedTable, ends: RangeEnds): Promise<number> {
  const range = rowRange(key, ends)
  const [row] = await database.query({
    text: `SELECT COUNT(*) AS [n] FROM ${quoteTable(table.table)} AS [t]${range === undefined ? '' : ` WHERE ${range.predicate('[t]')}`}`,
    parameters: range?.parameters ?? [],
  })
  return Number(row?.['n'])
}

/** Rows of each range that the boundaries cut, in their order. */
async function sizes(keyed: KeyedTable, found: readonly KeyBoundary[]): Promise<readonly number[]> {
  const counts: number[] = []
  for (let index = 0; index <= found.length; index += 1) {
    counts.push(await countIn(keyed, { after: found[index - 1], upTo: found[index] }))
  }
  return counts
}

const digits = Array.from({ length: 7 }, (_, index) => index)

/** Ranges of keys of every type, read in one mode of exact values. */
export function keyRanges(mode: ExactValues): void {
  beforeAll(async () => {
    useExactValues(mode)
    fixture = await Fixture.open()
    database = await fixture.database()
  })
  afterAll(() => fixture.close())

  describe('ranges of a key', () => {
    it.each([
      [
        'bigint',
        ['-9223372036854775808', '-9007199254740993', '0', '1', '2', '9007199254740993', '9223372036854775807'],
      ],
      ['int', ['-2147483648', '-1', '0', '1', '7', '2147483646', '2147483647']],
      ['smallint', digits.map((n) => `${n - 3}`)],
      ['tinyint', digits.map((n) => `${n * 40}`)],
      ['decimal(38,10)', digits.map((n) => `${n < 3 ? '-' : ''}${n + 1}234567890123456789012345678.1234567891`)],
      ['money', digits.map((n) => `${n < 3 ? '-' : ''}${n + 1}00000000000000.0001`)],
      [
        'float',
        ['-1.7976931348623157e308', '-0.1', '0', '5e-320', '0.1', '0.30000000000000004', '1.7976931348623157e308'],
      ],
      ['real', ['-3e38', '-0.1', '0', '0.1', '0.2', '0.3', '3e38']],
      ['date', digits.map((n) => `'${n + 1}000-12-31'`)],
      ['time(7)', digits.map((n) => `'23:59:59.999999${n}'`)],
      ['datetime', digits.map((n) => `'2026-01-01T00:00:00.${['000', '003', '007', '010', '013', '017', '020'][n]}'`)],
      ['smalldatetime', digits.map((n) => `'2026-01-01T00:0${n}:00'`)],
      ['datetime2(7)', digits.map((n) => `'9999-12-31T23:59:59.999999${n}'`)],
      ['datetime2(3)', digits.map((n) => `'2026-12-31T23:59:59.99${n}'`)],
      ['datetimeoffset(7)', digits.map((n) => `'2026-01-01T0${n}:00:00.000000${n}+0${n * 2 > 9 ? 9 : n * 2}:30'`)],
      [
        'varbinary(20)',
        ['0x', '0x0001', '0x01', '0x0100ff', '0x0101', '0xfe', '0xfffffffffffffffffffffffffffffffffffffffe'],
      ],
      ['binary(4)', digits.map((n) => `0x0${n}ff00ff`)],
      ['bit', ['0', '1']],
    ])('%s are disjoint, hold every row, and have the rows they should', async (type, values) => {
      const keyed = await create(`[k] ${type} NOT NULL`, '[k]', values)
      const found = await boundaries(keyed, 2)
      expect(await sizes(keyed, found)).toEqual(values.length === 2 ? [2] : [2, 2, 2, 1])
    })

    it("of a uniqueidentifier follow the server's order, which looks at the last six bytes first", async () => {
      const last = ['000000000003', '000000000001', '000000000002', '000000000005', '000000000004']
      const values = last.map((tail, index) => `'${5 - index}0000000-0000-0000-0000-${tail}'`)
      const keyed = await create('[k] uniqueidentifier NOT NULL', '[k]', values)
      const found = await boundaries(keyed, 2)
      expect(found.map((each) => String(each.values[0]).slice(-1))).toEqual(['2', '4'])
      expect(await sizes(keyed, found)).toEqual([2, 2, 1])
    })

    it("of text follow the column's collation, not the database's and not JavaScript's", async () => {
      const values = ["N'b'", "N'A'", "N'C'", "N'a2'", "N'B2'"]
      const insensitive = await create('[k] nvarchar(20) COLLATE Latin1_General_CI_AS NOT NULL', '[k]', values)
      expect((await boundaries(insensitive, 2)).map((each) => each.values[0])).toEqual(['a2', 'B2'])
      const binary = await create('[k] nvarchar(20) COLLATE Latin1_General_BIN2 NOT NULL', '[k]', values)
      expect((await boundaries(binary, 2)).map((each) => each.values[0])).toEqual(['B2', 'a2'])
      for (const keyed of [insensitive, binary]) {
        expect(await sizes(keyed, await boundaries(keyed, 2))).toEqual([2, 2, 1])
      }
    })

    it.each([
      'varchar(20) COLLATE Latin1_General_CI_AS',
      'char(8) COLLATE Latin1_General_CS_AS',
      'nchar(8)',
      'nvarchar(20)',
    ])('of %s keep blanks, quotes and letters beyond ASCII', async (type) => {
      const values = ["N'a  '", "N'b'", "N'''é'", "N'ü '", "N'€'"]
      const keyed = await create(`[k] ${type} NOT NULL`, '[k]', values)
      for (const rows of [1, 2, 3]) {
        const counts = await sizes(keyed, await boundaries(keyed, rows))
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5)
        expect(counts[0]).toBe(rows)
      }
    })

    it('of several columns, one of them descending, are cut anywhere', async () => {
      const rows = ['a', 'b'].flatMap((a) =>
        digits.flatMap((b) => digits.map((c) => `N'${a}', ${b}, '2026-01-0${c + 1}'`)),
      )
      const keyed = await create(
        '[a] nvarchar(10) NOT NULL, [b] decimal(20,0) NOT NULL, [c] date NOT NULL',
        '[a], [b] DESC, [c]',
        [],
      )
      await database.batch(
        `INSERT INTO ${quoteTable(keyed.table.table)} VALUES ${rows.map((row) => `(${row})`).join(', ')};`,
      )
      for (const step of [1, 3, 10, 49, 97]) {
        const found = await boundaries(keyed, step)
        const counts = await sizes(keyed, found)
        expect(counts.slice(0, -1)).toEqual(found.map(() => step))
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(98)
      }
      expect((await boundaries(keyed, 10))[0]?.values).toEqual(['a', '5', '2026-01-03'])
    })

    it('end with the last key of the table', async () => {
      const { table, key } = await create('[a] int NOT NULL, [b] int NOT NULL', '[a] DESC, [b]', [
        '1, 1',
        '1, 2',
        '2, 1',
      ])
      const [row] = await database.query(lastKeyQuery(table, key))
      expect(readBoundary(key, row ?? {}).values).toEqual([1, 2])
      const until = { values: [2, 1] }
      expect(await database.query(boundaryQuery(table, key, { upTo: until, rows: 2 }))).toEqual([])
    })
  })

  describe('the key of ranges', () => {
    it('is the clustered one before the primary key', async () => {
      await database.batch(
        'CREATE TABLE [dbo].[two_keys] ([id] uniqueidentifier NOT NULL CONSTRAINT [PK_two] PRIMARY KEY NONCLUSTERED, [n] bigint NOT NULL CONSTRAINT [UQ_two] UNIQUE CLUSTERED);',
      )
      const table = await database.describeTable({ schema: 'dbo', name: 'two_keys' })
      expect(rangeKeyOf(table).key).toMatchObject({ name: 'UQ_two', clustered: true })
    })

    it('is absent without a unique key, in a memory-optimized table and over a sql_variant, and the reason says so', () => {
      const table: TableDefinition = {
        table: { schema: 'dbo', name: 't' },
        objectId: 1,
        columns: [column('v', { name: 'sql_variant' }, { nullable: false })],
        keys: [],
        foreignKeys: 0,
        secondaryUniqueIndexes: false,
        triggers: false,
        temporal: false,
        memoryOptimized: false,
        rowFilter: false,
        changeTracking: false,
        rowCount: 0n,
      }
      expect(rangeKeyOf(table).reason).toContain('no unique key')
      expect(rangeKeyOf({ ...table, memoryOptimized: true }).reason).toContain('memory-optimized')
      const keys = [
        {
          name: 'PK',
          kind: 'primary-key',
          clustered: true,
          columns: [{ name: 'v', descending: false }],
          filtered: false,
        },
      ] as const
      expect(rangeKeyOf({ ...table, keys }).reason).toContain('v (sql_variant)')
    })

    it('knows a boundary of its own from that of a key that has changed', () => {
      const key = (type: 'int' | 'bigint', descending = false): RangeKey => ({
        name: 'PK',
        clustered: true,
        columns: [{ column: column('id', { name: type }, { nullable: false }), descending }],
      })
      const text = serializeBoundary(key('int'), { values: [5] })
      expect(parseBoundary(key('int'), text)).toEqual({ values: [5] })
      for (const other of [key('bigint'), key('int', true)]) expect(parseBoundary(other, text)).toBeUndefined()
      for (const damaged of ['', '{}', text.replace('5', '"5"')])
        expect(parseBoundary(key('int'), damaged)).toBeUndefined()
    })
  })
}
