import { codePageOf, latin1 } from '../code-pages.ts'
import type { SqlType } from '../session.ts'
import type { Bound } from './bound.ts'
import { fromBinary, toBinary } from './binary.ts'
import { notImplemented, sqlError } from './errors.ts'
import { duckType, familyOf, isExact, isInteger, isNarrow, lengthOf } from './types.ts'
import { decimalDigits, fail, toTicks } from './sql-text.ts'
import { fitsVariant, fromVariant, toVariant } from './variant.ts'
import {
  conversionError,
  dateFromText,
  epochDays,
  literalSql,
  lastMinute,
  ticks1753,
  ticks1900,
  ticksPerDay,
  textOf,
} from './values.ts'

const noImplicit = new Set([
  'datetime>number',
  'datetime>guid',
  'number>guid',
  'guid>number',
  'guid>datetime',
  'string>binary',
])

/** Whether a value of one type may go into another without CONVERT. @see https://learn.microsoft.com/sql/t-sql/data-types/data-type-conversion-database-engine */
export function canConvertImplicitly(from: SqlType, to: SqlType): boolean {
  const a = familyOf(from)
  const b = familyOf(to)
  if (a === b) {
    if (a !== 'datetime') return true
    return !((from.name === 'date' && to.name === 'time') || (from.name === 'time' && to.name === 'date'))
  }
  if (b === 'variant') return fitsVariant(from)
  if (a === 'variant') return false
  if (noImplicit.has(`${a}>${b}`)) return false
  if (a === 'number' && b === 'datetime') return to.name === 'datetime' || to.name === 'smalldatetime'
  if (a === 'binary' && b === 'string') return false
  if (a === 'binary' && b === 'number') return to.name !== 'float' && to.name !== 'real'
  if (a === 'binary' && b === 'datetime') return false
  if (a === 'number' && b === 'binary') return from.name !== 'float' && from.name !== 'real'
  return true
}

export function clash(from: SqlType, to: SqlType): Error {
  return sqlError(206, `Operand type clash: ${from.name} is incompatible with ${to.name}`)
}

/** Converts for an assignment, a comparison or a union: only conversions that SQL Server makes on its own. */
export function implicitly(value: Bound, to: SqlType, options: Pick<ConvertOptions, 'into'> = {}): Bound {
  if (!value.isNull && !canConvertImplicitly(value.type, to)) {
    const a = familyOf(value.type)
    if (to.name === 'sql_variant') throw clash(value.type, to)
    if (a === 'datetime' || a === 'guid' || familyOf(to) === 'guid') throw clash(value.type, to)
    throw sqlError(
      257,
      `Implicit conversion from data type ${value.type.name} to ${to.name} is not allowed. Use the CONVERT function to run this query.`,
    )
  }
  return convert(value, to, options)
}

export interface ConvertOptions {
  readonly style?: number | undefined
  /** TRY_CONVERT: NULL instead of an error. */
  readonly attempt?: boolean
  /** The collation of the column or the COLLATE clause that a string goes to; else it keeps its own. */
  readonly into?: string | undefined
  /** CAST cuts strings that are too long; an assignment keeps them, and the constraint check refuses them. */
  readonly truncate?: boolean
}

/** Converts a value to a type: the DuckDB SQL for it. */
export function convert(value: Bound, to: SqlType, options: ConvertOptions = {}): Bound {
  const base: Bound = { ...value, type: to, isNull: false, byteKey: undefined, constant: undefined, hasConstant: false }
  if (value.isNull) return { ...base, sql: `CAST(NULL AS ${duckType(to)})` }
  const a = familyOf(value.type)
  const b = familyOf(to)
  if (value.hasConstant && a === 'string' && b === 'datetime') {
    try {
      const constant =
        value.constant === null || value.constant === undefined ? null : dateFromText(textOf(value.constant), to)
      return { ...base, sql: literalSql(constant, to), constant, hasConstant: true, nullable: constant === null }
    } catch (error) {
      if (options.attempt) return { ...base, sql: `CAST(NULL AS ${duckType(to)})`, nullable: true }
      throw error
    }
  }
  const sql = convertSql(value, a, to, b, options)
  const keep =
    value.hasConstant && a === b && duckType(value.type) === duckType(to) && a === 'string' && sql === value.sql
  return {
    ...base,
    sql,
    nullable: value.nullable || options.attempt === true,
    ...(keep ? { constant: value.constant, hasConstant: true } : {}),
  }
}

