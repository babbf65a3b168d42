import type { RecordBatch } from 'apache-arrow'
import { readBatches } from './batch-reader.ts'
import type { StreamOptions } from './stream-options.ts'
import { loadBatches, type BulkLoadOptions } from './bulk-loader.ts'
import { CodePages } from './bulk-types/code-page.ts'
import { wireParameters } from './bulk-types/parameter.ts'
import type { BulkColumn, BulkTarget } from './bulk-target.ts'
import { defaults, type SqlServerConfig } from './config.ts'
import { SqlServerError } from './errors.ts'
import type { Row } from './exact-values/row-values.ts'
import { readResult, type BatchResult } from './result-reader.ts'
import type { Session } from './session.ts'
import type { ReadQuery, Sql } from './sql.ts'

/** Options of a statement. */
export interface StatementOptions {
  readonly signal?: AbortSignal
  /** In place of the configuration's requestTimeoutMs; 0 is no limit. */
  readonly timeoutMs?: number
}

/** The verbs, on a session that somebody else opened and will give back. */
export class Statements {
  readonly #config: SqlServerConfig
  readonly #codePages = new CodePages()

  constructor(config: SqlServerConfig) {
    this.#config = config
  }

  async query(session: Session, sql: Sql, options: StatementOptions): Promise<readonly Row[]> {
    const { resultSets } = await readResult(session, {
      text: sql.text,
      parameters: wireParameters(sql.parameters ?? []),
      signal: options.signal,
      timeoutMs: this.#requestTimeoutMs(options),
      what: 'the query',
    })
    if (resultSets.length > 1) {
      throw new SqlServerError(
        'unexpected-result',
        `the query returned ${resultSets.length} results where 1 was expected`,
      )
    }
    return resultSets[0] ?? []
  }

  async batch(session: Session, text: string, options: StatementOptions): Promise<BatchResult> {
    const { signal } = options
    return await readResult(session, {
      text,
      parameters: [],
      signal,
      timeoutMs: this.#requestTimeoutMs(options),
      what: 'the batch',
    })
  }

  stream(session: Session, query: ReadQuery, options: StreamOptions): AsyncGenerator<RecordBatch, void, undefined> {
    return readBatches(session, query, {
      ...options,
      requestTimeoutMs: this.#config.requestTimeoutMs ?? defaults.requestTimeoutMs,
      idleTimeoutMs: this.#config.idleTimeoutMs ?? defaults.idleTimeoutMs,
    })
  }

  async bulkLoad(
    session: Session,
    target: BulkTarget,
    batches: AsyncIterable<RecordBatch>,
    options: BulkLoadOptions,
  ): Promise<{ readonly rows: bigint }> {
    const { signal } = options
    await this.#codePages.learn(
      async (sql) => await this.query(session, sql, signal === undefined ? {} : { signal }),
      target.columns.flatMap((column) => codePageCollation(column) ?? []),
    )
    return await loadBatches(session, target, batches, {
      timeoutMs: this.#config.bulkTimeoutMs ?? defaults.bulkTimeoutMs,
      ...options,
      checkFor: (column) => {
        const collation = codePageCollation(column)
        return collation === undefined ? undefined : this.#codePages.checkFor(collation)
      },
    })
  }

  #requestTimeoutMs(options: StatementOptions): number {
    return options.timeoutMs ?? this.#config.requestTimeoutMs ?? defaults.requestTimeoutMs
  }
}

/** The collation whose code page decides what a column can hold; undefined for Unicode. */
function codePageCollation({ type, collation }: BulkColumn): string | undefined {
  return (
    collation ?? (type.name === 'char' || type.name === 'varchar' || type.name === 'text' ? type.collation : undefined)
  )
}
