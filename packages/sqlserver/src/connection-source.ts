import mssql from 'mssql'
import { Connection } from 'tedious'
import { defaults, type SqlServerConfig } from './config.ts'
import { driverConfig } from './driver-config.ts'
import { collectMessages, Session } from './session.ts'
import { connectError, type ServerMessage } from './driver-errors.ts'
import { SqlServerError } from './errors.ts'
import { exactValues } from './exact-values/mode.ts'
import { markRaw } from './exact-values/raw-values.ts'

/** The part of mssql's pool that takes connections out and puts them back; its types leave it out. */
interface DriverPool {
  connect(): Promise<unknown>
  close(): Promise<unknown>
  acquire(requester: object): Promise<Connection>
  release(connection: Connection): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

/**
 * Where connections come from: mssql's pool for short work, and connections of their own for work that leaves traces in a session.
 */
export class ConnectionSource {
  readonly #config: SqlServerConfig
  readonly #pool: DriverPool
  readonly #messages: ServerMessage[] = []
  readonly #onPoolError: (error: Error) => void
  #closed = false

  constructor(config: SqlServerConfig, onPoolError: (error: Error) => void) {
    this.#config = config
    this.#onPoolError = onPoolError
    const { server, authentication, options } = driverConfig(config)
    const pool: unknown = new mssql.ConnectionPool({
      server,
      database: config.database,
      // The driver's own shapes; mssql hands both on as they are.
      authentication: authentication as mssql.config['authentication'],
      options: options as mssql.config['options'],
      pool: { min: 0, max: config.maxConnections ?? defaults.maxConnections, idleTimeoutMillis: 30_000 },
      // Whether the socket lives; a dead session shows at its first statement, which is classified and repeated.
      validateConnection: 'socket',
      beforeConnect: (connection: Connection) => {
        if (exactValues() === 'driver') markRaw(connection)
        connection.on('errorMessage', (message) => {
          this.#messages.push(message)
          if (this.#messages.length > 20) this.#messages.shift()
        })
      },
    } as mssql.config)
    this.#pool = pool as DriverPool
    this.#pool.on('error', (error) => this.#onPoolError(error))
  }

  /** Opens the pool with one connection as a trial. @throws {SqlServerError} as {@link connectError} says. */
  async open(): Promise<void> {
    this.#messages.length = 0
    try {
      await this.#pool.connect()
    } catch (error) {
      throw connectError(error, this.#config, this.#messages)
    }
  }

  /**
   * Lends a pooled connection for one piece of work. It goes back only if it is quiet and clean; otherwise it is closed. Work that
   * may change the session's settings says `reset`.
   */
  async lend<T>(work: (session: Session) => Promise<T>, reset = false): Promise<T> {
    const session = await this.acquire()
    try {
      return await work(session)
    } finally {
      await this.giveBack(session, reset)
    }
  }

  async acquire(): Promise<Session> {
    if (this.#closed) throw new SqlServerError('closed', `the connection to ${this.#config.server} was closed`)
    this.#messages.length = 0
    try {
      return new Session(await this.#pool.acquire(this))
    } catch (error) {
      throw connectError(error, this.#config, this.#messages)
    }
  }

  async giveBack(session: Session, reset: boolean): Promise<void> {
    try {
      if (reset && session.reusable) await session.reset()
    } catch (error) {
      this.#onPoolError(error instanceof Error ? error : new Error(String(error)))
    } finally {
      // A closed connection is thrown away by the pool when it is next asked for one.
      if (!session.reusable) session.destroy()
      this.#pool.release(session.connection)
    }
  }

  /** A connection of its own. @throws {SqlServerError} as {@link connectError} says; the signal's reason on abort. */
  async dedicated(signal?: AbortSignal): Promise<Session> {
    if (this.#closed) throw new SqlServerError('closed', `the connection to ${this.#config.server} was closed`)
    return await openSession(this.#config, signal)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#pool.close()
  }
}

async function openSession(config: SqlServerConfig, signal: AbortSignal | undefined): Promise<Session> {
  signal?.throwIfAborted()
  const connection = new Connection(driverConfig(config))
  if (exactValues() === 'driver') markRaw(connection)
  const messages = collectMessages(connection)
  // Without a listener a socket error between statements would end the process; the next statement reports it.
  connection.on('error', () => {})
  const abort = (): void => connection.close()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    await new Promise<void>((resolve, reject) => {
      connection.connect((error) => (error === undefined || error === null ? resolve() : reject(error)))
    })
    return new Session(connection)
  } catch (error) {
    connection.close()
    signal?.throwIfAborted()
    throw connectError(error, config, messages)
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}
