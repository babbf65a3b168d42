import { classify, type Classified } from './classify.ts'

/** How often and how patiently work is repeated. */
export interface RetryOptions {
  /** Tries in all, the first included; at least 1. */
  readonly attempts: number
  /** The pause after the first failure; it doubles with each further one. */
  readonly baseDelayMs: number
  readonly maxDelayMs: number
  /** 0 (inclusive) to 1 (exclusive): spreads the pauses of many workers over the upper half of each. */
  readonly random: () => number
  /** Ends early by throwing when the signal aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  readonly signal?: AbortSignal
  readonly onRetry?: (retry: { readonly attempt: number; readonly delayMs: number; readonly error: unknown }) => void
  /** Decides in place of {@link classify}. */
  readonly isRetryable?: (classified: Classified, error: unknown) => boolean
}

/**
 * Runs the work, again when it failed in a way that a repetition may cure. The work must be repeatable as a whole: after a lost
 * connection it is unknown whether the server did it.
 *
 * @throws the last error of the work; the signal's reason when it aborted.
 */
export async function withRetry<T>(run: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    options.signal?.throwIfAborted()
    try {
      return await run(attempt)
    } catch (error) {
      options.signal?.throwIfAborted()
      const classified = classify(error)
      const again = options.isRetryable?.(classified, error) ?? classified.retryable
      if (!again || attempt >= options.attempts) throw error
      const ceiling = Math.min(options.maxDelayMs, options.baseDelayMs * 2 ** (attempt - 1))
      const delayMs = Math.round(ceiling * (0.5 + options.random() / 2))
      options.onRetry?.({ attempt, delayMs, error })
      await options.sleep(delayMs, options.signal)
    }
  }
}
