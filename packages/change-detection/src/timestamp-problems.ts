import { formatSqlType, type ColumnDefinition, type TableDefinition } from '@icebridge/sqlserver'
import type { PlanProblem } from './strategy.ts'
import { isTemporal } from './temporal-type.ts'

/** What keeps a column from saying exactly when its row changed. `waits` is true with a lag or an overlap. */
export function timestampProblems(
  table: TableDefinition,
  options: { readonly column: string; readonly found: ColumnDefinition | undefined; readonly waits: boolean },
): readonly PlanProblem[] {
  const { column, found, waits } = options
  const name = `${table.table.schema}.${table.table.name}`
  if (found === undefined) {
    const hint = 'Name a column that every insert and update sets to the time of the change.'
    return [{ code: 'no-such-column', column, message: `${name} has no column ${column}`, hint }]
  }
  const problems: PlanProblem[] = []
  if (!isTemporal(found.type.name)) {
    problems.push({
      code: 'unsupported-column-type',
      column,
      message: `${name}.${column} is ${formatSqlType(found.type)}, which is no date and time`,
      hint: 'Choose a datetime2, datetimeoffset, datetime, smalldatetime or date column; for a rowversion column choose rowversion.',
    })
  }
  if (found.nullable) {
    problems.push({
      code: 'nullable-column',
      column,
      message: `${name}.${column} may be NULL, and a row with NULL there would never be read`,
      hint: 'Make the column NOT NULL, with a default for rows that have none.',
    })
  }
  if (found.masked && table.unmask !== true) {
    problems.push({
      code: 'masked-column',
      column,
      message: `${name}.${column} is masked, so its values may not be the real ones`,
      hint: 'Grant UNMASK to the account, or choose another column.',
    })
  }
  if (found.generatedAlways !== undefined && !waits) {
    problems.push({
      code: 'transaction-time-column',
      column,
      message: `${name}.${column} holds the begin of the transaction, so a long one appears behind the watermark`,
      hint: 'Set lagMs above the longest transaction, or use a rowversion column.',
    })
  }
  return problems
}
