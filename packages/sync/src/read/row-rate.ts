import type { Environment } from '@icebridge/iceberg-core'

/** Holds reads together to so many rows a second. */
export class RowRate {
  readonly #rowsPerSecond: number
  readonly #environment: Environment
  /** When the rows that were taken so far may have been read at the earliest. */
  #dueMs = 0

  constructor(rowsPerSecond: number, environment: Environment) {
    this.#rowsPerSecond = rowsPerSecond
    this.#environment = environment
  }

  /** Rows that a batch may have, so that the pauses between batches are short. */
  get batchRows(): number {
    return Math.max(1, Math.min(65_536, Math.floor(this.#rowsPerSecond / 4)))
  }

  /** Waits until that many rows more may have been read. */
  async take(rows: number, signal: AbortSignal | undefined): Promise<void> {
    const now = this.#environment.nowMs()
    this.#dueMs = Math.max(this.#dueMs, now) + (rows * 1000) / this.#rowsPerSecond
    if (this.#dueMs > now) await this.#environment.sleep(this.#dueMs - now, signal)
  }
}
