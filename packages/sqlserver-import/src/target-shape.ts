import { quoteString } from '@icebridge/sqlserver'
import type { ColumnDefinition, SqlType } from '@icebridge/sqlserver'
import { raised } from './applied-position.ts'
import { ImportError } from './errors.ts'
import { optionsOf } from './outcome.ts'
import type { OutcomeRun } from './outcome.ts'
import type { Target } from './target.ts'

/** A target column that is written, as the plan knows it. */
export type PlannedColumn = Pick<ColumnDefinition, 'name' | 'type' | 'collation'>

/**
 * Throws when a column that is written has another type, length, precision, scale or collation than the plan knows: SQL Server would
 * have rounded numbers and times, and put `?` in the place of characters, without an error. It holds where the transaction has a lock on the
 * table or on rows of it, which keeps it from being altered: after a merge, or under a table lock.
 *
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-columns-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide "Schema locks"
 */
export function refuseOtherShape(target: string, columns: readonly PlannedColumn[]): string {
  return [
    `IF (SELECT COUNT(*) ${columnsAsPlanned(target, columns)}) <> ${columns.length}`,
    `  THROW ${raised.targetChanged}, N'icebridge: a column of the target is not what the plan was made for', 1;`,
  ].join('\n')
}

/** The names of the columns that are no longer as planned. */
export async function changedColumns(
  server: Pick<Target, 'query'>,
  target: string,
  options: { readonly columns: readonly PlannedColumn[]; readonly signal?: AbortSignal },
): Promise<readonly string[]> {
  const { columns, ...more } = options
  const rows = await server.query({ text: `SELECT c.[name] AS [name] ${columnsAsPlanned(target, columns)};` }, more)
  const same = new Set(rows.map((row) => row['name']))
  return columns.map(({ name }) => name).filter((name) => !same.has(name))
}

/** The error with the names of the changed columns. */
export async function withColumns(
  error: ImportError,
  run: OutcomeRun & { readonly planned: readonly PlannedColumn[] },
): Promise<ImportError> {
  const columns = await changedColumns(run.server, run.target, { columns: run.planned, ...optionsOf(run) })
  if (columns.length === 0) return error
  const names = columns.join(', ')
  return new ImportError(error.code, `${error.message}: ${names}`, {
    hint: error.hint,
    context: { ...error.context, columns: names },
    cause: error.cause,
  })
}

function columnsAsPlanned(target: string, columns: readonly PlannedColumn[]): string {
  return [
    'FROM sys.columns AS c JOIN sys.types AS u ON u.[user_type_id] = c.[user_type_id]',
    'LEFT JOIN sys.types AS b ON b.[user_type_id] = c.[system_type_id]',
    `WHERE c.[object_id] = OBJECT_ID(${quoteString(target)}) AND (${columns.map(isAsPlanned).join('\n  OR ')})`,
  ].join('\n')
}

function isAsPlanned({ name, type, collation }: PlannedColumn): string {
  const typeName = type.name === 'rowversion' ? 'timestamp' : type.name
  const conditions = [
    `c.[name] = ${quoteString(name)}`,
    `COALESCE(b.[name], u.[name]) = ${quoteString(typeName)}`,
    ...sizeOf(type).map(([column, value]) => `c.[${column}] = ${value}`),
    ...(collation === undefined ? [] : [`c.[collation_name] = ${quoteString(collation)}`]),
  ]
  return `(${conditions.join(' AND ')})`
}

function sizeOf(type: SqlType): readonly (readonly [column: string, value: number])[] {
  switch (type.name) {
    case 'decimal':
    case 'numeric':
      return [
        ['precision', type.precision ?? 18],
        ['scale', type.scale ?? 0],
      ]
    case 'time':
    case 'datetime2':
    case 'datetimeoffset':
      return [['scale', type.scale ?? 7]]
    case 'char':
    case 'varchar':
    case 'binary':
    case 'varbinary':
      return [['max_length', type.length === 'max' ? -1 : (type.length ?? 1)]]
    case 'nchar':
    case 'nvarchar':
      return [['max_length', type.length === 'max' ? -1 : (type.length ?? 1) * 2]]
    default:
      return []
  }
}
