import type { RecordBatch } from 'apache-arrow'
import { readBatches, type StreamOptions } from './batch-reader.ts'
import { loadBatches, type BulkLoadOptions } from './bulk-loader.ts'
import type { CharacterCheck } from './bulk-types/column-writer.ts'
import { characterCheck } from './bulk-types/code-page.ts'
import { wireParameters } from './bulk-types/parameter.ts'
import type { BulkColumn, BulkTarget } from './bulk-target.ts'
import { errorNumber } from './classify.ts'
import { defaults, type SqlServerConfig } from './config.ts'
import { SqlServerError } from './errors.ts'
import type { Row } from './exact-values/row-values.ts'
import { quoteString } from './quoting.ts'
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
  /** Code pages by collation, asked for once. */
  readonly #codePages = new Map<string, number>()

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
    await this.#learnCodePages(session, target.columns, options)
    return await loadBatches(session, target, batches, {
      timeoutMs: this.#config.bulkTimeoutMs ?? defaults.bulkTimeoutMs,
      ...options,
      checkFor: (column) => this.#checkFor(column),
    })
  }

  #requestTimeoutMs(options: StatementOptions): number {
    return options.timeoutMs ?? this.#config.requestTimeoutMs ?? defaults.requestTimeoutMs
  }

  #checkFor(column: BulkColumn): CharacterCheck | undefined {
    const collation = codePageCollation(column)
    const codePage = collation === undefined ? undefined : this.#codePages.get(collation)
    return codePage === undefined ? undefined : characterCheck(codePage)
  }

  /** @see https://learn.microsoft.com/sql/t-sql/functions/collation-functions-collationproperty-transact-sql */
  async #learnCodePages(session: Session, columns: readonly BulkColumn[], options: BulkLoadOptions): Promise<void> {
    const wanted = [...new Set(columns.map(codePageCollation))].filter(
      (collation): collation is string => collation !== undefined && !this.#codePages.has(collation),
    )
    if (wanted.length === 0) return
    const list = wanted.map(
      (name, index) => `CONVERT(int, COLLATIONPROPERTY(${quoteString(name)}, 'CodePage')) AS [c${index}]`,
    )
    const { signal } = options
    let row: Row | undefined
    try {
      ;[row] = await this.query(session, { text: `SELECT ${list.join(', ')}` }, signal === undefined ? {} : { signal })
    } catch (error) {
      // A server that does not know the function (error 195) has its own way with code pages; its values go unchecked.
      if (errorNumber(error) !== 195) throw error
    }
    for (const [index, name] of wanted.entries()) {
      const codePage = row?.[`c${index}`]
      this.#codePages.set(name, typeof codePage === 'number' ? codePage : 0)
    }
  }
}

/** The collation whose code page decides what a column can hold; undefined for Unicode. */
function codePageCollation({ type }: BulkColumn): string | undefined {
  if (type.name !== 'char' && type.name !== 'varchar' && type.name !== 'text') return undefined
  return type.collation?.toUpperCase().endsWith('_UTF8') === true ? undefined : type.collation
}
