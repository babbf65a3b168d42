import type { SqlType } from '../session.ts'
import { epochDays, ticks1900, ticksPerDay } from './values.ts'

/** DuckDB SQL that raises a SQL Server error. */
export function fail(number: number, message: string): string {
  return `error(${quoteMessage(`@sql:${number}:${message}`)})`
}

function quoteMessage(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Ticks since 0001-01-01, local for a datetimeoffset. */
export function toTicks(sql: string, type: SqlType): string {
  switch (type.name) {
    case 'date':
      return `(CAST(date_diff('day', DATE '1970-01-01', ${sql}) + ${epochDays} AS BIGINT) * ${ticksPerDay})`
    case 'datetime':
      return `(${ticks1900} + datetime_ticks(${sql}))`
    case 'smalldatetime':
      return `(${ticks1900} + CAST(${sql} AS BIGINT) * 600000000)`
    case 'time':
      return `(${ticks1900} + ${sql})`
    case 'datetimeoffset':
      return `((${sql}).u + CAST((${sql}).o AS BIGINT) * 600000000)`
    default:
      return sql
  }
}

/** Plain notation; DuckDB leaves the zero before the point out of a decimal that is all fraction. */
export function decimalDigits(sql: string, type: Extract<SqlType, { readonly precision: number }>): string {
  const text = `CAST(${sql} AS VARCHAR)`
  return type.precision === type.scale ? `regexp_replace(${text}, '^(-?)\\.', '\\10.')` : text
}
