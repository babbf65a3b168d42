import type { Expression } from '../expression/expression.ts'
import { FileMatcher } from '../expression/file-matcher.ts'
import type { DataFile } from '../manifest/data-file.ts'
import { isDeletionVector, positionDeletesTest } from '../manifest/delete-file.ts'
import { partitionKey } from '../manifest/partition-key.ts'
import type { ManifestEntry } from '../manifest/manifest-entry.ts'
import { readManifestList } from '../manifest/read-manifest-list.ts'
import { readManifest } from '../manifest/read-manifest.ts'
import type { Snapshot } from '../metadata/snapshot.ts'
import { snapshotById, specById, type TableMetadata } from '../metadata/table-metadata.ts'
import type { ProducerAttempt } from './snapshot-producer.ts'

/** What other snapshots may not have done since the one that a change rests on. */
export interface ConflictRules {
  /** The snapshot that was read; `undefined` when the branch had none. */
  readonly fromSnapshotId: bigint | undefined
  /** They may not have added data files with rows that pass. */
  readonly addedRows?: Expression | undefined
  /** They may not have removed data files with rows that pass. */
  readonly removedRows?: Expression | undefined
  /** They may not have added delete files for partitions with rows that pass. */
  readonly deletedRows?: Expression | undefined
  /** They may not have removed these data files, by path. */
  readonly required?: ReadonlySet<string> | undefined
  /** They may not have added deletes for these data files. */
  readonly untouched?: readonly DataFile[] | undefined
  /** Equality deletes for {@link untouched} are no conflict: they still apply to what takes the files' place. */
  readonly ignoreEqualityDeletes?: boolean | undefined
  /** They may not have added deletion vectors for these data files, by path. */
  readonly vectors?: ReadonlySet<string> | undefined
}

/** Checks the snapshots that others made since a change was begun, each of them once. */
export class SnapshotConflicts {
  readonly #rules: ConflictRules
  readonly #passed = new Set<bigint>()

  constructor(rules: ConflictRules) {
    this.#rules = rules
  }

  /** What rows are looked for by. */
  get filters(): readonly Expression[] {
    const { addedRows, removedRows, deletedRows } = this.#rules
    return [addedRows, removedRows, deletedRows].filter((filter) => filter !== undefined)
  }

