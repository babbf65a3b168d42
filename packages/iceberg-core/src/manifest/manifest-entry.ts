import type { DataFile } from './data-file.ts'

export type EntryStatus = 'existing' | 'added' | 'deleted'

/** One file in a manifest, with what it inherits from the manifest list filled in. */
export interface ManifestEntry {
  readonly status: EntryStatus
  /** The snapshot that added the file, or deleted it when `status` is `deleted`. */
  readonly snapshotId: bigint
  /** Data sequence number: decides which deletes apply to the file. */
  readonly sequenceNumber: bigint
  /** Sequence number of the snapshot that added the file. */
  readonly fileSequenceNumber: bigint
  readonly file: DataFile
}
