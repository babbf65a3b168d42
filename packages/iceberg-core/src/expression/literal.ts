import { IcebergError } from '../errors.ts'
import { formatPrimitiveType } from '../schema/type-json.ts'
import type { PrimitiveType } from '../schema/type.ts'
import { parseDecimal } from '../value/decimal.ts'
import { valueFromText } from '../value/single-value-json.ts'
import type { Value } from '../value/value.ts'
import type { Literal } from './expression.ts'

/** A literal as a value of the type; `above` or `below` when the type cannot hold so large or so small a number. */
export type BoundLiteral = { readonly value: Value } | 'above' | 'below'

/** @throws IcebergError `invalid-argument` when the literal does not fit the column's type. */
export function bindLiteral(type: PrimitiveType, literal: Literal, column: string): BoundLiteral {
  const bound = convert(type, literal)
  if (bound !== undefined) return bound
  throw new IcebergError(
    'invalid-argument',
    `a ${literal instanceof Uint8Array ? 'byte array' : typeof literal} cannot be compared with column ${column} of type ${formatPrimitiveType(type)}`,
    {
      context: { column, type: formatPrimitiveType(type) },
      hint: 'Give numbers as number or bigint without a fraction for integer columns, dates and times as ISO text, decimals as text.',
    },
  )
}

function convert(type: PrimitiveType, literal: Literal): BoundLiteral | undefined {
  if (typeof type !== 'string') {
    switch (type.kind) {
      case 'decimal':
        return decimal(type.scale, literal)
      case 'fixed':
        return literal instanceof Uint8Array ? { value: literal } : undefined
      case 'variant':
      case 'geometry':
      case 'geography':
        return undefined
    }
  }
  switch (type) {
    case 'boolean':
      return typeof literal === 'boolean' ? { value: literal } : undefined
    case 'int':
      return integer(literal, 32)
    case 'long':
      return integer(literal, 64)
    case 'float':
      return float(literal, Math.fround)
    case 'double':
      return float(literal, (value) => value)
    case 'date':
      return typeof literal === 'string' ? text(type, literal) : integer(literal, 32)
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      if (typeof literal === 'string') return text(type, literal)
      return typeof literal === 'bigint' ? integer(literal, 64) : undefined
    case 'string':
      return typeof literal === 'string' ? { value: literal } : undefined
    case 'uuid':
      return typeof literal === 'string' ? text(type, literal) : undefined
    case 'binary':
      return literal instanceof Uint8Array ? { value: literal } : undefined
    case 'unknown':
      return undefined
  }
}

function integer(literal: Literal, bits: 32 | 64): BoundLiteral | undefined {
  if (typeof literal === 'number' && !Number.isInteger(literal)) return undefined
  if (typeof literal !== 'number' && typeof literal !== 'bigint') return undefined
  const value = BigInt(literal)
  if (BigInt.asIntN(bits, value) !== value) return value > 0n ? 'above' : 'below'
  return { value: bits === 32 ? Number(value) : value }
}

function float(literal: Literal, round: (value: number) => number): BoundLiteral | undefined {
  if (typeof literal !== 'number' && typeof literal !== 'bigint') return undefined
  const value = Number(literal)
  return Number.isNaN(value) ? undefined : { value: round(value) }
}

/** A bigint is the unscaled value, a number an integer. */
function decimal(scale: number, literal: Literal): BoundLiteral | undefined {
  if (typeof literal === 'bigint') return { value: literal }
  if (typeof literal === 'number' && !Number.isSafeInteger(literal)) return undefined
  if (typeof literal !== 'string' && typeof literal !== 'number') return undefined
  const value = parseDecimal(String(literal), scale)
  return value === undefined ? undefined : { value }
}

function text(type: Parameters<typeof valueFromText>[0], literal: string): BoundLiteral | undefined {
  const value = valueFromText(type, literal)
  return value === undefined ? undefined : { value }
}
