import { createRequire } from 'node:module'
import type { Transform, TransformCallback } from 'node:stream'
import type { Connection } from 'tedious'
import type { ResultCell } from '../session.ts'
import { arrivalsOf, type Arrivals } from '../arrivals.ts'
import { NBCROW, ROW, type RowTarget } from './row-reader.ts'
import type { ArrivingParser } from './wire-window.ts'

/** The driver's answer to a request, a stream of tokens without the packets' headers. */
interface Message {
  /** Bytes of it that were handed over so far; ours. */
  [SENT]?: number
  write: (this: Message, tokens: Buffer) => boolean
  destroy(error: Error): void
}

/** The driver's stream of packets. */
interface Incoming extends Omit<Transform, '_transform'> {
  currentMessage: Message | undefined
  readonly bl: { readonly length: number; append(bytes: Buffer): void; slice(): Buffer; consume(bytes: number): void }
  _transform: TransformFunction
  processBufferedData(callback: TransformCallback): void
}
type TransformFunction = (this: Incoming, chunk: Buffer, encoding: BufferEncoding, callback: TransformCallback) => void

/** The driver's parser of a message. */
export interface TokenParser extends ArrivingParser {
  /** Bytes of the message that it was given so far; ours. */
  [TAKEN]?: number
  /** What reads the token that has not all arrived. */
  readonly tokenReader: unknown
  write: (this: TokenParser, chunk: Buffer) => void
  read(): { readonly columns?: ResultCell[] } | undefined
}

/** The driver's request. */
interface Request {
  readonly paused: boolean
  readonly canceled: boolean
  on(event: 'resume', listener: () => void): void
  removeListener(event: 'resume', listener: () => void): void
  emit(event: 'row', cells: ResultCell[]): void
}

const SENT: unique symbol = Symbol('icebridge.sent')
const TAKEN: unique symbol = Symbol('icebridge.taken')

/** @see https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/7af53667-1b72-4703-8258-7984e838f746 */
const HEADER_BYTES = 8
const END_OF_MESSAGE = 1
const RESPONSE = 4
const empty: Buffer = Buffer.alloc(0)

const load = createRequire(import.meta.url)
let isInstalled = false

/** Has the driver count what it hands from its streams to its parser. Once a process. */
export function installWireFeed(): void {
  if (isInstalled) return
  isInstalled = true
  const { prototype: message } = load('tedious/lib/message.js') as { prototype: Message }
  const write = message.write
  message.write = function counted(tokens) {
    this[SENT] = (this[SENT] ?? 0) + tokens.length
    return write.call(this, tokens)
  }
  const { prototype: parser } = load('tedious/lib/token/stream-parser.js') as { prototype: TokenParser }
  const take = parser.write
  parser.write = function counted(chunk) {
    this[TAKEN] = (this[TAKEN] ?? 0) + chunk.length
    take.call(this, chunk)
  }
}

/**
 * Takes what arrives of a result's rows from the driver's stream of packets to the rows' parser at once, where the driver has a stream
 * a message, a promise a packet, and memory of its own for each. The driver goes on as soon as anything comes that is not a row: an
 * error, a value that cannot be kept, the message's last packet.
 */
export class WireFeed {
  readonly #target: RowTarget
  readonly #incoming: Incoming
  readonly #message: Message
  readonly #request: Request
  readonly #arrivals: Arrivals | undefined
  readonly #transform: TransformFunction
  readonly #header: Buffer = Buffer.alloc(HEADER_BYTES)
  #headerBytes = 0
  /** Bytes that the packet at hand has still to come. */
  #left = 0
  /** What has arrived and is not yet with the parser: the end of the last chunk, and whom to tell that it was taken. */
  #chunk: Buffer = empty
  #callback: TransformCallback | undefined
  #isFeeding = false

  /** Feeds the target with the rows of the answer whose columns have just been read. Undefined where the driver keeps bytes. */
  static open(connection: Connection, target: RowTarget): WireFeed | undefined {
    // Public in the driver's code, absent from its types.
    const { messageIo, request, socket } = connection as unknown as {
      readonly messageIo: { readonly incomingMessageStream: Incoming }
      readonly request: Request | undefined
      readonly socket: object
    }
    const incoming = messageIo.incomingMessageStream
    const message = incoming.currentMessage
    // The last packet of a short answer is on its way already: currentMessage stays until it was read.
    if (target.window === undefined || message === undefined || request === undefined) return undefined
    return new WireFeed({ target, incoming, message, request, arrivals: arrivalsOf(socket) })
  }

