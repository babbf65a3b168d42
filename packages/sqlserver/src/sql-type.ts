import { SqlServerError } from './errors.ts'

/** The types of SQL Server that this package reads and writes exactly. `decimal` and `numeric` are one type under two names. */
export type SqlTypeName =
  | 'bit'
  | 'tinyint'
  | 'smallint'
  | 'int'
  | 'bigint'
  | 'decimal'
  | 'numeric'
  | 'money'
  | 'smallmoney'
  | 'real'
  | 'float'
  | 'date'
  | 'time'
  | 'datetime'
  | 'smalldatetime'
  | 'datetime2'
  | 'datetimeoffset'
  | 'char'
  | 'varchar'
  | 'nchar'
  | 'nvarchar'
  | 'text'
  | 'ntext'
  | 'binary'
  | 'varbinary'
  | 'image'
  | 'rowversion'
  | 'uniqueidentifier'
  | 'xml'
  | 'json'
  | 'vector'
  | 'hierarchyid'
  | 'geography'
  | 'geometry'
  | 'sql_variant'

/**
 * A type as it stands in a declaration.
 *
 * @see https://learn.microsoft.com/sql/t-sql/data-types/data-types-transact-sql
 */
export interface SqlType {
  readonly name: SqlTypeName
  /**
   * char, varchar, binary, varbinary: bytes; nchar, nvarchar: UTF-16 code units; vector: dimensions; `max` for the large types.
   * Absent means 1 for the four character and the two binary types, as in a declaration.
   */
  readonly length?: number | 'max'
  /** decimal, numeric: 1 to 38, 18 when absent. */
  readonly precision?: number
  /** decimal, numeric: 0 to the precision, 0 when absent. time, datetime2, datetimeoffset: 0 to 7 digits, 7 when absent. */
  readonly scale?: number
  /** The collation of a character type where it matters; never part of {@link formatSqlType}. */
  readonly collation?: string
}

/** Every type name of the contract. */
export const sqlTypeNames: readonly SqlTypeName[] = [
  'bit',
  'tinyint',
  'smallint',
  'int',
  'bigint',
  'decimal',
  'numeric',
  'money',
  'smallmoney',
  'real',
  'float',
  'date',
  'time',
  'datetime',
  'smalldatetime',
  'datetime2',
  'datetimeoffset',
  'char',
  'varchar',
  'nchar',
  'nvarchar',
  'text',
  'ntext',
  'binary',
  'varbinary',
  'image',
  'rowversion',
  'uniqueidentifier',
  'xml',
  'json',
  'vector',
  'hierarchyid',
  'geography',
  'geometry',
  'sql_variant',
]

const names: ReadonlySet<string> = new Set(sqlTypeNames)

/** Whether `name` is a type of the contract. */
export function isSqlTypeName(name: string): name is SqlTypeName {
  return names.has(name)
}

/**
 * The type as T-SQL writes it in a declaration, without collation: `nvarchar(max)`, `decimal(38,10)`, `datetime2(7)`.
 *
 * @throws {SqlServerError} `invalid-argument` when a length, precision or scale is out of the type's range.
 */
export function formatSqlType(type: SqlType): string {
  switch (type.name) {
    case 'decimal':
    case 'numeric': {
      const precision = decimalPrecision(type)
      return `${type.name}(${precision},${decimalScale(type)})`
    }
    case 'time':
    case 'datetime2':
    case 'datetimeoffset':
      return `${type.name}(${fractionDigits(type)})`
    case 'char':
    case 'binary':
      return `${type.name}(${inRange(type, 'length', typeLength(type), 1, 8000)})`
    case 'nchar':
      return `nchar(${inRange(type, 'length', typeLength(type), 1, 4000)})`
    case 'varchar':
    case 'varbinary':
      return `${type.name}(${type.length === 'max' ? 'max' : inRange(type, 'length', typeLength(type), 1, 8000)})`
    case 'nvarchar':
      return `nvarchar(${type.length === 'max' ? 'max' : inRange(type, 'length', typeLength(type), 1, 4000)})`
    case 'vector':
      return `vector(${inRange(type, 'length', typeLength(type), 1, 3996)})`
    default:
      if (!isSqlTypeName(type.name)) {
        throw new SqlServerError('invalid-argument', `${JSON.stringify(type.name)} is not a SQL Server type`)
      }
      return type.name
  }
}

/** Digits of a decimal type: 18 when the type does not say. */
export function decimalPrecision(type: SqlType): number {
  return inRange(type, 'precision', type.precision ?? 18, 1, 38)
}

/** Digits after the point of a decimal type: 0 when the type does not say. */
export function decimalScale(type: SqlType): number {
  return inRange(type, 'scale', type.scale ?? 0, 0, decimalPrecision(type))
}

/** Digits after the second of time, datetime2 and datetimeoffset: 7 when the type does not say. */
export function fractionDigits(type: SqlType): number {
  return inRange(type, 'scale', type.scale ?? 7, 0, 7)
}

/** The declared length: 1 when the type does not say, infinity for `max`. */
export function typeLength(type: SqlType): number {
  return type.length === 'max' ? Infinity : (type.length ?? 1)
}

function inRange(type: SqlType, what: string, value: number, low: number, high: number): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value
  throw new SqlServerError(
    'invalid-argument',
    `the ${what} of ${type.name} is ${value}, which is not ${low} to ${high}`,
  )
}
