import { IcebergError } from '../errors.ts'
import type { ManifestFile } from '../manifest/manifest-file.ts'
import { hasLiveFiles } from '../manifest/manifest-file.ts'
import { readManifestList } from '../manifest/read-manifest-list.ts'
import { readManifest } from '../manifest/read-manifest.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { FileIO } from '../port/file-io.ts'
import { DeleteFileIndex } from './delete-file-index.ts'
import type { ScanFilter } from './scan-filter.ts'

export interface ManifestReadOptions {
  readonly metadata: TableMetadata
  readonly signal?: AbortSignal | undefined
}

/** The manifests of a snapshot that have live files, by what they hold. */
export interface SnapshotManifests {
  readonly data: readonly ManifestFile[]
  readonly deletes: readonly ManifestFile[]
}

/**
 * The manifests of a snapshot that have live files, apart by their content.
 *
 * Lists have been seen that call a manifest of deletes one of data. So where the list does not account for all the
 * delete files that the snapshot's summary counts, every manifest is asked for its first entry.
 */
export async function snapshotManifests(
  io: FileIO,
  snapshot: Snapshot,
  options: ManifestReadOptions,
): Promise<SnapshotManifests> {
  const live = (await readManifestList(io, snapshot, options)).filter(hasLiveFiles)
  const data = live.filter(({ content }) => content === 'data')
  const deletes = live.filter(({ content }) => content === 'deletes')
  if (options.metadata.formatVersion === 1 || accountsForDeletes(snapshot, deletes)) return { data, deletes }
  const heldDeletes = await Promise.all(data.map((manifest) => holdsDeletes(io, manifest, options)))
  return {
    data: data.filter((_, index) => heldDeletes[index] === false),
    deletes: [
      ...deletes,
      ...data.flatMap((manifest, index): ManifestFile[] =>
        heldDeletes[index] === true ? [{ ...manifest, content: 'deletes' }] : [],
      ),
    ],
  }
}

export interface DeleteReadOptions extends ManifestReadOptions {
  readonly filter: ScanFilter
  /** Takes in what this snapshot removed as well. */
  readonly removedBy?: bigint | undefined
}

/** Reads the live delete files of manifests, as far as they can be for files that pass the filter. */
export async function readDeletes(
  io: FileIO,
  manifests: readonly ManifestFile[],
  options: DeleteReadOptions,
): Promise<DeleteFileIndex> {
  const { metadata, filter } = options
  const index = new DeleteFileIndex(metadata)
  for (const manifest of manifests) {
    if (!filter.mightMatchManifest(manifest)) continue
    for await (const entry of readManifest(io, manifest, options)) {
      if (entry.status === 'deleted' && entry.snapshotId !== options.removedBy) continue
      if (!filter.mightMatchPartition(entry.file)) continue
      if (entry.file.content === 'data') throw wrongContent(manifest, 'deletes', entry.file.filePath)
      index.add(entry)
    }
  }
  return index
}

/** The error for a file that is in a manifest of the other kind, where it is found too late to be taken into account. */
export function wrongContent(manifest: ManifestFile, expected: 'data' | 'deletes', file: string): IcebergError {
  const [found, hint] =
    expected === 'data' ? ['delete file', 'Deletes would be missed.'] : ['data file', 'Rows would be missed.']
  return new IcebergError('malformed-manifest', `manifest ${manifest.path} of ${expected} holds the ${found} ${file}`, {
    context: { file: manifest.path, entry: file },
    hint: `${hint} Rewrite the manifests of the table (rewrite_manifests) with the engine that wrote them.`,
  })
}

/** True when the list's delete manifests have as many live files as the summary counts. */
function accountsForDeletes(snapshot: Snapshot, deletes: readonly ManifestFile[]): boolean {
  const counted = snapshot.summary['total-delete-files']
  if (counted === undefined || !/^\d+$/.test(counted)) return false
  const listed = deletes.reduce(
    (sum, manifest) => sum + (manifest.addedFilesCount ?? 0) + (manifest.existingFilesCount ?? 0),
    0,
  )
  return listed >= Number(counted)
}

async function holdsDeletes(io: FileIO, manifest: ManifestFile, options: ManifestReadOptions): Promise<boolean> {
  for await (const { file } of readManifest(io, manifest, options)) return file.content !== 'data'
  return false
}
