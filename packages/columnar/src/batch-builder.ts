import type { RecordBatch, Schema } from 'apache-arrow'
import { arrowSchema } from './arrow-schema.ts'
import { batchOf } from './batch.ts'
import { type ColumnBuilder, columnBuilder, type ColumnBuilderOptions } from './column-builder.ts'
import type { ColumnField } from './column-type.ts'
import { ColumnarError } from './errors.ts'
import { nullInRequired } from './nested-builders.ts'

/**
 * Builds record batches over typed arrays that grow by doubling.
 *
 * Fill `columns` column by column or row by row, then `finish()`. The batch owns its memory, unless that comes from a
 * pool; the builder starts again empty and may be used for the next batch.
 */
export class BatchBuilder {
  readonly fields: readonly ColumnField[]
  readonly schema: Schema
  /** One builder a field, in order. */
  readonly columns: readonly ColumnBuilder[]

  /** @throws ColumnarError 'invalid-type' for a field that Arrow cannot hold. */
  constructor(fields: readonly ColumnField[], options: ColumnBuilderOptions = {}) {
    this.fields = fields
    this.schema = arrowSchema(fields)
    this.columns = fields.map((field) => columnBuilder(field, options))
  }

  /** The length of the first column. */
  get rowCount(): number {
    return this.columns[0]?.length ?? 0
  }

  /** Bytes buffered so far, near enough to decide when to finish; cheap to ask. */
  get byteSize(): number {
    let size = 0
    for (const column of this.columns) size += column.byteSize
    return size
  }

  /**
   * The batch of everything appended since the last one. Without columns it has `rows` rows.
   *
   * @throws ColumnarError 'length-mismatch' when the columns differ in length, 'null-in-required' when a field that is not
   * nullable holds a null. After an error the builder's content is undefined: drop it.
   */
  finish(rows = 0): RecordBatch {
    const length = this.columns.length === 0 ? rows : this.rowCount
    for (const [index, column] of this.columns.entries()) {
      if (column.length !== length) {
        throw new ColumnarError(
          'length-mismatch',
          `Column ${column.name} holds ${column.length} rows and the first column ${length}`,
          { context: { column: column.name, length: column.length, expected: length } },
        )
      }
      if (column.nullCount > 0 && this.fields[index]?.nullable === false) {
        let row = 0
        while (!column.isNull(row)) row++
        throw nullInRequired(column.name, row)
      }
    }
    return batchOf(
      this.schema,
      length,
      this.columns.map((column) => column.finish()),
    )
  }
}
