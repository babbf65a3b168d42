import type { Socket } from 'node:net'
import { type Fault, type FaultPlan, type RequestInfo, stall } from '../faults.ts'
import { type BulkLoad, type Engine, SandboxSqlError, type Session } from '../session.ts'
import { BulkDecoder } from './bulk-decoder.ts'
import { NEED_MORE } from './byte-cursor.ts'
import { collationOf } from './collation.ts'
import { DONE, ENV, PACKET, TOKEN } from './constants.ts'
import { parseLogin7, writePrelogin } from './login.ts'
import { type IncomingMessage, PacketReader, ProtocolError } from './packets.ts'
import { Procedures } from './procedures.ts'
import { type RpcCall, type TransactionRequest, parseBatch, parseRpc, parseTransaction } from './requests.ts'
import { Response, writeDatabaseChange } from './response.ts'
import { ResponseWriter } from './response-writer.ts'
import { writeDone, writeEnvBytes, writeEnvText, writeLoginAck, writeMessage, writeUtf8FeatureAck } from './tokens.ts'
import { UnsupportedWireTypeError } from './type-info.ts'
import { wireError } from './wire-error.ts'

const DEFAULT_PACKET_BYTES = 4096
const MIN_PACKET_BYTES = 512
const MAX_PACKET_BYTES = 32767
const INSERT_BULK = /^\s*insert\s+bulk\b/i
/**
 * What the driver sends on its own account, the SET statements of a new connection and the probe of a pooled one, is neither
 * traced nor counted by faults.
 */
const HOUSEKEEPING = /^((\s*set [a-z_]+( [a-z_]+)* \S+\s*){3,}|SELECT 1;)$/i

export interface ConnectionOptions {
  readonly socket: Socket
  readonly engine: Engine
  readonly faults: FaultPlan
  /** Number of the connection, from 1. */
  readonly spid: number
  readonly trace: (request: RequestInfo) => void
  readonly digestTextOver?: number | undefined
}

interface Run {
  readonly message: IncomingMessage
  readonly abort: AbortController
}

/** The client is gone, or a fault has sent it away. */
class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
}

/** A fault has already answered in the request's place. */
class FaultFailure extends Error {
  override readonly name = 'FaultFailure'
}

/** One client: reads its messages one after the other and answers each. */
export class Connection {
  /** Settles when the connection is closed and the engine's session with it. */
  readonly closed: Promise<void>
  readonly #options: ConnectionOptions
  readonly #socket: Socket
  readonly #writer: ResponseWriter
  readonly #queue: (Run | 'attention')[] = []
  readonly #procedures = new Procedures()
  readonly #gone = new AbortController()
  #session: Session | undefined
  #running: Run | undefined
  #transactionName = ''
  #bulk: { statement: string; load: BulkLoad } | undefined
  #wake: (() => void) | undefined

