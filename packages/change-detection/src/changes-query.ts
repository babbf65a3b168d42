import {
  keyOf,
  quoteTable,
  type ReadColumn,
  type ReadQuery,
  type RowRange,
  type SqlParameter,
  type TableDefinition,
} from '@icebridge/sqlserver'

/** The alias of the source table in every changes query. */
export const alias = '[t]'

/** Name of the column that carries a row's own position. */
const VERSION_COLUMN = '_sync_version'

export interface ChangesQueryParts {
  readonly table: TableDefinition
  readonly columns: readonly ReadColumn[]
  /** Expression over {@link alias} that gives the row's position as text. */
  readonly version: string
  /** Quoted column that the bounds are compared with. */
  readonly column: string
  readonly low: SqlParameter | undefined
  readonly high: SqlParameter | undefined
  readonly rows: RowRange | undefined
  /** Table hints in the order they stand. */
  readonly hints?: readonly string[]
}

/** `SELECT columns, version FROM table WHERE column >= @low AND column < @high AND range`, every bound a typed parameter. */
export function changesQueryOf(parts: ChangesQueryParts): ReadQuery {
  const version: ReadColumn = {
    name: VERSION_COLUMN,
    role: 'value',
    expression: () => parts.version,
    field: { name: VERSION_COLUMN, type: { kind: 'string' }, nullable: false },
  }
  const columns = [...parts.columns, version]
  // Ordinal names: a companion's own name can pass the 128 characters of an identifier.
  const list = columns.map((column, index) => `${column.expression(alias)} AS [c${index}]`)
  const hints = parts.hints?.length ? ` WITH (${parts.hints.join(', ')})` : ''
  const bounds = [parts.low, parts.high].filter((bound) => bound !== undefined)
  const conditions = [
    ...bounds.map((bound) => `${alias}.${parts.column} ${bound === parts.high ? '<' : '>='} @${bound.name}`),
    ...(parts.rows === undefined ? [] : [parts.rows.predicate(alias)]),
  ]
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
  return {
    text: `SELECT ${list.join(', ')} FROM ${quoteTable(parts.table.table)} AS ${alias}${hints}${where}`,
    parameters: [...bounds, ...(parts.rows?.parameters ?? [])],
    columns,
    table: quoteTable(parts.table.table),
    key: keyOf(parts.table)?.columns.map(({ name }) => name) ?? [],
  }
}
