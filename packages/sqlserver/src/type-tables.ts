import { variantText, variantType } from './read-columns.ts'
import type { Capability } from './testing.ts'

/** One column of a generated table, in T-SQL throughout. */
export interface TypeColumn {
  readonly name: string
  /** Type with collation and the like, as CREATE TABLE has it; without NULL. A whole `AS …` for a computed column. */
  readonly declaration: string
  /** Values at the edges of the type. */
  readonly edges: readonly string[]
  /**
   * A value made of `[i]`, the row's number, and of what is random: `[bytes]` (32), `[whole0]` to `[whole3]` (bigints of 56 bits),
   * `[digits]` (38 of a decimal number, zeros first), `[latin]` and `[unicode]` (8 or 9 characters). Absent where the server makes the values.
   */
  readonly random?: string
  /** Expressions that are equal exactly when two values of the column are the same, bit for bit. */
  readonly exact: (column: string) => readonly string[]
  /** The text in which readers of the lake show the value: see `checks/interop/type_tables.py`. */
  readonly text: (column: string) => string
}

/** A table of columns of related types, filled by the server alone. */
export interface TypeTable {
  readonly name: string
  /** What the server must have for it. */
  readonly needs: readonly Capability[]
  /** Statements that come before the table. */
  readonly before: readonly string[]
  readonly columns: readonly TypeColumn[]
}

/** Random rows of a filled table. */
const randomRows = 10_000

/** CREATE TABLE: a key, the columns, and a rowversion that says what changed. */
export function createTypeTable(table: TypeTable): string {
  const columns = table.columns.map(
    ({ name, declaration }) => `[${name}] ${declaration}${declaration.startsWith('AS ') ? '' : ' NULL'}`,
  )
  return [
    `CREATE TABLE [dbo].[${table.name}] (`,
    `  [id] int NOT NULL CONSTRAINT [pk_${table.name}] PRIMARY KEY,`,
    `  ${[...columns, '[rv] rowversion NOT NULL'].join(',\n  ')}`,
    ');',
  ].join('\n')
}

/**
 * Fills a table: every edge value of every column, a row of NULLs, and 10,000 rows of values that a seed decides. Each statement
 * makes its rows in the server.
 *
 * @see https://learn.microsoft.com/sql/t-sql/functions/hashbytes-transact-sql
 */
export function fillTypeTable(table: TypeTable, options: { readonly seed: string }): readonly string[] {
  const columns = table.columns.filter(({ random }) => random !== undefined)
  const names = ['id', ...columns.map(({ name }) => name)].map((name) => `[${name}]`).join(', ')
  const rows = Math.max(...columns.map(({ edges }) => edges.length))
  const edgeRow = (row: number): string => {
    const values = columns.map(({ edges }) => edges[row % edges.length] ?? 'NULL')
    return `INSERT INTO [dbo].[${table.name}] (${names}) VALUES (${[-1 - row, ...values].join(', ')});`
  }
  const bytes = columns.map(
    ({ name }, at) => `HASHBYTES('SHA2_256', CONCAT('${options.seed}:${table.name}:${name}:', n.[i])) AS [h${at}]`,
  )
  // What the values are made of is worked out once a row and column.
  const used = columns.flatMap(({ random = '' }, at) =>
    ingredients
      .filter(({ token }) => random.includes(token))
      .map(({ token, of }) => ({ at, token, name: `[${token.slice(1, -1)}_${at}]`, of: of(`h.[h${at}]`) })),
  )
  const values = columns.map(({ random = 'NULL' }, index) => {
    const own = used.filter(({ at }) => at === index)
    const value = own.reduce((text, each) => text.replaceAll(each.token, `r.${each.name}`), random)
    // Every seventeenth value of a column is NULL, not the same row in each.
    return `CASE WHEN (r.[i] + ${index}) % 17 = 3 THEN NULL ELSE ${value.replaceAll('[i]', 'r.[i]')} END`
  })
  return [
    ...Array.from({ length: rows }, (_, row) => edgeRow(row)),
    `INSERT INTO [dbo].[${table.name}] ([id]) VALUES (0);`,
    [
      `INSERT INTO [dbo].[${table.name}] (${names})`,
      `SELECT r.[i], ${values.join(',\n  ')}`,
      `FROM (SELECT h.[i], ${used.map(({ name, of }) => `${of} AS ${name}`).join(', ')}`,
      `FROM (SELECT n.[i], ${bytes.join(', ')} FROM (`,
      '  SELECT 1 + a.[d] + 10 * b.[d] + 100 * c.[d] + 1000 * e.[d] AS [i]',
      `  FROM ${tens} AS a([d]) CROSS JOIN ${tens} AS b([d]) CROSS JOIN ${tens} AS c([d]) CROSS JOIN ${tens} AS e([d])`,
      ') AS n) AS h) AS r;',
    ].join('\n'),
  ]
}

