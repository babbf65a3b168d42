import { type IsolationLevel, SandboxSqlError, type SqlError } from '../session.ts'
import type { Statement, StatementOf } from '../tsql/ast.ts'
import { parseBatch } from '../tsql/statements.ts'
import type { Bound } from './bound.ts'
import { fold } from './catalog.ts'
import { translateError } from './duck.ts'
import { notImplemented, sqlError } from './errors.ts'
import { condition, evaluate, sendRows } from './evaluate.ts'
import { alterDatabase, createDatabase, createSchema, createType, dropObjects } from './execute-database.ts'
import { alterTable, createIndex, createTable, dropIndex, truncateTable } from './execute-ddl.ts'
import { insert, merge, update } from './execute-dml.ts'
import { select } from './execute-select.ts'
import { tableOf, typeOf } from './names.ts'
import { executeProcedure, raiseError, throwError } from './procedures.ts'
import { setOption } from './set-options.ts'
import type { Frame, SessionState } from './state.ts'
import { textOf } from './values.ts'

type Flow = 'next' | 'break' | 'continue' | 'return'

/** Ends a batch after its error was told. */
export class BatchAborted extends Error {}

/** Errors that end the batch and its transaction even when XACT_ABORT is off. */
const batchAborting = new Set([1205, 241, 242, 244, 245, 248, 295, 8169, 3960])

/** Runs the statements of a batch against one session. */
export class Runner {
  readonly #state: SessionState
  readonly #signal: AbortSignal
  #inTry = 0

  constructor(state: SessionState, signal: AbortSignal) {
    this.#state = state
    this.#signal = signal
  }

  async batch(statements: readonly Statement[], frame: Frame): Promise<void> {
    const outer = this.#state.frame
    this.#state.frame = frame
    try {
      for (const statement of statements) if ((await this.#statement(statement)) === 'return') return
    } finally {
      this.#state.frame = outer
    }
  }

  async #statement(s: Statement): Promise<Flow> {
    this.#signal.throwIfAborted()
    const state = this.#state
    switch (s.kind) {
      case 'block':
        return await this.#all(s.statements)
      case 'if': {
        let yes = false
        const failed = await this.#atomic(s, async () => void (yes = await condition(state, s.condition)))
        if (failed) return 'next'
        if (yes) return await this.#statement(s.body)
        return s.otherwise === undefined ? 'next' : await this.#statement(s.otherwise)
      }
      case 'while':
        for (;;) {
          this.#signal.throwIfAborted()
          let yes = false
          if (await this.#atomic(s, async () => void (yes = await condition(state, s.condition)))) return 'next'
          if (!yes) return 'next'
          const flow = await this.#statement(s.body)
          if (flow === 'break') return 'next'
          if (flow === 'return') return 'return'
        }
      case 'break':
      case 'continue':
        return s.kind
      case 'return':
        return 'return'
      case 'try':
        return await this.#try(s)
      case 'empty':
        return 'next'
      default: {
        await this.#atomic(s, () => this.#simple(s))
        if (s.kind !== 'print' && s.kind !== 'declare') state.lastError = state.lastError > 0 ? state.lastError : 0
        return 'next'
      }
    }
  }

  async #all(statements: readonly Statement[]): Promise<Flow> {
    for (const s of statements) {
      const flow = await this.#statement(s)
      if (flow !== 'next') return flow
    }
    return 'next'
  }

  async #try(s: StatementOf<'try'>): Promise<Flow> {
    const state = this.#state
    this.#inTry++
    try {
      const flow = await this.#all(s.body)
      this.#inTry--
      return flow
    } catch (error) {
      this.#inTry--
      this.#signal.throwIfAborted()
      if (!(error instanceof SandboxSqlError)) throw error
      const outer = state.caught
      state.caught = error.error
      try {
        return await this.#all(s.handler)
      } finally {
        state.caught = outer
      }
    }
  }

  /** One statement, whole or not at all; returns whether it failed. */
  async #atomic(s: Statement, run: () => Promise<void>): Promise<boolean> {
    const state = this.#state
    try {
      await run()
      if (state.tranCount === 0) await state.finish(true)
      if (s.kind !== 'setVariable' && s.kind !== 'if' && s.kind !== 'while') state.lastError = 0
      return false
    } catch (cause) {
      if (this.#signal.aborted || cause instanceof BatchAborted) throw cause
      const error = translateError(cause)
      if (!(error instanceof SandboxSqlError)) throw error
      const told: SqlError = error.error.line > 0 ? error.error : { ...error.error, line: s.line }
      state.lastError = told.number
      await this.#fail(s, told)
      if (this.#inTry > 0) throw new SandboxSqlError(told)
      state.sink?.error(told)
      const ends = state.options.xactAbort ? s.kind !== 'raiserror' : batchAborting.has(told.number)
      if (ends || s.kind === 'throw') throw new BatchAborted()
      return true
    }
  }

  /** What an error does to the transaction. */
  async #fail(s: Statement, error: SqlError): Promise<void> {
    const state = this.#state
    if (state.tranCount === 0) {
      await state.finish(false)
      return
    }
    if (s.kind === 'raiserror') return
    const broken = await state.abandonBroken()
    const dooms = broken || state.options.xactAbort || batchAborting.has(error.number)
    if (!dooms) return
    if (error.number === 1205 || this.#inTry === 0) await state.rollbackTransaction()
    else state.doomed = true
  }

  async #done(kind: 'select' | 'insert' | 'update' | 'delete' | 'merge' | 'other', count?: bigint): Promise<void> {
    const state = this.#state
    if (count !== undefined) state.rowCount = count
    await state.sink?.done(count === undefined || state.options.nocount ? { kind } : { kind, rowCount: Number(count) })
  }

