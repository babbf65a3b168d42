import type {
  BulkLoad,
  IsolationLevel,
  Parameter,
  ResultColumn,
  ResultSink,
  Session,
  SqlError,
  SqlType,
  SqlValue,
} from '../session.ts'
import { SandboxSqlError } from '../session.ts'
import type { Expression, Statement, StatementOf } from '../tsql/ast.ts'
import { parseBatch } from '../tsql/statements.ts'
import { applicationLock, releaseApplicationLock } from './application-locks.ts'
import { Binder } from './bind.ts'
import type { Bound } from './bound.ts'
import { bindQuery } from './bind-query.ts'
import { openBulk } from './bulk.ts'
import { fold } from './catalog.ts'
import { convert, implicitly } from './convert.ts'
import { translateError } from './duck.ts'
import { notImplemented, sqlError } from './errors.ts'
import { alterTable, createIndex, createTable, dropIndex, truncateTable } from './execute-ddl.ts'
import { alterDatabase, createDatabase, createSchema, createType, dropObjects } from './execute-database.ts'
import { insert, merge, update } from './execute-dml.ts'
import { tableOf, typeOf } from './names.ts'
import { parseNumber } from './numbers.ts'
import { readChunk } from './reader.ts'
import { setOption } from './set-options.ts'
import type { Frame, SessionState } from './state.ts'

type Flow = 'next' | 'break' | 'continue' | 'return'

/** Ends a batch after its error was told. */
class BatchAborted extends Error {}

/** Errors that end the batch and its transaction even when XACT_ABORT is off. */
const batchAborting = new Set([1205, 241, 242, 244, 245, 248, 295, 8169, 3960])

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
        const statements = parseBatch(batch, { quotedIdentifiers: state.options.quotedIdentifiers })
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

