import type { ColumnField, ColumnType } from './column-field.ts'
import { exactValues } from './exact-values/mode.ts'
import { quoteName } from './quoting.ts'
import { decimalPrecision, decimalScale, fractionDigits, typeLength, type SqlType } from './sql-type.ts'
import type { ReadColumn, ReadRole } from './sql.ts'
import type { ColumnDefinition } from './table-definition.ts'

/**
 * How one source column is read: the select-list expressions, and the batch columns that their results fill.
 *
 * The first is the column itself. Companions follow where the batch type cannot hold everything: `_sync_ns100_<column>` (0 to 9,
 * the 100 ns digit of time(7), datetime2(7) and datetimeoffset(7)), `_sync_offset_<column>` (minutes east of UTC of a
 * datetimeoffset) and `_sync_variant_<column>` (the base type of a sql_variant). Every field is nullable if the column is.
 * Expressions, and which companions stand within the value, are for the mode of {@link useExactValues} that is in force.
 */
export function readColumns(column: ColumnDefinition): readonly ReadColumn[] {
  const { type, name } = column
  const raw = exactValues() === 'driver'
  // A raw value holds its companions.
  const within = raw ? { within: name } : {}
  const reads = [read(column, name, 'value', fieldType(type), (source) => valueExpression(type, source, raw))]
  if (type.name === 'datetimeoffset') {
    reads.push({ ...read(column, `_sync_offset_${name}`, 'offset', { kind: 'int32' }, offsetExpression), ...within })
  }
  if (hasNs100(type)) {
    reads.push({ ...read(column, `_sync_ns100_${name}`, 'ns100', { kind: 'int32' }, ns100Expression), ...within })
  }
  if (type.name === 'sql_variant') {
    reads.push(read(column, `_sync_variant_${name}`, 'variant', { kind: 'string' }, variantType))
  }
  return reads
}

/** @see https://learn.microsoft.com/sql/t-sql/functions/datepart-transact-sql#tzoffset */
function offsetExpression(source: string): string {
  return `DATEPART(tzoffset, ${source})`
}

/** @see https://learn.microsoft.com/sql/t-sql/functions/datepart-transact-sql where nanosecond is a multiple of 100 */
function ns100Expression(source: string): string {
  return `DATEPART(nanosecond, ${source}) / 100 % 10`
}

function read(
  column: ColumnDefinition,
  name: string,
  role: ReadRole,
  type: ColumnType,
  expression: (source: string) => string,
): ReadColumn {
  const source = quoteName(column.name)
  const field: ColumnField = { name, type, nullable: column.nullable }
  return { name, role, field, expression: (quotedAlias) => expression(`${quotedAlias}.${source}`) }
}

/** Whether values of the type have a digit below the microsecond. */
function hasNs100(type: SqlType): boolean {
  return (
    (type.name === 'time' || type.name === 'datetime2' || type.name === 'datetimeoffset') && fractionDigits(type) === 7
  )
}

/** The batch type of a SQL Server type. */
export function fieldType(type: SqlType): ColumnType {
  switch (type.name) {
    case 'bit':
      return { kind: 'boolean' }
    case 'tinyint':
    case 'smallint':
    case 'int':
      return { kind: 'int32' }
    case 'bigint':
      return { kind: 'int64' }
    case 'decimal':
    case 'numeric':
      return { kind: 'decimal', precision: decimalPrecision(type), scale: decimalScale(type) }
    case 'money':
      return { kind: 'decimal', precision: 19, scale: 4 }
    case 'smallmoney':
      return { kind: 'decimal', precision: 10, scale: 4 }
    case 'real':
      return { kind: 'float32' }
    case 'float':
      return { kind: 'float64' }
    case 'date':
      return { kind: 'date' }
    case 'time':
      return { kind: 'time' }
    case 'datetime':
    case 'smalldatetime':
    case 'datetime2':
      return { kind: 'timestamp', utc: false }
    case 'datetimeoffset':
      return { kind: 'timestamp', utc: true }
    case 'char':
    case 'varchar':
    case 'nchar':
    case 'nvarchar':
    case 'text':
    case 'ntext':
    case 'xml':
    case 'json':
    case 'vector':
    case 'sql_variant':
      return { kind: 'string' }
    case 'binary':
    case 'varbinary':
    case 'image':
    case 'rowversion':
    case 'hierarchyid':
    case 'geography':
    case 'geometry':
      return { kind: 'binary' }
    case 'uniqueidentifier':
      return { kind: 'uuid' }
  }
}

/**
 * The expression whose result the driver hands over exactly.
 *
 * @see https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql
 */
