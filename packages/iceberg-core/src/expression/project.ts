import type { PartitionFieldType } from '../manifest/partition-type.ts'
import { transformFunction } from '../partition/apply-transform.ts'
import type { PartitionSpec } from '../partition/partition-spec.ts'
import type { Transform } from '../partition/transform.ts'
import type { PrimitiveType } from '../schema/type.ts'
import { compareValues } from '../value/compare.ts'
import type { Value } from '../value/value.ts'
import type { BoundExpression, ColumnTerm } from './bind.ts'
import { both, either, mapTests, type Predicate, type Test, truth } from './predicate.ts'

/** A field of a partition tuple that a projected filter tests. */
export interface PartitionTerm {
  readonly type: PrimitiveType
  /** Position in the spec, and so in the tuple. */
  readonly position: number
}

export type PartitionPredicate = Predicate<PartitionTerm>

/**
 * The inclusive projection of a row filter onto partition tuples: true for every partition that may hold a matching
 * row. Fields with unknown transforms take no part. @see https://iceberg.apache.org/spec/#scan-planning
 */
export function projectInclusive(
  filter: BoundExpression,
  spec: PartitionSpec,
  types: readonly PartitionFieldType[],
): PartitionPredicate {
  return mapTests<ColumnTerm, PartitionTerm>(filter, (test) =>
    spec.fields.reduce<PartitionPredicate>((projected, field, position) => {
      const type = types[position]
      if (type === undefined || field.sourceIds.length !== 1 || field.sourceIds[0] !== test.term.fieldId)
        return projected
      return both(projected, projectTest(test, field.transform, { type, position }))
    }, truth),
  )
}

function projectTest(test: Test<ColumnTerm>, transform: Transform, term: PartitionTerm): PartitionPredicate {
  if (transform.kind === 'void' || transform.kind === 'unknown') return truth
  if (test.op === 'is-null' || test.op === 'not-null') return { op: test.op, term }
  if (transform.kind === 'identity') return { ...test, term }
  const apply = (value: Value): Value => transformFunction(transform, test.term.type)(value) as Value // null only for null
  switch (test.op) {
    case 'eq':
      return widenPast(transform, { op: 'in', term, values: [apply(test.value)] })
    case 'in':
      return widenPast(transform, { op: 'in', term, values: test.values.map(apply) })
    case 'lt':
    case 'lteq': {
      if (transform.kind === 'bucket') return truth
      const bound = apply(test.op === 'lt' ? (nextValue(test.term.type, test.value, -1) ?? test.value) : test.value)
      return either(
        widenPast(transform, { op: 'lteq', term, value: bound }),
        wrappedTruncation(transform, test.term.type, term),
      )
    }
    case 'gt':
    case 'gteq': {
      if (transform.kind === 'bucket') return truth
      const least = test.op === 'gt' ? (nextValue(test.term.type, test.value, 1) ?? test.value) : test.value
      const bound = apply(least)
      // A truncation that wrapped around is no bound.
      if (transform.kind === 'truncate' && compareValues(test.term.type, bound, least) > 0) return truth
      return { op: 'gteq', term, value: bound }
    }
    case 'starts-with':
      return transform.kind === 'truncate' ? projectPrefix(test.value, transform.width, term) : truth
    case 'not-starts-with':
      return transform.kind === 'truncate' ? projectNotPrefix(test.value, transform.width, term) : truth
    case 'noteq':
    case 'notin':
    case 'is-nan':
    case 'not-nan':
      return truth
  }
}

function projectPrefix(prefix: string, width: number, term: PartitionTerm): PartitionPredicate {
  const points = Array.from(prefix)
  if (points.length < width) return { op: 'starts-with', term, value: prefix }
  return { op: 'eq', term, value: points.slice(0, width).join('') }
}

function projectNotPrefix(prefix: string, width: number, term: PartitionTerm): PartitionPredicate {
  const points = Array.from(prefix).length
  if (points < width) return { op: 'not-starts-with', term, value: prefix }
  return points === width ? { op: 'noteq', term, value: prefix } : truth
}

/** The next value of a type whose values are countable; `undefined` at its end and for other types. */
export function nextValue(type: PrimitiveType, value: Value, by: 1 | -1): Value | undefined {
  if (typeof value === 'number' && (type === 'int' || type === 'date')) {
    const next = value + by
    return (next | 0) === next ? next : undefined
  }
  if (typeof value !== 'bigint') return undefined
  const next = value + BigInt(by)
  return typeof type === 'object' || BigInt.asIntN(64, next) === next ? next : undefined
}

/**
 * Early writers rounded years, months, days and hours before 1970 up instead of down, so a partition below zero may
 * also stand one higher. @see https://github.com/apache/iceberg/issues/1680
 */
function widenPast(transform: Transform, test: Test<PartitionTerm>): Test<PartitionTerm> {
  if (!['year', 'month', 'day', 'hour'].includes(transform.kind)) return test
  const raise = (value: Value): Value => (typeof value === 'number' && value < 0 ? value + 1 : value)
  if (test.op === 'in') return { ...test, values: [...test.values, ...test.values.map(raise)] }
  return test.op === 'lteq' ? { ...test, value: raise(test.value) } : test
}

/** The lowest ints and longs wrap around when truncated, and so lie in the partitions of the last `width` values. */
function wrappedTruncation(transform: Transform, source: PrimitiveType, term: PartitionTerm): PartitionPredicate {
  if (transform.kind !== 'truncate' || (source !== 'int' && source !== 'long')) return { op: 'false' }
  const value = source === 'int' ? 0x7fffffff - transform.width : 0x7fffffffffffffffn - BigInt(transform.width)
  return { op: 'gt', term, value }
}
