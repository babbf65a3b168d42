import type { Fault, FaultPlan, RequestInfo } from '../faults.ts'
import {
  type ResultChunk,
  type ResultColumn,
  type ResultSink,
  SandboxSqlError,
  type SqlError,
  type SqlType,
  type SqlValue,
} from '../session.ts'
import { DONE, ENV, TOKEN } from './constants.ts'
import type { ResponseWriter } from './response-writer.ts'
import {
  writeColumns,
  writeDone,
  writeEnvText,
  writeMessage,
  writeReturnStatus,
  writeReturnValue,
  writeTransactionChange,
} from './tokens.ts'
import { type ValueWriter, valueWriter } from './value-writers.ts'

/** The name under which a procedure's RETURN value comes back from the engine. */
export const RETURN_STATUS = '@__return_status'
const FATAL_SEVERITY = 20

export interface ResponseOptions {
  readonly writer: ResponseWriter
  /** The tokens that end statements: DONE in a batch, DONEINPROC and a last DONEPROC in an RPC. */
  readonly procedure: boolean
  readonly request: RequestInfo
  /** Undefined for a request that faults pass over. */
  readonly faults: FaultPlan | undefined
  readonly signal: AbortSignal
  readonly database: string
  /** Carries out a fault that strikes at a row; throws for a drop or a failure. */
  readonly onRowFault: (fault: Fault, response: Response) => Promise<void>
}

/**
 * Turns what the engine says into tokens. A statement's DONE is held back until the next token, because only then is it known
 * whether more follows.
 */
export class Response implements ResultSink {
  /** Number of the last error, 0 if there was none. */
  errorNumber = 0
  /** An error ended the session. */
  fatal = false
  readonly #options: ResponseOptions
  readonly #writer: ResponseWriter
  #database: string
  #writers: readonly ValueWriter[] = []
  #failed = false
  #pending: { status: number; rowCount?: number } | undefined
  #returnStatus: number | undefined
  #returnValues: { name: string; type: SqlType; value: SqlValue }[] = []

  constructor(options: ResponseOptions) {
    this.#options = options
    this.#writer = options.writer
    this.#database = options.database
  }

