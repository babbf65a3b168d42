/**
 * What a collation can tell apart, read from its name.
 *
 * @see https://learn.microsoft.com/sql/t-sql/statements/windows-collation-name-transact-sql
 * @see https://learn.microsoft.com/sql/t-sql/statements/sql-server-collation-name-transact-sql
 */
export interface CollationTraits {
  readonly binary: boolean
  readonly caseSensitive: boolean
  readonly accentSensitive: boolean
  readonly kanaSensitive: boolean
  readonly widthSensitive: boolean
  readonly variationSelectorSensitive: boolean
}

/** Total over every name: what a name does not say is taken as insensitive, as SQL Server does. */
export function collationTraits(name: string): CollationTraits {
  const parts = new Set(name.toUpperCase().split('_'))
  const binary = parts.has('BIN') || parts.has('BIN2')
  return {
    binary,
    caseSensitive: binary || parts.has('CS'),
    accentSensitive: binary || parts.has('AS'),
    kanaSensitive: binary || parts.has('KS'),
    widthSensitive: binary || parts.has('WS'),
    variationSelectorSensitive: binary || parts.has('VSS'),
  }
}

/** `coarser`: the first treats as equal some text that the second tells apart. `mixed` is both coarser and finer. */
export type CollationOrder = 'same' | 'coarser' | 'finer' | 'mixed'

/** Compares what two collations tell apart, by their names. Collations of different languages with equal traits count as `same`. */
export function compareCollations(a: string, b: string): CollationOrder {
  const left = collationTraits(a)
  const right = collationTraits(b)
  // Kana and width sensitivity do not stand in the names of SQL_ collations, where nchar and nvarchar data is insensitive to both.
  const keys = [
    'binary',
    'caseSensitive',
    'accentSensitive',
    'kanaSensitive',
    'widthSensitive',
    'variationSelectorSensitive',
  ] as const
  const coarser = keys.some((key) => !left[key] && right[key])
  const finer = keys.some((key) => left[key] && !right[key])
  if (coarser && finer) return 'mixed'
  if (coarser) return 'coarser'
  return finer ? 'finer' : 'same'
}

/** 65001 for UTF-8. Undefined when the name alone does not tell, or the collation has no code page. */
export function codePageOf(collation: string): number | undefined {
  const name = collation.toUpperCase()
  if (/_UTF8(_|$)/.test(name)) return 65001
  const sql = /^SQL_.*?_CP(\d+)_/.exec(name)
  if (sql !== null) return sql[1] === '1' ? 1252 : Number(sql[1])
  return windowsCodePages.find(([prefix]) => prefix.test(name))?.[1]
}

const windowsCodePages: readonly (readonly [RegExp, number])[] = [
  [
    /^(LATIN1_GENERAL|FRENCH|MODERN_SPANISH|TRADITIONAL_SPANISH|FINNISH_SWEDISH|DANISH|DANISH_NORWEGIAN|NORWEGIAN|ICELANDIC|GERMAN)_/,
    1252,
  ],
  [/^(POLISH|CZECH|HUNGARIAN|HUNGARIAN_TECHNICAL|ROMANIAN|CROATIAN|SLOVAK|SLOVENIAN|ALBANIAN)_/, 1250],
  [/^(CYRILLIC_GENERAL|UKRAINIAN|MACEDONIAN)_/, 1251],
  [/^GREEK_/, 1253],
  [/^TURKISH_/, 1254],
  [/^HEBREW_/, 1255],
  [/^ARABIC_/, 1256],
  [/^(ESTONIAN|LATVIAN|LITHUANIAN)_/, 1257],
  [/^VIETNAMESE_/, 1258],
  [/^THAI_/, 874],
  [/^JAPANESE_/, 932],
  [/^CHINESE_(PRC|SIMPLIFIED)/, 936],
  [/^KOREAN_/, 949],
  [/^CHINESE_(TAIWAN|TRADITIONAL|HONG_KONG)/, 950],
]
