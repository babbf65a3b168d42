import { quoteName, quoteString } from '@icebridge/sqlserver'
import type { Row } from './position-row.ts'
import type { TargetColumn } from './unit-rows.ts'

/** A constraint or unique index of the target. */
export type TargetConstraint = {
  readonly name: string
  /** Columns of the target, in the constraint's order; of a check, those that its text names. */
  readonly columns: readonly string[]
} & (
  | {
      readonly kind: 'unique'
      /** The condition on the rows that must differ, as the catalog has it; without it all must. */
      readonly filter?: string
    }
  | {
      readonly kind: 'check'
      /** As the catalog has it. */
      readonly definition: string
    }
  | {
      readonly kind: 'foreign-key'
      readonly references: {
        /** Quoted, in two parts. */
        readonly table: string
        readonly columns: readonly string[]
        /** Whether it points at the target itself. */
        readonly own: boolean
      }
    }
)

/**
 * The constraints of a target that are looked at: a row a column, in the constraint's order.
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
      'SELECT x.[name] AS [name], x.[filter_definition] AS [filter], c.[name] AS [column] FROM sys.indexes AS x',
      'JOIN sys.index_columns AS k ON k.[object_id] = x.[object_id] AND k.[index_id] = x.[index_id]',
      'JOIN sys.columns AS c ON c.[object_id] = k.[object_id] AND c.[column_id] = k.[column_id]',
      `WHERE x.[object_id] = ${table} AND x.[is_unique] = 1 AND x.[is_disabled] = 0 AND k.[key_ordinal] > 0`,
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
    ...grouped(indexes).map(([name, rows]): TargetConstraint => {
      const filter = rows[0]?.['filter'] ?? null
      return {
        kind: 'unique',
        name,
        columns: rows.map((row) => text(row, 'column')),
        ...(filter === null ? {} : { filter: String(filter) }),
      }
    }),
    ...checks.map((row): TargetConstraint => ({
      kind: 'check',
      name: text(row, 'name'),
      definition: text(row, 'definition'),
      // SQL Server keeps the text of a check with its names in brackets.
      columns: columns.filter((name) => name === row['column'] || text(row, 'definition').includes(quoteName(name))),
    })),
  ]
}

/**
 * The columns of a target and what the server gives them in a row that says nothing of them: a row each.
 *
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-default-constraints-transact-sql
 */
export function targetColumnsQuery(target: string): string {
  return [
    'SELECT c.[name] AS [name], d.[definition] AS [default],',
    // An identity, computed or period column, a rowversion, or a default that is an object of its own (sp_bindefault).
    'CASE WHEN c.[is_identity] = 1 OR c.[is_computed] = 1 OR c.[generated_always_type] <> 0 OR c.[system_type_id] = 189',
    '  OR (c.[default_object_id] <> 0 AND d.[object_id] IS NULL) THEN 1 ELSE 0 END AS [made]',
    'FROM sys.columns AS c LEFT JOIN sys.default_constraints AS d ON d.[object_id] = c.[default_object_id]',
    `WHERE c.[object_id] = OBJECT_ID(${quoteString(target)});`,
  ].join('\n')
}

/** The answer to {@link targetColumnsQuery}. */
export function targetColumnsOf(rows: readonly Row[]): readonly TargetColumn[] {
  return rows.map((row) => {
    const fallback = row['default'] ?? null
    return {
      name: String(row['name']),
      fallback: Number(row['made']) === 1 ? undefined : fallback === null ? null : String(fallback),
    }
  })
}
