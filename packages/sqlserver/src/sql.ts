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
  /**
   * The batch column whose values, as they come, hold this one's too, so that it has no expression in the {@link selectList}. What a string
   * column takes of a binary one is `0x` and its digits, upper-case.
   */
  readonly within?: string
}

/** The select list that columns are read with, for a quoted table alias. */
export function selectList(columns: readonly ReadColumn[], quotedAlias: string): string {
  return columns
    .flatMap((column, index) =>
      // Ordinal names: a companion's own name can pass the 128 characters of an identifier.
      column.within === undefined ? [`${column.expression(quotedAlias)} AS [c${index}]`] : [],
    )
    .join(', ')
}

/** For each column of a result the places of the batch columns that it fills: of its value, then of what else is {@link ReadColumn.within} that. */
export function filledColumns(columns: readonly ReadColumn[]): readonly (readonly number[])[] {
  const results: number[][] = []
  const byName = new Map<string, number[]>()
  for (const [place, { name, within }] of columns.entries()) {
    if (within !== undefined) continue
    const filled = [place]
    results.push(filled)
    byName.set(name, filled)
  }
  for (const [place, { name, within }] of columns.entries()) {
    if (within === undefined) continue
    const filled = byName.get(within)
    if (filled === undefined) throw new TypeError(`${name} is within ${within}, which is not read`)
    filled.push(place)
  }
  return results
}

/** A query to stream, and the batch columns that its result columns fill, in the order of the select list. */
export interface ReadQuery extends Sql {
  readonly columns: readonly ReadColumn[]
  /** The table, for messages. */
  readonly table?: string
  /** Names of the batch columns that tell a row, for messages about a value that cannot be read. */
  readonly key?: readonly string[]
}