  /** Why the change does not go on top of this head; `undefined` when it does. */
  async find(attempt: ProducerAttempt): Promise<string | undefined> {
    if (!this.#hasRules()) return undefined
    const history = snapshotsSince(attempt.metadata, attempt.parent, this.#rules.fromSnapshotId)
    if (history === undefined) {
      const from = this.#rules.fromSnapshotId
      return `the snapshots since ${from ?? 'the table was empty'} are not all there: they expired, or the branch was rolled back`
    }
    const check = new EntryCheck(attempt.metadata, this.#rules)
    for (const snapshot of history) {
      if (this.#passed.has(snapshot.snapshotId)) continue
      const reason = await findIn(snapshot, check, attempt)
      if (reason !== undefined) return reason
      this.#passed.add(snapshot.snapshotId)
    }
    return undefined
  }

  #hasRules(): boolean {
    const { required, untouched, vectors } = this.#rules
    return (
      this.filters.length > 0 || (required?.size ?? 0) > 0 || (untouched?.length ?? 0) > 0 || (vectors?.size ?? 0) > 0
    )
  }
}

/** Only the manifests that the snapshot itself wrote tell what it did. */
async function findIn(snapshot: Snapshot, check: EntryCheck, attempt: ProducerAttempt): Promise<string | undefined> {
  const { io, metadata, signal } = attempt
  for (const manifest of await readManifestList(io, snapshot, { metadata, signal })) {
    if (manifest.addedSnapshotId !== snapshot.snapshotId || !check.wants(manifest.content, snapshot)) continue
    for await (const entry of readManifest(io, manifest, { metadata, signal })) {
      if (entry.status === 'existing' || entry.snapshotId !== snapshot.snapshotId) continue
      const reason = check.conflict(entry, snapshot)
      if (reason !== undefined) return `snapshot ${snapshot.snapshotId} ${reason}`
    }
  }
  return undefined
}

/** The snapshots after `from` up to the head, newest first; `undefined` when some of them are not retained. */
function snapshotsSince(
  metadata: TableMetadata,
  head: Snapshot | undefined,
  from: bigint | undefined,
): Snapshot[] | undefined {
  const history: Snapshot[] = []
  let nextId = head?.snapshotId
  while (nextId !== from) {
    const next = nextId === undefined ? undefined : snapshotById(metadata, nextId)
    if (next === undefined) return undefined
    history.push(next)
    nextId = next.parentSnapshotId
  }
  return history
}

/** The rules made ready for one state of the table. */
class EntryCheck {
  readonly #metadata: TableMetadata
  readonly #rules: ConflictRules
  readonly #addedRows: FileMatcher | undefined
  readonly #removedRows: FileMatcher | undefined
  readonly #deletedRows: FileMatcher | undefined
  readonly #untouched = new Map<string, DataFile[]>()

  constructor(metadata: TableMetadata, rules: ConflictRules) {
    const matcher = (filter: Expression | undefined): FileMatcher | undefined =>
      filter === undefined ? undefined : new FileMatcher(metadata, filter)
    this.#metadata = metadata
    this.#rules = rules
    this.#addedRows = matcher(rules.addedRows)
    this.#removedRows = matcher(rules.removedRows)
    this.#deletedRows = matcher(rules.deletedRows)
    for (const file of rules.untouched ?? []) {
      const key = partitionKey(file)
      const files = this.#untouched.get(key)
      if (files === undefined) this.#untouched.set(key, [file])
      else files.push(file)
    }
  }

  /** False when nothing that such a snapshot does to such manifests is a conflict. */
  wants(content: 'data' | 'deletes', { operation }: Snapshot): boolean {
    if (content === 'deletes') return operation !== 'append'
    const removals = this.#removedRows !== undefined || (this.#rules.required?.size ?? 0) > 0
    return (this.#addedRows !== undefined && operation !== 'replace') || (removals && operation !== 'append')
  }

  conflict({ status, file }: ManifestEntry, { operation }: Snapshot): string | undefined {
    if (file.content !== 'data') return status === 'added' ? this.#addedDeletes(file, operation) : undefined
    if (status === 'added') {
      // What a compaction adds was there before.
      if (operation === 'replace' || this.#addedRows === undefined) return undefined
      return this.#addedRows.match(file) === 'none'
        ? undefined
        : `added ${file.filePath}, which may hold rows that were read`
    }
    if (this.#rules.required?.has(file.filePath) === true)
      return `removed ${file.filePath}, from which rows are deleted`
    if (operation === 'replace' || this.#removedRows === undefined) return undefined
    return this.#removedRows.match(file) === 'none'
      ? undefined
      : `removed ${file.filePath}, which may hold rows that were read`
  }

  #addedDeletes(file: DataFile, operation: string): string | undefined {
    const { vectors, ignoreEqualityDeletes } = this.#rules
    const target = file.referencedDataFile
    if (isDeletionVector(file) && target !== undefined && vectors?.has(target) === true) {
      return `added a deletion vector for ${target}, which gets one here`
    }
    // What a compaction adds deletes nothing that was not deleted before.
    if (operation === 'replace') return undefined
    if (!(ignoreEqualityDeletes === true && file.content === 'equality-deletes')) {
      const touched = this.#touchedBy(file)
      if (touched !== undefined) return `added deletes for ${touched.filePath}: ${file.filePath}`
    }
    if (this.#deletedRows === undefined) return undefined
    return isGlobal(this.#metadata, file) || this.#deletedRows.partitionMightMatch(file)
      ? `added ${file.filePath}, which may delete rows that were read`
      : undefined
  }

  /** A file that the deletes, being newer, may have rows of. @see https://iceberg.apache.org/spec/#scan-planning */
  #touchedBy(deletes: DataFile): DataFile | undefined {
    if (isGlobal(this.#metadata, deletes)) return this.#rules.untouched?.[0]
    const inPartition = this.#untouched.get(partitionKey(deletes)) ?? []
    if (deletes.content === 'equality-deletes') return inPartition[0]
    return inPartition.find(positionDeletesTest(deletes))
  }
}

/** Equality deletes of an unpartitioned spec apply to every partition. */
function isGlobal(metadata: TableMetadata, file: DataFile): boolean {
  return (
    file.content === 'equality-deletes' &&
    specById(metadata, file.specId).fields.every((field) => field.transform.kind === 'void')
  )
}
