import type { ColumnView, DecimalView } from '@icebridge/columnar'
import { IcebergIoError } from '../errors.ts'
import type { DeltaChoice } from './delta-choice.ts'
import { boundsOf32, boundsOf64, PlainEncoder } from './plain-encoder.ts'
import { type RawBounds, wrongKind } from './value-encoder.ts'

export interface DecimalLayout {
  /** Path of the column, for errors. */
  readonly column: string
  readonly precision: number
  /** Bytes of a value. */
  readonly width: number
}

/** Arrow's words of a decimal. */
const WORDS = 4

/**
 * Decimals of up to 9 or 18 digits: the low 4 or 8 bytes, little-endian.
 *
 * A value of more digits than the column has is refused: its upper bytes would be lost.
 *
 * @see https://iceberg.apache.org/spec/#parquet
 */
export class SmallDecimalEncoder extends PlainEncoder {
  readonly #layout: DecimalLayout

  constructor(layout: DecimalLayout & { readonly width: 4 | 8 }, choice?: DeltaChoice) {
    super({ choice, width: layout.width })
    this.#layout = layout
  }

  appendRange(view: ColumnView, start: number, end: number): void {
    const from = decimalsOf(view).words
    let to = this.#extend(end - start)
    const { words } = this.page
    const stop = end * WORDS
    let lost = 0
    if (this.#layout.width === 4) {
      for (let word = start * WORDS; word < stop; word += WORDS) {
        const low = (from[word] ?? 0) | 0
        words[to++] = low
        lost |= lostBits(low, from, word)
      }
    } else {
      for (let word = start * WORDS; word < stop; word += WORDS) {
        const high = (from[word + 1] ?? 0) | 0
        words[to++] = from[word] ?? 0
        words[to++] = high
        lost |= lostBits(high, from, word + 1)
      }
    }
    if (lost !== 0) throw tooManyDigits(this.#layout)
  }

  appendRows(view: ColumnView, rows: Int32Array, count: number): void {
    const from = decimalsOf(view).words
    let to = this.#extend(count)
    const { words } = this.page
    const kept = this.#layout.width >> 2
    let lost = 0
    for (let index = 0; index < count; index++) {
      const word = (rows[index] ?? 0) * WORDS
      words[to++] = from[word] ?? 0
      if (kept === 2) words[to++] = from[word + 1] ?? 0
      lost |= lostBits((from[word + kept - 1] ?? 0) | 0, from, word + kept - 1)
    }
    if (lost !== 0) throw tooManyDigits(this.#layout)
  }

  protected bounds(): RawBounds {
    if (this.#layout.width === 8) return within(this.#layout, boundsOf64(this.page))
    const { min, max } = boundsOf32(this.page)
    return within(this.#layout, { min: BigInt(min), max: BigInt(max) })
  }

  #extend(count: number): number {
    return this.page.extend(count * this.#layout.width) >> 2
  }
}

/** Decimals of more digits: the fewest bytes for the precision, 9 to 16, big-endian. */
export class LargeDecimalEncoder extends PlainEncoder {
  readonly #layout: DecimalLayout

  constructor(layout: DecimalLayout) {
    super()
    this.#layout = layout
  }

  appendRange(view: ColumnView, start: number, end: number): void {
    const { words } = decimalsOf(view)
    const { width } = this.#layout
    let at = this.page.extend((end - start) * width)
    const page = dataViewOf(this.page.bytes)
    let lost = 0
    for (let row = start; row < end; row++, at += width) lost |= putBigEndian(page, at, { words, row, width })
    if (lost !== 0) throw tooManyDigits(this.#layout)
  }

  appendRows(view: ColumnView, rows: Int32Array, count: number): void {
    const { words } = decimalsOf(view)
    const { width } = this.#layout
    let at = this.page.extend(count * width)
    const page = dataViewOf(this.page.bytes)
    let lost = 0
    for (let index = 0; index < count; index++, at += width) {
      lost |= putBigEndian(page, at, { words, row: rows[index] ?? 0, width })
    }
    if (lost !== 0) throw tooManyDigits(this.#layout)
  }

  /** Values are compared four bytes at a time, the last of which may overlap those before: they are equal then. */
  protected bounds(): RawBounds {
    const { width } = this.#layout
    const { bytes, length } = this.page
    const page = dataViewOf(bytes)
    const third = Math.min(8, width - 4)
    let minAt = 0
    let maxAt = 0
    let min0 = page.getInt32(0)
    let min1 = page.getUint32(4)
    let min2 = page.getUint32(third)
    let min3 = page.getUint32(width - 4)
    let [max0, max1, max2, max3] = [min0, min1, min2, min3]
    for (let at = width; at < length; at += width) {
      const part0 = page.getInt32(at)
      const part1 = page.getUint32(at + 4)
      const part2 = page.getUint32(at + third)
      const part3 = page.getUint32(at + width - 4)
      if (
        part0 < min0 ||
        (part0 === min0 && (part1 < min1 || (part1 === min1 && (part2 < min2 || (part2 === min2 && part3 < min3)))))
      ) {
        minAt = at
        min0 = part0
        min1 = part1
        min2 = part2
        min3 = part3
      } else if (
        part0 > max0 ||
        (part0 === max0 && (part1 > max1 || (part1 === max1 && (part2 > max2 || (part2 === max2 && part3 > max3)))))
      ) {
        maxAt = at
        max0 = part0
        max1 = part1
        max2 = part2
        max3 = part3
      }
    }
    return within(this.#layout, { min: bigEndianAt(bytes, minAt, width), max: bigEndianAt(bytes, maxAt, width) })
  }
}

/** Not 0 when the words after `last` are more than the sign of `high`, the word at `last`. */
function lostBits(high: number, words: Uint32Array, last: number): number {
  const sign = high >> 31
  let lost = 0
  for (let word = last + 1; (word & 3) !== 0; word++) lost |= (words[word] ?? 0) ^ sign
  return lost
}

/** Writes the row's value in `width` bytes from `at` on. Not 0 when it does not fit. */
function putBigEndian(
  page: DataView,
  at: number,
  value: { readonly words: Uint32Array; readonly row: number; readonly width: number },
): number {
  const { words, row, width } = value
  let word = row * WORDS
  let to = at + width - 4
  for (; to >= at; to -= 4) page.setUint32(to, words[word++] ?? 0)
  const spare = at - to
  if (spare === 4) return lostBits((words[word - 1] ?? 0) | 0, words, word - 1)
  const top = (words[word] ?? 0) | 0
  for (let byte = to + 3, shift = 0; byte >= at; byte--, shift += 8) page.setUint8(byte, top >>> shift)
  return (((top << (spare * 8)) >> (spare * 8)) ^ top) | lostBits(top, words, word)
}

/** @throws IcebergIoError `schema-mismatch` */
function within(
  layout: DecimalLayout,
  bounds: { readonly min: bigint; readonly max: bigint },
): { readonly min: bigint; readonly max: bigint } {
  const limit = 10n ** BigInt(layout.precision)
  if (bounds.max >= limit || bounds.min <= -limit) throw tooManyDigits(layout)
  return bounds
}

function bigEndianAt(bytes: Buffer, at: number, width: number): bigint {
  return BigInt.asIntN(width * 8, BigInt(`0x${bytes.toString('hex', at, at + width)}`))
}

function dataViewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function decimalsOf(view: ColumnView): DecimalView {
  if (view.kind !== 'decimal') throw wrongKind(view, 'decimal')
  return view
}

function tooManyDigits({ column, precision }: DecimalLayout): IcebergIoError {
  return new IcebergIoError('schema-mismatch', `column ${column} holds a decimal of more than ${precision} digits`, {
    context: { column, precision },
    hint: 'Widen the column, or correct the rows at their source.',
  })
}
