import { useExactValues, type ExactValues, type SqlServer, type TableDefinition } from '@icebridge/sqlserver'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bulkColumns, Fixture, readAll, rowsOf } from './fixture.ts'

interface Case {
  readonly type: string
  /** T-SQL literals; each is converted to the type by the INSERT. */
  readonly literals: readonly string[]
  /** What each must read as: the value, then its companions. */
  readonly reads: readonly (readonly unknown[])[]
}

const micros = (iso: string): bigint => BigInt(Date.parse(iso)) * 1000n

const cases: readonly Case[] = [
  { type: 'bit', literals: ['1', '0'], reads: [[true], [false]] },
  { type: 'tinyint', literals: ['0', '255'], reads: [[0], [255]] },
  { type: 'smallint', literals: ['-32768', '32767'], reads: [[-32768], [32767]] },
  { type: 'int', literals: ['-2147483648', '2147483647'], reads: [[-2147483648], [2147483647]] },
  {
    type: 'bigint',
    literals: ['-9223372036854775808', '9223372036854775807', '9007199254740993', '-9007199254740992', '-1'],
    reads: [[-9223372036854775808n], [9223372036854775807n], [9007199254740993n], [-9007199254740992n], [-1n]],
  },
  {
    type: 'decimal(38,10)',
    literals: [
      "'9999999999999999999999999999.9999999999'",
      "'-9999999999999999999999999999.9999999999'",
      "'0.0000000001'",
    ],
    reads: [[10n ** 38n - 1n], [1n - 10n ** 38n], [1n]],
  },
  { type: 'decimal(38,38)', literals: ["'-0.00000000000000000000000000000000000001'"], reads: [[-1n]] },
  { type: 'numeric(18,2)', literals: ["'9999999999999999.99'", "'-0.01'"], reads: [[999999999999999999n], [-1n]] },
  {
    type: 'decimal(15,5)',
    literals: ["'9999999999.99999'", "'-9999999999.99997'", "'0.00003'", '0'],
    reads: [[999999999999999n], [-999999999999997n], [3n], [0n]],
  },
  { type: 'decimal(9,0)', literals: ['-999999999', '7'], reads: [[-999999999n], [7n]] },
  {
    type: 'money',
    literals: ["'922337203685477.5807'", "'-922337203685477.5808'", "'333.34'", "'-0.0001'"],
    reads: [[9223372036854775807n], [-9223372036854775808n], [3333400n], [-1n]],
  },
  { type: 'smallmoney', literals: ["'214748.3647'", "'-214748.3648'"], reads: [[2147483647n], [-2147483648n]] },
  {
    type: 'real',
    literals: ['3.4028235E38', '1.1754944E-38'],
    reads: [[Math.fround(3.4028235e38)], [Math.fround(1.1754944e-38)]],
  },
  {
    type: 'float',
    literals: ['1.7976931348623157E308', '0.1', '-2.2250738585072014E-308'],
    reads: [[1.7976931348623157e308], [0.1], [-2.2250738585072014e-308]],
  },
  { type: 'date', literals: ["'0001-01-01'", "'9999-12-31'", "'1969-12-31'"], reads: [[-719162], [2932896], [-1]] },
  {
    type: 'time(7)',
    literals: ["'23:59:59.9999999'", "'00:00:00'"],
    reads: [
      [86_399_999_999n, 9],
      [0n, 0],
    ],
  },
  { type: 'time(0)', literals: ["'23:59:59'"], reads: [[86_399_000_000n]] },
  { type: 'time(3)', literals: ["'12:34:56.789'"], reads: [[45_296_789_000n]] },
  {
    type: 'datetime',
    literals: [
      "'1753-01-01T00:00:00'",
      "'9999-12-31T23:59:59.997'",
      "'1969-12-31T23:59:59.993'",
      "'2024-02-29T12:00:00.003'",
    ],
    reads: [
      [micros('1753-01-01T00:00:00Z')],
      [micros('9999-12-31T23:59:59.997Z')],
      [micros('1969-12-31T23:59:59.993Z')],
      [micros('2024-02-29T12:00:00.003Z')],
    ],
  },
  {
    type: 'smalldatetime',
    literals: ["'1900-01-01T00:00:00'", "'2079-06-06T23:59:00'"],
    reads: [[micros('1900-01-01T00:00:00Z')], [micros('2079-06-06T23:59:00Z')]],
  },
  {
    type: 'datetime2(7)',
    literals: [
      "'0001-01-01T00:00:00.0000001'",
      "'9999-12-31T23:59:59.9999999'",
      "'1969-12-31T23:59:59.9999991'",
      "'2024-02-29T12:34:56.1234567'",
    ],
    reads: [
      [-62_135_596_800_000_000n, 1],
      [253_402_300_799_999_999n, 9],
      [-1n, 1],
      [micros('2024-02-29T12:34:56Z') + 123_456n, 7],
    ],
  },
  { type: 'datetime2(3)', literals: ["'1600-02-29T23:59:59.999'"], reads: [[micros('1600-02-29T23:59:59.999Z')]] },
  { type: 'datetime2(0)', literals: ["'2024-02-29T12:34:56'"], reads: [[micros('2024-02-29T12:34:56Z')]] },
  {
    type: 'datetimeoffset(7)',
    literals: [
      "'2024-03-01T01:30:00.1234567+05:30'",
      "'0001-01-01T14:00:00+14:00'",
      "'9999-12-31T09:59:59.9999999-14:00'",
    ],
    reads: [
      [micros('2024-02-29T20:00:00Z') + 123_456n, 330, 7],
      [-62_135_596_800_000_000n, 840, 0],
      [253_402_300_799_999_999n, -840, 9],
    ],
  },
  {
    type: 'datetimeoffset(0)',
    literals: ["'2024-01-01T00:00:00-00:30'"],
    reads: [[micros('2024-01-01T00:30:00Z'), -30]],
  },
  { type: 'char(6)', literals: ["'ab'", "'ab cd '"], reads: [['ab    '], ['ab cd ']] },
  { type: 'varchar(20)', literals: ["'tail  '", "''", "N'café'"], reads: [['tail  '], [''], ['café']] },
  { type: 'varchar(max)', literals: ["REPLICATE(CONVERT(varchar(max), 'x'), 20000)"], reads: [['x'.repeat(20_000)]] },
  { type: 'nchar(4)', literals: ["N'ü'"], reads: [['ü   ']] },
  { type: 'nvarchar(20)', literals: ["N'😀 ß '", "N''"], reads: [['😀 ß '], ['']] },
  {
    type: 'nvarchar(max)',
    literals: ["REPLICATE(CONVERT(nvarchar(max), N'é'), 20000)", "N''"],
    reads: [['é'.repeat(20_000)], ['']],
  },
  { type: 'binary(4)', literals: ['0x00FF0010'], reads: [['00ff0010']] },
  { type: 'varbinary(10)', literals: ['0x', '0x0001'], reads: [[''], ['0001']] },
  { type: 'varbinary(max)', literals: ['0x', '0xDEADBEEF'], reads: [[''], ['deadbeef']] },
  {
    type: 'uniqueidentifier',
    literals: ["'01234567-89ab-cdef-0011-223344556677'"],
    reads: [['0123456789abcdef0011223344556677']],
  },
]

