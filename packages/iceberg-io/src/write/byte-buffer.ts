/** Bytes that grow by doubling and are used again after `clear`. */
export class ByteBuffer {
  bytes: Buffer
  length = 0

  constructor(initial = 1024) {
    this.bytes = Buffer.allocUnsafeSlow(initial)
  }

  /** Makes room for `extra` more bytes at `length`. */
  reserve(extra: number): Buffer {
    const needed = this.length + extra
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
      this.bytes.copy(grown, 0, 0, this.length)
      this.bytes = grown
    }
    return this.bytes
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length).set(bytes, this.length)
    this.length += bytes.length
  }

  appendByte(byte: number): void {
    this.reserve(1)[this.length++] = byte
  }

  /** Unsigned LEB128 of a value below 2^31. */
  appendVarint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.appendByte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.appendByte(rest)
  }

  appendUint32(value: number): void {
    this.reserve(4).writeUInt32LE(value, this.length)
    this.length += 4
  }

  /** What was written, a view that the next write may change. */
  view(): Buffer {
    return this.bytes.subarray(0, this.length)
  }

  /** Empties the buffer; memory beyond `keep` bytes is given back. */
  clear(keep: number = Number.MAX_SAFE_INTEGER): void {
    this.length = 0
    if (this.bytes.length > keep) this.bytes = Buffer.allocUnsafeSlow(keep)
  }
}

/** A copy of a range, even of a Buffer, whose own `slice` shares its memory. */
export function copyBytes(data: Uint8Array, start: number, end: number): Uint8Array {
  return Uint8Array.prototype.slice.call(data, start, end)
}

/** Whether all pieces of so many bytes are the same: the bytes equal themselves moved by one piece. */
export function isRepeated(bytes: Uint8Array, pieceBytes: number): boolean {
  return Buffer.compare(bytes.subarray(pieceBytes), bytes.subarray(0, bytes.length - pieceBytes)) === 0
}
