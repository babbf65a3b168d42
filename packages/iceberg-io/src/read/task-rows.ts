import { arrowSchema, columnView, selectColumns, sliceBatch, takeRows } from '@icebridge/columnar'
import {
  bindExpression,
  deletedColumn,
  type FileScanTask,
  type FileIO,
  lastUpdatedSequenceNumberColumn,
  type NestedField,
  positionColumn,
  rowIdColumn,
  type Schema,
  type TableMetadata,
} from '@icebridge/iceberg-core'
import { Bool, type Data, Field, Int64, makeData, RecordBatch, Schema as ArrowSchema, Struct } from 'apache-arrow'
import { columnFieldOf } from '../column-fields.ts'
import { fieldsToRead } from '../delete/equality-columns.ts'
import type { EqualityDeletes } from '../delete/equality-deletes.ts'
import type { PositionDeletes } from '../delete/position-deletes.ts'
import { type MapPath, readDataRows } from './data-rows.ts'
import { identityValues } from './identity-values.ts'
import { ConstantColumns } from './metadata-values.ts'
import { defaultBatchRows } from './parquet-file.ts'
import { mergeFields, projectColumn } from './projection.ts'
import { filterFields, filterRows } from './row-filter.ts'
import type { WantedColumn } from './wanted-columns.ts'

export interface TaskRowsContext {
  readonly io: FileIO
  readonly metadata: TableMetadata
  readonly schema: Schema
  readonly columns: readonly WantedColumn[]
  readonly positionDeletes: PositionDeletes
  readonly equalityDeletes: EqualityDeletes
  readonly batchRows: number | undefined
  readonly mapPath: MapPath | undefined
  readonly signal: AbortSignal | undefined
}

/** Names of columns that are in a batch only on the way: no table has such ones. */
const positionName = '\0position'
const deletedName = '\0deleted'

/**
 * The rows of one task that its deletes leave and its residual passes, with the columns wanted. When `_deleted` is among
 * them, deleted rows are there as well.
 */
export async function* taskRows(
  task: FileScanTask,
  context: TaskRowsContext,
): AsyncGenerator<RecordBatch, void, undefined> {
  const { io, metadata, schema, columns, mapPath, signal } = context
  const { file } = task
  const positions = await context.positionDeletes.of(task)
  const equality = await context.equalityDeletes.of(task)
  const filter = bindExpression(task.residual, schema)
  const kept = mergeFields(storedFields(columns), filterFields(filter, schema))
  // Columns that only equality deletes need are read last and dropped as soon as those are applied.
  const fields = uniqueNames(mergeFields(kept, fieldsToRead(equality.flatMap((test) => test.columns))))
  const readAs = fields.slice(0, kept.length)
  const needs = new Set(columns.flatMap(({ field, isMetadata }) => (isMetadata ? [field.id] : [])))
  const needsPositions = needs.has(positionColumn.id) || (needs.has(rowIdColumn.id) && file.firstRowId !== undefined)
  const keepsDeleted = needs.has(deletedColumn.id)
  const { batchRows = defaultBatchRows } = context
  const constants = new ConstantColumns(task, metadata)
  const reads = readDataRows(io, file, {
    fields,
    properties: metadata.properties,
    constants: identityValues(metadata, file),
    filter,
    // Each batch goes through all that is spilled: a row group at a time then.
    batchRows: equality.some(({ hasSpilled }) => hasSpilled) ? Number.MAX_SAFE_INTEGER : batchRows,
    mapPath,
    signal,
  })
  for await (const { batch, firstRow } of reads) {
    const mask = new Uint8Array(positions === undefined && equality.length === 0 ? 0 : batch.numRows)
    positions?.mark(firstRow, mask)
    for (const test of equality) await test.mark(batch, fields, mask)
    let rows = fields.length === kept.length ? batch : selectColumns(batch, [...kept.keys()])
    if (needsPositions) rows = withColumn(rows, positionName, positionData(firstRow, batch.numRows))
    if (keepsDeleted) rows = withColumn(rows, deletedName, booleanData(mask, batch.numRows))
    else if (mask.includes(1)) rows = takeRows(rows, unmarked(mask))
    const passing = filterRows(rows, filter, readAs)
    for (let start = 0; start < passing.numRows; start += batchRows) {
      const part = sliceBatch(passing, start, Math.min(passing.numRows, start + batchRows))
      yield output(part, { columns, fields: readAs, task, constants })
    }
  }
}

/** A dropped column may have the name of a later one; in a batch the second would change the type of the first. */
function uniqueNames(fields: readonly NestedField[]): readonly NestedField[] {
  const names = new Set<string>()
  return fields.map((field) => {
    const own = names.has(field.name) ? { ...field, name: `${field.name} (field ${field.id})` } : field
    names.add(own.name)
    return own
  })
}

/** What must be read from the file for the columns wanted. */
function storedFields(columns: readonly WantedColumn[]): readonly NestedField[] {
  const lineage = [rowIdColumn.id, lastUpdatedSequenceNumberColumn.id]
  return columns.flatMap(({ field, isMetadata }) => (!isMetadata || lineage.includes(field.id) ? [field] : []))
}

