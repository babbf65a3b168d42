import type { ByteSink } from './byte-sink.ts'
import { sendPieces, type RowPiece } from './driver-sink.ts'
import { writeUtf16, type ByteSpan } from './utf16.ts'
import { LARGE_HEADER, writeLargeHeader } from './wire-value.ts'

/** Rows are handed over once they have about so many bytes. */
const BLOCK = 64 * 1024

/**
 * The bytes of rows on their way to the driver, which takes many of them in one piece. Memory that was handed over is never written
 * again: the driver may keep it until it is sent.
 */
export class RowBuffer implements ByteSink {
  #bytes = Buffer.allocUnsafeSlow(BLOCK)
  /** Where what was not handed over begins. */
  #start = 0
  #end = 0
  #rowStart = 0
  #longestRow = 0
  /** What comes before the bytes that are there, of a row with a long value. */
  #pieces: RowPiece[] = []
  #isSent = true
  #parts = 0

  /** False while parts of what was handed over last are still to be sent. */
  get isSent(): boolean {
    return this.#isSent
  }

  /** Parts of long values that were made so far. */
  get parts(): number {
    return this.#parts
  }

  /** Ends a row. Whether it is time to hand over: what is there is a block, or another row may not fit, or it has a long value. */
  endRow(): boolean {
    if (this.#pieces.length > 0) return true
    const length = this.#end - this.#rowStart
    if (length > this.#longestRow) this.#longestRow = length
    this.#rowStart = this.#end
    return this.#end - this.#start >= BLOCK || this.#bytes.length - this.#end < this.#longestRow
  }

  /** Gives the rows to the driver. */
  moveTo(sink: ByteSink): void {
    const rows = this.#take()
    if (this.#pieces.length === 0) {
      sink.writeBuffer(rows)
      return
    }
    const pieces = [...this.#pieces, { bytes: rows }]
    this.#pieces = []
    this.#isSent = false
    sendPieces(sink, pieces, {
      part: () => {
        this.#parts += 1
      },
      end: () => {
        this.#isSent = true
      },
    })
  }

  /** Forgets what was not handed over. */
  clear(): void {
    this.#pieces = []
    this.#end = this.#start
    this.#rowStart = this.#start
  }

  writeUInt8(value: number): void {
    const at = this.#extend(1)
    this.#bytes[at] = value
  }

  writeUInt16LE(value: number): void {
    const at = this.#extend(2)
    this.#bytes[at] = value
    this.#bytes[at + 1] = value >>> 8
  }

  writeUInt24LE(value: number): void {
    const at = this.#extend(3)
    this.#bytes[at] = value
    this.#bytes[at + 1] = value >>> 8
    this.#bytes[at + 2] = value >>> 16
  }

  writeUInt32LE(value: number): void {
    const at = this.#extend(4)
    this.#bytes[at] = value
    this.#bytes[at + 1] = value >>> 8
    this.#bytes[at + 2] = value >>> 16
    this.#bytes[at + 3] = value >>> 24
  }

  writeInt16LE(value: number): void {
    this.writeUInt16LE(value)
  }

  writeInt32LE(value: number): void {
    this.writeUInt32LE(value)
  }

  writeBigInt64LE(value: bigint): void {
    const at = this.#extend(8)
    this.#bytes.writeBigInt64LE(value, at)
  }

  writeBigUInt64LE(value: bigint): void {
    const at = this.#extend(8)
    this.#bytes.writeBigUInt64LE(value, at)
  }

  writeFloatLE(value: number): void {
    const at = this.#extend(4)
    this.#bytes.writeFloatLE(value, at)
  }

  writeDoubleLE(value: number): void {
    const at = this.#extend(8)
    this.#bytes.writeDoubleLE(value, at)
  }

  writeString(value: string, encoding: 'ucs2'): void {
    const at = this.#extend(value.length * 2)
    this.#bytes.write(value, at, encoding)
  }

  /** The next bytes are made while they are sent. */
  writeParts(parts: Iterable<Buffer>): void {
    this.#pieces.push({ bytes: this.#take() }, { parts })
  }

  writeBuffer(value: Buffer): void {
    this.writeRange(value, 0, value.length)
  }

  /** The bytes of `source` from `start` to `end`. */
  writeRange(source: Buffer, start: number, end: number): void {
    let at = this.#extend(end - start)
    const bytes = this.#bytes
    // A call of the platform costs more than a few bytes do.
    if (end - start > 24) source.copy(bytes, at, start, end)
    else for (let index = start; index < end; index += 1) bytes[at++] = source[index] ?? 0
  }

  /**
   * The text of a few UTF-8 bytes as UTF-16, behind its length: in two bytes, or in one chunk where the type is large. Gives the number of
   * code units; -1 when the bytes are not well formed, and then nothing is written.
   */
  writeUtf8(source: Uint8Array, span: ByteSpan, large: boolean): number {
    const header = large ? LARGE_HEADER : 2
    const at = this.#extend(header + (span.end - span.start) * 2 + (large ? 4 : 0))
    const start = at + header
    const end = writeUtf16(source, span, this.#bytes, start)
    this.#end = at
    if (end < 0) return -1
    const bytes = end - start
    if (large) {
      writeLargeHeader(this, bytes)
      this.#end = end
      // The chunk that ends the value; an empty one has none of its own.
      if (bytes > 0) this.writeUInt32LE(0)
    } else {
      this.writeUInt16LE(bytes)
      this.#end = end
    }
    return bytes >>> 1
  }

  /** What was not handed over; its memory is not written again. */
  #take(): Buffer {
    const bytes = this.#bytes.subarray(this.#start, this.#end)
    this.#start = this.#end
    this.#rowStart = this.#end
    return bytes
  }

  #extend(size: number): number {
    if (this.#end + size > this.#bytes.length) this.#grow(size)
    const at = this.#end
    this.#end = at + size
    return at
  }

  /** Goes on in memory that has room, with what was not handed over. */
  #grow(size: number): void {
    const kept = this.#end - this.#start
    const least = kept + size
    // A long value is followed by little: twice its memory would be for nothing.
    const room = least <= BLOCK ? BLOCK : least > 1 << 20 ? least + 1024 : least * 2
    const grown = Buffer.allocUnsafeSlow(room)
    this.#bytes.copy(grown, 0, this.#start, this.#end)
    this.#rowStart -= this.#start
    this.#bytes = grown
    this.#start = 0
    this.#end = kept
    this.#longestRow = 0
  }
}
