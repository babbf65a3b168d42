/* oxlint-disable typescript/switch-exhaustiveness-check -- the default answers for every other type */
import type { SqlType, SqlValue } from '../session.ts'
import type { ByteWriter } from './byte-writer.ts'
import { split, splitTicks, ticksPerUnit, timeLength } from './ticks.ts'
import { decimalLength } from './type-info.ts'

/**
 * Writers of the types whose values have one length. The casts in this file are the contract of `SqlValue`: its
 * representation follows from the column's type, and the engine keeps to it.
 * @see [MS-TDS] 2.2.5.5.1
 */
export interface FixedData {
  /** Bytes of a value without its length byte. */
  readonly length: number
  /** Writes a value for which there is room. */
  readonly write: (out: ByteWriter, value: SqlValue) => void
}

const DATETIME_UNITS_PER_DAY = 300 * 86_400
const MINUTES_PER_DAY = 1440
const MASK_64 = 0xffffffffffffffffn

/** Undefined for a type whose values vary in length. */
export function fixedData(type: SqlType): FixedData | undefined {
  switch (type.name) {
    case 'bit':
      return { length: 1, write: (out, value) => void (out.bytes[out.position++] = value === true ? 1 : 0) }
    case 'tinyint':
      return { length: 1, write: (out, value) => void (out.bytes[out.position++] = value as number) }
    case 'smallint':
      return { length: 2, write: (out, value) => out.view.setInt16(advance(out, 2), value as number, true) }
    case 'int':
      return { length: 4, write: (out, value) => out.view.setInt32(advance(out, 4), value as number, true) }
    case 'bigint':
      return { length: 8, write: (out, value) => out.view.setBigInt64(advance(out, 8), value as bigint, true) }
    case 'real':
      return { length: 4, write: (out, value) => out.view.setFloat32(advance(out, 4), value as number, true) }
    case 'float':
      return { length: 8, write: (out, value) => out.view.setFloat64(advance(out, 8), value as number, true) }
    case 'smallmoney':
      return { length: 4, write: (out, value) => out.view.setInt32(advance(out, 4), Number(value as bigint), true) }
    case 'money':
      return {
        length: 8,
        write: (out, value) => {
          // The high half comes first.
          out.view.setInt32(out.position, Number((value as bigint) >> 32n), true)
          out.view.setUint32(out.position + 4, Number((value as bigint) & 0xffffffffn), true)
          out.position += 8
        },
      }
    case 'decimal':
    case 'numeric':
      return decimalData(decimalLength(type.precision))
    case 'date':
      return { length: 3, write: (out, value) => uint24(out, value as number) }
    case 'time':
      return timeData(type.scale)
    case 'datetime2':
      return datetime2Data(type.scale)
    case 'datetimeoffset':
      return datetimeoffsetData(type.scale)
    case 'datetime':
      return {
        length: 8,
        write: (out, value) => {
          const units = Number(value as bigint)
          const days = Math.floor(units / DATETIME_UNITS_PER_DAY)
          out.view.setInt32(out.position, days, true)
          out.view.setInt32(out.position + 4, units - days * DATETIME_UNITS_PER_DAY, true)
          out.position += 8
        },
      }
    case 'smalldatetime':
      return {
        length: 4,
        write: (out, value) => {
          const days = Math.floor((value as number) / MINUTES_PER_DAY)
          out.view.setUint16(out.position, days, true)
          out.view.setUint16(out.position + 2, (value as number) - days * MINUTES_PER_DAY, true)
          out.position += 4
        },
      }
    case 'uniqueidentifier':
      return { length: 16, write: (out, value) => guid(out, value as string) }
    default:
      return undefined
  }
}

function decimalData(magnitudeLength: 4 | 8 | 12 | 16): FixedData {
  return {
    length: magnitudeLength + 1,
    write: (out, value) => {
      const unscaled = value as bigint
      const negative = unscaled < 0n
      const magnitude = negative ? -unscaled : unscaled
      out.bytes[out.position] = negative ? 0 : 1
      const at = out.position + 1
      if (magnitudeLength === 4) {
        out.view.setUint32(at, Number(magnitude), true)
      } else {
        out.view.setBigUint64(at, magnitude, true)
        if (magnitudeLength === 12) out.view.setUint32(at + 8, Number(magnitude >> 64n), true)
        if (magnitudeLength === 16) out.view.setBigUint64(at + 8, (magnitude >> 64n) & MASK_64, true)
      }
      out.position = at + magnitudeLength
    },
  }
}

function timeData(scale: number): FixedData {
  const length = timeLength(scale)
  const unit = ticksPerUnit(scale)
  return { length, write: (out, value) => timeOfDay(out, Number(value as bigint), length, unit) }
}

function datetime2Data(scale: number): FixedData {
  const length = timeLength(scale)
  const unit = ticksPerUnit(scale)
  return {
    length: length + 3,
    write: (out, value) => {
      splitTicks(value as bigint)
      timeOfDay(out, split.ticks, length, unit)
      uint24(out, split.days)
    },
  }
}

function datetimeoffsetData(scale: number): FixedData {
  const length = timeLength(scale)
  const unit = ticksPerUnit(scale)
  return {
    length: length + 5,
    write: (out, value) => {
      const { utc, offsetMinutes } = value as { utc: bigint; offsetMinutes: number }
      splitTicks(utc)
      timeOfDay(out, split.ticks, length, unit)
      uint24(out, split.days)
      out.view.setInt16(advance(out, 2), offsetMinutes, true)
    },
  }
}

function timeOfDay(out: ByteWriter, ticks: number, length: 3 | 4 | 5, unit: number): void {
  const units = unit === 1 ? ticks : Math.floor(ticks / unit)
  if (length === 3) return uint24(out, units)
  out.view.setUint32(out.position, units >>> 0, true)
  out.position += 4
  if (length === 5) out.bytes[out.position++] = Math.floor(units / 2 ** 32)
}

function uint24(out: ByteWriter, value: number): void {
  const { bytes, position } = out
  bytes[position] = value & 0xff
  bytes[position + 1] = (value >>> 8) & 0xff
  bytes[position + 2] = value >>> 16
  out.position = position + 3
}

function advance(out: ByteWriter, count: number): number {
  const at = out.position
  out.position = at + count
  return at
}

/** Where each byte's two digits stand in the text: the first three groups are little-endian on the wire. */
const GUID_DIGITS = [6, 4, 2, 0, 11, 9, 16, 14, 19, 21, 24, 26, 28, 30, 32, 34] as const

function guid(out: ByteWriter, text: string): void {
  for (const at of GUID_DIGITS) {
    out.bytes[out.position++] = (hexDigit(text.charCodeAt(at)) << 4) | hexDigit(text.charCodeAt(at + 1))
  }
}

function hexDigit(code: number): number {
  return code <= 0x39 ? code - 0x30 : (code & 0x5f) - 0x37
}
