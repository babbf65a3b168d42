import type { RecordBatch } from 'apache-arrow'
import type { BulkLoadOptions } from './bulk-loader.ts'
import type { BulkTarget } from './bulk-target.ts'
import type { Row } from './exact-values/row-values.ts'
import type { BatchResult } from './result-reader.ts'
import type { Session } from './session.ts'
import type { ReadQuery, Sql } from './sql.ts'
import type { StreamOptions } from './stream-options.ts'
import type { Statements, StatementOptions } from './statements.ts'

/**
 * A connection of its own: #temp tables, transactions and SET options last from one call to the next. One call at a time. It is
 * closed for good and never pooled, so nothing of it leaks to anybody else.
 */
export class SqlConnection implements AsyncDisposable {
  readonly #session: Session
  readonly #statements: Statements

  /** @internal Use `SqlServer.connection`. */
  constructor(session: Session, statements: Statements) {
    this.#session = session
    this.#statements = statements
  }

  /** The connection answers still. False after {@link destroy}, {@link close} or a lost answer. */
  get open(): boolean {
    return this.#session.open
  }

  /** As {@link SqlServer.query}. Without parameters it is a plain batch. */
  async query<R extends Row = Row>(sql: Sql, options: StatementOptions = {}): Promise<readonly R[]> {
    return (await this.#statements.query(this.#session, sql, options)) as readonly R[] // the caller knows the select list
  }

  /** As {@link SqlServer.batch}, and what it leaves in the session stays. */
  async batch(text: string, options: StatementOptions = {}): Promise<BatchResult> {
    return await this.#statements.batch(this.#session, text, options)
  }

  /** As {@link SqlServer.stream}. */
  stream(query: ReadQuery, options: StreamOptions = {}): AsyncIterableIterator<RecordBatch> {
    return this.#statements.stream(this.#session, query, options)
  }

  /** As {@link SqlServer.bulkLoad}; the target may be a #temp table of this connection. */
  async bulkLoad(
    target: BulkTarget,
    batches: AsyncIterable<RecordBatch>,
    options: BulkLoadOptions = {},
  ): Promise<{ readonly rows: bigint }> {
    return await this.#statements.bulkLoad(this.#session, target, batches, options)
  }

  /** Closes the connection; an open transaction is rolled back by the server. Idempotent. */
  async close(): Promise<void> {
    this.#session.destroy()
  }

  /** Closes the socket at once, whatever is running. Idempotent. */
  destroy(): void {
    this.#session.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
