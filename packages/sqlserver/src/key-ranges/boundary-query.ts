import { quoteName, quoteTable } from '../quoting.ts'
import type { Sql } from '../sql.ts'
import type { TableDefinition } from '../table-definition.ts'
import { boundaryColumns } from './key-boundary.ts'
import type { RangeKey } from './range-key.ts'
import { rowRange, type RangeEnds } from './row-range.ts'

const alias = '[t]'

/**
 * Finds where a range of `rows` rows ends: the last of them and, when there is one, the row after it. No row when there are fewer
 * than `rows`. It steps along the key index from `after`, so that it reads the keys of the range and nothing else.
 *
 * @see https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql where OFFSET and FETCH are
 */
export function boundaryQuery(
  table: TableDefinition,
  key: RangeKey,
  range: RangeEnds & { readonly rows: number },
): Sql {
  const where = rowRange(key, range)
  return {
    text: [
      `SELECT ${boundaryColumns(key, alias)} FROM ${quoteTable(table.table)} AS ${alias}`,
      ...(where === undefined ? [] : [`WHERE ${where.predicate(alias)}`]),
      `ORDER BY ${order(key, false)} OFFSET @skip ROWS FETCH NEXT 2 ROWS ONLY`,
    ].join(' '),
    parameters: [
      ...(where?.parameters ?? []),
      { name: 'skip', type: { name: 'bigint' }, value: BigInt(range.rows - 1) },
    ],
  }
}

/** The last key of a table; no row when it is empty. */
export function lastKeyQuery(table: TableDefinition, key: RangeKey): Sql {
  return {
    text: `SELECT TOP (@rows) ${boundaryColumns(key, alias)} FROM ${quoteTable(table.table)} AS ${alias} ORDER BY ${order(key, true)}`,
    parameters: [{ name: 'rows', type: { name: 'bigint' }, value: 1n }],
  }
}

function order(key: RangeKey, reversed: boolean): string {
  return key.columns
    .map(({ column, descending }) => `${alias}.${quoteName(column.name)} ${descending === reversed ? 'ASC' : 'DESC'}`)
    .join(', ')
}
