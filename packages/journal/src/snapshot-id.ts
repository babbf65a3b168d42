import type { Environment } from '@icebridge/iceberg-core'

/** A fresh snapshot id: positive, 63 random bits. Fixed before the first attempt, so that every attempt is the same snapshot. */
export function snapshotIdFrom(environment: Environment): bigint {
  const own = environment.randomSnapshotId?.()
  if (own !== undefined) return own
  const digits = environment.uuid().replaceAll('-', '')
  // Both halves, since six bits of a uuid are fixed.
  const mixed = BigInt(`0x${digits.slice(0, 16)}`) ^ BigInt(`0x${digits.slice(16)}`)
  return BigInt.asUintN(63, mixed) || 1n
}
