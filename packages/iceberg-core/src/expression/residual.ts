import type { PartitionSpec } from '../partition/partition-spec.ts'
import type { PartitionValue } from '../value/value.ts'
import type { BoundExpression, ColumnTerm } from './bind.ts'
import type { Expression } from './expression.ts'
import { falsehood, mapTests, testValue, truth } from './predicate.ts'

/**
 * What is left of a filter for the rows of a file whose identity partition values are known: tests of those columns
 * are settled, all others stay.
 */
export function residualFor(
  filter: BoundExpression,
  spec: PartitionSpec,
  partition: readonly PartitionValue[],
): BoundExpression {
  const known = new Map<number, PartitionValue>()
  spec.fields.forEach((field, position) => {
    const [sourceId, ...others] = field.sourceIds
    if (field.transform.kind === 'identity' && sourceId !== undefined && others.length === 0) {
      known.set(sourceId, partition[position] ?? null)
    }
  })
  if (known.size === 0) return filter
  return mapTests<ColumnTerm, ColumnTerm>(filter, (test) => {
    const value = known.get(test.term.fieldId)
    if (value === undefined) return test
    return testValue(test, value) ? truth : falsehood
  })
}

/** A bound filter as an expression over column paths. */
export function unbind(filter: BoundExpression): Expression {
  switch (filter.op) {
    case 'true':
    case 'false':
      return filter
    case 'and':
    case 'or':
      return { op: filter.op, left: unbind(filter.left), right: unbind(filter.right) }
    case 'is-null':
    case 'not-null':
    case 'is-nan':
    case 'not-nan':
      return { op: filter.op, column: filter.term.path }
    case 'in':
    case 'notin':
      return { op: filter.op, column: filter.term.path, values: filter.values }
    case 'starts-with':
    case 'not-starts-with':
      return { op: filter.op, column: filter.term.path, value: filter.value }
    case 'lt':
    case 'lteq':
    case 'gt':
    case 'gteq':
    case 'eq':
    case 'noteq':
      return { op: filter.op, column: filter.term.path, value: filter.value }
  }
}
