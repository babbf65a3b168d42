import type { Expression } from '../expression/expression.ts'
import type { DataFile } from '../manifest/data-file.ts'

/** One data file to read, and what is still to be done with its rows. */
export interface FileScanTask {
  readonly file: DataFile
  /** Data sequence number: decides which deletes apply. */
  readonly sequenceNumber: bigint
  /** Sequence number of the snapshot that added the file. */
  readonly fileSequenceNumber: bigint
  /**
   * The delete files that apply to the file, and no others: one deletion vector or else position delete files, and
   * equality delete files.
   */
  readonly deletes: readonly DataFile[]
  /** What rows must still be tested with; `{ op: 'true' }` when planning has settled the filter. */
  readonly residual: Expression
}

/** A file added by one of the snapshots of an incremental scan. */
export interface AppendScanTask extends FileScanTask {
  /** The snapshot that added the file. */
  readonly snapshotId: bigint
}

/** A data file whose rows, those that {@link FileScanTask.deletes} leaves, were all inserted or all deleted. */
export interface ChangelogScanTask extends FileScanTask {
  readonly change: 'insert' | 'delete'
  /** Place of the snapshot among those of the range that change rows, from 0. */
  readonly changeOrdinal: number
  /** The snapshot that added or removed the file. */
  readonly commitSnapshotId: bigint
}
