import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { IcebergError, type Environment } from '@icebridge/iceberg-core'
import { createTables, upgradeToV1 } from './catalog-schema.ts'
import {
  change,
  DuplicateKey,
  query,
  type CatalogStore,
  type Row,
  type Statement,
  type StatementResult,
  type TransactionOutcome,
  type Work,
} from './catalog-store.ts'
import { isBusy, isDuplicate, sqliteError } from './sqlite-errors.ts'

/** Milliseconds that SQLite itself waits for a lock, and with it the event loop. Longer waits are asynchronous. */
const SYNCHRONOUS_WAIT_MS = 50

export interface SqliteStoreOptions {
  readonly environment: Environment
  /** How long a call waits for other processes, in milliseconds. */
  readonly lockTimeoutMs: number
  /** Gives tables of schema V0 the column of V1. */
  readonly upgradeToV1: boolean
}

/**
 * One connection to a catalog's SQLite file.
 *
 * Each call is one statement or one transaction that begins and ends without giving up the thread, so calls never mix. The
 * journal mode is left as it is: other engines share the file, and WAL does not work on network file systems.
 */
export class SqliteStore implements CatalogStore {
  /** The file's path. */
  readonly place: string
  readonly hasTypes: boolean
  readonly #database: DatabaseSync
  readonly #options: SqliteStoreOptions

  private constructor(path: string, database: DatabaseSync, hasTypes: boolean, options: SqliteStoreOptions) {
    this.place = path
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
        await probe.transaction(() => statements(createTables))
      }
      let hasTypes = await probe.#findTypes()
      if (!hasTypes && options.upgradeToV1) {
        await probe.transaction(function* () {
          // Another process may have been quicker, and SQLite knows no ADD COLUMN IF NOT EXISTS.
          const columns = yield* query(columnsOfTables)
          if (!columns.some(isTypeColumn)) yield* statements([upgradeToV1])
        })
        hasTypes = true
      }
      return new SqliteStore(file, database, hasTypes, options)
    } catch (error) {
      database?.close()
      throw sqliteError(error, file)
    }
  }

  all(sql: string, parameters: readonly string[] = [], signal?: AbortSignal): Promise<readonly Row[]> {
    return this.#patiently(signal, () => this.#database.prepare(sql).all(...parameters))
  }

  /** Runs `work` under SQLite's write lock. */
  async transaction<T>(work: () => Work<T>, signal?: AbortSignal): Promise<TransactionOutcome<T>> {
    return await this.#patiently(signal, () => {
      // IMMEDIATE: a read lock that is raised later can deadlock, and SQLite then fails without waiting.
      this.#database.exec('BEGIN IMMEDIATE')
      let value
      try {
        value = this.#run(work())
      } catch (error) {
        this.#rollBack()
        throw error
      }
      return this.#commit(value)
    })
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close()
  }

  async #findTypes(): Promise<boolean> {
    return (await this.all(columnsOfTables)).some(isTypeColumn)
  }

  #run<T>(work: Work<T>): T {
    let step = work.next()
    while (step.done !== true) {
      let result
      try {
        result = this.#execute(step.value)
      } catch (error) {
        step = work.throw(isDuplicate(error) ? new DuplicateKey('the key is there already', { cause: error }) : error)
        continue
      }
      step = work.next(result)
    }
    return step.value
  }

  #execute({ sql, parameters, kind }: Statement): StatementResult {
    const prepared = this.#database.prepare(sql)
    return kind === 'query'
      ? { rows: prepared.all(...parameters), changes: 0 }
      : { rows: [], changes: Number(prepared.run(...parameters).changes) }
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
        if (!this.#database.isOpen) throw closed(this.place)
        if (!isBusy(error) || environment.nowMs() >= deadline) throw sqliteError(error, this.place)
      }
      await environment.sleep(waitMs, signal)
    }
  }
}

const columnsOfTables = "SELECT name FROM pragma_table_info('iceberg_tables')"

function isTypeColumn(row: Row): boolean {
  return row['name'] === 'iceberg_type'
}

function* statements(texts: readonly string[]): Work<void> {
  for (const sql of texts) yield* change(sql)
}

function closed(path: string): IcebergError {
  return new IcebergError('invalid-argument', `The catalog ${path} is closed`, { context: { path } })
}
