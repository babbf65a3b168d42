import type { SqlType } from '../session.ts'
import { toTicks } from './sql-text.ts'
import { duckType } from './types.ts'

/**
 * What two variants have in common when SQL Server finds them equal: the family of the base type, and the value.
 * @see https://learn.microsoft.com/sql/t-sql/data-types/sql-variant-transact-sql#comparing-sql_variant-values
 */
export function variantKey(value: string): string {
  const sql = 'x'
  const text = `(${sql}).v`
  const exact = `regexp_replace(regexp_replace(${text}, '(\\.[0-9]*?)0+$', '\\1'), '\\.$', '')`
  const sensitive = `regexp_matches((${sql}).c, '_(CS|BIN2?)(_|$)')`
  const key = [
    `CASE WHEN ${sql} IS NULL THEN NULL`,
    `WHEN (${sql}).b = 'bit' THEN 'exact ' || CASE ${text} WHEN 'true' THEN '1' ELSE '0' END`,
    `WHEN (${sql}).b IN ('tinyint', 'smallint', 'int', 'bigint', 'money', 'smallmoney', 'decimal', 'numeric') THEN 'exact ' || ${exact}`,
    `WHEN (${sql}).b IN ('real', 'float') THEN 'float ' || CAST(TRY_CAST(${text} AS DOUBLE) + 0.0 AS VARCHAR)`,
    `WHEN (${sql}).b IN ('char', 'varchar', 'nchar', 'nvarchar') THEN 'text ' || (${sql}).c || ' ' || CASE WHEN ${sensitive} THEN rtrim(${text}, ' ') ELSE lower(rtrim(${text}, ' ')) END`,
    `WHEN (${sql}).b IN ('binary', 'varbinary') THEN 'binary ' || regexp_replace(${text}, '(00)+$', '')`,
    `WHEN (${sql}).b = 'uniqueidentifier' THEN 'guid ' || ${text}`,
    `ELSE 'datetime ' || CAST(${momentTicks(sql)} AS VARCHAR) END`,
  ].join(' ')
  return `list_transform([${value}], lambda x: ${key})[1]`
}

/** Ticks of any date type in UTC, as comparing them as datetimeoffset has it. */
function momentTicks(sql: string): string {
  const text = `(${sql}).v`
  const branches = (['date', 'datetime', 'smalldatetime', 'time', 'datetime2'] as const).map((name) => {
    const type: SqlType = name === 'time' || name === 'datetime2' ? { name, scale: 7 } : { name }
    return `WHEN '${name}' THEN ${toTicks(`TRY_CAST(${text} AS ${duckType(type)})`, type)}`
  })
  return `(CASE (${sql}).b ${branches.join(' ')} ELSE TRY_CAST(split_part(${text}, ';', 1) AS BIGINT) END)`
}
