import { PostgresStore } from './sql/postgres-store.ts'
import { SqlCatalog, type SqlCatalogOptions } from './sql/sql-catalog.ts'

export interface PostgresCatalogOptions extends SqlCatalogOptions {
  /**
   * `postgresql://user:password@host:5432/database`, with what `pg` takes behind it, such as `?sslmode=verify-full` or
   * `?options=-csearch_path%3Dlake` for the schema of the tables. It stands in no message.
   */
  readonly url: string
  /** Connections that the catalog keeps. Default 4. */
  readonly maxConnections?: number
  /** How long a call waits for a connection, in milliseconds. Default 10,000. */
  readonly connectTimeoutMs?: number
  /** How long a statement may take, in milliseconds, waiting for locks included. Default 30,000. */
  readonly statementTimeoutMs?: number
}

/**
 * Opens a SQL catalog in PostgreSQL, over the package `pg`. The catalog's tables are made when they are absent.
 *
 * @throws IcebergError `io` when the server cannot be reached, `unauthorized` when it refuses the login.
 */
export async function openPostgresCatalog(options: PostgresCatalogOptions): Promise<SqlCatalog> {
  const { maxConnections = 4, connectTimeoutMs = 10_000, statementTimeoutMs = 30_000, upgradeToV1 = false } = options
  const store = await PostgresStore.open(options.url, {
    maxConnections,
    connectTimeoutMs,
    statementTimeoutMs,
    upgradeToV1,
  })
  return new SqlCatalog(store, options)
}
