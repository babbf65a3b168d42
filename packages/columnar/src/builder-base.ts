import { ColumnarError, type ColumnarErrorCode } from './errors.ts'
import type { MemoryPool } from './memory-pool.ts'

/**
 * What every column builder has in common: a length and a validity bitmap.
 *
 * The bitmap exists only once a null was appended, and is born all ones: appending a value never touches it.
 */
export abstract class BuilderBase {
  /** The column's name, for messages. */
  readonly name: string
  /** Where memory for values comes from, when it is not made anew. To be set before the first value. */
  memory: MemoryPool | undefined = undefined
  /** Values and nulls appended since the last `finish`. */
  length = 0
  /** Nulls among them. */
  nullCount = 0
  protected bitmap: Uint8Array | undefined = undefined
  /** Slots allocated; a slot is one row. */
  protected capacity: number

  constructor(name: string, initialRows: number) {
    this.name = name
    this.capacity = Math.max(8, initialRows)
  }

  /** Marks the slot at `length` as null. Subclasses move `length` on. */
  protected markNull(): void {
    const row = this.length
    let bitmap = this.bitmap
    if (bitmap === undefined || bitmap.length * 8 <= row) {
      const grown = new Uint8Array(Math.max((this.capacity + 7) >> 3, (row >> 3) + 1)).fill(255)
      if (bitmap !== undefined) grown.set(bitmap)
      this.bitmap = bitmap = grown
    }
    const byte = row >> 3
    bitmap[byte] = (bitmap[byte] ?? 0) & ~(1 << (row & 7))
    this.nullCount++
  }

  /** True when the row was appended as a null. */
  isNull(row: number): boolean {
    const bits = this.bitmap
    return bits !== undefined && row >> 3 < bits.length && ((bits[row >> 3] ?? 255) & (1 << (row & 7))) === 0
  }

  /** The bitmap for Arrow, whole for all rows, or undefined without nulls. */
  protected takeBitmap(): Uint8Array | undefined {
    const bitmap = this.bitmap
    if (this.nullCount === 0 || bitmap === undefined) return undefined
    const bytes = (this.length + 7) >> 3
    if (bitmap.length >= bytes) return bitmap.subarray(0, bytes)
    const whole = new Uint8Array(bytes).fill(255)
    whole.set(bitmap)
    return whole
  }

  /** At least so many bytes, of any content when they come from a pool. */
  protected allocate(bytes: number): ArrayBuffer {
    return this.memory?.take(bytes) ?? new ArrayBuffer(bytes)
  }

  /** Ends the use of memory that nobody else has seen. */
  protected release(values: ArrayBufferView): void {
    this.memory?.giveBack(values.buffer)
  }

  protected reset(): void {
    this.capacity = Math.max(8, this.length)
    this.length = 0
    this.nullCount = 0
    this.bitmap = undefined
  }

  /** An error about the value for the next row: it names column and row, never the value. */
  protected fault(code: ColumnarErrorCode, what: string, hint?: string): ColumnarError {
    return new ColumnarError(code, `Column ${this.name}, row ${this.length} of the batch: ${what}`, {
      context: { column: this.name, row: this.length },
      hint,
    })
  }
}

/** Rows a builder may hold: Arrow's lengths and offsets are 32-bit signed. */
export const MAX_ROWS = 0x7fff_ffff

/** The next capacity: double, at most what Arrow holds. */
export function doubled(capacity: number): number {
  return Math.min(MAX_ROWS, capacity * 2)
}
