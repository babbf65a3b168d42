import { valueBytes } from '@icebridge/sqlserver'
import type { SyncProblem } from '../errors.ts'

/** How a table's rows are read from the source. */
export interface LoadOptions {
  /**
   * Rows that one request of a load reads, and one commit brings, at most; fewer where rows are wide. 250,000 when absent. 0 reads
   * the table in one stream.
   */
  readonly chunkRows?: number
  /** Chunks that are read at the same time at most, each over a connection of its own; 2 when absent. The source's pool is the limit over all tables. */
  readonly connections?: number
  /** Rows a second that are read from the source at most, over all connections of the table. No limit when absent. */
  readonly maxRowsPerSecond?: number
  /**
   * Bytes that one value may have, as UTF-8 or binary: a longer one stops the run and is named by table, column and key. Memory goes by
   * the longest row, so this is what bounds it. 512 MiB when absent, 16 KiB to 1 GiB.
   */
  readonly maxValueBytes?: number
  /**
   * `auto`, when absent: snapshot isolation where the database allows it and the strategy can do with it, else read committed.
   */
  readonly isolation?: 'auto' | 'read-committed' | 'snapshot'
}

/** What stands for each option, filled in. */
export interface LoadSettings {
  readonly chunkRows: number
  readonly connections: number
  readonly maxRowsPerSecond: number | undefined
  readonly maxValueBytes: number
  readonly isolation: 'auto' | 'read-committed' | 'snapshot'
}

export function loadSettings(options: LoadOptions = {}): LoadSettings {
  return {
    chunkRows: options.chunkRows ?? 250_000,
    connections: options.connections ?? 2,
    maxRowsPerSecond: options.maxRowsPerSecond,
    maxValueBytes: options.maxValueBytes ?? valueBytes.standard,
    isolation: options.isolation ?? 'auto',
  }
}

/** Numbers that make no sense. */
export function loadProblems(settings: LoadSettings): readonly Omit<SyncProblem, 'table'>[] {
  const { least, most } = valueBytes
  const ranges = { chunkRows: [0], connections: [1], maxRowsPerSecond: [1], maxValueBytes: [least, most] } as const
  return (['chunkRows', 'connections', 'maxRowsPerSecond', 'maxValueBytes'] as const).flatMap((name) => {
    const value = settings[name]
    const [from, to = Number.MAX_SAFE_INTEGER] = ranges[name]
    if (value === undefined || (Number.isSafeInteger(value) && value >= from && value <= to)) return []
    return [
      {
        code: 'invalid-setting',
        message: `load.${name} is ${value}`,
        hint: `Give a whole number from ${from} ${to < Number.MAX_SAFE_INTEGER ? `to ${to}` : 'up'}.`,
      },
    ]
  })
}