/** A well-formed text constant as the whole number or guid that it is: DuckDB plans for milliseconds what checks a text. */
function readConstant({ hasConstant, constant }: Bound, to: SqlType): string | undefined {
  if (!hasConstant || typeof constant !== 'string') return undefined
  if (to.name === 'uniqueidentifier')
    return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(constant) ? literalSql(constant, to) : undefined
  const limit = { tinyint: 2n ** 8n, smallint: 2n ** 15n, int: 2n ** 31n, bigint: 2n ** 63n }[to.name as 'int']
  if (limit === undefined || !/^ *[+-]?\d{1,30} *$/.test(constant)) return undefined
  const number = BigInt(constant.replace(/[+ ]/g, ''))
  return number < limit && number >= (to.name === 'tinyint' ? 0n : -limit) ? literalSql(number, to) : undefined
}

function convertSql(value: Bound, a: string, to: SqlType, b: string, options: ConvertOptions): string {
  const { sql, type } = value
  const cast = options.attempt ? 'TRY_CAST' : 'CAST'
  const duck = duckType(to)
  if (b === 'variant') {
    if (!fitsVariant(type)) throw clash(type, to)
    return toVariant(value)
  }
  if (a === 'variant') return fromVariant(value, to, (inner) => convert(inner, to, options).sql)
  if (b === 'string') return fit(toText(value, to, options), value, to, options)
  const read = a === 'string' ? readConstant(value, to) : undefined
  if (read !== undefined) return read
  if (a === 'string' && b === 'number') {
    const trimmed = `trim(${sql})`
    if (to.name === 'bit') {
      return `CASE WHEN ${sql} IS NULL THEN NULL WHEN lower(${trimmed}) IN ('true','1') THEN TRUE WHEN lower(${trimmed}) IN ('false','0','') THEN FALSE ELSE ${options.attempt ? 'NULL' : `CAST(${cast}(${trimmed} AS INTEGER) <> 0 AS BOOLEAN)`} END`
    }
    if (isInteger(to)) {
      const valid = `regexp_full_match(${trimmed}, '[+-]?[0-9]*')`
      const read = `${cast}(CASE WHEN ${trimmed} IN ('','+','-') THEN '0' ELSE ${trimmed} END AS ${duck})`
      const bad = options.attempt
        ? 'NULL'
        : `CAST(error('@sql:245:Conversion failed when converting the ${type.name} value ''' || ${sql} || ''' to data type ${to.name}.') AS ${duck})`
      return `CASE WHEN ${sql} IS NULL THEN NULL WHEN ${valid} THEN ${read} ELSE ${bad} END`
    }
    if (to.name === 'money' || to.name === 'smallmoney')
      return `${cast}(replace(replace(${trimmed}, ',', ''), '$', '') AS ${duck})`
    return `${cast}(${trimmed} AS ${duck})`
  }
  if (a === 'number' && b === 'number') {
    if (duckType(type) === duck) return sql
    if (to.name === 'bit') return `(${sql} <> 0)`
    if (type.name === 'bit') return `CAST(CAST(${sql} AS INTEGER) AS ${duck})`
    // SQL Server cuts fractions off, DuckDB rounds.
    if (isInteger(to) && !isInteger(type)) return `${cast}(trunc(${sql}) AS ${duck})`
    if ((type.name === 'float' || type.name === 'real') && isExact(to)) return `${cast}(${sql} AS ${duck})`
    return `${cast}(${sql} AS ${duck})`
  }
  if (b === 'binary') {
    const bytes = toBinary(value, to, options)
    return options.attempt ? `TRY(${bytes})` : bytes
  }
  if (a === 'binary') return fromBinary(value, to, options.style)
  if (b === 'guid') {
    if (a === 'guid') return sql
    if (a === 'string') return `${options.attempt ? 'TRY(' : '('}guid_of_text(${sql}))`
  }
  if (a === 'datetime' && b === 'datetime') return betweenDates(sql, type, to)
  if (a === 'string' && b === 'datetime') {
    const ticks = `ticks_of_text(${sql})`
    const read = fromTicks(ticks, to, `offset_of_text(${sql})`)
    return options.attempt ? `TRY(${read})` : read
  }
  if (a === 'number' && b === 'datetime' && (to.name === 'datetime' || to.name === 'smalldatetime')) {
    return to.name === 'datetime'
      ? `CAST(round(CAST(${sql} AS DOUBLE) * 25920000) AS BIGINT)`
      : `CAST(round(CAST(${sql} AS DOUBLE) * 1440) AS INTEGER)`
  }
  if (type.name === 'datetime' && isInteger(to)) return `CAST(round(${sql} / 25920000.0) AS ${duck})`
  if (type.name === 'datetime' && (to.name === 'float' || to.name === 'real'))
    return `CAST(${sql} / 25920000.0 AS ${duck})`
  throw sqlError(529, `Explicit conversion from data type ${type.name} to ${to.name} is not allowed.`)
}

