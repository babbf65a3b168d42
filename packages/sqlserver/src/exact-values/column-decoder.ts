import type { ColumnBuilder } from '@icebridge/columnar'
import { EPOCH_DAYS } from '../bulk-types/wire-value.ts'
import { SqlServerError } from '../errors.ts'
import type { ResultColumn } from '../session.ts'
import type { ReadColumn } from '../sql.ts'
import { formatDecimal } from './decimal-text.ts'
import { hasExactDecimals, subMillisecondTicks, unscaledOf, type DriverDate } from './driver-value.ts'
import type { RawMoment } from './raw-values.ts'
import { uuidBytes } from './uuid-text.ts'

/** Appends one value of the driver to a batch column. */
export type ColumnDecoder = (value: unknown) => void

const MAX_SAFE_MS = Math.floor(Number.MAX_SAFE_INTEGER / 1000)
const MS_PER_DAY = 86_400_000
const MICROS_PER_DAY = 86_400_000_000
/** Days around 1970 whose microseconds are safe integers. */
const SAFE_DAYS = 100_000

/** A batch column that a result column fills. */
export interface Filled {
  readonly read: ReadColumn
  readonly builder: ColumnBuilder
}

/**
 * The one function that takes values of a result column into the batch columns that they fill, chosen once a result by what the column is on the
 * wire and what the batch holds. Casts in it state what the driver's parser gives for that wire type.
 *
 * @throws {SqlServerError} `unexpected-result` when the result column cannot fill the batch column; `driver-inexact` when it could,
 * but the driver has already rounded it.
 */
export function columnDecoder(fills: readonly Filled[], column: ResultColumn, raw: boolean): ColumnDecoder {
  const [first, ...more] = fills.map((filled) => decoderOf(filled, column, raw))
  if (first === undefined) throw new RangeError('a result column fills a batch column')
  if (more.length === 0) return first
  return (value) => {
    first(value)
    for (const decode of more) decode(value)
  }
}

function decoderOf({ read, builder }: Filled, column: ResultColumn, raw: boolean): ColumnDecoder {
  const decode = (raw ? rawDecoder(read, column, builder) : undefined) ?? valueDecoder(read, column, builder)
  return (value) => (value === null ? builder.appendNull() : decode(value))
}

/** For values of a connection that gives them raw; undefined for the types that come as they always do. */
function rawDecoder(read: ReadColumn, column: ResultColumn, builder: ColumnBuilder): ColumnDecoder | undefined {
  const { name } = column.type
  const isMoment = name === 'DateTime2' || name === 'DateTimeOffset'
  switch (builder.kind) {
    case 'int64':
      if (!isInteger(name)) return undefined
      return (value) => (typeof value === 'number' ? builder.appendNumber(value) : builder.append(value as bigint))
    case 'decimal': {
      const isMoney = name === 'Money' || name === 'MoneyN' || name === 'SmallMoney'
      if (!isMoney && name !== 'DecimalN' && name !== 'NumericN') return undefined
      const from = isMoney ? 4 : (column.scale ?? 0)
      if (from === builder.scale) {
        return (value) => (typeof value === 'number' ? builder.appendNumber(value) : builder.append(value as bigint))
      }
      return (value) => builder.appendText(formatDecimal(BigInt(value as number | bigint), from))
    }
    case 'timestamp':
      if (!isMoment) return undefined
      return (value) => {
        const { days, ticks } = value as RawMoment
        const day = days - EPOCH_DAYS
        if (day < SAFE_DAYS && day > -SAFE_DAYS) builder.appendNumber(day * MICROS_PER_DAY + Math.floor(ticks / 10))
        else builder.append(BigInt(day) * BigInt(MICROS_PER_DAY) + BigInt(Math.floor(ticks / 10)))
      }
    case 'int32':
      if (!isMoment) return undefined
      if (read.role === 'ns100') return (value) => builder.append((value as RawMoment).ticks % 10)
      if (read.role === 'offset') return (value) => builder.append((value as RawMoment).offset)
      return undefined
    default:
      return undefined
  }
}

