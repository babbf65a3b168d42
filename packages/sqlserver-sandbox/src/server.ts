import { type Server, type Socket, createServer } from 'node:net'
import { FaultPlan, type RequestInfo } from './faults.ts'
import type { Engine } from './session.ts'
import { Connection } from './tds/connection.ts'

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/

export interface ServeOptions {
  readonly engine: Engine
  /** 0 takes a free port. Default 0. */
  readonly port?: number
  /** A loopback address; anything else is refused. Default 127.0.0.1. */
  readonly host?: string
  readonly faults?: FaultPlan
  /** How many of the last requests are kept in `trace`. Default 0. */
  readonly traceLimit?: number
  readonly digestTextOver?: number
}

export interface TraceEntry extends RequestInfo {
  /** Number of the connection, from 1. */
  readonly connection: number
}

/** A listening TDS server over an engine. */
export interface TdsServer extends AsyncDisposable {
  readonly port: number
  readonly host: string
  readonly faults: FaultPlan
  /** The last requests, oldest first. */
  readonly trace: readonly TraceEntry[]
  /** Drops all connections, waits for their sessions, closes the engine. */
  close(): Promise<void>
}

/** @throws RangeError for a host that is not loopback. */
export async function serve(options: ServeOptions): Promise<TdsServer> {
  const host = options.host ?? '127.0.0.1'
  if (!LOOPBACK.test(host)) throw new RangeError(`The sandbox listens on loopback only, not on ${host}.`)
  const faults = options.faults ?? new FaultPlan()
  const trace: TraceEntry[] = []
  const limit = options.traceLimit ?? 0
  const open = new Map<Socket, Connection>()
  let count = 0
  const server = createServer((socket) => {
    const spid = ++count
    const connection = new Connection({
      socket,
      engine: options.engine,
      faults,
      spid,
      digestTextOver: options.digestTextOver,
      trace: (request) => {
        if (limit === 0) return
        trace.push({ connection: spid, kind: request.kind, text: request.text })
        if (trace.length > limit) trace.shift()
      },
    })
    open.set(socket, connection)
    void connection.closed.then(() => open.delete(socket))
  })
  const port = await listen(server, options.port ?? 0, host)
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
    const connections = [...open]
    for (const [socket] of connections) socket.destroy()
    faults.clear()
    await Promise.all(connections.map(([, connection]) => connection.closed))
    await stopped
    await options.engine.close()
  }
  return {
    port,
    host,
    faults,
    trace,
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => (closing ??= close()),
  }
}

async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.')
  return address.port
}