const tens = '(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))'

const latin = 'aZ09 _%[]&<>"/éßÆÿ¿€œ'
const unicode = 'aZ09 _%[]&<>"/éßЖ中ا\u0301\u00a0\ufffd'

/** Eight characters picked from a text, and sometimes a space after them. */
function picked(palette: string, bytes: string): string {
  const letters = Array.from(
    { length: 8 },
    (_, index) =>
      `SUBSTRING(N'${palette}', 1 + CONVERT(int, SUBSTRING(${bytes}, ${1 + index}, 1)) % ${palette.length}, 1)`,
  )
  return `CONCAT(${letters.join(', ')}, CASE CONVERT(int, SUBSTRING(${bytes}, 9, 1)) % 5 WHEN 0 THEN N' ' ELSE N'' END)`
}

/** What `random` may name besides `[i]`, from 32 random bytes. */
const ingredients: readonly { readonly token: string; readonly of: (bytes: string) => string }[] = [
  { token: '[bytes]', of: (bytes) => bytes },
  ...[0, 1, 2, 3].map((nth) => ({
    token: `[whole${nth}]`,
    of: (bytes: string) => `CONVERT(bigint, SUBSTRING(${bytes}, ${1 + 7 * nth}, 7))`,
  })),
  { token: '[latin]', of: (bytes) => picked(latin, bytes) },
  { token: '[unicode]', of: (bytes) => picked(unicode, bytes) },
  {
    token: '[digits]',
    of: (bytes) => {
      const digits = ['A1', 'B4', 'C6', 'D7', 'E9', 'F0'].reduce(
        (text, [from, to]) => `REPLACE(${text}, '${from}', '${to}')`,
        `CONVERT(varchar(64), ${bytes}, 2)`,
      )
      return `RIGHT(CONCAT(REPLICATE('0', 38), LEFT(${digits}, 1 + h.[i] % 38)), 38)`
    },
  },
]

/** How many rows {@link fillTypeTable} makes. */
export function typeTableRows(table: TypeTable): number {
  const filled = table.columns.filter(({ random }) => random !== undefined)
  return randomRows + 1 + Math.max(...filled.map(({ edges }) => edges.length))
}

/**
 * Counts the rows of one table that the other does not have, every value compared bit for bit in the server: INTERSECT takes two
 * NULLs for equal. Both are three-part names.
 *
 * @see https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-except-and-intersect-transact-sql
 */
export function countOnlyIn(table: TypeTable, from: string, without: string): string {
  const list = (alias: string): string =>
    [
      ...table.columns.flatMap(({ name, exact }) => exact(`${alias}.[${name}]`)),
      `CONVERT(varbinary(max), ${alias}.[rv])`,
    ].join(', ')
  return [
    `SELECT COUNT(*) AS [n] FROM ${from} AS a WHERE NOT EXISTS (`,
    `SELECT 1 AS [found] FROM ${without} AS b WHERE b.[id] = a.[id]`,
    `AND EXISTS (SELECT ${list('a')} INTERSECT SELECT ${list('b')}))`,
  ].join(' ')
}

/** Every row as the texts that the lake's readers give: `[id]`, then one column of the result for each column, NULL for NULL. */
export function typeTableTexts(table: TypeTable): string {
  const list = table.columns.map(({ name, text }) => `${text(`[${name}]`)} AS [${name}]`)
  return `SELECT [id], ${list.join(', ')} FROM [dbo].[${table.name}] ORDER BY [id]`
}

