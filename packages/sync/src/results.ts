import type { AppliedPosition } from '@icebridge/journal'
import type { ExactReading, TableName } from '@icebridge/sqlserver'
import type { StraightObstacle, StraightReason } from '@icebridge/sqlserver-import'

/** How the source was read. */
export interface ReadReport {
  /** Whether the server converted values that the driver would round, and why where that was not asked for. */
  readonly exactValues: ExactReading
  readonly isolation: 'read-committed' | 'snapshot'
  /** Requests that were sent: rows, and ends of chunks. */
  readonly requests: number
  /** Requests that ran at the same time at most. */
  readonly connections: number
  /** Reads that failed in a way that passes, and were repeated. */
  readonly retries: number
  /** How long the longest request ran, from sending it to the end of its answer. */
  readonly longestRequestMs: number
  /** How long the longest transaction was open on the source. Each request is one of its own, so the same. */
  readonly longestTransactionMs: number
}

/** What a run did of a load. */
export interface LoadReport {
  /** Chunks that this run committed. */
  readonly chunks: number
  /** Chunks that were there already: a load that an earlier run began. */
  readonly resumedAfter: number
  /** The key whose ranges the chunks are; undefined for a table in one stream. */
  readonly key: string | undefined
}

/** What the extract leg did for one table. */
export type ExtractResult =
  | {
      readonly status: 'committed'
      /** `load` is the first load, `increment` what changed since, `heartbeat` an empty commit that only moves the watermark on. */
      readonly mode: 'load' | 'increment' | 'heartbeat'
      readonly rows: bigint
      readonly snapshotId: bigint
      /** The lowest and the highest `_sync_seq` of the rows, both inclusive; absent for a commit without rows. */
      readonly sequence: { readonly from: bigint; readonly to: bigint } | undefined
      readonly watermark: string
      /** Of mode `load`. */
      readonly load: LoadReport | undefined
      /** Texts that the lake has with U+FFFD in place of half a surrogate pair, by column; only of tables that declared it. */
      readonly losses?: Readonly<Record<string, bigint>>
      readonly reads: ReadReport
      /** How often the batch had to start again because another extractor committed first. */
      readonly restarts: number
      readonly durationMs: number
    }
  | {
      readonly status: 'unchanged'
      readonly rows: 0n
      readonly watermark: string
      readonly snapshotId: bigint | undefined
      readonly reads: ReadReport
      readonly restarts: number
      readonly durationMs: number
    }

/** `straight`: one transaction without the stage. `staged`: as units, for that reason. */
export type FirstLoadWay =
  | { readonly way: 'straight' }
  | { readonly way: 'staged'; readonly reason: StraightReason | StraightObstacle | 'never'; readonly message: string }

/** What the apply leg did for one table. */
export interface ApplyResult {
  readonly status: 'applied' | 'unchanged'
  /** Row versions read from the journal and staged. */
  readonly rows: bigint
  /** Transactions committed on the target. */
  readonly units: number
  /** Units found applied already: a commit whose answer was lost, or another importer. Their rows are not counted above or below. */
  readonly alreadyApplied: number
  readonly inserted: bigint
  readonly updated: bigint
  /** By deletes in the journal, and because a reload did not contain them. */
  readonly deleted: bigint
  readonly unchanged: bigint
  /** Values of which the target holds less than the source, by source column: only columns that `allowLoss` names, and only where something was lost. */
  readonly losses: Readonly<Record<string, bigint>>
  /** Of a run that began on a target without a position and with a completed load: which way that load took. */
  readonly firstLoad: FirstLoadWay | undefined
  /** Whether this run created the target table. */
  readonly createdTarget: boolean
  readonly position: AppliedPosition | undefined
  readonly durationMs: number
}

/** The structured result of one run for one table. A leg that did not run is absent. */
export interface SyncResult {
  readonly runId: string
  readonly table: TableName
  readonly target: TableName | undefined
  readonly status: 'changed' | 'unchanged'
  readonly extract: ExtractResult | undefined
  readonly apply: ApplyResult | undefined
  readonly startedAtMs: number
  readonly durationMs: number
}

/** Where a table stands, read without changing anything. */
export interface TableStatus {
  readonly table: TableName
  readonly journal:
    | {
        readonly name: string
        readonly strategy: string | undefined
        readonly watermark: string | undefined
        readonly snapshotId: bigint | undefined
        readonly sequence: bigint
        readonly committedAtMs: number | undefined
        /** Chunks of a load that is not complete yet; undefined when there is no such load. */
        readonly loading: { readonly chunks: number } | undefined
      }
    | undefined
  readonly target:
    | {
        readonly table: TableName
        readonly exists: boolean
        readonly position: AppliedPosition | undefined
        /** Row versions in the journal that the target has not got yet. */
        readonly behind: bigint
      }
    | undefined
}
