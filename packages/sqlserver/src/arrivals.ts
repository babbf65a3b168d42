import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { connect, type Socket, type TcpNetConnectOpts } from 'node:net'
import { domainToASCII } from 'node:url'

const BYTES = 64 * 1024
const known = new WeakMap<object, Arrivals>()

/** The memory into which a socket reads: used again when whoever gets the bytes has said that he needs them no more. */
export class Arrivals {
  #bytes: Buffer = Buffer.alloc(0)
  #isFree = false

  /** What the socket reads into next. */
  next(): Buffer {
    if (!this.#isFree) this.#bytes = Buffer.allocUnsafeSlow(BYTES)
    this.#isFree = false
    return this.#bytes
  }

  /** The bytes that came last, for a consumer. */
  taken(bytes: number): Buffer {
    return this.#bytes.subarray(0, bytes)
  }

  /** Nobody looks at a chunk of {@link taken} any more. To be said before the socket reads again. */
  release(chunk: Buffer): void {
    if (chunk.buffer === this.#bytes.buffer) this.#isFree = true
  }
}

/** What {@link keepArrivals} has kept; undefined for any other socket, whose chunks have memory of their own. */
export function arrivalsOf(socket: object): Arrivals | undefined {
  return known.get(socket)
}

/** Makes the arrivals of a socket known to whoever takes its chunks. */
export function keepArrivals(socket: object, arrivals: Arrivals): void {
  known.set(socket, arrivals)
}

/** Where the driver connects to. */
interface Place {
  readonly host: string
  readonly port: number
  readonly localAddress?: string
}

/**
 * Connects as the driver does, to one address of the host after the other, by a socket whose chunks are of memory that {@link Arrivals}
 * keeps.
 */
export async function connectReusing(place: Place, _lookup: unknown, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted()
  const host = domainToASCII(place.host)
  const errors: unknown[] = []
  for (const { address, family } of await lookup(host === '' ? place.host : host, { all: true })) {
    const socket = open({ ...place, host: address, family })
    try {
      await once(socket, 'connect', { signal })
      return socket
    } catch (error) {
      socket.destroy()
      signal.throwIfAborted()
      errors.push(error)
    }
  }
  throw new AggregateError(errors, 'Could not connect (sequence)')
}

function open(options: TcpNetConnectOpts): Socket {
  const arrivals = new Arrivals()
  const socket: Socket = connect({
    ...options,
    onread: {
      buffer: () => arrivals.next(),
      callback: (bytes): boolean => socket.push(arrivals.taken(bytes)),
    },
  })
  keepArrivals(socket, arrivals)
  return socket
}
