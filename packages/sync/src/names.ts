import { quoteTable, type TableName } from '@icebridge/sqlserver'

/** `schema.table`, for messages and results; not for SQL. */
export function tableText(table: TableName): string {
  return `${table.schema}.${table.name}`
}

/** What a source table is called in watermark stores: `erp.dbo.orders`. */
export function tableKey(source: string, table: TableName): string {
  return `${source}.${table.schema}.${table.name}`
}

/**
 * What a source table and the target table that follows it are called in the target's bookkeeping:
 * `erp [dbo].[orders] > [dbo].[orders]`. Several tables of one target database may follow one source table.
 */
export function positionKey(source: string, table: TableName, target: TableName): string {
  return `${source} ${quoteTable(table)} > ${quoteTable(target)}`
}
