import type { LoneSurrogates, MemoryPool } from '@icebridge/columnar'
import { SqlServerError } from './errors.ts'

/** Bounds of a streamed read. */
export interface StreamOptions {
  /** Rows in a batch at most; 65,536 when absent. */
  readonly batchRows?: number
  /** Bytes at which a batch is finished, so that it is larger by one row at most; 16 MiB when absent. */
  readonly batchBytes?: number
  /** Bytes that one value may have, as UTF-8 or binary: a longer one fails the read. 512 MiB when absent, 1 GiB at most. */
  readonly maxValueBytes?: number
  /**
   * What becomes of text that UTF-8 cannot hold because half of a surrogate pair stands alone in it. `refuse`, when absent: the read
   * fails and names column and row. `replace`: U+FFFD stands in its place, and {@link onReplaced} hears of it; in a column of the
   * query's key it is refused all the same, since two keys could become one.
   */
  readonly loneSurrogates?: LoneSurrogates
  /** Values of a column that were changed by `loneSurrogates`: called before the batch that has them is handed over. */
  readonly onReplaced?: (column: string, values: number) => void
  /** Where the memory of batches comes from: a batch may be given back to it when nobody reads it any more. */
  readonly memory?: MemoryPool
  readonly signal?: AbortSignal
}

/** The time-outs of a streamed read, in milliseconds; 0 is none. */
export interface ReadTimeouts {
  readonly requestTimeoutMs: number
  readonly idleTimeoutMs: number
}

/** Bytes of a value at most, unless the caller says otherwise, and whatever the caller says. */
export const valueBytes: { readonly standard: number; readonly least: number; readonly most: number } = {
  standard: 512 * 1024 * 1024,
  least: 16 * 1024,
  most: 1024 * 1024 * 1024,
}

/** The value of an option. @throws {SqlServerError} `invalid-argument` when it is not a whole number within its bounds. */
export function bound(
  name: string,
  value: number,
  { least, most }: { readonly least: number; readonly most: number } = { least: 1, most: Number.MAX_SAFE_INTEGER },
): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new SqlServerError(
    'invalid-argument',
    `${name} is ${value}, which is not a whole number from ${least} to ${most}`,
  )
}
