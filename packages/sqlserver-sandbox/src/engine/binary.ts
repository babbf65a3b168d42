import { codePageOf, utf8 } from '../code-pages.ts'
import type { SqlType } from '../session.ts'
import type { Bound } from './bound.ts'
import { notImplemented } from './errors.ts'
import { duckType, familyOf, formatType, isInteger, lengthOf } from './types.ts'
import { epochDays, ticksPerDay } from './values.ts'

/** How a value's bytes meet a target of another length: strings and decimals at their end, numbers at their start. */
interface Image {
  /** Hexadecimal digits in DuckDB SQL. */
  readonly hex: string
  readonly side: 'left' | 'right'
  /** Bytes of every value; undefined when they differ. */
  readonly width: number | undefined
}

/**
 * CONVERT to binary and varbinary: SQL Server's bytes of the value. @see https://learn.microsoft.com/sql/t-sql/data-types/binary-and-varbinary-transact-sql
 * `truncate` is CAST's; an assignment keeps too long strings for the check of the length.
 */
export function toBinary(
  value: Bound,
  to: SqlType,
  options: { style?: number | undefined; truncate?: boolean },
): string {
  const length = lengthOf(to)
  const fixed = to.name === 'binary' || to.name === 'rowversion'
  const image = imageOf(value, options.style)
  const { hex, side, width } = image
  if (length <= 0 || (width === length && side === 'left')) return `unhex(${hex})`
  if (width !== undefined && width !== length && familyOf(value.type) === 'datetime' && (fixed || width > length))
    throw notImplemented(`CONVERT of ${value.type.name} to ${formatType(to)}, which is not its ${width} bytes long`)
  const digits = length * 2
  if (side === 'left') {
    if (!fixed) return width !== undefined && width <= length ? `unhex(${hex})` : `unhex(right(${hex}, ${digits}))`
    return `unhex(right(repeat('0', ${digits}) || ${hex}, ${digits}))`
  }
  const sized = fixed ? `rpad_hex(${hex}, ${digits})` : hex
  const source = familyOf(value.type) === 'string' || familyOf(value.type) === 'binary' ? lengthOf(value.type) : -1
  const keeps = familyOf(value.type) === 'binary' && source !== -1 && source <= length
  return options.truncate === true && !keeps ? `unhex(left(${sized}, ${digits}))` : `unhex(${sized})`
}

function imageOf({ sql, type, collation }: Bound, style: number | undefined): Image {
  switch (type.name) {
    case 'binary':
    case 'varbinary':
    case 'image':
    case 'rowversion':
      return { hex: `hex(${sql})`, side: 'right', width: undefined }
    case 'char':
    case 'varchar':
    case 'text':
    case 'nchar':
    case 'nvarchar':
    case 'ntext':
    case 'xml': {
      if (style === 1) return { hex: `substr(${sql}, 3)`, side: 'right', width: undefined }
      if (style === 2) return { hex: sql, side: 'right', width: undefined }
      const wide = type.name.startsWith('n') || type.name === 'xml'
      return {
        hex: `hex(${wide ? `utf16_bytes(${sql})` : pageBytes(sql, collation)})`,
        side: 'right',
        width: undefined,
      }
    }
    case 'uniqueidentifier':
      return { hex: `guid_hex(${sql})`, side: 'right', width: 16 }
    case 'bit':
    case 'tinyint':
      return integer(sql, 1)
    case 'smallint':
      return integer(sql, 2)
    case 'int':
      return integer(sql, 4)
    case 'bigint':
      return integer(sql, 8)
    case 'money':
      return integer(`(${sql} * 10000)`, 8)
    case 'smallmoney':
      return integer(`(${sql} * 10000)`, 4)
    case 'real':
      return { hex: `hex(CAST(CAST(${sql} AS BIT) AS BLOB))`, side: 'left', width: 4 }
    case 'float':
      return { hex: `hex(CAST(CAST(${sql} AS BIT) AS BLOB))`, side: 'left', width: 8 }
    case 'decimal':
    case 'numeric':
      return {
        hex: `(printf('%02x%02x', ${type.precision}, ${type.scale}) || CASE WHEN ${sql} < 0 THEN '0000' ELSE '0001' END || decimal_words(${sql}))`,
        side: 'right',
        width: undefined,
      }
    case 'date':
      return little(`(date_diff('day', DATE '1970-01-01', ${sql}) + ${epochDays})`, 3)
    case 'datetime':
      return pair(`floor_div(${sql}, 25920000)`, `floor_mod(${sql}, 25920000)`, 4)
    case 'smalldatetime':
      return pair(`(${sql} // 1440)`, `(${sql} % 1440)`, 2)
    case 'time':
      return scaled(type.scale, clock(sql, type.scale), '', 0)
    case 'datetime2':
      return scaled(type.scale, clock(sql, type.scale), little(`(${sql} // ${ticksPerDay})`, 3).hex, 3)
    case 'datetimeoffset': {
      const day = little(`((${sql}).u // ${ticksPerDay})`, 3).hex
      const offset = little(`((CAST((${sql}).o AS BIGINT) + 65536) % 65536)`, 2).hex
      return scaled(type.scale, clock(`(${sql}).u`, type.scale), `${day} || ${offset}`, 5)
    }
    case 'sql_variant':
      throw notImplemented('CONVERT of sql_variant to binary')
    default:
      return type satisfies never
  }
}

