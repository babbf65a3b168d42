import type { RecordBatch } from 'apache-arrow'

/** Cuts a stream of batches into groups of so many rows; the last has the rest. Nothing is copied, and one batch is held at most. */
export class RowGroups {
  readonly #source: AsyncIterator<RecordBatch>
  readonly #limit: number
  #held: RecordBatch | undefined
  #ended = false

  constructor(source: AsyncIterable<RecordBatch>, limit: number) {
    this.#source = source[Symbol.asyncIterator]()
    this.#limit = limit
  }

  /** Whether there is another row; waits for the source where it must. */
  async more(): Promise<boolean> {
    while (this.#held === undefined && !this.#ended) {
      const next = await this.#source.next()
      if (next.done === true) this.#ended = true
      else if (next.value.numRows > 0) this.#held = next.value
    }
    return this.#held !== undefined
  }

  /** The next rows, at most the limit. Single use; the one before it is read to its end. */
  async *group(): AsyncGenerator<RecordBatch, void, undefined> {
    let left = this.#limit
    while (left > 0 && (await this.more())) {
      const batch = this.#held
      if (batch === undefined) return
      const taken = Math.min(left, batch.numRows)
      this.#held = taken < batch.numRows ? batch.slice(taken) : undefined
      left -= taken
      yield taken < batch.numRows ? batch.slice(0, taken) : batch
    }
  }

  /** Ends the source. */
  async close(): Promise<void> {
    this.#ended = true
    await this.#source.return?.()
  }
}
