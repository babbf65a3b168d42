import { columnView, concatBatches, takeRows } from '@icebridge/columnar'
import type { Schema } from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { KeyTable } from '../delete/key-table.ts'
import { hashBytes, RowKeys } from '../delete/row-keys.ts'
import { IcebergIoError } from '../errors.ts'
import { batchBytes } from '../write/batch-bytes.ts'
import { conformed, viewsOf } from './columns.ts'

export interface SourceOptions {
  readonly schema: Schema
  /** Names of the columns that identify a row. */
  readonly keys: readonly string[]
  /** What becomes of rows with the same key: an error, or the last one is taken. */
  readonly duplicates: 'refuse' | 'last'
  /** Bytes of rows at most. */
  readonly maxBytes: number
  readonly signal: AbortSignal | undefined
}

/** The rows of an upsert, in memory, found by their key. */
export class SourceRows {
  /** One row a key, with the table's columns. */
  readonly batch: RecordBatch
  /** Names of the key columns. */
  readonly keys: readonly string[]
  readonly #table: KeyTable
  readonly #contents: RowKeys

  private constructor(batch: RecordBatch, keys: readonly string[], table: KeyTable) {
    this.batch = batch
    this.keys = keys
    this.#table = table
    this.#contents = contentsOf(batch)
  }

  /**
   * Collects all rows.
   *
   * @throws IcebergIoError `schema-mismatch` naming a column that does not fit or a key column with a null,
   * `duplicate-keys`, `too-large` when the rows pass `maxBytes`.
   */
  static async collect(
    batches: AsyncIterable<RecordBatch> | Iterable<RecordBatch>,
    options: SourceOptions,
  ): Promise<SourceRows | undefined> {
    const held: RecordBatch[] = []
    let bytes = 0
    for await (const batch of batches) {
      options.signal?.throwIfAborted()
      if (batch.numRows === 0) continue
      bytes += batchBytes(batch)
      if (bytes > options.maxBytes) throw tooLarge(options.maxBytes)
      held.push(conformed(batch, options.schema))
    }
    if (held.length === 0) return undefined
    const { batch, table } = distinct(concatBatches(held), options)
    return new SourceRows(batch, options.keys, table)
  }

  /** For each row of a batch the source row with its key, -1 without one. The batch has the key columns. */
  find(batch: RecordBatch): Int32Array {
    const keys = new RowKeys(viewsOf(batch, this.keys).map((view) => ({ view })))
    const found = new Int32Array(batch.numRows)
    for (let row = 0; row < batch.numRows; row++) {
      const length = keys.write(row)
      found[row] = this.#table.find(keys.bytes, length, hashBytes(keys.bytes, length))
    }
    return found
  }

  /** Whether rows of a batch differ from source rows in any column. The batch has the table's columns, in order. */
  differences(batch: RecordBatch): (row: number, sourceRow: number) => boolean {
    const others = contentsOf(batch)
    return (row, sourceRow) => {
      const length = others.write(row)
      if (this.#contents.write(sourceRow) !== length) return true
      return Buffer.compare(this.#contents.bytes.subarray(0, length), others.bytes.subarray(0, length)) !== 0
    }
  }
}

function contentsOf(batch: RecordBatch): RowKeys {
  return new RowKeys(batch.schema.fields.map((_, index) => ({ view: columnView(batch, index) })))
}

/** One row a key, numbered as the keys are. */
function distinct(
  all: RecordBatch,
  { keys, duplicates }: SourceOptions,
): { readonly batch: RecordBatch; readonly table: KeyTable } {
  const views = viewsOf(all, keys)
  for (const [index, view] of views.entries()) {
    if (view.nullCount > 0) {
      throw new IcebergIoError('schema-mismatch', `the key column ${keys[index]} has nulls, which identify no row`, {
        context: { column: keys[index] ?? '' },
        hint: 'Give every row a key.',
      })
    }
  }
  const written = new RowKeys(views.map((view) => ({ view })))
  const table = new KeyTable(1)
  const rows = new Uint32Array(all.numRows)
  for (let row = 0; row < all.numRows; row++) {
    const length = written.write(row)
    const before = table.size
    const entry = table.insert(written.bytes, length, hashBytes(written.bytes, length))
    if (table.size === before && duplicates === 'refuse') throw duplicate(rows[entry] ?? 0, row)
    rows[entry] = row
  }
  const single = table.size === all.numRows
  return { batch: single ? all : takeRows(all, rows.subarray(0, table.size)), table }
}

function duplicate(first: number, second: number): IcebergIoError {
  return new IcebergIoError('duplicate-keys', `rows ${first} and ${second} of the input have the same key`, {
    context: { first, second },
    hint: "Give each key once, or ask for duplicates: 'last'.",
  })
}

function tooLarge(maxBytes: number): IcebergIoError {
  return new IcebergIoError(
    'too-large',
    `the input has more than ${maxBytes} bytes of rows, which are held in memory`,
    {
      context: { maxBytes },
      hint: 'Upsert it in parts, or raise inputBytes.',
    },
  )
}
