import type { ReadColumn, ReadQuery, RowRange, Sql, SqlValue, TableDefinition } from '@icebridge/sqlserver'

/**
 * A position in the source, as text. Opaque outside its strategy: compare two of them only with {@link ChangeDetectionStrategy.compare}.
 */
export type Watermark = string

/** What stands in the way of a strategy on a table. Found before anything is read or written. */
export interface PlanProblem {
  readonly code:
    | 'no-rowversion-column'
    | 'no-such-column'
    | 'unsupported-column-type'
    | 'nullable-column'
    | 'masked-column'
    | 'transaction-time-column'
  readonly column?: string
  readonly message: string
  readonly hint: string
}

/** Rows from `low`, inclusive, to `high`, exclusive. An end that is undefined is open. */
export interface WatermarkRange {
  readonly low: Watermark | undefined
  /** Undefined for a load, which takes every row as it is: those that have changed since the bound was taken are read again by the next run. */
  readonly high: Watermark | undefined
  /** Of them only the rows in a range of the table's key. */
  readonly rows?: RowRange | undefined
}

/**
 * Turns (table, watermark) into a bounded query and the next watermark. Builds queries and reads answers; runs nothing.
 *
 * What an implementer owes: when the upper bound is taken first and the changes are read after it, then every version of a row
 * that is final below the bound is in the rows read, and every later version is at or above the bound. A row may be read more
 * than once; none may be missed. The package's SPEC.md has what each strategy assumes for that.
 */
export interface ChangeDetectionStrategy {
  /** Stored beside the watermark: a watermark of another strategy is never continued. */
  readonly name: string
  readonly detectsDeletes: boolean
  /** The operation of every row that it finds: it cannot tell an insert from an update. */
  readonly op: 'upsert'
  /**
   * Whether the changes may be read from row versions (snapshot isolation) that are no older than the upper bound. Where not, a
   * reader must wait for the rows that are being written.
   */
  readonly readsVersions: boolean
  /** All problems at once; empty when the strategy fits. */
  validate(table: TableDefinition): readonly PlanProblem[]
  /** Gives one row. Run it in autocommit, outside any transaction, before the changes are read. */
  upperBoundQuery(table: TableDefinition): Sql
  /**
   * The upper bound from that row.
   * @throws ChangeDetectionError `source-went-back` when the source is behind `low`; `invalid-bound`; `invalid-watermark`.
   */
  upperBound(row: Readonly<Record<string, SqlValue>>, low: Watermark | undefined): Watermark
  /** Reads `columns`, then one more: `_sync_version`, the row's own position as text of a fixed width. In no order. */
  changesQuery(table: TableDefinition, range: WatermarkRange, columns: readonly ReadColumn[]): ReadQuery
  /** True when the changes query could find nothing, so that it need not run. */
  isEmpty(low: Watermark | undefined, high: Watermark): boolean
  compare(a: Watermark, b: Watermark): -1 | 0 | 1
}
