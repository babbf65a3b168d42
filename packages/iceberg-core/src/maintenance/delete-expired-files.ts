import type { DataFile } from '../manifest/data-file.ts'
import type { ManifestFile } from '../manifest/manifest-file.ts'
import { readManifest } from '../manifest/read-manifest.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import { statisticsPathOf } from '../metadata/statistics-entry.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { FileIO } from '../port/file-io.ts'
import { CandidateFiles } from './candidate-files.ts'
import { type CleanupFailure, FileDeletion } from './file-deletion.ts'
import { locationText, locationTexts } from './location-key.ts'
import { headsFirst, manifestsOf, visitLiveFiles } from './reachable-files.ts'

/**
 * What a clean-up deleted. A file that was absent already counts as deleted, and one that manifests list which were not in
 * memory at the same time counts each time.
 */
export interface DeletedFiles {
  readonly dataFiles: number
  /** Files of position and equality deletes, and Puffin files of deletion vectors. */
  readonly deleteFiles: number
  readonly manifests: number
  readonly manifestLists: number
  readonly statisticsFiles: number
  /** The first hundred. What failed stays behind: removeOrphanFiles finds it. */
  readonly failures: readonly CleanupFailure[]
  readonly failureCount: number
}

export interface CleanupOptions {
  /** `metadata`: manifests, manifest lists and statistics only. */
  readonly files: 'all' | 'metadata' | 'none'
  readonly signal?: AbortSignal | undefined
  /** Calls to the store at a time. */
  readonly concurrency: number
  /** How many paths of data files are held in memory at a time. */
  readonly maxPathsInMemory: number
}

export const nothingDeleted: DeletedFiles = {
  dataFiles: 0,
  deleteFiles: 0,
  manifests: 0,
  manifestLists: 0,
  statisticsFiles: 0,
  failures: [],
  failureCount: 0,
}

/**
 * Deletes what `before` refers to and `after` does not, data first. Never throws: what went wrong is in the result. When
 * the files of a snapshot that stays cannot be listed, no data file and no manifest is deleted.
 */
export async function deleteExpiredFiles(
  io: FileIO,
  change: { readonly before: TableMetadata; readonly after: TableMetadata },
  options: CleanupOptions,
): Promise<DeletedFiles> {
  if (options.files === 'none') return nothingDeleted
  return await new Cleanup(io, change, options).run()
}

class Cleanup {
  readonly #io: FileIO
  readonly #before: TableMetadata
  readonly #after: TableMetadata
  readonly #options: CleanupOptions
  readonly #deletion: FileDeletion
  #dataFiles = 0
  #deleteFiles = 0
  #manifests = 0
  #manifestLists = 0
  #statisticsFiles = 0

  constructor(
    io: FileIO,
    change: { readonly before: TableMetadata; readonly after: TableMetadata },
    options: CleanupOptions,
  ) {
    this.#io = io
    this.#before = change.before
    this.#after = change.after
    this.#options = options
    this.#deletion = new FileDeletion(io, options)
  }

  async run(): Promise<DeletedFiles> {
    try {
      await this.#delete()
    } catch (cause) {
      this.#deletion.failed(cause instanceof RetainedUnreadable ? cause.cause : cause)
    }
    const { failures, failureCount } = this.#deletion
    return {
      dataFiles: this.#dataFiles,
      deleteFiles: this.#deleteFiles,
      manifests: this.#manifests,
      manifestLists: this.#manifestLists,
      statisticsFiles: this.#statisticsFiles,
      failures,
      failureCount,
    }
  }

