import { concatBatches, takeRows } from '@icebridge/columnar'
import type { RecordBatch } from 'apache-arrow'
import { batchBytes } from './batch-bytes.ts'
import type { RowOrder } from './row-order.ts'

/** Rows of a batch that is cut from sorted rows: few, as a merge holds one of each run. */
const ROWS_A_BATCH = 4096

/** Holds rows of a partition until they are sorted. */
export class SortBuffer {
  #batches: RecordBatch[] = []
  #columns: readonly string[] | undefined
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** False when the batch has other columns than those before it, in memory or spilled. */
  accepts(batch: RecordBatch): boolean {
    const { fields } = batch.schema
    const columns = this.#columns
    return (
      columns === undefined ||
      (columns.length === fields.length && columns.every((name, at) => name === fields[at]?.name))
    )
  }

  add(batch: RecordBatch): void {
    this.#columns ??= batch.schema.fields.map(({ name }) => name)
    this.#batches.push(batch)
    this.#bytes += batchBytes(batch)
  }

  /** The rows in order, in batches; the buffer is empty from the first one on. */
  *take(order: RowOrder): Generator<RecordBatch> {
    const batches = this.#batches
    this.#batches = []
    this.#bytes = 0
    if (batches.length === 0) return
    const whole = concatBatches(batches)
    batches.length = 0
    const rows = order.sort(whole)
    for (let start = 0; start < rows.length; start += ROWS_A_BATCH) {
      yield takeRows(whole, rows.subarray(start, start + ROWS_A_BATCH))
    }
  }
}
