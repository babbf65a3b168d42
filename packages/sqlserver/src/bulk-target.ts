import type { SqlType } from './sql-type.ts'

/** One column of a bulk load: what it is in the target, and the batch columns that its values come from. */
export interface BulkColumn {
  readonly name: string
  /** What messages call it, where the name says nothing to people. By default the name. */
  readonly label?: string
  /** The type in which values travel. It may differ from the column's own where the server converts exactly. */
  readonly type: SqlType
  /**
   * Of text that travels as Unicode into a column of char, varchar or text: the column's collation. A character that its code page
   * lacks is refused. By default the one of a `type` that is such a type itself.
   */
  readonly collation?: string
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
 * Options of INSERT BULK, which are the ones of BULK INSERT that the protocol knows.
 *
 * @see https://learn.microsoft.com/sql/t-sql/statements/bulk-insert-transact-sql
 * @see https://learn.microsoft.com/sql/relational-databases/import-export/prerequisites-for-minimal-logging-in-bulk-import
 */
export interface BulkOptions {
  /** TABLOCK: one lock of the table for the load instead of row locks; without it no load is minimally logged. */
  readonly lockTable?: boolean
  /** CHECK_CONSTRAINTS: without it no CHECK and no foreign key is looked at, and those of the table count as untrusted from then on. */
  readonly checkConstraints?: boolean
  /** FIRE_TRIGGERS: without it no trigger of the table runs. */
  readonly fireTriggers?: boolean
  /** KEEP_NULLS: NULL stays NULL where a column has a default. True when absent. */
  readonly keepNulls?: boolean
  /**
   * ORDER: the order of the clustered key that the rows are in already, so that the server need not sort them. Rows that are not are
   * refused (error 4819), and it judges by the column's collation: say it only of an order that the server itself gave.
   */
  readonly order?: readonly { readonly column: string; readonly direction: 'ASC' | 'DESC' }[]
}

/** Where a bulk load goes. */
export interface BulkTarget {
  /** Quoted: `[dbo].[orders]`, or `#stage` on the connection that made it. */
  readonly table: string
  /** What messages call it. By default {@link table}. */
  readonly label?: string
  readonly columns: readonly BulkColumn[]
  /** Batch columns that tell a row apart: messages name a bad row by them. By its number without. */
  readonly key?: readonly string[]
  readonly options?: BulkOptions
}