  async #simple(s: Statement): Promise<void> {
    const state = this.#state
    if (state.doomed && ['insert', 'update', 'delete', 'merge', 'createTable', 'drop', 'truncate'].includes(s.kind)) {
      throw sqlError(
        3930,
        'The current transaction cannot be committed and cannot support operations that write to the log file. Roll back the transaction.',
      )
    }
    const send = (sql: string, columns: readonly Bound[]): Promise<void> => sendRows(state, sql, columns)
    switch (s.kind) {
      case 'select': {
        const count = await select(state, s)
        return count === undefined ? undefined : await this.#done('select', count)
      }
      case 'insert':
        return await this.#done('insert', await insert(state, s, send))
      case 'update':
      case 'delete':
        return await this.#done(s.kind, await update(state, s, send))
      case 'merge':
        return await this.#done('merge', await merge(state, s, send))
      case 'createTable':
        await createTable(state, s.name, s.body)
        return await this.#done('other')
      case 'createSchema':
        createSchema(state, s.name)
        return await this.#done('other')
      case 'createDatabase':
        createDatabase(state, s)
        return await this.#done('other')
      case 'createType':
        createType(state, s)
        return await this.#done('other')
      case 'createIndex':
        await createIndex(state, s)
        return await this.#done('other')
      case 'drop':
        await dropObjects(state, s)
        return await this.#done('other')
      case 'dropIndex':
        await dropIndex(state, s)
        return await this.#done('other')
      case 'truncate':
        await truncateTable(state, s.name)
        return await this.#done('other')
      case 'alterTable':
        await alterTable(state, s)
        return await this.#done('other')
      case 'alterDatabase':
        alterDatabase(state, s)
        return await this.#done('other')
      case 'declare':
        for (const v of s.variables) {
          if (state.frame.variables.has(fold(v.name)))
            throw sqlError(
              134,
              `The variable name '${v.name}' has already been declared. Variable names must be unique within a query batch or stored procedure.`,
            )
          const type = typeOf(state, v.type, 'column')
          const value = v.value === undefined ? null : (await evaluate(state, v.value, type)).value
          state.frame.variables.set(fold(v.name), { type, value })
        }
        return
      case 'declareTable':
        await createTable(state, [s.name], s.body, s.name)
        return
      case 'setVariable': {
        const variable = state.frame.variables.get(fold(s.name))
        if (variable === undefined) throw sqlError(137, `Must declare the scalar variable "${s.name}".`)
        variable.value = (await evaluate(state, s.value, variable.type)).value
        return
      }
      case 'setOption':
        setOption(state, s.names, s.value)
        return
      case 'setIdentityInsert': {
        const table = tableOf(state, s.table)
        if (!table.columns.some((c) => c.identity !== undefined))
          throw sqlError(
            8106,
            `Table '${table.name}' does not have the identity property. Cannot perform SET operation.`,
          )
        if (s.on && state.identityInsert !== undefined && state.identityInsert !== table)
          throw sqlError(
            8107,
            `IDENTITY_INSERT is already ON for table '${state.identityInsert.name}'. Cannot perform SET operation for table '${table.name}'.`,
          )
        if (s.on) state.identityInsert = table
        else if (state.identityInsert === table) state.identityInsert = undefined
        return
      }
      case 'setIsolation':
        state.isolation = isolationLevel(s.level)
        return
      case 'use':
        state.database = state.engine.catalog.database(s.database)
        state.sink?.databaseChanged(state.database.name)
        return
      case 'print': {
        const { value } = await evaluate(state, s.value, { name: 'nvarchar', length: 4000 })
        state.sink?.info({ number: 0, state: 1, severity: 0, message: textOf(value ?? ' '), line: s.line })
        return
      }
      case 'throw':
        return await throwError(state, s)
      case 'raiserror':
        return await raiseError(state, s)
      case 'begin':
        state.beginTransaction()
        return await this.#done('other')
      case 'commit':
        await state.commitTransaction()
        return await this.#done('other')
      case 'rollback':
        if (s.name !== undefined) throw notImplemented('ROLLBACK TRANSACTION with a name')
        await state.rollbackTransaction()
        return await this.#done('other')
      case 'save':
        throw notImplemented('SAVE TRANSACTION')
      case 'executeText': {
        const { value } = await evaluate(state, s.text, { name: 'nvarchar', length: -1 })
        await this.batch(parseBatch(textOf(value)), { variables: new Map(), tables: new Map() })
        return
      }
      case 'execute':
        return await executeProcedure(state, s, (statements, frame) => this.batch(statements, frame))
      case 'waitfor': {
        const [h = '0', m = '0', sec = '0'] = s.delay.split(':')
        const ms = (Number(h) * 3600 + Number(m) * 60 + Number(sec)) * 1000
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms)
          this.#signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
        })
        return
      }
      default:
        throw notImplemented(`the statement ${s.kind} here`)
    }
  }
}

function isolationLevel(text: string): IsolationLevel {
  switch (text) {
    case 'read uncommitted':
    case 'read committed':
    case 'repeatable read':
    case 'serializable':
    case 'snapshot':
      return text
    default:
      throw sqlError(102, `Incorrect syntax near '${text}'.`)
  }
}