  columns(columns: readonly ResultColumn[]): void {
    this.#release()
    writeColumns(this.#writer.out, columns)
    this.#writers = columns.map((column) => valueWriter(column.type, column.nullable))
  }

  rows(chunk: ResultChunk): void | Promise<void> {
    const { signal, faults, request } = this.#options
    signal.throwIfAborted()
    if (faults?.watches('row', request) === true) return this.#rowsUnderFaults(chunk, faults)
    const next = this.#encode(chunk, 0, chunk.rowCount)
    if (next < chunk.rowCount || this.#writer.full) return this.#rest(chunk, next, chunk.rowCount)
  }

  done(statement: Parameters<ResultSink['done']>[0]): void {
    if (this.#failed) return
    if (statement.rowCount !== undefined) {
      this.#hold({ status: DONE.count, rowCount: statement.rowCount })
    } else if (statement.kind === 'select' && this.#writers.length > 0) {
      this.#hold({ status: DONE.final })
    }
    this.#writers = []
  }

  error(error: SqlError): void {
    if (this.#failed) return
    this.#release()
    writeMessage(this.#writer.out, TOKEN.error, error)
    this.errorNumber = error.number
    if (error.severity >= FATAL_SEVERITY) this.fatal = true
    this.#hold({ status: DONE.error })
    this.#writers = []
  }

  info(message: SqlError): void {
    this.#release()
    writeMessage(this.#writer.out, TOKEN.info, message)
  }

  databaseChanged(database: string): void {
    this.#release()
    writeDatabaseChange(this.#writer, { to: database, from: this.#database })
    this.#database = database
  }

  transactionChanged(change: Parameters<ResultSink['transactionChanged']>[0]): void {
    this.#release()
    writeTransactionChange(this.#writer.out, change)
  }

  returnValue(name: string, type: SqlType, value: SqlValue): void {
    if (name.toLowerCase() === RETURN_STATUS) this.#returnStatus = Number(value ?? 0)
    else this.#returnValues.push({ name, type, value })
  }

  /** Answers with a fault's error; what the engine still says of the request is dropped. */
  fail(error: SqlError): void {
    this.error(error)
    this.#failed = true
  }

  /** Reports what the engine threw, though it should have been told to `error`. */
  thrown(error: unknown): void {
    if (error instanceof SandboxSqlError) return this.error(error.error)
    const text = error instanceof Error ? error.message : String(error)
    this.error({ number: 50000, state: 1, severity: 16, line: 1, message: `Sandbox: internal error: ${text}` })
  }

  /** Writes the last tokens of the request; `more` when another procedure call follows in the same message. */
  finish(more: boolean = false): void {
    const { out } = this.#writer
    const last = more ? DONE.more : DONE.final
    if (!this.#options.procedure) {
      const pending = this.#pending ?? { status: DONE.final }
      writeDone(out, { ...pending, token: TOKEN.done, status: pending.status | last })
      return
    }
    this.#release()
    writeReturnStatus(out, this.#returnStatus ?? this.errorNumber)
    this.#returnValues.forEach((item, ordinal) => writeReturnValue(out, { ...item, ordinal }))
    const failed = this.errorNumber === 0 ? 0 : DONE.error
    writeDone(out, { token: TOKEN.doneProc, status: last | failed })
  }

  /** Ends the statement in progress after a cancel. */
  cancelled(): void {
    this.#hold({ status: DONE.error })
  }

  #encode(chunk: ResultChunk, start: number, end: number): number {
    const { out } = this.#writer
    const writers = this.#writers
    const { cells } = chunk
    const width = writers.length
    for (let row = start; row < end; row++) {
      if (this.#writer.full) return row
      out.uint8(TOKEN.row)
      // Both arrays have an entry a column: the engine's chunk has the columns it announced.
      // oxlint-disable-next-line typescript/no-non-null-assertion
      for (let column = 0; column < width; column++) writers[column]!(out, cells[column]!(row))
    }
    return end
  }

  async #rest(chunk: ResultChunk, start: number, end: number): Promise<void> {
    let next = start
    for (;;) {
      if (this.#writer.full) await this.#writer.flush()
      this.#options.signal.throwIfAborted()
      if (next === end) return
      next = this.#encode(chunk, next, end)
    }
  }

  async #rowsUnderFaults(chunk: ResultChunk, faults: FaultPlan): Promise<void> {
    const { request, onRowFault } = this.#options
    let next = 0
    while (next < chunk.rowCount) {
      const struck = faults.strikeRows('row', { ...request, count: chunk.rowCount - next })
      if (struck === undefined) return this.#rest(chunk, next, chunk.rowCount)
      await this.#rest(chunk, next, next + struck.before)
      next += struck.before
      await this.#writer.flushAll()
      await onRowFault(struck.fault, this)
      // The row in whose place the fault struck has been counted, so it is sent without counting it again.
      await this.#rest(chunk, next, next + 1)
      next++
    }
  }

  #hold(done: { status: number; rowCount?: number }): void {
    this.#release()
    this.#pending = done
  }

  /** Writes the DONE that was held back, now that something follows it. */
  #release(): void {
    const pending = this.#pending
    if (pending === undefined) return
    this.#pending = undefined
    const token = this.#options.procedure ? TOKEN.doneInProc : TOKEN.done
    writeDone(this.#writer.out, { ...pending, token, status: pending.status | DONE.more })
  }
}

export function writeDatabaseChange(writer: ResponseWriter, change: { to: string; from: string }): void {
  writeEnvText(writer.out, ENV.database, change)
  const message = `Changed database context to '${change.to}'.`
  writeMessage(writer.out, TOKEN.info, { number: 5701, state: 2, severity: 0, line: 1, message })
}
