/** The shape of `@icebridge/columnar`'s column types, as a read fills them. */
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
  | { readonly kind: 'string' }
  | { readonly kind: 'binary' }
  | { readonly kind: 'fixed'; readonly length: number }
  | { readonly kind: 'uuid' }

/** One column of a batch. */
export interface ColumnField {
  readonly name: string
  readonly type: ColumnType
  readonly nullable: boolean
}