const hex = (bytes: string): string => `CONVERT(nvarchar(max), ${bytes}, 2)`
const utf16 = (text: string): string => hex(`CONVERT(varbinary(max), CONVERT(nvarchar(max), ${text}))`)
const whole = (nth: 0 | 1 | 2 | 3): string => `[whole${nth}]`
const byte = (nth: number): string => `CONVERT(int, SUBSTRING([bytes], ${1 + nth}, 1))`

function column(
  name: string,
  declaration: string,
  values: { readonly edges: readonly string[]; readonly random?: string },
  compare: Pick<TypeColumn, 'exact' | 'text'>,
): TypeColumn {
  return { name, declaration, ...values, ...compare }
}

/** Types whose conversion to varbinary has each bit of them. */
function bits(text: TypeColumn['text']): Pick<TypeColumn, 'exact' | 'text'> {
  return { exact: (of) => [`CONVERT(varbinary(max), ${of})`], text }
}

const plainText = (of: string): string => `CONVERT(nvarchar(41), ${of})`

const integers: readonly TypeColumn[] = [
  column('bit', 'bit', { edges: ['0', '1'], random: `CONVERT(bit, ${byte(0)} % 2)` }, bits(plainText)),
  column('tinyint', 'tinyint', { edges: ['0', '255'], random: `CONVERT(tinyint, ${byte(0)})` }, bits(plainText)),
  column(
    'smallint',
    'smallint',
    { edges: ['-32768', '32767', '-1'], random: 'CONVERT(smallint, SUBSTRING([bytes], 1, 2))' },
    bits(plainText),
  ),
  column(
    'int',
    'int',
    { edges: ['-2147483648', '2147483647', '-1'], random: 'CONVERT(int, SUBSTRING([bytes], 1, 4))' },
    bits(plainText),
  ),
  column(
    'bigint',
    'bigint',
    {
      edges: ['-9223372036854775808', '9223372036854775807', '9007199254740993', '-9007199254740993', '-1'],
      random: 'CONVERT(bigint, SUBSTRING([bytes], 1, 8))',
    },
    bits(plainText),
  ),
]

function decimal(precision: number, scale: number, name: 'decimal' | 'numeric' = 'decimal'): TypeColumn {
  const type = `${name}(${precision},${scale})`
  const nines = '9'.repeat(precision)
  const at = precision - scale
  const most = `${nines.slice(0, at) || '0'}${scale === 0 ? '' : `.${nines.slice(at)}`}`
  const least = scale === 0 ? '1' : `0.${'0'.repeat(scale - 1)}1`
  const integral = at === 0 ? "'0'" : `SUBSTRING([digits], ${39 - precision}, ${at})`
  const fraction = scale === 0 ? '' : `, '.', RIGHT([digits], ${scale})`
  const sign = `CASE [i] / 2 % 2 WHEN 0 THEN '-' ELSE '' END`
  return column(
    `${name}_${precision}_${scale}`,
    type,
    {
      edges: [most, `-${most}`, least, `-${least}`, '0'].map((value) => `CONVERT(${type}, '${value}')`),
      random: `CONVERT(${type}, CONCAT(${sign}, ${integral}${fraction}))`,
    },
    bits(plainText),
  )
}

/** Every scale at its extremes; random values in some, for they take longest to make. */
const decimals38 = Array.from({ length: 39 }, (_, scale) => {
  const all = decimal(38, scale)
  return [0, 7, 19, 31, 38].includes(scale) ? all : { ...all, random: `CONVERT(decimal(38,${scale}), NULL)` }
})

