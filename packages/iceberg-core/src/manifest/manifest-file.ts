/** A summary of one partition field over all files of a manifest. Bounds are in the binary form of Appendix D. */
export interface FieldSummary {
  readonly containsNull: boolean
  readonly containsNaN?: boolean
  readonly lowerBound?: Uint8Array
  readonly upperBound?: Uint8Array
}

/** One manifest, as a manifest list describes it. @see https://iceberg.apache.org/spec/#manifest-lists */
export interface ManifestFile {
  readonly path: string
  readonly lengthBytes: bigint
  readonly specId: number
  readonly content: 'data' | 'deletes'
  /** Sequence number of the snapshot that added the manifest; 0 in version 1. */
  readonly sequenceNumber: bigint
  /** Lowest data sequence number of the live files; 0 in version 1. */
  readonly minSequenceNumber: bigint
  readonly addedSnapshotId: bigint
  /** Counts may be absent in version 1, and then mean "some". */
  readonly addedFilesCount?: number
  readonly existingFilesCount?: number
  readonly deletedFilesCount?: number
  readonly addedRowsCount?: bigint
  readonly existingRowsCount?: bigint
  readonly deletedRowsCount?: bigint
  /** One for each field of the partition spec. */
  readonly partitions?: readonly FieldSummary[]
  readonly keyMetadata?: Uint8Array
  /** Format version 3, data manifests only. */
  readonly firstRowId?: bigint
}

/** False when the manifest holds only entries of deleted files. */
export function hasLiveFiles(manifest: ManifestFile): boolean {
  return manifest.addedFilesCount !== 0 || manifest.existingFilesCount !== 0
}
