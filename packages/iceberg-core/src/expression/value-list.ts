import type { PrimitiveType } from '../schema/type.ts'
import type { Value } from '../value/value.ts'
import { filterOrder } from './filter-order.ts'

/** Shorter lists are searched from their beginning. */
const longList = 16

const sets = new WeakMap<readonly Value[], ReadonlySet<Value>>()
const ascending = new WeakMap<readonly Value[], readonly Value[]>()

/** Whether a list of literals has the value, as filters see equality; `undefined` when it must be searched. */
export function longListHas(values: readonly Value[], value: Value): boolean | undefined {
  if (values.length < longList || typeof value === 'object') return undefined
  let set = sets.get(values)
  if (set === undefined) {
    set = new Set(values)
    sets.set(values, set)
  }
  return set.has(value)
}

/** Whether any value of the list lies within bounds, both inclusive; a bound that is absent is none. */
export function anyWithin(
  type: PrimitiveType,
  values: readonly Value[],
  bounds: { readonly lower: Value | undefined; readonly upper: Value | undefined },
): boolean {
  const { lower, upper } = bounds
  const sorted = sortedOf(type, values)
  let low = 0
  let high = sorted.length
  while (low < high && lower !== undefined) {
    const middle = (low + high) >>> 1
    const value = sorted[middle]
    if (value !== undefined && filterOrder(type, value, lower) < 0) low = middle + 1
    else high = middle
  }
  const least = sorted[low]
  return least !== undefined && (upper === undefined || filterOrder(type, least, upper) <= 0)
}

function sortedOf(type: PrimitiveType, values: readonly Value[]): readonly Value[] {
  let sorted = ascending.get(values)
  if (sorted === undefined) {
    sorted = values.toSorted((a, b) => filterOrder(type, a, b))
    ascending.set(values, sorted)
  }
  return sorted
}
