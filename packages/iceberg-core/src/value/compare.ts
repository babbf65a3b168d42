import type { PrimitiveType } from '../schema/type.ts'
import type { Value } from './value.ts'

/**
 * Orders two values of one type: -1, 0 or 1.
 *
 * Strings by code point (as their UTF-8 bytes), bytes unsigned, floats with -0.0 before +0.0 and NaN after all others.
 */
export function compareValues(_type: PrimitiveType, a: Value, b: Value): -1 | 0 | 1 {
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b)
  if (a instanceof Uint8Array && b instanceof Uint8Array) return sign(Buffer.compare(a, b))
  if (typeof a === 'number' && typeof b === 'number') return compareNumbers(a, b)
  return a < b ? -1 : a > b ? 1 : 0
}

/** By code point: UTF-16 code units sort surrogates before U+E000 to U+FFFF, UTF-8 does not. */
export function compareStrings(a: string, b: string): -1 | 0 | 1 {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    let left = a.charCodeAt(at)
    let right = b.charCodeAt(at)
    if (left === right) continue
    if (left >= 0xd800 && right >= 0xd800) {
      left = left >= 0xe000 ? left - 0x2000 : left + 0x2000
      right = right >= 0xe000 ? right - 0x2000 : right + 0x2000
    }
    return left < right ? -1 : 1
  }
  return a.length < b.length ? -1 : a.length > b.length ? 1 : 0
}

function compareNumbers(a: number, b: number): -1 | 0 | 1 {
  if (a < b) return -1
  if (a > b) return 1
  if (a === b) return Object.is(a, b) || a !== 0 ? 0 : Object.is(a, -0) ? -1 : 1
  const [aNaN, bNaN] = [Number.isNaN(a), Number.isNaN(b)]
  return aNaN === bNaN ? 0 : aNaN ? 1 : -1
}

function sign(order: number): -1 | 0 | 1 {
  return order < 0 ? -1 : order > 0 ? 1 : 0
}
