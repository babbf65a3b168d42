import { formatSqlType, keyOf, quoteName, quoteString, quoteTable } from '@icebridge/sqlserver'
import type { ColumnDefinition, KeyDefinition, TableDefinition, TableName } from '@icebridge/sqlserver'
import { appliedTable, defaultLockTimeoutMs, positionKey, prepareLock, takeLock } from './applied-position.ts'
import { ImportError } from './errors.ts'
import { collateClause } from './sql-type.ts'

export interface CreateTargetOptions {
  /**
   * `data` (the default): a computed column becomes a plain column that holds the values read from the source, so nothing that
   * its expression needs has to exist in the target and no text of the lake is run. `recreate`: its expression is used again.
   */
  readonly computedColumns?: 'data' | 'recreate'
  /** Forgets the position that this table key may have from an earlier target, in the same transaction. */
  readonly tableKey?: string
  /** How long the batch waits for other importers that create something, by default 30,000 ms. */
  readonly lockTimeoutMs?: number
}

/**
 * The definition that a created target has: types, collations, nullability, sparseness, identity and key are the source's; a rowversion is
 * binary(8), an alias type its base type. Defaults, checks, foreign keys, other indexes, triggers and permissions are not carried.
 */
export function createdDefinition(
  source: TableDefinition,
  target: TableName,
  options: CreateTargetOptions = {},
): TableDefinition {
  const key = keyOf(source)
  return {
    table: target,
    objectId: 0,
    columns: source.columns.map((column, index) => createdColumn(column, index + 1, options)),
    keys: key === undefined ? [] : [createdKey(key, source.table, target)],
    foreignKeys: 0,
    secondaryUniqueIndexes: false,
    triggers: false,
    temporal: false,
    memoryOptimized: false,
    rowFilter: false,
    changeTracking: false,
    rowCount: 0n,
  }
}

/** Pure: one batch that creates the table, and its schema when that is absent, or nothing at all. */
export function createTargetBatch(
  source: TableDefinition,
  target: TableName,
  options: CreateTargetOptions = {},
): string {
  const definition = createdDefinition(source, target, options)
  const key = definition.keys[0]
  const quoted = quoteTable(target)
  const lines = definition.columns.map(columnClause)
  if (key !== undefined && key.kind !== 'unique-index') lines.push(constraintClause(key))
  return [
    'SET NOCOUNT ON;',
    'SET XACT_ABORT ON;',
    'DECLARE @lock int;',
    'BEGIN TRANSACTION;',
    // Tables of one schema are created side by side: the schema is made once.
    takeLock(prepareLock, options.lockTimeoutMs ?? defaultLockTimeoutMs),
    // Positions before targets, as whoever loads takes them: in the other order two could wait for each other.
    ...(options.tableKey === undefined
      ? []
      : [`DELETE FROM ${appliedTable} WHERE [table_key] = ${quoteString(positionKey(options.tableKey))};`]),
    `IF SCHEMA_ID(${quoteString(target.schema)}) IS NULL EXEC(${quoteString(`CREATE SCHEMA ${quoteName(target.schema)}`)});`,
    `CREATE TABLE ${quoted} (\n  ${lines.join(',\n  ')}\n);`,
    ...(key?.kind === 'unique-index' ? [uniqueIndex(key, quoted)] : []),
    'COMMIT TRANSACTION;',
    'SET XACT_ABORT OFF;',
  ].join('\n')
}

/** Names of constraints, unlike those of indexes, are unique in a schema: a target of another name has a key of another name. */
function createdKey(key: KeyDefinition, source: TableName, target: TableName): KeyDefinition {
  if (source.name === target.name || key.kind === 'unique-index') return key
  const prefix = key.kind === 'primary-key' ? 'PK_' : 'UQ_'
  return { ...key, name: `${prefix}${target.name}`.slice(0, 128) }
}

function createdColumn(column: ColumnDefinition, ordinal: number, options: CreateTargetOptions): ColumnDefinition {
  const computed = options.computedColumns === 'recreate' ? column.computed : undefined
  return {
    ordinal,
    name: column.name,
    type: column.rowversion ? { name: 'binary', length: 8 } : column.type,
    nullable: column.nullable,
    ...(column.collation === undefined ? {} : { collation: column.collation }),
    ...(column.identity === undefined ? {} : { identity: column.identity }),
    ...(computed === undefined ? {} : { computed }),
    rowversion: false,
    masked: false,
    // A sparse column must have a type of its own kind: what was computed is none.
    sparse: column.sparse && column.computed === undefined,
    hidden: false,
  }
}

function columnClause(column: ColumnDefinition): string {
  const name = quoteName(column.name)
  if (column.computed !== undefined) {
    const persisted = column.computed.persisted ? ` PERSISTED${column.nullable ? '' : ' NOT NULL'}` : ''
    return `${name} AS ${column.computed.expression}${persisted}`
  }
  return [
    `${name} ${formatSqlType(column.type)}${collateClause(column.collation)}${column.sparse ? ' SPARSE' : ''}`,
    ...(column.identity === undefined
      ? []
      : [`IDENTITY(${digits(column.identity.seed)}, ${digits(column.identity.increment)})`]),
    column.nullable ? 'NULL' : 'NOT NULL',
  ].join(' ')
}

function constraintClause(key: KeyDefinition): string {
  const kind = key.kind === 'primary-key' ? 'PRIMARY KEY' : 'UNIQUE'
  return `CONSTRAINT ${quoteName(key.name)} ${kind} ${clustering(key)} (${keyColumns(key)})`
}

function uniqueIndex(key: KeyDefinition, table: string): string {
  return `CREATE UNIQUE ${clustering(key)} INDEX ${quoteName(key.name)} ON ${table} (${keyColumns(key)});`
}

function clustering(key: KeyDefinition): string {
  return key.clustered ? 'CLUSTERED' : 'NONCLUSTERED'
}

function keyColumns(key: KeyDefinition): string {
  return key.columns.map((column) => `${quoteName(column.name)}${column.descending ? ' DESC' : ''}`).join(', ')
}

function digits(value: string): string {
  if (!/^-?\d{1,38}$/.test(value)) {
    throw new ImportError('invalid-argument', `${JSON.stringify(value)} is not the seed or increment of an identity`, {
      hint: 'The recorded definition of the table is damaged; run plan again from the source.',
    })
  }
  return value
}
