import type { Type } from '@icebridge/iceberg-core'
import type { SqlType } from '@icebridge/sqlserver'

/** Declared choices to do without something of the type contract. */
export interface TypeOptions {
  /** `micros`: no companions for the 100 ns digit of time(7), datetime2(7) and datetimeoffset(7). By default `exact`. */
  readonly timestamps?: 'exact' | 'micros' | undefined
  /** `micros`: time is stored as a long, microseconds since midnight, because Spark reads no table with a `time` column. By default `time`. */
  readonly time?: 'time' | 'micros' | undefined
}

/**
 * The Iceberg type of a SQL Server type's values, or undefined for a type outside the contract.
 *
 * @see https://iceberg.apache.org/spec/#primitive-types
 * @see https://learn.microsoft.com/sql/t-sql/data-types/data-types-transact-sql
 */
export function icebergTypeOf(type: SqlType, options: TypeOptions = {}): Type | undefined {
  switch (type.name) {
    case 'bit':
      return 'boolean'
    case 'tinyint':
    case 'smallint':
    case 'int':
      return 'int'
    case 'bigint':
      return 'long'
    case 'decimal':
    case 'numeric':
      return { kind: 'decimal', precision: type.precision ?? 18, scale: type.scale ?? 0 }
    case 'money':
      return { kind: 'decimal', precision: 19, scale: 4 }
    case 'smallmoney':
      return { kind: 'decimal', precision: 10, scale: 4 }
    case 'real':
      return 'float'
    case 'float':
      return 'double'
    case 'date':
      return 'date'
    case 'time':
      return options.time === 'micros' ? 'long' : 'time'
    case 'datetime':
    case 'smalldatetime':
    case 'datetime2':
      return 'timestamp'
    case 'datetimeoffset':
      return 'timestamptz'
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
      return 'string'
    case 'binary':
    case 'varbinary':
    case 'image':
    case 'rowversion':
    case 'hierarchyid':
    case 'geography':
    case 'geometry':
      return 'binary'
    case 'uniqueidentifier':
      return 'uuid'
    default:
      // A name from a newer server, which the union of names does not hold.
      return undefined
  }
}

/** What the options make a column lose or change; undefined when its values are kept as they are. */
export function lossOf(type: SqlType, options: TypeOptions): string | undefined {
  const losesDigit =
    options.timestamps === 'micros' &&
    (type.name === 'time' || type.name === 'datetime2' || type.name === 'datetimeoffset') &&
    (type.scale ?? 7) === 7
  return losesDigit ? 'the 100 ns digit' : undefined
}
