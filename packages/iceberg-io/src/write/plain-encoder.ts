import type { ColumnView } from '@icebridge/columnar'
import type { DeltaChoice } from './delta-choice.ts'
import { PageBuffer } from './page-buffer.ts'
import {
  type EncodedDictionary,
  type EncodedValues,
  type RawBounds,
  type ValueEncoder,
  wrongKind,
} from './value-encoder.ts'

/** Integers that may be stored as differences. */
interface Delta {
  readonly choice: DeltaChoice | undefined
  readonly width: 4 | 8
}

/** A column chunk of values of one width, stored as they are: a page is filled by copies, and looked at once, when it is taken. */
export abstract class PlainEncoder implements ValueEncoder {
  protected readonly page: PageBuffer = new PageBuffer()
  nanCount = 0
  readonly #delta: Delta | undefined

  constructor(delta?: Delta) {
    this.#delta = delta
  }

  get pageBytes(): number {
    return this.page.length
  }

  abstract appendRange(view: ColumnView, start: number, end: number): void
  abstract appendRows(view: ColumnView, rows: Int32Array, count: number): void
  /** Of the values in the open page. */
  protected abstract bounds(): RawBounds | undefined

  takePage(): EncodedValues {
    const bounds = this.page.length === 0 ? undefined : this.bounds()
    const deltas = this.#delta?.choice?.encode(this.page, this.#delta.width)
    const plain = this.page.take()
    if (deltas === undefined) return { encoding: 'PLAIN', bytes: plain, plain, bounds }
    return { encoding: 'DELTA_BINARY_PACKED', bytes: deltas, plain, bounds }
  }

  takeChunk(): EncodedDictionary | undefined {
    this.nanCount = 0
    return undefined
  }
}

/** Values of one or two 32-bit words, in memory as in the file. */
abstract class WordsEncoder extends PlainEncoder {
  readonly #wordCount: 1 | 2

  constructor(wordCount: 1 | 2, delta?: Delta) {
    super(delta)
    this.#wordCount = wordCount
  }

  /** The values of all rows of the view. @throws TypeError when it is of another kind. */
  protected abstract valuesOf(view: ColumnView): Int32Array | BigInt64Array | Float32Array | Float64Array

  appendRange(view: ColumnView, start: number, end: number): void {
    const { buffer, byteOffset } = this.valuesOf(view)
    const width = this.#wordCount * 4
    const at = this.page.extend((end - start) * width)
    this.page.bytes.set(new Uint8Array(buffer, byteOffset + start * width, (end - start) * width), at)
  }

  /** Words are copied, not numbers: a NaN keeps its payload. */
  appendRows(view: ColumnView, rows: Int32Array, count: number): void {
    const values = this.valuesOf(view)
    const from = new Int32Array(values.buffer, values.byteOffset, values.byteLength >> 2)
    let at = this.page.extend(count * this.#wordCount * 4) >> 2
    const { words } = this.page
    if (this.#wordCount === 1) {
      for (let index = 0; index < count; index++) words[at++] = from[rows[index] ?? 0] ?? 0
      return
    }
    for (let index = 0; index < count; index++) {
      const word = (rows[index] ?? 0) * 2
      words[at++] = from[word] ?? 0
      words[at++] = from[word + 1] ?? 0
    }
  }
}

/** int32 and date. */
export class Int32Encoder extends WordsEncoder {
  constructor(choice?: DeltaChoice) {
    super(1, { choice, width: 4 })
  }

  protected bounds(): RawBounds {
    return boundsOf32(this.page)
  }

  protected valuesOf(view: ColumnView): Int32Array {
    if (view.kind !== 'int32' && view.kind !== 'date') throw wrongKind(view, 'int32')
    return view.values
  }
}

/** int64, time and timestamps. */
export class Int64Encoder extends WordsEncoder {
  constructor(choice?: DeltaChoice) {
    super(2, { choice, width: 8 })
  }

  protected bounds(): RawBounds {
    return boundsOf64(this.page)
  }

  protected valuesOf(view: ColumnView): BigInt64Array {
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

/** float32 and float64. NaN stays out of the bounds; a zero bound is -0 below and +0 above. */
export class FloatEncoder extends WordsEncoder {
  readonly #width: 4 | 8

  constructor(width: 4 | 8) {
    super(width === 4 ? 1 : 2)
    this.#width = width
  }

  protected bounds(): RawBounds | undefined {
    const { buffer, byteOffset } = this.page.words
    const count = this.page.length / this.#width
    const values =
      this.#width === 4 ? new Float32Array(buffer, byteOffset, count) : new Float64Array(buffer, byteOffset, count)
    let min = Infinity
    let max = -Infinity
    let nans = 0
    for (const value of values) {
      if (value < min) min = value
      if (value > max) max = value
      if (Number.isNaN(value)) nans++
    }
    this.nanCount += nans
    return nans === count ? undefined : { min: min === 0 ? -0 : min, max: max === 0 ? 0 : max }
  }

  protected valuesOf(view: ColumnView): Float32Array | Float64Array {
    if (view.kind === 'float32' && this.#width === 4) return view.values
    if (view.kind === 'float64' && this.#width === 8) return view.values
    throw wrongKind(view, `float${this.#width * 8}`)
  }
}

/** Smallest and largest of a page of 32-bit integers. */
export function boundsOf32({ words, length }: PageBuffer): { readonly min: number; readonly max: number } {
  let min = words[0] ?? 0
  let max = min
  const count = length >> 2
  for (let index = 1; index < count; index++) {
    const value = words[index] ?? 0
    if (value < min) min = value
    if (value > max) max = value
  }
  return { min, max }
}

/** Smallest and largest of a page of 64-bit integers, compared by halves so that no bigint is made per value. */
export function boundsOf64({ words, length }: PageBuffer): { readonly min: bigint; readonly max: bigint } {
  let minLow = (words[0] ?? 0) >>> 0
  let minHigh = words[1] ?? 0
  let maxLow = minLow
  let maxHigh = minHigh
  const end = length >> 2
  for (let at = 2; at < end; at += 2) {
    const low = (words[at] ?? 0) >>> 0
    const high = words[at + 1] ?? 0
    if (high < minHigh || (high === minHigh && low < minLow)) {
      minHigh = high
      minLow = low
    }
    if (high > maxHigh || (high === maxHigh && low > maxLow)) {
      maxHigh = high
      maxLow = low
    }
  }
  return { min: join(minHigh, minLow), max: join(maxHigh, maxLow) }
}

function join(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low)
}
