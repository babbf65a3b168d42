import type { DataType, Field, Struct } from 'apache-arrow'
import { arrowField } from './arrow-schema.ts'
import { BinaryBuilder, type LoneSurrogates, StringBuilder } from './bytes-builders.ts'
import { FixedBuilder, UuidBuilder } from './fixed-bytes-builders.ts'
import type { ColumnField } from './column-type.ts'
import { DecimalBuilder } from './decimal-builder.ts'
import {
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
import { NullBuilder } from './null-builder.ts'
import type { MemoryPool } from './memory-pool.ts'
import { ListBuilder, MapBuilder, StructBuilder } from './nested-builders.ts'

/**
 * The builder of one column, told apart by `kind`. Each has `name`, `length`, `nullCount`, `byteSize`, `appendNull()`,
 * and `append(value)` with the value type of its kind; the nested ones are filled through their children.
 */
export type ColumnBuilder =
  | BooleanBuilder
  | Int32Builder
  | Int64Builder
  | Float32Builder
  | Float64Builder
  | DecimalBuilder
  | DateBuilder
  | TimeBuilder
  | TimestampBuilder
  | TimestampNsBuilder
  | StringBuilder
  | BinaryBuilder
  | FixedBuilder
  | UuidBuilder
  | NullBuilder
  | StructBuilder
  | ListBuilder
  | MapBuilder

export interface ColumnBuilderOptions {
  /** Rows to make room for at first. Default 1024. */
  readonly initialRows?: number | undefined
  /** What to do with strings that UTF-8 cannot hold, in all columns or by the column's name. Default 'refuse'. */
  readonly loneSurrogates?: LoneSurrogates | ((column: string) => LoneSurrogates) | undefined
  /**
   * Where the memory of batches comes from. It may be given back with {@link MemoryPool.giveBackBatch} once nobody reads a batch any
   * more; when absent a batch owns its memory.
   */
  readonly memory?: MemoryPool | undefined
  /** Bytes of a string, as UTF-8, or of a binary value at most, 256 or more. By default 2 GiB, which is what a column of a batch holds. */
  readonly maxValueBytes?: number | undefined
}

/** A builder for one column on its own; {@link BatchBuilder} makes one for each of its fields. */
export function columnBuilder(field: ColumnField, options: ColumnBuilderOptions = {}): ColumnBuilder {
  const builder = builderOf(field, options)
  if (builder.kind !== 'null') builder.memory = options.memory
  return builder
}

function builderOf(field: ColumnField, options: ColumnBuilderOptions): ColumnBuilder {
  const { name, type } = field
  const rows = options.initialRows ?? 1024
  switch (type.kind) {
    case 'boolean':
      return new BooleanBuilder(name, rows)
    case 'int32':
      return new Int32Builder(name, rows)
    case 'int64':
      return new Int64Builder(name, rows)
    case 'float32':
      return new Float32Builder(name, rows)
    case 'float64':
      return new Float64Builder(name, rows)
    case 'decimal':
      return new DecimalBuilder(name, rows, type.precision, type.scale)
    case 'date':
      return new DateBuilder(name, rows)
    case 'time':
      return new TimeBuilder(name, rows)
    case 'timestamp':
      return new TimestampBuilder(name, rows, type.utc)
    case 'timestamp_ns':
      return new TimestampNsBuilder(name, rows, type.utc)
    case 'string': {
      const { loneSurrogates, maxValueBytes } = options
      return new StringBuilder(name, rows, {
        loneSurrogates: typeof loneSurrogates === 'function' ? loneSurrogates(name) : loneSurrogates,
        maxValueBytes,
      })
    }
    case 'binary':
      return new BinaryBuilder(name, rows, options.maxValueBytes)
    case 'fixed':
      return new FixedBuilder(name, rows, type.length)
    case 'uuid':
      return new UuidBuilder(name, rows)
    case 'null':
      return new NullBuilder(name, rows)
    case 'struct': {
      const children = type.fields.map((child) => columnBuilder(child, options))
      return new StructBuilder(name, rows, type.fields.map(arrowField), children)
    }
    case 'list':
      return new ListBuilder(name, rows, arrowField(type.element), columnBuilder(type.element, options))
    case 'map': {
      const [entries] = arrowField(field).type.children as Field<Struct<{ key: DataType; value: DataType }>>[]
      if (entries === undefined) throw new TypeError(`The map ${name} has no entries field`)
      const key = columnBuilder({ ...type.key, name: 'key' }, options)
      return new MapBuilder(name, rows, entries, {
        key,
        value: columnBuilder({ ...type.value, name: 'value' }, options),
      })
    }
  }
}
