import type { PartitionFieldType } from '../manifest/partition-type.ts'
import { transformFunction } from '../partition/apply-transform.ts'
import type { PartitionSpec } from '../partition/partition-spec.ts'
import type { Transform } from '../partition/transform.ts'
import type { PrimitiveType } from '../schema/type.ts'
import { compareValues } from '../value/compare.ts'
import type { Value } from '../value/value.ts'
import type { BoundExpression, ColumnTerm } from './bind.ts'
import { both, either, falsehood, mapTests, type Test } from './predicate.ts'
import { nextValue, type PartitionPredicate, type PartitionTerm } from './project.ts'

/**
 * The strict projection of a row filter onto partition tuples: true only for partitions of which every row matches.
 * Fields with unknown transforms take no part. @see https://iceberg.apache.org/spec/#scan-planning
 */
export function projectStrict(
  filter: BoundExpression,
  spec: PartitionSpec,
  types: readonly PartitionFieldType[],
): PartitionPredicate {
  return mapTests<ColumnTerm, PartitionTerm>(filter, (test) =>
    spec.fields.reduce<PartitionPredicate>((projected, field, position) => {
      const type = types[position]
      if (type === undefined || field.sourceIds.length !== 1 || field.sourceIds[0] !== test.term.fieldId)
        return projected
      return either(projected, projectTest(test, field.transform, { type, position }))
    }, falsehood),
  )
}

function projectTest(test: Test<ColumnTerm>, transform: Transform, term: PartitionTerm): PartitionPredicate {
  if (transform.kind === 'void' || transform.kind === 'unknown') return falsehood
  if (test.op === 'is-null' || test.op === 'not-null') return { op: test.op, term }
  if (transform.kind === 'identity') return { ...test, term }
  const source = test.term.type
  const apply = (value: Value): Value => transformFunction(transform, source)(value) as Value // null only for null
  switch (test.op) {
    case 'noteq':
      return { op: 'notin', term, values: possibleResults(transform, apply(test.value)) }
    case 'notin':
      return { op: 'notin', term, values: test.values.flatMap((value) => possibleResults(transform, apply(value))) }
    case 'lt':
    case 'lteq': {
      if (transform.kind === 'bucket') return falsehood
      // The least value that does not pass: partitions below its own hold only lesser ones.
      const least = test.op === 'lteq' ? (nextValue(source, test.value, 1) ?? test.value) : test.value
      const bound = apply(least)
      if (transform.kind === 'truncate' && compareValues(source, bound, least) > 0) return falsehood
      return { op: 'lt', term, value: bound }
    }
    case 'gt':
    case 'gteq': {
      if (transform.kind === 'bucket') return falsehood
      const greatest = test.op === 'gteq' ? (nextValue(source, test.value, -1) ?? test.value) : test.value
      const bound = possibleResults(transform, apply(greatest)).at(-1) ?? greatest
      if (transform.kind === 'truncate' && compareValues(source, bound, greatest) > 0) return falsehood
      return both({ op: 'gt', term, value: bound }, unwrapped(transform, source, term))
    }
    case 'starts-with':
    case 'not-starts-with': {
      if (transform.kind !== 'truncate') return falsehood
      const points = Array.from(test.value)
      if (points.length <= transform.width) return { op: test.op, term, value: test.value }
      if (test.op === 'starts-with') return falsehood
      return { op: 'noteq', term, value: points.slice(0, transform.width).join('') }
    }
    case 'eq':
    case 'in':
    case 'is-nan':
    case 'not-nan':
      return falsehood
  }
}

/**
 * The partitions in which a value of that result may stand: early writers put times before 1970 one higher.
 * @see https://github.com/apache/iceberg/issues/1680
 */
function possibleResults(transform: Transform, result: Value): Value[] {
  const dated = ['year', 'month', 'day', 'hour'].includes(transform.kind)
  return dated && typeof result === 'number' && result < 0 ? [result, result + 1] : [result]
}

/** Not the partitions of the highest ints and longs, where the lowest ones are too: their truncation wraps around. */
function unwrapped(transform: Transform, source: PrimitiveType, term: PartitionTerm): PartitionPredicate {
  if (transform.kind !== 'truncate' || (source !== 'int' && source !== 'long')) return { op: 'true' }
  const value = source === 'int' ? 0x7fffffff - transform.width : 0x7fffffffffffffffn - BigInt(transform.width)
  return { op: 'lteq', term, value }
}
