import type { SqlType } from '../session.ts'
import type { TypeName } from '../tsql/ast.ts'
import { notImplemented, sqlError } from './errors.ts'

export const defaultCollation = 'SQL_Latin1_General_CP1_CI_AS'

export type Family = 'number' | 'string' | 'binary' | 'datetime' | 'guid' | 'variant'

/** The types a table keeps, by SQL Server's precedence: the higher number wins when two types meet. */
const precedence: Readonly<Record<SqlType['name'], number>> = {
  sql_variant: 30,
  xml: 29,
  datetimeoffset: 28,
  datetime2: 27,
  datetime: 26,
  smalldatetime: 25,
  date: 24,
  time: 23,
  float: 22,
  real: 21,
  decimal: 20,
  numeric: 20,
  money: 19,
  smallmoney: 18,
  bigint: 17,
  int: 16,
  smallint: 15,
  tinyint: 14,
  bit: 13,
  ntext: 12,
  text: 11,
  image: 10,
  rowversion: 9,
  uniqueidentifier: 8,
  nvarchar: 7,
  nchar: 6,
  varchar: 5,
  char: 4,
  varbinary: 3,
  binary: 2,
}

export function precedenceOf(type: SqlType): number {
  return precedence[type.name]
}

export function familyOf(type: SqlType): Family {
  switch (type.name) {
    case 'char':
    case 'varchar':
    case 'nchar':
    case 'nvarchar':
    case 'text':
    case 'ntext':
    case 'xml':
      return 'string'
    case 'binary':
    case 'varbinary':
    case 'image':
    case 'rowversion':
      return 'binary'
    case 'date':
    case 'time':
    case 'datetime':
    case 'smalldatetime':
    case 'datetime2':
    case 'datetimeoffset':
      return 'datetime'
    case 'uniqueidentifier':
      return 'guid'
    case 'sql_variant':
      return 'variant'
    default:
      return 'number'
  }
}

export function isInteger(type: SqlType): boolean {
  return type.name === 'bigint' || type.name === 'int' || type.name === 'smallint' || type.name === 'tinyint'
}

export function isExact(type: SqlType): boolean {
  return familyOf(type) === 'number' && type.name !== 'float' && type.name !== 'real'
}

/** How a type is stored in DuckDB. Ticks are 100 ns; a uniqueidentifier is permuted so that its order is SQL Server's. */
export function duckType(type: SqlType): string {
  switch (type.name) {
    case 'bit':
      return 'BOOLEAN'
    case 'tinyint':
      return 'UTINYINT'
    case 'smallint':
      return 'SMALLINT'
    case 'int':
    case 'smalldatetime':
      return 'INTEGER'
    case 'bigint':
    case 'time':
    case 'datetime2':
    case 'datetime':
      return 'BIGINT'
    case 'real':
      return 'FLOAT'
    case 'float':
      return 'DOUBLE'
    case 'decimal':
    case 'numeric':
      return `DECIMAL(${type.precision},${type.scale})`
    case 'money':
      return 'DECIMAL(19,4)'
    case 'smallmoney':
      return 'DECIMAL(10,4)'
    case 'date':
      return 'DATE'
    case 'datetimeoffset':
      return 'STRUCT(u BIGINT, o SMALLINT)'
    case 'uniqueidentifier':
      return 'UUID'
    case 'binary':
    case 'varbinary':
    case 'image':
    case 'rowversion':
      return 'BLOB'
    case 'sql_variant':
      return 'STRUCT(b VARCHAR, p INTEGER, s INTEGER, n INTEGER, c VARCHAR, v VARCHAR)'
    default:
      return 'VARCHAR'
  }
}

/** The exact numeric type that holds every value of a number type. */
export function asDecimal(type: SqlType): { precision: number; scale: number } {
  switch (type.name) {
    case 'decimal':
    case 'numeric':
      return { precision: type.precision, scale: type.scale }
    case 'money':
      return { precision: 19, scale: 4 }
    case 'smallmoney':
      return { precision: 10, scale: 4 }
    case 'bigint':
      return { precision: 19, scale: 0 }
    case 'int':
      return { precision: 10, scale: 0 }
    case 'smallint':
      return { precision: 5, scale: 0 }
    case 'tinyint':
      return { precision: 3, scale: 0 }
    case 'bit':
      return { precision: 1, scale: 0 }
    default:
      return { precision: 38, scale: 6 }
  }
}

export function decimalType(precision: number, scale: number): SqlType {
  return { name: 'decimal', precision: Math.min(38, precision), scale: Math.min(38, scale) }
}

/** Length in characters for strings, bytes for binary; -1 is max. */
export function lengthOf(type: SqlType): number {
  if ('length' in type) return type.length
  return type.name === 'rowversion' ? 8 : -1
}

