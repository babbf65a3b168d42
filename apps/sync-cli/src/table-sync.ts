import type { TableName } from '@icebridge/sqlserver'
import type { TableSync } from '@icebridge/sync'
import type { TableRule } from './config/load.ts'
import { parseTablePattern } from './config/table-pattern.ts'
import { UsageError } from './usage-error.ts'

/** What the coordinator is told about a table that an entry of the configuration takes. */
export function tableSync(rule: TableRule, table: TableName): TableSync {
  const { strategy, ...settings } = rule.settings
  return {
    table,
    ...settings,
    ...(rule.targetTable === undefined ? {} : { target: targetName(rule.targetTable, table) }),
    ...(strategy === undefined
      ? {}
      : {
          strategy:
            typeof strategy === 'string' ? { kind: strategy } : { kind: 'timestamp' as const, ...strategy.timestamp },
        }),
  }
}

/** A template such as `stage.{schema}_{table}`, filled in. Names stay one part each, whatever stands in them. */
export function targetName(template: string, table: TableName): TableName {
  const parts = parseTablePattern(template)
  if (typeof parts === 'string' || parts.exact === undefined) {
    throw new UsageError(
      `targetTable ${template} is not a table name: ${typeof parts === 'string' ? parts : 'it has wildcards'}`,
    )
  }
  const fill = (part: string): string =>
    part.replaceAll(/\{schema\}|\{table\}/g, (key) => (key === '{schema}' ? table.schema : table.name))
  return { schema: fill(parts.exact.schema), name: fill(parts.exact.name) }
}
