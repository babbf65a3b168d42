import type { Data } from 'apache-arrow'
import { ViewBase } from './view-base.ts'

/** Reads a boolean column. What `value` gives for a null row is undefined; ask `isNull` first. */
export class BooleanView extends ViewBase {
  readonly kind = 'boolean' as const
  /** The packed bits; row `r` is bit `bitOffset + r`, least significant first. */
  readonly values: Uint8Array
  readonly bitOffset: number

  constructor(data: Data) {
    super(data)
    this.values = data.values
    this.bitOffset = data.offset
  }

  value(row: number): boolean {
    const at = this.bitOffset + row
    return ((this.values[at >> 3] ?? 0) & (1 << (at & 7))) !== 0
  }
}

/** Reads a column of 32-bit integers: int32, or date as days since 1970-01-01. */
abstract class Int32ViewBase extends ViewBase {
  /** One element a row, no copy; undefined content in null rows. */
  readonly values: Int32Array

  constructor(data: Data) {
    super(data)
    this.values = data.values
  }

  value(row: number): number {
    return this.values[row] ?? 0
  }
}

export class Int32View extends Int32ViewBase {
  readonly kind = 'int32' as const
}

export class DateView extends Int32ViewBase {
  readonly kind = 'date' as const
}

/** Reads a column of 64-bit integers: int64, time and timestamp in microseconds, or timestamp_ns in nanoseconds. */
abstract class Int64ViewBase extends ViewBase {
  /** One element a row, no copy; undefined content in null rows. */
  readonly values: BigInt64Array

  constructor(data: Data) {
    super(data)
    this.values = data.values
  }

  value(row: number): bigint {
    return this.values[row] ?? 0n
  }
}

export class Int64View extends Int64ViewBase {
  readonly kind = 'int64' as const
}

export class TimeView extends Int64ViewBase {
  readonly kind = 'time' as const
}

export class TimestampView extends Int64ViewBase {
  readonly kind = 'timestamp' as const
  readonly utc: boolean

  constructor(data: Data, utc: boolean) {
    super(data)
    this.utc = utc
  }
}

export class TimestampNsView extends Int64ViewBase {
  readonly kind = 'timestamp_ns' as const
  readonly utc: boolean

  constructor(data: Data, utc: boolean) {
    super(data)
    this.utc = utc
  }
}

/** Reads a column that holds nothing but nulls. */
export class NullView {
  readonly kind = 'null' as const
  readonly length: number
  readonly nullCount: number
  /** There is no bitmap: every row is null. */
  readonly validity: undefined = undefined

  constructor(data: Data) {
    this.length = data.length
    this.nullCount = data.length
  }

  isNull(_row: number): true {
    return true
  }

  value(_row: number): null {
    return null
  }
}

/** Reads a float32 column. */
export class Float32View extends ViewBase {
  readonly kind = 'float32' as const
  readonly values: Float32Array

  constructor(data: Data) {
    super(data)
    this.values = data.values
  }

  value(row: number): number {
    return this.values[row] ?? 0
  }
}

/** Reads a float64 column. */
export class Float64View extends ViewBase {
  readonly kind = 'float64' as const
  readonly values: Float64Array

  constructor(data: Data) {
    super(data)
    this.values = data.values
  }

  value(row: number): number {
    return this.values[row] ?? 0
  }
}

/** Reads a Decimal128 column as unscaled values. */
export class DecimalView extends ViewBase {
  readonly kind = 'decimal' as const
  readonly precision: number
  readonly scale: number
  /** Four 32-bit words a row, least significant first, two's complement; no copy. */
  readonly words: Uint32Array
  readonly #low: BigInt64Array

  constructor(data: Data, precision: number, scale: number) {
    super(data)
    this.precision = precision
    this.scale = scale
    const words: Uint32Array = data.values
    this.words = words
    const whole = words.byteOffset % 8 === 0 ? words : words.slice()
    this.#low = new BigInt64Array(whole.buffer, whole.byteOffset, whole.length >> 1)
  }

  value(row: number): bigint {
    const low = this.#low[row * 2] ?? 0n
    if (this.fitsInt64(row)) return low
    return ((this.#low[row * 2 + 1] ?? 0n) << 64n) | BigInt.asUintN(64, low)
  }

  /** The low 64 bits as a signed value: the whole value when {@link fitsInt64}. */
  low(row: number): bigint {
    return this.#low[row * 2] ?? 0n
  }

  /** True when the unscaled value fits in 64 signed bits. */
  fitsInt64(row: number): boolean {
    const { words } = this
    const at = row * 4
    const sign = (words[at + 1] ?? 0) >>> 31 === 1 ? 0xffff_ffff : 0
    return words[at + 2] === sign && words[at + 3] === sign
  }
}
