import { bytesDiffer, equalMeansSameBytes, stagedValue } from './byte-difference.ts'
import { keysEqual, lockHints } from './merge-strategy.ts'
import type { MergeContext, MergeStrategy } from './merge-strategy.ts'

/**
 * DELETE, UPDATE and INSERT under the locks that MERGE would take, for servers and shops that do not use MERGE.
 * Deletes come first, so that values of a unique index are free before updates and inserts take them.
 */
export class UpdateInsertMergeStrategy implements MergeStrategy {
  readonly name = 'update-insert'

  statement(context: MergeContext): string {
    const { columns, target, stage } = context
    const update = columns.filter((column) => !column.identity && !(column.key && equalMeansSameBytes(column)))
    const on = keysEqual(context)
    const hints = lockHints(context)
    const updateStatement =
      update.length === 0
        ? []
        : [
            `UPDATE t SET ${update.map((column) => `t.${column.target} = ${stagedValue(column)}`).join(', ')}`,
            `FROM ${target} AS t ${hints} INNER JOIN ${stage} AS s ON ${on}`,
            `WHERE s.[op] <> 'delete' AND (${update.map(bytesDiffer).join('\n  OR ')});`,
            'SET @updated = ROWCOUNT_BIG();',
          ]
    return [
      `DELETE t FROM ${target} AS t ${hints} INNER JOIN ${stage} AS s ON ${on}`,
      `WHERE s.[op] = 'delete';`,
      'SET @deleted = ROWCOUNT_BIG();',
      ...updateStatement,
      `INSERT INTO ${target} (${columns.map((column) => column.target).join(', ')})`,
      `SELECT ${columns.map((column) => stagedValue(column)).join(', ')}`,
      `FROM ${stage} AS s`,
      `WHERE s.[op] <> 'delete' AND NOT EXISTS (SELECT 1 FROM ${target} AS t ${hints} WHERE ${on});`,
      'SET @inserted = ROWCOUNT_BIG();',
    ].join('\n')
  }
}
