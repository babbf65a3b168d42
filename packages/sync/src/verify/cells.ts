import type { ColumnView } from '@icebridge/columnar'

/** Whether two views' cells can be compared at all. */
export function comparable(left: ColumnView, right: ColumnView): boolean {
  return left.kind === right.kind || (isInteger(left) && isInteger(right))
}

/**
 * Null-safe equality of one cell of each side.
 * Values are equal when their bytes are: 0.0 and -0.0 differ, a NaN equals a NaN.
 */
export function sameCell(left: ColumnView, leftRow: number, right: ColumnView, rightRow: number): boolean {
  const leftNull = left.isNull(leftRow)
  if (leftNull || right.isNull(rightRow)) return leftNull === right.isNull(rightRow)
  switch (left.kind) {
    case 'boolean':
      return right.kind === 'boolean' && left.value(leftRow) === right.value(rightRow)
    case 'int32':
    case 'int64':
      return isInteger(right) && BigInt(left.value(leftRow)) === BigInt(right.value(rightRow))
    case 'date':
      return right.kind === 'date' && left.value(leftRow) === right.value(rightRow)
    case 'float32':
    case 'float64':
      return right.kind === left.kind && Object.is(left.value(leftRow), right.value(rightRow))
    case 'time':
    case 'timestamp':
    case 'timestamp_ns':
      return right.kind === left.kind && left.value(leftRow) === right.value(rightRow)
    case 'decimal':
      return (
        right.kind === 'decimal' &&
        rescale(left.value(leftRow), left.scale, right.scale) ===
          rescale(right.value(rightRow), right.scale, left.scale)
      )
    case 'string':
      return right.kind === 'string' && Buffer.compare(left.bytes(leftRow), right.bytes(rightRow)) === 0
    case 'binary':
    case 'fixed':
    case 'uuid':
      return right.kind === left.kind && Buffer.compare(left.value(leftRow), right.value(rightRow)) === 0
    case 'null':
    case 'struct':
    case 'list':
    case 'map':
      return false
    default:
      return left satisfies never
  }
}

function isInteger(view: ColumnView): view is Extract<ColumnView, { kind: 'int32' | 'int64' }> {
  return view.kind === 'int32' || view.kind === 'int64'
}

/** Brings an unscaled value to the larger of two scales, where both sides meet. */
function rescale(unscaled: bigint, from: number, other: number): bigint {
  return other > from ? unscaled * 10n ** BigInt(other - from) : unscaled
}
