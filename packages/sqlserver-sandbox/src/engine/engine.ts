import type { DuckDBInstance } from '@duckdb/node-api'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine, Login, Session } from '../session.ts'
import { BatchParser } from '../tsql/batch-parser.ts'
import { Catalog, type Database, fold, type Table } from './catalog.ts'
import { openDuck } from './duck.ts'
import { CatalogLog, keysOf } from './durable.ts'
import { EngineSession } from './engine-session.ts'
import { sqlError } from './errors.ts'
import { LockManager } from './locks.ts'
import { SessionState } from './state.ts'
import { defaultCollation } from './types.ts'

export interface EngineOptions {
  /** Databases that exist from the start, beside master and tempdb. */
  readonly databases: readonly string[]
  /** The password of every login. */
  readonly password: string
  /**
   * Keeps every database in one DuckDB file in this folder, made when absent; in memory without it. One engine at a time may
   * have it open. Databases that the folder has beside those of `databases` are there too.
   */
  readonly dataDir?: string
}

/** What the sessions of one engine share. */
export class EngineState {
  readonly catalog: Catalog = new Catalog()
  readonly locks: LockManager = new LockManager()
  readonly parser: BatchParser = new BatchParser()
  readonly collation: string = defaultCollation
  readonly sessions: SessionState[] = []
  readonly duck: DuckDBInstance
  /** Counts commits; `changedAt` says at which one a table last changed. */
  commits = 0
  /** Where a durable engine keeps its catalog. */
  log: CatalogLog | undefined
  readonly changedAt: Map<number, number> = new Map<number, number>()
  /** Tables made since the start: by a transaction that is open, or at which commit. */
  readonly madeBy: WeakMap<Table, SessionState | number> = new WeakMap<Table, SessionState | number>()

  constructor(duck: DuckDBInstance) {
    this.duck = duck
  }

  /** The lowest rowversion that an open transaction has taken, else the next one. */
  minActiveRowversion(database: Database): bigint {
    let lowest = database.rowversion + 1n
    for (const session of this.sessions) {
      const own = session.lowestRowversion.get(database)
      if (own !== undefined && own < lowest) lowest = own
    }
    return lowest
  }
}

/** Opens an engine. Its DuckDB reaches no file and no network beyond its own database file. */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const duck = await openDuck(options.dataDir === undefined ? ':memory:' : await fileIn(options.dataDir))
  const state = new EngineState(duck)
  const own = await duck.connect()
  try {
    if (options.dataDir !== undefined) state.log = await CatalogLog.open(own, state.catalog)
    for (const name of ['master', 'tempdb', ...options.databases]) {
      if (state.catalog.databases.has(fold(name))) continue
      const database = state.catalog.createDatabase(name, defaultCollation)
      await state.log?.append(own, keysOf(database))
    }
  } catch (error) {
    own.closeSync()
    duck.closeSync()
    throw error
  }
  own.closeSync()
  let nextId = 51
  return {
    async login(login: Login): Promise<Session> {
      if (login.password !== options.password) throw sqlError(18456, `Login failed for user '${login.userName}'.`)
      const name = login.database ?? 'master'
      const database = state.catalog.databases.get(fold(name === '' ? 'master' : name))
      if (database === undefined)
        throw sqlError(4060, `Cannot open database "${name}" requested by the login. The login failed.`)
      const connection = await duck.connect()
      return new EngineSession(new SessionState(state, connection, nextId++, login, database))
    },
    async close(): Promise<void> {
      for (const session of state.sessions) {
        session.connection.interrupt()
        session.connection.closeSync()
      }
      state.sessions.length = 0
      duck.closeSync()
    },
  }
}

/** One file for all: a DuckDB transaction writes to one file only, and one of SQL Server may write to several databases. */
async function fileIn(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  return join(folder, 'sandbox.duckdb')
}
