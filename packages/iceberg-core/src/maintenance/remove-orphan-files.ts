import { IcebergError, isIcebergError } from '../errors.ts'
import { isJsonObject, parseJsonLossless } from '../json/lossless-json.ts'
import { statisticsPathOf } from '../metadata/statistics-entry.ts'
import { decodeMetadataText, parseTableMetadata } from '../metadata/table-metadata-json.ts'
import type { Environment } from '../port/environment.ts'
import type { LoadedTable } from '../port/catalog.ts'
import type { FileEntry, FileIO } from '../port/file-io.ts'
import { refreshTable, type TableHandle } from '../port/table-handle.ts'
import { CandidateFiles } from './candidate-files.ts'
import { refuseWithoutCollection } from './expire-snapshots.ts'
import { type CleanupFailure, FileDeletion } from './file-deletion.ts'
import { locationText } from './location-key.ts'
import { OrphanRules } from './orphan-rules.ts'
import { headsFirst, manifestsOf, visitLiveFiles } from './reachable-files.ts'

export interface RemoveOrphanFiles {
  /**
   * Only files last changed before this time are looked at. By default three days ago: a younger file may belong to a
   * commit that is under way, and deleting it would break the table.
   */
  readonly olderThanMs?: number | undefined
  /** Where to look; by default the table's location. It has to be this table's alone. */
  readonly location?: string | undefined
  /** Finds and reports, and deletes nothing. */
  readonly dryRun?: boolean | undefined
  /**
   * What to do with a file that metadata names at the same place under another root (another scheme, host or folder), and
   * which may or may not be the same file: `error`, the default; `keep` it; or `delete` it.
   */
  readonly prefixMismatch?: 'error' | 'keep' | 'delete' | undefined
  /** True for names of a store's own temporary files, which go although they are hidden. */
  readonly isTemporary?: ((path: string) => boolean) | undefined
  /** Called with every orphan, before it is deleted. */
  readonly onOrphan?: ((file: FileEntry) => void) | undefined
}

export interface RemoveOrphanOptions {
  readonly environment: Environment
  readonly signal?: AbortSignal | undefined
  /** Calls to the store at a time, 8 by default. */
  readonly concurrency?: number | undefined
  /** Paths held at a time, 100,000 by default: it bounds the memory, fewer means more passes over the manifests. */
  readonly maxPathsInMemory?: number | undefined
}

export interface OrphanFiles {
  readonly orphanCount: number
  readonly orphanBytes: bigint
  /** The first thousand; `onOrphan` gets all. */
  readonly orphans: readonly string[]
  /** 0 in a dry run. */
  readonly deletedCount: number
  /** The first hundred. */
  readonly failures: readonly CleanupFailure[]
  readonly failureCount: number
}

const threeDaysMs = 259_200_000
const listedOrphans = 1000

/**
 * Deletes files under the table's location that nothing in the table refers to: what crashed writers, failed commits and
 * failed deletions left behind. In use is what any snapshot refers to, statistics files, the metadata files of the log
 * and of the logs before it, and `version-hint.text`. Hidden files are left alone: names that begin with a dot or an
 * underscore, partition folders (`_x=1`) excepted.
 *
 * The location must hold no other table. Metadata files of another table or view under it are an error, and so is a
 * metadata file that cannot be read.
 *
 * @throws IcebergError `unsupported-operation` for `gc.enabled` = `false` or a shared location, and nothing is deleted;
 * `conflict` for a prefix mismatch, `not-found` or `malformed-manifest` for metadata that cannot be read, and nothing
 * more is deleted.
 */
export async function removeOrphanFiles(
  table: TableHandle,
  change: RemoveOrphanFiles,
  options: RemoveOrphanOptions,
): Promise<OrphanFiles> {
  return await new OrphanRemoval(table, change, options).run()
}

class OrphanRemoval {
  readonly #io: FileIO
  readonly #change: RemoveOrphanFiles
  readonly #reading: { readonly signal: AbortSignal | undefined; readonly concurrency: number }
  readonly #maxPathsInMemory: number
  readonly #table: TableHandle
  /** Folder to list, with a slash at its end. */
  readonly #folder: string
  readonly #rules: OrphanRules
  readonly #olderThanMs: number
  readonly #deletion: FileDeletion
  /** Metadata files of the table's past, beyond what its newest log names. */
  readonly #pastMetadata: string[] = []
  readonly #orphans: string[] = []
  #orphanCount = 0
  #orphanBytes = 0n
  #deletedCount = 0

