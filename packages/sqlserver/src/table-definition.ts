import type { TableName } from './quoting.ts'
import type { SqlType } from './sql-type.ts'

/** One column as sys.columns has it, its alias type resolved to the base type. */
export interface ColumnDefinition {
  /** From 1, in the order of the table. Gaps are where columns were dropped. */
  readonly ordinal: number
  readonly name: string
  readonly type: SqlType
  /** `schema.name` of the alias type in the declaration, if there is one. */
  readonly aliasType?: string
  readonly nullable: boolean
  /** Of character types only. */
  readonly collation?: string
  /** Seed and increment as decimal digits: an identity may be decimal(38,0). */
  readonly identity?: { readonly seed: string; readonly increment: string }
  readonly computed?: { readonly expression: string; readonly persisted: boolean }
  readonly rowversion: boolean
  /** Dynamic data masking is on the column. */
  readonly masked: boolean
  readonly sparse: boolean
  readonly hidden: boolean
  readonly generatedAlways?: 'row-start' | 'row-end'
  /** The default's expression with its parentheses, as `((0))`. */
  readonly defaultExpression?: string
}

/** A primary key, unique constraint or unique index. */
export interface KeyDefinition {
  readonly name: string
  readonly kind: 'primary-key' | 'unique-constraint' | 'unique-index'
  readonly clustered: boolean
  /** Key columns in key order, without included ones. */
  readonly columns: readonly { readonly name: string; readonly descending: boolean }[]
  /** The index has a WHERE clause, so it says nothing about the other rows. */
  readonly filtered: boolean
}

/** A column whose type is outside the contract. */
export interface ColumnProblem {
  readonly code: 'unsupported-type'
  readonly column: string
  /** The type as the server names it. */
  readonly type: string
  readonly message: string
  readonly hint: string
}

/** Everything about a table that reading, planning and writing need. */
export interface TableDefinition {
  readonly table: TableName
  readonly objectId: number
  readonly columns: readonly ColumnDefinition[]
  /** The primary key first. */
  readonly keys: readonly KeyDefinition[]
  /** Foreign keys that this table has or that point at it. */
  readonly foreignKeys: number
  /** Those that point at this table and do more than refuse when a row is deleted: CASCADE, SET NULL, SET DEFAULT. */
  readonly cascadingForeignKeys?: number
  /** There are unique keys besides {@link keyOf}'s. */
  readonly secondaryUniqueIndexes: boolean
  /** There are enabled DML triggers. */
  readonly triggers: boolean
  /** System-versioned. */
  readonly temporal: boolean
  readonly memoryOptimized: boolean
  /** An enabled row-level security policy filters the rows that a query sees. */
  readonly rowFilter: boolean
  readonly changeTracking: boolean
  /** From the partition statistics: an estimate. */
  readonly rowCount: bigint
  /** The login sees real values of masked columns. */
  readonly unmask?: boolean
}

/**
 * The key that tells rows apart: the primary key, else the first unfiltered unique key over NOT NULL columns.
 * Undefined when there is none.
 */
export function keyOf(table: TableDefinition): KeyDefinition | undefined {
  const primary = table.keys.find((key) => key.kind === 'primary-key')
  if (primary !== undefined) return primary
  return table.keys.find(
    (key) =>
      !key.filtered &&
      key.columns.length > 0 &&
      key.columns.every(({ name }) => table.columns.some((column) => column.name === name && !column.nullable)),
  )
}
