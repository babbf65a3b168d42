import { type Data, FixedSizeBinary, makeData } from 'apache-arrow'
import { BuilderBase, doubled } from './builder-base.ts'

abstract class FixedBase extends BuilderBase {
  readonly byteWidth: number
  #bytes: Uint8Array | undefined = undefined

  constructor(name: string, initialRows: number, byteWidth: number) {
    super(name, initialRows)
    this.byteWidth = byteWidth
  }

  /** Appends bytes of exactly the column's length; they are copied. @throws ColumnarError 'wrong-length' */
  append(value: Uint8Array): void {
    const width = this.byteWidth
    if (value.length !== width) throw this.fault('wrong-length', `${value.length} bytes, not ${width}`)
    const bytes = this.#room()
    const start = this.length * width
    if (width <= 24) for (let index = 0; index < width; index++) bytes[start + index] = value[index] ?? 0
    else bytes.set(value, start)
    this.length++
  }

  appendNull(): void {
    const start = this.length * this.byteWidth
    this.#room().fill(0, start, start + this.byteWidth)
    this.markNull()
    this.length++
  }

  get byteSize(): number {
    return this.length * this.byteWidth
  }

  /** The Arrow data; the builder starts again empty. */
  finish(): Data {
    const made = makeData({
      type: new FixedSizeBinary(this.byteWidth),
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.takeBitmap(),
      data: (this.#bytes ?? new Uint8Array(0)).subarray(0, this.length * this.byteWidth),
    })
    this.#bytes = undefined
    this.reset()
    return made
  }

  #room(): Uint8Array {
    const bytes = this.#bytes
    if (bytes !== undefined && this.length < this.capacity) return bytes
    if (bytes !== undefined) this.capacity = doubled(this.capacity)
    const grown = new Uint8Array(this.allocate(this.capacity * this.byteWidth))
    if (bytes !== undefined) {
      grown.set(bytes)
      this.release(bytes)
    }
    this.#bytes = grown
    return grown
  }
}

/** Builds a column of byte strings of one length. */
export class FixedBuilder extends FixedBase {
  readonly kind = 'fixed' as const
}

/** Builds a UUID column from 16 bytes each, in the order in which the text form is written. */
export class UuidBuilder extends FixedBase {
  readonly kind = 'uuid' as const

  constructor(name: string, initialRows: number) {
    super(name, initialRows, 16)
  }
}
