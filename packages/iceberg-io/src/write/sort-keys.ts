import type { ColumnView } from '@icebridge/columnar'
import { compareStrings, compareValues, type PrimitiveType, type Value } from '@icebridge/iceberg-core'
import type { SourceView } from './source-column.ts'

/** The values of one sort field over the rows of a batch, ascending: what {@link SortKeys.compare} orders, nulls apart. */
export interface SortKeys {
  /** 1 where the key is null. */
  readonly nulls: Uint8Array
  /** Orders two keys that are not null; `other` was made from the same field. */
  compare(row: number, other: SortKeys, otherRow: number): number
  /** A number that is never in another order than the key, and may be equal where the key is not: quick to compare. */
  prefix(row: number): number
}

/** Keys of a source as it is. */
export function identityKeys(source: SourceView, type: PrimitiveType, rows: number): SortKeys {
  const { view } = source
  const nulls = nullsOf(source, rows)
  switch (view.kind) {
    case 'int32':
    case 'date':
    case 'float32':
    case 'float64':
      return new NumberKeys(view.values, nulls)
    case 'int64':
    case 'time':
    case 'timestamp':
    case 'timestamp_ns':
      return new LongKeys(view.values, nulls)
    case 'string':
    case 'binary':
      return new BytesKeys(view.data, (row) => view.offsets[row] ?? 0, nulls)
    case 'fixed':
    case 'uuid':
      return new BytesKeys(view.values, (row) => row * view.byteWidth, nulls)
    default:
      return transformedKeys(source, { type, rows, apply: (row) => valueOf(view, row) })
  }
}

/** Keys that are computed row by row; `type` is that of the results. */
export function transformedKeys(
  source: SourceView,
  options: {
    readonly type: PrimitiveType
    readonly rows: number
    readonly apply: (row: number) => Value | null
  },
): SortKeys {
  const nulls = nullsOf(source, options.rows)
  const values = Array.from({ length: options.rows }, (_, row) => {
    if (nulls[row] === 1) return null
    const value = options.apply(row)
    if (value === null) nulls[row] = 1
    return value
  })
  return new ValueKeys(values, options.type, nulls)
}

/** Keys of a column that the batch does not have. */
export function nullKeys(rows: number): SortKeys {
  return new ValueKeys([], 'int', new Uint8Array(rows).fill(1))
}

/** -0 before 0, NaN after everything. */
class NumberKeys implements SortKeys {
  readonly nulls: Uint8Array
  readonly values: Int32Array | Float32Array | Float64Array

  constructor(values: Int32Array | Float32Array | Float64Array, nulls: Uint8Array) {
    this.values = values
    this.nulls = nulls
  }

  compare(row: number, other: SortKeys, otherRow: number): number {
    const a = this.values[row] ?? 0
    const b = (other as NumberKeys).values[otherRow] ?? 0 // keys of one field are of one class
    if (a < b) return -1
    if (a > b) return 1
    return a === b && a !== 0 ? 0 : compareValues('double', a, b)
  }

  prefix(row: number): number {
    const value = this.values[row] ?? 0
    return Number.isNaN(value) ? Infinity : value
  }
}

/** 64-bit integers as halves, so that no bigint is made. */
class LongKeys implements SortKeys {
  readonly nulls: Uint8Array
  readonly halves: Int32Array

  constructor(values: BigInt64Array, nulls: Uint8Array) {
    this.halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
    this.nulls = nulls
  }

  compare(row: number, other: SortKeys, otherRow: number): number {
    const { halves } = other as LongKeys // keys of one field are of one class
    const high = (this.halves[row * 2 + 1] ?? 0) - (halves[otherRow * 2 + 1] ?? 0)
    if (high !== 0) return high
    return ((this.halves[row * 2] ?? 0) >>> 0) - ((halves[otherRow * 2] ?? 0) >>> 0)
  }

  prefix(row: number): number {
    return (this.halves[row * 2 + 1] ?? 0) * 0x1_0000_0000 + ((this.halves[row * 2] ?? 0) >>> 0)
  }
}

/** Unsigned byte order, which for UTF-8 is that of code points. */
class BytesKeys implements SortKeys {
  readonly nulls: Uint8Array
  readonly data: Buffer
  readonly start: (row: number) => number

  constructor(data: Uint8Array, start: (row: number) => number, nulls: Uint8Array) {
    this.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    this.start = start
    this.nulls = nulls
  }

  compare(row: number, other: SortKeys, otherRow: number): number {
    const { data, start } = other as BytesKeys // keys of one field are of one class
    return this.data.compare(data, start(otherRow), start(otherRow + 1), this.start(row), this.start(row + 1))
  }

  /** The first six bytes, as many as a number holds; a shorter key is filled up with zeros. */
  prefix(row: number): number {
    const start = this.start(row)
    const end = this.start(row + 1)
    let prefix = 0
    for (let at = start; at < start + 6; at++) prefix = prefix * 256 + (at < end ? (this.data[at] ?? 0) : 0)
    return prefix
  }
}

class ValueKeys implements SortKeys {
  readonly nulls: Uint8Array
  readonly values: readonly (Value | null)[]
  readonly #type: PrimitiveType

  constructor(values: readonly (Value | null)[], type: PrimitiveType, nulls: Uint8Array) {
    this.values = values
    this.#type = type
    this.nulls = nulls
  }

  compare(row: number, other: SortKeys, otherRow: number): number {
    const a = this.values[row]
    const b = (other as ValueKeys).values[otherRow] // keys of one field are of one class
    if (a === undefined || a === null || b === undefined || b === null) return 0
    if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b)
    return compareValues(this.#type, a, b)
  }

  prefix(row: number): number {
    const value = this.values[row]
    if (typeof value === 'number') return Number.isNaN(value) ? Infinity : value
    return typeof value === 'bigint' ? Number(value) : 0
  }
}

function valueOf(view: ColumnView, row: number): Value {
  if (view.kind === 'boolean' || view.kind === 'decimal') return view.value(row)
  throw new TypeError(`a column of kind ${view.kind} cannot be sorted by`)
}

function nullsOf({ isNull }: SourceView, rows: number): Uint8Array {
  const nulls = new Uint8Array(rows)
  for (let row = 0; row < rows; row++) if (isNull(row)) nulls[row] = 1
  return nulls
}
