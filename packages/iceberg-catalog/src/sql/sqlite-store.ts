import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { IcebergError, type Environment } from '@icebridge/iceberg-core'
import { isBusy, sqliteError } from './sqlite-errors.ts'

/**
 * The catalog's tables as Java's JdbcCatalog (schema V1) and PyIceberg's SqlCatalog create them.
 * @see https://github.com/apache/iceberg/blob/main/core/src/main/java/org/apache/iceberg/jdbc/JdbcUtil.java
 */
const schema = `
CREATE TABLE IF NOT EXISTS iceberg_tables (
  catalog_name VARCHAR(255) NOT NULL,
  table_namespace VARCHAR(255) NOT NULL,
  table_name VARCHAR(255) NOT NULL,
  metadata_location VARCHAR(1000),
  previous_metadata_location VARCHAR(1000),
  iceberg_type VARCHAR(5),
  PRIMARY KEY (catalog_name, table_namespace, table_name)
);
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
  catalog_name VARCHAR(255) NOT NULL,
  namespace VARCHAR(255) NOT NULL,
  property_key VARCHAR(255) NOT NULL,
  property_value VARCHAR(1000) NOT NULL,
  PRIMARY KEY (catalog_name, namespace, property_key)
);`

/** Milliseconds that SQLite itself waits for a lock, and with it the event loop. Longer waits are asynchronous. */
const SYNCHRONOUS_WAIT_MS = 50

export type Row = Readonly<Record<string, unknown>>

export interface SqliteStoreOptions {
  readonly environment: Environment
  /** How long a call waits for other processes, in milliseconds. */
  readonly lockTimeoutMs: number
}

/** What became of a transaction whose work succeeded. */
export type TransactionOutcome<T> =
  | { readonly status: 'committed'; readonly value: T }
  | { readonly status: 'unknown'; readonly cause: unknown }

/**
 * One connection to a catalog's SQLite file.
 *
 * Each call is one statement or one transaction that begins and ends without giving up the thread, so calls never mix. The
 * journal mode is left as it is: other engines share the file, and WAL does not work on network file systems.
 */
export class SqliteStore {
  readonly path: string
  /** False for a file whose tables are of schema V0, which knows no views. */
  readonly hasTypes: boolean
  readonly #database: DatabaseSync
  readonly #options: SqliteStoreOptions

  private constructor(path: string, database: DatabaseSync, hasTypes: boolean, options: SqliteStoreOptions) {
    this.path = path
    this.hasTypes = hasTypes
    this.#database = database
    this.#options = options
  }

  /** Opens the file; makes it, its folder and the catalog's tables when they are absent. */
  static async open(path: string, options: SqliteStoreOptions): Promise<SqliteStore> {
    const file = resolve(path)
    try {
      await mkdir(dirname(file), { recursive: true })
    } catch (cause) {
      throw new IcebergError('io', `The folder of the catalog ${file} cannot be made`, {
        context: { path: file },
        hint: 'Check the path, and that this account may write there.',
        cause,
      })
    }
    let database
    try {
      database = new DatabaseSync(file)
      database.exec(`PRAGMA busy_timeout = ${SYNCHRONOUS_WAIT_MS}; PRAGMA synchronous = FULL`)
      const probe = new SqliteStore(file, database, true, options)
      const tables = await probe.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'iceberg_%'")
      const names = tables.map((row) => row['name'])
      if (!names.includes('iceberg_tables') || !names.includes('iceberg_namespace_properties')) {
        await probe.transaction((write) => write.exec(schema))
      }
      const columns = await probe.all("SELECT name FROM pragma_table_info('iceberg_tables')")
      const hasTypes = columns.some((row) => row['name'] === 'iceberg_type')
      return new SqliteStore(file, database, hasTypes, options)
    } catch (error) {
      database?.close()
      throw sqliteError(error, file)
    }
  }

  /** Every row of a query, read whole. */
  all(sql: string, parameters: readonly SQLInputValue[] = [], signal?: AbortSignal): Promise<readonly Row[]> {
    return this.#patiently(signal, () => this.#database.prepare(sql).all(...parameters))
  }

  /**
   * Runs `work` under SQLite's write lock, all of it or nothing. When `work` throws, nothing was changed. `work` is synchronous.
   * @throws IcebergError `io` for whatever happened before the COMMIT; its own failure is the outcome `unknown`.
   */
  async transaction<T>(work: (write: SqliteWrite) => T, signal?: AbortSignal): Promise<TransactionOutcome<T>> {
    return await this.#patiently(signal, () => {
      // IMMEDIATE: a read lock that is raised later can deadlock, and SQLite then fails without waiting.
      this.#database.exec('BEGIN IMMEDIATE')
      let value
      try {
        value = work(new SqliteWrite(this.#database))
      } catch (error) {
        this.#rollBack()
        throw error
      }
      return this.#commit(value)
    })
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }

  #rollBack(): void {
    try {
      this.#database.exec('ROLLBACK')
    } catch {
      // SQLite ends the transaction by itself where it cannot go on, on a full disk for one. What failed says why.
    }
  }

  #commit<T>(value: T): TransactionOutcome<T> {
    try {
      this.#database.exec('COMMIT')
      return { status: 'committed', value }
    } catch (cause) {
      // A transaction that can still be rolled back was not committed. Otherwise SQLite has ended it, one way or the other.
      try {
        this.#database.exec('ROLLBACK')
      } catch {
        return { status: 'unknown', cause }
      }
      throw cause
    }
  }

  async #patiently<T>(signal: AbortSignal | undefined, run: () => T): Promise<T> {
    const { environment, lockTimeoutMs } = this.#options
    const deadline = environment.nowMs() + lockTimeoutMs
    for (let waitMs = 2; ; waitMs = Math.min(waitMs * 2, 100)) {
      signal?.throwIfAborted()
      try {
        return run()
      } catch (error) {
        if (!this.#database.isOpen) throw closed(this.path)
        if (!isBusy(error) || environment.nowMs() >= deadline) throw sqliteError(error, this.path)
      }
      await environment.sleep(waitMs, signal)
    }
  }
}

/** The verbs inside a transaction. */
export class SqliteWrite {
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  exec(sql: string): void {
    this.#database.exec(sql)
  }

  /** Rows changed. */
  run(sql: string, parameters: readonly SQLInputValue[]): number {
    return Number(this.#database.prepare(sql).run(...parameters).changes)
  }

  all(sql: string, parameters: readonly SQLInputValue[]): readonly Row[] {
    return this.#database.prepare(sql).all(...parameters)
  }
}

function closed(path: string): IcebergError {
  return new IcebergError('invalid-argument', `The catalog ${path} is closed`, { context: { path } })
}
