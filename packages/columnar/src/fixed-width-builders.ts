import {
  Bool,
  type Data,
  DateDay,
  Float32,
  Float64,
  Int32,
  Int64,
  makeData,
  TimeMicrosecond,
  TimestampMicrosecond,
  TimestampNanosecond,
} from 'apache-arrow'
import { BuilderBase, doubled } from './builder-base.ts'

const MICROS_PER_DAY = 86_400_000_000n

/** Builds a bit-packed boolean column. */
export class BooleanBuilder extends BuilderBase {
  readonly kind = 'boolean' as const
  #bits: Uint8Array | undefined = undefined

  append(value: boolean): void {
    if (typeof value !== 'boolean') throw this.fault('wrong-value-type', 'not a boolean')
    const row = this.length
    const bits = this.#room(row)
    if (value) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7))
    this.length = row + 1
  }

  appendNull(): void {
    this.#room(this.length)
    this.markNull()
    this.length++
  }

  get byteSize(): number {
    return this.length >> 3
  }

  /** The Arrow data; the builder starts again empty. */
  finish(): Data {
    const data = (this.#bits ?? new Uint8Array(0)).subarray(0, (this.length + 7) >> 3)
    const made = makeData({
      type: new Bool(),
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.takeBitmap(),
      data,
    })
    this.#bits = undefined
    this.reset()
    return made
  }

  #room(row: number): Uint8Array {
    const bits = this.#bits
    if (bits !== undefined && row < bits.length * 8) return bits
    const grown = new Uint8Array(bits === undefined ? (this.capacity + 7) >> 3 : doubled(bits.length))
    if (bits !== undefined) grown.set(bits)
    this.capacity = grown.length * 8
    this.#bits = grown
    return grown
  }
}

/** Builds a column over an Int32Array: int32 or date. */
abstract class Int32Base extends BuilderBase {
  #values: Int32Array | undefined = undefined

  append(value: number): void {
    if (value !== (value | 0)) throw this.fault('out-of-range', 'not a 32-bit integer')
    const row = this.length
    const values = this.#values
    if (values !== undefined && row < values.length) values[row] = value
    else this.#grow()[row] = value
    this.length = row + 1
  }

  appendNull(): void {
    const row = this.length
    const values = this.#values
    if (values !== undefined && row < values.length) values[row] = 0
    else this.#grow()[row] = 0
    this.markNull()
    this.length++
  }

  get byteSize(): number {
    return this.length * 4
  }

  protected finishAs(type: Int32 | DateDay): Data {
    const made = makeData({
      type: type as Int32, // both are laid out as 32-bit integers
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.takeBitmap(),
      data: (this.#values ?? new Int32Array(0)).subarray(0, this.length),
    })
    this.#values = undefined
    this.reset()
    return made
  }

  #grow(): Int32Array {
    const old = this.#values
    const grown = new Int32Array(this.allocate(4 * (old === undefined ? this.capacity : doubled(this.capacity))))
    if (old !== undefined) {
      grown.set(old)
      this.release(old)
    }
    this.capacity = grown.length
    this.#values = grown
    return grown
  }
}

/** Builds an int32 column. `append` throws 'out-of-range' for anything but a 32-bit integer. */
export class Int32Builder extends Int32Base {
  readonly kind = 'int32' as const
  finish(): Data {
    return this.finishAs(new Int32())
  }
}

/** Builds a date column from days since 1970-01-01. */
export class DateBuilder extends Int32Base {
  readonly kind = 'date' as const
  finish(): Data {
    return this.finishAs(new DateDay())
  }
}

/** Builds a column over a BigInt64Array: int64, time, timestamp or timestamp_ns. */
abstract class Int64Base extends BuilderBase {
  #values: BigInt64Array | undefined = undefined
  #halves: Int32Array = new Int32Array(0)

  append(value: bigint): void {
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) {
      throw this.fault('out-of-range', 'not a 64-bit integer')
    }
    this.store(value)
  }

  appendNull(): void {
    this.markNull()
    this.storeHalves(0, 0)
  }

  get byteSize(): number {
    return this.length * 8
  }

  protected store(value: bigint): void {
    const row = this.length
    const values = this.#values
    if (values !== undefined && row < values.length) values[row] = value
    else this.#grow()[row] = value
    this.length = row + 1
  }

  /** Stores a safe integer without making a bigint of it. */
  protected storeNumber(value: number): void {
    if (!Number.isSafeInteger(value)) throw this.fault('out-of-range', 'not a safe integer')
    this.storeHalves(value, Math.floor(value / 0x1_0000_0000))
  }

  protected storeHalves(low: number, high: number): void {
    const row = this.length
    if (this.#values === undefined || row === this.#values.length) this.#grow()
    const halves = this.#halves
    halves[row * 2] = low
    halves[row * 2 + 1] = high
    this.length = row + 1
  }

  protected finishAs(type: Int64 | TimeMicrosecond | TimestampMicrosecond | TimestampNanosecond): Data {
    const made = makeData({
      type: type as Int64, // all of them are laid out as 64-bit integers
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.takeBitmap(),
      data: (this.#values ?? new BigInt64Array(0)).subarray(0, this.length),
    })
    this.#values = undefined
    this.reset()
    return made
  }

  #grow(): BigInt64Array {
    const old = this.#values
    const grown = new BigInt64Array(this.allocate(8 * (old === undefined ? this.capacity : doubled(this.capacity))))
    if (old !== undefined) {
      grown.set(old)
      this.release(old)
    }
    this.capacity = grown.length
    this.#values = grown
    this.#halves = new Int32Array(grown.buffer)
    return grown
  }
}