/** A date/time of the type from local ticks. */
export function fromTicks(ticks: string, to: SqlType, offset = '0'): string {
  switch (to.name) {
    case 'date':
      return `CAST(DATE '1970-01-01' + CAST((${ticks}) // ${ticksPerDay} - ${epochDays} AS INTEGER) AS DATE)`
    case 'time':
      return `(${rounded(`((${ticks}) % ${ticksPerDay})`, to.scale)} % ${ticksPerDay})`
    case 'datetime':
      return inRange(to, `(${ticks}) < ${ticks1753}`, `datetime_of_ticks(${ticks})`)
    case 'smalldatetime': {
      const minutes = `(((${ticks}) - ${ticks1900} + 299990000) // 600000000)`
      const outside = `(${ticks}) < ${ticks1900} OR ${minutes} > ${lastMinute}`
      return inRange(to, outside, `CAST(${minutes} AS INTEGER)`)
    }
    case 'datetimeoffset':
      return `CASE WHEN (${ticks}) IS NULL THEN NULL ELSE CAST({u: ${rounded(ticks, to.scale)} - CAST((${offset}) AS BIGINT) * 600000000, o: ${offset}} AS ${duckType(to)}) END`
    case 'datetime2':
      return rounded(ticks, to.scale)
    default:
      throw new RangeError(`${to.name} is not a date type`)
  }
}

function inRange(to: SqlType, outside: string, sql: string): string {
  const message = `The conversion of a value to a ${to.name} data type resulted in an out-of-range value.`
  return `(CASE WHEN ${outside} THEN CAST(${fail(242, message)} AS ${duckType(to)}) ELSE ${sql} END)`
}

function rounded(ticks: string, scale: number): string {
  if (scale === 7) return `(${ticks})`
  const unit = 10 ** (7 - scale)
  return `((((${ticks}) + ${unit / 2}) // ${unit}) * ${unit})`
}

function betweenDates(sql: string, from: SqlType, to: SqlType): string {
  if (from.name === to.name) {
    if (!('scale' in from) || !('scale' in to) || to.scale >= from.scale) return sql
    if (to.name === 'datetimeoffset')
      return `CASE WHEN ${sql} IS NULL THEN NULL ELSE CAST({u: ${rounded(`(${sql}).u`, to.scale)}, o: (${sql}).o} AS ${duckType(to)}) END`
  }
  if (from.name === 'date' && to.name === 'time')
    throw sqlError(529, 'Explicit conversion from data type date to time is not allowed.')
  return fromTicks(toTicks(sql, from), to, from.name === 'datetimeoffset' ? `(${sql}).o` : '0')
}

/** Cuts or pads a string to its type. */
function fit(text: string, value: Bound, to: SqlType, options: ConvertOptions): string {
  const from = value.type
  const length = lengthOf(to)
  const page = isNarrow(to) ? codePageOf(options.into ?? value.collation) : undefined
  if (page !== undefined && page !== latin1) {
    const same = isNarrow(from) && codePageOf(value.collation) === page
    const limit = options.truncate && length > 0 ? length : -1
    const pad = to.name === 'char' ? length : 0
    if (same && pad === 0 && (limit === -1 || (lengthOf(from) !== -1 && lengthOf(from) <= limit))) return text
    return `page_text(${text}, ${page}, ${limit}, ${pad})`
  }
  let result = text
  if (
    options.truncate &&
    length > 0 &&
    (familyOf(from) !== 'string' || lengthOf(from) === -1 || lengthOf(from) > length)
  )
    result = `left(${result}, ${length})`
  if ((to.name === 'char' || to.name === 'nchar') && !(from.name === to.name && lengthOf(from) === length)) {
    result = `pad_text(${result}, ${length})`
  }
  const fromWide = from.name === 'nvarchar' || from.name === 'nchar' || from.name === 'ntext'
  if (page !== undefined && (fromWide || (isNarrow(from) && codePageOf(value.collation) !== page)))
    result = `narrow_text(${result})`
  return result
}

