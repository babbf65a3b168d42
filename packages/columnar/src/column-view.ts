import type { Data, Field, RecordBatch } from 'apache-arrow'
import { columnField } from './arrow-schema.ts'
import { BinaryView, FixedView, StringView, UuidView } from './bytes-views.ts'
import type { ColumnField } from './column-type.ts'
import { ColumnarError } from './errors.ts'
import {
  BooleanView,
  DateView,
  DecimalView,
  Float32View,
  Float64View,
  Int32View,
  Int64View,
  NullView,
  TimestampNsView,
  TimestampView,
  TimeView,
} from './fixed-width-views.ts'
import { ViewBase } from './view-base.ts'

/**
 * Reads the buffers of one column without copying, told apart by `kind`. Each has `length`, `nullCount`, `validity`,
 * `isNull(row)`, and `value(row)` with the value type of its kind; the nested ones give views of their children.
 */
export type ColumnView =
  | BooleanView
  | Int32View
  | Int64View
  | Float32View
  | Float64View
  | DecimalView
  | DateView
  | TimeView
  | TimestampView
  | TimestampNsView
  | StringView
  | BinaryView
  | FixedView
  | UuidView
  | NullView
  | StructView
  | ListView
  | MapView

/**
 * The view of one column of a batch, made here or by any other Arrow implementation; slices included.
 *
 * @throws ColumnarError 'unsupported-type' for an Arrow type without a column type, 'out-of-range' for an index past the
 * last column.
 */
export function columnView(batch: RecordBatch, index: number): ColumnView {
  const field: Field | undefined = batch.schema.fields[index]
  const data: Data | undefined = batch.data.children[index]
  if (field === undefined || data === undefined) {
    throw new ColumnarError('out-of-range', `The batch has no column ${index}`, {
      context: { index, columns: batch.schema.fields.length },
    })
  }
  return viewOf(columnField(field), data)
}

/** Reads a struct column; `fields` are aligned with the struct's own rows. */
export class StructView extends ViewBase {
  readonly kind = 'struct' as const
  readonly fields: readonly ColumnView[]

  constructor(data: Data, fields: readonly ColumnField[]) {
    super(data)
    this.fields = fields.map((field, index) => viewOf(field, childOf(data, index)))
  }
}

abstract class RepeatedView extends ViewBase {
  /** Where each row's elements start, and after the last row where they end; no copy. */
  readonly offsets: Int32Array

  constructor(data: Data) {
    super(data)
    const offsets: Int32Array | undefined = data.valueOffsets
    this.offsets = offsets === undefined || offsets.length === 0 ? new Int32Array(1) : offsets
  }

  /** The first element's row in the child view. */
  start(row: number): number {
    return this.offsets[row] ?? 0
  }

  /** One past the last element's row in the child view. */
  end(row: number): number {
    return this.offsets[row + 1] ?? 0
  }
}

/** Reads a list column: row `r` holds the elements `start(r)` to `end(r) - 1`. */
export class ListView extends RepeatedView {
  readonly kind = 'list' as const
  readonly element: ColumnView

  constructor(data: Data, element: ColumnField) {
    super(data)
    this.element = viewOf(element, childOf(data, 0))
  }
}

/** Reads a map column: row `r` holds the entries `start(r)` to `end(r) - 1`, in the order in which they were written. */
export class MapView extends RepeatedView {
  readonly kind = 'map' as const
  readonly key: ColumnView
  readonly value: ColumnView

  constructor(data: Data, key: ColumnField, value: ColumnField) {
    super(data)
    const entries = childOf(data, 0)
    this.key = viewOf(key, childOf(entries, 0))
    this.value = viewOf(value, childOf(entries, 1))
  }
}

function viewOf({ type }: ColumnField, data: Data): ColumnView {
  switch (type.kind) {
    case 'boolean':
      return new BooleanView(data)
    case 'int32':
      return new Int32View(data)
    case 'int64':
      return new Int64View(data)
    case 'float32':
      return new Float32View(data)
    case 'float64':
      return new Float64View(data)
    case 'decimal':
      return new DecimalView(data, type.precision, type.scale)
    case 'date':
      return new DateView(data)
    case 'time':
      return new TimeView(data)
    case 'timestamp':
      return new TimestampView(data, type.utc)
    case 'timestamp_ns':
      return new TimestampNsView(data, type.utc)
    case 'null':
      return new NullView(data)
    case 'string':
      return new StringView(data)
    case 'binary':
      return new BinaryView(data)
    case 'fixed':
      return new FixedView(data, type.length)
    case 'uuid':
      return new UuidView(data, 16)
    case 'struct':
      return new StructView(data, type.fields)
    case 'list':
      return new ListView(data, type.element)
    case 'map':
      return new MapView(data, type.key, type.value)
  }
}

function childOf(data: Data, index: number): Data {
  const child: Data | undefined = data.children[index]
  if (child !== undefined) return child
  throw new ColumnarError('unsupported-type', `A nested Arrow column lacks its child ${index}`, { context: { index } })
}