const moneys: readonly TypeColumn[] = [
  column(
    'money',
    'money',
    {
      edges: ['922337203685477.5807', '-922337203685477.5808', '333.34', '-0.0001', '0'].map(
        (value) => `CONVERT(money, '${value}')`,
      ),
      random: `CONVERT(money, CONCAT(CASE [i] % 2 WHEN 0 THEN '-' ELSE '' END, ${whole(0)} % 90000000000000, '.', RIGHT(CONCAT('000', ${whole(1)} % 10000), 4)))`,
    },
    bits((of) => plainText(`CONVERT(decimal(19,4), ${of})`)),
  ),
  column(
    'smallmoney',
    'smallmoney',
    {
      edges: ['214748.3647', '-214748.3648', '0.0001', '0'].map((value) => `CONVERT(smallmoney, '${value}')`),
      random: `CONVERT(smallmoney, CONCAT(CASE [i] % 2 WHEN 0 THEN '-' ELSE '' END, ${whole(0)} % 214748, '.', RIGHT(CONCAT('000', ${whole(1)} % 10000), 4)))`,
    },
    bits((of) => plainText(`CONVERT(decimal(10,4), ${of})`)),
  ),
]

const floats: readonly TypeColumn[] = [
  column(
    'float',
    'float',
    {
      edges: [
        '1.7976931348623157E308',
        '-1.7976931348623157E308',
        '2.2250738585072014E-308',
        '0.1',
        '0E0',
        '-1E0 * 0E0',
        '9007199254740993E0',
      ],
      random: `CONVERT(float, CONVERT(bigint, SUBSTRING([bytes], 1, 8))) * POWER(CONVERT(float, 10), ${whole(1)} % 580 - 300)`,
    },
    {
      exact: (of) => [`CONVERT(varbinary(max), ${of})`],
      text: (of) => hex(`CONVERT(binary(8), ${of})`),
    },
  ),
  column(
    'real',
    'real',
    {
      edges: ['3.4028235E38', '-3.4028235E38', '1.1754944E-38', '0.1', '-1E0 * 0E0'].map(
        (value) => `CONVERT(real, ${value})`,
      ),
      random: `CONVERT(real, CONVERT(float, CONVERT(int, SUBSTRING([bytes], 1, 4))) * POWER(CONVERT(float, 10), ${whole(1)} % 60 - 35))`,
    },
    {
      exact: (of) => [`CONVERT(varbinary(max), ${of})`],
      text: (of) => hex(`CONVERT(binary(4), ${of})`),
    },
  ),
]

const clock7 = `DATEADD(nanosecond, CONVERT(int, ${whole(2)} % 10000000) * 100, DATEADD(second, CONVERT(int, ${whole(1)} % 86400), CONVERT(time(7), '00:00:00')))`
/** From 0001-01-02 to 9999-12-30: no offset and no rounding leaves the calendar. */
const moment7 = `DATEADD(nanosecond, CONVERT(int, ${whole(2)} % 10000000) * 100, DATEADD(second, CONVERT(int, ${whole(1)} % 86400), DATEADD(day, CONVERT(int, ${whole(0)} % 3652057), CONVERT(datetime2(7), '0001-01-02'))))`
const scales = [0, 1, 2, 3, 4, 5, 6, 7] as const

/** `.9999999` cut to a scale. */
function nines(scale: number): string {
  return scale === 0 ? '' : `.${'9'.repeat(scale)}`
}

function oneUnit(scale: number): string {
  return scale === 0 ? '' : `.${'0'.repeat(scale - 1)}1`
}

const momentText = (of: string): string => `CONVERT(nvarchar(27), CONVERT(datetime2(7), ${of}), 121)`

const dates: readonly TypeColumn[] = [
  column(
    'date',
    'date',
    {
      edges: ["'0001-01-01'", "'9999-12-31'", "'1969-12-31'", "'1582-10-10'"],
      random: `DATEADD(day, CONVERT(int, ${whole(0)} % 3652059), CONVERT(date, '0001-01-01'))`,
    },
    bits((of) => `CONVERT(nvarchar(10), ${of}, 23)`),
  ),
  column(
    'datetime',
    'datetime',
    {
      edges: [
        "'1753-01-01T00:00:00.000'",
        "'9999-12-31T23:59:59.997'",
        "'2024-02-29T12:00:00.000'",
        "'2024-02-29T12:00:00.003'",
        "'2024-02-29T12:00:00.007'",
        "'1969-12-31T23:59:59.993'",
      ],
      random: `DATEADD(millisecond, CONVERT(int, ${whole(1)} % 86399000), DATEADD(day, CONVERT(int, ${whole(0)} % 3012153), CONVERT(datetime, '1753-01-01T00:00:00')))`,
    },
    bits((of) => `(CONVERT(nvarchar(23), ${of}, 121) + N'0000')`),
  ),
  column(
    'smalldatetime',
    'smalldatetime',
    {
      edges: ["'1900-01-01T00:00:00'", "'2079-06-06T23:59:00'"],
      random: `DATEADD(minute, CONVERT(int, ${whole(0)} % 94371839), CONVERT(smalldatetime, '1900-01-01T00:00:00'))`,
    },
    bits(momentText),
  ),
]

