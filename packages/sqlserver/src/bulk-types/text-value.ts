import { SqlServerError } from '../errors.ts'
import { parseDecimal } from '../exact-values/decimal-text.ts'
import { parseDate, parseMoment, parseTime } from '../exact-values/temporal-text.ts'
import { decimalPrecision, decimalScale, formatSqlType, fractionDigits, typeLength, type SqlType } from '../sql-type.ts'
import type { SqlValue } from '../sql.ts'
import type { ByteSink } from './byte-sink.ts'
import { wireType } from './wire-type.ts'
import * as wire from './wire-value.ts'

/**
 * Checks a single value against its type and gives the function that writes it, without loss.
 *
 * @param name what the value is of, for the message: a parameter.
 * @throws {SqlServerError} `invalid-value` when the value is of another kind, out of range, too long or too precise.
 */
export function valueWriter(name: string, type: SqlType, value: SqlValue): (sink: ByteSink) => void {
  const { writeNull, large } = wireType(type)
  if (value === null) return writeNull
  const bad = (what: string): never => {
    throw new SqlServerError('invalid-value', `${name} ${what} ${formatSqlType(type)}`, {
      context: { parameter: name, type: formatSqlType(type) },
      hint: 'Give the value in the form that SqlValue describes for its type.',
    })
  }
  const integer = (low: number, high: number): number =>
    typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high
      ? value
      : bad('is not a value of')
  const text = (): string => (typeof value === 'string' ? value : bad('is not the text of a value of'))
  const known = <T>(parsed: T | undefined): T => parsed ?? bad('is not a value of')
  switch (type.name) {
    case 'bit': {
      const bit = typeof value === 'boolean' ? Number(value) : bad('is not a value of')
      return (sink) => bytesOf(sink, 1, () => sink.writeUInt8(bit))
    }
    case 'tinyint': {
      const number = integer(0, 255)
      return (sink) => bytesOf(sink, 1, () => sink.writeUInt8(number))
    }
    case 'smallint': {
      const number = integer(-32_768, 32_767)
      return (sink) => bytesOf(sink, 2, () => sink.writeInt16LE(number))
    }
    case 'int': {
      const number = integer(-2_147_483_648, 2_147_483_647)
      return (sink) => bytesOf(sink, 4, () => sink.writeInt32LE(number))
    }
    case 'bigint': {
      const big = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
      const number = typeof big === 'bigint' && BigInt.asIntN(64, big) === big ? big : bad('is not a value of')
      return (sink) => bytesOf(sink, 8, () => sink.writeBigInt64LE(number))
    }
    case 'decimal':
    case 'numeric': {
      const precision = decimalPrecision(type)
      const unscaled = known(parseDecimal(text(), decimalScale(type)))
      if (abs(unscaled) >= 10n ** BigInt(precision)) bad('is out of the range of')
      return (sink) => wire.writeDecimal(sink, unscaled, precision)
    }
    case 'money': {
      const unscaled = known(parseDecimal(text(), 4))
      if (BigInt.asIntN(64, unscaled) !== unscaled) bad('is out of the range of')
      return (sink) => wire.writeMoney(sink, unscaled)
    }
    case 'smallmoney': {
      const unscaled = known(parseDecimal(text(), 4))
      if (BigInt.asIntN(32, unscaled) !== unscaled) bad('is out of the range of')
      return (sink) => wire.writeSmallMoney(sink, unscaled)
    }
    case 'real':
    case 'float': {
      const number = typeof value === 'number' && Number.isFinite(value) ? value : bad('is not a value of')
      if (type.name === 'float') return (sink) => bytesOf(sink, 8, () => sink.writeDoubleLE(number))
      if (!Number.isFinite(Math.fround(number))) bad('is out of the range of')
      return (sink) => bytesOf(sink, 4, () => sink.writeFloatLE(number))
    }
    case 'date': {
      const days = known(parseDate(text()))
      return (sink) => wire.writeDate(sink, days)
    }
    case 'time': {
      const scale = fractionDigits(type)
      const ticks = known(parseTime(text()))
      if (ticks % wire.ticksPerUnit(scale) !== 0) bad('has more digits than')
      return (sink) => wire.writeTime(sink, ticks, scale)
    }
    case 'datetime2': {
      const scale = fractionDigits(type)
      const { days, ticks } = known(parseMoment(text(), false))
      if (ticks % wire.ticksPerUnit(scale) !== 0) bad('has more digits than')
      return (sink) => wire.writeDatetime2(sink, days, ticks, scale)
    }
    case 'datetimeoffset': {
      const scale = fractionDigits(type)
      const { days, ticks, offset = 0 } = known(parseMoment(text(), true))
      if (ticks % wire.ticksPerUnit(scale) !== 0) bad('has more digits than')
      if (days + wire.EPOCH_DAYS < 0 || days > 2_932_896) bad('is out of the range of')
      return (sink) => wire.writeDatetimeoffset(sink, days, ticks, scale, offset)
    }
    case 'datetime': {
      const { days, ticks } = known(parseMoment(text(), false))
      const parts = datetimeParts(days, ticks) ?? bad('is out of the range of')
      return (sink) => wire.writeDatetime(sink, ...parts)
    }
    case 'smalldatetime': {
      const { days, ticks } = known(parseMoment(text(), false))
      const parts = smallDatetimeParts(days, ticks) ?? bad('is no whole minute in the range of')
      return (sink) => wire.writeSmallDatetime(sink, ...parts)
    }
    case 'uniqueidentifier': {
      const digits = text().replaceAll('-', '')
      if (!/^[0-9a-f]{32}$/i.test(digits)) bad('is not a value of')
      const bytes = Buffer.from(digits, 'hex')
      return (sink) => wire.writeUuid(sink, bytes)
    }
    case 'char':
    case 'varchar':
    case 'nchar':
    case 'nvarchar':
    case 'text':
    case 'ntext':
    case 'xml':
    case 'json':
    case 'vector': {
      const string = text()
      const limited = type.name.endsWith('char') && string.length > typeLength(type)
      if (limited) bad('is longer than')
      return (sink) => wire.writeText(sink, string, large)
    }
    case 'binary':
    case 'varbinary':
    case 'image':
    case 'rowversion':
    case 'hierarchyid':
    case 'geography':
    case 'geometry': {
      const bytes = value instanceof Uint8Array ? value : bad('is not a value of')
      const limit = type.name === 'rowversion' ? 8 : type.name.endsWith('binary') ? typeLength(type) : Infinity
      if (bytes.length > limit) bad('is longer than')
      return (sink) => wire.writeBytes(sink, bytes, large)
    }
    case 'sql_variant':
      return bad('cannot be given as')
  }
}

/**
 * Days since 1970-01-01 and 1/300 seconds, as datetime has them, of the nearest value: .003 and .0033333 are the same third of a
 * hundredth. Undefined outside 1753 to 9999.
 */
export function datetimeParts(
  days: number,
  ticks: number,
): readonly [days: number, threeHundredths: number] | undefined {
  const parts = Math.round((ticks * 3) / 100_000)
  const [day, rest] = parts === 25_920_000 ? [days + 1, 0] : [days, parts]
  return day < -79_257 || day > 2_932_896 ? undefined : [day, rest]
}

/** Days since 1970-01-01 and minutes; undefined when there are seconds, or outside 1900-01-01 to 2079-06-06. */
export function smallDatetimeParts(days: number, ticks: number): readonly [days: number, minutes: number] | undefined {
  return ticks % 600_000_000 !== 0 || days < -25_567 || days > 39_968 ? undefined : [days, ticks / 600_000_000]
}

function bytesOf(sink: ByteSink, length: number, write: () => void): void {
  sink.writeUInt8(length)
  write()
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value
}