function valueExpression(type: SqlType, source: string, raw: boolean): string {
  switch (type.name) {
    case 'decimal':
    case 'numeric':
      // The driver divides into a double; up to 15 digits that can be undone exactly, beyond them it cannot.
      return raw || decimalPrecision(type) <= 15 ? source : `CONVERT(nvarchar(41), ${source})`
    case 'money':
      // Text of money itself would be cut to two decimals.
      return raw ? source : `CONVERT(nvarchar(41), CONVERT(decimal(19,4), ${source}))`
    case 'char':
    case 'varchar':
    case 'text':
      return characterExpression(type, source, raw)
    case 'xml':
    case 'json':
    case 'vector':
      return `CONVERT(nvarchar(max), ${source})`
    case 'hierarchyid':
      return `CONVERT(varbinary(892), ${source})`
    case 'geography':
    case 'geometry':
      return `CONVERT(varbinary(max), ${source})`
    case 'sql_variant':
      return variantText(source)
    default:
      return source
  }
}

/**
 * Character data that is not Unicode: the server translates its code page, because the driver's tables differ from the server's
 * for rare bytes (0x81 of code page 1252). UTF-8 needs no table, but the driver drops a U+FEFF at its beginning.
 */
function characterExpression(type: SqlType, source: string, raw: boolean): string {
  if (raw && type.collation?.toUpperCase().endsWith('_UTF8') === true) return source
  const length = type.name === 'text' ? Infinity : typeLength(type)
  return `CONVERT(nvarchar(${length <= 4000 ? length : 'max'}), ${source})`
}

/**
 * The declaration of a sql_variant's base type, collation after it: `decimal(10,2)`, `varchar(20) COLLATE Latin1_General_CI_AS`.
 *
 * @see https://learn.microsoft.com/sql/t-sql/functions/sql-variant-property-transact-sql
 */
export function variantType(source: string): string {
  const base = property(source, 'BaseType', 'nvarchar(128)')
  const length = property(source, 'MaxLength', 'int')
  const precision = `CONVERT(nvarchar(11), ${property(source, 'Precision', 'int')})`
  const scale = `CONVERT(nvarchar(11), ${property(source, 'Scale', 'int')})`
  return [
    `CASE WHEN ${base} IN (N'decimal', N'numeric') THEN CONCAT(${base}, N'(', ${precision}, N',', ${scale}, N')')`,
    `WHEN ${base} IN (N'time', N'datetime2', N'datetimeoffset') THEN CONCAT(${base}, N'(', ${scale}, N')')`,
    `WHEN ${base} IN (N'binary', N'varbinary') THEN CONCAT(${base}, N'(', ${length}, N')')`,
    `WHEN ${base} IN (N'char', N'varchar') THEN CONCAT(${base}, N'(', ${length}, N') COLLATE ', ${property(source, 'Collation', 'nvarchar(128)')})`,
    `WHEN ${base} IN (N'nchar', N'nvarchar') THEN CONCAT(${base}, N'(', ${length} / 2, N') COLLATE ', ${property(source, 'Collation', 'nvarchar(128)')})`,
    `ELSE ${base} END`,
  ].join(' ')
}

/**
 * A sql_variant's value as text from which the base type gives the same value again: style 3 has 17 digits of a float, 1 has the
 * hexadecimal digits of binary data, 126 is ISO 8601. The text of 8,000 bytes has up to 16,002 characters, and CONVERT would cut it
 * to a shorter type without an error.
 */
export function variantText(source: string): string {
  const base = property(source, 'BaseType', 'nvarchar(128)')
  const as = (type: string, style?: number): string =>
    `CONVERT(nvarchar(max), CONVERT(${type}, ${source})${style === undefined ? '' : `, ${style}`})`
  return [
    `CASE ${base}`,
    `WHEN N'money' THEN CONVERT(nvarchar(max), CONVERT(decimal(19,4), CONVERT(money, ${source})))`,
    `WHEN N'smallmoney' THEN CONVERT(nvarchar(max), CONVERT(decimal(10,4), CONVERT(smallmoney, ${source})))`,
    `WHEN N'float' THEN ${as('float', 3)} WHEN N'real' THEN ${as('real', 3)}`,
    `WHEN N'binary' THEN ${as('varbinary(8000)', 1)} WHEN N'varbinary' THEN ${as('varbinary(8000)', 1)}`,
    `WHEN N'datetime' THEN ${as('datetime', 126)} WHEN N'smalldatetime' THEN ${as('smalldatetime', 126)}`,
    `WHEN N'datetime2' THEN ${as('datetime2(7)', 126)} WHEN N'datetimeoffset' THEN ${as('datetimeoffset(7)', 126)}`,
    `WHEN N'time' THEN ${as('time(7)', 126)} WHEN N'date' THEN ${as('date', 126)}`,
    `ELSE CONVERT(nvarchar(max), ${source}) END`,
  ].join(' ')
}

function property(source: string, name: string, type: string): string {
  return `CONVERT(${type}, SQL_VARIANT_PROPERTY(${source}, '${name}'))`
}