const times = scales.map((scale) =>
  column(
    `time_${scale}`,
    `time(${scale})`,
    {
      edges: [`'00:00:00'`, `'23:59:59${nines(scale)}'`, `'00:00:00${oneUnit(scale)}'`, `'12:34:56${nines(scale)}'`],
      random: `CONVERT(time(${scale}), ${clock7})`,
    },
    bits((of) => `CONVERT(nvarchar(16), CONVERT(time(7), ${of}))`),
  ),
)

const datetime2s = scales.map((scale) =>
  column(
    `datetime2_${scale}`,
    `datetime2(${scale})`,
    {
      edges: [
        `'0001-01-01T00:00:00'`,
        `'0001-01-01T00:00:00${oneUnit(scale)}'`,
        `'9999-12-31T23:59:59${nines(scale)}'`,
        `'1969-12-31T23:59:59${nines(scale)}'`,
      ],
      random: `CONVERT(datetime2(${scale}), ${moment7})`,
    },
    bits(momentText),
  ),
)

const datetimeoffsets = scales.map((scale) =>
  column(
    `datetimeoffset_${scale}`,
    `datetimeoffset(${scale})`,
    {
      edges: [
        `'0001-01-01T14:00:00+14:00'`,
        `'9999-12-31T09:59:59${nines(scale)}-14:00'`,
        `'2024-03-01T01:30:00${oneUnit(scale)}+05:30'`,
        `'2024-03-01T01:30:00${nines(scale)}-00:30'`,
        `'1970-01-01T00:00:00+00:00'`,
      ],
      random: `CONVERT(datetimeoffset(${scale}), TODATETIMEOFFSET(${moment7}, CONVERT(int, ${whole(3)} % 1681) - 840))`,
    },
    bits(
      (of) =>
        `(CONVERT(nvarchar(27), CONVERT(datetime2(7), SWITCHOFFSET(${of}, 0)), 121) + N' ' + CONVERT(nvarchar(11), DATEPART(tzoffset, ${of})))`,
    ),
  ),
)

const latinText = "CASE [i] % 11 WHEN 0 THEN N'' WHEN 1 THEN N' ' ELSE [latin] END"
const wideText = "CASE [i] % 11 WHEN 0 THEN N'' WHEN 1 THEN N' ' WHEN 2 THEN N'😀𝄞' + [unicode] ELSE [unicode] END"

/** Bytes and their count: comparing binary strings pads the shorter one with zeros. */
const characters: Pick<TypeColumn, 'exact' | 'text'> = {
  exact: (of) => [`CONVERT(varbinary(max), ${of})`, `DATALENGTH(${of})`],
  text: utf16,
}

function characterColumn(
  name: string,
  declaration: string,
  values: { readonly edges: readonly string[]; readonly random: string },
  modern?: string,
): TypeColumn {
  if (modern === undefined) return column(name, declaration, values, characters)
  return column(name, declaration, values, {
    exact: (of) => characters.exact(`CONVERT(${modern}, ${of})`),
    text: (of) => utf16(`CONVERT(${modern}, ${of})`),
  })
}

const caseInsensitive = 'COLLATE Latin1_General_CI_AS'
const caseSensitive = 'COLLATE Latin1_General_CS_AS'
const shortEdges = ["N''", "N' '", "N'tail  '", "N'NULL'", "N'O''Brien'"]
const wideEdges = [...shortEdges, "N'😀'", 'NCHAR(0x0301)', 'NCHAR(0xFFFF)']
const long = (text: string, type: string): string => `REPLICATE(CONVERT(${type}, ${text}), 20000)`