/** The bytes of char and varchar text. ASCII has the same ones in every code page. */
export function pageBytes(sql: string, collation: string | undefined): string {
  const page = codePageOf(collation)
  if (page === utf8) return `encode(${sql})`
  return `CASE WHEN strlen(${sql}) = length(${sql}) THEN encode(${sql}) ELSE page_bytes(${sql}, ${page}) END`
}

function integer(sql: string, bytes: number): Image {
  return { hex: `right(printf('%016x', CAST(${sql} AS BIGINT)), ${bytes * 2})`, side: 'left', width: bytes }
}

function little(sql: string, bytes: number): Image {
  const hex = `reverse_hex(right(printf('%016x', CAST(${sql} AS BIGINT)), ${bytes * 2}))`
  return { hex, side: 'left', width: bytes }
}

function pair(days: string, rest: string, bytes: number): Image {
  return { hex: `(${integer(days, bytes).hex} || ${integer(rest, bytes).hex})`, side: 'left', width: bytes * 2 }
}

function clock(ticks: string, scale: number): { readonly hex: string; readonly bytes: number } {
  const bytes = scale <= 2 ? 3 : scale <= 4 ? 4 : 5
  return { hex: little(`((${ticks}) % ${ticksPerDay} // ${10 ** (7 - scale)})`, bytes).hex, bytes }
}

/** The scale, the time of day, then what else the type has. */
function scaled(scale: number, time: { hex: string; bytes: number }, rest: string, bytes: number): Image {
  const tail = rest === '' ? '' : ` || ${rest}`
  return { hex: `('0${scale}' || ${time.hex}${tail})`, side: 'left', width: 1 + time.bytes + bytes }
}

export function fromBinary(value: Bound, to: SqlType, style: number | undefined): string {
  const { sql } = value
  if (isInteger(to) || to.name === 'bit') {
    const bits = to.name === 'bigint' ? 64 : to.name === 'int' ? 32 : to.name === 'smallint' ? 16 : 8
    const raw = `CAST(('0x0' || right(hex(${sql}), ${bits / 4})) AS UBIGINT)`
    if (to.name === 'tinyint') return `CAST(${raw} AS UTINYINT)`
    if (to.name === 'bit') return `(${raw} <> 0)`
    const hugeint = `CAST(${raw} AS HUGEINT)`
    return `CAST(CASE WHEN ${hugeint} >= ${2n ** BigInt(bits - 1)} THEN ${hugeint} - ${2n ** BigInt(bits)} ELSE ${hugeint} END AS ${duckType(to)})`
  }
  if (to.name === 'uniqueidentifier') return `guid_of_hex(hex(${sql}))`
  const suffix = style === undefined ? '' : ` with style ${style}`
  throw notImplemented(`CONVERT of ${value.type.name} to ${formatType(to)}${suffix}`)
}
