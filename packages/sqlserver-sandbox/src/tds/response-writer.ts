import type { Socket } from 'node:net'
import { ByteWriter } from './byte-writer.ts'
import { PACKET, PACKET_HEADER_LENGTH, PACKET_STATUS } from './constants.ts'

/** Tokens are gathered up to about this many bytes before they go to the socket. */
const FLUSH_BYTES = 256 * 1024

/** The tokens of one response, cut into packets and sent in big pieces, no faster than the client reads. */
export class ResponseWriter {
  readonly out: ByteWriter = new ByteWriter()
  packetSize: number
  readonly #socket: Socket
  readonly #spid: number
  #packetId = 1

  constructor(options: { socket: Socket; spid: number; packetSize: number }) {
    this.#socket = options.socket
    this.#spid = options.spid
    this.packetSize = options.packetSize
  }

  /** True when enough is gathered: the caller then awaits `flush`. */
  get full(): boolean {
    return this.out.position >= FLUSH_BYTES
  }

  /** Sends whole packets and keeps the rest; settles when the socket takes more. Rejects when the connection is lost. */
  async flush(): Promise<void> {
    const bytes = this.#cut(false)
    if (bytes.length > 0) await this.#write(bytes)
  }

  /** Sends what is left, with the end of the message. */
  async end(): Promise<void> {
    const bytes = this.#cut(true)
    this.#packetId = 1
    await this.#write(bytes)
  }

  /** Sends everything gathered so far as packets of a message that is not over. */
  async flushAll(): Promise<void> {
    const { out } = this
    if (out.position === 0) return
    const bytes = this.#packets(out.position, false)
    out.position = 0
    await new Promise<void>((resolve) => this.#socket.write(bytes, () => resolve()))
  }

  discard(): void {
    this.out.position = 0
  }

  #cut(last: boolean): Buffer {
    const { out } = this
    const room = this.packetSize - PACKET_HEADER_LENGTH
    // The last packet must not be empty of payload, so a message always keeps some for its end.
    const length = last ? out.position : Math.max(0, Math.floor((out.position - 1) / room)) * room
    const bytes = this.#packets(length, last)
    out.bytes.copyWithin(0, length, out.position)
    out.position -= length
    return bytes
  }

  #packets(length: number, last: boolean): Buffer {
    const room = this.packetSize - PACKET_HEADER_LENGTH
    const count = Math.ceil(length / room)
    const bytes = Buffer.allocUnsafe(length + count * PACKET_HEADER_LENGTH)
    let at = 0
    for (let index = 0; index < count; index++) {
      const start = index * room
      const end = Math.min(start + room, length)
      bytes[at] = PACKET.response
      bytes[at + 1] = last && index === count - 1 ? PACKET_STATUS.endOfMessage : 0
      bytes.writeUInt16BE(end - start + PACKET_HEADER_LENGTH, at + 2)
      bytes.writeUInt16BE(this.#spid, at + 4)
      bytes[at + 6] = this.#packetId
      bytes[at + 7] = 0
      this.#packetId = (this.#packetId + 1) & 0xff
      this.out.bytes.copy(bytes, at + PACKET_HEADER_LENGTH, start, end)
      at += end - start + PACKET_HEADER_LENGTH
    }
    return bytes
  }

  async #write(bytes: Buffer): Promise<void> {
    const socket = this.#socket
    if (socket.destroyed) throw new Error('The connection is closed.')
    if (socket.write(bytes)) return
    await new Promise<void>((resolve, reject) => {
      const onDrain = (): void => {
        socket.off('close', onClose)
        resolve()
      }
      const onClose = (): void => {
        socket.off('drain', onDrain)
        reject(new Error('The connection is closed.'))
      }
      socket.once('drain', onDrain)
      socket.once('close', onClose)
    })
  }
}
