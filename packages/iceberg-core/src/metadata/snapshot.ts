import type { JsonObject } from '../json/json-value.ts'

/** What a snapshot did. Others than these four have been seen in the wild and are kept as they are. */
export type SnapshotOperation = 'append' | 'replace' | 'overwrite' | 'delete' | (string & {})

/** The state of a table at some time. @see https://iceberg.apache.org/spec/#snapshots */
export interface Snapshot {
  readonly snapshotId: bigint
  readonly parentSnapshotId?: bigint
  /** 0 for snapshots of format version 1. */
  readonly sequenceNumber: bigint
  readonly timestampMs: number
  /** Location of the manifest list; empty when a version 1 snapshot lists its manifests inline. */
  readonly manifestList: string
  /** Manifest locations of a version 1 snapshot without a manifest list. */
  readonly manifests?: readonly string[]
  /** All of the summary, `operation` included. */
  readonly summary: Readonly<Record<string, string>>
  readonly operation: SnapshotOperation
  readonly schemaId?: number
  /** First `_row_id` assigned in this snapshot, format version 3. */
  readonly firstRowId?: bigint
  /** Upper bound of the rows that got ids in this snapshot, format version 3. */
  readonly addedRows?: bigint
  /** Id of the key that encrypts the manifest list, format version 3. */
  readonly keyId?: string
  /** JSON members that this version does not know, kept on rewrite. */
  readonly unknownFields?: JsonObject
}

/** A named branch or tag. @see https://iceberg.apache.org/spec/#snapshot-references */
export interface SnapshotRef {
  readonly snapshotId: bigint
  readonly type: 'branch' | 'tag'
  readonly minSnapshotsToKeep?: number
  readonly maxSnapshotAgeMs?: bigint
  readonly maxRefAgeMs?: bigint
  /** JSON members that this version does not know, kept on rewrite. */
  readonly unknownFields?: JsonObject
}

/** Name of the branch that every table has. */
export const mainBranch = 'main'
