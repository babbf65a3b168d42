import { SqlServerError } from '../errors.ts'
import { quoteTable, type TableName } from '../quoting.ts'
import type { SqlParameter } from '../sql.ts'
import { keyOf, type TableDefinition } from '../table-definition.ts'
import { readColumnRows } from './columns.ts'
import type { RunQuery } from './discover-tables.ts'
import { readKeyRows } from './keys.ts'
import { nearNames } from './near-names.ts'

/**
 * The table itself, with what may get in the way: temporal and memory-optimized tables, triggers, foreign keys either way,
 * row-level security, change tracking, and the rows that its partitions are said to hold.
 *
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-tables-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-foreign-keys-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-triggers-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-security-predicates-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/change-tracking-catalog-views-sys-change-tracking-tables
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-partitions-transact-sql
 */
const tableQuery = [
  'SELECT t.[object_id] AS [objectId], CONVERT(int, t.[temporal_type]) AS [temporalType],',
  't.[is_memory_optimized] AS [memoryOptimized],',
  '(SELECT COUNT(*) FROM sys.foreign_keys AS f',
  ' WHERE f.[parent_object_id] = t.[object_id] OR f.[referenced_object_id] = t.[object_id]) AS [foreignKeys],',
  '(SELECT COUNT(*) FROM sys.foreign_keys AS f',
  ' WHERE f.[referenced_object_id] = t.[object_id] AND f.[delete_referential_action] <> 0) AS [cascading],',
  '(SELECT COUNT(*) FROM sys.triggers AS g WHERE g.[parent_id] = t.[object_id] AND g.[is_disabled] = 0) AS [triggers],',
  '(SELECT COUNT(*) FROM sys.security_predicates AS p JOIN sys.security_policies AS o ON o.[object_id] = p.[object_id]',
  ' WHERE p.[target_object_id] = t.[object_id] AND p.[predicate_type] = 0 AND o.[is_enabled] = 1) AS [rowFilters],',
  '(SELECT COUNT(*) FROM sys.change_tracking_tables AS c WHERE c.[object_id] = t.[object_id]) AS [changeTracking],',
  '(SELECT SUM(r.[rows]) FROM sys.partitions AS r',
  ' WHERE r.[object_id] = t.[object_id] AND r.[index_id] IN (0, 1)) AS [rowCount]',
  'FROM sys.tables AS t JOIN sys.schemas AS s ON s.[schema_id] = t.[schema_id]',
  'WHERE s.[name] = @schema AND t.[name] = @table',
].join(' ')

/** @see https://learn.microsoft.com/sql/t-sql/functions/has-perms-by-name-transact-sql */
const unmaskQuery = "SELECT HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'UNMASK') AS [unmask]"

/**
 * Gathers a table's definition, one query a concern.
 *
 * @throws {SqlServerError} `no-such-table`; `unsupported-type` that names every offending column.
 */
export async function describeTable(run: RunQuery, name: TableName): Promise<TableDefinition> {
  const parameters: readonly SqlParameter[] = [
    { name: 'schema', type: { name: 'nvarchar', length: 128 }, value: name.schema.slice(0, 128) },
    { name: 'table', type: { name: 'nvarchar', length: 128 }, value: name.name.slice(0, 128) },
  ]
  const [row] = await run({ text: tableQuery, parameters })
  const objectId = row?.['objectId']
  if (row === undefined || typeof objectId !== 'number') throw await noSuchTable(run, name)
  const { columns, problems } = await readColumnRows(run, objectId)
  if (problems.length > 0) {
    throw new SqlServerError(
      'unsupported-type',
      `${quoteTable(name)} has columns of unsupported types: ${problems.map((each) => each.message).join('; ')}`,
      {
        context: { table: quoteTable(name), columns: problems.map((each) => each.column).join(', ') },
        hint: 'Leave the columns out with a view, or change their types.',
      },
    )
  }
  const keys = await readKeyRows(run, objectId)
  const masked = columns.some((column) => column.masked)
  const [permission] = masked ? await run({ text: unmaskQuery }) : []
  const count = row['rowCount']
  const definition: TableDefinition = {
    table: { schema: name.schema, name: name.name },
    objectId,
    columns,
    keys,
    foreignKeys: Number(row['foreignKeys'] ?? 0),
    ...(Number(row['cascading'] ?? 0) === 0 ? {} : { cascadingForeignKeys: Number(row['cascading']) }),
    secondaryUniqueIndexes: false,
    triggers: Number(row['triggers'] ?? 0) > 0,
    temporal: row['temporalType'] === 2,
    memoryOptimized: row['memoryOptimized'] === true,
    rowFilter: Number(row['rowFilters'] ?? 0) > 0,
    changeTracking: Number(row['changeTracking'] ?? 0) > 0,
    rowCount: typeof count === 'bigint' || typeof count === 'number' ? BigInt(count) : 0n,
    ...(masked ? { unmask: permission?.['unmask'] === 1 } : {}),
  }
  const own = keyOf(definition)
  return { ...definition, secondaryUniqueIndexes: keys.some((key) => key.name !== own?.name) }
}

async function noSuchTable(run: RunQuery, name: TableName): Promise<SqlServerError> {
  const rows = await run({
    text: [
      'SELECT s.[name] AS [schema], t.[name] AS [name]',
      'FROM sys.tables AS t JOIN sys.schemas AS s ON s.[schema_id] = t.[schema_id] WHERE t.[is_ms_shipped] = 0',
    ].join(' '),
  })
  const near = nearNames(
    name,
    rows.map((row) => ({ schema: String(row['schema']), name: String(row['name']) })),
  )
  const table = `${name.schema}.${name.name}`
  return new SqlServerError('no-such-table', `there is no table ${table} that the login may see`, {
    context: { table },
    hint:
      near.length === 0
        ? 'Check schema and name, and that the login has SELECT on the table.'
        : `Did you mean ${near.map((each) => `${each.schema}.${each.name}`).join(' or ')}?`,
  })
}
