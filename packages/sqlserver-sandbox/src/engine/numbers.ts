import type { SqlValue } from '../session.ts'

/** A whole number out of a value; undefined for anything else. */
export function parseNumber(value: SqlValue | undefined): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return BigInt(Math.trunc(value))
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value)) return BigInt(value.trim())
  return undefined
}
