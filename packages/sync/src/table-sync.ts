import type { StrategyChoice } from '@icebridge/change-detection'
import type { Catalog, FileIO, FileIOFactory } from '@icebridge/iceberg-core'
import type { TableName } from '@icebridge/sqlserver'
import type { LoadOptions } from './read/load-options.ts'

/** Where the journals are: a catalog and the store that its tables' files are in. */
export interface Lake {
  readonly catalog: Catalog
  readonly io: FileIO | FileIOFactory
  /** Namespace of a source's tables; `{source}` and `{schema}` are replaced. By default `{source}_{schema}`. */
  readonly namespace?: string
  /** Format version of new tables, by default 2. */
  readonly formatVersion?: 2 | 3
}

/** One table to keep in step, and how. */
export interface TableSync {
  readonly table: TableName
  /** Its name on the target, by default the same. */
  readonly target?: TableName
  /** By default `auto`: the table's rowversion column. */
  readonly strategy?: StrategyChoice
  /** `micros` does without the companions that keep 100 ns digits. By default `exact`. */
  readonly timestamps?: 'exact' | 'micros'
  /** `micros` stores time as a long, for engines without a time type. By default `time`. */
  readonly time?: 'time' | 'micros'
  /**
   * Text with half of a surrogate pair, which UTF-8 cannot store: `refuse` stops the run and names column and row; `replace` puts
   * U+FFFD in its place and counts such values in the result, the snapshot and a warning. Never in the key. By default `refuse`.
   */
  readonly loneSurrogates?: 'refuse' | 'replace'
  /** How its rows are read from the source. */
  readonly load?: LoadOptions
  /** Columns that go to the lake and not to the target; none of the key. */
  readonly skipColumns?: readonly string[]
  /**
   * Columns whose target may be narrower. Digits and characters may be lost there by choice, and a warning counts the values that lose
   * some; a value that does not fit at all stops the run before its unit is merged.
   */
  readonly allowLoss?: readonly string[]
  /** Create the target table when it is absent. By default true. */
  readonly createTarget?: boolean
  /** A run without changes moves the stored watermark on when it is older than this. By default one day. */
  readonly heartbeatMs?: number
  /** Rows that one transaction on the target takes at most, by default 100,000. */
  readonly maxUnitRows?: number
  /**
   * `auto`: a first load goes straight into an empty target where it may, in one transaction, and by way of the stage where it may not;
   * the result says why. `never`: always by way of the stage, in transactions of `maxUnitRows`. By default `auto`.
   */
  readonly straightLoad?: 'auto' | 'never'
}

/** What a caller says of one run. */
export interface SyncOptions {
  readonly signal?: AbortSignal
  /** Names the run in results, logs and the target's bookkeeping; a fresh uuid by default. */
  readonly runId?: string
  /** By default both, or the extract leg alone when there is no target. */
  readonly legs?: readonly ('extract' | 'apply')[]
  readonly onProgress?: (progress: SyncProgress) => void
}

/** How far a leg has come; sent at most once a batch. */
export interface SyncProgress {
  readonly runId: string
  readonly table: string
  readonly leg: 'extract' | 'apply'
  readonly rows: bigint
  /** The chunk of a load that the rows are in, from 1. */
  readonly chunk?: number
}