const shortTexts: readonly TypeColumn[] = [
  characterColumn('char', `char(12) ${caseInsensitive}`, { edges: shortEdges, random: latinText }),
  characterColumn('varchar', `varchar(60) ${caseSensitive}`, { edges: shortEdges, random: latinText }),
  characterColumn('nchar', `nchar(16) ${caseInsensitive}`, { edges: wideEdges, random: wideText }),
  characterColumn('nvarchar', `nvarchar(60) ${caseSensitive}`, { edges: wideEdges, random: wideText }),
]

const longTexts: readonly TypeColumn[] = [
  characterColumn('varchar_max', `varchar(max) ${caseInsensitive}`, {
    edges: [...shortEdges, long("'x'", 'varchar(max)')],
    random: latinText,
  }),
  characterColumn('nvarchar_max', `nvarchar(max) ${caseInsensitive}`, {
    edges: [...wideEdges, long("N'é'", 'nvarchar(max)')],
    random: wideText,
  }),
  characterColumn('text', 'text', { edges: shortEdges, random: latinText }, 'varchar(max)'),
  characterColumn('ntext', 'ntext', { edges: wideEdges, random: wideText }, 'nvarchar(max)'),
]

const binaries: readonly TypeColumn[] = [
  ...(
    [
      ['binary', 'binary(8)'],
      ['varbinary', 'varbinary(40)'],
      ['varbinary_max', 'varbinary(max)'],
      ['image', 'image'],
    ] as const
  ).map(([name, type]) =>
    column(
      name,
      type,
      {
        edges: ['0x', '0x00', '0x0100', '0xFFFFFFFFFFFFFFFF'],
        random: `SUBSTRING([bytes], 1, ${type === 'binary(8)' ? '8' : '[i] % 33'})`,
      },
      {
        exact: (of) => [`CONVERT(varbinary(max), ${of})`, `DATALENGTH(${of})`],
        text: (of) => hex(`CONVERT(varbinary(max), ${of})`),
      },
    ),
  ),
  column(
    'uniqueidentifier',
    'uniqueidentifier',
    {
      edges: ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
      random: 'CONVERT(uniqueidentifier, SUBSTRING([bytes], 1, 16))',
    },
    bits((of) => `LOWER(CONVERT(nvarchar(36), ${of}))`),
  ),
]

/** Every base type that a sql_variant takes. */
const variantValues: readonly string[] = [
  `CONVERT(bit, ${byte(0)} % 2)`,
  `CONVERT(tinyint, ${byte(0)})`,
  'CONVERT(smallint, SUBSTRING([bytes], 1, 2))',
  'CONVERT(int, SUBSTRING([bytes], 1, 4))',
  'CONVERT(bigint, SUBSTRING([bytes], 1, 8))',
  decimal(38, 10).random ?? '',
  decimal(18, 2, 'numeric').random ?? '',
  moneys[0]?.random ?? '',
  moneys[1]?.random ?? '',
  floats[0]?.random ?? '',
  floats[1]?.random ?? '',
  dates[0]?.random ?? '',
  dates[1]?.random ?? '',
  dates[2]?.random ?? '',
  times[7]?.random ?? '',
  datetime2s[3]?.random ?? '',
  datetimeoffsets[7]?.random ?? '',
  `CONVERT(char(12), ${latinText} ${caseInsensitive})`,
  `CONVERT(varchar(20), ${latinText} ${caseSensitive})`,
  `CONVERT(nchar(16), ${wideText} ${caseInsensitive})`,
  `CONVERT(nvarchar(20), ${wideText} ${caseSensitive})`,
  'CONVERT(binary(8), SUBSTRING([bytes], 1, 8))',
  'CONVERT(varbinary(40), SUBSTRING([bytes], 1, [i] % 33))',
  'CONVERT(uniqueidentifier, SUBSTRING([bytes], 1, 16))',
]

const property = (of: string, name: string, type: string): string =>
  `CONVERT(${type}, SQL_VARIANT_PROPERTY(${of}, '${name}'))`

