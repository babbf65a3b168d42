import { type Data, Decimal, makeData } from 'apache-arrow'
import { BuilderBase, doubled } from './builder-base.ts'
import type { ColumnarError } from './errors.ts'

const ZERO = 48
const INT64_MAX = 0x7fff_ffff_ffff_ffffn
const INT64_MIN = -0x8000_0000_0000_0000n

/** Builds a Decimal128 column from unscaled values: 12.34 in a column of scale 2 is 1234n. */
export class DecimalBuilder extends BuilderBase {
  readonly kind = 'decimal' as const
  readonly precision: number
  readonly scale: number
  readonly #limit: bigint
  readonly #safeLimit: number
  #words: Uint32Array | undefined = undefined
  #longs: BigInt64Array = new BigInt64Array(0)

  constructor(name: string, initialRows: number, precision: number, scale: number) {
    super(name, initialRows)
    this.precision = precision
    this.scale = scale
    this.#limit = 10n ** BigInt(precision)
    this.#safeLimit = precision <= 15 ? 10 ** precision : Number.MAX_SAFE_INTEGER
  }

  /**
   * Appends an unscaled value.
   *
   * @throws ColumnarError 'decimal-overflow' when it has more digits than the precision.
   */
  append(unscaled: bigint): void {
    if (typeof unscaled !== 'bigint') throw this.fault('wrong-value-type', 'not a bigint')
    if (unscaled >= this.#limit || unscaled <= -this.#limit) throw this.#overflow()
    const row = this.length
    if (this.#words === undefined || row * 4 === this.#words.length) this.#grow()
    const longs = this.#longs
    longs[row * 2] = unscaled
    if (unscaled >= INT64_MIN && unscaled <= INT64_MAX) longs[row * 2 + 1] = unscaled < 0n ? -1n : 0n
    else longs[row * 2 + 1] = unscaled >> 64n
    this.length = row + 1
  }

  /** Appends an unscaled value given as a safe integer, without making a bigint of it. */
  appendNumber(unscaled: number): void {
    if (!Number.isSafeInteger(unscaled)) throw this.fault('out-of-range', 'not a safe integer')
    if (unscaled >= this.#safeLimit || unscaled <= -this.#safeLimit) return this.append(BigInt(unscaled))
    this.#storeNumber(unscaled)
  }

  /**
   * Appends a plain decimal text, `[+-]digits[.digits]`, at the column's scale.
   *
   * @throws ColumnarError 'malformed-decimal' for any other text, 'decimal-overflow' when the value has more digits than
   * the precision, or digits other than zero past the scale: nothing is ever rounded.
   */
  appendText(text: string): void {
    const end = text.length
    let at = 0
    let negative = false
    const sign = text.charCodeAt(0)
    if (sign === 45 || sign === 43) {
      negative = sign === 45
      at = 1
    }
    let unscaled = 0
    let digits = 0
    let fraction = -1
    for (; at < end; at++) {
      const digit = text.charCodeAt(at) - ZERO
      if (digit >= 0 && digit <= 9) {
        digits++
        if (fraction >= 0) fraction++
        if (fraction > this.scale) {
          if (digit !== 0) throw this.#overflow()
          fraction--
        } else {
          unscaled = unscaled * 10 + digit
        }
      } else if (digit === -2 && fraction < 0) {
        fraction = 0
      } else {
        throw this.fault('malformed-decimal', 'not a plain decimal number')
      }
    }
    if (digits === 0) throw this.fault('malformed-decimal', 'not a plain decimal number')
    const missing = this.scale - Math.max(0, fraction)
    // Up to 15 digits every step above and the scaling below are exact in a double.
    if (digits + missing <= 15) {
      const value = unscaled * 10 ** missing
      return this.appendNumber(negative ? 0 - value : value)
    }
    this.append(this.#parse(text, negative))
  }

  appendNull(): void {
    this.markNull()
    this.#storeNumber(0)
  }

  get byteSize(): number {
    return this.length * 16
  }

  /** The Arrow data; the builder starts again empty. */
  finish(): Data {
    const made = makeData({
      type: new Decimal(this.scale, this.precision, 128),
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.takeBitmap(),
      data: (this.#words ?? new Uint32Array(0)).subarray(0, this.length * 4),
    })
    this.#words = undefined
    this.reset()
    return made
  }

  #storeNumber(unscaled: number): void {
    const row = this.length
    if (this.#words === undefined || row * 4 === this.#words.length) this.#grow()
    const words = this.#words ?? new Uint32Array(0)
    const extension = unscaled < 0 ? 0xffff_ffff : 0
    words[row * 4] = unscaled
    words[row * 4 + 1] = Math.floor(unscaled / 0x1_0000_0000)
    words[row * 4 + 2] = extension
    words[row * 4 + 3] = extension
    this.length = row + 1
  }

  /** The unscaled value of a text whose shape and scale were checked. */
  #parse(text: string, negative: boolean): bigint {
    const start = text.charCodeAt(0) === 45 || text.charCodeAt(0) === 43 ? 1 : 0
    const point = text.indexOf('.')
    const whole = text.slice(start, point < 0 ? undefined : point)
    const fraction = point < 0 ? '' : text.slice(point + 1, point + 1 + this.scale)
    const value = BigInt(whole + fraction.padEnd(this.scale, '0'))
    return negative ? -value : value
  }

  #overflow(): ColumnarError {
    return this.fault(
      'decimal-overflow',
      `does not fit decimal(${this.precision},${this.scale})`,
      'Declare the column with enough precision and scale for its values.',
    )
  }

  #grow(): void {
    const old = this.#words
    const rows = old === undefined ? this.capacity : doubled(this.capacity)
    const grown = new Uint32Array(this.allocate(rows * 16))
    if (old !== undefined) {
      grown.set(old)
      this.release(old)
    }
    this.capacity = grown.length >> 2
    this.#words = grown
    this.#longs = new BigInt64Array(grown.buffer)
  }
}
