import { IcebergError } from '../errors.ts'
import { FileMatcher } from '../expression/file-matcher.ts'
import { concurrently } from '../maintenance/concurrently.ts'
import { countManifest } from '../manifest/count-manifest.ts'
import type { DataFile } from '../manifest/data-file.ts'
import { isDeletionVector, onlyDataFileOf } from '../manifest/delete-file.ts'
import type { ManifestEntry } from '../manifest/manifest-entry.ts'
import { hasLiveFiles, type ManifestFile } from '../manifest/manifest-file.ts'
import { readManifestList } from '../manifest/read-manifest-list.ts'
import type { NewManifest } from '../manifest/write-manifest.ts'
import type { SnapshotOperation } from '../metadata/snapshot.ts'
import { type FileChange, refusesDeletes } from './file-change.ts'
import { FileSet } from './file-set.ts'
import { type FilteredManifest, filterManifest } from './filter-manifest.ts'
import { type AnyManifest, groupManifests, isNew, manifestMerging, mergeManifests } from './merge-manifests.ts'
import { movedColumn } from './moved-column.ts'
import type { SnapshotConflicts } from './snapshot-conflicts.ts'
import type { ProducedSnapshot, ProducerAttempt, SnapshotProducer } from './snapshot-producer.ts'
import { SummaryCounts } from './snapshot-summary.ts'
import { writeManifests } from './write-manifests.ts'

/** Each costs a read or two; stores answer many at once. */
const manifestsAtATime = 8

/**
 * Makes a snapshot that adds and removes files. New manifests come first, then those of the parent: rewritten where a
 * file is removed from them, small ones merged, all others as they are.
 *
 * Only manifests whose partition summaries allow for a file that is looked for are read. What was written serves later
 * attempts as long as the manifests that it was made of are in the table.
 */
export class FileChanges implements SnapshotProducer {
  readonly operation: SnapshotOperation
  readonly #change: FileChange
  readonly #conflicts: SnapshotConflicts | undefined
  readonly #filteredData = new Map<string, FilteredManifest>()
  readonly #filteredDeletes = new Map<string, FilteredManifest>()
  /** What {@link #filteredDeletes} depends on besides the manifests themselves. */
  #deletesState = ''
  readonly #merged = new Map<string, NewManifest>()
  #added: readonly NewManifest[] | undefined

  constructor(operation: SnapshotOperation, change: FileChange, conflicts?: SnapshotConflicts) {
    this.operation = operation
    this.#change = change
    this.#conflicts = conflicts
  }

