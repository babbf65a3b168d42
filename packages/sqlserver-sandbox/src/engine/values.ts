import type { SqlType, SqlValue } from '../session.ts'
import { notImplemented, sqlError } from './errors.ts'
import { duckType, familyOf, formatType } from './types.ts'

/** Days from 0001-01-01 to 1970-01-01. */
export const epochDays = 719162
export const ticksPerDay = 864_000_000_000n
export const ticksPerMinute = 600_000_000n
/** Ticks from 0001-01-01 to 1900-01-01. */
export const ticks1900 = 599_266_080_000_000_000n
/** The first moment of datetime. */
export const ticks1753 = 552_877_920_000_000_000n
/** The last minute of smalldatetime, 2079-06-06 23:59, since 1900-01-01. */
export const lastMinute = 94_371_839
export const ticks1970 = 621_355_968_000_000_000n

/**
 * DuckDB keeps UTF-8, where a lone surrogate has no place. U+D800+x is stored as U+10F800+x, the last 2048 code points of
 * Unicode's private plane 16, which are therefore refused as data.
 */
export function encodeString(text: string): string {
  if (!/[\uD800-\uDFFF]/.test(text)) return text
  let changed = false
  const out: string[] = []
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0
    if (code >= 0x10f800)
      throw sqlError(40517, `The sandbox does not store the private-use characters U+10F800 to U+10FFFF.`)
    if (code >= 0xd800 && code <= 0xdfff) {
      changed = true
      out.push(String.fromCodePoint(code - 0xd800 + 0x10f800))
    } else out.push(char)
  }
  return changed ? out.join('') : text
}

export function decodeString(text: string): string {
  if (!/\uDBFE|\uDBFF/.test(text)) return text
  return text.replace(/[\uDBFE\uDBFF][\uDC00-\uDFFF]/g, (pair) => {
    const code = pair.codePointAt(0) ?? 0
    return code >= 0x10f800 ? String.fromCharCode(code - 0x10f800 + 0xd800) : pair
  })
}

/** The bytes in the order SQL Server compares them: last six first, the first groups byte by byte from the back. */
export function guidToKey(text: string): string {
  const hex = text.replaceAll('-', '').toLowerCase()
  const at = (from: number, to: number): string => hex.slice(from, to)
  const key =
    at(20, 32) +
    at(16, 20) +
    at(14, 16) +
    at(12, 14) +
    at(10, 12) +
    at(8, 10) +
    at(6, 8) +
    at(4, 6) +
    at(2, 4) +
    at(0, 2)
  return `${key.slice(0, 8)}-${key.slice(8, 12)}-${key.slice(12, 16)}-${key.slice(16, 20)}-${key.slice(20)}`
}

export function keyToGuid(key: string): string {
  const h = key.replaceAll('-', '')
  const at = (from: number, to: number): string => h.slice(from, to)
  const d1 = at(30, 32) + at(28, 30) + at(26, 28) + at(24, 26)
  const d2 = at(22, 24) + at(20, 22)
  const d3 = at(18, 20) + at(16, 18)
  return `${d1}-${d2}-${d3}-${at(12, 16)}-${at(0, 12)}`
}