  constructor(table: TableHandle, change: RemoveOrphanFiles, options: RemoveOrphanOptions) {
    const tableFolder = folder(table.loaded.metadata.location)
    this.#io = table.io
    this.#table = table
    this.#change = change
    this.#reading = { signal: options.signal, concurrency: options.concurrency ?? 8 }
    this.#maxPathsInMemory = options.maxPathsInMemory ?? 100_000
    this.#folder = folder(change.location ?? tableFolder)
    this.#rules = new OrphanRules(this.#folder.startsWith(tableFolder) ? tableFolder : this.#folder, {
      mismatch: change.prefixMismatch ?? 'error',
      isTemporary: change.isTemporary,
    })
    this.#olderThanMs = change.olderThanMs ?? options.environment.nowMs() - threeDaysMs
    this.#deletion = new FileDeletion(table.io, this.#reading)
  }

  async run(): Promise<OrphanFiles> {
    const loaded = await this.#load()
    await this.#readPast(loaded)
    await this.#refuseSharedFolder(loaded)
    let batch = new CandidateFiles<FileEntry>()
    for await (const file of this.#io.list(this.#folder, this.#reading)) {
      if (file.lastModifiedMs >= this.#olderThanMs || !this.#rules.isVisible(file.path)) continue
      batch.add(file.path, this.#rules.textsOf(file.path), file)
      if (batch.size < this.#maxPathsInMemory) continue
      await this.#settle(batch)
      batch = new CandidateFiles()
    }
    await this.#settle(batch)
    const { failures, failureCount } = this.#deletion
    return {
      orphanCount: this.#orphanCount,
      orphanBytes: this.#orphanBytes,
      orphans: this.#orphans,
      deletedCount: this.#deletedCount,
      failures,
      failureCount,
    }
  }

  async #load(): Promise<LoadedTable> {
    const { loaded } = await refreshTable(this.#table, this.#reading)
    refuseWithoutCollection(loaded.metadata, 'remove orphan files of')
    return loaded
  }

  /** The table is loaded anew after the files were listed: what was committed until then is in use. */
  async #settle(batch: CandidateFiles<FileEntry>): Promise<void> {
    if (batch.size === 0) return
    const loaded = await this.#load()
    const { metadata } = loaded
    const keep = (location: string): void =>
      batch.keep(this.#rules.textsOfNamed(location), (listed) => this.#rules.isSame(listed, location))
    for (const path of namedFiles(loaded)) keep(path)
    for (const path of this.#pastMetadata) keep(path)
    const manifests = await manifestsOf(this.#io, headsFirst(metadata), { ...this.#reading, metadata })
    for (const manifest of manifests.values()) keep(manifest.path)
    const done = (): boolean => batch.size === 0
    await visitLiveFiles(this.#io, manifests.values(), keep, { ...this.#reading, metadata, done })
    const orphans = [...batch.unused()]
    for (const { path, about } of orphans) {
      this.#orphanCount += 1
      this.#orphanBytes += BigInt(about.sizeBytes)
      if (this.#orphans.length < listedOrphans) this.#orphans.push(path)
      this.#change.onOrphan?.(about)
    }
    if (this.#change.dryRun === true) return
    this.#deletedCount += await this.#deletion.delete(orphans.map(({ path }) => path))
    this.#reading.signal?.throwIfAborted()
  }

  /** The oldest file of each log has the log before it. */
  async #readPast(loaded: LoadedTable): Promise<void> {
    let oldest = loaded.metadata.metadataLog[0]?.metadataFile
    const seen = new Set<string>()
    while (oldest !== undefined && !seen.has(oldest)) {
      seen.add(oldest)
      try {
        const past = parseTableMetadata(await this.#io.read(oldest, this.#reading), { file: oldest })
        this.#pastMetadata.push(...past.metadataLog.map((entry) => entry.metadataFile))
        oldest = past.metadataLog[0]?.metadataFile
      } catch (error) {
        if (!isIcebergError(error, 'not-found')) throw error
        return // deleted, as tables may ask for
      }
    }
  }

  /** Metadata files that are not of this table's history: those of commits that failed, or of a table that shares the folder. */
  async #refuseSharedFolder(loaded: LoadedTable): Promise<void> {
    const own = new Set([...namedFiles(loaded), ...this.#pastMetadata].map(locationText))
    for await (const { path } of this.#io.list(this.#folder, this.#reading)) {
      if (!/\.metadata\.json(?:\.gz)?$/.test(path) || own.has(locationText(path))) continue
      const uuid = await this.#uuidIn(path)
      if (uuid === undefined || uuid === loaded.metadata.tableUuid.toLowerCase()) continue
      throw new IcebergError('unsupported-operation', `${this.#folder} also holds another table or view, of ${path}`, {
        context: { location: this.#folder, path, tableUuid: loaded.metadata.tableUuid, otherUuid: uuid },
        hint: 'Its files would be taken for orphans. Look under the folders that are this table’s alone (location), or move the other away.',
      })
    }
  }

  async #uuidIn(path: string): Promise<string | undefined> {
    let bytes
    try {
      bytes = await this.#io.read(path, this.#reading)
    } catch (error) {
      if (isIcebergError(error, 'not-found')) return undefined // gone since it was listed
      throw error
    }
    try {
      const json = parseJsonLossless(decodeMetadataText(bytes))
      const uuid = isJsonObject(json) ? (json['table-uuid'] ?? json['view-uuid'] ?? '') : ''
      return typeof uuid === 'string' ? uuid.toLowerCase() : ''
    } catch (cause) {
      throw new IcebergError('malformed-metadata', `${path} cannot be read, so that nobody knows whose it is`, {
        context: { path },
        hint: 'If it is the rest of a failed commit, delete it; the table does not use it.',
        cause,
      })
    }
  }
}

/** What the metadata names itself, snapshots' manifest lists included. */
function namedFiles({ metadata, metadataLocation }: LoadedTable): string[] {
  return [
    metadataLocation,
    ...metadata.metadataLog.map((entry) => entry.metadataFile),
    ...metadata.snapshots.map((snapshot) => snapshot.manifestList).filter((path) => path !== ''),
    ...[...metadata.statistics, ...metadata.partitionStatistics].flatMap((entry) => statisticsPathOf(entry) ?? []),
  ]
}

/** @throws IcebergError `invalid-argument` for a whole disk or bucket. */
function folder(location: string): string {
  const trimmed = location.replace(/\/+$/, '')
  if (/^(?:[a-z][a-z0-9+.-]+:\/*)?$/i.test(trimmed)) {
    throw new IcebergError('invalid-argument', `${location} is no folder to look for orphans in`, {
      context: { location },
    })
  }
  return `${trimmed}/`
}
