import { IcebergError } from '../errors.ts'
import type { Expression } from '../expression/expression.ts'
import { hasLiveFiles, type ManifestFile } from '../manifest/manifest-file.ts'
import { readManifestList } from '../manifest/read-manifest-list.ts'
import { readManifest } from '../manifest/read-manifest.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import { currentSchema, snapshotById } from '../metadata/table-metadata.ts'
import { formatIdentifier } from '../port/catalog.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { DeleteFileIndex } from './delete-file-index.ts'
import type { ChangelogScanTask } from './file-scan-task.ts'
import { scanTask } from './plan-scan.ts'
import { ScanFilter } from './scan-filter.ts'
import { readDeletes, snapshotManifests, wrongContent } from './snapshot-manifests.ts'
import { type SnapshotRange, snapshotsBetween } from './snapshot-range.ts'

export interface ChangelogScanOptions extends SnapshotRange {
  readonly filter?: Expression | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The data files whose rows were inserted or deleted by the snapshots in (from, to], oldest snapshot first. A rewrite by
 * copy-on-write deletes the rows of the files it removes and inserts those of the files it adds; snapshots that only
 * replace files (compaction) yield nothing. With a removed file come the deletes that applied to it until then, so that
 * only rows that were still there count as deleted. The filter is tied to the table's current schema.
 *
 * @throws IcebergError `no-such-snapshot` as for incremental appends; `unsupported-changes` naming a snapshot in between
 * whose changes are not in whole data files: it adds delete files, takes back deletes, or does not list what it removed.
 */
export async function* planChangelog(
  table: TableHandle,
  options: ChangelogScanOptions,
): AsyncGenerator<ChangelogScanTask, void, undefined> {
  const { metadata } = table.loaded
  const filter = new ScanFilter(metadata, currentSchema(metadata), options.filter)
  const range = snapshotsBetween(table, options).filter(({ operation }) => operation !== 'replace')
  for (const snapshot of range) {
    if (!['append', 'overwrite', 'delete'].includes(snapshot.operation)) {
      throw unsupported(table, snapshot, `is of operation ${snapshot.operation}, whose meaning is not known`)
    }
  }
  for (const [changeOrdinal, snapshot] of range.entries()) {
    const scan = new SnapshotChanges(table, snapshot, filter, options.signal)
    for await (const task of scan.tasks()) {
      yield { ...task, changeOrdinal, commitSnapshotId: snapshot.snapshotId }
    }
  }
}

type SnapshotChange = Omit<ChangelogScanTask, 'changeOrdinal' | 'commitSnapshotId'>

/** What one snapshot did to the data files of its parent. */
class SnapshotChanges {
  readonly #table: TableHandle
  readonly #snapshot: Snapshot
  readonly #filter: ScanFilter
  readonly #options: { readonly metadata: TableHandle['loaded']['metadata']; readonly signal: AbortSignal | undefined }
  #deletesBefore: DeleteFileIndex | undefined

  constructor(table: TableHandle, snapshot: Snapshot, filter: ScanFilter, signal: AbortSignal | undefined) {
    this.#table = table
    this.#snapshot = snapshot
    this.#filter = filter
    this.#options = { metadata: table.loaded.metadata, signal }
  }

  async *tasks(): AsyncGenerator<SnapshotChange, void, undefined> {
    const { io } = this.#table
    const { snapshotId, sequenceNumber } = this.#snapshot
    const manifests = await readManifestList(io, this.#snapshot, this.#options)
    const own = manifests.filter(({ addedSnapshotId }) => addedSnapshotId === snapshotId)
    await this.#refuseChangedDeletes(manifests, own)
    let removed = 0
    for (const manifest of own.filter(({ content }) => content === 'data')) {
      for await (const entry of readManifest(io, manifest, this.#options)) {
        if (entry.snapshotId !== snapshotId || entry.status === 'existing') continue
        if (entry.file.content !== 'data') throw this.#unsupported('adds or removes delete files')
        if (entry.status === 'deleted') removed++
        if (!this.#filter.mightMatchFile(entry.file)) continue
        const change = entry.status === 'added' ? 'insert' : 'delete'
        // A new file is out of reach of all older deletes, unless it says that its rows are older.
        const reachable = change === 'delete' || entry.sequenceNumber !== sequenceNumber
        const deletes = reachable ? await this.#readDeletesBefore(manifests) : undefined
        yield { ...scanTask(entry, this.#filter, deletes), change }
      }
    }
    const counted = this.#snapshot.summary['deleted-data-files'] ?? '0'
    if (removed < Number(counted)) {
      throw this.#unsupported(`removed ${counted} data files, of which its manifests list ${removed}`)
    }
  }

  /** Deletes that were added, or taken back from files that are still there, change rows without changing data files. */
  async #refuseChangedDeletes(all: readonly ManifestFile[], own: readonly ManifestFile[]): Promise<void> {
    const { io } = this.#table
    const takenBack = new DeleteFileIndex(this.#options.metadata)
    for (const manifest of own.filter(({ content }) => content === 'deletes')) {
      if (manifest.addedFilesCount === 0 && manifest.deletedFilesCount === 0) continue
      for await (const entry of readManifest(io, manifest, this.#options)) {
        if (entry.snapshotId !== this.#snapshot.snapshotId || entry.status === 'existing') continue
        if (entry.file.content === 'data') throw wrongContent(manifest, 'deletes', entry.file.filePath)
        if (entry.status === 'added') throw this.#unsupported(`adds the delete file ${entry.file.filePath}`)
        takenBack.add(entry)
      }
    }
    if (takenBack.size === 0) return
    for (const manifest of all.filter((candidate) => candidate.content === 'data' && hasLiveFiles(candidate))) {
      for await (const entry of readManifest(io, manifest, this.#options)) {
        if (entry.status === 'deleted') continue
        const [deleteFile] = takenBack.forFile(entry)
        if (deleteFile === undefined) continue
        throw this.#unsupported(`takes back the deletes of ${deleteFile.filePath} from ${entry.file.filePath}`)
      }
    }
  }

  /** The deletes that were in force before the snapshot, which added none. */
  async #readDeletesBefore(manifests: readonly ManifestFile[]): Promise<DeleteFileIndex> {
    if (this.#deletesBefore !== undefined) return this.#deletesBefore
    const { io } = this.#table
    const { parentSnapshotId, snapshotId } = this.#snapshot
    const { metadata } = this.#options
    const parent = parentSnapshotId === undefined ? undefined : snapshotById(metadata, parentSnapshotId)
    const options = { ...this.#options, filter: this.#filter }
    this.#deletesBefore =
      parent === undefined
        ? await readDeletes(
            io,
            manifests.filter(({ content }) => content === 'deletes'),
            {
              ...options,
              // The parent is gone: what it had is what is left and what was removed just now.
              removedBy: snapshotId,
            },
          )
        : await readDeletes(io, (await snapshotManifests(io, parent, this.#options)).deletes, options)
    return this.#deletesBefore
  }

  #unsupported(what: string): IcebergError {
    return unsupported(this.#table, this.#snapshot, what)
  }
}

function unsupported(table: TableHandle, snapshot: Snapshot, what: string): IcebergError {
  const name = formatIdentifier(table.identifier)
  return new IcebergError('unsupported-changes', `snapshot ${snapshot.snapshotId} of table ${name} ${what}`, {
    context: { table: name, snapshotId: snapshot.snapshotId, operation: snapshot.operation },
    hint: 'Its changes cannot be read row by row. Read the changes up to the snapshot before it, then compare the whole table before and after it.',
  })
}
