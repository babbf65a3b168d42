import { EPOCH_DAYS } from '../bulk-types/wire-value.ts'
import { SqlServerError } from '../errors.ts'
import type { ResultCell, ResultColumn } from '../session.ts'
import type { SqlValue } from '../sql.ts'
import { formatDecimal } from './decimal-text.ts'
import { hasExactDecimals, subMillisecondTicks, unscaledOf, type DriverDate } from './driver-value.ts'
import type { RawMoment } from './raw-values.ts'
import { formatDate, formatMoment, formatMomentWithOffset, formatTime } from './temporal-text.ts'

/** A row of a small result: values by column name, each in the form that {@link SqlValue} has for its type. */
export type Row = Readonly<Record<string, SqlValue>>

const MS_PER_DAY = 86_400_000
/** money below this many units of 1/10,000 comes back exact from the driver's double. */
const EXACT_MONEY = 2 ** 50

/**
 * Makes rows of the driver's cells. What the driver has rounded is refused, never handed on.
 *
 * @throws {SqlServerError} `driver-inexact` through the returned function for a decimal of more than 15 digits, a large money, a
 * datetimeoffset or a sql_variant; `unexpected-result` when two columns share a name.
 */
export function rowMaker(columns: readonly ResultColumn[], raw: boolean): (cells: readonly ResultCell[]) => Row {
  const names = columns.map((column) => column.colName)
  const twice = names.find((name, index) => name !== '' && names.indexOf(name) !== index)
  if (twice !== undefined) {
    throw new SqlServerError('unexpected-result', `two columns of the result are called ${JSON.stringify(twice)}`, {
      hint: 'Give each column a name of its own with AS.',
    })
  }
  const convert = columns.map((column) => (raw ? rawConverter(column) : undefined) ?? cellConverter(column))
  return (cells) => {
    const row: Record<string, SqlValue> = {}
    for (const [index, name] of names.entries()) {
      const value = cells[index]?.value
      row[name] = value === null || value === undefined ? null : (convert[index]?.(value) ?? null)
    }
    return row
  }
}

/** For values of a connection that gives them raw; undefined for the types that come as they always do. */
function rawConverter(column: ResultColumn): ((value: unknown) => SqlValue) | undefined {
  const { scale = 0 } = column
  switch (column.type.name) {
    case 'BigInt':
      return (value) => BigInt(value as number | bigint)
    case 'IntN':
      return column.dataLength === 8 ? (value) => BigInt(value as number | bigint) : undefined
    case 'DecimalN':
    case 'NumericN':
      return (value) => formatDecimal(BigInt(value as number | bigint), scale)
    case 'Money':
    case 'MoneyN':
    case 'SmallMoney':
      return (value) => formatDecimal(BigInt(value as number | bigint), 4)
    case 'DateTime2':
      return (value) => {
        const { days, ticks } = value as RawMoment
        return formatMoment(days - EPOCH_DAYS, ticks, scale)
      }
    case 'DateTimeOffset':
      return (value) => {
        const { days, ticks, offset } = value as RawMoment
        return formatMomentWithOffset({ days: days - EPOCH_DAYS, ticks, offset }, scale)
      }
    default:
      return undefined
  }
}

/** Casts state what the driver's parser gives for the wire type. */
function cellConverter(column: ResultColumn): (value: unknown) => SqlValue {
  const { scale = 0 } = column
  switch (column.type.name) {
    case 'BigInt':
      return (value) => BigInt(value as string)
    case 'IntN':
      return (value) => (typeof value === 'string' ? BigInt(value) : (value as number))
    case 'DecimalN':
    case 'NumericN':
      if (!hasExactDecimals(column)) return () => inexact(column, 'Select CONVERT(varchar(41), …) of it.')
      return (value) => formatDecimal(BigInt(unscaledOf(value as number, scale)), scale)
    case 'Money':
    case 'MoneyN':
    case 'SmallMoney':
      return (value) => {
        const unscaled = unscaledOf(value as number, 4)
        if (Math.abs(unscaled) >= EXACT_MONEY) {
          return inexact(column, 'Select CONVERT(varchar(41), CONVERT(decimal(19,4), …)) of it.')
        }
        return formatDecimal(BigInt(unscaled), 4)
      }
    case 'Date':
      return (value) => formatDate((value as Date).getTime() / MS_PER_DAY)
    case 'Time':
      return (value) => {
        const [, ticks] = moment(value as DriverDate)
        return formatTime(ticks, scale)
      }
    case 'DateTime2':
      return (value) => formatMoment(...moment(value as DriverDate), scale)
    case 'DateTime':
      return (value) => formatMoment(...moment(value as DriverDate), 3)
    case 'DateTimeN':
      return (value) => formatMoment(...moment(value as DriverDate), column.dataLength === 4 ? 0 : 3)
    case 'SmallDateTime':
      return (value) => formatMoment(...moment(value as DriverDate), 0)
    case 'DateTimeOffset':
      return () => inexact(column, 'Select CONVERT(varchar(34), …, 127) of it, or its parts.')
    case 'Variant':
      return () => inexact(column, 'Convert it to the type that you expect.')
    case 'UniqueIdentifier':
      return (value) => (value as string).toLowerCase()
    default:
      // bit, numbers, text and bytes are exact as they are
      return (value) => value as SqlValue
  }
}

function moment(date: DriverDate): [days: number, ticks: number] {
  const ms = date.getTime()
  const days = Math.floor(ms / MS_PER_DAY)
  return [days, (ms - days * MS_PER_DAY) * 10_000 + subMillisecondTicks(date)]
}

function inexact(column: ResultColumn, hint: string): never {
  throw new SqlServerError('driver-inexact', `the driver loses a part of ${column.colName || 'a column'}`, { hint })
}
