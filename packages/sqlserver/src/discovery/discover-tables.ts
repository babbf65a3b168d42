import type { Row } from '../exact-values/row-values.ts'
import type { TableName } from '../quoting.ts'
import type { Sql } from '../sql.ts'

/** Runs one query of discovery. */
export type RunQuery = (sql: Sql) => Promise<readonly Row[]>

/**
 * User tables by schema and name, history tables and Microsoft's own left out.
 *
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-tables-transact-sql
 */
export async function discoverTables(run: RunQuery, schema: string | undefined): Promise<readonly TableName[]> {
  const rows = await run({
    text: [
      'SELECT s.[name] AS [schema], t.[name] AS [name]',
      'FROM sys.tables AS t JOIN sys.schemas AS s ON s.[schema_id] = t.[schema_id]',
      `WHERE t.[is_ms_shipped] = 0 AND t.[temporal_type] <> 1${schema === undefined ? '' : ' AND s.[name] = @schema'}`,
      'ORDER BY s.[name], t.[name]',
    ].join(' '),
    ...(schema === undefined
      ? {}
      : { parameters: [{ name: 'schema', type: { name: 'nvarchar', length: 128 }, value: schema }] }),
  })
  return rows.map((row) => ({ schema: String(row['schema']), name: String(row['name']) }))
}
