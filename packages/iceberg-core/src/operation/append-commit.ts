import type { DataFile } from '../manifest/data-file.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { TableUpdate } from '../metadata/table-update.ts'
import type { TableHandle } from '../port/table-handle.ts'

/** What is known of a snapshot before it is committed, anew for each attempt. */
export interface CommitAttempt {
  readonly snapshotId: bigint
  readonly parentSnapshotId: bigint | undefined
  readonly timestampMs: number
}

/** An append to `main`. */
export interface AppendCommit {
  /** May be empty: an empty append is a real snapshot. Every file has the id of a spec of the table. */
  readonly files: readonly DataFile[]
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

/**
 * - `committed`: the snapshot is `main`'s head, or was.
 * - `conflict`: nothing was committed, and the metadata files written for it are deleted; the data files are the caller's.
 * - `unknown`: the answer was lost. `asserted` is the head of `main` that the lost request asserted (`undefined`: no
 *   snapshot): as long as `main` is there, the request may still land. No file is deleted.
 */
export type AppendOutcome =
  | { readonly status: 'committed'; readonly snapshot: Snapshot; readonly table: TableHandle }
  | { readonly status: 'conflict'; readonly reason: string; readonly table: TableHandle }
  | {
      readonly status: 'unknown'
      readonly snapshotId: bigint
      readonly asserted: bigint | undefined
      readonly cause: unknown
    }
