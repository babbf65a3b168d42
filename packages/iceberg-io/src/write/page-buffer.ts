/** The values of an open page, seen as bytes and as 32-bit words, in memory that is used again for the next page. */
export class PageBuffer {
  bytes: Buffer = Buffer.allocUnsafeSlow(1024)
  words: Int32Array = wordsOf(this.bytes)
  /** Bytes. */
  length = 0

  /** Makes room for `extra` more bytes, moves the end past them, and gives where they start. */
  extend(extra: number): number {
    const start = this.length
    this.length += extra
    if (this.length > this.bytes.length) {
      // A multiple of eight, so that words and doubles fit.
      const grown = Buffer.allocUnsafeSlow((Math.max(this.length, this.bytes.length * 2) + 7) & ~7)
      this.bytes.copy(grown, 0, 0, start)
      this.bytes = grown
      this.words = wordsOf(grown)
    }
    return start
  }

  /** What was written, a view that the next write may change; the page begins again. */
  take(): Buffer {
    const written = this.bytes.subarray(0, this.length)
    this.length = 0
    return written
  }
}

function wordsOf(bytes: Buffer): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
}
