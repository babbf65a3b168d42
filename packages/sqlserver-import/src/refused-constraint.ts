import { quoteName } from '@icebridge/sqlserver'
import { bytesDiffer, equalMeansSameBytes, stagedValue } from './byte-difference.ts'
import { parseCatalogExpression } from './catalog-expression.ts'
import { keepTable } from './keep.ts'
import { keysEqual } from './merge-strategy.ts'
import type { MergeColumn, MergeContext } from './merge-strategy.ts'
import type { TargetConstraint } from './target-constraints.ts'
import { UnitRows } from './unit-rows.ts'
import type { TargetColumn } from './unit-rows.ts'

export interface RefusedRowOptions {
  /** The columns of the target, for those that are not written. */
  readonly columns: readonly TargetColumn[]
  /** The key of a row of the target, which is `t`, as text. */
  readonly targetKey: string
  /** Whether the unit ends a reload, so that rows whose key is not kept go before its own come. */
  readonly reload: boolean
}

/**
 * Queries for the staged rows that a constraint refuses, each with at most one row: the lowest sequence number in `first`; in `second` that of
 * another row of the unit that it cannot stand beside, or in `held` the key of such a row of the target.
 * They look at the unit as a whole: what it brings of the table counts, and what it deletes does not. Undefined where that cannot be
 * asked: the value of a column that is not written is not known, or the catalog has a text with more than constants and comparisons.
 */
export function refusedRowQueries(
  context: MergeContext,
  constraint: TargetConstraint,
  options: RefusedRowOptions,
): readonly string[] | undefined {
  switch (constraint.kind) {
    case 'unique':
      return duplicateQueries(context, constraint, options)
    case 'foreign-key':
      return orphanQueries(context, constraint, options)
    case 'check':
      return checkQueries(context, constraint, options)
  }
}

function orphanQueries(
  context: MergeContext,
  { columns, references }: Extract<TargetConstraint, { kind: 'foreign-key' }>,
  options: RefusedRowOptions,
): readonly string[] | undefined {
  const child = staged(context, columns)
  const parents = references.own ? staged(context, references.columns) : []
  if (child === undefined || parents === undefined) return undefined
  const equal = (parent: readonly string[]): string =>
    child.map((column, index) => `${parent[index] ?? ''} = ${stagedValue(column)}`).join(' AND ')
  const inTable = equal(references.columns.map((column) => `t.${quoteName(column)}`))
  const inUnit = equal(parents.map((column) => stagedValue(column, 'u')))
  const stays = references.own ? ` AND ${notIn(context, 'delete')}${kept(context, options)}` : ''
  return [
    [
      `SELECT MIN(s.[seq]) AS [first] FROM ${context.stage} AS s WHERE s.[op] <> 'delete'`,
      ...child.map(({ stage }) => `AND s.${stage} IS NOT NULL`),
      `AND NOT EXISTS (SELECT 1 FROM ${references.table} AS t WHERE ${inTable}${stays})`,
      ...(references.own
        ? [`AND NOT EXISTS (SELECT 1 FROM ${context.stage} AS u WHERE u.[op] <> 'delete' AND ${inUnit})`]
        : []),
    ].join('\n'),
  ]
}

/** First among the unit's own rows, then against rows of the target that the unit leaves as they are. NULL equals NULL in a unique index. */
function duplicateQueries(
  context: MergeContext,
  { columns, filter }: Extract<TargetConstraint, { kind: 'unique' }>,
  options: RefusedRowOptions,
): readonly string[] | undefined {
  const rows = new UnitRows(context, options.columns)
  const values = columns.flatMap((name) => rows.value(name) ?? [])
  const condition = filter === undefined ? undefined : parseCatalogExpression(filter)
  const ofUnit = condition === undefined ? undefined : rows.condition(condition)
  if (values.length !== columns.length || (filter !== undefined && (condition === undefined || ofUnit === undefined))) {
    return undefined
  }
  const ours = values.map((_, index) => `n.[v${index}]`).join(', ')
  const theirs = columns.map((name) => `t.${quoteName(name)}`).join(', ')
  const unit = [
    `SELECT s.[seq] AS [seq], ${values.map((value, index) => `${value} AS [v${index}]`).join(', ')}`,
    `${rows.from}${ofUnit === undefined ? '' : ` AND ${ofUnit}`}`,
  ].join('\n')
  const ofTarget = condition === undefined ? '' : ` AND ${condition.sql((name) => `t.${quoteName(name)}`)}`
  return [
    [
      'SELECT TOP (1) p.[first] AS [first], p.[second] AS [second] FROM (',
      `SELECT n.[seq] AS [first], LEAD(n.[seq]) OVER (PARTITION BY ${ours} ORDER BY n.[seq]) AS [second] FROM (`,
      unit,
      ') AS n) AS p WHERE p.[second] IS NOT NULL ORDER BY p.[first]',
    ].join('\n'),
    [
      `SELECT TOP (1) n.[seq] AS [first], ${options.targetKey} AS [held] FROM (`,
      unit,
      `) AS n INNER JOIN ${context.target} AS t ON EXISTS (SELECT ${theirs} INTERSECT SELECT ${ours})`,
      `WHERE ${notIn(context)}${kept(context, options)}${ofTarget} ORDER BY n.[seq]`,
    ].join('\n'),
  ]
}

/** A row that has the same bytes already is not written, and so not checked. */
function checkQueries(
  context: MergeContext,
  { definition }: Extract<TargetConstraint, { kind: 'check' }>,
  options: RefusedRowOptions,
): readonly string[] | undefined {
  const rows = new UnitRows(context, options.columns)
  const condition = parseCatalogExpression(definition)
  const holds = condition === undefined ? undefined : rows.condition(condition)
  if (holds === undefined) return undefined
  const written = context.columns.filter((column) => !(column.key && equalMeansSameBytes(column))).map(bytesDiffer)
  return [
    `SELECT MIN(s.[seq]) AS [first] ${rows.from}\nAND NOT ${holds} AND (${[rows.isNew, ...written].join(' OR ')})`,
  ]
}

/** Whether the row of the target has no counterpart in the unit, or none of an operation. */
function notIn(context: MergeContext, operation?: 'delete'): string {
  const only = operation === undefined ? '' : `k.[op] = '${operation}' AND `
  return `NOT EXISTS (SELECT 1 FROM ${context.stage} AS k WHERE ${only}${keysEqual(context, 'k')})`
}

/** Whether the end of a reload leaves the row of the target. */
function kept(context: MergeContext, { reload }: RefusedRowOptions): string {
  return reload ? ` AND EXISTS (SELECT 1 FROM ${keepTable} AS r WHERE ${keysEqual(context, 'r')})` : ''
}

/** The stage's columns for columns of the target; undefined when it lacks one. */
function staged(context: MergeContext, names: readonly string[]): readonly MergeColumn[] | undefined {
  const found = names.flatMap((name) => context.columns.find(({ target }) => target === quoteName(name)) ?? [])
  return found.length === names.length ? found : undefined
}