/** Whether values are kept in a code page. */
export function isNarrow({ name }: SqlType): boolean {
  return name === 'char' || name === 'varchar' || name === 'text'
}

export function formatType(type: SqlType): string {
  if ('precision' in type) return `${type.name}(${type.precision},${type.scale})`
  if ('length' in type) return `${type.name}(${type.length === -1 ? 'max' : type.length})`
  if ('scale' in type) return `${type.name}(${type.scale})`
  return type.name
}

/** The type that UNION, CASE, COALESCE and comparisons bring two types to. */
export function unifyTypes(a: SqlType, b: SqlType): SqlType {
  const [high, low] = precedenceOf(a) >= precedenceOf(b) ? [a, b] : [b, a]
  if ((high.name === 'decimal' || high.name === 'numeric') && isExact(low)) {
    const x = asDecimal(high)
    const y = asDecimal(low)
    const scale = Math.max(x.scale, y.scale)
    return shrink(Math.max(x.precision - x.scale, y.precision - y.scale) + scale, scale)
  }
  const family = familyOf(high)
  if (family !== familyOf(low)) return high
  if ((family === 'string' || family === 'binary') && 'length' in high) {
    const lowLength = lengthOf(low)
    const length = high.length === -1 || lowLength === -1 ? -1 : Math.max(high.length, lowLength)
    if (high.name === 'nvarchar' || high.name === 'varchar' || high.name === 'nchar' || high.name === 'char') {
      const unicode = high.name.startsWith('n') || low.name.startsWith('n')
      const varying = high.name.includes('var') || low.name.includes('var')
      return { ...high, name: `${unicode ? 'n' : ''}${varying ? 'var' : ''}char` as 'nvarchar', length }
    }
    return { ...high, length }
  }
  if ('scale' in high && 'scale' in low && !('precision' in high))
    return { ...high, scale: Math.max(high.scale, low.scale) }
  return high
}

/** Keeps a result precision within 38 digits at the cost of scale, never below the smaller of the scale and 6. */
export function shrink(precision: number, scale: number): SqlType {
  if (precision <= 38) return decimalType(precision, scale)
  const whole = precision - scale
  return decimalType(38, Math.max(38 - whole, Math.min(scale, 6)))
}

/** A type as written to a type; lengths and precisions are checked. Alias types are resolved by the caller. */
export function resolveType(name: TypeName, place: 'column' | 'cast'): SqlType | undefined {
  const [first, second] = name.arguments
  const lower = name.name.toLowerCase()
  const length = (unit: number): number => {
    if (first === undefined) return place === 'cast' ? 30 : 1
    if (first === 'max') return -1
    if (first < 1 || first > unit || !Number.isInteger(first)) {
      throw sqlError(
        131,
        `The size (${first}) given to the type '${lower}' exceeds the maximum allowed for any data type (${unit}).`,
        { severity: 15 },
      )
    }
    return first
  }
  const number = (value: number | 'max' | undefined, fallback: number): number =>
    typeof value === 'number' ? value : fallback
  switch (lower) {
    case 'bit':
    case 'tinyint':
    case 'smallint':
    case 'int':
    case 'bigint':
    case 'real':
    case 'money':
    case 'smallmoney':
    case 'date':
    case 'datetime':
    case 'smalldatetime':
    case 'uniqueidentifier':
    case 'text':
    case 'ntext':
    case 'image':
    case 'xml':
    case 'sql_variant':
      if (first !== undefined && lower !== 'xml')
        throw sqlError(2716, `Column, parameter, or variable #1: Cannot specify a column width on data type ${lower}.`)
      return { name: lower }
    case 'integer':
      return { name: 'int' }
    case 'float':
      return number(first, 53) <= 24 ? { name: 'real' } : { name: 'float' }
    case 'dec':
    case 'decimal':
    case 'numeric': {
      const precision = number(first, 18)
      const scale = number(second, 0)
      if (precision < 1 || precision > 38)
        throw sqlError(
          2750,
          `Column or parameter #1: Specified column precision ${precision} is greater than the maximum precision of 38.`,
        )
      if (scale > precision)
        throw sqlError(183, `The scale (${scale}) for column '' must be within the range 0 to ${precision}.`, {
          severity: 15,
        })
      return { name: lower === 'numeric' ? 'numeric' : 'decimal', precision, scale }
    }
    case 'time':
    case 'datetime2':
    case 'datetimeoffset': {
      const scale = number(first, 7)
      if (scale > 7) throw sqlError(1002, `Line 1: Specified scale ${scale} is invalid.`, { severity: 15 })
      return { name: lower, scale }
    }
    case 'char':
    case 'character':
      return { name: 'char', length: length(8000) }
    case 'varchar':
      return { name: 'varchar', length: length(8000) }
    case 'nchar':
      return { name: 'nchar', length: length(4000) }
    case 'nvarchar':
      return { name: 'nvarchar', length: length(4000) }
    case 'sysname':
      return { name: 'nvarchar', length: 128 }
    case 'binary':
      return { name: 'binary', length: length(8000) }
    case 'varbinary':
      return { name: 'varbinary', length: length(8000) }
    case 'rowversion':
    case 'timestamp':
      return { name: 'rowversion' }
    case 'geography':
    case 'geometry':
    case 'hierarchyid':
    case 'json':
    case 'vector':
    case 'cursor':
      throw notImplemented(`the type ${lower}`)
    default:
      return undefined
  }
}

