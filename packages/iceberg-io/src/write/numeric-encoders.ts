import type { ColumnView } from '@icebridge/columnar'
import { ByteBuffer, copyBytes } from './byte-buffer.ts'
import {
  type EncodedDictionary,
  type EncodedValues,
  type RawBounds,
  type ValueEncoder,
  wrongKind,
} from './value-encoder.ts'

/** A column chunk of values that are stored as they are in memory, little-endian. */
abstract class PlainEncoder implements ValueEncoder {
  protected readonly page: ByteBuffer = new ByteBuffer()
  nanCount = 0

  get pageBytes(): number {
    return this.page.length
  }

  abstract appendRange(view: ColumnView, start: number, end: number): void
  abstract appendRows(view: ColumnView, rows: Int32Array, count: number): void
  protected abstract takeBounds(): RawBounds | undefined

  takePage(): EncodedValues {
    const bytes = this.page.view()
    this.page.length = 0
    return { encoding: 'PLAIN', bytes, bounds: this.takeBounds() }
  }

  takeChunk(): EncodedDictionary | undefined {
    this.nanCount = 0
    return undefined
  }

  /** Room for `count` values of `width` bytes; moves the end of the page past them and gives where they start. */
  protected extend(count: number, width: number): number {
    const start = this.page.length
    this.page.reserve(count * width)
    this.page.length = start + count * width
    return start
  }

  /** Copies rows of a typed array as they are. */
  protected copy(values: ArrayBufferView, start: number, end: number, width: number): void {
    const at = this.extend(end - start, width)
    this.page.bytes.set(new Uint8Array(values.buffer, values.byteOffset + start * width, (end - start) * width), at)
  }
}

/** int32 and date. */
export class Int32Encoder extends PlainEncoder {
  #min = Infinity
  #max = -Infinity

  appendRange(view: ColumnView, start: number, end: number): void {
    const values = this.#values(view)
    this.copy(values, start, end, 4)
    let min = this.#min
    let max = this.#max
    for (let row = start; row < end; row++) {
      const value = values[row] ?? 0
      if (value < min) min = value
      if (value > max) max = value
    }
    this.#min = min
    this.#max = max
  }

  appendRows(view: ColumnView, rows: Int32Array, count: number): void {
    const values = this.#values(view)
    let at = this.extend(count, 4)
    for (let index = 0; index < count; index++, at += 4) {
      const value = values[rows[index] ?? 0] ?? 0
      this.page.bytes.writeInt32LE(value, at)
      if (value < this.#min) this.#min = value
      if (value > this.#max) this.#max = value
    }
  }

  protected takeBounds(): RawBounds | undefined {
    const bounds = this.#min <= this.#max ? { min: this.#min, max: this.#max } : undefined
    this.#min = Infinity
    this.#max = -Infinity
    return bounds
  }

  #values(view: ColumnView): Int32Array {
    if (view.kind !== 'int32' && view.kind !== 'date') throw wrongKind(view, 'int32')
    return view.values
  }
}

/** Bounds of 64-bit integers, kept as halves so that no bigint is made per value. */
class LongBounds {
  #some = false
  #minHigh = 0
  #minLow = 0
  #maxHigh = 0
  #maxLow = 0

  /** `high` signed, `low` unsigned. */
  add(high: number, low: number): void {
    if (!this.#some) {
      this.#some = true
      this.#minHigh = this.#maxHigh = high
      this.#minLow = this.#maxLow = low
      return
    }
    if (high < this.#minHigh || (high === this.#minHigh && low < this.#minLow)) {
      this.#minHigh = high
      this.#minLow = low
    } else if (high > this.#maxHigh || (high === this.#maxHigh && low > this.#maxLow)) {
      this.#maxHigh = high
      this.#maxLow = low
    }
  }

