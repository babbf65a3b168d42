import {
  keyOf,
  quoteTable,
  selectList,
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
  /** The column whose binary values are the positions, if it is among those that are read: the text is made of them here. */
  readonly versionWithin?: string
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
    ...(isRead(parts.columns, parts.versionWithin) ? { within: parts.versionWithin } : {}),
  }
  const columns = [...parts.columns, version]
  const hints = parts.hints?.length ? ` WITH (${parts.hints.join(', ')})` : ''
  const bounds = [parts.low, parts.high].filter((bound) => bound !== undefined)
  const conditions = [
    ...bounds.map((bound) => `${alias}.${parts.column} ${bound === parts.high ? '<' : '>='} @${bound.name}`),
    ...(parts.rows === undefined ? [] : [parts.rows.predicate(alias)]),
  ]
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
  return {
    text: `SELECT ${selectList(columns, alias)} FROM ${quoteTable(parts.table.table)} AS ${alias}${hints}${where}`,
    parameters: [...bounds, ...(parts.rows?.parameters ?? [])],
    columns,
    table: quoteTable(parts.table.table),
    key: keyOf(parts.table)?.columns.map(({ name }) => name) ?? [],
  }
}

function isRead(columns: readonly ReadColumn[], name: string | undefined): name is string {
  return columns.some((column) => column.name === name && column.field.type.kind === 'binary')
}
