import { formatSqlType, quoteName } from '@icebridge/sqlserver'
import type { SqlType } from '@icebridge/sqlserver'
import { collateClause, familyOf, isUnicode, lengthOf } from './sql-type.ts'

/** A column whose values are staged whole, looked at, and then made the target's. */
export interface StagedNarrowing {
  /** The stage's column of the target's type, filled after the load. */
  readonly name: string
  readonly type: SqlType
  readonly collation: string | undefined
  /** The stage's column that holds the values as they are. */
  readonly wide: string
  readonly wideType: SqlType
  /** Whether the target is narrower by declaration. Else only characters can be lost, and none may. */
  readonly declared: boolean
}

/** The type in which values are staged whole: text of any code page as Unicode. */
export function wholeType(source: SqlType): SqlType {
  if (source.name === 'rowversion') return { name: 'binary', length: 8 }
  switch (familyOf(source)) {
    case 'character': {
      const length = lengthOf(source)
      return { name: 'nvarchar', length: length <= 4000 ? length : 'max' }
    }
    case 'binary':
      return source.name === 'image' ? { name: 'varbinary', length: 'max' } : source
    default:
      return source
  }
}

/**
 * One row: `unfit`, how many values the target's type cannot hold at all; `lossy`, how many come back from it as others; `first`, the
 * sequence number of the first of these, of `unfit` before `lossy`. CONVERT cuts text and bytes without an error,
 * so their lengths are looked at.
 *
 * @see https://learn.microsoft.com/sql/t-sql/functions/try-convert-transact-sql
 */
export function narrowingQuery(stage: string, narrowing: StagedNarrowing): string {
  const { unfit, lossy } = conditions(narrowing)
  return [
    `SELECT COUNT_BIG(CASE WHEN ${unfit} THEN 1 END) AS [unfit],`,
    `COUNT_BIG(CASE WHEN NOT (${unfit}) AND (${lossy}) THEN 1 END) AS [lossy],`,
    `COALESCE(MIN(CASE WHEN ${unfit} THEN [seq] END), MIN(CASE WHEN ${lossy} THEN [seq] END)) AS [first]`,
    `FROM ${stage} WHERE ${quoteName(narrowing.wide)} IS NOT NULL;`,
  ].join('\n')
}

/** Makes the target's values of the ones that were staged whole. All of them fit. */
export function narrowBatch(stage: string, narrowings: readonly StagedNarrowing[]): string {
  const sets = narrowings.map((narrowing) => `${quoteName(narrowing.name)} = ${converted(narrowing)}`)
  return `SET NOCOUNT ON;\nUPDATE ${stage} SET ${sets.join(', ')};`
}

function conditions(narrowing: StagedNarrowing): { readonly unfit: string; readonly lossy: string } {
  const { type, wideType } = narrowing
  const wide = quoteName(narrowing.wide)
  const limit = lengthOf(type)
  switch (familyOf(type)) {
    case 'character': {
      const bytes = isUnicode(type) ? wide : `CONVERT(varchar(max), ${wide}${collateClause(narrowing.collation)})`
      // What a char pads is a loss only by declaration.
      const kept = narrowing.declared ? converted(narrowing) : bytes
      const back = `CONVERT(nvarchar(max), ${kept}) COLLATE Latin1_General_BIN2`
      return {
        unfit: limit === Infinity ? '1 = 0' : `DATALENGTH(${bytes}) > ${limit * (isUnicode(type) ? 2 : 1)}`,
        lossy: `${back} <> ${wide} OR DATALENGTH(${back}) <> DATALENGTH(${wide})`,
      }
    }
    case 'binary':
      return {
        unfit: limit === Infinity ? '1 = 0' : `DATALENGTH(${wide}) > ${limit}`,
        lossy: `DATALENGTH(${converted(narrowing)}) <> DATALENGTH(${wide})`,
      }
    default: {
      const narrow = `TRY_CONVERT(${formatSqlType(type)}, ${wide})`
      return { unfit: `${narrow} IS NULL`, lossy: `CONVERT(${formatSqlType(wideType)}, ${narrow}) <> ${wide}` }
    }
  }
}

/** The value in the target's type; a collation goes on the text, so that its code page is the one converted to. */
function converted({ type, collation, wide }: StagedNarrowing): string {
  const text = familyOf(type) === 'character' && !isUnicode(type) ? collateClause(collation) : ''
  return `CONVERT(${formatSqlType(type)}, ${quoteName(wide)}${text})`
}
