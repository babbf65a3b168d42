import { BatchBuilder, type ColumnBuilder, type ColumnField } from '@icebridge/columnar'
import type { Schema } from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'

/** A type of the parquet bench: its column here and in DuckDB, and the value of each row. */
export interface ParquetType {
  readonly type: Schema['fields'][number]['type']
  readonly column: ColumnField['type']
  /** DuckDB's expression over `i`, the number of the row, for the same values. */
  readonly duckdb: string
  readonly append: (builder: ColumnBuilder, row: number) => void
  /** Written as differences, by DuckDB too. */
  readonly deltas?: true
}

const mixed = (row: number): number => (row * 7919) % 1_000_003
const mixedSql = '((i * 7919) % 1000003)'

/** Times that grow by up to a second. */
const growing: ParquetType = {
  type: 'timestamp',
  column: { kind: 'timestamp', utc: false },
  duckdb: `make_timestamp(1767225600000000 + i * 1000000 + ${mixedSql})`,
  append: (builder, row) => {
    if (builder.kind === 'timestamp') builder.appendNumber(1_767_225_600_000_000 + row * 1_000_000 + mixed(row))
  },
}

const sequence: ParquetType = {
  type: 'long',
  column: { kind: 'int64' },
  duckdb: 'i::BIGINT',
  append: (builder, row) => {
    if (builder.kind === 'int64') builder.appendNumber(row)
  },
}

export const parquetTypes: Readonly<Record<string, ParquetType>> = {
  boolean: {
    type: 'boolean',
    column: { kind: 'boolean' },
    duckdb: `(${mixedSql} % 3 = 0)`,
    append: (builder, row) => {
      if (builder.kind === 'boolean') builder.append(mixed(row) % 3 === 0)
    },
  },
  int: {
    type: 'int',
    column: { kind: 'int32' },
    duckdb: `${mixedSql}::INTEGER`,
    append: (builder, row) => {
      if (builder.kind === 'int32') builder.append(mixed(row))
    },
  },
  'sequential long': sequence,
  'sequential long in deltas': { ...sequence, deltas: true },
  double: {
    type: 'double',
    column: { kind: 'float64' },
    duckdb: `(${mixedSql} / 7.0)::DOUBLE`,
    append: (builder, row) => {
      if (builder.kind === 'float64') builder.append(mixed(row) / 7)
    },
  },
  'decimal(18,2)': {
    type: { kind: 'decimal', precision: 18, scale: 2 },
    column: { kind: 'decimal', precision: 18, scale: 2 },
    duckdb: `(${mixedSql} * 1000 / 100.0)::DECIMAL(18,2)`,
    append: (builder, row) => {
      if (builder.kind === 'decimal') builder.appendNumber(mixed(row) * 1000)
    },
  },
  'decimal(38,10)': {
    type: { kind: 'decimal', precision: 38, scale: 10 },
    column: { kind: 'decimal', precision: 38, scale: 10 },
    duckdb: `${mixedSql}::DECIMAL(38,10)`,
    append: (builder, row) => {
      if (builder.kind === 'decimal') builder.append(BigInt(mixed(row)) * 10_000_000_000n)
    },
  },
  timestamp: {
    type: 'timestamp',
    column: { kind: 'timestamp', utc: false },
    duckdb: `make_timestamp(1767225600000000 + ${mixedSql} * 1000)`,
    append: (builder, row) => {
      if (builder.kind === 'timestamp') builder.appendNumber(1_767_225_600_000_000 + mixed(row) * 1000)
    },
  },
  'growing timestamp': growing,
  'growing timestamp in deltas': { ...growing, deltas: true },
  'short string': {
    type: 'string',
    column: { kind: 'string' },
    duckdb: `('customer ' || ${mixedSql})`,
    append: (builder, row) => {
      if (builder.kind === 'string') builder.append(`customer ${mixed(row)}`)
    },
  },
  'string of few values': {
    type: 'string',
    column: { kind: 'string' },
    duckdb: `('status ' || (${mixedSql} % 20))`,
    append: (builder, row) => {
      if (builder.kind === 'string') builder.append(`status ${mixed(row) % 20}`)
    },
  },
  'long string': {
    type: 'string',
    column: { kind: 'string' },
    duckdb: `repeat(('text ' || ${mixedSql} || ' '), 40)`,
    append: (builder, row) => {
      if (builder.kind === 'string') builder.append(`text ${mixed(row)} `.repeat(40))
    },
  },
}

export function schemaOf({ type }: ParquetType): Schema {
  return { schemaId: 0, identifierFieldIds: [], fields: [{ id: 1, name: 'v', required: false, type }] }
}

/** The rows as batches, and the bytes of their buffers. */
export function batchesOf(
  { column, append }: ParquetType,
  rows: number,
): { readonly batches: readonly RecordBatch[]; readonly bytes: number } {
  const builder = new BatchBuilder([{ name: 'v', type: column, nullable: true }])
  const [values] = builder.columns
  if (values === undefined) throw new TypeError('a column')
  const batches: RecordBatch[] = []
  let bytes = 0
  const take = (): void => {
    bytes += builder.byteSize
    batches.push(builder.finish())
  }
  for (let row = 0; row < rows; row++) {
    append(values, row)
    if (values.length === 16_384 || (values.length % 64 === 0 && values.byteSize >= 8 << 20)) take()
  }
  if (values.length > 0) take()
  return { batches, bytes }
}