const variants: readonly TypeColumn[] = [
  column(
    'variant',
    'sql_variant',
    {
      edges: [
        'CONVERT(bigint, -9223372036854775808)',
        `CONVERT(decimal(38,38), '-0.${'9'.repeat(38)}')`,
        "CONVERT(money, '-922337203685477.5808')",
        'CONVERT(float, 1.7976931348623157E308)',
        'CONVERT(float, -1E0 * 0E0)',
        "CONVERT(datetime, '9999-12-31T23:59:59.997')",
        "CONVERT(datetime2(7), '9999-12-31T23:59:59.9999999')",
        "CONVERT(datetime2(0), '0001-01-01T00:00:00')",
        "CONVERT(datetimeoffset(7), '9999-12-31T09:59:59.9999999-14:00')",
        "CONVERT(time(0), '23:59:59')",
        "CONVERT(varchar(8000), REPLICATE(CONVERT(varchar(8000), 'x'), 8000))",
        "CONVERT(nvarchar(10), N'')",
        'CONVERT(varbinary(8000), 0x)',
      ],
      random: `CASE [i] % ${variantValues.length} ${variantValues.map((value, index) => `WHEN ${index} THEN CONVERT(sql_variant, ${value})`).join(' ')} END`,
    },
    {
      exact: (of) => [
        property(of, 'BaseType', 'nvarchar(128)'),
        property(of, 'Precision', 'int'),
        property(of, 'Scale', 'int'),
        property(of, 'MaxLength', 'int'),
        property(of, 'Collation', 'nvarchar(128)'),
        `DATALENGTH(${of})`,
        `CONVERT(varbinary(8000), ${of})`,
      ],
      text: (of) => `(${variantType(of)} + N' ' + ${utf16(variantText(of))})`,
    },
  ),
]

const xmls: readonly TypeColumn[] = [
  column(
    'xml',
    'xml',
    {
      edges: ["N'<a/>'", "CONVERT(xml, N'<a> <b>x</b> </a>', 1)", "CONVERT(xml, N'text and <b/>', 1)"],
      random: `CONVERT(xml, CONCAT(N'<a n="', [i], N'"> <b>', ${whole(0)}, N' é😀</b> </a>'), 1)`,
    },
    {
      exact: (of) => characters.exact(`CONVERT(nvarchar(max), ${of})`),
      text: utf16,
    },
  ),
]

const declared: readonly TypeColumn[] = [
  column(
    'alias',
    '[dbo].[price]',
    {
      edges: ["CONVERT(decimal(19,4), '999999999999999.9999')"],
      random: decimal(19, 4).random ?? '',
    },
    bits(plainText),
  ),
  column(
    'sparse',
    'int SPARSE',
    { edges: ['-2147483648', '0'], random: 'CASE [i] % 9 WHEN 0 THEN [i] ELSE NULL END' },
    bits(plainText),
  ),
  column('computed', 'AS ([alias] * (2))', { edges: [] }, bits(plainText)),
  column(
    'persisted',
    "AS (CONVERT(nvarchar(20), [sparse]) + N'é') PERSISTED",
    { edges: [] },
    { exact: characters.exact, text: utf16 },
  ),
]

const codePages: readonly TypeColumn[] = (
  [
    ['polish', 'Polish_CI_AS', 'ąćęłńóśźżĄŁ€'],
    ['cyrillic', 'Cyrillic_General_CI_AS', 'абвгдеёЖЯѓќ'],
    ['greek', 'Greek_CI_AS', 'αβγδεΩ΅Ή'],
    ['japanese', 'Japanese_CI_AS', '日本語テストアイウ'],
    ['chinese', 'Chinese_PRC_CI_AS', '中文测试汉字'],
    ['korean', 'Korean_Wansung_CI_AS', '한국어시험'],
    ['taiwan', 'Chinese_Taiwan_Stroke_CI_AS', '中文測試漢字'],
    ['thai', 'Thai_CI_AS', 'กขคงจ'],
  ] as const
).map(([name, collation, palette]) =>
  characterColumn(name, `varchar(60) COLLATE ${collation}`, {
    edges: [`N'${palette}'`],
    random: picked(palette, '[bytes]'),
  }),
)

