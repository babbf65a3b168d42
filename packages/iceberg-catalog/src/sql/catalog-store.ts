/** One statement; its parameters are marked `?`, and no `?` stands in it otherwise. */
export interface Statement {
  readonly sql: string
  readonly parameters: readonly string[]
  readonly kind: 'query' | 'change'
}

export interface StatementResult {
  readonly rows: readonly Row[]
  /** Rows that a `change` touched. */
  readonly changes: number
}

export type Row = Readonly<Record<string, unknown>>

/**
 * What a transaction does, as a generator of statements, so that the same text runs on a driver that answers at once
 * (`node:sqlite`) and on one that answers later (`pg`). Build it from {@link query} and {@link change}.
 */
export type Work<T> = Generator<Statement, T, StatementResult>

/** What became of a transaction whose work succeeded. */
export type TransactionOutcome<T> =
  | { readonly status: 'committed'; readonly value: T }
  | { readonly status: 'unknown'; readonly cause: unknown }

/** The database that holds a catalog's two tables. */
export interface CatalogStore {
  /** What messages call it; free of secrets. */
  readonly place: string
  /** False for a database whose tables are of schema V0, which knows no views. */
  readonly hasTypes: boolean
  /** Every row of a query, read whole. */
  all(sql: string, parameters?: readonly string[], signal?: AbortSignal): Promise<readonly Row[]>
  /**
   * Runs `work`, all of it or nothing; when it throws, nothing was changed. A key that is there already is thrown into it as
   * {@link DuplicateKey}.
   * @throws IcebergError `io` for whatever happened before the COMMIT; its own failure is the outcome `unknown`.
   */
  transaction<T>(work: () => Work<T>, signal?: AbortSignal): Promise<TransactionOutcome<T>>
  /** Calls that are under way fail. May be called twice. */
  close(): Promise<void>
}

/** A row with that key is there already. */
export class DuplicateKey extends Error {
  override readonly name: string = 'DuplicateKey'
}

/** The rows of a query inside a transaction. */
export function* query(sql: string, parameters: readonly string[] = []): Work<readonly Row[]> {
  const { rows } = yield { sql, parameters, kind: 'query' }
  return rows
}

/** The number of rows that an INSERT, UPDATE or DELETE touched. */
export function* change(sql: string, parameters: readonly string[] = []): Work<number> {
  const { changes } = yield { sql, parameters, kind: 'change' }
  return changes
}