  take(): { readonly min: bigint; readonly max: bigint } | undefined {
    if (!this.#some) return undefined
    this.#some = false
    return {
      min: (BigInt(this.#minHigh) << 32n) | BigInt(this.#minLow),
      max: (BigInt(this.#maxHigh) << 32n) | BigInt(this.#maxLow),
    }
  }
}

/** int64, time and timestamps. */
export class Int64Encoder extends PlainEncoder {
  readonly #bounds = new LongBounds()

  appendRange(view: ColumnView, start: number, end: number): void {
    const values = this.#values(view)
    this.copy(values, start, end, 8)
    const halves = halvesOf(values)
    for (let row = start; row < end; row++) this.#bounds.add(halves[row * 2 + 1] ?? 0, (halves[row * 2] ?? 0) >>> 0)
  }

  appendRows(view: ColumnView, rows: Int32Array, count: number): void {
    const halves = halvesOf(this.#values(view))
    let at = this.extend(count, 8)
    for (let index = 0; index < count; index++, at += 8) {
      const row = rows[index] ?? 0
      const low = halves[row * 2] ?? 0
      const high = halves[row * 2 + 1] ?? 0
      this.page.bytes.writeInt32LE(low, at)
      this.page.bytes.writeInt32LE(high, at + 4)
      this.#bounds.add(high, low >>> 0)
    }
  }

  protected takeBounds(): RawBounds | undefined {
    return this.#bounds.take()
  }

  #values(view: ColumnView): BigInt64Array {
    switch (view.kind) {
      case 'int64':
      case 'time':
      case 'timestamp':
      case 'timestamp_ns':
        return view.values
      default:
        throw wrongKind(view, 'int64')
    }
  }
}

function halvesOf(values: BigInt64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2)
}

/** float32 and float64. NaN stays out of the bounds; a zero bound is -0 below and +0 above. */
export class FloatEncoder extends PlainEncoder {
  readonly #width: 4 | 8
  #min = Infinity
  #max = -Infinity
  #some = false

  constructor(width: 4 | 8) {
    super()
    this.#width = width
  }

  appendRange(view: ColumnView, start: number, end: number): void {
    const values = this.#values(view)
    this.copy(values, start, end, this.#width)
    for (let row = start; row < end; row++) this.#bound(values[row] ?? 0)
  }

  appendRows(view: ColumnView, rows: Int32Array, count: number): void {
    const values = this.#values(view)
    const width = this.#width
    // Bytes are copied, not numbers: a NaN keeps its payload.
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    let at = this.extend(count, width)
    for (let index = 0; index < count; index++) {
      const row = rows[index] ?? 0
      const from = row * width
      for (let byte = 0; byte < width; byte++) this.page.bytes[at++] = bytes[from + byte] ?? 0
      this.#bound(values[row] ?? 0)
    }
  }

  protected takeBounds(): RawBounds | undefined {
    const bounds = this.#some
      ? { min: this.#min === 0 ? -0 : this.#min, max: this.#max === 0 ? 0 : this.#max }
      : undefined
    this.#min = Infinity
    this.#max = -Infinity
    this.#some = false
    return bounds
  }

  #bound(value: number): void {
    if (Number.isNaN(value)) {
      this.nanCount++
      return
    }
    this.#some = true
    if (value < this.#min) this.#min = value
    if (value > this.#max) this.#max = value
  }

  #values(view: ColumnView): Float32Array | Float64Array {
    if (view.kind === 'float32' && this.#width === 4) return view.values
    if (view.kind === 'float64' && this.#width === 8) return view.values
    throw wrongKind(view, `float${this.#width * 8}`)
  }
}

/**
 * Decimals: 4 or 8 bytes little-endian up to 9 and 18 digits, else big-endian in the fewest bytes for the precision.
 *
 * @see https://iceberg.apache.org/spec/#parquet
 */
export class DecimalEncoder extends PlainEncoder {
  readonly #width: number
  readonly #fixed: boolean
  readonly #bounds = new LongBounds()
  /** Bounds of values outside 64 bits. */
  #min: bigint | undefined = undefined
  #max: bigint | undefined = undefined

  constructor(layout: { readonly width: number; readonly fixed: boolean }) {
    super()
    this.#width = layout.width
    this.#fixed = layout.fixed
  }

  appendRange(view: ColumnView, start: number, end: number): void {
    let at = this.extend(end - start, this.#width)
    for (let row = start; row < end; row++, at += this.#width) this.#write(view, row, at)
  }

  appendRows(view: ColumnView, rows: Int32Array, count: number): void {
    let at = this.extend(count, this.#width)
    for (let index = 0; index < count; index++, at += this.#width) this.#write(view, rows[index] ?? 0, at)
  }

  protected takeBounds(): RawBounds | undefined {
    const small = this.#bounds.take()
    let min = this.#min
    let max = this.#max
    this.#min = this.#max = undefined
    if (small !== undefined) {
      if (min === undefined || small.min < min) min = small.min
      if (max === undefined || small.max > max) max = small.max
    }
    return min === undefined || max === undefined ? undefined : { min, max }
  }

  #write(view: ColumnView, row: number, at: number): void {
    if (view.kind !== 'decimal') throw wrongKind(view, 'decimal')
    const { words } = view
    const { bytes } = this.page
    const first = row * 4
    const low = words[first] ?? 0
    const high = (words[first + 1] ?? 0) | 0
    if (this.#fixed) {
      let to = at + this.#width - 1
      for (let byte = 0; to >= at; byte++, to--)
        bytes[to] = ((words[first + (byte >> 2)] ?? 0) >>> ((byte & 3) * 8)) & 0xff
    } else {
      bytes.writeUInt32LE(low, at)
      if (this.#width === 8) bytes.writeInt32LE(high, at + 4)
    }
    if (view.fitsInt64(row)) {
      this.#bounds.add(high, low)
      return
    }
    const value = view.value(row)
    if (this.#min === undefined || value < this.#min) this.#min = value
    if (this.#max === undefined || value > this.#max) this.#max = value
  }
}

/** Booleans, one bit each. */
export class BooleanEncoder extends PlainEncoder {
  #bits = 0
  #some = false
  #min = true
  #max = false

  override get pageBytes(): number {
    return this.#bits >> 3
  }

  appendRange(view: ColumnView, start: number, end: number): void {
    for (let row = start; row < end; row++) this.#write(view, row)
  }

  appendRows(view: ColumnView, rows: Int32Array, count: number): void {
    for (let index = 0; index < count; index++) this.#write(view, rows[index] ?? 0)
  }

  override takePage(): EncodedValues {
    this.#bits = 0
    return super.takePage()
  }

  protected takeBounds(): RawBounds | undefined {
    const bounds = this.#some ? { min: this.#min, max: this.#max } : undefined
    this.#some = false
    this.#min = true
    this.#max = false
    return bounds
  }

  #write(view: ColumnView, row: number): void {
    if (view.kind !== 'boolean') throw wrongKind(view, 'boolean')
    const bit = this.#bits & 7
    if (bit === 0) this.page.appendByte(0)
    this.#bits++
    this.#some = true
    if (view.value(row)) {
      const last = this.page.length - 1
      this.page.bytes[last] = (this.page.bytes[last] ?? 0) | (1 << bit)
      this.#max = true
    } else {
      this.#min = false
    }
  }
}

/** fixed and uuid, in byte order. */
export class FixedEncoder extends PlainEncoder {
  readonly #width: number
  #min: Uint8Array | undefined = undefined
  #max: Uint8Array | undefined = undefined

  constructor(width: number) {
    super()
    this.#width = width
  }

  appendRange(view: ColumnView, start: number, end: number): void {
    const values = this.#values(view)
    const width = this.#width
    this.copy(values, start * width, end * width, 1)
    for (let row = start; row < end; row++) this.#bound(values, row)
  }

  appendRows(view: ColumnView, rows: Int32Array, count: number): void {
    const values = this.#values(view)
    const width = this.#width
    let at = this.extend(count, width)
    for (let index = 0; index < count; index++) {
      const from = (rows[index] ?? 0) * width
      for (let byte = 0; byte < width; byte++) this.page.bytes[at++] = values[from + byte] ?? 0
      this.#bound(values, rows[index] ?? 0)
    }
  }

  protected takeBounds(): RawBounds | undefined {
    const bounds = this.#min === undefined || this.#max === undefined ? undefined : { min: this.#min, max: this.#max }
    this.#min = this.#max = undefined
    return bounds
  }

  #bound(values: Uint8Array, row: number): void {
    const width = this.#width
    const start = row * width
    if (this.#min === undefined || this.#max === undefined) {
      this.#min = this.#max = copyBytes(values, start, start + width)
      return
    }
    if (order(values, start, this.#min) < 0) this.#min = copyBytes(values, start, start + width)
    else if (order(values, start, this.#max) > 0) this.#max = copyBytes(values, start, start + width)
  }

  #values(view: ColumnView): Uint8Array {
    if (view.kind !== 'fixed' && view.kind !== 'uuid') throw wrongKind(view, 'fixed')
    return view.values
  }
}

/** Unsigned byte order of `values` from `start` against `bound`, over the length of `bound`. */
function order(values: Uint8Array, start: number, bound: Uint8Array): number {
  for (let index = 0; index < bound.length; index++) {
    const difference = (values[start + index] ?? 0) - (bound[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
