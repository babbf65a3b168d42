import type { SqlType, SqlValue } from '../session.ts'
import { dateFromText, decodeString, keyToGuid } from './values.ts'

/** A sql_variant as DuckDB keeps it. */
interface StoredVariant {
  readonly b: string
  readonly p: number
  readonly s: number
  readonly n: number
  readonly c: string | null
  readonly v: string
}

/** The seam's value of a stored sql_variant: its base type, and the value of that type. */
export function variantValue(item: unknown): SqlValue {
  // The entries are the struct's of `duckType`.
  const stored = (item as { readonly entries: StoredVariant }).entries
  const type = baseType(stored)
  return { type, value: baseValue(type, stored.v) }
}

function baseType({ b, p, s, n, c }: StoredVariant): SqlType {
  switch (b) {
    case 'decimal':
    case 'numeric':
      return { name: b, precision: p, scale: s }
    case 'time':
    case 'datetime2':
    case 'datetimeoffset':
      return { name: b, scale: s }
    case 'char':
    case 'varchar':
      return { name: b, length: n, ...(c === null ? {} : { collation: c }) }
    case 'nchar':
    case 'nvarchar':
      return { name: b, length: n / 2, ...(c === null ? {} : { collation: c }) }
    case 'binary':
    case 'varbinary':
      return { name: b, length: n }
    default:
      // Only types without a declaration are left.
      return { name: b as 'int' }
  }
}

function baseValue(type: SqlType, text: string): SqlValue {
  switch (type.name) {
    case 'bit':
      return text === 'true'
    case 'tinyint':
    case 'smallint':
    case 'int':
    case 'real':
    case 'float':
    case 'smalldatetime':
      return Number(text)
    case 'date':
      return dateFromText(text, type)
    case 'datetimeoffset': {
      const [utc = '0', offset = '0'] = text.split(';')
      return { utc: BigInt(utc), offsetMinutes: Number(offset) }
    }
    case 'uniqueidentifier':
      return keyToGuid(text)
    case 'binary':
    case 'varbinary':
      return Uint8Array.from(Buffer.from(text, 'hex'))
    case 'char':
    case 'varchar':
    case 'nchar':
    case 'nvarchar':
      return decodeString(text)
    default:
      return BigInt(text.replace('.', ''))
  }
}
