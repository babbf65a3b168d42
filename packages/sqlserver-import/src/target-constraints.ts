import { quoteName, quoteString } from '@icebridge/sqlserver'
import type { Row } from './position-row.ts'

/** A constraint or unique index of the target. */
export interface TargetConstraint {
  readonly kind: 'check' | 'foreign-key' | 'unique'
  readonly name: string
  /** Columns of the target, in the constraint's order; of a check, those that its text names. */
  readonly columns: readonly string[]
  /** Only of a foreign key. */
  readonly references?: {
    /** Quoted, in two parts. */
    readonly table: string
    readonly columns: readonly string[]
    /** Whether it points at the target itself. */
    readonly own: boolean
  }
}

/**
 * The constraints of a target that are looked at: a row a column, in the constraint's order. Filtered indexes are not among them, because
 * their filter cannot be asked of the stage.
 *
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-foreign-key-columns-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-check-constraints-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-index-columns-transact-sql
 */
export function constraintQueries(target: string): readonly string[] {
  const table = `OBJECT_ID(${quoteString(target)})`
  return [
    [
      'SELECT f.[name] AS [name], p.[name] AS [column], r.[name] AS [references], o.[name] AS [table], s.[name] AS [schema],',
      'CASE WHEN f.[referenced_object_id] = f.[parent_object_id] THEN 1 ELSE 0 END AS [own]',
      'FROM sys.foreign_keys AS f JOIN sys.foreign_key_columns AS k ON k.[constraint_object_id] = f.[object_id]',
      'JOIN sys.columns AS p ON p.[object_id] = k.[parent_object_id] AND p.[column_id] = k.[parent_column_id]',
      'JOIN sys.columns AS r ON r.[object_id] = k.[referenced_object_id] AND r.[column_id] = k.[referenced_column_id]',
      'JOIN sys.tables AS o ON o.[object_id] = f.[referenced_object_id] JOIN sys.schemas AS s ON s.[schema_id] = o.[schema_id]',
      `WHERE f.[parent_object_id] = ${table} AND f.[is_disabled] = 0 ORDER BY f.[name], k.[constraint_column_id];`,
    ].join('\n'),
    [
      'SELECT x.[name] AS [name], c.[name] AS [column] FROM sys.indexes AS x',
      'JOIN sys.index_columns AS k ON k.[object_id] = x.[object_id] AND k.[index_id] = x.[index_id]',
      'JOIN sys.columns AS c ON c.[object_id] = k.[object_id] AND c.[column_id] = k.[column_id]',
      `WHERE x.[object_id] = ${table} AND x.[is_unique] = 1 AND x.[is_disabled] = 0 AND x.[has_filter] = 0 AND k.[key_ordinal] > 0`,
      'ORDER BY x.[name], k.[key_ordinal];',
    ].join('\n'),
    [
      'SELECT k.[name] AS [name], k.[definition] AS [definition], c.[name] AS [column] FROM sys.check_constraints AS k',
      'LEFT JOIN sys.columns AS c ON c.[object_id] = k.[parent_object_id] AND c.[column_id] = k.[parent_column_id]',
      `WHERE k.[parent_object_id] = ${table};`,
    ].join('\n'),
  ]
}

/** The answers to {@link constraintQueries} as constraints. `columns` are the target's. */
export function constraintsOf(
  answers: readonly (readonly Row[])[],
  columns: readonly string[],
): readonly TargetConstraint[] {
  const [foreignKeys = [], indexes = [], checks = []] = answers
  const grouped = (rows: readonly Row[]) => [...Map.groupBy(rows, (row) => String(row['name']))]
  const text = (row: Row | undefined, name: string): string => String(row?.[name])
  return [
    ...grouped(foreignKeys).map(([name, rows]): TargetConstraint => ({
      kind: 'foreign-key',
      name,
      columns: rows.map((row) => text(row, 'column')),
      references: {
        table: `${quoteName(text(rows[0], 'schema'))}.${quoteName(text(rows[0], 'table'))}`,
        columns: rows.map((row) => text(row, 'references')),
        own: Number(rows[0]?.['own']) === 1,
      },
    })),
    ...grouped(indexes).map(([name, rows]): TargetConstraint => ({
      kind: 'unique',
      name,
      columns: rows.map((row) => text(row, 'column')),
    })),
    ...checks.map((row): TargetConstraint => ({
      kind: 'check',
      name: text(row, 'name'),
      // SQL Server keeps the text of a check with its names in brackets.
      columns: columns.filter((name) => name === row['column'] || text(row, 'definition').includes(quoteName(name))),
    })),
  ]
}