/** Every type of the contract, read and loaded in one mode. */
export function roundTrips(mode: ExactValues): void {
  let fixture: Fixture
  let database: SqlServer

  beforeAll(async () => {
    useExactValues(mode)
    fixture = await Fixture.open()
    database = await fixture.database()
  })
  afterAll(async () => {
    await fixture.close()
  })

  /** A table of the type with the literals and a NULL, and one like it that is empty. */
  async function tables(id: string, { type, literals }: Case): Promise<readonly [TableDefinition, TableDefinition]> {
    const shape = `([id] int NOT NULL PRIMARY KEY, [v] ${type} NULL)`
    await database.batch(`CREATE TABLE [dbo].[from_${id}] ${shape}`)
    await database.batch(`CREATE TABLE [dbo].[into_${id}] ${shape}`)
    for (const [index, literal] of [...literals, `CONVERT(${type}, NULL)`].entries()) {
      await database.batch(`INSERT INTO [dbo].[from_${id}] ([id], [v]) VALUES (${index}, ${literal})`)
    }
    return [
      await database.describeTable({ schema: 'dbo', name: `from_${id}` }),
      await database.describeTable({ schema: 'dbo', name: `into_${id}` }),
    ]
  }

  describe.each(cases.map((each, index) => ({ ...each, id: String(index) })))('$type', (each) => {
    let from: TableDefinition
    let into: TableDefinition
    beforeAll(async () => {
      ;[from, into] = await tables(each.id, each)
    })

    it('reads every digit', async () => {
      const rows = await rowsOf(database.stream(readAll(from)))
      const nulls = each.reads[0]?.map(() => null) ?? []
      expect(rows).toEqual([...each.reads, nulls].map((values, index) => [index, ...values]))
    })

    it('is loaded so that it reads the same', async () => {
      const { rows } = await database.bulkLoad(
        { table: `[dbo].[into_${each.id}]`, columns: bulkColumns(into) },
        database.stream(readAll(from)),
      )
      expect(rows).toBe(BigInt(each.literals.length + 1))
      expect(await rowsOf(database.stream(readAll(into)))).toEqual(await rowsOf(database.stream(readAll(from))))
    })
  })

  it('gives small results exactly', async () => {
    const [row] = await database.query({
      text: "SELECT CONVERT(bigint, '9007199254740993') AS [b], CONVERT(decimal(15,4), '-99999999999.9997') AS [d], CONVERT(money, '333.34') AS [m], CONVERT(datetime2(7), '0001-01-01T00:00:00.0000001') AS [t], CONVERT(time(7), '23:59:59.9999999') AS [c], CONVERT(bigint, NULL) AS [n], CONVERT(int, 7) AS [i]",
    })
    expect(row).toEqual({
      b: 9007199254740993n,
      d: '-99999999999.9997',
      m: '333.3400',
      t: '0001-01-01T00:00:00.0000001',
      c: '23:59:59.9999999',
      n: null,
      i: 7,
    })
  })
}
