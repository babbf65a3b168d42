import { formatSqlType, quoteName } from '@icebridge/sqlserver'
import { keysEqual } from './merge-strategy.ts'
import type { MergeContext } from './merge-strategy.ts'
import { collateClause } from './sql-type.ts'
import type { StageColumn } from './stage.ts'

/** Holds the keys of a reload: local to the connection that made it. */
export const keepTable = '#keep'

/** Pure: makes the table of a reload's keys, with the columns that they have in the stage. */
export function createKeepBatch(keys: readonly StageColumn[]): string {
  const columns = keys.map(
    ({ name, type, collation }) => `${quoteName(name)} ${formatSqlType(type)}${collateClause(collation)} NOT NULL`,
  )
  return [
    `IF OBJECT_ID(N'tempdb..${keepTable}') IS NOT NULL DROP TABLE ${keepTable};`,
    `CREATE TABLE ${keepTable} (`,
    `  ${columns.join(',\n  ')}`,
    ');',
  ].join('\n')
}

/**
 * Deletes the rows whose key a reload does not contain. Keys are equal when the target's collation says so, as in the merge.
 * The batch has declared the bigint variable `@removed`.
 */
export function removeAbsent(context: MergeContext): string {
  return [
    `DELETE t FROM ${context.target} AS t WITH (HOLDLOCK, TABLOCKX)`,
    `WHERE NOT EXISTS (SELECT 1 FROM ${keepTable} AS s WHERE ${keysEqual(context)});`,
    'SET @removed = ROWCOUNT_BIG();',
  ].join('\n')
}
