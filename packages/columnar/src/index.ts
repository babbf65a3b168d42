export { arrowSchema, columnFields } from './arrow-schema.ts'
export { selectColumns, sliceBatch, takeRows } from './batch.ts'
export { BatchBuilder } from './batch-builder.ts'
export { BinaryBuilder, type LoneSurrogates, StringBuilder } from './bytes-builders.ts'
export { FixedBuilder, UuidBuilder } from './fixed-bytes-builders.ts'
export { type ColumnBuilder, columnBuilder, type ColumnBuilderOptions } from './column-builder.ts'
export type { ColumnField, ColumnKind, ColumnType } from './column-type.ts'
export { DecimalBuilder } from './decimal-builder.ts'
export { concatBatches } from './concat.ts'
export { ColumnarError, type ColumnarErrorCode } from './errors.ts'
export {
  BooleanBuilder,
  DateBuilder,
  Float32Builder,
  Float64Builder,
  Int32Builder,
  Int64Builder,
  TimeBuilder,
  TimestampBuilder,
  TimestampNsBuilder,
} from './fixed-width-builders.ts'
export { MemoryPool } from './memory-pool.ts'
export { ListBuilder, MapBuilder, StructBuilder } from './nested-builders.ts'
export { NullBuilder } from './null-builder.ts'
export { BinaryView, FixedView, StringView, UuidView } from './bytes-views.ts'
export { type ColumnView, columnView, ListView, MapView, StructView } from './column-view.ts'
export {
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
export type { Validity } from './view-base.ts'