function toText(value: Bound, to: SqlType, options: ConvertOptions): string {
  const { sql, type } = value
  const style = options.style
  switch (familyOf(type)) {
    case 'string':
      return sql
    case 'guid':
      return `guid_text(${sql})`
    case 'binary':
      if (style === 1) return `('0x' || hex(${sql}))`
      if (style === 2) return `hex(${sql})`
      if (to.name.startsWith('n')) throw notImplemented('CONVERT of binary to nvarchar with style 0')
      return `array_to_string(list_transform(range(octet_length(${sql})), lambda i: chr(ascii(${sql}[i + 1]))), '')`
    case 'datetime':
      return dateText(sql, type, style)
    default:
  }
  switch (type.name) {
    case 'bit':
      return `CAST(CAST(${sql} AS INTEGER) AS VARCHAR)`
    case 'money':
    case 'smallmoney':
      return style === 2 ? `CAST(${sql} AS VARCHAR)` : `CAST(CAST(${sql} AS DECIMAL(19,2)) AS VARCHAR)`
    case 'float':
    case 'real':
      if (style === 3) return `float_text(CAST(${sql} AS DOUBLE), 16)`
      if (style === undefined || style === 0) return `short_float_text(CAST(${sql} AS DOUBLE))`
      throw notImplemented(`CONVERT of ${type.name} to a string with style ${style}`)
    case 'decimal':
    case 'numeric':
      return decimalDigits(sql, type)
    default:
      return `CAST(${sql} AS VARCHAR)`
  }
}

function dateText(sql: string, type: SqlType, style: number | undefined): string {
  const ticks = toTicks(sql, type)
  const day = `date_text(${ticks})`
  const digits = 'scale' in type ? type.scale : type.name === 'datetime' ? 3 : 0
  const fraction =
    type.name === 'datetime'
      ? `lpad(CAST(CAST(round(floor_mod(${sql}, 300) * 10 / 3.0) AS INTEGER) AS VARCHAR), 3, '0')`
      : `left(lpad(CAST((${ticks}) % 10000000 AS VARCHAR), 7, '0'), ${digits})`
  const seconds = `clock_text(${ticks})`
  const clock = digits > 0 ? `(${seconds} || '.' || ${fraction})` : seconds
  const zone = type.name === 'datetimeoffset' ? ` || ' ' || offset_text((${sql}).o)` : ''
  const separator = style === 126 || style === 127 ? 'T' : ' '
  const old = type.name === 'datetime' || type.name === 'smalldatetime'
  const full =
    style === 121 ||
    style === 126 ||
    style === 127 ||
    style === 120 ||
    style === 20 ||
    style === 21 ||
    style === 25 ||
    (!old && (style === undefined || style === 0))
  if (style === 23) return day
  if (style === 112) return `replace(${day}, '-', '')`
  if (style === 108 || style === 8 || style === 114) return style === 114 ? `replace(${clock}, '.', ':')` : seconds
  if (full && type.name === 'date') return day
  if (full && type.name === 'time') return clock
  if (style === 120 || style === 20) return `(${day} || ' ' || ${seconds}${zone})`
  if (full) {
    const tight = separator === 'T' ? zone.replace("' ' || ", '') : zone
    return `(${day} || '${separator}' || ${clock}${tight})`
  }
  if (style === undefined || style === 0) return `old_date_text(${ticks})`
  throw notImplemented(`CONVERT of ${type.name} to a string with style ${style}`)
}

/** Rejects, while binding, what cannot become the type: constants that no row could save. */
export function checkConstant(value: Bound, to: SqlType): void {
  if (!value.hasConstant || value.constant === null || value.constant === undefined) return
  if (familyOf(value.type) === 'string' && familyOf(to) === 'number' && isInteger(to)) {
    if (!/^\s*[+-]?\d*\s*$/.test(textOf(value.constant))) throw conversionError(textOf(value.constant), to)
  }
  if (isExact(value.type) && isInteger(to) && typeof value.constant === 'number') {
    const bound = {
      tinyint: [0, 255],
      smallint: [-32768, 32767],
      int: [-2147483648, 2147483647],
      bigint: [-(2 ** 63), 2 ** 63],
    }[to.name as 'int']
    if (bound !== undefined && ((bound[0] ?? 0) > value.constant || (bound[1] ?? 0) < value.constant)) {
      throw sqlError(220, `Arithmetic overflow error for data type ${to.name}, value = ${value.constant}.`)
    }
  }
}
