import type { PrimitiveType } from '../schema/type.ts'
import { compareValues } from '../value/compare.ts'
import type { Value } from '../value/value.ts'

/** The order of two values as filters see it: -0.0 and 0.0 are one value. */
export function filterOrder(type: PrimitiveType, a: Value, b: Value): -1 | 0 | 1 {
  return a === 0 && b === 0 ? 0 : compareValues(type, a, b)
}
