import type { SqlType } from './sql-type.ts'

/** One column of a bulk load: what it is in the target, and the batch columns that its values come from. */
export interface BulkColumn {
  readonly name: string
  /** The type in which values travel. It may differ from the column's own where the server converts exactly. */
  readonly type: SqlType
  readonly nullable: boolean
  /** Names of batch columns: the value, and the companions that {@link readColumns} gives for its type. */
  readonly from: {
    readonly value: string
    readonly ns100?: string
    readonly offset?: string
    readonly variant?: string
  }
}

/**
 * Options of INSERT BULK.
 *
 * @see https://learn.microsoft.com/sql/t-sql/statements/bulk-insert-transact-sql
 */
export interface BulkOptions {
  /** One table lock for the load instead of row locks. */
  readonly lockTable?: boolean
  readonly checkConstraints?: boolean
  readonly fireTriggers?: boolean
  /** NULL stays NULL where a column has a default. True when absent. */
  readonly keepNulls?: boolean
  /** The order that the rows are in already, so that a clustered target need not sort. */
  readonly order?: readonly { readonly column: string; readonly direction: 'ASC' | 'DESC' }[]
}

/** Where a bulk load goes. */
export interface BulkTarget {
  /** Quoted: `[dbo].[orders]`, or `#stage` on the connection that made it. */
  readonly table: string
  readonly columns: readonly BulkColumn[]
  readonly options?: BulkOptions
}
