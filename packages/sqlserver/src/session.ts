import { Request, type Connection } from 'tedious'
import { requestError, type ServerMessage } from './driver-errors.ts'
import { SqlServerError } from './errors.ts'
import type { WireParameter } from './bulk-types/parameter.ts'

/** A column of a result as the driver describes it. */
export interface ResultColumn {
  readonly colName: string
  readonly type: { readonly name: string }
  readonly precision?: number | undefined
  readonly scale?: number | undefined
  readonly dataLength?: number | undefined
  readonly collation?: { readonly codepage?: string | undefined } | undefined
}

/** One value of a row, as the driver hands it over. */
export interface ResultCell {
  readonly value: unknown
}

/** What happens to the answer of a statement. Neither function may throw. */
export interface ResultSink {
  columns(columns: readonly ResultColumn[]): void
  row(cells: readonly ResultCell[]): void
}

/** A statement for the driver. */
export interface Statement {
  readonly text: string
  /** Goes through sp_executesql when there are any; without them it is a plain batch, whose #temp tables stay. */
  readonly parameters: readonly WireParameter[]
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
  /** For messages: `the query`. */
  readonly what: string
}

/**
 * One connection of the driver, one statement at a time. It knows whether it may be used again: after a lost answer, a cancelled
 * statement that was not acknowledged, or an open transaction it may not.
 */
export class Session {
  readonly #connection: Connection
  #active = false
  #spoiled = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  get connection(): Connection {
    return this.#connection
  }

  /** Nothing is running, no transaction is open, and the protocol is where both sides think it is. */
  get reusable(): boolean {
    const { closed, inTransaction } = driverState(this.#connection)
    return !this.#active && !this.#spoiled && !closed && !inTransaction
  }

  /** The connection still answers. */
  get open(): boolean {
    return !this.#spoiled && !driverState(this.#connection).closed
  }

  /** Closes the socket. What is running fails. */
  destroy(): void {
    this.#spoiled = true
    this.#connection.close()
  }

  /** Marks the connection as in use by something other than {@link start}. */
  occupy(): () => void {
    this.#take()
    return () => {
      this.#active = false
    }
  }

  /**
   * Sends a statement. `done` settles when the whole answer has arrived, or fails; nothing else fails.
   *
   * @throws {SqlServerError} `closed` when the connection is gone, `invalid-argument` when it is busy. Through `done`: `aborted`
   * after {@link Running.cancel}, the mapped error otherwise.
   */
  start(statement: Statement, sink: ResultSink): Running {
    statement.signal?.throwIfAborted()
    this.#take()
    let settle: (error: unknown) => void = () => {}
    const done = new Promise<void>((resolve, reject) => {
      settle = (error) => (error === undefined ? resolve() : reject(error))
    })
    const request = new Request(statement.text, (error) => {
      statement.signal?.removeEventListener('abort', cancel)
      this.#active = false
      if (error === undefined || error === null) settle(undefined)
      else settle(this.#failure(error, statement))
    })
    const cancel = (): void => request.cancel()
    // The driver's row type depends on its options; with useColumnNames off it is an array of cells.
    request.on('columnMetadata', (columns) => sink.columns(columns as readonly ResultColumn[]))
    request.on('row', (cells) => sink.row(cells as unknown as readonly ResultCell[]))
    if (statement.timeoutMs !== undefined) request.setTimeout(statement.timeoutMs)
    for (const { name, type } of statement.parameters) request.addParameter(name, type, null)
    statement.signal?.addEventListener('abort', cancel, { once: true })
    if (statement.parameters.length > 0) this.#connection.execSql(request)
    else this.#connection.execSqlBatch(request)
    return {
      done,
      cancel,
      pause: () => request.pause(),
      resume: () => request.resume(),
    }
  }

  /** Puts SET options, #temp tables and session locks back: the server's sp_reset_connection. */
  async reset(): Promise<void> {
    this.#take()
    await new Promise<void>((resolve, reject) => {
      this.#connection.reset((error) => {
        this.#active = false
        if (error === undefined || error === null) return resolve()
        this.#spoiled = true
        reject(requestError(error, 'the reset of the connection'))
      })
    })
  }

  #take(): void {
    if (!this.open) {
      throw new SqlServerError('closed', 'the connection is closed', { retryable: true, hint: 'Open a new one.' })
    }
    if (this.#active) {
      throw new SqlServerError('invalid-argument', 'the connection is busy with another statement', {
        hint: 'Wait for it, or use another connection.',
      })
    }
    this.#active = true
  }

  #failure(error: Error, statement: Statement): unknown {
    const cancelled = (error as { code?: unknown }).code === 'ECANCEL'
    if (statement.signal?.aborted === true) return statement.signal.reason
    if (cancelled) return new SqlServerError('aborted', `${statement.what} was cancelled`)
    const failure = requestError(error, statement.what)
    // An answer of the server leaves the connection as it was; anything else leaves it in doubt.
    if (failure.context['number'] === undefined) this.#spoiled = true
    return failure
  }
}

/** A statement under way. */
export interface Running {
  readonly done: Promise<void>
  /** Asks the server to stop. `done` fails once it has. */
  cancel(): void
  /** Stops reading from the socket, so that the server stops sending. */
  pause(): void
  resume(): void
}

/** Collects the server's error messages while a connection is being opened. */
export function collectMessages(connection: Connection): ServerMessage[] {
  const messages: ServerMessage[] = []
  connection.on('errorMessage', (message) => messages.push(message))
  return messages
}

function driverState(connection: Connection): { readonly closed: boolean; readonly inTransaction: boolean } {
  // Both are public in the driver's code and absent from its documentation.
  const { closed, inTransaction } = connection as unknown as { closed?: boolean; inTransaction?: boolean }
  return { closed: closed === true, inTransaction: inTransaction === true }
}
