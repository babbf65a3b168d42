import {
  bigEndian,
  compareValues,
  decimalByteLength,
  type PrimitiveType,
  singleValueToBytes,
  truncateBytesUpper,
  type Value,
} from '@icebridge/iceberg-core'
import { copyBytes } from './byte-buffer.ts'
import type { Leaf } from './parquet-schema.ts'
import { charactersEnd, raisedText } from './utf8-bounds.ts'
import type { RawBounds } from './value-encoder.ts'

/** Bytes, or code points of a string, that a bound keeps in the column index. */
const INDEX_BOUND_LENGTH = 64

/** The bounds of two stretches of a column together. */
export function unionBounds(
  type: PrimitiveType,
  a: RawBounds | undefined,
  b: RawBounds | undefined,
): RawBounds | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return {
    min: compareRaw(type, b.min, a.min) < 0 ? b.min : a.min,
    max: compareRaw(type, b.max, a.max) > 0 ? b.max : a.max,
  }
}

/** Orders two values of which strings are their UTF-8 bytes. */
export function compareRaw(type: PrimitiveType, a: Value, b: Value): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b)
  return compareValues(type, a, b)
}

/** A bound as the column stores it: like Iceberg's single values, but for decimals. */
export function statisticBytes(type: PrimitiveType, value: Value): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (typeof type === 'string' || type.kind !== 'decimal' || typeof value !== 'bigint')
    return singleValueToBytes(type, value)
  if (type.precision <= 9) return singleValueToBytes('int', Number(value))
  if (type.precision <= 18) return singleValueToBytes('long', value)
  return bigEndian(value, decimalByteLength(type.precision))
}

/** Bounds as the column index stores them: long strings and binaries cut, the upper one rounded up. */
export function indexBounds(leaf: Leaf, bounds: RawBounds): { readonly min: Uint8Array; readonly max: Uint8Array } {
  const min = statisticBytes(leaf.type, bounds.min)
  const max = statisticBytes(leaf.type, bounds.max)
  if (leaf.physical !== 'BYTE_ARRAY') return { min, max }
  return { min: cutLower(leaf, min), max: cutUpper(leaf, max) }
}

function cutLower(leaf: Leaf, min: Uint8Array): Uint8Array {
  if (min.length <= INDEX_BOUND_LENGTH) return min
  return copyBytes(min, 0, leaf.type === 'string' ? charactersEnd(min, INDEX_BOUND_LENGTH) : INDEX_BOUND_LENGTH)
}

/** Whole when no shorter bound is above it. */
function cutUpper(leaf: Leaf, max: Uint8Array): Uint8Array {
  if (max.length <= INDEX_BOUND_LENGTH) return max
  if (leaf.type !== 'string') return truncateBytesUpper(max, INDEX_BOUND_LENGTH) ?? max
  const end = charactersEnd(max, INDEX_BOUND_LENGTH)
  return end === max.length ? max : (raisedText(max, 0, end) ?? max)
}