function valueDecoder(read: ReadColumn, column: ResultColumn, builder: ColumnBuilder): ColumnDecoder {
  const { name } = column.type
  switch (builder.kind) {
    case 'boolean':
      if (name === 'Bit' || name === 'BitN') return (value) => builder.append(value as boolean)
      break
    case 'int32':
      if (isInteger(name)) return (value) => builder.append(Number(value))
      if (read.role === 'ns100' && (name === 'Time' || name === 'DateTime2' || name === 'DateTimeOffset')) {
        return (value) => builder.append(subMillisecondTicks(value as DriverDate) % 10)
      }
      break
    case 'int64':
      if (isInteger(name)) {
        // bigint comes as text
        return (value) => {
          if (typeof value === 'number') builder.appendNumber(value)
          else if ((value as string).length <= 15) builder.appendNumber(+(value as string))
          else builder.append(BigInt(value as string))
        }
      }
      break
    case 'float32':
      if (name === 'Real' || name === 'FloatN') return (value) => builder.append(value as number)
      break
    case 'float64':
      if (name === 'Float' || name === 'Real' || name === 'FloatN') return (value) => builder.append(value as number)
      break
    case 'decimal': {
      if (isCharacter(name)) return (value) => builder.appendText(value as string)
      const { scale } = builder
      if (isInteger(name)) return (value) => builder.appendText(String(value))
      if (name === 'SmallMoney' || ((name === 'DecimalN' || name === 'NumericN') && hasExactDecimals(column))) {
        const from = name === 'SmallMoney' ? 4 : (column.scale ?? 0)
        if (from === scale) return (value) => builder.appendNumber(unscaledOf(value as number, scale))
        return (value) => builder.appendText(unscaledText(unscaledOf(value as number, from), from))
      }
      if (name === 'MoneyN' && column.dataLength === 4 && scale === 4) {
        return (value) => builder.appendNumber(unscaledOf(value as number, 4))
      }
      if (name === 'DecimalN' || name === 'NumericN' || name === 'Money' || name === 'MoneyN') {
        throw new SqlServerError('driver-inexact', `the driver rounds the digits of ${read.name}`, {
          hint: 'Select CONVERT(varchar(41), …) of it; of money, CONVERT(varchar(41), CONVERT(decimal(19,4), …)).',
        })
      }
      break
    }
    case 'date':
      if (name === 'Date') return (value) => builder.append((value as Date).getTime() / MS_PER_DAY)
      break
    case 'time':
      if (name === 'Time') {
        return (value) => {
          const date = value as DriverDate
          builder.appendNumber(date.getTime() * 1000 + Math.floor(subMillisecondTicks(date) / 10))
        }
      }
      break
    case 'timestamp':
      if (name === 'DateTime2' || name === 'DateTimeOffset' || isDatetime(name)) {
        return (value) => {
          const date = value as DriverDate
          const ms = date.getTime()
          const micros = Math.floor(subMillisecondTicks(date) / 10)
          if (ms < MAX_SAFE_MS && ms > -MAX_SAFE_MS) builder.appendNumber(ms * 1000 + micros)
          else builder.append(BigInt(ms) * 1000n + BigInt(micros))
        }
      }
      break
    case 'string':
      if (isCharacter(name) || name === 'Xml') return (value) => builder.append(value as string)
      if (read.within !== undefined && isBinary(name)) {
        return (value) => builder.append(`0x${(value as Buffer).toString('hex').toUpperCase()}`)
      }
      break
    case 'binary':
      if (isBinary(name)) return (value) => builder.append(value as Uint8Array)
      break
    case 'fixed':
      if (isBinary(name)) return (value) => builder.append(value as Uint8Array)
      break
    case 'uuid':
      if (name === 'UniqueIdentifier') {
        const bytes = new Uint8Array(16)
        return (value) => builder.append(uuidBytes(value as string, bytes))
      }
      break
    case 'timestamp_ns':
    case 'null':
    case 'struct':
    case 'list':
    case 'map':
      break
  }
  throw new SqlServerError(
    'unexpected-result',
    `the result column for ${read.name} is ${name} and cannot fill a batch column of ${builder.kind}`,
    {
      hint: 'The table changed since it was described, or the query has its columns in another order; describe the table again.',
    },
  )
}

function isInteger(name: string): boolean {
  return name === 'IntN' || name === 'Int' || name === 'BigInt' || name === 'SmallInt' || name === 'TinyInt'
}

function isCharacter(name: string): boolean {
  return (
    name === 'NVarChar' ||
    name === 'VarChar' ||
    name === 'NChar' ||
    name === 'Char' ||
    name === 'NText' ||
    name === 'Text'
  )
}

function isBinary(name: string): boolean {
  return name === 'VarBinary' || name === 'Binary' || name === 'Image' || name === 'UDT'
}

function isDatetime(name: string): boolean {
  return name === 'DateTime' || name === 'DateTimeN' || name === 'SmallDateTime'
}

function unscaledText(unscaled: number, scale: number): string {
  const digits = String(Math.abs(unscaled)).padStart(scale + 1, '0')
  const at = digits.length - scale
  return `${unscaled < 0 ? '-' : ''}${digits.slice(0, at)}.${digits.slice(at)}`
}
