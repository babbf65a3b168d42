import { MemoryPool } from '@icebridge/columnar'
import type { Environment } from '@icebridge/iceberg-core'
import type { ReadQuery, Row, Sql, SqlServer } from '@icebridge/sqlserver'
import { exactReading, withRetry } from '@icebridge/sqlserver'
import type { RecordBatch } from 'apache-arrow'
import type { Logger } from '../logger.ts'
import type { ReadReport } from '../results.ts'
import type { Isolation } from './isolation.ts'
import type { Losses } from './losses.ts'
import { RowRate } from './row-rate.ts'

export interface SourceReadsOptions {
  readonly server: SqlServer
  readonly isolation: Isolation
  readonly maxRowsPerSecond: number | undefined
  readonly loneSurrogates: 'refuse' | 'replace'
  readonly maxValueBytes: number
  readonly environment: Environment
  readonly logger: Logger
  readonly runId: string
  readonly signal: AbortSignal | undefined
}

/**
 * What one run reads of one table: every request under the same isolation, slowed down together, measured, and repeated after
 * errors that pass. Each request is a transaction of its own.
 */
export class SourceReads {
  readonly #options: SourceReadsOptions
  readonly #rate: RowRate | undefined
  readonly #memory = new MemoryPool()
  #requests = 0
  #open = 0
  #mostOpen = 0
  #retries = 0
  #longestMs = 0

  constructor(options: SourceReadsOptions) {
    this.#options = options
    const { maxRowsPerSecond, environment } = options
    this.#rate = maxRowsPerSecond === undefined ? undefined : new RowRate(maxRowsPerSecond, environment)
  }

  get report(): ReadReport {
    return {
      isolation: this.#options.isolation,
      requests: this.#requests,
      connections: this.#mostOpen,
      retries: this.#retries,
      longestRequestMs: this.#longestMs,
      exactValues: exactReading(),
      longestTransactionMs: this.#longestMs,
    }
  }

  /** Streams a query once; `losses` learns what could not be kept. An early end cancels it. */
  async *stream(
    query: ReadQuery,
    losses: Losses,
    options: { readonly signal?: AbortSignal | undefined; readonly batchBytes?: number } = {},
  ): AsyncGenerator<RecordBatch, void, undefined> {
    const { server, loneSurrogates, maxValueBytes } = this.#options
    losses.clear()
    const signal = options.signal ?? this.#options.signal
    const done = this.#begin()
    try {
      const batches = server.stream(this.#isolated(query), {
        loneSurrogates,
        memory: this.#memory,
        maxValueBytes,
        onReplaced: (column, values) => losses.add(column, values),
        ...(signal === undefined ? {} : { signal }),
        ...(options.batchBytes === undefined ? {} : { batchBytes: options.batchBytes }),
        ...(this.#rate === undefined ? {} : { batchRows: this.#rate.batchRows }),
      })
      for await (const batch of batches) {
        await this.#rate?.take(batch.numRows, signal)
        yield batch
      }
    } finally {
      done()
    }
  }

  /** Takes back a batch of {@link stream}: nobody may read it, or a slice of it, any more. */
  release(batch: RecordBatch): void {
    this.#memory.giveBackBatch(batch)
  }

  /** Runs a small query, again after an error that passes. */
  async query(sql: Sql): Promise<readonly Row[]> {
    const { server, signal } = this.#options
    return await this.repeat(async () => {
      const done = this.#begin()
      try {
        return await server.query(this.#isolated(sql), signal === undefined ? {} : { signal })
      } finally {
        done()
      }
    })
  }

  /** Does work that can be repeated as a whole, again after an error that passes: each time a little later, for half a minute or so. */
  async repeat<T>(work: (attempt: number) => Promise<T>): Promise<T> {
    const { environment, logger, runId, signal } = this.#options
    return await withRetry(work, {
      attempts: 8,
      baseDelayMs: 250,
      maxDelayMs: 30_000,
      random: () => Number.parseInt(environment.uuid().slice(0, 8), 16) / 2 ** 32,
      sleep: (ms, stop) => environment.sleep(ms, stop),
      ...(signal === undefined ? {} : { signal }),
      onRetry: ({ attempt, delayMs, error }) => {
        this.#retries += 1
        logger.warn({ runId, attempt, delayMs, error }, 'a read failed and is repeated')
      },
    })
  }

  #begin(): () => void {
    const { environment } = this.#options
    const startedMs = environment.nowMs()
    this.#requests += 1
    this.#open += 1
    this.#mostOpen = Math.max(this.#mostOpen, this.#open)
    return () => {
      this.#open -= 1
      this.#longestMs = Math.max(this.#longestMs, environment.nowMs() - startedMs)
    }
  }

  /**
   * A statement with parameters goes through sp_executesql, which puts the level back at its end, so that nothing stays in the
   * pooled session: one without any gets one that it does not use.
   *
   * @see https://learn.microsoft.com/sql/t-sql/statements/set-statements-transact-sql#considerations-when-you-use-the-set-statements
   */
  #isolated<T extends Sql>(sql: T): T {
    if (this.#options.isolation === 'read-committed') return sql
    const { parameters = [] } = sql
    return {
      ...sql,
      text: `SET TRANSACTION ISOLATION LEVEL SNAPSHOT; ${sql.text}`,
      parameters: parameters.length > 0 ? parameters : [{ name: 'unused', type: { name: 'bit' }, value: null }],
    }
  }
}
