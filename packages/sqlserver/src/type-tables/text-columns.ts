import { bits, column, hex, utf16 } from './type-column.ts'
import type { TypeColumn } from './type-table.ts'

export const latinText = "CASE [i] % 11 WHEN 0 THEN N'' WHEN 1 THEN N' ' ELSE [latin] END"
export const wideText =
  "CASE [i] % 11 WHEN 0 THEN N'' WHEN 1 THEN N' ' WHEN 2 THEN N'😀𝄞' + [unicode] ELSE [unicode] END"

/** Bytes and their count: comparing binary strings pads the shorter one with zeros. */
export const characters: Pick<TypeColumn, 'exact' | 'text'> = {
  exact: (of) => [`CONVERT(varbinary(max), ${of})`, `DATALENGTH(${of})`],
  text: utf16,
}

export function characterColumn(
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

export const caseInsensitive = 'COLLATE Latin1_General_CI_AS'
export const caseSensitive = 'COLLATE Latin1_General_CS_AS'
const shortEdges = ["N''", "N' '", "N'tail  '", "N'NULL'", "N'O''Brien'"]
export const wideEdges: readonly string[] = [...shortEdges, "N'😀'", 'NCHAR(0x0301)', 'NCHAR(0xFFFF)']
const long = (text: string, type: string): string => `REPLICATE(CONVERT(${type}, ${text}), 20000)`

export const shortTexts: readonly TypeColumn[] = [
  characterColumn('char', `char(12) ${caseInsensitive}`, { edges: shortEdges, random: latinText }),
  characterColumn('varchar', `varchar(60) ${caseSensitive}`, { edges: shortEdges, random: latinText }),
  characterColumn('nchar', `nchar(16) ${caseInsensitive}`, { edges: wideEdges, random: wideText }),
  characterColumn('nvarchar', `nvarchar(60) ${caseSensitive}`, { edges: wideEdges, random: wideText }),
]

export const longTexts: readonly TypeColumn[] = [
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

export const binaries: readonly TypeColumn[] = [
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
