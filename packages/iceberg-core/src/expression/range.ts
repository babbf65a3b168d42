import type { PrimitiveType } from '../schema/type.ts'
import { truncateStringLower } from '../value/bounds.ts'
import { singleValueFromBytes } from '../value/single-value.ts'
import type { Value } from '../value/value.ts'
import { filterOrder } from './filter-order.ts'
import type { Term, Test } from './predicate.ts'
import { anyWithin } from './value-list.ts'

/** What is known of the values of a column or partition field; whatever is `undefined` is not known. */
export interface ValueRange {
  readonly hasNulls: boolean | undefined
  readonly onlyNulls: boolean | undefined
  readonly hasNaNs: boolean | undefined
  /** True when no value is other than null or NaN. */
  readonly onlyNaNs: boolean | undefined
  /** No value but null and NaN is less. */
  readonly lower: Value | undefined
  /** No value but null and NaN is greater. */
  readonly upper: Value | undefined
}

/** Bounds from their binary form; `undefined` where they say nothing that holds. */
export function decodeBounds(
  type: PrimitiveType,
  lowerBytes: Uint8Array | undefined,
  upperBytes: Uint8Array | undefined,
): Pick<ValueRange, 'lower' | 'upper'> {
  const lower = decodeBound(type, lowerBytes)
  const upper = decodeBound(type, upperBytes)
  return type === 'uuid' ? uuidBounds(lower, upper) : { lower, upper }
}

/** A bound that is NaN says nothing. */
function decodeBound(type: PrimitiveType, bytes: Uint8Array | undefined): Value | undefined {
  if (bytes === undefined || !hasOrderedBounds(type)) return undefined
  const value = singleValueFromBytes(type, bytes)
  return typeof value === 'number' && Number.isNaN(value) ? undefined : value
}

/**
 * The spec gives uuids no order. Java Iceberg takes the least and greatest as `java.util.UUID` has it, two signed 64-bit halves;
 * others compare bytes. What is left here holds in both orders.
 *
 * @see https://github.com/apache/iceberg/issues/14216
 */
function uuidBounds(lower: Value | undefined, upper: Value | undefined): Pick<ValueRange, 'lower' | 'upper'> {
  // One bound alone does not tell on which side of it the values are.
  if (typeof lower !== 'string' || typeof upper !== 'string') return { lower: undefined, upper: undefined }
  if (lower === upper) return { lower, upper }
  const [lowerNegative, upperNegative] = [lower >= '8', upper >= '8']
  if (lowerNegative && !upperNegative) return { lower: undefined, upper: undefined }
  // Within one sign of the first half both orders agree on it; on the second half they may not.
  return { lower: `${lower.slice(0, 18)}-0000-000000000000`, upper: `${upper.slice(0, 18)}-ffff-ffffffffffff` }
}

/** False only when no value in the range can pass the test. */
export function rangeMightMatch<T extends Term>(test: Test<T>, range: ValueRange): boolean {
  const { lower, upper } = range
  const { type } = test.term
  switch (test.op) {
    case 'is-null':
      return range.hasNulls !== false
    case 'not-null':
      return range.onlyNulls !== true
    case 'is-nan':
      return range.hasNaNs !== false && range.onlyNulls !== true
    case 'not-nan':
      return range.onlyNaNs !== true
    case 'noteq':
    case 'notin':
      return true
    case 'not-starts-with':
      if (range.hasNulls !== false || typeof lower !== 'string' || typeof upper !== 'string') return true
      return !(lower.startsWith(test.value) && upper.startsWith(test.value))
    case 'lt':
      return hasOrdered(range) && (lower === undefined || filterOrder(type, lower, test.value) < 0)
    case 'lteq':
      return hasOrdered(range) && (lower === undefined || filterOrder(type, lower, test.value) <= 0)
    case 'gt':
      return hasOrdered(range) && (upper === undefined || filterOrder(type, upper, test.value) > 0)
    case 'gteq':
      return hasOrdered(range) && (upper === undefined || filterOrder(type, upper, test.value) >= 0)
    case 'eq':
      return hasOrdered(range) && within(type, test.value, range)
    case 'in':
      return hasOrdered(range) && anyWithin(type, test.values, range)
    case 'starts-with':
      return hasOrdered(range) && prefixWithin(test.value, range)
  }
}

/** False when every value is null or NaN, which no comparison finds. */
function hasOrdered(range: ValueRange): boolean {
  return range.onlyNulls !== true && range.onlyNaNs !== true
}

function within(type: PrimitiveType, value: Value, { lower, upper }: ValueRange): boolean {
  if (lower !== undefined && filterOrder(type, lower, value) > 0) return false
  return upper === undefined || filterOrder(type, upper, value) >= 0
}

/** Compared over as many code points as prefix and bound have in common. */
function prefixWithin(prefix: string, { lower, upper }: ValueRange): boolean {
  const points = Array.from(prefix).length
  if (typeof lower === 'string' && filterOrder('string', truncateStringLower(lower, points), prefix) > 0) return false
  return !(typeof upper === 'string' && filterOrder('string', truncateStringLower(upper, points), prefix) < 0)
}

function hasOrderedBounds(type: PrimitiveType): boolean {
  if (typeof type === 'string') return type !== 'unknown'
  return type.kind === 'decimal' || type.kind === 'fixed'
}
