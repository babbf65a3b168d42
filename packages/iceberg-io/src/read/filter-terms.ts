import type { BoundExpression, ColumnTerm } from '@icebridge/iceberg-core'

/** What a filter tests, in the order in which it names them. */
export function filterTerms(filter: BoundExpression): readonly ColumnTerm[] {
  if (filter.op === 'and' || filter.op === 'or') return [...filterTerms(filter.left), ...filterTerms(filter.right)]
  return filter.op === 'true' || filter.op === 'false' ? [] : [filter.term]
}
