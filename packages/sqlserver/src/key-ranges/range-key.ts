import { keyOf, type ColumnDefinition, type KeyDefinition, type TableDefinition } from '../table-definition.ts'
import type { SqlTypeName } from '../sql-type.ts'

/** A unique key whose order cuts a table into ranges. */
export interface RangeKey {
  readonly name: string
  /** The rows lie in its order; otherwise each row of a range is looked up, or the whole table scanned for it, as the server finds cheaper. */
  readonly clustered: boolean
  /** In key order; never nullable. */
  readonly columns: readonly RangeColumn[]
}

export interface RangeColumn {
  readonly column: ColumnDefinition
  readonly descending: boolean
}

/** The key that ranges of a table are made of, or why there is none, in words that go on after the table's name. */
export type RangeKeyChoice =
  | { readonly key: RangeKey; readonly reason?: undefined }
  | { readonly key: undefined; readonly reason: string }

/** Types whose values cannot be given back to the server as a parameter that compares as the column does. */
const withoutRanges: ReadonlySet<SqlTypeName> = new Set(['sql_variant', 'hierarchyid'])

/**
 * The clustered unique key if it fits, since a range of it is a run of pages; else the key that tells rows apart.
 *
 * A memory-optimized table has none: its key may be a hash index, which has no order.
 * @see https://learn.microsoft.com/sql/database-engine/determining-the-correct-bucket-count-for-hash-indexes
 */
export function rangeKeyOf(table: TableDefinition): RangeKeyChoice {
  if (table.memoryOptimized) {
    return { key: undefined, reason: 'is memory-optimized, and its key may be a hash index without order' }
  }
  const own = keyOf(table)
  const clustered = table.keys.find((key) => key.clustered && !key.filtered)
  const candidates = [clustered, own].filter((key) => key !== undefined)
  for (const key of candidates) {
    const columns = columnsOf(table, key)
    if (columns.every(({ column }) => !column.nullable && !withoutRanges.has(column.type.name))) {
      return { key: { name: key.name, clustered: key.clustered, columns } }
    }
  }
  if (own === undefined) return { key: undefined, reason: 'has no unique key over columns that are NOT NULL' }
  const unfit = columnsOf(table, own).find(({ column }) => withoutRanges.has(column.type.name))
  return {
    key: undefined,
    reason: `has a key over ${unfit?.column.name ?? 'columns'} (${unfit?.column.type.name ?? 'unknown'}), which cannot bound a range`,
  }
}

function columnsOf(table: TableDefinition, key: KeyDefinition): readonly RangeColumn[] {
  return key.columns.map(({ name, descending }) => {
    const column = table.columns.find((each) => each.name === name)
    if (column === undefined) throw new RangeError(`key ${key.name} has a column ${name} that the table has not`)
    return { column, descending }
  })
}
