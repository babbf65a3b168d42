import { isSqlServerError } from '@icebridge/sqlserver'
import { familyOf, isUnicode } from './sql-type.ts'
import type { StageColumn } from './stage.ts'
import { maxColumns } from './stage-limits.ts'

/**
 * The columns of a stage in which the one that a bulk load refused a value of is staged whole, as Unicode, so that only the versions that
 * reach the target are held against its code page. Undefined for any other error, for a column whose values do not go into a code
 * page, and for a key: a later version of that has the same character.
 */
export function withWholeText(columns: readonly StageColumn[], error: unknown): readonly StageColumn[] | undefined {
  if (!isSqlServerError(error, 'invalid-value')) return undefined
  const refused = columns.find(({ target }) => target.name === error.context['column'])
  if (refused === undefined || refused.key || refused.narrowing !== undefined) return undefined
  const { name, type, collation, wireType } = refused
  if (familyOf(type) !== 'character' || isUnicode(type) || collation === undefined) return undefined
  const narrowing = { name, type, collation, wide: `${name}w`, wideType: wireType, declared: false }
  const whole = columns.map((column) => (column === refused ? { ...column, narrowing } : column))
  // The sequence number and the operation stand in the stage too.
  const count = whole.reduce((sum, { variant, narrowing: of }) => sum + (variant ? 3 : of ? 2 : 1), 2)
  return count > maxColumns ? undefined : whole
}
