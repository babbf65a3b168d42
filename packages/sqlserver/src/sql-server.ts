import type { RecordBatch } from 'apache-arrow'
import type { BulkLoadOptions } from './bulk-loader.ts'
import type { BulkTarget } from './bulk-target.ts'
import { defaults, type SqlServerConfig } from './config.ts'
import { ConnectionSource } from './connection-source.ts'
import { describeTable } from './discovery/describe-table.ts'
import { discoverTables } from './discovery/discover-tables.ts'
import { isSqlServerError } from './errors.ts'
import type { Row } from './exact-values/row-values.ts'
import { fallBack } from './exact-values/mode.ts'
import { selfTest } from './exact-values/self-test.ts'
import { silentLogger, type Logger } from './logger.ts'
import type { TableName } from './quoting.ts'
import type { BatchResult } from './result-reader.ts'
import { identityQuery, readIdentity, type ServerIdentity } from './server-identity.ts'
import { SqlConnection } from './sql-connection.ts'
import type { ReadQuery, Sql } from './sql.ts'
import { Statements, type StatementOptions } from './statements.ts'
import type { StreamOptions } from './stream-options.ts'
import type { TableDefinition } from './table-definition.ts'

/** Options of {@link SqlServer.connect}. */
export interface ConnectOptions {
  readonly logger?: Logger
  readonly signal?: AbortSignal
}

/**
 * One database of a SQL Server, over a pool of connections. Statements may run at the same time. Nothing that a statement leaves in
 * its session reaches another one: what needs a session takes a {@link SqlConnection}.
 */
export class SqlServer implements AsyncDisposable {
  readonly database: string
  readonly identity: ServerIdentity
  /** Statements that may run at the same time; others wait for a connection of the pool. */
  readonly maxConnections: number
  readonly #source: ConnectionSource
  readonly #statements: Statements

  private constructor(
    config: SqlServerConfig,
    identity: ServerIdentity,
    source: ConnectionSource,
    statements: Statements,
  ) {
    this.database = config.database
    this.identity = identity
    this.maxConnections = config.maxConnections ?? defaults.maxConnections
    this.#source = source
    this.#statements = statements
  }

  /**
   * Opens the pool, asks the server who it is, and proves on known values that reading is exact. Where the driver's raw values are
   * not, and nobody chose them, the process goes over to conversion by the server: {@link exactReading} says why.
   *
   * @throws {SqlServerError} `unreachable` (retryable), `login-failed`, `no-such-database`, `tls`, `invalid-config`, each with the
   * remedy; `driver-inexact` when known values come back changed.
   */
  static async connect(config: SqlServerConfig, options: ConnectOptions = {}): Promise<SqlServer> {
    try {
      return await SqlServer.#open(config, options)
    } catch (error) {
      if (!isSqlServerError(error, 'driver-inexact') || !fallBack(error.message)) throw error
      const { logger = silentLogger } = options
      logger.warn({ reason: error.message }, 'the server converts values, because those of the driver are not exact')
      return await SqlServer.#open(config, options)
    }
  }

  static async #open(config: SqlServerConfig, options: ConnectOptions): Promise<SqlServer> {
    const { logger = silentLogger, signal } = options
    signal?.throwIfAborted()
    const source = new ConnectionSource(config, (error) => {
      logger.debug(
        { server: config.server, database: config.database, error: error.message },
        'a pooled connection failed',
      )
    })
    try {
      await source.open()
      signal?.throwIfAborted()
      const statements = new Statements(config)
      const identity = await source.lend(async (session) => {
        const [row] = await statements.query(session, { text: identityQuery }, signal === undefined ? {} : { signal })
        await selfTest(session, signal)
        return readIdentity(row)
      })
      logger.debug({ server: config.server, ...identity }, 'connected')
      return new SqlServer(config, identity, source, statements)
    } catch (error) {
      await source.close()
      throw error
    }
  }

  /**
   * Runs one statement and gives its rows, values exact by type as {@link SqlValue} says. For small results.
   *
   * @throws {SqlServerError} `statement`, `constraint`, `permission`, `deadlock`, `timeout`, `connection-lost` with the server's
   * number in the context; `driver-inexact` for a column that must be converted in the statement to come back whole;
   * `invalid-value` for a parameter. On abort the signal's reason, once the server has stopped.
   */
  async query<R extends Row = Row>(sql: Sql, options: StatementOptions = {}): Promise<readonly R[]> {
    const rows = await this.#source.lend(async (session) => await this.#statements.query(session, sql, options))
    return rows as readonly R[] // the caller knows the select list
  }

  /**
   * Runs a batch of statements without parameters, in autocommit unless it begins a transaction itself. Afterwards the session is
   * reset; a transaction that the batch left open is rolled back.
   *
   * @throws {SqlServerError} as {@link query}.
   */
  async batch(text: string, options: StatementOptions = {}): Promise<BatchResult> {
    return await this.#source.lend(async (session) => await this.#statements.batch(session, text, options), true)
  }

  /**
   * Streams a query into batches bounded by rows and bytes, on one connection of the pool. Pulled: while the consumer is busy the
   * server waits. Single use. An early end cancels the query; an abort throws the signal's reason.
   *
   * @throws {SqlServerError} as {@link query}; `timeout` when no row came for the configuration's idleTimeoutMs; `lone-surrogate`
   * for text that is not Unicode; `unexpected-result` when the columns are not those of the query.
   */
  async *stream(query: ReadQuery, options: StreamOptions = {}): AsyncGenerator<RecordBatch, void, undefined> {
    options.signal?.throwIfAborted()
    const session = await this.#source.acquire()
    try {
      yield* this.#statements.stream(session, query, options)
    } finally {
      await this.#source.giveBack(session, false)
    }
  }

  /** Opens a connection of its own. The caller closes it. @throws {SqlServerError} as {@link connect}. */
  async connection(options: { readonly signal?: AbortSignal } = {}): Promise<SqlConnection> {
    return new SqlConnection(await this.#source.dedicated(options.signal), this.#statements)
  }

  /**
   * Loads batches into a table with one INSERT BULK: all rows or none. Identity values are those of the batches. Pulled: batches are
   * taken as the server takes rows.
   *
   * @throws {SqlServerError} `invalid-value` naming column and row for a value that the column cannot hold exactly;
   * `unsupported-type`; the server's errors as {@link query}; an error of the source as it is.
   */
  async bulkLoad(
    target: BulkTarget,
    batches: AsyncIterable<RecordBatch>,
    options: BulkLoadOptions = {},
  ): Promise<{ readonly rows: bigint }> {
    return await this.#source.lend(
      async (session) => await this.#statements.bulkLoad(session, target, batches, options),
    )
  }

  /** The user tables of the database or of one schema, by schema and name. */
  async discoverTables(
    options: { readonly schema?: string; readonly signal?: AbortSignal } = {},
  ): Promise<readonly TableName[]> {
    return await discoverTables((sql) => this.query(sql, only(options.signal)), options.schema)
  }

  /**
   * Everything about one table: columns, keys, and what may get in the way of reading or writing it.
   *
   * @throws {SqlServerError} `no-such-table`, with near names in the hint; `unsupported-type` naming every column whose type is
   * outside the contract.
   */
  async describeTable(name: TableName, options: { readonly signal?: AbortSignal } = {}): Promise<TableDefinition> {
    return await describeTable((sql) => this.query(sql, only(options.signal)), name)
  }

  /** Closes the pool, waiting for what is running. Dedicated connections stay open. Idempotent. */
  async close(): Promise<void> {
    await this.#source.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function only(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
