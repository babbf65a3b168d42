import { quoteName } from '@icebridge/sqlserver'
import { stagedValue } from './byte-difference.ts'
import { keysEqual } from './merge-strategy.ts'
import type { MergeColumn, MergeContext } from './merge-strategy.ts'
import type { TargetConstraint } from './target-constraints.ts'

/**
 * Queries for the staged rows that a foreign key or a unique index refuses, each with one row and the lowest sequence number in `first`.
 * They look at the unit as a whole: what it brings of the table counts, and what it deletes does not. Undefined where the stage lacks a
 * column of the constraint, and for a check, whose text cannot be asked of it.
 */
export function refusedRowQueries(context: MergeContext, constraint: TargetConstraint): readonly string[] | undefined {
  const columns = constraint.kind === 'check' ? undefined : staged(context, constraint.columns)
  if (columns === undefined) return undefined
  if (constraint.references === undefined) return duplicateQueries(context, columns)
  const query = orphanQuery(context, columns, constraint.references)
  return query === undefined ? undefined : [query]
}

function orphanQuery(
  context: MergeContext,
  child: readonly MergeColumn[],
  references: NonNullable<TargetConstraint['references']>,
): string | undefined {
  const parents = references.own ? staged(context, references.columns) : []
  if (parents === undefined) return undefined
  const equal = (parent: readonly string[]): string =>
    child.map((column, index) => `${parent[index] ?? ''} = ${stagedValue(column)}`).join(' AND ')
  const inTable = equal(references.columns.map((column) => `t.${quoteName(column)}`))
  const inUnit = equal(parents.map((column) => stagedValue(column, 'u')))
  return [
    `SELECT MIN(s.[seq]) AS [first] FROM ${context.stage} AS s WHERE s.[op] <> 'delete'`,
    ...child.map(({ stage }) => `AND s.${stage} IS NOT NULL`),
    `AND NOT EXISTS (SELECT 1 FROM ${references.table} AS t WHERE ${inTable}${references.own ? ` AND ${notIn(context, 'delete')}` : ''})`,
    ...(references.own
      ? [`AND NOT EXISTS (SELECT 1 FROM ${context.stage} AS u WHERE u.[op] <> 'delete' AND ${inUnit})`]
      : []),
  ].join('\n')
}

/** First among the unit's own rows, then against rows of the target that the unit leaves as they are. NULL equals NULL in a unique index. */
function duplicateQueries(context: MergeContext, columns: readonly MergeColumn[]): readonly string[] {
  const list = columns.map((column) => stagedValue(column)).join(', ')
  const theirs = columns.map(({ target }) => `t.${target}`).join(', ')
  return [
    [
      'SELECT MIN(d.[first]) AS [first] FROM (',
      `SELECT MIN(s.[seq]) AS [first] FROM ${context.stage} AS s WHERE s.[op] <> 'delete' GROUP BY ${list} HAVING COUNT_BIG(*) > 1`,
      ') AS d',
    ].join('\n'),
    [
      `SELECT MIN(s.[seq]) AS [first] FROM ${context.stage} AS s`,
      `INNER JOIN ${context.target} AS t ON EXISTS (SELECT ${theirs} INTERSECT SELECT ${list})`,
      `WHERE s.[op] <> 'delete' AND ${notIn(context)}`,
    ].join('\n'),
  ]
}

/** Whether the row of the target has no counterpart in the unit, or none of an operation. */
function notIn(context: MergeContext, operation?: 'delete'): string {
  const only = operation === undefined ? '' : `k.[op] = '${operation}' AND `
  return `NOT EXISTS (SELECT 1 FROM ${context.stage} AS k WHERE ${only}${keysEqual(context, 'k')})`
}

/** The stage's columns for columns of the target; undefined when it lacks one. */
function staged(context: MergeContext, names: readonly string[]): readonly MergeColumn[] | undefined {
  const found = names.flatMap((name) => context.columns.find(({ target }) => target === quoteName(name)) ?? [])
  return found.length === names.length ? found : undefined
}
