import type { Value } from '../value/value.ts'
import { filterOrder } from './filter-order.ts'
import type { Term, Test } from './predicate.ts'
import { rangeMightMatch, type ValueRange } from './range.ts'

/** True only when every value in the range passes the test; what is not known is taken to fail. */
export function rangeMustMatch<T extends Term>(test: Test<T>, range: ValueRange): boolean {
  const { lower, upper } = range
  const { type } = test.term
  switch (test.op) {
    case 'is-null':
      return range.onlyNulls === true
    case 'not-null':
      return range.hasNulls === false
    case 'is-nan':
      return range.onlyNaNs === true && range.hasNulls === false
    case 'not-nan':
      return range.hasNaNs === false || range.onlyNulls === true
    case 'lt':
      return onlyOrdered(test, range) && upper !== undefined && filterOrder(type, upper, test.value) < 0
    case 'lteq':
      return onlyOrdered(test, range) && upper !== undefined && filterOrder(type, upper, test.value) <= 0
    case 'gt':
      return onlyOrdered(test, range) && lower !== undefined && filterOrder(type, lower, test.value) > 0
    case 'gteq':
      return onlyOrdered(test, range) && lower !== undefined && filterOrder(type, lower, test.value) >= 0
    case 'eq':
      return isConstant(test, range) && isValue(test, test.value, range)
    case 'in':
      return isConstant(test, range) && test.values.some((value) => isValue(test, value, range))
    // Nulls and NaNs pass these three, so all values do when none can pass the opposite.
    case 'noteq':
      return !rangeMightMatch({ op: 'eq', term: test.term, value: test.value }, range)
    case 'notin':
      return !rangeMightMatch({ op: 'in', term: test.term, values: test.values }, range)
    case 'not-starts-with':
      return !rangeMightMatch({ op: 'starts-with', term: test.term, value: test.value }, range)
    case 'starts-with':
      return onlyOrdered(test, range) && beginsWith(lower, test.value) && beginsWith(upper, test.value)
  }
}

/** True when no value is null or NaN, neither of which passes a comparison. */
function onlyOrdered<T extends Term>(test: Test<T>, range: ValueRange): boolean {
  const floating = test.term.type === 'float' || test.term.type === 'double'
  return range.hasNulls === false && (!floating || range.hasNaNs === false)
}

/** True when all values are one. */
function isConstant<T extends Term>(test: Test<T>, range: ValueRange): boolean {
  const { lower, upper } = range
  if (lower === undefined || upper === undefined || !onlyOrdered(test, range)) return false
  return filterOrder(test.term.type, lower, upper) === 0
}

function isValue<T extends Term>(test: Test<T>, value: Value, { lower }: ValueRange): boolean {
  return lower !== undefined && filterOrder(test.term.type, lower, value) === 0
}

/** Whatever lies between two strings with a prefix has it too. */
function beginsWith(bound: unknown, prefix: string): boolean {
  return typeof bound === 'string' && bound.startsWith(prefix)
}
