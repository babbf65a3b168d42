import { columnView, type ColumnView } from '@icebridge/columnar'
import type { RecordBatch } from 'apache-arrow'

/** Walks a stream of batches row by row without making row objects: `views[c]` at `row` is the current cell. */
export class RowCursor {
  readonly #batches: AsyncIterator<RecordBatch>
  #views: readonly ColumnView[] = []
  #rows = 0
  #row = -1

  constructor(batches: AsyncIterable<RecordBatch>) {
    this.#batches = batches[Symbol.asyncIterator]()
  }

  get views(): readonly ColumnView[] {
    return this.#views
  }

  get row(): number {
    return this.#row
  }

  /** Moves to the next row; false at the end. */
  async next(): Promise<boolean> {
    this.#row += 1
    while (this.#row >= this.#rows) {
      const step = await this.#batches.next()
      if (step.done === true) return false
      const batch = step.value
      this.#views = Array.from({ length: batch.numCols }, (_, index) => columnView(batch, index))
      this.#rows = batch.numRows
      this.#row = 0
    }
    return true
  }

  /** Stops the stream, whether it is at its end or not. */
  async close(): Promise<void> {
    await this.#batches.return?.()
  }
}