/** Runs the statements of a batch against one session. */
class Runner {
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
        const failed = await this.#atomic(s, async () => void (yes = await this.#condition(s.condition)))
        if (failed) return 'next'
        if (yes) return await this.#statement(s.then)
        return s.otherwise === undefined ? 'next' : await this.#statement(s.otherwise)
      }
      case 'while':
        for (;;) {
          this.#signal.throwIfAborted()
          let yes = false
          if (await this.#atomic(s, async () => void (yes = await this.#condition(s.condition)))) return 'next'
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

  async #condition(e: Expression): Promise<boolean> {
    const state = this.#state
    const sql = new Binder(state.queryContext(), { sources: [], parent: undefined }).predicate(e)
    await state.enter(false)
    const [[value] = []] = await state.rows(`SELECT ${sql}`)
    return value === true
  }

  /** Evaluates an expression to a value of a type. */
  async #evaluate(e: Expression, type?: SqlType): Promise<{ value: SqlValue; type: SqlType }> {
    const state = this.#state
    const free = new Binder(state.queryContext(), { sources: [], parent: undefined }).value(e)
    const target = type ?? free.type
    const value = type === undefined ? free : convertTo(free, type)
    if (value.hasConstant) return { value: value.constant ?? null, type: target }
    await state.enter(false)
    let read: SqlValue = null
    try {
      const result = await state.connection.run(`SELECT ${value.sql} AS r1`)
      const chunk = await result.fetchChunk()
      if (chunk !== null && chunk.rowCount > 0) read = readChunk(chunk, [target]).cells[0]?.(0) ?? null
    } catch (error) {
      throw translateError(error)
    }
    return { value: read, type: target }
  }

  readonly #send = async (sql: string, columns: readonly Bound[]): Promise<void> => {
    const state = this.#state
    const types = columns.map((c) => c.type)
    const described: ResultColumn[] = columns.map((c) => ({
      name: c.name ?? '',
      type: 'length' in c.type && c.collation !== undefined ? { ...c.type, collation: c.collation } : c.type,
      nullable: c.nullable,
      ...(c.identity ? { identity: true } : {}),
      ...(c.computed ? { computed: true } : {}),
    }))
    try {
      const result = await state.connection.stream(sql)
      await state.sink?.columns(described)
      let count = 0
      for (;;) {
        this.#signal.throwIfAborted()
        const chunk = await result.fetchChunk()
        if (chunk === null || chunk.rowCount === 0) break
        count += chunk.rowCount
        await state.sink?.rows(readChunk(chunk, types))
      }
      state.rowCount = BigInt(count)
    } catch (error) {
      throw translateError(error)
    }
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
    switch (s.kind) {
      case 'select':
        return await this.#select(s)
      case 'insert':
        return await this.#done('insert', await insert(state, s, this.#send))
      case 'update':
      case 'delete':
        return await this.#done(s.kind, await update(state, s, this.#send))
      case 'merge':
        return await this.#done('merge', await merge(state, s, this.#send))
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
          const value = v.value === undefined ? null : (await this.#evaluate(v.value, type)).value
          state.frame.variables.set(fold(v.name), { type, value })
        }
        return
      case 'declareTable':
        await createTable(state, [s.name], s.body, s.name)
        return
      case 'setVariable': {
        const variable = state.frame.variables.get(fold(s.name))
        if (variable === undefined) throw sqlError(137, `Must declare the scalar variable "${s.name}".`)
        variable.value = (await this.#evaluate(s.value, variable.type)).value
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
        const { value } = await this.#evaluate(s.value, { name: 'nvarchar', length: 4000 })
        state.sink?.info({ number: 0, state: 1, severity: 0, message: String(value ?? ' '), line: s.line })
        return
      }
      case 'throw':
        return await this.#throw(s)
      case 'raiserror':
        return await this.#raiserror(s)
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
        const { value } = await this.#evaluate(s.text, { name: 'nvarchar', length: -1 })
        await this.batch(parseBatch(String(value ?? '')), { variables: new Map(), tables: new Map() })
        return
      }
      case 'execute':
        return await this.#execute(s)
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

  async #select(s: StatementOf<'select'>): Promise<void> {
    const state = this.#state
    const { body } = s.query
    await this.#selectLocks(s)
    await state.enter(false)
    if (body.kind === 'select' && body.into !== undefined) throw notImplemented('SELECT ... INTO')
    const variables = body.kind === 'select' ? body.items.map((i) => i.variable) : []
    const query = bindQuery(s.query, state.queryContext(), undefined)
    if (!variables.some((v) => v !== undefined)) {
      await this.#send(query.sql, query.columns)
      return await this.#done('select', state.rowCount)
    }
    if (variables.includes(undefined))
      throw sqlError(
        141,
        'A SELECT statement that assigns a value to a variable must not be combined with data-retrieval operations.',
      )
    const targets = variables.map((name) => {
      const variable = state.frame.variables.get(fold(name ?? ''))
      if (variable === undefined) throw sqlError(137, `Must declare the scalar variable "${name ?? ''}".`)
      return variable
    })
    const items = query.columns.map(
      (c, i) =>
        convertTo({ ...c, sql: c.isNull ? 'NULL' : `q.r${i + 1}`, hasConstant: false }, targets[i]?.type ?? c.type).sql,
    )
    const names = items.map((_, i) => `r${i + 1}`)
    const result = await state.connection.stream(
      `SELECT ${items.map((x, i) => `${x} AS r${i + 1}`).join(', ')} FROM (${query.sql}) AS q(${names.join(', ')})`,
    )
    let count = 0n
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      const read = readChunk(
        chunk,
        targets.map((t) => t.type),
      )
      for (const [i, target] of targets.entries()) target.value = read.cells[i]?.(read.rowCount - 1) ?? null
      count += BigInt(read.rowCount)
    }
    state.rowCount = count
  }

  /** TABLOCKX and XLOCK keep others out until the transaction ends; a reader waits for a table that is being altered. */
  async #selectLocks(s: StatementOf<'select'>): Promise<void> {
    const state = this.#state
    const { body } = s.query
    if (body.kind !== 'select' || body.from === undefined) return
    const walk = async (item: NonNullable<typeof body.from>): Promise<void> => {
      if (item.kind === 'join') {
        await walk(item.left)
        await walk(item.right)
        return
      }
      if (
        item.kind !== 'table' ||
        item.name.length > 3 ||
        item.hints.includes('NOLOCK') ||
        item.hints.includes('READUNCOMMITTED')
      )
        return
      const schema = item.name.length > 1 ? fold(item.name.at(-2) ?? '') : ''
      if (schema === 'sys' || schema === 'information_schema' || s.query.with.length > 0) return
      const table = tableOf(state, item.name)
      if (table.temporary) return
      if (item.hints.includes('TABLOCKX')) await state.lock(`table ${table.objectId}`, 'exclusive')
      else if (item.hints.includes('UPDLOCK') || item.hints.includes('XLOCK'))
        await state.lock(`table ${table.objectId}`, 'write')
      else if (state.engine.locks.holds(state, `table ${table.objectId}`) === undefined) {
        await state.lock(`table ${table.objectId}`, 'shared')
        if (!item.hints.includes('HOLDLOCK') && !item.hints.includes('SERIALIZABLE'))
          state.engine.locks.release(state, `table ${table.objectId}`)
      }
    }
    await walk(body.from)
  }

  async #throw(s: StatementOf<'throw'>): Promise<void> {
    const [number, message, errorState] = s.arguments
    if (number === undefined || message === undefined || errorState === undefined) {
      const { caught } = this.#state
      if (caught === undefined)
        throw sqlError(10704, 'To rethrow an error, a THROW statement must be used inside a CATCH block.', {
          severity: 15,
        })
      throw new SandboxSqlError(caught)
    }
    const code = Number((await this.#evaluate(number, { name: 'int' })).value)
    if (code < 50000)
      throw sqlError(
        35100,
        `Error number ${code} in the THROW statement is outside the valid range. Specify an error number in the valid range of 50000 to 2147483647.`,
      )
    const text = String((await this.#evaluate(message, { name: 'nvarchar', length: 2048 })).value ?? '')
    throw sqlError(code, text, {
      severity: 16,
      state: Number((await this.#evaluate(errorState, { name: 'int' })).value),
    })
  }

  async #raiserror(s: StatementOf<'raiserror'>): Promise<void> {
    const values: SqlValue[] = []
    for (const a of s.arguments) values.push((await this.#evaluate(a)).value)
    const [text, severity = 16, errorState = 1, ...rest] = values
    if (typeof text !== 'string') throw notImplemented('RAISERROR with a message number')
    let at = 0
    const message = text.replace(/%(?:-?\d*)(?:I64)?([sdiuxX%])/g, (_, kind: string) =>
      kind === '%' ? '%' : String(rest[at++] ?? '(null)'),
    )
    const level = Number(severity)
    const error = { number: 50000, message, severity: level, state: Number(errorState), line: s.line }
    if (level > 10) throw new SandboxSqlError(error)
    this.#state.sink?.info(error)
  }

  async #execute(s: StatementOf<'execute'>): Promise<void> {
    const state = this.#state
    const name = fold(s.procedure.at(-1) ?? '')
    const args: {
      name: string | undefined
      value: SqlValue
      type: SqlType
      output: boolean
      expression: Expression
    }[] = []
    for (const a of s.arguments)
      args.push({
        name: a.name === undefined ? undefined : fold(a.name),
        output: a.output,
        expression: a.value,
        ...(await this.#evaluate(a.value)),
      })
    const named = (key: string, index: number): SqlValue =>
      args.find((a) => a.name === `@${key}`)?.value ??
      (args[index]?.name === undefined ? args[index]?.value : null) ??
      null
    let code = 0
    if (name === 'sp_executesql') await this.#executeSql(args)
    else if (name === 'sp_getapplock') {
      code = await applicationLock(state, {
        resource: String(named('resource', 0)),
        mode: String(named('lockmode', 1)),
        owner: String(named('lockowner', 2) ?? 'Transaction'),
        timeoutMs: Number(parseNumber(named('locktimeout', 3)) ?? BigInt(state.options.lockTimeoutMs)),
      })
    } else if (name === 'sp_releaseapplock') {
      code = releaseApplicationLock(state, {
        resource: String(named('resource', 0)),
        owner: String(named('lockowner', 1) ?? 'Transaction'),
      })
    } else throw sqlError(2812, `Could not find stored procedure '${s.procedure.join('.')}'.`, { state: 62 })
    if (s.returnTo === undefined) return
    const variable = state.frame.variables.get(fold(s.returnTo))
    if (variable === undefined) throw sqlError(137, `Must declare the scalar variable "${s.returnTo}".`)
    variable.value = variable.type.name === 'bigint' ? BigInt(code) : code
  }

  async #executeSql(
    args: readonly { name: string | undefined; value: SqlValue; output: boolean; expression: Expression }[],
  ): Promise<void> {
    const state = this.#state
    const [text, declaration, ...given] = args
    const frame: Frame = { variables: new Map(), tables: new Map() }
    const outputs: [string, string][] = []
    if (declaration !== undefined && declaration.value !== null) {
      const [parsed] = parseBatch(`DECLARE ${String(declaration.value).replace(/\b(OUTPUT|OUT)\b/gi, '')}`)
      if (parsed?.kind !== 'declare') throw sqlError(102, 'Incorrect syntax in the parameter list of sp_executesql.')
      for (const [i, v] of parsed.variables.entries()) {
        const type = typeOf(state, v.type, 'column')
        const a = given.find((g) => g.name === fold(v.name)) ?? (given[i]?.name === undefined ? given[i] : undefined)
        if (a === undefined)
          throw sqlError(8178, `The parameterized query expects the parameter '${v.name}', which was not supplied.`)
        frame.variables.set(fold(v.name), { type, value: (await this.#evaluate(a.expression, type)).value })
        if (a.output && a.expression.kind === 'variable') outputs.push([fold(v.name), fold(a.expression.name)])
      }
    }
    await this.batch(parseBatch(String(text?.value ?? '')), frame)
    for (const [inner, outer] of outputs) {
      const from = frame.variables.get(inner)
      const to = state.frame.variables.get(outer)
      if (from !== undefined && to !== undefined) to.value = from.value
    }
  }
}

/** To a variable: by assignment's rules, and cut to its length as SQL Server cuts it. */
function convertTo(value: Bound, type: SqlType): Bound {
  implicitly(value, type)
  return convert(value, type, { truncate: true })
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
