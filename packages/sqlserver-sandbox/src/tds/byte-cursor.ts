/** Thrown by a `ByteCursor` at its end: a streaming reader goes back to the last whole item and waits for more bytes. */
export const NEED_MORE: Error = new Error('The message ends in the middle of a value.')

const SHORT_STRING = 16

/** Reads little-endian values from bytes that may not all be there yet. */
export class ByteCursor {
  bytes: Buffer
  view: DataView
  position = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.view = viewOf(bytes)
  }

  get remaining(): number {
    return this.bytes.length - this.position
  }

  /** Drops what was read and adds `more` behind the rest. */
  append(more: Buffer): void {
    this.bytes = this.remaining === 0 ? more : Buffer.concat([this.bytes.subarray(this.position), more])
    this.view = viewOf(this.bytes)
    this.position = 0
  }

  /** The position of `count` bytes, which are thereby read. */
  take(count: number): number {
    const start = this.position
    if (start + count > this.bytes.length) throw NEED_MORE
    this.position = start + count
    return start
  }

  uint8(): number {
    return this.view.getUint8(this.take(1))
  }

  uint16(): number {
    return this.view.getUint16(this.take(2), true)
  }

  int16(): number {
    return this.view.getInt16(this.take(2), true)
  }

  uint24(): number {
    const at = this.take(3)
    return this.view.getUint16(at, true) + this.view.getUint8(at + 2) * 0x10000
  }

  int32(): number {
    return this.view.getInt32(this.take(4), true)
  }

  uint32(): number {
    return this.view.getUint32(this.take(4), true)
  }

  int64(): bigint {
    return this.view.getBigInt64(this.take(8), true)
  }

  uint64(): bigint {
    return this.view.getBigUint64(this.take(8), true)
  }

  float32(): number {
    return this.view.getFloat32(this.take(4), true)
  }

  float64(): number {
    return this.view.getFloat64(this.take(8), true)
  }

  /** A view of the bytes, no copy. */
  data(length: number): Buffer {
    const at = this.take(length)
    return this.bytes.subarray(at, at + length)
  }

  /** The UTF-16 code units as they are, lone surrogates included. */
  utf16(byteLength: number): string {
    const at = this.take(byteLength)
    if (byteLength > SHORT_STRING * 2) return this.bytes.toString('utf16le', at, at + byteLength)
    let text = ''
    for (let index = at; index + 1 < at + byteLength; index += 2) {
      text += String.fromCharCode(this.view.getUint16(index, true))
    }
    return text
  }

  /** B_VARCHAR. */
  shortString(): string {
    return this.utf16(this.uint8() * 2)
  }

  /** US_VARCHAR. */
  longString(): string {
    return this.utf16(this.uint16() * 2)
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
