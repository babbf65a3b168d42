import { bytesDiffer, equalMeansSameBytes, stagedValue } from './byte-difference.ts'
import { keysEqual, lockHints } from './merge-strategy.ts'
import type { MergeContext, MergeStrategy } from './merge-strategy.ts'

/**
 * One MERGE: deletes, updates and inserts in a single pass over the target.
 *
 * @see https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
 */
export class UpsertMergeStrategy implements MergeStrategy {
  readonly name = 'upsert-merge'

  statement(context: MergeContext): string {
    const { columns } = context
    const update = columns.filter((column) => !column.identity && !(column.key && equalMeansSameBytes(column)))
    const updateBranch =
      update.length === 0
        ? []
        : [
            `WHEN MATCHED AND s.[op] <> 'delete' AND (${update.map(bytesDiffer).join('\n  OR ')})`,
            `  THEN UPDATE SET ${update.map((column) => `t.${column.target} = ${stagedValue(column)}`).join(', ')}`,
          ]
    return [
      'DECLARE @merge_actions TABLE ([action] nvarchar(10) NOT NULL);',
      `MERGE ${context.target} ${lockHints(context)} AS t`,
      `USING ${context.stage} AS s`,
      `ON ${keysEqual(context)}`,
      `WHEN MATCHED AND s.[op] = 'delete'`,
      '  THEN DELETE',
      ...updateBranch,
      `WHEN NOT MATCHED BY TARGET AND s.[op] <> 'delete'`,
      `  THEN INSERT (${columns.map((column) => column.target).join(', ')})`,
      `  VALUES (${columns.map((column) => stagedValue(column)).join(', ')})`,
      'OUTPUT $action INTO @merge_actions ([action]);',
      `SELECT @inserted = COUNT_BIG(*) FROM @merge_actions WHERE [action] = N'INSERT';`,
      `SELECT @updated = COUNT_BIG(*) FROM @merge_actions WHERE [action] = N'UPDATE';`,
      `SELECT @deleted = COUNT_BIG(*) FROM @merge_actions WHERE [action] = N'DELETE';`,
    ].join('\n')
  }
}
