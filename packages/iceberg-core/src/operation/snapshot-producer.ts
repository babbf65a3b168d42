import type { Snapshot, SnapshotOperation } from '../metadata/snapshot.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { FileIO } from '../port/file-io.ts'
import type { CommitFiles } from './commit-files.ts'
import type { AnyManifest } from './merge-manifests.ts'
import type { SummaryCounts } from './snapshot-summary.ts'

/** One attempt at a snapshot, on the table as it stands now. */
export interface ProducerAttempt {
  readonly io: FileIO
  readonly snapshotId: bigint
  /** The table as the caller had it. */
  readonly base: TableMetadata
  /** The refreshed table, with the commit's own schema updates applied. */
  readonly metadata: TableMetadata
  /** The head of the branch. */
  readonly parent: Snapshot | undefined
  readonly files: CommitFiles
  readonly signal: AbortSignal | undefined
}

export interface ProducedSnapshot {
  readonly manifests: readonly AnyManifest[]
  readonly counts: SummaryCounts
  /** Summary fields of the operation's own. */
  readonly summary?: Readonly<Record<string, string>>
}

/**
 * What an operation does to the manifests of a snapshot. One producer serves all attempts of a commit, and keeps what
 * it has written for the next one.
 */
export interface SnapshotProducer {
  readonly operation: SnapshotOperation
  /** The manifests of the new snapshot, or why this head cannot take the change, however often it is tried. */
  produce(attempt: ProducerAttempt): Promise<ProducedSnapshot | { readonly conflict: string }>
}
