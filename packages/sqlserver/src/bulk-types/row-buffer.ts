import type { ByteSink } from './byte-sink.ts'

/** Rows of at least so many bytes are handed over with their memory; the driver copies shorter ones. */
const HANDED_OVER = 8 * 1024

/** The bytes of one row, gathered so that the driver takes them in one piece. */
export class RowBuffer implements ByteSink {
  #bytes = Buffer.allocUnsafeSlow(HANDED_OVER)
  #length = 0

  /** Gives the row to the driver; the next one begins empty. */
  moveTo(sink: ByteSink): void {
    const row = this.#bytes.subarray(0, this.#length)
    this.#length = 0
    sink.writeBuffer(row)
    if (row.length >= HANDED_OVER) this.#bytes = Buffer.allocUnsafeSlow(HANDED_OVER)
  }

  /** Forgets what was written of a row. */
  clear(): void {
    this.#length = 0
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

  writeBuffer(value: Uint8Array): void {
    const at = this.#extend(value.length)
    this.#bytes.set(value, at)
  }

  /** ASCII text as UTF-16. */
  writeAscii(source: Uint8Array, start: number, end: number): void {
    let at = this.#extend((end - start) * 2)
    const bytes = this.#bytes
    for (let index = start; index < end; index += 1) {
      bytes[at] = source[index] ?? 0
      bytes[at + 1] = 0
      at += 2
    }
  }

  #extend(size: number): number {
    const at = this.#length
    const end = at + size
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(
        Math.max(end + 1024, this.#bytes.length * 2 > 1 << 20 ? 0 : this.#bytes.length * 2),
      )
      this.#bytes.copy(grown, 0, 0, at)
      this.#bytes = grown
    }
    this.#length = end
    return at
  }
}
