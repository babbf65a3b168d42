import type { Expression } from '../expression/expression.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { TableUpdate } from '../metadata/table-update.ts'
import type { Environment } from '../port/environment.ts'
import type { TableHandle } from '../port/table-handle.ts'
import type { CommitRetry } from './commit-retry.ts'

/** What is known of a snapshot before it is committed, anew for each attempt. */
export interface CommitAttempt {
  readonly snapshotId: bigint
  readonly parentSnapshotId: bigint | undefined
  readonly timestampMs: number
}

/** What every operation that makes a snapshot takes. */
export interface SnapshotCommit {
  /** The branch that the snapshot becomes the head of; `main` when absent. A new one starts at the head of `main`. */
  readonly branch?: string | undefined
  /** Adds the snapshot without making it the head of a branch, to be looked at and picked later. */
  readonly stageOnly?: boolean | undefined
  /** Fixed by the caller, so that a retry after an unknown outcome is the same snapshot. */
  readonly snapshotId?: bigint | undefined
  /** Added to the snapshot's summary. */
  readonly summary?: Readonly<Record<string, string>> | undefined
  /** Table properties set by the same commit. */
  readonly setProperties?: Readonly<Record<string, string>> | undefined
  /** Further changes in the same commit, applied before the snapshot (`add-schema`, `set-current-schema`, ...). */
  readonly schemaUpdates?: readonly TableUpdate[] | undefined
  /** Called with the refreshed head before every attempt. A string is the reason for a conflict. */
  readonly precondition?: ((head: TableMetadata) => string | undefined) | undefined
  /** Table properties that depend on the attempt; they win over {@link setProperties}. */
  readonly properties?: ((attempt: CommitAttempt) => Readonly<Record<string, string>>) | undefined
}

/** What a change that rests on data it has read is held against: the snapshots that others made since. */
export interface ConflictValidation {
  /** The snapshot that was read; the head of the branch in the handle when absent. */
  readonly fromSnapshotId?: bigint | undefined
  /**
   * `serializable` (the default): new files with rows that pass {@link filter} are a conflict. `snapshot`: they are
   * not, only changes to the very files that this change removes or deletes rows from.
   */
  readonly isolation?: 'serializable' | 'snapshot' | undefined
  /** The rows that were read, tied to the current schema; all of them when absent. */
  readonly filter?: Expression | undefined
}

export interface SnapshotOptions {
  readonly environment: Environment
  readonly signal?: AbortSignal | undefined
  /** Over the table's `commit.retry.*` properties. */
  readonly retries?: Partial<CommitRetry> | undefined
}

/**
 * - `committed`: the snapshot is the head of its branch, or was.
 * - `conflict`: nothing was committed, and the metadata files written for it are deleted; the data files are the caller's.
 * - `unknown`: the answer was lost. `asserted` is the head of the branch that the lost request asserted (`undefined`:
 *   no snapshot): as long as the branch is there, the request may still land. No file is deleted.
 */
export type SnapshotOutcome =
  | { readonly status: 'committed'; readonly snapshot: Snapshot; readonly table: TableHandle }
  | { readonly status: 'conflict'; readonly reason: string; readonly table: TableHandle }
  | {
      readonly status: 'unknown'
      readonly snapshotId: bigint
      readonly asserted: bigint | undefined
      readonly cause: unknown
    }