/** sys.types: system_type_id, user_type_id, max_length, precision, scale. */
export const systemTypes: readonly {
  name: string
  id: number
  userId: number
  length: number
  precision: number
  scale: number
}[] = [
  ['image', 34, 34, 16, 0, 0],
  ['text', 35, 35, 16, 0, 0],
  ['uniqueidentifier', 36, 36, 16, 0, 0],
  ['date', 40, 40, 3, 10, 0],
  ['time', 41, 41, 5, 16, 7],
  ['datetime2', 42, 42, 8, 27, 7],
  ['datetimeoffset', 43, 43, 10, 34, 7],
  ['tinyint', 48, 48, 1, 3, 0],
  ['smallint', 52, 52, 2, 5, 0],
  ['int', 56, 56, 4, 10, 0],
  ['smalldatetime', 58, 58, 4, 16, 0],
  ['real', 59, 59, 4, 24, 0],
  ['money', 60, 60, 8, 19, 4],
  ['datetime', 61, 61, 8, 23, 3],
  ['float', 62, 62, 8, 53, 0],
  ['sql_variant', 98, 98, 8016, 0, 0],
  ['ntext', 99, 99, 16, 0, 0],
  ['bit', 104, 104, 1, 1, 0],
  ['decimal', 106, 106, 17, 38, 38],
  ['numeric', 108, 108, 17, 38, 38],
  ['smallmoney', 122, 122, 4, 10, 4],
  ['bigint', 127, 127, 8, 19, 0],
  ['hierarchyid', 240, 128, 892, 0, 0],
  ['geometry', 240, 129, -1, 0, 0],
  ['geography', 240, 130, -1, 0, 0],
  ['varbinary', 165, 165, 8000, 0, 0],
  ['varchar', 167, 167, 8000, 0, 0],
  ['binary', 173, 173, 8000, 0, 0],
  ['char', 175, 175, 8000, 0, 0],
  ['timestamp', 189, 189, 8, 0, 0],
  ['nvarchar', 231, 231, 8000, 0, 0],
  ['nchar', 239, 239, 8000, 0, 0],
  ['xml', 241, 241, -1, 0, 0],
  ['sysname', 231, 256, 256, 0, 0],
].map(([name, id, userId, length, precision, scale]) => ({
  name: String(name),
  id: Number(id),
  userId: Number(userId),
  length: Number(length),
  precision: Number(precision),
  scale: Number(scale),
}))

export interface CatalogType {
  readonly systemTypeId: number
  readonly maxLength: number
  readonly precision: number
  readonly scale: number
}

/** A column's type as sys.columns shows it. */
export function catalogType(type: SqlType): CatalogType {
  const system = systemTypes.find((t) => t.name === (type.name === 'rowversion' ? 'timestamp' : type.name))
  const base = {
    systemTypeId: system?.id ?? 0,
    maxLength: system?.length ?? 0,
    precision: system?.precision ?? 0,
    scale: system?.scale ?? 0,
  }
  if ('precision' in type) {
    const p = type.precision
    return { ...base, maxLength: p <= 9 ? 5 : p <= 19 ? 9 : p <= 28 ? 13 : 17, precision: p, scale: type.scale }
  }
  if ('length' in type)
    return { ...base, maxLength: type.length === -1 ? -1 : type.name.startsWith('n') ? type.length * 2 : type.length }
  if ('scale' in type) {
    const s = type.scale
    const extra = s <= 2 ? 0 : s <= 4 ? 1 : 2
    if (type.name === 'time') return { ...base, maxLength: 3 + extra, precision: s === 0 ? 8 : 9 + s, scale: s }
    if (type.name === 'datetime2') return { ...base, maxLength: 6 + extra, precision: s === 0 ? 19 : 20 + s, scale: s }
    return { ...base, maxLength: 8 + extra, precision: s === 0 ? 26 : 27 + s, scale: s }
  }
  return base
}
