import type { DuckDBConnection } from '@duckdb/node-api'
import type { IsolationLevel, Login, ResultSink, SqlError, SqlType, SqlValue } from '../session.ts'
import type { Database, Table } from './catalog.ts'
import type { CatalogKey } from './catalog-json.ts'
import type { QueryContext } from './bind-query.ts'
import type { EngineState } from './engine.ts'
import { deadlockError, type LockMode } from './locks.ts'
import { rowsOf, translateError } from './duck.ts'
import { createQueryContext } from './names.ts'
import { RowCounts } from './row-counts.ts'
import { sqlError } from './errors.ts'

export interface Variable {
  readonly type: SqlType
  value: SqlValue
}

export interface Frame {
  readonly variables: Map<string, Variable>
  readonly tables: Map<string, Table>
}

let descriptors = 1n

/** One connection's state: the transaction, its locks and undo list, SET options, variables and temporary tables. */
export class SessionState {
  readonly engine: EngineState
  readonly connection: DuckDBConnection
  readonly id: number
  readonly login: Login
  database: Database
  frame: Frame = { variables: new Map(), tables: new Map() }
  readonly temporary: Map<string, Table> = new Map<string, Table>()
  sink: ResultSink | undefined
  signal: AbortSignal | undefined
  options: { xactAbort: boolean; nocount: boolean; lockTimeoutMs: number; quotedIdentifiers: boolean } = {
    xactAbort: false,
    nocount: false,
    lockTimeoutMs: -1,
    quotedIdentifiers: true,
  }
  isolation: IsolationLevel = 'read committed'
  tranCount = 0
  doomed = false
  rowCount = 0n
  lastError = 0
  scopeIdentity: bigint | null = null
  caught: SqlError | undefined
  identityInsert: Table | undefined
  descriptor = 0n
  /** A DuckDB transaction begins with the first statement that needs one, after its locks are granted. */
  duckOpen = false
  #wrote = false
  #readAt = 0
  #undo: (() => void)[] = []
  readonly changed: Set<Table> = new Set<Table>()
  readonly #made: Table[] = []
  /** What a durable engine writes down when the transaction commits. */
  readonly #kept = new Set<CatalogKey>()
  lowestRowversion: Map<Database, bigint> = new Map<Database, bigint>()
  readonly rowCounts: RowCounts = new RowCounts()
  /** Locks of the session rather than of its transaction. */
  readonly sessionOwner: object = {}

  constructor(engine: EngineState, connection: DuckDBConnection, id: number, login: Login, database: Database) {
    this.engine = engine
    this.connection = connection
    this.id = id
    this.login = login
    this.database = database
  }

  queryContext(): QueryContext {
    return createQueryContext(this)
  }

  /** Begins or refreshes the DuckDB transaction: under READ COMMITTED each statement sees what others committed, until the first write. */
  async enter(writes: boolean): Promise<void> {
    const fixed =
      this.isolation === 'snapshot' || this.isolation === 'serializable' || this.isolation === 'repeatable read'
    if (this.duckOpen && !this.#wrote && !(fixed && this.tranCount > 0)) await this.#end('COMMIT')
    if (!this.duckOpen) {
      await this.connection.run('BEGIN TRANSACTION')
      this.duckOpen = true
      this.#wrote = false
      this.#readAt = this.engine.commits
    }
    if (writes) this.#wrote = true
  }

  /** Enters to read, and has DuckDB take its snapshot now: it would wait for the first statement that reads a table. */
  async takeSnapshot(): Promise<void> {
    await this.enter(false)
    await this.run('SELECT txid_current()')
  }

  async #end(command: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    this.duckOpen = false
    await this.connection.run(command)
  }

  /** After a failure that ended DuckDB's own transaction: what was written is gone, and the T-SQL transaction can only be rolled back. */
  async abandonBroken(): Promise<boolean> {
    if (!this.duckOpen) return false
    try {
      await this.connection.run('SELECT 1')
      return false
    } catch {
      await this.#end('ROLLBACK')
      return true
    }
  }

  async run(sql: string): Promise<void> {
    try {
      await this.connection.run(sql)
    } catch (error) {
      throw translateError(error)
    }
  }

  async rows(sql: string): Promise<unknown[][]> {
    try {
      return await rowsOf(this.connection, sql)
    } catch (error) {
      throw translateError(error)
    }
  }

