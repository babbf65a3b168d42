import { formatSqlType } from '@icebridge/sqlserver'
import type { TableDefinition } from '@icebridge/sqlserver'
import type { ImportColumn } from './import-plan.ts'
import { stagedType } from './stage.ts'

/** Why a first load goes by way of the stage, as far as the definitions alone tell. */
export type StraightObstacle = 'triggers' | 'temporal' | 'column-type' | 'narrowed' | 'default'

/** Whether a first load may go straight into the target, when that is empty. */
export type StraightVerdict =
  | { readonly possible: true }
  | { readonly possible: false; readonly reason: StraightObstacle; readonly message: string }

/**
 * What INSERT does and INSERT BULK does not, or not surely, keeps a first load on the stage, so that both ways end in the same rows.
 *
 * @see https://learn.microsoft.com/sql/t-sql/statements/bulk-insert-transact-sql
 */
export function straightVerdict(
  into: TableDefinition,
  columns: readonly ImportColumn[],
  options: { readonly fireTriggers: boolean },
): StraightVerdict {
  const obstacle = (reason: StraightObstacle, message: string): StraightVerdict => ({
    possible: false,
    reason,
    message,
  })
  if (into.triggers && !options.fireTriggers) {
    return obstacle('triggers', 'the target has triggers, which a bulk load does not fire unless fireTriggers is set')
  }
  if (into.temporal) return obstacle('temporal', 'the target is system-versioned')
  const written = new Set<string>()
  for (const column of columns) {
    if (column.verdict !== 'exact' && column.verdict !== 'narrowed') continue
    const { name, type } = column.target
    if (column.verdict === 'narrowed') {
      return obstacle(
        'narrowed',
        `the values of the target's column ${name} are looked at in the stage, because a loss was declared`,
      )
    }
    written.add(name)
    if (type.name === 'sql_variant' || stagedType(type) !== type) {
      return obstacle(
        'column-type',
        `the target's column ${name} is ${formatSqlType(type)}, whose values are converted from the stage`,
      )
    }
  }
  const left = into.columns.find((column) => !written.has(column.name) && column.defaultExpression !== undefined)
  if (left !== undefined) {
    return obstacle('default', `the target's column ${left.name} has a default and nothing is written to it`)
  }
  return { possible: true }
}
