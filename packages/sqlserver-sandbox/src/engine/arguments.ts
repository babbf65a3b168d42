import type { SqlType } from '../session.ts'
import type { Bound } from './bound.ts'
import { convert } from './convert.ts'
import { sqlError } from './errors.ts'
import { familyOf } from './types.ts'

export const int: SqlType = { name: 'int' }
export const bigint: SqlType = { name: 'bigint' }

/** Binds a call of a function. */
export type Rule = (args: readonly Bound[]) => Bound

export function arg(args: readonly Bound[], index: number): Bound {
  const value = args[index]
  if (value === undefined) throw sqlError(174, `The function requires ${index + 1} argument(s).`, { severity: 15 })
  return value
}

export const text = (v: Bound): Bound => {
  if (familyOf(v.type) === 'variant')
    throw sqlError(8116, 'Argument data type sql_variant is invalid for argument 1 of a string function.')
  return familyOf(v.type) === 'string' ? v : convert(v, { name: 'nvarchar', length: 4000 })
}
export const asInt = (v: Bound): string => convert(v, int).sql
export const asBig = (v: Bound): string => convert(v, bigint).sql