  /** Waits for a lock of the transaction. A table changed since this transaction's snapshot makes it the deadlock victim. */
  async lock(name: string, mode: LockMode): Promise<void> {
    const held = this.engine.locks.holds(this, name)
    if (held === mode || held === 'exclusive') return
    const signal = this.signal
    const outcome = await this.engine.locks.acquire(this, name, mode, {
      timeoutMs: this.options.lockTimeoutMs,
      ...(signal === undefined ? {} : { signal }),
    })
    if (outcome === 'timeout') throw sqlError(1222, 'Lock request time out period exceeded.', { state: 51 })
    if (outcome === 'deadlock') throw deadlockError(this.id)
    if (outcome === 'aborted') signal?.throwIfAborted()
  }

  async lockForWrite(table: Table): Promise<void> {
    if (table.temporary) return
    await this.lock(`table ${table.objectId}`, 'write')
    const stale = (this.engine.changedAt.get(table.objectId) ?? 0) > this.#readAt
    if (this.duckOpen && this.#wrote && stale) throw deadlockError(this.id)
    this.changed.add(table)
  }

  onRollback(undo: () => void): void {
    this.#undo.push(undo)
  }

  /** Notes a table that the transaction makes. */
  makes(table: Table): void {
    this.#made.push(table)
    this.engine.madeBy.set(table, this)
  }

  /** Whether DuckDB has the table in this session's snapshot: not before the transaction that makes it has committed. */
  sees(table: Table): boolean {
    const made = this.engine.madeBy.get(table)
    return made === undefined || made === this || (typeof made === 'number' && made <= this.#readAt)
  }

  beginTransaction(): void {
    this.tranCount++
    if (this.tranCount === 1) {
      this.descriptor = descriptors++
      this.sink?.transactionChanged({ kind: 'begin', descriptor: this.descriptor })
    }
  }

  async commitTransaction(): Promise<void> {
    if (this.tranCount === 0)
      throw sqlError(3902, 'The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.')
    if (this.doomed)
      throw sqlError(
        3930,
        'The current transaction cannot be committed and cannot support operations that write to the log file. Roll back the transaction.',
      )
    if (this.tranCount > 1) {
      this.tranCount--
      return
    }
    await this.finish(true)
    this.tranCount = 0
    this.sink?.transactionChanged({ kind: 'commit', descriptor: this.descriptor })
  }

  async rollbackTransaction(): Promise<void> {
    if (this.tranCount === 0)
      throw sqlError(3903, 'The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.')
    await this.finish(false)
    this.tranCount = 0
    this.doomed = false
    this.sink?.transactionChanged({ kind: 'rollback', descriptor: this.descriptor })
  }

  /** Ends the DuckDB transaction and everything that lives as long: locks, undo list, active rowversions. */
  async finish(commit: boolean): Promise<void> {
    try {
      if (commit) await this.#keep()
      if (this.duckOpen) await this.#end(commit ? 'COMMIT' : 'ROLLBACK')
      if (commit) {
        this.engine.commits++
        for (const table of this.changed) this.engine.changedAt.set(table.objectId, this.engine.commits)
        for (const table of this.#made) this.engine.madeBy.set(table, this.engine.commits)
      }
    } catch (error) {
      commit = false
      if (this.duckOpen) await this.#end('ROLLBACK')
      throw translateError(error)
    } finally {
      if (!commit) for (const undo of this.#undo.toReversed()) undo()
      this.#undo = []
      this.changed.clear()
      this.#made.length = 0
      this.lowestRowversion.clear()
      this.engine.locks.releaseAll(this)
      await this.#keepRowversions(commit)
    }
  }

  /** Notes a change of the catalog, for the end of the transaction. */
  keep(...keys: readonly CatalogKey[]): void {
    if (this.engine.log !== undefined) for (const key of keys) this.#kept.add(key)
  }

  async #keep(): Promise<void> {
    const { log } = this.engine
    if (log === undefined || this.#kept.size === 0) return
    if (!this.duckOpen) {
      await this.connection.run('BEGIN TRANSACTION')
      this.duckOpen = true
    }
    await log.append(this.connection, this.#kept)
  }

  /** Rowversions stay taken when their transaction is rolled back: a reader may have seen the counter above them. */
  async #keepRowversions(committed: boolean): Promise<void> {
    const taken = [...this.#kept].filter((key) => key.startsWith('rowversion '))
    this.#kept.clear()
    if (!committed && taken.length > 0) await this.engine.log?.append(this.connection, taken)
  }

  /** Gives `count` rowversions of a database and returns the one before the first. */
  takeRowversions(database: Database, count: bigint): bigint {
    const base = database.rowversion
    database.rowversion += count
    this.keep(`rowversion ${database.id}`)
    if (!this.lowestRowversion.has(database)) this.lowestRowversion.set(database, base + 1n)
    return base
  }
}
