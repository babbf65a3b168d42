import type { ColumnField } from './column-field.ts'
import type { SqlType } from './sql-type.ts'

/**
 * A value of one type, exact.
 *
 * bit: boolean. tinyint, smallint, int, real, float: number. bigint: bigint. decimal, numeric, money, smallmoney: string in plain
 * notation with the type's scale (`-12.3400`). date: `YYYY-MM-DD`. time: `hh:mm:ss[.fffffff]`. datetime, smalldatetime, datetime2:
 * `YYYY-MM-DDThh:mm:ss[.fffffff]`; datetimeoffset: the same local time followed by `+hh:mm`. Character types, xml, json: string.
 * binary, varbinary, image, rowversion and the CLR types: bytes. uniqueidentifier: lower-case string.
 */
export type SqlValue = null | boolean | number | bigint | string | Uint8Array

/** One parameter, typed explicitly: an implicit type would change comparisons and lose digits. */
export interface SqlParameter {
  /** Without the `@` that the text has. */
  readonly name: string
  readonly type: SqlType
  readonly value: SqlValue
}

/** A statement with its parameters. The text refers to a parameter as `@name`. */
export interface Sql {
  readonly text: string
  readonly parameters?: readonly SqlParameter[]
}

/** What a batch column holds of a source column. */
export type ReadRole = 'value' | 'ns100' | 'offset' | 'variant'

/** One expression of a select list, and the batch column that its values fill. */
export interface ReadColumn {
  /** The batch column: the source column's name, or `_sync_ns100_…`, `_sync_offset_…`, `_sync_variant_…` with that name. */
  readonly name: string
  readonly role: ReadRole
  /** The expression for the select list, for a table alias that is already quoted, such as `[t]`. */
  expression(quotedAlias: string): string
  readonly field: ColumnField
}

/** A query to stream, and the batch columns that its result columns fill, in the order of the select list. */
export interface ReadQuery extends Sql {
  readonly columns: readonly ReadColumn[]
  /** The table, for messages. */
  readonly table?: string
  /** Names of the batch columns that tell a row, for messages about a value that cannot be read. */
  readonly key?: readonly string[]
}