/** A safely quoted string for DuckDB; NUL cannot stand in SQL text and is spliced in. */
export function quote(text: string): string {
  const encoded = encodeString(text)
  if (!encoded.includes('\0')) return `'${encoded.replaceAll("'", "''")}'`
  return `(${encoded
    .split('\0')
    .map((part) => `'${part.replaceAll("'", "''")}'`)
    .join(' || chr(0) || ')})`
}

export function decimalText(value: bigint, scale: number): string {
  const negative = value < 0n
  const digits = (negative ? -value : value).toString().padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  return `${negative ? '-' : ''}${whole}${scale > 0 ? `.${digits.slice(digits.length - scale)}` : ''}`
}

/** The text of a scalar; empty for NULL. Values that are no scalars have none. */
export function textOf(value: SqlValue | undefined): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'object') throw notImplemented('a binary, datetimeoffset or sql_variant value as text here')
  return String(value)
}

/** A value as DuckDB SQL of the type's storage. */
export function literalSql(value: SqlValue, type: SqlType): string {
  const duck = duckType(type)
  if (value === null) return `CAST(NULL AS ${duck})`
  switch (familyOf(type)) {
    case 'string':
      return quote(textOf(value))
    case 'binary': {
      const bytes = value instanceof Uint8Array ? value : new Uint8Array()
      return `unhex('${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}')`
    }
    case 'guid':
      return `CAST('${guidToKey(textOf(value))}' AS UUID)`
    case 'variant':
      throw notImplemented('a sql_variant in a variable or parameter')
    case 'datetime':
      if (type.name === 'date') return `CAST(DATE '1970-01-01' + CAST(${Number(value) - epochDays} AS INTEGER) AS DATE)`
      if (type.name === 'datetimeoffset') {
        const { utc, offsetMinutes } =
          typeof value === 'object' && 'utc' in value ? value : { utc: 0n, offsetMinutes: 0 }
        return `CAST({u: ${utc}, o: ${offsetMinutes}} AS ${duck})`
      }
      return `CAST(${textOf(value)} AS ${duck})`
    default:
  }
  switch (type.name) {
    case 'bit':
      return value === true || value === 1 ? 'TRUE' : 'FALSE'
    case 'float':
    case 'real':
      return `CAST('${Object.is(value, -0) ? '-0.0' : textOf(value)}' AS ${duck})`
    case 'decimal':
    case 'numeric':
      return `CAST('${decimalText(BigInt(value as bigint), type.scale)}' AS ${duck})`
    case 'money':
    case 'smallmoney':
      return `CAST('${decimalText(BigInt(value as bigint), 4)}' AS ${duck})`
    default:
      return `CAST(${textOf(value)} AS ${duck})`
  }
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

export interface DateParts {
  /** Days since 0001-01-01; undefined when only a time was given. */
  readonly days: number | undefined
  readonly ticks: bigint
  readonly offsetMinutes: number | undefined
}

/** Reads the date formats of SQL Server that do not depend on the language, and month/day/year. */
export function parseDateTime(source: string): DateParts | undefined {
  const text = source.trim()
  let rest = text
  let days: number | undefined
  const date =
    /^(\d{4})-(\d{1,2})-(\d{1,2})(?=$|[T\s]|Z)/i.exec(text) ??
    /^(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?=$|\s)/.exec(text) ??
    /^(\d{4})(\d{2})(\d{2})(?=$|\s)/.exec(text)
  const american = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?=$|\s)/.exec(text)
  const worded = /^([a-z]{3})[a-z]*\s+(\d{1,2}),?\s+(\d{4})(?=$|\s)/i.exec(text)
  if (date) {
    days = toDays(Number(date[1]), Number(date[2]), Number(date[3]))
    rest = text.slice(date[0].length)
  } else if (american) {
    days = toDays(Number(american[3]), Number(american[1]), Number(american[2]))
    rest = text.slice(american[0].length)
  } else if (worded) {
    days = toDays(Number(worded[3]), monthNames.indexOf((worded[1] ?? '').toLowerCase()) + 1, Number(worded[2]))
    rest = text.slice(worded[0].length)
  }
  if ((date ?? american ?? worded) && days === undefined) return undefined
  rest = rest.replace(/^[T\s]+/i, '')
  if (rest === '')
    return text === ''
      ? { days: 693595, ticks: 0n, offsetMinutes: undefined }
      : { days, ticks: 0n, offsetMinutes: undefined }
  const time = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.:](\d{1,9}))?)?\s*(am|pm)?\s*(z|[+-]\d{1,2}:\d{2})?$/i.exec(rest)
  const zone = /^(z|[+-]\d{1,2}:\d{2})$/i.exec(rest)
  if (!time && !(zone && days !== undefined)) return undefined
  let hours = Number(time?.[1] ?? 0)
  const half = time?.[5]?.toLowerCase()
  if (half === 'pm' && hours < 12) hours += 12
  if (half === 'am' && hours === 12) hours = 0
  const minutes = Number(time?.[2] ?? 0)
  const seconds = Number(time?.[3] ?? 0)
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined
  const fraction = BigInt(((time?.[4] ?? '') + '0000000').slice(0, 7))
  const roundUp = Number(time?.[4]?.[7] ?? 0) >= 5 ? 1n : 0n
  const ticks = BigInt(hours * 3600 + minutes * 60 + seconds) * 10_000_000n + fraction + roundUp
  return { days, ticks, offsetMinutes: parseOffset(time?.[6] ?? zone?.[1]) }
}

function parseOffset(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^z$/i.test(text)) return 0
  const [hours = '0', minutes = '0'] = text.slice(1).split(':')
  return (text.startsWith('-') ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
}

function toDays(year: number, month: number, day: number): number | undefined {
  if (year < 1 || month < 1 || month > 12 || day < 1) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCDate() !== day) return undefined
  return Math.round(date.getTime() / 86_400_000) + epochDays
}

/** A string literal as a date/time value of the type, or error 241. */
export function dateFromText(text: string, type: SqlType): SqlValue {
  const parts = parseDateTime(text)
  if (parts === undefined) throw conversionError(text, type)
  const days = parts.days ?? 693595
  const local = BigInt(days) * ticksPerDay + parts.ticks
  switch (type.name) {
    case 'date':
      return days
    case 'time':
      return roundTicks(parts.ticks, type.scale) % ticksPerDay
    case 'datetime2':
      return roundTicks(local - BigInt(parts.offsetMinutes ?? 0) * 0n, type.scale)
    case 'datetimeoffset': {
      const offsetMinutes = parts.offsetMinutes ?? 0
      return { utc: roundTicks(local, type.scale) - BigInt(offsetMinutes) * ticksPerMinute, offsetMinutes }
    }
    case 'datetime':
      if (local < ticks1753) throw outOfRange(type)
      return ticksToDatetime(local)
    default: {
      const minutes = Number((local - ticks1900 + 299_990_000n) / ticksPerMinute)
      if (local < ticks1900 || minutes > lastMinute) throw outOfRange(type)
      return minutes
    }
  }
}

function outOfRange(type: SqlType): Error {
  const message = `The conversion of a varchar data type to a ${type.name} data type resulted in an out-of-range value.`
  return sqlError(242, message, { state: 3 })
}

export function ticksToDatetime(ticks: bigint): bigint {
  const days = (ticks - ticks1900) / ticksPerDay - ((ticks - ticks1900) % ticksPerDay < 0n ? 1n : 0n)
  const rest = ticks - ticks1900 - days * ticksPerDay
  return days * 25_920_000n + (rest * 3n + 50_000n) / 100_000n
}

export function roundTicks(ticks: bigint, scale: number): bigint {
  const unit = 10n ** BigInt(7 - scale)
  return ((ticks + unit / 2n) / unit) * unit
}

export function conversionError(text: string, type: SqlType): Error {
  const family = familyOf(type)
  if (family === 'datetime')
    return sqlError(241, 'Conversion failed when converting date and/or time from character string.')
  if (family === 'guid')
    return sqlError(8169, 'Conversion failed when converting from a character string to uniqueidentifier.')
  if (type.name === 'decimal' || type.name === 'numeric' || type.name === 'float' || type.name === 'real') {
    return sqlError(8114, `Error converting data type varchar to ${type.name === 'decimal' ? 'numeric' : type.name}.`)
  }
  return sqlError(
    245,
    `Conversion failed when converting the varchar value '${text}' to data type ${formatType(type)}.`,
  )
}