  async produce(attempt: ProducerAttempt): Promise<ProducedSnapshot | { readonly conflict: string }> {
    const conflict = this.#upgraded(attempt) ?? this.#moved(attempt) ?? (await this.#conflicts?.find(attempt))
    if (conflict !== undefined) return { conflict }
    const inherited = await liveManifests(attempt)
    const added = (this.#added ??= await this.#writeAdded(attempt))
    const data = await this.#filterData(inherited.filter(isOf('data')), attempt)
    if ('conflict' in data) return data
    const dataManifests = [...added.filter(isOf('data')), ...data.manifests]
    const deletes = await this.#filterDeletes(inherited.filter(isOf('deletes')), attempt, {
      removedData: data.removed,
      oldestSequenceNumber: oldest(dataManifests, attempt.metadata.lastSequenceNumber),
    })
    if ('conflict' in deletes) return deletes
    const counts = new SummaryCounts(attempt.metadata)
    for (const file of [...this.#change.add, ...this.#change.addDeletes]) counts.add(file)
    for (const { removed } of [data, deletes]) countRemoved(counts, removed)
    return {
      counts,
      manifests: [
        ...(await this.#mergeAll(dataManifests, attempt)),
        ...(await this.#mergeAll([...added.filter(isOf('deletes')), ...deletes.manifests], attempt)),
      ],
    }
  }

  /** The delete files were checked against the format version of the handle: the table may have another by now. */
  #upgraded({ metadata }: ProducerAttempt): string | undefined {
    for (const file of this.#change.addDeletes) {
      const refusal = refusesDeletes(file, metadata.formatVersion)
      if (refusal !== undefined)
        return `the table is of format version ${metadata.formatVersion} now, and ${file.filePath} ${refusal}`
    }
    return undefined
  }

  /** Filters name columns as the handle's schema has them. */
  #moved({ base, metadata }: ProducerAttempt): string | undefined {
    for (const filter of [this.#change.where, ...(this.#conflicts?.filters ?? [])]) {
      const reason = filter === undefined ? undefined : movedColumn(filter, base, metadata)
      if (reason !== undefined) return reason
    }
    return undefined
  }

  async #writeAdded(attempt: ProducerAttempt): Promise<readonly NewManifest[]> {
    const { add, addDeletes, dataSequenceNumber } = this.#change
    return [
      ...(await writeManifests(attempt, add, { content: 'data', sequenceNumber: dataSequenceNumber })),
      ...(await writeManifests(attempt, addDeletes, { content: 'deletes' })),
    ]
  }

  async #filterData(manifests: readonly ManifestFile[], attempt: ProducerAttempt): Promise<Filtered> {
    const { metadata } = attempt
    const { remove, where } = this.#change
    const wanted = new FileSet(remove)
    const matcher = where === undefined ? undefined : new FileMatcher(metadata, where)
    const missing = new Set(wanted.keys())
    const removes = ({ file }: ManifestEntry): boolean => wanted.has(file) || wholly(file, matcher)
    const filtered: FilteredManifest[] = manifests.map((manifest) => ({ manifest, removed: [] }))
    await concurrently(manifests.entries(), manifestsAtATime, async ([at, manifest]) => {
      // A path is live once in a snapshot: with all of them found, no other manifest has one.
      const sought = missing.size > 0 && wanted.mayShareManifest(manifest, metadata)
      if (!sought && matcher?.manifestMightMatch(manifest) !== true) return
      const result = await this.#filter(manifest, attempt, { filtered: this.#filteredData, removes })
      for (const file of result.removed) missing.delete(file.filePath)
      filtered[at] = result
    })
    return missing.size > 0 ? { conflict: notLive('data file', missing) } : joined(filtered)
  }

  /**
   * Takes out the delete files that are to be removed, and those that delete nothing any more: they are for a data file
   * or a partition that goes, or older than every data file. The latter only where a manifest is read anyway.
   */
  async #filterDeletes(
    manifests: readonly ManifestFile[],
    attempt: ProducerAttempt,
    options: { readonly removedData: readonly DataFile[]; readonly oldestSequenceNumber: bigint },
  ): Promise<Filtered> {
    const { metadata } = attempt
    const { removeDeletes, addDeletes, where } = this.#change
    const { oldestSequenceNumber } = options
    const wanted = new FileSet(removeDeletes)
    const removedData = new FileSet(options.removedData)
    const vectors = addDeletes.filter(isDeletionVector)
    const targets = new Set(vectors.map((file) => file.referencedDataFile))
    const matcher = where === undefined ? undefined : new FileMatcher(metadata, where)
    const places = new FileSet([...removeDeletes, ...options.removedData, ...vectors])
    const missing = new Set(wanted.keys())
    // Whether deletes are left over depends on other manifests, so that another attempt may come to another result.
    const state = [oldestSequenceNumber, ...removedData.keys()].join('\n')
    if (state !== this.#deletesState) this.#filteredDeletes.clear()
    this.#deletesState = state
    let replaced: string | undefined
    const removes = ({ file, sequenceNumber }: ManifestEntry): boolean => {
      if (wanted.has(file)) return true
      const target = onlyDataFileOf(file)
      if (target !== undefined && removedData.hasPath(target)) return true
      if (target !== undefined && targets.has(target)) replaced ??= `${target} already has deletes in ${file.filePath}`
      if (sequenceNumber > 0n && sequenceNumber < oldestSequenceNumber) return true
      return matcher?.partitionMustMatch(file) === true
    }
    const filtered: FilteredManifest[] = manifests.map((manifest) => ({ manifest, removed: [] }))
    await concurrently(manifests.entries(), manifestsAtATime, async ([at, manifest]) => {
      if (!places.mayShareManifest(manifest, metadata) && matcher?.manifestMightMatch(manifest) !== true) return
      const result = await this.#filter(manifest, attempt, { filtered: this.#filteredDeletes, removes })
      for (const key of new FileSet(result.removed).keys()) missing.delete(key)
      filtered[at] = result
    })
    if (missing.size > 0) return { conflict: notLive('delete file', missing) }
    if (replaced !== undefined) {
      return { conflict: `${replaced}, which the new deletion vector must take in and this commit remove` }
    }
    return joined(filtered)
  }

  async #filter(
    manifest: ManifestFile,
    attempt: ProducerAttempt,
    options: {
      /** What earlier attempts came to, by path. */
      readonly filtered: Map<string, FilteredManifest>
      readonly removes: (entry: ManifestEntry) => boolean
    },
  ): Promise<FilteredManifest> {
    const earlier = options.filtered.get(manifest.path)
    if (earlier !== undefined) return earlier
    const filtered = await filterManifest(attempt.io, manifest, {
      metadata: attempt.metadata,
      snapshotId: attempt.snapshotId,
      path: () => attempt.files.manifestPath(attempt.metadata),
      removes: options.removes,
      signal: attempt.signal,
    })
    options.filtered.set(manifest.path, filtered)
    return filtered
  }

  async #mergeAll(manifests: readonly AnyManifest[], attempt: ProducerAttempt): Promise<AnyManifest[]> {
    const merging = manifestMerging(attempt.metadata.properties)
    const enabled = this.#change.merge ?? merging.enabled
    const result: AnyManifest[] = []
    for (const group of groupManifests(manifests, { ...merging, enabled })) {
      result.push(...(group.length > 1 ? [await this.#merge(group, attempt)] : group))
    }
    return result
  }

  /** A merged manifest is used again by a later attempt that would merge the same ones. */
  async #merge(group: readonly AnyManifest[], attempt: ProducerAttempt): Promise<NewManifest> {
    const { metadata, io, snapshotId, files, signal } = attempt
    const key = group.map((manifest) => manifest.path).join('\n')
    let merged = this.#merged.get(key)
    if (merged === undefined) {
      const { dataSequenceNumber } = this.#change
      merged = await mergeManifests(io, group, {
        metadata,
        path: files.manifestPath(metadata),
        snapshotId,
        dataSequenceNumber: group[0]?.content === 'data' ? dataSequenceNumber : undefined,
        signal,
      })
      this.#merged.set(key, merged)
    }
    return merged
  }
}

