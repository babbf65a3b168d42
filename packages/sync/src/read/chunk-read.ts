import type { RecordBatch } from 'apache-arrow'

export interface ChunkReadOptions {
  /** Bytes of finished batches that may wait for the consumer before the source is left unread. */
  readonly aheadBytes: number
  readonly signal: AbortSignal | undefined
}

/**
 * A read that runs ahead of its consumer, up to a bound of memory. It begins at once; its failure waits for the consumer.
 * Dispose of it when it is not read to its end: that stops the query.
 */
export class ChunkRead implements AsyncDisposable {
  readonly #abort = new AbortController()
  #aheadBytes: number
  readonly #ready: RecordBatch[] = []
  readonly #pumped: Promise<void>
  #bytes = 0
  #ended = false
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(open: (signal: AbortSignal) => AsyncIterable<RecordBatch>, options: ChunkReadOptions) {
    this.#aheadBytes = options.aheadBytes
    const stop = this.#abort.signal
    const signal = options.signal === undefined ? stop : AbortSignal.any([stop, options.signal])
    this.#pumped = this.#pump(open(signal))
  }

  /** The batches, once. @throws what the read threw, after the batches before it. */
  async *batches(): AsyncGenerator<RecordBatch, void, undefined> {
    for (;;) {
      const batch = this.#ready.shift()
      if (batch !== undefined) {
        this.#bytes -= batch.data.byteLength
        this.#notify()
        yield batch
      } else if (this.#failure !== undefined) throw this.#failure.error
      else if (this.#ended) return
      else await this.#change()
    }
  }

  /** Sets how many bytes may wait from now on. */
  runAhead(bytes: number): void {
    this.#aheadBytes = bytes
    this.#notify()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#abort.abort()
    this.#ready.length = 0
    this.#bytes = 0
    this.#notify()
    await this.#pumped
  }

  async #pump(batches: AsyncIterable<RecordBatch>): Promise<void> {
    try {
      for await (const batch of batches) {
        if (this.#abort.signal.aborted) break
        this.#ready.push(batch)
        this.#bytes += batch.data.byteLength
        this.#notify()
        while (this.#bytes >= this.#aheadBytes && !this.#abort.signal.aborted) await this.#change()
      }
    } catch (error) {
      this.#failure = { error }
    } finally {
      this.#ended = true
      this.#notify()
    }
  }

  #notify(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  /** Only one of the two sides waits at a time: the consumer for a batch, or the pump for room. */
  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
  }
}
