import { concatBatches, takeRows } from '@icebridge/columnar'
import type { RecordBatch } from 'apache-arrow'
import { batchBytes } from './batch-bytes.ts'
import type { RowOrder } from './row-order.ts'

/** Rows of a batch that is cut from a sorted run. */
const ROWS_A_BATCH = 16_384

/** Holds the rows of one file until they are sorted. */
export class SortBuffer {
  #batches: RecordBatch[] = []
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** False when the batch has other columns than those held: they are taken out first. */
  accepts(batch: RecordBatch): boolean {
    const held = this.#batches[0]?.schema.fields
    if (held === undefined) return true
    const { fields } = batch.schema
    return held.length === fields.length && held.every(({ name }, index) => name === fields[index]?.name)
  }

  add(batch: RecordBatch): void {
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