const utf8Texts: readonly TypeColumn[] = [
  characterColumn('utf8', 'varchar(200) COLLATE Latin1_General_100_CI_AS_SC_UTF8', {
    edges: wideEdges,
    random: wideText,
  }),
]

const serialized: Pick<TypeColumn, 'exact' | 'text'> = {
  exact: (of) => [`CONVERT(varbinary(max), ${of})`, `DATALENGTH(${of})`],
  text: (of) => hex(`CONVERT(varbinary(max), ${of})`),
}

const clrTypes: readonly TypeColumn[] = [
  column(
    'hierarchyid',
    'hierarchyid',
    { edges: ["'/'", "'/1/2.1/3/'"], random: `CONVERT(hierarchyid, CONCAT('/', ${byte(0)}, '/', ${byte(1)}, '/'))` },
    serialized,
  ),
  column(
    'geography',
    'geography',
    {
      edges: ["geography::STGeomFromText('POINT(-122.349 47.651)', 4326)"],
      random: `geography::Point(${byte(0)} / 3E0, ${byte(1)} / 2E0, 4326)`,
    },
    serialized,
  ),
  column(
    'geometry',
    'geometry',
    {
      edges: ["geometry::STGeomFromText('POLYGON((0 0, 3 0, 3 3, 0 3, 0 0))', 0)"],
      random: `geometry::Point(${byte(0)} / 3E0, ${byte(1)} / 7E0, 0)`,
    },
    serialized,
  ),
]

/** Types that stand in the lake as the text the server gives for them. */
const asText: Pick<TypeColumn, 'exact' | 'text'> = {
  exact: (of) => characters.exact(`CONVERT(nvarchar(max), ${of})`),
  text: utf16,
}

const jsons: readonly TypeColumn[] = [
  column(
    'json',
    'json',
    {
      edges: ["N'{}'", `N'{"a":[1,2.50,null,"é😀"]}'`],
      random: `CONVERT(json, CONCAT(N'{"n":', [i], N',"w":', ${whole(0)}, N'}'))`,
    },
    asText,
  ),
]

const vectors: readonly TypeColumn[] = [
  column(
    'vector',
    'vector(3)',
    {
      edges: ["N'[0,-1.5,3.4028235e38]'"],
      random: `CONVERT(vector(3), CONCAT(N'[', ${byte(0)} / 7E0, N',', ${byte(1)}, N',', -${byte(2)}, N']'))`,
    },
    asText,
  ),
]

function table(
  name: string,
  columns: readonly TypeColumn[],
  more: Partial<Pick<TypeTable, 'needs' | 'before'>> = {},
): TypeTable {
  return { name, needs: [], before: [], columns, ...more }
}

/** Every type of the contract, related types side by side. */
export const typeTables: readonly TypeTable[] = [
  table('t_integers', integers),
  table(
    't_decimals',
    [
      [1, 0],
      [9, 4],
      [15, 5],
      [15, 15],
      [19, 4],
      [28, 7],
    ].map(([precision = 0, scale = 0]) => decimal(precision, scale)),
  ),
  table('t_numerics', [decimal(18, 2, 'numeric'), decimal(38, 20, 'numeric')]),
  table('t_decimals38', decimals38),
  table('t_moneys', moneys),
  table('t_floats', floats),
  table('t_dates', dates),
  table('t_times', times),
  table('t_datetime2s', datetime2s),
  table('t_datetimeoffsets', datetimeoffsets),
  table('t_short_texts', shortTexts),
  table('t_long_texts', longTexts),
  table('t_binaries', binaries),
  table('t_variants', variants, { needs: ['sql-variant'] }),
  table('t_xmls', xmls, { needs: ['xml'] }),
  table('t_declared', declared, { before: ['CREATE TYPE [dbo].[price] FROM decimal(19,4) NULL'] }),
  table('t_code_pages', codePages, { needs: ['code-pages'] }),
  table('t_utf8', utf8Texts, { needs: ['utf8'] }),
  table('t_clr', clrTypes, { needs: ['clr-types'] }),
  table('t_jsons', jsons, { needs: ['json'] }),
  table('t_vectors', vectors, { needs: ['vector'] }),
]
