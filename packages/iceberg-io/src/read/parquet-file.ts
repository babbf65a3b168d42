import { arrowSchema } from '@icebridge/columnar'
import type { BoundExpression, FileIO, NestedField, NestedValue } from '@icebridge/iceberg-core'
import { makeData, RecordBatch, Struct, type Field } from 'apache-arrow'
import { columnFieldsOf } from '../column-fields.ts'
import { DecodeFault, located } from '../parquet/decode-fault.ts'
import type { LeafSlots } from '../parquet/leaf-reader.ts'
import type { RowGroup } from '../parquet/metadata.ts'
import type { SchemaNode } from '../parquet/schema-tree.ts'
import { assembler, rowsPlace, type SlotsOf } from './assemble.ts'
import { fieldNames, findColumn, leavesOf } from './file-columns.ts'
import { openParquet } from './parquet-footer.ts'
import { type LoadedRowGroup, loadRowGroup, storedBytes } from './row-group.ts'
import { RowPruner } from './row-pruner.ts'

export interface ParquetRead {
  /** The columns to read, as the table has them now. */
  readonly fields: readonly NestedField[]
  /** Table properties: the name mapping stands there. */
  readonly properties?: Readonly<Record<string, string>> | undefined
  /** Values that every row of the file has, by field id: identity partition values. They stand in for absent columns. */
  readonly constants?: ReadonlyMap<number, NestedValue> | undefined
  /** Passes over row groups and pages whose statistics show that no row passes. Rows are not filtered. */
  readonly filter?: BoundExpression | undefined
  /** Known size of the file in bytes; asked of the store when absent. */
  readonly sizeBytes?: number | undefined
  /** Most rows in a batch, by default 16,384. */
  readonly batchRows?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Most rows of a batch, unless the caller says otherwise. */
export const defaultBatchRows = 16_384
/** The next row group is fetched ahead only while its columns are no larger than this, stored. */
const mostAheadBytes = 64 * 1024 * 1024

/** Consecutive rows of a file. */
export interface RowsAt {
  readonly batch: RecordBatch
  /** The position in the file of the batch's first row, rows that were passed over counted. */
  readonly firstRow: number
}

/**
 * The rows of one Parquet file, in their order: exact values, columns found by field id. Memory is bounded by the stored
 * columns of a row group, those of the next when it is small, and one batch.
 *
 * @throws IcebergIoError `unsupported-file`, `malformed-file`, naming file and column; what the store throws.
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
  const { source, metadata } = await openParquet(io, path, { sizeBytes, signal }).catch((error: unknown) => {
    throw faultOf(error, path, signal)
  })
  const names = fieldNames(metadata.root, read.properties ?? {}, path)
  const columns = read.fields.map((field) => findColumn(field, metadata.root, names, path))
  const leaves = [...new Set(columns.flatMap(leavesOf))]
  const pruner =
    read.filter === undefined || read.filter.op === 'true'
      ? undefined
      : new RowPruner(read.filter, { fields: read.fields, columns, constants: read.constants })
  const reader = batchReader(path, read, columns)
  const load = (group: RowGroup): Promise<LoadedRowGroup> =>
    loadRowGroup(source, group, { leaves, pruner }).catch((error: unknown) => {
      throw faultOf(error, path, signal)
    })
  let ahead: Promise<LoadedRowGroup> | undefined
  let nextRow = 0
  try {
    for (const [index, group] of metadata.rowGroups.entries()) {
      signal?.throwIfAborted()
      const firstRow = nextRow
      nextRow += group.rowCount
      const { ranges, readers } = await (ahead ?? load(group))
      const next = metadata.rowGroups[index + 1]
      ahead = next !== undefined && storedBytes(next, leaves) <= mostAheadBytes ? load(next) : undefined
      // Its failure is raised when its turn comes.
      ahead?.catch(() => undefined)
      for (const range of ranges) {
        for (const leaf of readers.values()) within(path, leaf.leaf, () => leaf.skipTo(range.start))
        for (let start = range.start; start < range.end; start += reader.batchRows) {
          signal?.throwIfAborted()
          const rows = Math.min(reader.batchRows, range.end - start)
          yield { batch: reader.batch(rows, readers), firstRow: firstRow + start }
        }
      }
    }
  } finally {
    await ahead?.catch(() => undefined)
  }
}

interface BatchReader {
  readonly batchRows: number
  batch(rows: number, readers: LoadedRowGroup['readers']): RecordBatch
}

/** @throws IcebergIoError `unsupported-file` for a stored type that is not read as the column's. */
function batchReader(path: string, read: ParquetRead, columns: readonly ReturnType<typeof findColumn>[]): BatchReader {
  const schema = arrowSchema(columnFieldsOf({ fields: read.fields }))
  const assemble = read.fields.map((field, index) => {
    const arrow: Field | undefined = schema.fields[index]
    if (arrow === undefined) throw new TypeError('an Arrow field for each field')
    return assembler(columns[index], field, arrow, { file: path, path: field.name, constants: read.constants })
  })
  return {
    batchRows: read.batchRows ?? defaultBatchRows,
    batch: (rows, readers) => {
      const slots = new Map<SchemaNode, LeafSlots>()
      const slotsOf: SlotsOf = (leaf) => {
        const known = slots.get(leaf)
        if (known !== undefined) return known
        const reader = readers.get(leaf)
        if (reader === undefined) throw new TypeError('a reader for each leaf')
        const made = within(path, leaf, () => reader.read(rows))
        slots.set(leaf, made)
        return made
      }
      const children = assemble.map((column, index) => {
        try {
          return column({ ...rowsPlace, length: rows }, slotsOf)
        } catch (error) {
          throw located(error, path, read.fields[index]?.name)
        }
      })
      const data = makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children })
      return new RecordBatch(schema, data)
    },
  }
}

function within<T>(path: string, leaf: SchemaNode, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw located(error, path, leaf.path.join('.'))
  }
}

/** What the store throws passes through as it is, as an abort does. */
function faultOf(error: unknown, path: string, signal: AbortSignal | undefined): unknown {
  signal?.throwIfAborted()
  return error instanceof DecodeFault ? located(error, path) : error
}
