import {
  type BulkLoad,
  type IsolationLevel,
  type Parameter,
  type ResultSink,
  SandboxSqlError,
  type Session,
} from '../session.ts'
import { parseBatch } from '../tsql/statements.ts'
import { openBulk } from './bulk.ts'
import { fold } from './catalog.ts'
import { notImplemented, sqlError } from './errors.ts'
import { BatchAborted, Runner } from './run.ts'
import type { Frame, SessionState } from './state.ts'

export class EngineSession implements Session {
  readonly #state: SessionState
  readonly #initialDatabase: SessionState['database']

  constructor(state: SessionState) {
    this.#state = state
    this.#initialDatabase = state.database
    state.engine.sessions.push(state)
  }

  get database(): string {
    return this.#state.database.name
  }

  async execute(batch: string, parameters: readonly Parameter[], sink: ResultSink, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const state = this.#state
    const interrupt = (): void => state.connection.interrupt()
    signal.addEventListener('abort', interrupt, { once: true })
    state.sink = sink
    state.signal = signal
    const frame: Frame = {
      variables: new Map(parameters.map((p) => [fold(p.name), { type: p.type, value: p.value }])),
      tables: new Map(),
    }
    const temporary = new Set(state.temporary.values())
    try {
      await this.#guard(async () => {
        const { quotedIdentifiers } = state.options
        const statements = state.engine.parser.parse(batch, { quotedIdentifiers })
        await new Runner(state, signal).batch(statements, frame)
      })
      for (const p of parameters) {
        const variable = frame.variables.get(fold(p.name))
        if (p.output && variable !== undefined) sink.returnValue(p.name, p.type, variable.value)
      }
      // A #temp table of a parameterised batch ends with it, as one of sp_executesql does.
      if (parameters.length > 0) {
        for (const table of state.temporary.values()) {
          if (temporary.has(table)) continue
          state.temporary.delete(fold(table.name))
          await state.connection.run(`DROP TABLE IF EXISTS ${table.relation}`)
        }
      }
      if (state.doomed && state.tranCount > 0) {
        await state.rollbackTransaction()
        sink.error({
          number: 3998,
          state: 1,
          severity: 16,
          line: 1,
          message: 'Uncommittable transaction is detected at the end of the batch. The transaction is rolled back.',
        })
      }
    } finally {
      signal.removeEventListener('abort', interrupt)
      state.sink = undefined
      state.signal = undefined
    }
    signal.throwIfAborted()
  }

  async #guard(run: () => Promise<void>): Promise<void> {
    const state = this.#state
    try {
      await run()
    } catch (error) {
      if (state.signal?.aborted) {
        if (state.tranCount === 0 || state.options.xactAbort) await this.#abandon()
        else if (await state.abandonBroken()) state.doomed = true
        return
      }
      if (error instanceof BatchAborted) return
      if (!(error instanceof SandboxSqlError)) throw error
      state.sink?.error(error.error.line > 0 ? error.error : { ...error.error, line: 1 })
    }
  }

  async #abandon(): Promise<void> {
    const state = this.#state
    if (state.tranCount > 0) await state.rollbackTransaction()
    else await state.finish(false)
  }

  async bulkLoad(statement: string): Promise<BulkLoad> {
    const [parsed] = parseBatch(statement)
    if (parsed?.kind !== 'insertBulk') throw sqlError(102, 'Incorrect syntax: INSERT BULK was expected.')
    return await openBulk(this.#state, parsed)
  }

  async begin(isolation: IsolationLevel | undefined, sink: ResultSink): Promise<void> {
    const state = this.#state
    if (isolation !== undefined) state.isolation = isolation
    await this.#with(sink, async () => state.beginTransaction())
  }

  async commit(sink: ResultSink): Promise<void> {
    await this.#with(sink, () => this.#state.commitTransaction())
  }

  async rollback(sink: ResultSink, savepoint?: string): Promise<void> {
    await this.#with(sink, async () => {
      if (savepoint !== undefined && savepoint !== '') throw notImplemented('ROLLBACK TRANSACTION to a savepoint')
      await this.#state.rollbackTransaction()
    })
  }

  async save(_savepoint: string, sink: ResultSink): Promise<void> {
    await this.#with(sink, async () => {
      throw notImplemented('SAVE TRANSACTION')
    })
  }

  async #with(sink: ResultSink, run: () => Promise<void>): Promise<void> {
    this.#state.sink = sink
    try {
      await this.#guard(run)
    } finally {
      this.#state.sink = undefined
    }
  }

  async reset(): Promise<void> {
    const state = this.#state
    await state.finish(false)
    state.tranCount = 0
    state.doomed = false
    state.engine.locks.releaseAll(state.sessionOwner)
    for (const table of state.temporary.values()) await state.connection.run(`DROP TABLE IF EXISTS ${table.relation}`)
    state.temporary.clear()
    state.options = { xactAbort: false, nocount: false, lockTimeoutMs: -1, quotedIdentifiers: true }
    state.isolation = 'read committed'
    state.identityInsert = undefined
    state.database = this.#initialDatabase
  }

  async close(): Promise<void> {
    const state = this.#state
    const at = state.engine.sessions.indexOf(state)
    if (at < 0) return
    state.engine.sessions.splice(at, 1)
    await state.finish(false)
    state.engine.locks.releaseAll(state.sessionOwner)
    state.connection.closeSync()
  }
}