type Filtered =
  | { readonly manifests: readonly AnyManifest[]; readonly removed: readonly DataFile[] }
  | { readonly conflict: string }

/** The parent's manifests that have live files, with their counts. */
export async function liveManifests(attempt: ProducerAttempt): Promise<ManifestFile[]> {
  const { io, metadata, parent, signal } = attempt
  if (parent === undefined) return []
  const live: ManifestFile[] = []
  for (const manifest of await readManifestList(io, parent, { metadata, signal })) {
    if (hasLiveFiles(manifest)) live.push(await countManifest(io, manifest, { metadata, signal }))
  }
  return live
}

function isOf(content: 'data' | 'deletes'): (manifest: AnyManifest) => boolean {
  return (manifest) => manifest.content === content
}

function joined(filtered: readonly FilteredManifest[]): Filtered {
  return {
    manifests: filtered.map(({ manifest }) => manifest),
    removed: filtered.flatMap(({ removed }) => removed),
  }
}

/** True when every row of the file passes. @throws IcebergError `invalid-argument` when only some may. */
function wholly(file: DataFile, matcher: FileMatcher | undefined): boolean {
  const match = matcher?.match(file) ?? 'none'
  if (match !== 'some') return match === 'all'
  throw new IcebergError('invalid-argument', `only some rows of ${file.filePath} may pass the filter`, {
    context: { file: file.filePath },
    hint: 'Whole files are removed here. Rewrite the file, or add deletes for its rows.',
  })
}

/** The lowest data sequence number of any live data file. */
function oldest(manifests: readonly AnyManifest[], last: bigint): bigint {
  return manifests.reduce((lowest, manifest) => {
    const own = isNew(manifest) ? (manifest.minExplicitSequenceNumber ?? lowest) : manifest.minSequenceNumber
    return own < lowest ? own : lowest
  }, last)
}

function countRemoved(counts: SummaryCounts, removed: readonly DataFile[]): void {
  const seen = new FileSet()
  for (const file of removed) {
    if (seen.has(file)) counts.duplicate()
    else counts.remove(file)
    seen.add(file)
  }
}

function notLive(what: string, missing: ReadonlySet<string>): string {
  const [first, ...others] = missing
  const more = others.length === 0 ? '' : ` and ${others.length} more`
  return `${what} ${first}${more} is not in the table any more`
}
