import type { RecordBatch } from 'apache-arrow'
import type { CompletedLoad } from './completed-load.ts'
import type { JournalHead } from './journal-head.ts'
import type { AppliedPosition } from './applied-position.ts'

/** A range of row versions that a target applies in one transaction. */
export interface JournalUnit {
  /** Both inclusive. For a unit without rows `to` is `from - 1`. */
  readonly sequence: { readonly from: bigint; readonly to: bigint }
  /** The snapshot of the position that the target has after the unit. */
  readonly snapshotId: bigint
  /** Exact. 0 for a unit that only moves the position's snapshot on, so that it does not expire. */
  readonly rows: number
  /**
   * The rows: current source columns, their companions, `_sync_seq` and `_sync_op`. Each iteration reads the files anew.
   * About ascending; only `_sync_seq` says what is newer.
   */
  readonly batches: AsyncIterable<RecordBatch>
  /**
   * On the unit that ends a reload: with it, the target deletes the rows whose key is not among these. Absent where a load was
   * the first, since nothing of an earlier one can be left.
   */
  readonly reload?: ReloadKeys | undefined
}

/** The keys of a reload and of what follows it up to the end of its unit. */
export interface ReloadKeys {
  /** Both inclusive. */
  readonly sequence: { readonly from: bigint; readonly to: bigint }
  /** Exact. */
  readonly rows: number
  /** The named columns with their companions, and `_sync_seq`. Each iteration of the result reads the files anew. */
  keys(columns: readonly string[]): AsyncIterable<RecordBatch>
}

export interface UnitOptions {
  /** Most rows in a unit, at least 1. */
  readonly maxRows: number
  /** Cut only between snapshots: a unit then holds at least one whole commit, however large. */
  readonly wholeSnapshots?: boolean | undefined
}

/** What a target has not got yet, at one pinned snapshot. */
export interface JournalRead {
  readonly tableUuid: string
  /** The pinned snapshot; undefined for a journal that was never written. */
  readonly snapshotId: bigint | undefined
  readonly head: JournalHead
  /** Where the read begins: everything above its sequence is read. */
  readonly position: AppliedPosition | undefined
  /**
   * - `whole`: for a target that has nothing: all of the journal from the newest completed load on, which supersedes what is before it.
   * - `incremental`: the files that the commits after the position added.
   * - `filtered`: all files that may hold a `_sync_seq` above the position.
   * - `none`: nothing to read.
   */
  readonly scan: 'whole' | 'incremental' | 'filtered' | 'none'
  /** The newest completed load, when the position is not past its end. */
  readonly load: CompletedLoad | undefined
  /** Row versions that the read holds, exact. */
  readonly rows: bigint
  /** The units, ascending and disjoint; together they are the whole read. */
  units(options: UnitOptions): AsyncIterable<JournalUnit>
  /**
   * The rows of {@link load} as one unit: each key once and no deletes. For a target without a position; undefined for any other,
   * and when there is no such load or it has no rows.
   */
  loadUnit(): JournalUnit | undefined
  /** One unit from `from`, inclusive, to the end of the read: what a unit is widened to that met a constraint. */
  widen(from: bigint): JournalUnit
}