  private constructor(parts: {
    readonly target: RowTarget
    readonly incoming: Incoming
    readonly message: Message
    readonly request: Request
    readonly arrivals: Arrivals | undefined
  }) {
    this.#target = parts.target
    this.#incoming = parts.incoming
    this.#message = parts.message
    this.#request = parts.request
    this.#arrivals = parts.arrivals
    this.#transform = parts.incoming._transform
    parts.incoming._transform = (chunk, encoding, callback) => {
      if (this.#isFeeding || this.#begin()) this.#take(chunk, callback)
      else this.#transform.call(parts.incoming, chunk, encoding, callback)
    }
    parts.request.on('resume', this.#onResume)
  }

  /** Leaves everything to the driver again. */
  close(): void {
    this.#request.removeListener('resume', this.#onResume)
    if (this.#isFeeding) this.#leave()
    else this.#incoming._transform = this.#transform
  }

  /** After the driver's own listeners. */
  readonly #onResume = (): void => {
    process.nextTick(() => {
      if (this.#callback !== undefined) this.#go()
    })
  }

  /** The driver's streams are empty, and its parser has all that went through them. */
  #begin(): boolean {
    const { parser, refused } = this.#target
    if (parser === undefined || refused !== undefined || this.#incoming.currentMessage !== this.#message) return false
    if (parser[TAKEN] !== this.#message[SENT] || parser.pendingLength > 0 || this.#request.paused) return false
    this.#isFeeding = true
    const { bl } = this.#incoming
    if (bl.length > 0) {
      const begun = bl.slice()
      bl.consume(begun.length)
      this.#chunk = begun
    }
    return true
  }

  #take(chunk: Buffer, callback: TransformCallback): void {
    // Only the beginning of a packet, before the first chunk that is fed.
    this.#chunk = this.#chunk.length === 0 ? chunk : Buffer.concat([this.#chunk, chunk])
    this.#callback = callback
    this.#go()
    if (this.#chunk.length === 0) this.#arrivals?.release(chunk)
  }

  #go(): void {
    const { parser } = this.#target
    if (parser === undefined) throw new TypeError('a feed began without a parser')
    try {
      while (this.#isFeeding) {
        if (this.#request.paused) return
        // By the driver's own loop, which goes on after a pause.
        if (this.#target.refused !== undefined) {
          this.#leave()
          return
        }
        const isLast = this.#unpack(parser)
        if (!this.#parse(parser)) return
        if (isLast) {
          this.#leave()
          return
        }
        if (this.#chunk.length === 0) break
      }
    } catch (error) {
      this.#leave()
      this.#message.destroy(error instanceof Error ? error : new Error(String(error)))
      return
    }
    this.#takeCallback()?.()
  }

  /** Puts the chunk's tokens to those that the parser has. True when the message's last packet comes next, which is left alone. */
  #unpack(parser: TokenParser): boolean {
    const pieces: Buffer[] = []
    let bytes = 0
    let at = 0
    let isLast = false
    const chunk = this.#chunk
    const header = this.#header
    for (;;) {
      if (this.#left === 0) {
        while (this.#headerBytes < HEADER_BYTES && at < chunk.length) header[this.#headerBytes++] = chunk[at++] ?? 0
        if (this.#headerBytes < HEADER_BYTES) break
        const length = header.readUInt16BE(2)
        // A length that cannot be is left to the driver as well, which says so.
        isLast = ((header[1] ?? 0) & END_OF_MESSAGE) !== 0 || length < HEADER_BYTES
        if (isLast) break
        this.#headerBytes = 0
        this.#left = length - HEADER_BYTES
      }
      const end = Math.min(chunk.length, at + this.#left)
      if (end === at) break
      pieces.push(chunk.subarray(at, end))
      bytes += end - at
      this.#left -= end - at
      at = end
    }
    if (bytes > 0) this.#target.window?.add(parser, pieces, bytes)
    this.#chunk = at === chunk.length ? empty : chunk.subarray(at)
    return isLast
  }

  /** Reads rows as far as they have arrived. False when that is not for now, or not for the feed. */
  #parse(parser: TokenParser): boolean {
    for (;;) {
      if (this.#request.paused) return false
      if (parser.tokenReader === undefined) {
        if (parser.position === parser.buffer.length) return true
        const token = parser.buffer[parser.position]
        if (token !== ROW && token !== NBCROW) {
          this.#leave()
          return false
        }
      }
      const token = parser.read()
      if (this.#target.refused !== undefined) {
        this.#leave()
        if (token?.columns !== undefined && !this.#request.canceled) this.#request.emit('row', token.columns)
        return false
      }
      if (token === undefined) return true
    }
  }

  /** Gives the driver back what was not read, packed as if it had just come. */
  #leave(): void {
    this.#isFeeding = false
    const incoming = this.#incoming
    incoming._transform = this.#transform
    const { parser } = this.#target
    if (parser !== undefined && parser.position < parser.buffer.length) {
      const unread = Buffer.from(parser.buffer.subarray(parser.position))
      parser.buffer = empty
      parser.position = 0
      this.#message.write(unread)
    }
    if (this.#left > 0) {
      const header = Buffer.alloc(HEADER_BYTES)
      header[0] = RESPONSE
      header.writeUInt16BE(this.#left + HEADER_BYTES, 2)
      incoming.bl.append(header)
    } else if (this.#headerBytes > 0) {
      incoming.bl.append(Buffer.from(this.#header.subarray(0, this.#headerBytes)))
    }
    if (this.#chunk.length > 0) incoming.bl.append(Buffer.from(this.#chunk))
    this.#chunk = empty
    const callback = this.#takeCallback()
    if (callback !== undefined) incoming.processBufferedData(callback)
  }

  #takeCallback(): TransformCallback | undefined {
    const callback = this.#callback
    this.#callback = undefined
    return callback
  }
}