  async #delete(): Promise<void> {
    const kept = new Set(this.#after.snapshots.map((snapshot) => snapshot.snapshotId))
    const expired = this.#before.snapshots.filter((snapshot) => !kept.has(snapshot.snapshotId))
    const reading = { ...this.#options, metadata: this.#before }
    const candidates = await manifestsOf(this.#io, expired, {
      ...reading,
      onFailure: (snapshot, cause) => this.#deletion.failed(cause, snapshot.manifestList),
    })
    if (candidates.size > 0) await this.#deleteManifests(candidates, new Set(expired.map((one) => one.snapshotId)))
    const keptLists = new Set(this.#after.snapshots.map((snapshot) => locationText(snapshot.manifestList)))
    const lists = expired
      .map((snapshot) => snapshot.manifestList)
      .filter((path) => path !== '' && !keptLists.has(locationText(path)))
    this.#manifestLists = await this.#deletion.delete(new Set(lists))
    const keptStatistics = new Set(statisticsPaths(this.#after).map(locationText))
    const statistics = statisticsPaths(this.#before).filter((path) => !keptStatistics.has(locationText(path)))
    this.#statisticsFiles = await this.#deletion.delete(new Set(statistics))
  }

  async #deleteManifests(candidates: Map<string, ManifestFile>, expired: ReadonlySet<bigint>): Promise<void> {
    const reading = { ...this.#options, metadata: this.#after }
    const isHeir = ({ parentSnapshotId }: Snapshot): boolean =>
      parentSnapshotId !== undefined && expired.has(parentSnapshotId)
    // Where nothing was merged or rewritten, the next snapshot has every manifest, and no other list need be read.
    const inherited = await manifestsOf(this.#io, this.#after.snapshots.filter(isHeir), reading)
    for (const key of inherited.keys()) candidates.delete(key)
    if (candidates.size === 0) return
    const retained = await manifestsOf(this.#io, headsFirst(this.#after), reading)
    for (const key of retained.keys()) candidates.delete(key)
    if (this.#options.files === 'all') await this.#deleteContent(candidates.values(), [...retained.values()])
    this.#manifests = await this.#deletion.delete([...candidates.values()].map((manifest) => manifest.path))
  }

  /** Deletes what the manifests list and the retained ones do not, so many paths at a time. */
  async #deleteContent(manifests: Iterable<ManifestFile>, retained: readonly ManifestFile[]): Promise<void> {
    let batch = new CandidateFiles<DataFile['content']>()
    for (const manifest of manifests) {
      try {
        for await (const { status, file } of readManifest(this.#io, manifest, {
          ...this.#options,
          metadata: this.#before,
        })) {
          // A file goes with the last snapshot in which it is live; one that was removed went with that before.
          if (status === 'deleted') continue
          batch.add(file.filePath, locationTexts(file.filePath), file.content)
          if (batch.size < this.#options.maxPathsInMemory) continue
          await this.#deleteUnlisted(batch, retained)
          batch = new CandidateFiles()
        }
      } catch (cause) {
        this.#options.signal?.throwIfAborted()
        if (cause instanceof RetainedUnreadable) throw cause
        this.#deletion.failed(cause, manifest.path)
      }
    }
    await this.#deleteUnlisted(batch, retained)
  }

  async #deleteUnlisted(batch: CandidateFiles<DataFile['content']>, retained: readonly ManifestFile[]): Promise<void> {
    const options = { ...this.#options, metadata: this.#after, done: () => batch.size === 0 }
    try {
      await visitLiveFiles(this.#io, retained, (path) => batch.keep(locationTexts(path)), options)
    } catch (cause) {
      throw new RetainedUnreadable('a manifest that stays cannot be read', { cause })
    }
    const unused = [...batch.unused()]
    const data = unused.filter((file) => file.about === 'data')
    const deletes = unused.filter((file) => file.about !== 'data')
    this.#dataFiles += await this.#deletion.delete(data.map((file) => file.path))
    this.#deleteFiles += await this.#deletion.delete(deletes.map((file) => file.path))
  }
}

/** Tells a failure that ends the clean-up from one that concerns a single expired manifest. */
class RetainedUnreadable extends Error {}

function statisticsPaths(metadata: TableMetadata): string[] {
  return [...metadata.statistics, ...metadata.partitionStatistics].flatMap((entry) => statisticsPathOf(entry) ?? [])
}
