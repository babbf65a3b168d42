import { variantText, variantType } from '../read-columns.ts'
import { decimal, floats, moneys } from './number-columns.ts'
import { dates, datetime2s, datetimeoffsets, times } from './temporal-columns.ts'
import { picked } from './picked-text.ts'
import {
  caseInsensitive,
  caseSensitive,
  characterColumn,
  characters,
  latinText,
  wideEdges,
  wideText,
} from './text-columns.ts'
import { bits, byte, column, hex, plainText, utf16, whole } from './type-column.ts'
import type { TypeColumn } from './type-table.ts'

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

export const variants: readonly TypeColumn[] = [
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

export const xmls: readonly TypeColumn[] = [
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

export const declared: readonly TypeColumn[] = [
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

export const codePages: readonly TypeColumn[] = (
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

export const utf8Texts: readonly TypeColumn[] = [
  characterColumn('utf8', 'varchar(200) COLLATE Latin1_General_100_CI_AS_SC_UTF8', {
    edges: wideEdges,
    random: wideText,
  }),
]

const serialized: Pick<TypeColumn, 'exact' | 'text'> = {
  exact: (of) => [`CONVERT(varbinary(max), ${of})`, `DATALENGTH(${of})`],
  text: (of) => hex(`CONVERT(varbinary(max), ${of})`),
}

export const clrTypes: readonly TypeColumn[] = [
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

export const jsons: readonly TypeColumn[] = [
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

export const vectors: readonly TypeColumn[] = [
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
