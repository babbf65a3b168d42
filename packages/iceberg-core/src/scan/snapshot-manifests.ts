import { IcebergError } from '../errors.ts'
import { hasLiveFiles, type ManifestFile } from '../manifest/manifest-file.ts'
import { openManifests } from '../manifest/open-manifests.ts'
import { readManifestList } from '../manifest/read-manifest-list.ts'
import type { ManifestReadOptions } from '../manifest/read-manifest.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import type { FileIO } from '../port/file-io.ts'
import { DeleteFileIndex } from './delete-file-index.ts'
import type { ScanFilter } from './scan-filter.ts'

/** Header and first block of most manifests. */
const firstEntryBytes = 64 << 10

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
  const found = await holdingDeletes(io, data, options)
  return {
    data: data.filter((manifest) => !found.has(manifest)),
    deletes: [...deletes, ...Array.from(found, (manifest): ManifestFile => ({ ...manifest, content: 'deletes' }))],
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
  const { removedBy } = options
  const index = new DeleteFileIndex(metadata)
  const matching = manifests.filter((manifest) => filter.mightMatchManifest(manifest))
  for (const { manifest, pages } of openManifests(io, matching, options)) {
    const selection = { live: removedBy === undefined, partition: filter.partitionTest(manifest.specId) }
    for await (const page of pages(selection)) {
      for (const entry of page) {
        if (entry.status === 'deleted' && entry.snapshotId !== removedBy) continue
        if (entry.file.content === 'data') throw wrongContent(manifest, 'deletes', entry.file.filePath)
        index.add(entry)
      }
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

/** Asks each manifest for its first entry. */
async function holdingDeletes(
  io: FileIO,
  manifests: readonly ManifestFile[],
  options: ManifestReadOptions,
): Promise<ReadonlySet<ManifestFile>> {
  const found = new Set<ManifestFile>()
  for (const { manifest, pages } of openManifests(io, manifests, { ...options, firstBytes: firstEntryBytes })) {
    for await (const [first] of pages({ stats: false })) {
      if (first !== undefined && first.file.content !== 'data') found.add(manifest)
      break
    }
  }
  return found
}