interface Output {
  readonly columns: readonly WantedColumn[]
  /** What the rows were read as. */
  readonly fields: readonly NestedField[]
  readonly task: FileScanTask
  readonly constants: ConstantColumns
}

function output(rows: RecordBatch, { columns, fields, task, constants }: Output): RecordBatch {
  if (columns.every(({ isMetadata }) => !isMetadata) && columns.every(({ field }) => fields.includes(field))) {
    const indexes = columns.map(({ field }) => fields.indexOf(field))
    const asIs = indexes.length === rows.numCols && indexes.every((index, at) => index === at)
    return asIs ? rows : selectColumns(rows, indexes)
  }
  const made = columns.map(({ field, isMetadata }): { readonly field: Field; readonly data: Data } => {
    const stored = fields.findIndex(({ id }) => id === field.id)
    const read = fields[stored]
    if (!isMetadata && read !== undefined) {
      const column = projectColumn(columnAt(rows, stored), read, field)
      return field.name === read.name ? column : { ...column, field: column.field.clone({ name: field.name }) }
    }
    const [arrow] = arrowSchema([columnFieldOf(field)]).fields
    if (arrow === undefined) throw new TypeError('a field for each column')
    return {
      field: arrow,
      data: metadataData(field, rows, stored) ?? constants.data(field, rows.numRows),
    }
  })
  return batchOf(made, rows.numRows)

  function metadataData(field: NestedField, batch: RecordBatch, stored: number): Data | undefined {
    switch (field.id) {
      case positionColumn.id:
        return columnAt(batch, indexOf(batch, positionName)).data
      case deletedColumn.id:
        return columnAt(batch, indexOf(batch, deletedName)).data
      case rowIdColumn.id:
        return rowIdData(batch, stored, task.file.firstRowId)
      case lastUpdatedSequenceNumberColumn.id:
        // Rows that have no id have no lineage at all.
        return inherited(batch, stored, () => (task.file.firstRowId === undefined ? undefined : task.sequenceNumber))
      default:
        return undefined
    }
  }
}

/** @see https://iceberg.apache.org/spec/#row-lineage-assignment */
function rowIdData(rows: RecordBatch, stored: number, firstRowId: bigint | undefined): Data {
  if (firstRowId === undefined) return inherited(rows, stored, () => undefined)
  const positions = columnView(rows, indexOf(rows, positionName))
  if (positions.kind !== 'int64') throw new TypeError('positions are 64-bit')
  return inherited(rows, stored, (row) => firstRowId + positions.value(row))
}

/** The values of a stored column of longs; where it is null, those that are inherited. */
function inherited(rows: RecordBatch, stored: number, inherit: (row: number) => bigint | undefined): Data {
  const own = columnView(rows, stored)
  if (own.kind !== 'int64') throw new TypeError('row lineage is 64-bit')
  const values = new BigInt64Array(rows.numRows)
  const bits = new Uint8Array((rows.numRows + 7) >> 3)
  let nullCount = 0
  for (let row = 0; row < rows.numRows; row++) {
    const value = own.isNull(row) ? inherit(row) : own.value(row)
    if (value === undefined) nullCount++
    else {
      values[row] = value
      bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7))
    }
  }
  return makeData({ type: new Int64(), length: rows.numRows, nullCount, nullBitmap: bits, data: values })
}

function positionData(firstRow: number, rows: number): Data {
  const values = new BigInt64Array(rows)
  for (let row = 0; row < rows; row++) values[row] = BigInt(firstRow + row)
  return makeData({ type: new Int64(), length: rows, nullCount: 0, data: values })
}

function booleanData(mask: Uint8Array, rows: number): Data {
  const bits = new Uint8Array((rows + 7) >> 3)
  mask.forEach((bit, row) => {
    bits[row >> 3] = (bits[row >> 3] ?? 0) | (bit << (row & 7))
  })
  return makeData({ type: new Bool(), length: rows, nullCount: 0, data: bits })
}

function unmarked(mask: Uint8Array): Uint32Array {
  const rows = new Uint32Array(mask.length)
  let count = 0
  for (let row = 0; row < mask.length; row++) if (mask[row] === 0) rows[count++] = row
  return rows.subarray(0, count)
}

function withColumn(batch: RecordBatch, name: string, data: Data): RecordBatch {
  const own = batch.schema.fields.map((_, index) => columnAt(batch, index))
  return batchOf([...own, { field: new Field(name, data.type, false), data }], batch.numRows)
}

function columnAt(batch: RecordBatch, index: number): { readonly field: Field; readonly data: Data } {
  const field = batch.schema.fields[index]
  const data: Data | undefined = batch.data.children[index]
  if (field === undefined || data === undefined) throw new TypeError(`the batch has no column ${index}`)
  return { field, data }
}

function indexOf(batch: RecordBatch, name: string): number {
  return batch.schema.fields.findIndex((field) => field.name === name)
}

function batchOf(columns: readonly { readonly field: Field; readonly data: Data }[], length: number): RecordBatch {
  const fields = columns.map(({ field }) => field)
  const children = columns.map(({ data }) => data)
  return new RecordBatch(
    new ArrowSchema(fields),
    makeData({ type: new Struct(fields), length, nullCount: 0, children }),
  )
}
