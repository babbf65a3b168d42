import type { SqlType, SqlValue } from '../session.ts'
import { notImplemented, sqlError } from './errors.ts'
import { variantKey } from './variant-key.ts'

/** A bound value: DuckDB SQL and what SQL Server knows about it. */
export interface Bound {
  readonly sql: string
  readonly type: SqlType
  readonly nullable: boolean
  readonly isNull: boolean
  readonly hasConstant: boolean
  readonly constant: SqlValue | undefined
  readonly collation: string | undefined
  /** A COLLATE clause outranks a column's collation. */
  readonly explicitCollation: boolean
  /** For CONVERT(varbinary, x): a cheap stand-in whose equality is that of the bytes, and the type it stands for. */
  readonly byteKey: { readonly sql: string; readonly kind: string } | undefined
  /** The value of a known type that a sql_variant was made of. */
  readonly inner?: Bound
  /** Of REPLICATE without a limit, for as long as `sql` is this: its parts, so that the result is made row by row as it is sent. */
  readonly repeated?: { readonly sql: string; readonly text: string; readonly times: string }
  readonly name: string | undefined
  readonly identity: boolean
  readonly computed: boolean
}

export function bound(sql: string, type: SqlType, more: Partial<Bound> = {}): Bound {
  return {
    sql,
    type,
    nullable: true,
    isNull: false,
    hasConstant: false,
    constant: undefined,
    collation: undefined,
    explicitCollation: false,
    byteKey: undefined,
    name: undefined,
    identity: false,
    computed: false,
    ...more,
  }
}

/** Collations decide equality here by two properties: whether case counts. Trailing spaces never count. */
export function isBinaryCollation(collation: string | undefined): boolean {
  return collation !== undefined && /_(CS|BIN2?)(_|$)/i.test(collation)
}

/** The expression whose equality and order are those of the value under its collation. */
export function keySql(value: Bound): string {
  if (value.byteKey !== undefined) return value.byteKey.sql
  switch (value.type.name) {
    case 'char':
    case 'varchar':
    case 'nchar':
    case 'nvarchar':
      return isBinaryCollation(value.collation) ? `rtrim(${value.sql}, ' ')` : `lower(rtrim(${value.sql}, ' '))`
    case 'datetimeoffset':
      return `(${value.sql}).u`
    case 'sql_variant':
      return value.inner === undefined ? variantKey(value.sql) : keySql(value.inner)
    case 'text':
    case 'ntext':
    case 'image':
    case 'xml':
      throw sqlError(
        value.type.name === 'xml' ? 305 : 306,
        'The text, ntext, image and xml data types cannot be compared or sorted, except when using IS NULL or LIKE operator.',
      )
    default:
      return value.sql
  }
}

/** The expression whose order is SQL Server's: NULL first. */
export function orderSql(value: Bound, descending: boolean): string {
  if (value.type.name === 'sql_variant') throw notImplemented('ORDER BY a sql_variant')
  return `${keySql(value)} ${descending ? 'DESC NULLS LAST' : 'ASC NULLS FIRST'}`
}

export function collationOf(a: Bound, b: Bound): { collation: string | undefined; explicitCollation: boolean } {
  const winner = a.explicitCollation ? a : b.explicitCollation ? b : a.collation !== undefined ? a : b
  return { collation: winner.collation, explicitCollation: winner.explicitCollation }
}
