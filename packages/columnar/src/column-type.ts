/**
 * What a column of a batch holds, and so which buffers it has: date is days since 1970-01-01; time microseconds since
 * midnight; timestamp microseconds, and timestamp_ns nanoseconds, since 1970-01-01T00:00, in UTC when `utc`; decimal a
 * 128-bit unscaled integer; null holds nothing but nulls.
 */
export type ColumnType =
  | { readonly kind: 'boolean' }
  | { readonly kind: 'int32' }
  | { readonly kind: 'int64' }
  | { readonly kind: 'float32' }
  | { readonly kind: 'float64' }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'date' }
  | { readonly kind: 'time' }
  | { readonly kind: 'timestamp'; readonly utc: boolean }
  | { readonly kind: 'timestamp_ns'; readonly utc: boolean }
  | { readonly kind: 'string' }
  | { readonly kind: 'binary' }
  | { readonly kind: 'fixed'; readonly length: number }
  | { readonly kind: 'uuid' }
  | { readonly kind: 'null' }
  | { readonly kind: 'struct'; readonly fields: readonly ColumnField[] }
  | { readonly kind: 'list'; readonly element: ColumnField }
  | { readonly kind: 'map'; readonly key: ColumnField; readonly value: ColumnField }

export type ColumnKind = ColumnType['kind']

/** One column: its name, what it holds, and whether it may be null. */
export interface ColumnField {
  readonly name: string
  readonly type: ColumnType
  readonly nullable: boolean
  /** Stands in the Arrow field's metadata as `PARQUET:field_id`. */
  readonly fieldId?: number
  readonly metadata?: ReadonlyMap<string, string>
}
