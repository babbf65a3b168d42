/** The driver's parser: what it is parsing, and what has arrived since. */
export interface ArrivingParser {
  buffer: Buffer
  position: number
  pending: Buffer[]
  pendingLength: number
  /** Bytes from the position on without which the parser cannot go on. */
  readonly bytesNeeded: number
}

const FIRST_BYTES = 64 * 1024
/** Single values longer than this come in memory of their own, as the driver always has it. */
const MOST_BYTES = 1024 * 1024

/**
 * One piece of memory in which the bytes of a result are parsed, packet after packet, where the driver takes a new one for each. Only
 * for those who copy all they keep: the bytes are overwritten as soon as they are parsed.
 */
export class WireWindow {
  #bytes: Buffer = Buffer.alloc(0)

  /** Gives the parser what has arrived, as its own `appendPending` does. False, and nothing is done, when that should. */
  append(parser: ArrivingParser): boolean {
    const rest = parser.buffer.length - parser.position
    const length = rest + parser.pendingLength
    const { pending } = parser
    if (length < parser.bytesNeeded || length > MOST_BYTES || (rest === 0 && pending.length === 1)) return false
    this.add(parser, pending, parser.pendingLength)
    parser.pending = []
    parser.pendingLength = 0
    return true
  }

  /** Puts pieces, of so many bytes in all, behind what the parser has not read. The pieces are copied. */
  add(parser: ArrivingParser, pieces: readonly Buffer[], bytes: number): void {
    const rest = parser.buffer.length - parser.position
    const length = rest + bytes
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, length * 2))
      parser.buffer.copy(grown, 0, parser.position)
      this.#bytes = grown
    } else {
      // The rest may stand in this very memory: it is moved as if by way of a copy.
      parser.buffer.copy(this.#bytes, 0, parser.position)
    }
    let at = rest
    for (const piece of pieces) at += piece.copy(this.#bytes, at)
    parser.buffer = this.#bytes.subarray(0, length)
    parser.position = 0
  }
}
