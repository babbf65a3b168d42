import type { FileIO } from '../port/file-io.ts'
import { concurrently } from './concurrently.ts'

/** A file that could not be deleted, or could not be read to learn what it refers to. It stays behind as an orphan. */
export interface CleanupFailure {
  /** Absent when the whole clean-up stopped. */
  readonly path?: string | undefined
  readonly cause: unknown
}

/** How many failures a result lists; all are counted. */
const listedFailures = 100

/** Deletes files, several at a time, and keeps account of what failed. Never throws. */
export class FileDeletion {
  readonly failures: CleanupFailure[] = []
  failureCount = 0
  readonly #io: FileIO
  readonly #signal: AbortSignal | undefined
  readonly #concurrency: number

  constructor(
    io: FileIO,
    options: { readonly signal?: AbortSignal | undefined; readonly concurrency?: number | undefined },
  ) {
    this.#io = io
    this.#signal = options.signal
    this.#concurrency = options.concurrency ?? 8
  }

  /** The number of files that are gone. Files that were absent already count as well. */
  async delete(paths: Iterable<string>): Promise<number> {
    let deleted = 0
    await concurrently(paths, this.#concurrency, async (path) => {
      if (this.#signal?.aborted === true) {
        this.failed(this.#signal.reason, path)
        return
      }
      try {
        await this.#io.delete(path, { signal: this.#signal })
        deleted += 1
      } catch (cause) {
        this.failed(cause, path)
      }
    })
    return deleted
  }

  failed(cause: unknown, path?: string): void {
    this.failureCount += 1
    if (this.failures.length < listedFailures) this.failures.push({ ...(path === undefined ? {} : { path }), cause })
  }
}
