/* oxlint-disable typescript/switch-exhaustiveness-check -- the default answers for every other type */
import type { SqlType, SqlValue } from '../session.ts'
import type { ByteCursor } from './byte-cursor.ts'
import { joinTicks, ticksPerUnit, timeLength } from './ticks.ts'
import { UnsupportedWireTypeError } from './type-info.ts'

/** Reads the bytes of a value that is not NULL; the length has been read. */
export type FixedReader = (cursor: ByteCursor, length: number) => SqlValue

const DATETIME_UNITS_PER_DAY = 300n * 86_400n
const MINUTES_PER_DAY = 1440
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** The readers of types whose values carry their length in one byte, or not at all. */
export function fixedReader(type: SqlType): FixedReader {
  switch (type.name) {
    case 'bit':
      return (cursor) => cursor.uint8() !== 0
    case 'tinyint':
    case 'smallint':
    case 'int':
      return (cursor, length) => (length === 1 ? cursor.uint8() : length === 2 ? cursor.int16() : cursor.int32())
    case 'bigint':
      return (cursor) => cursor.int64()
    case 'real':
    case 'float':
      return (cursor, length) => (length === 4 ? cursor.float32() : cursor.float64())
    case 'money':
    case 'smallmoney':
      return (cursor, length) =>
        length === 4 ? BigInt(cursor.int32()) : (BigInt(cursor.int32()) << 32n) | BigInt(cursor.uint32())
    case 'decimal':
    case 'numeric':
      return readDecimal
    case 'date':
      return (cursor) => cursor.uint24()
    case 'time': {
      const unit = ticksPerUnit(type.scale)
      return (cursor, length) => BigInt(timeUnits(cursor, length) * unit)
    }
    case 'datetime2': {
      const unit = ticksPerUnit(type.scale)
      return (cursor, length) => {
        const ticks = timeUnits(cursor, length - 3) * unit
        return joinTicks(cursor.uint24(), ticks)
      }
    }
    case 'datetimeoffset': {
      const unit = ticksPerUnit(type.scale)
      return (cursor, length) => {
        const ticks = timeUnits(cursor, length - 5) * unit
        const utc = joinTicks(cursor.uint24(), ticks)
        return { utc, offsetMinutes: cursor.int16() }
      }
    }
    case 'datetime':
      return (cursor) => BigInt(cursor.int32()) * DATETIME_UNITS_PER_DAY + BigInt(cursor.int32())
    case 'smalldatetime':
      return (cursor) => cursor.uint16() * MINUTES_PER_DAY + cursor.uint16()
    case 'uniqueidentifier':
      return readGuid
    default:
      throw new UnsupportedWireTypeError(`The sandbox cannot read a value of type ${type.name}.`)
  }
}

function timeUnits(cursor: ByteCursor, length: number): number {
  if (length === timeLength(0)) return cursor.uint24()
  const low = cursor.uint32()
  return length === 5 ? low + cursor.uint8() * 2 ** 32 : low
}

function readDecimal(cursor: ByteCursor, length: number): bigint {
  const positive = cursor.uint8() === 1
  let magnitude = BigInt(cursor.uint32())
  for (let word = 1; word * 4 < length - 1; word++) magnitude |= BigInt(cursor.uint32()) << BigInt(word * 32)
  return positive ? magnitude : -magnitude
}

const GUID_ORDER = [3, 2, 1, 0, -1, 5, 4, -1, 7, 6, -1, 8, 9, -1, 10, 11, 12, 13, 14, 15] as const

function readGuid(cursor: ByteCursor): string {
  const at = cursor.take(16)
  let text = ''
  for (const index of GUID_ORDER) text += index < 0 ? '-' : HEX[cursor.view.getUint8(at + index)]
  return text
}
