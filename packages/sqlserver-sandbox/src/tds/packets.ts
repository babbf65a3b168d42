import type { Socket } from 'node:net'
import { PACKET, PACKET_HEADER_LENGTH, PACKET_STATUS } from './constants.ts'

const HIGH_WATER_BYTES = 1024 * 1024
const LOW_WATER_BYTES = 256 * 1024
/** A request other than a bulk load is held in memory: above this the connection is ended. */
const MAX_REQUEST_BYTES = 512 * 1024 * 1024

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

/** One message of the client while its packets still arrive. Single use. */
export class IncomingMessage {
  readonly type: number
  /** The client asked for a fresh session before this request. */
  readonly reset: boolean
  /** Set with the last packet: the client took the message back. */
  ignored = false
  readonly #resume: () => void
  readonly #packets: Buffer[] = []
  #bytes = 0
  #ended = false
  #failure: Error | undefined
  #wake: (() => void) | undefined

  constructor(options: { type: number; reset: boolean; resume: () => void }) {
    this.type = options.type
    this.reset = options.reset
    this.#resume = options.resume
  }

  get bufferedBytes(): number {
    return this.#bytes
  }

  get ended(): boolean {
    return this.#ended
  }

  push(payload: Buffer): void {
    this.#packets.push(payload)
    this.#bytes += payload.length
    this.#wake?.()
  }

  end(ignored: boolean): void {
    this.ignored = ignored
    this.#ended = true
    this.#wake?.()
  }

  fail(error: Error): void {
    this.#failure ??= error
    this.#wake?.()
  }

  /** Everything that has arrived since the last call, undefined at the end. Rejects when the connection is lost before it. */
  async next(): Promise<Buffer | undefined> {
    while (this.#packets.length === 0) {
      if (this.#ended) return undefined
      if (this.#failure !== undefined) throw this.#failure
      await new Promise<void>((resolve) => (this.#wake = resolve))
      this.#wake = undefined
    }
    const packets = this.#packets.splice(0)
    this.#bytes = 0
    this.#resume()
    return packets.length === 1 ? packets[0] : Buffer.concat(packets)
  }

  async readAll(): Promise<Buffer> {
    const chunks: Buffer[] = []
    let total = 0
    for (let chunk = await this.next(); chunk !== undefined; chunk = await this.next()) {
      total += chunk.length
      if (total > MAX_REQUEST_BYTES) throw new ProtocolError('The request is larger than 512 MB.')
      chunks.push(chunk)
    }
    return chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks)
  }

  /** Reads to the end and keeps nothing. */
  async discard(): Promise<void> {
    while ((await this.next()) !== undefined);
  }
}

export interface PacketEvents {
  message(message: IncomingMessage): void
  attention(): void
  malformed(error: ProtocolError): void
}

/**
 * Cuts the socket's bytes into packets and messages. It keeps reading while a request runs, to see an attention, and stops
 * reading while more than a megabyte waits for its consumer: that is the back-pressure of a bulk load.
 */
export class PacketReader {
  readonly #socket: Socket
  readonly #events: PacketEvents
  #rest: Buffer = Buffer.alloc(0)
  #current: IncomingMessage | undefined
  #waiting: IncomingMessage | undefined

  constructor(socket: Socket, events: PacketEvents) {
    this.#socket = socket
    this.#events = events
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('close', () =>
      this.#current?.fail(new ProtocolError('The connection was lost in the middle of a request.')),
    )
  }

  #onData(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.length - at >= PACKET_HEADER_LENGTH) {
      const length = bytes.readUInt16BE(at + 2)
      if (length < PACKET_HEADER_LENGTH || !isRequest(bytes[at])) {
        const error = new ProtocolError('The bytes are no TDS packet. TDS 8.0 (encrypt: strict) is not spoken here.')
        this.#current?.fail(error)
        return this.#events.malformed(error)
      }
      if (bytes.length - at < length) break
      this.#onPacket(
        bytes.readUInt8(at),
        bytes.readUInt8(at + 1),
        bytes.subarray(at + PACKET_HEADER_LENGTH, at + length),
      )
      at += length
    }
    this.#rest = bytes.subarray(at)
    if (this.#waiting !== undefined && this.#waiting.bufferedBytes > HIGH_WATER_BYTES) this.#socket.pause()
  }

  #onPacket(type: number, status: number, payload: Buffer): void {
    if (type === PACKET.attention) return this.#events.attention()
    let message = this.#current
    if (message === undefined) {
      const reset = (status & (PACKET_STATUS.reset | PACKET_STATUS.resetKeepTransaction)) !== 0
      const created: IncomingMessage = new IncomingMessage({ type, reset, resume: () => this.#onConsumed(created) })
      message = this.#current = this.#waiting = created
      this.#events.message(created)
    }
    if (payload.length > 0) message.push(payload)
    if ((status & PACKET_STATUS.endOfMessage) !== 0) {
      this.#current = undefined
      message.end((status & PACKET_STATUS.ignore) !== 0)
    }
  }

  #onConsumed(message: IncomingMessage): void {
    if (message.bufferedBytes < LOW_WATER_BYTES && this.#socket.isPaused()) this.#socket.resume()
  }
}

const REQUESTS: ReadonlySet<number | undefined> = new Set(Object.values(PACKET))

function isRequest(type: number | undefined): boolean {
  return type !== PACKET.response && REQUESTS.has(type)
}