  constructor(options: ConnectionOptions) {
    const { socket, spid } = options
    this.#options = options
    this.#socket = socket
    this.#writer = new ResponseWriter({ socket, spid: spid & 0xffff, packetSize: DEFAULT_PACKET_BYTES })
    socket.setNoDelay(true)
    // A lost connection shows as `close`, which follows; there is nobody to tell.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#gone.abort(new ConnectionLost('The connection is closed.'))
      this.#running?.abort.abort(this.#gone.signal.reason)
      this.#wake?.()
    })
    new PacketReader(socket, {
      message: (message) => this.#enqueue({ message, abort: new AbortController() }),
      attention: () => {
        this.#running?.abort.abort(new DOMException('The client cancelled the request.', 'AbortError'))
        this.#enqueue('attention')
      },
      malformed: () => socket.destroy(),
    })
    this.closed = this.#serve()
  }

  #enqueue(item: Run | 'attention'): void {
    if (item !== 'attention') this.#running ??= item
    this.#queue.push(item)
    this.#wake?.()
  }

  async #serve(): Promise<void> {
    try {
      for (let item = await this.#next(); item !== undefined; item = await this.#next()) {
        if (item === 'attention') {
          writeDone(this.#writer.out, { token: TOKEN.done, status: DONE.attention })
          await this.#writer.end()
          continue
        }
        this.#running = item
        await this.#handle(item)
        this.#running = this.#queue.find((queued) => queued !== 'attention')
      }
    } catch {
      // The client is gone or broke the protocol; what is left is to close.
    } finally {
      this.#socket.destroy()
      await this.#bulk?.load.abort().catch(() => {})
      await this.#session?.close().catch(() => {})
    }
  }

  async #next(): Promise<Run | 'attention' | undefined> {
    while (this.#queue.length === 0) {
      if (this.#gone.signal.aborted) return undefined
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    return this.#gone.signal.aborted ? undefined : this.#queue.shift()
  }

  async #handle(run: Run): Promise<void> {
    const { message } = run
    if (message.type === PACKET.prelogin) {
      await message.discard()
      writePrelogin(this.#writer.out)
      return this.#writer.end()
    }
    if (message.type === PACKET.login7) return this.#login(await message.readAll())
    const session = this.#session
    if (session === undefined) throw new ProtocolError('A request before the login.')
    if (message.type === PACKET.bulk) return this.#bulkData(run)
    const bytes = await message.readAll()
    if (this.#bulk !== undefined) {
      await this.#bulk.load.abort()
      this.#bulk = undefined
    }
    if (message.reset) {
      await session.reset()
      this.#procedures.forget()
      writeEnvBytes(this.#writer.out, ENV.reset, { to: new Uint8Array(0), from: new Uint8Array(0) })
    }
    if (message.ignored) {
      writeDone(this.#writer.out, { token: TOKEN.done, status: DONE.final })
      return this.#writer.end()
    }
    switch (message.type) {
      case PACKET.batch:
        return this.#batch(run, parseBatch(bytes))
      case PACKET.rpc:
        return this.#rpc(run, bytes)
      case PACKET.transaction:
        return this.#transaction(run, parseTransaction(bytes))
      default:
        throw new ProtocolError(`A message of the unknown type ${message.type}.`)
    }
  }

  async #login(bytes: Buffer): Promise<void> {
    const { out } = this.#writer
    try {
      const login = parseLogin7(bytes)
      const session = (this.#session = await this.#options.engine.login(login))
      const asked = login.packetSize === 0 ? DEFAULT_PACKET_BYTES : login.packetSize
      const packetSize = Math.min(MAX_PACKET_BYTES, Math.max(MIN_PACKET_BYTES, asked))
      writeDatabaseChange(this.#writer, { to: session.database, from: 'master' })
      writeEnvBytes(out, ENV.collation, { to: collationOf().bytes, from: new Uint8Array(0) })
      writeEnvText(out, ENV.language, { to: 'us_english', from: '' })
      writeLoginAck(out)
      writeEnvText(out, ENV.packetSize, { to: String(packetSize), from: String(DEFAULT_PACKET_BYTES) })
      if (login.utf8Feature) writeUtf8FeatureAck(out)
      writeDone(out, { token: TOKEN.done, status: DONE.final })
      await this.#writer.end()
      this.#writer.packetSize = packetSize
    } catch (error) {
      if (!(error instanceof SandboxSqlError) && !(error instanceof ProtocolError)) throw error
      this.#writer.discard()
      const sqlError =
        error instanceof SandboxSqlError
          ? error.error
          : { number: 17832, state: 1, severity: 20, line: 1, message: error.message }
      writeMessage(out, TOKEN.error, sqlError)
      writeDone(out, { token: TOKEN.done, status: DONE.error })
      await this.#writer.end()
      this.#socket.end()
    }
  }

  async #batch(run: Run, text: string): Promise<void> {
    if (INSERT_BULK.test(text)) {
      return this.#answer(run, { kind: 'batch', text }, false, async (_response, session) => {
        this.#bulk = { statement: text, load: await session.bulkLoad(text) }
      })
    }
    return this.#answer(run, { kind: 'batch', text }, false, (response, session) =>
      session.execute(text, [], response, run.abort.signal),
    )
  }

  async #rpc(run: Run, bytes: Buffer): Promise<void> {
    let calls: readonly RpcCall[]
    try {
      calls = parseRpc(bytes)
    } catch (error) {
      if (error !== NEED_MORE && !(error instanceof UnsupportedWireTypeError) && !(error instanceof ProtocolError)) {
        throw error
      }
      const response = this.#response(run, { kind: 'rpc', text: '' }, true)
      response.error(wireError(error instanceof Error ? error.message : 'malformed'))
      response.finish()
      return this.#writer.end()
    }
    for (const [index, call] of calls.entries()) {
      const more = index < calls.length - 1
      await this.#call(run, call, more)
    }
  }

  #call(run: Run, call: RpcCall, more: boolean): Promise<void> {
    const { text, body } = this.#procedures.of(call, run.abort.signal)
    return this.#answer(run, { kind: 'rpc', text }, true, body, more)
  }

  #transaction(run: Run, request: TransactionRequest): Promise<void> {
    const suffix = request.kind === 'save' ? ` ${request.name}` : ''
    const info: RequestInfo = { kind: 'transaction', text: `${request.kind.toUpperCase()} TRANSACTION${suffix}` }
    return this.#answer(run, info, false, async (response, session) => {
      switch (request.kind) {
        case 'begin':
          this.#transactionName = request.name
          return session.begin(request.isolation, response)
        case 'save':
          return session.save(request.name, response)
        case 'commit':
          await session.commit(response)
          break
        case 'rollback': {
          const whole = request.name === '' || request.name === this.#transactionName
          await (whole ? session.rollback(response) : session.rollback(response, request.name))
          break
        }
        default:
          request satisfies never
      }
      if (request.next === undefined) return
      this.#transactionName = request.next.name
      await session.begin(request.next.isolation, response)
    })
  }

  async #bulkData(run: Run): Promise<void> {
    const { message } = run
    const bulk = this.#bulk
    this.#bulk = undefined
    if (bulk === undefined) {
      await message.discard()
      const response = this.#response(run, { kind: 'bulk', text: '' }, false)
      response.error(wireError('Bulk load data without an INSERT BULK statement before it.'))
      response.finish()
      return this.#writer.end()
    }
    const info: RequestInfo = { kind: 'bulk', text: bulk.statement }
    let finished = false
    try {
      await this.#answer(
        run,
        info,
        false,
        async (response) => {
          const decoder = new BulkDecoder(bulk.load.columns, { digestTextOver: this.#options.digestTextOver })
          for (let bytes = await message.next(); bytes !== undefined; bytes = await message.next()) {
            for (const rows of decoder.push(bytes)) await this.#bulkRows({ run, info, load: bulk.load, response }, rows)
          }
          if (message.ignored) return
          for (const rows of decoder.end()) await this.#bulkRows({ run, info, load: bulk.load, response }, rows)
          finished = true
          response.done({ kind: 'insert', rowCount: await bulk.load.finish(response) })
        },
        false,
        message,
      )
    } finally {
      if (!finished) await bulk.load.abort()
    }
  }

  async #bulkRows(
    context: { run: Run; info: RequestInfo; load: BulkLoad; response: Response },
    rows: Parameters<BulkLoad['write']>[0],
  ): Promise<void> {
    const { faults } = this.#options
    if (faults.watches('bulkRow', context.info)) {
      let left = rows.length
      while (left > 0) {
        const struck = faults.strikeRows('bulkRow', { ...context.info, count: left })
        if (struck === undefined) break
        left -= struck.before + 1
        await this.#apply(struck.fault, context.run, context.response)
      }
    }
    await context.load.write(rows)
  }

  /** Runs a request between its faults and sends the response. `rest` is what is still to be read of it when it fails. */
  async #answer(
    run: Run,
    info: RequestInfo,
    procedure: boolean,
    body: (response: Response, session: Session) => void | Promise<void>,
    more: boolean = false,
    rest?: IncomingMessage,
  ): Promise<void> {
    const session = this.#session
    if (session === undefined) throw new ProtocolError('A request before the login.')
    const { signal } = run.abort
    const response = this.#response(run, info, procedure)
    const observed = !HOUSEKEEPING.test(info.text)
    if (observed) this.#options.trace(info)
    try {
      if (observed) await this.#strike('before', info, run, response)
      signal.throwIfAborted()
      await body(response, session)
      if (observed) await this.#strike('after', info, run, response)
    } catch (error) {
      if (error instanceof ConnectionLost || this.#gone.signal.aborted) throw error
      if (error instanceof FaultFailure || signal.reason instanceof FaultFailure) {
        // The error stands in the response already.
      } else if (signal.aborted) response.cancelled()
      else if (error === NEED_MORE) response.error(wireError(NEED_MORE.message))
      else if (error instanceof UnsupportedWireTypeError) response.error(wireError(error.message))
      else response.thrown(error)
      await rest?.discard()
    }
    response.finish(more)
    if (more) return
    await this.#writer.end()
    if (response.fatal) this.#socket.end()
  }

  async #strike(at: 'before' | 'after', info: RequestInfo, run: Run, response: Response): Promise<void> {
    for (const fault of this.#options.faults.strike(at, info)) await this.#apply(fault, run, response)
  }

  async #apply(fault: Fault, run: Run, response: Response): Promise<void> {
    const { action } = fault.rule
    switch (action.do) {
      case 'drop':
        this.#socket.destroy()
        throw new ConnectionLost('A fault dropped the connection.')
      case 'stall':
        await stall(fault, run.abort.signal)
        if (this.#gone.signal.aborted) throw new ConnectionLost('The connection was closed in a stall.')
        return
      case 'fail':
        response.fail({ state: 1, severity: 16, line: 1, ...action.error })
        // The engine may be in the middle of the statement: its signal stops it.
        run.abort.abort(new FaultFailure('A fault answered with an error.'))
        throw run.abort.signal.reason
      default:
        action satisfies never
    }
  }

  #response(run: Run, request: RequestInfo, procedure: boolean): Response {
    return new Response({
      writer: this.#writer,
      procedure,
      request,
      faults: HOUSEKEEPING.test(request.text) ? undefined : this.#options.faults,
      signal: run.abort.signal,
      database: this.#session?.database ?? 'master',
      onRowFault: (fault, response) => this.#apply(fault, run, response),
    })
  }
}
