import { formatSqlType, quoteName, quoteString } from '@icebridge/sqlserver'
import type { SqlType } from '@icebridge/sqlserver'
import { ImportError } from './errors.ts'
import { collateClause } from './sql-type.ts'

/** Where the two parts of a sql_variant are staged, from which the server makes the value. */
export interface StagedVariant {
  /** The stage's column of sql_variant, filled after the load. */
  readonly name: string
  /** The value's text. */
  readonly text: string
  /** The declaration of its base type, collation after it. */
  readonly base: string
}

/** A row of {@link variantBasesQuery}. */
export interface VariantBase {
  readonly column: string
  readonly base: string
}

/** Declarations that one UPDATE tells apart. */
const basesPerUpdate = 100

/** Which base types stand in the stage, by column. */
export function variantBasesQuery(stage: string, variants: readonly StagedVariant[]): string {
  return variants
    .map(
      ({ name, base }) =>
        `SELECT DISTINCT ${quoteString(name)} AS [column], ${quoteName(base)} AS [base] FROM ${stage} WHERE ${quoteName(base)} IS NOT NULL`,
    )
    .join(' UNION ALL ')
}

/**
 * Pure: makes the values of the stage's sql_variant columns out of their texts, each with the base type, length, precision, scale
 * and collation of the source. No text of the lake reaches the statement but through {@link parseVariantBase}.
 *
 * @see https://learn.microsoft.com/sql/t-sql/data-types/sql-variant-transact-sql
 * @throws {ImportError} `malformed-unit` for a declaration that no sql_variant has.
 */
export function fillVariantsBatch(
  stage: string,
  variants: readonly StagedVariant[],
  bases: readonly VariantBase[],
): string {
  const updates = variants.flatMap((variant) => {
    const own = bases.filter(({ column }) => column === variant.name).map(({ base }) => base)
    return chunks(own, basesPerUpdate).map((some) => updateStatement(stage, variant, some))
  })
  return ['SET NOCOUNT ON;', ...updates].join('\n')
}

function updateStatement(stage: string, { name, text, base }: StagedVariant, bases: readonly string[]): string {
  const whens = bases.map((each) => {
    const value = variantValue(quoteName(text), parseVariantBase(each))
    return `  WHEN ${quoteString(each)} THEN CONVERT(sql_variant, ${value})`
  })
  return [
    `UPDATE ${stage} SET ${quoteName(name)} = CASE ${quoteName(base)}`,
    ...whens,
    'END',
    `WHERE ${quoteName(base)} IN (${bases.map(quoteString).join(', ')});`,
  ].join('\n')
}

const plainBases = new Set<string>([
  'bit',
  'tinyint',
  'smallint',
  'int',
  'bigint',
  'money',
  'smallmoney',
  'real',
  'float',
  'date',
  'datetime',
  'smalldatetime',
  'uniqueidentifier',
])

/**
 * The base type that a companion column names: `int`, `decimal(10,2)`, `varchar(20) COLLATE Latin1_General_CI_AS`.
 *
 * @throws {ImportError} `malformed-unit` for anything that is not the declaration of a type that a sql_variant can hold.
 */
export function parseVariantBase(base: string): SqlType {
  if (plainBases.has(base)) return { name: base as SqlType['name'] }
  const match = /^([a-z0-9]+)\((\d{1,4})(?:,(\d{1,2}))?\)(?: COLLATE (\w{1,128}))?$/.exec(base)
  const [, name, first, second, collation] = match ?? []
  const number = Number(first)
  switch (name) {
    case 'decimal':
    case 'numeric':
      if (second !== undefined && collation === undefined) return { name, precision: number, scale: Number(second) }
      break
    case 'time':
    case 'datetime2':
    case 'datetimeoffset':
      if (second === undefined && collation === undefined) return { name, scale: number }
      break
    case 'binary':
    case 'varbinary':
      if (second === undefined && collation === undefined) return { name, length: number }
      break
    case 'char':
    case 'varchar':
    case 'nchar':
    case 'nvarchar':
      if (second === undefined && collation !== undefined) return { name, length: number, collation }
      break
    default:
      break
  }
  throw new ImportError('malformed-unit', `${JSON.stringify(base)} is no base type of a sql_variant`, {
    hint: 'The companion column of the sql_variant was changed, or written by a later version. Compare the journal with its source.',
    context: { base },
  })
}

/**
 * A value of the base type from its text, which is what `readColumns` of `@icebridge/sqlserver` selects. The collation goes on the
 * text, before the conversion, so that char and varchar are made in its code page.
 *
 * @see https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql
 * @see https://learn.microsoft.com/sql/t-sql/statements/collation-precedence-transact-sql
 */
function variantValue(text: string, type: SqlType): string {
  const declared = formatSqlType(type)
  switch (type.name) {
    case 'char':
    case 'varchar':
    case 'nchar':
    case 'nvarchar':
      return `CONVERT(${declared}, ${text}${collateClause(type.collation)})`
    case 'binary':
    case 'varbinary':
      return `CONVERT(${declared}, ${text}, 1)`
    case 'money':
      return `CONVERT(money, CONVERT(decimal(19,4), ${text}))`
    case 'smallmoney':
      return `CONVERT(smallmoney, CONVERT(decimal(10,4), ${text}))`
    case 'datetime':
    case 'smalldatetime':
    case 'datetime2':
      return `CONVERT(${declared}, ${text}, 126)`
    default:
      return `CONVERT(${declared}, ${text})`
  }
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}
