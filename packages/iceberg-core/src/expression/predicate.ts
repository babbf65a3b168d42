import type { PrimitiveType } from '../schema/type.ts'
import type { Value } from '../value/value.ts'
import type { ComparisonOperator, SetOperator, UnaryOperator, PrefixOperator } from './expression.ts'
import { filterOrder } from './filter-order.ts'
import { longListHas } from './value-list.ts'

/** What a predicate tests: a column, or a field of a partition tuple. */
export interface Term {
  readonly type: PrimitiveType
}

/** A test of one term, with values of its type. */
export type Test<T extends Term> =
  | { readonly op: ComparisonOperator; readonly term: T; readonly value: Value }
  | { readonly op: SetOperator; readonly term: T; readonly values: readonly Value[] }
  | { readonly op: UnaryOperator; readonly term: T }
  | { readonly op: PrefixOperator; readonly term: T; readonly value: string }

/** Tests joined by and and or; negation has been pushed into the tests. */
export type Predicate<T extends Term> =
  | { readonly op: 'true' }
  | { readonly op: 'false' }
  | { readonly op: 'and'; readonly left: Predicate<T>; readonly right: Predicate<T> }
  | { readonly op: 'or'; readonly left: Predicate<T>; readonly right: Predicate<T> }
  | Test<T>

export const truth: { readonly op: 'true' } = { op: 'true' }
export const falsehood: { readonly op: 'false' } = { op: 'false' }

export function both<T extends Term>(left: Predicate<T>, right: Predicate<T>): Predicate<T> {
  if (left.op === 'false' || right.op === 'true') return left
  if (right.op === 'false' || left.op === 'true') return right
  return { op: 'and', left, right }
}

export function either<T extends Term>(left: Predicate<T>, right: Predicate<T>): Predicate<T> {
  if (left.op === 'true' || right.op === 'false') return left
  if (right.op === 'true' || left.op === 'false') return right
  return { op: 'or', left, right }
}

/** Replaces every test, and simplifies what comes of it. */
export function mapTests<T extends Term, U extends Term>(
  predicate: Predicate<T>,
  map: (test: Test<T>) => Predicate<U>,
): Predicate<U> {
  if (predicate.op === 'true' || predicate.op === 'false') return predicate
  if (predicate.op === 'and') return both(mapTests(predicate.left, map), mapTests(predicate.right, map))
  if (predicate.op === 'or') return either(mapTests(predicate.left, map), mapTests(predicate.right, map))
  return map(predicate)
}

/** The truth of a predicate when each test has the truth that `holds` gives it. */
export function evaluate<T extends Term>(predicate: Predicate<T>, holds: (test: Test<T>) => boolean): boolean {
  if (predicate.op === 'true' || predicate.op === 'false') return predicate.op === 'true'
  if (predicate.op === 'and') return evaluate(predicate.left, holds) && evaluate(predicate.right, holds)
  if (predicate.op === 'or') return evaluate(predicate.left, holds) || evaluate(predicate.right, holds)
  return holds(predicate)
}

/**
 * Whether one value passes a test. Null fails every comparison; it passes `noteq`, `notin` and `not-starts-with`. NaN
 * equals nothing and is neither less nor greater than anything.
 */
export function testValue<T extends Term>(test: Test<T>, value: Value | null): boolean {
  switch (test.op) {
    case 'is-null':
      return value === null
    case 'not-null':
      return value !== null
    case 'is-nan':
      return typeof value === 'number' && Number.isNaN(value)
    case 'not-nan':
      return !(typeof value === 'number' && Number.isNaN(value))
    case 'in':
      return value !== null && isOneOf(test.term.type, test.values, value)
    case 'notin':
      return value === null || !isOneOf(test.term.type, test.values, value)
    case 'starts-with':
      return typeof value === 'string' && value.startsWith(test.value)
    case 'not-starts-with':
      return !(typeof value === 'string' && value.startsWith(test.value))
    case 'noteq':
      return value === null || !sameValue(test.term.type, test.value, value)
    case 'eq':
      return value !== null && sameValue(test.term.type, test.value, value)
    case 'lt':
      return isOrdered(value) && filterOrder(test.term.type, value, test.value) < 0
    case 'lteq':
      return isOrdered(value) && filterOrder(test.term.type, value, test.value) <= 0
    case 'gt':
      return isOrdered(value) && filterOrder(test.term.type, value, test.value) > 0
    case 'gteq':
      return isOrdered(value) && filterOrder(test.term.type, value, test.value) >= 0
  }
}

function isOrdered(value: Value | null): value is Value {
  return value !== null && !(typeof value === 'number' && Number.isNaN(value))
}

function isOneOf(type: PrimitiveType, values: readonly Value[], value: Value): boolean {
  return longListHas(values, value) ?? values.some((candidate) => sameValue(type, candidate, value))
}

function sameValue(type: PrimitiveType, a: Value, b: Value): boolean {
  return isOrdered(b) && filterOrder(type, a, b) === 0
}
