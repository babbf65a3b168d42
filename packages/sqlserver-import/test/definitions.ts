import type { ColumnDefinition, KeyDefinition, SqlType, TableDefinition } from '@icebridge/sqlserver'

const collation = 'Latin1_General_100_CI_AS'
const characterTypes = new Set(['char', 'varchar', 'nchar', 'nvarchar', 'text', 'ntext'])

/** A column as `describeTable` gives it: NOT NULL unless said otherwise, strings in a case-insensitive collation. */
export function column(name: string, type: SqlType, more: Partial<ColumnDefinition> = {}): ColumnDefinition {
  return {
    ordinal: 1,
    name,
    type,
    nullable: false,
    ...(characterTypes.has(type.name) ? { collation } : {}),
    rowversion: type.name === 'rowversion',
    masked: false,
    sparse: false,
    hidden: false,
    ...more,
  }
}

export function primaryKey(...names: readonly string[]): KeyDefinition {
  return {
    name: 'pk_orders',
    kind: 'primary-key',
    clustered: true,
    columns: names.map((name) => ({ name, descending: false })),
    filtered: false,
  }
}

/** A table whose primary key is its first column, unless keys are given. */
export function table(columns: readonly ColumnDefinition[], more: Partial<TableDefinition> = {}): TableDefinition {
  return {
    table: { schema: 'dbo', name: 'orders' },
    objectId: 1,
    columns: columns.map((definition, index) => ({ ...definition, ordinal: index + 1 })),
    keys: columns[0] === undefined ? [] : [primaryKey(columns[0].name)],
    foreignKeys: 0,
    secondaryUniqueIndexes: false,
    triggers: false,
    temporal: false,
    memoryOptimized: false,
    rowFilter: false,
    changeTracking: false,
    rowCount: 0n,
    ...more,
  }
}
