import type { SqlType, SqlValue } from '../session.ts'
import { familyOf } from './types.ts'

/** What is left to DuckDB: a construct, or a value, of which the rule is not written down here. */
export class Declined extends Error {}

/** A value that two sides are compared by; of the order and equality that `keySql` has in DuckDB. */
export type Key = number | bigint | string

const integers = new Set(['bit', 'tinyint', 'smallint', 'int', 'bigint'])

/** Whether values of the type are compared, summed and converted here: whole numbers and texts in the default collation. */
export function kindOf(type: SqlType): 'number' | 'text' | 'other' {
  if (integers.has(type.name)) return 'number'
  return familyOf(type) === 'string' && 'length' in type ? 'text' : 'other'
}

/** Case does not count, nor do trailing spaces; beyond ASCII DuckDB knows what a letter's case is. */
export function keyOf(value: SqlValue): Key | null {
  switch (typeof value) {
    case 'string':
      return plain(value).replace(/ +$/, '').toLowerCase()
    case 'boolean':
      return Number(value)
    case 'number':
      return value
    case 'bigint':
      return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
    default:
      if (value === null) return null
      throw new Declined()
  }
}

/** Both of one kind, numbers or texts. */
export function order(left: Key, right: Key): number {
  return left < right ? -1 : left > right ? 1 : 0
}

const limits: Readonly<Record<string, bigint>> = {
  tinyint: 255n,
  smallint: 32767n,
  int: 2147483647n,
  bigint: 2n ** 63n - 1n,
}

/** A whole number as the type has it; DuckDB tells what is too large for it. */
export function integerAs(value: SqlValue, to: SqlType): SqlValue {
  if (value === null) return null
  const limit = limits[to.name]
  if (limit === undefined || (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'boolean'))
    throw new Declined()
  const whole = BigInt(value)
  if (whole > limit || whole < (to.name === 'tinyint' ? 0n : -limit - 1n)) throw new Declined()
  return to.name === 'bigint' ? whole : Number(whole)
}

/** A number or text as nvarchar or varchar, cut to its length. */
export function textAs(value: SqlValue, to: SqlType): SqlValue {
  if (value === null) return null
  if ((to.name !== 'nvarchar' && to.name !== 'varchar') || typeof value === 'object' || typeof value === 'boolean')
    throw new Declined()
  const text = plain(String(value))
  return to.length === -1 ? text : text.slice(0, to.length)
}

function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- ASCII from its first character on
  if (!/^[\x00-\x7f]*$/.test(text)) throw new Declined()
  return text
}
