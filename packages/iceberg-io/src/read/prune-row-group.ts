import { evaluate, rangeMightMatch, type BoundExpression, type NestedField, type Value } from '@icebridge/iceberg-core'
import type { RowGroup, Statistics } from 'hyparquet'
import type { FileColumn } from './file-columns.ts'

/**
 * Whether a row group may hold rows that pass. Only integer columns are judged: for other types the statistics of a footer
 * come in forms that have lost digits, and rows are filtered all the same.
 */
export function rowGroupMightMatch(
  filter: BoundExpression | undefined,
  group: RowGroup,
  read: { readonly fields: readonly NestedField[]; readonly columns: readonly (FileColumn | undefined)[] },
): boolean {
  if (filter === undefined) return true
  return evaluate(filter, (test) => {
    const { type, fieldId } = test.term
    if (type !== 'int' && type !== 'long') return true
    const column = read.columns[read.fields.findIndex((field) => field.id === fieldId)]
    if (column?.kind !== 'leaf') return true
    const name = column.path[column.path.length - 1]?.path.join('.')
    const meta = group.columns.find(({ meta_data: found }) => found?.path_in_schema.join('.') === name)?.meta_data
    const statistics = meta?.statistics
    if (meta === undefined || statistics === undefined) return true
    const nulls = statistics.null_count
    return rangeMightMatch(test, {
      lower: bound(type, statistics, 'min'),
      upper: bound(type, statistics, 'max'),
      hasNulls: nulls === undefined ? undefined : nulls > 0n,
      onlyNulls: nulls === undefined ? undefined : nulls === meta.num_values,
      hasNaNs: false,
      onlyNaNs: false,
    })
  })
}

function bound(type: 'int' | 'long', statistics: Statistics, side: 'min' | 'max'): Value | undefined {
  const found: unknown =
    side === 'min' ? (statistics.min_value ?? statistics.min) : (statistics.max_value ?? statistics.max)
  if (typeof found !== 'number' && typeof found !== 'bigint') return undefined
  return type === 'int' ? Number(found) : BigInt(found)
}
