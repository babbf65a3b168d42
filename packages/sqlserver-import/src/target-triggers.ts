import { quoteString } from '@icebridge/sqlserver'
import type { Row } from './position-row.ts'

/**
 * Tables with enabled triggers; foreign keys that carry a change on; the target.
 *
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-triggers-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-foreign-keys-transact-sql
 */
export function triggerQueries(target: string): readonly string[] {
  return [
    'SELECT g.[parent_id] AS [table] FROM sys.triggers AS g WHERE g.[parent_class] = 1 AND g.[is_disabled] = 0;',
    [
      'SELECT f.[referenced_object_id] AS [from], f.[parent_object_id] AS [to] FROM sys.foreign_keys AS f',
      'WHERE f.[delete_referential_action] <> 0 OR f.[update_referential_action] <> 0;',
    ].join('\n'),
    `SELECT OBJECT_ID(${quoteString(target)}) AS [table];`,
  ]
}

/** Whether a merge into the target runs triggers, by the answers to {@link triggerQueries}. */
export function firesTriggers(answers: readonly (readonly Row[])[]): boolean {
  const [triggers = [], cascades = [], [target] = []] = answers
  const reached = new Set([Number(target?.['table'])])
  // A set's iteration comes to what is added meanwhile.
  for (const table of reached) {
    for (const { from, to } of cascades) if (Number(from) === table) reached.add(Number(to))
  }
  return triggers.some(({ table }) => reached.has(Number(table)))
}
