import {
  type DataFile,
  type EntryStatus,
  type ManifestFile,
  readManifest,
  readManifestList,
  snapshotByRef,
  type TableHandle,
} from '@icebridge/iceberg-core'

export interface ListedEntry {
  readonly path: string
  readonly status: EntryStatus
  readonly snapshotId: bigint
  readonly sequenceNumber: bigint
  readonly fileSequenceNumber: bigint
  readonly file: DataFile
  readonly manifest: ManifestFile
}

/** Every entry of the manifests of a branch's head, in manifest order. */
export async function entriesOf(table: TableHandle, branch = 'main'): Promise<ListedEntry[]> {
  const { metadata } = table.loaded
  const head = snapshotByRef(metadata, branch)
  if (head === undefined) return []
  const entries: ListedEntry[] = []
  for (const manifest of await readManifestList(table.io, head, { metadata })) {
    for await (const entry of readManifest(table.io, manifest, { metadata })) {
      const { status, snapshotId, sequenceNumber, fileSequenceNumber, file } = entry
      entries.push({ path: file.filePath, status, snapshotId, sequenceNumber, fileSequenceNumber, file, manifest })
    }
  }
  return entries
}

/** The paths of the live files, sorted. */
export async function livePaths(table: TableHandle, branch = 'main'): Promise<string[]> {
  const live = (await entriesOf(table, branch)).filter((entry) => entry.status !== 'deleted')
  return live.map((entry) => entry.path).toSorted()
}
