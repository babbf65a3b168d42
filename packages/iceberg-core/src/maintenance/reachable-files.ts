import type { ManifestFile } from '../manifest/manifest-file.ts'
import { readManifestList } from '../manifest/read-manifest-list.ts'
import { readManifest } from '../manifest/read-manifest.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { FileIO } from '../port/file-io.ts'
import { concurrently } from './concurrently.ts'
import { locationText } from './location-key.ts'

export interface ReadOptions {
  readonly metadata: TableMetadata
  readonly signal?: AbortSignal | undefined
  readonly concurrency: number
}

/** Snapshots with those that branches and tags name first: most of what is asked for is found there. */
export function headsFirst(metadata: TableMetadata): readonly Snapshot[] {
  const heads = new Set(Object.values(metadata.refs).map((ref) => ref.snapshotId))
  const newest = metadata.snapshots.toReversed()
  return [
    ...newest.filter((snapshot) => heads.has(snapshot.snapshotId)),
    ...newest.filter((snapshot) => !heads.has(snapshot.snapshotId)),
  ]
}

/**
 * The manifests of the snapshots by location, each once. A snapshot whose list cannot be read goes to `onFailure`, or
 * fails the whole when there is none.
 */
export async function manifestsOf(
  io: FileIO,
  snapshots: readonly Snapshot[],
  options: ReadOptions & {
    readonly onFailure?: ((snapshot: Snapshot, cause: unknown) => void) | undefined
  },
): Promise<Map<string, ManifestFile>> {
  const manifests = new Map<string, ManifestFile>()
  await concurrently(snapshots, options.concurrency, async (snapshot) => {
    try {
      for (const manifest of await readManifestList(io, snapshot, options)) {
        const key = locationText(manifest.path)
        // Summaries are most of what an entry holds, and nobody asks for them here.
        const { partitions: _, ...needed } = manifest
        if (!manifests.has(key)) manifests.set(key, needed)
      }
    } catch (cause) {
      options.signal?.throwIfAborted()
      if (options.onFailure === undefined) throw cause
      options.onFailure(snapshot, cause)
    }
  })
  return manifests
}

/** Calls `visit` with the location of every live file of the manifests, until `done` says that nothing is left to find. */
export async function visitLiveFiles(
  io: FileIO,
  manifests: Iterable<ManifestFile>,
  visit: (path: string) => void,
  options: ReadOptions & { readonly done: () => boolean },
): Promise<void> {
  await concurrently(manifests, options.concurrency, async (manifest) => {
    if (options.done()) return
    for await (const entry of readManifest(io, manifest, options)) {
      if (entry.status !== 'deleted') visit(entry.file.filePath)
    }
  })
}
