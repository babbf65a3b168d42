import type { SqlConnection, SqlServer } from '@icebridge/sqlserver'

/** What the importer needs of a connection. A `SqlConnection` is one. */
export type TargetConnection = Pick<SqlConnection, 'batch' | 'bulkLoad' | 'close' | 'destroy'>

/** What the importer needs of the target database. A `SqlServer` is one. */
export interface Target extends Pick<SqlServer, 'query' | 'batch'> {
  /** A connection of its own, never pooled again. */
  connection(options?: { readonly signal?: AbortSignal }): Promise<TargetConnection>
}
