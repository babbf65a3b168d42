import type { TableName } from '@icebridge/sqlserver'

/** `schema.table`, for messages and results; not for SQL. */
export function tableText(table: TableName): string {
  return `${table.schema}.${table.name}`
}

/** What a source table is called in a target's bookkeeping and in watermark stores: `erp.dbo.orders`. */
export function tableKey(source: string, table: TableName): string {
  return `${source}.${table.schema}.${table.name}`
}