/** Builds an int64 column. `append` throws 'out-of-range' for anything but a 64-bit bigint. */
export class Int64Builder extends Int64Base {
  readonly kind = 'int64' as const

  /** Appends a safe integer; the fast path for values that are numbers already. */
  appendNumber(value: number): void {
    this.storeNumber(value)
  }

  /** Appends the two's complement integer with these halves, without making a bigint of it. */
  appendHalves(low: number, high: number): void {
    this.storeHalves(low, high)
  }

  finish(): Data {
    return this.finishAs(new Int64())
  }
}

/** Builds a time column from microseconds since midnight, 0 to 86,399,999,999. */
export class TimeBuilder extends Int64Base {
  readonly kind = 'time' as const

  override append(micros: bigint): void {
    if (typeof micros !== 'bigint' || micros < 0n || micros >= MICROS_PER_DAY) {
      throw this.fault('out-of-range', 'not microseconds within one day')
    }
    this.store(micros)
  }

  /** Appends microseconds given as a number. */
  appendNumber(micros: number): void {
    if (!(micros >= 0 && micros < 86_400_000_000)) throw this.fault('out-of-range', 'not microseconds within one day')
    this.storeNumber(micros)
  }

  finish(): Data {
    return this.finishAs(new TimeMicrosecond())
  }
}

/** Builds a timestamp column from microseconds since 1970-01-01, in UTC or as a wall clock reading. */
export class TimestampBuilder extends Int64Base {
  readonly kind = 'timestamp' as const
  readonly utc: boolean

  constructor(name: string, initialRows: number, utc: boolean) {
    super(name, initialRows)
    this.utc = utc
  }

  /** Appends microseconds given as a safe integer (the years 1684 to 2255). */
  appendNumber(micros: number): void {
    this.storeNumber(micros)
  }

  finish(): Data {
    return this.finishAs(this.utc ? new TimestampMicrosecond('UTC') : new TimestampMicrosecond())
  }
}

/** Builds a timestamp column from nanoseconds since 1970-01-01, in UTC or as a wall clock reading. */
export class TimestampNsBuilder extends Int64Base {
  readonly kind = 'timestamp_ns' as const
  readonly utc: boolean

  constructor(name: string, initialRows: number, utc: boolean) {
    super(name, initialRows)
    this.utc = utc
  }

  finish(): Data {
    return this.finishAs(this.utc ? new TimestampNanosecond('UTC') : new TimestampNanosecond())
  }
}

abstract class FloatBase<A extends Float32Array | Float64Array> extends BuilderBase {
  protected values: A | undefined = undefined
  /** An array of at least that length, of any content. */
  protected abstract make(length: number): A

  append(value: number): void {
    if (typeof value !== 'number') throw this.fault('wrong-value-type', 'not a number')
    const row = this.length
    const values = this.values
    if (values !== undefined && row < values.length) values[row] = value
    else this.grow()[row] = value
    this.length = row + 1
  }

  appendNull(): void {
    const row = this.length
    const values = this.values
    if (values !== undefined && row < values.length) values[row] = 0
    else this.grow()[row] = 0
    this.markNull()
    this.length++
  }

  protected grow(): A {
    const old = this.values
    const grown = this.make(old === undefined ? this.capacity : doubled(this.capacity))
    if (old !== undefined) {
      grown.set(old)
      this.release(old)
    }
    this.capacity = grown.length
    this.values = grown
    return grown
  }
}

/** Builds a float32 column; a value is rounded to single precision, -0, NaN and infinities are kept. */
export class Float32Builder extends FloatBase<Float32Array> {
  readonly kind = 'float32' as const

  get byteSize(): number {
    return this.length * 4
  }

  finish(): Data {
    const made = makeData({
      type: new Float32(),
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.takeBitmap(),
      data: (this.values ?? this.make(0)).subarray(0, this.length),
    })
    this.values = undefined
    this.reset()
    return made
  }

  protected make(length: number): Float32Array {
    return new Float32Array(this.allocate(length * 4))
  }
}

/** Builds a float64 column; -0, NaN and infinities are kept. */
export class Float64Builder extends FloatBase<Float64Array> {
  readonly kind = 'float64' as const

  get byteSize(): number {
    return this.length * 8
  }

  finish(): Data {
    const made = makeData({
      type: new Float64(),
      length: this.length,
      nullCount: this.nullCount,
      nullBitmap: this.takeBitmap(),
      data: (this.values ?? this.make(0)).subarray(0, this.length),
    })
    this.values = undefined
    this.reset()
    return made
  }

  protected make(length: number): Float64Array {
    return new Float64Array(this.allocate(length * 8))
  }
}
