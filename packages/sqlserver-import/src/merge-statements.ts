import { keysEqual, lockHints } from './merge-strategy.ts'
import type { MergeContext, MergeStrategy } from './merge-strategy.ts'

/** The variables that a merge counts in, all bigint and 0 at first. */
export const mergeVariables = '@replaced bigint = 0, @inserted bigint = 0, @updated bigint = 0, @deleted bigint = 0'

/** A strategy's statements, and what an identity column needs around them. The batch has declared {@link mergeVariables}. */
export function mergeStatements(context: MergeContext, strategy: MergeStrategy): readonly string[] {
  const identity = context.columns.find((column) => column.identity)
  if (identity === undefined) return [strategy.statement(context)]
  return [
    `SET IDENTITY_INSERT ${context.target} ON;`,
    ...(identity.key ? [] : [replaceChangedIdentity(context, `t.${identity.target} <> s.${identity.stage}`)]),
    strategy.statement(context),
    `SET IDENTITY_INSERT ${context.target} OFF;`,
  ]
}

/** SQL Server updates no identity column: a row whose identity value changed under its key leaves, and comes back as an insert. */
function replaceChangedIdentity(context: MergeContext, changed: string): string {
  return [
    `DELETE t FROM ${context.target} AS t ${lockHints(context)} INNER JOIN ${context.stage} AS s ON ${keysEqual(context)}`,
    `WHERE s.[op] <> 'delete' AND ${changed};`,
    'SET @replaced = ROWCOUNT_BIG();',
  ].join('\n')
}
