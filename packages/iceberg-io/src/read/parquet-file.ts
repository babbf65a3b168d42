import { BatchBuilder, sliceBatch } from '@icebridge/columnar'
import type { BoundExpression, FileIO, NestedField, NestedValue } from '@icebridge/iceberg-core'
import { makeData, RecordBatch, Schema, Struct } from 'apache-arrow'
import { parquetMetadataAsync, parquetSchema, type FileMetaData } from 'hyparquet'
import { columnFieldsOf } from '../column-fields.ts'
import { IcebergIoError } from '../errors.ts'
import { columnReader, constantReader, defaultOf } from './column-reader.ts'
import { fieldNames, findColumn, type FileColumn } from './file-columns.ts'
import { rangeFile } from './range-file.ts'
import { rowGroupMightMatch } from './prune-row-group.ts'
import { LoadedRowGroup } from './row-group.ts'

export interface ParquetRead {
  /** The columns to read, as the table has them now. */
  readonly fields: readonly NestedField[]
  /** Table properties: the name mapping stands there. */
  readonly properties?: Readonly<Record<string, string>> | undefined
  /** Values that every row of the file has, by field id: identity partition values. They stand in for absent columns. */
  readonly constants?: ReadonlyMap<number, NestedValue> | undefined
  /** Passes over row groups whose statistics show that no row passes. Rows are not filtered. */
  readonly filter?: BoundExpression | undefined
  /** Known size of the file in bytes; asked of the store when absent. */
  readonly sizeBytes?: number | undefined
  /** Most rows in a batch, by default 16,384. */
  readonly batchRows?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Most rows of a batch, unless the caller says otherwise. */
export const defaultBatchRows = 16_384

/** Consecutive rows of a file. */
export interface RowsAt {
  readonly batch: RecordBatch
  /** The position in the file of the batch's first row, row groups that were passed over counted. */
  readonly firstRow: number
}

/**
 * The rows of one Parquet file, in their order: exact values, columns found by field id. Memory is bounded by one row group.
 *
 * @throws IcebergIoError `unsupported-file`, `malformed-file`, `unsupported-type`, naming file and column; what the store throws.
 * @see https://iceberg.apache.org/spec/#parquet
 */
export async function* readParquet(
  io: FileIO,
  path: string,
  read: ParquetRead,
): AsyncGenerator<RecordBatch, void, undefined> {
  for await (const { batch } of readParquetPositions(io, path, read)) yield batch
}

/** {@link readParquet} with the position of each batch. Without fields the batches have no column, but their rows count. */
export async function* readParquetPositions(
  io: FileIO,
  path: string,
  read: ParquetRead,
): AsyncGenerator<RowsAt, void, undefined> {
  const { signal } = read
  const sizeBytes = read.sizeBytes ?? (await io.stat(path, { signal })).sizeBytes
  const metadata = await footer(io, path, { sizeBytes, signal })
  const root = parquetSchema(metadata)
  const names = fieldNames(root, read.properties ?? {}, path)
  const columns = read.fields.map((field) => findColumn(field, [root], names, path))
  const leaves = new Set(columns.flatMap(leafNames))
  const builder = new BatchBuilder(columnFieldsOf({ fields: read.fields }))
  const batchRows = read.batchRows ?? defaultBatchRows
  let nextRow = 0
  for (const group of metadata.row_groups) {
    signal?.throwIfAborted()
    const rows = Number(group.num_rows)
    const firstRow = nextRow
    nextRow += rows
    if (rows === 0 || !rowGroupMightMatch(read.filter, group, { fields: read.fields, columns })) continue
    const loaded = await LoadedRowGroup.load({ io, path, signal }, group, leaves)
    read.fields.forEach((field, index) => {
      const column = columns[index]
      const target = builder.columns[index]
      if (target === undefined) throw new TypeError('a builder for each field')
      const reader =
        column === undefined
          ? constantReader(target, constantOf(field, read.constants))
          : columnReader(column, field.type, target, { file: path, pagesOf: (leaf) => loaded.pages(leaf) })
      reader.read(rows)
    })
    const whole = read.fields.length === 0 ? rowsWithoutColumns(rows) : finish(builder, rows, path)
    for (let start = 0; start < rows; start += batchRows) {
      signal?.throwIfAborted()
      const batch = rows <= batchRows ? whole : sliceBatch(whole, start, Math.min(rows, start + batchRows))
      yield { batch, firstRow: firstRow + start }
    }
  }
}

/** A partition value stands in for an absent column, null included; without one the field's default does. */
function constantOf(field: NestedField, constants: ReadonlyMap<number, NestedValue> | undefined): NestedValue {
  const value = constants?.get(field.id)
  return value === undefined ? defaultOf(field) : value
}

async function footer(
  io: FileIO,
  path: string,
  options: { readonly sizeBytes: number; readonly signal: AbortSignal | undefined },
): Promise<FileMetaData> {
  const file = rangeFile(io, path, options)
  try {
    return await parquetMetadataAsync(file, { geoparquet: false })
  } catch (error) {
    options.signal?.throwIfAborted()
    // Errors of the store name the path already and pass through.
    if (error instanceof Error && 'code' in error) throw error
    throw new IcebergIoError(
      'malformed-file',
      `${path} is not a readable Parquet file: ${error instanceof Error ? error.message : String(error)}`,
      {
        context: { file: path },
        hint: 'The file is damaged or not Parquet; restore it, or drop it from the table.',
        cause: error,
      },
    )
  }
}

function rowsWithoutColumns(rows: number): RecordBatch {
  return new RecordBatch(new Schema([]), makeData({ type: new Struct([]), length: rows, nullCount: 0, children: [] }))
}

function finish(builder: BatchBuilder, rows: number, path: string): RecordBatch {
  if (builder.columns.some((column) => column.length !== rows)) {
    throw new IcebergIoError('malformed-file', `${path}: the columns of a row group differ in their number of rows`, {
      context: { file: path },
    })
  }
  return builder.finish()
}

function leafNames(column: FileColumn | undefined): readonly string[] {
  switch (column?.kind) {
    case undefined:
      return []
    case 'leaf':
      return [column.path[column.path.length - 1]?.path.join('.') ?? '']
    case 'struct':
      return column.fields.flatMap(leafNames)
    case 'list':
      return leafNames(column.element)
    case 'map':
      return [...leafNames(column.key), ...leafNames(column.value)]
  }
}
