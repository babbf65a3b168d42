import { type Data, makeData, RecordBatch, Schema, Struct } from 'apache-arrow'
import { ColumnarError } from './errors.ts'
import { takeData } from './take.ts'

/** The rows `start` (inclusive) to `end` (exclusive), sharing the batch's memory. @throws ColumnarError 'out-of-range' */
export function sliceBatch(batch: RecordBatch, start: number, end: number): RecordBatch {
  const whole = Number.isInteger(start) && Number.isInteger(end)
  if (!whole || start < 0 || end < start || end > batch.numRows) {
    throw new ColumnarError('out-of-range', `Rows ${start} to ${end} are not within a batch of ${batch.numRows} rows`, {
      context: { start, end, rows: batch.numRows },
    })
  }
  if (start === 0 && end === batch.numRows) return batch
  return new RecordBatch(batch.schema, batch.data.slice(start, end - start))
}

/**
 * The columns at `indexes`, in that order, sharing the batch's memory. A batch keeps its row count even with no column.
 *
 * @throws ColumnarError 'out-of-range' for an index past the last column.
 */
export function selectColumns(batch: RecordBatch, indexes: readonly number[]): RecordBatch {
  const fields = indexes.map((index) => {
    const field = batch.schema.fields[index]
    if (field !== undefined) return field
    throw new ColumnarError('out-of-range', `The batch has no column ${index}`, {
      context: { index, columns: batch.schema.fields.length },
    })
  })
  // every index was checked above
  const children = indexes.map((index) => batch.data.children[index] as Data)
  return batchOf(new Schema(fields, batch.schema.metadata), batch.numRows, children)
}

/**
 * The given rows, in the given order and with repeats, copied into memory of their own.
 *
 * @throws ColumnarError 'out-of-range' for a row past the last one.
 */
export function takeRows(batch: RecordBatch, rows: Uint32Array): RecordBatch {
  for (const row of rows) {
    if (row >= batch.numRows) {
      throw new ColumnarError('out-of-range', `The batch has ${batch.numRows} rows and no row ${row}`, {
        context: { row, rows: batch.numRows },
      })
    }
  }
  return batchOf(
    batch.schema,
    rows.length,
    batch.data.children.map((child) => takeData(child, rows)),
  )
}

/** A batch over finished columns of one length. */
export function batchOf(schema: Schema, length: number, children: readonly Data[]): RecordBatch {
  const data = makeData({ type: new Struct(schema.fields), length, nullCount: 0, children: [...children] })
  return new RecordBatch(schema, data)
}
