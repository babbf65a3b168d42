const INITIAL_BYTES = 64 * 1024
const SHORT_STRING = 24

/** A buffer that grows. Whoever writes calls `ensure` first and then sets bytes at `position` and moves it on. */
export class ByteWriter {
  bytes: Buffer
  view: DataView
  position = 0

  constructor(initialBytes: number = INITIAL_BYTES) {
    this.bytes = Buffer.allocUnsafeSlow(initialBytes)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Makes room for `count` more bytes. `bytes` and `view` may be other objects afterwards. */
  ensure(count: number): void {
    const needed = this.position + count
    if (needed <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(grown, 0, 0, this.position)
    this.bytes = grown
    this.view = new DataView(grown.buffer)
  }

  uint8(value: number): void {
    this.ensure(1)
    this.bytes[this.position++] = value
  }

  uint16(value: number): void {
    this.ensure(2)
    this.view.setUint16(this.position, value, true)
    this.position += 2
  }

  uint32(value: number): void {
    this.ensure(4)
    this.view.setUint32(this.position, value, true)
    this.position += 4
  }

  int32(value: number): void {
    this.uint32(value >>> 0)
  }

  uint64(value: bigint): void {
    this.ensure(8)
    this.view.setBigUint64(this.position, value, true)
    this.position += 8
  }

  data(value: Uint8Array): void {
    this.ensure(value.length)
    this.bytes.set(value, this.position)
    this.position += value.length
  }

  /** The UTF-16 code units as they are, lone surrogates included. */
  utf16(value: string): void {
    const length = value.length
    this.ensure(length * 2)
    if (length > SHORT_STRING) {
      this.bytes.write(value, this.position, length * 2, 'utf16le')
      this.position += length * 2
      return
    }
    let at = this.position
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index)
      this.bytes[at++] = unit & 0xff
      this.bytes[at++] = unit >>> 8
    }
    this.position = at
  }

  /** B_VARCHAR: at most 255 code units, the rest is cut off. */
  shortString(value: string): void {
    const text = value.slice(0, 0xff)
    this.uint8(text.length)
    this.utf16(text)
  }

  /** US_VARCHAR: at most 65535 code units, the rest is cut off. */
  longString(value: string): void {
    const text = value.slice(0, 0xffff)
    this.uint16(text.length)
    this.utf16(text)
  }
}
