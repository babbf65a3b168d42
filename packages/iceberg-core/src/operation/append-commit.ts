import type { DataFile } from '../manifest/data-file.ts'
import type { SnapshotCommit, SnapshotOutcome } from './snapshot-commit.ts'

/** An append of data files. */
export interface AppendCommit extends SnapshotCommit {
  /** May be empty: an empty append is a real snapshot. Every file has the id of a spec of the table. */
  readonly files: readonly DataFile[]
  /** Whether small manifests are merged; as `commit.manifest-merge.enabled` says when absent. */
  readonly merge?: boolean | undefined
}

export type AppendOutcome = SnapshotOutcome
