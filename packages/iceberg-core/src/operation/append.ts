import { IcebergError } from '../errors.ts'
import type { DataFile } from '../manifest/data-file.ts'
import { countManifest } from '../manifest/count-manifest.ts'
import { hasLiveFiles } from '../manifest/manifest-file.ts'
import { readManifestList } from '../manifest/read-manifest-list.ts'
import { writeManifestList } from '../manifest/write-manifest-list.ts'
import { ManifestWriter, type NewManifest, version1 } from '../manifest/write-manifest.ts'
import { applyUpdates } from '../metadata/apply-updates.ts'
import { freshSnapshotId } from '../metadata/snapshot-id.ts'
import { mainBranch, type Snapshot } from '../metadata/snapshot.ts'
import { metadataFolder } from '../metadata/table-locations.ts'
import { currentSnapshot, snapshotById, type TableMetadata } from '../metadata/table-metadata.ts'
import type { TableRequirement } from '../metadata/table-requirement.ts'
import type { TableUpdate } from '../metadata/table-update.ts'
import type { Environment } from '../port/environment.ts'
import { refreshTable, type TableHandle } from '../port/table-handle.ts'
import type { AppendCommit, AppendOutcome } from './append-commit.ts'
import { appendSummary } from './append-summary.ts'
import { type CommitRetry, commitRetry, retryDelayMs } from './commit-retry.ts'
import { type AnyManifest, groupManifests, manifestMerging, mergeManifests } from './merge-manifests.ts'

export interface AppendOptions {
  readonly environment: Environment
  readonly signal?: AbortSignal | undefined
  /** Over the table's `commit.retry.*` properties. */
  readonly retries?: Partial<CommitRetry> | undefined
}

/**
 * Appends data files to `main` in one snapshot.
 *
 * Before every attempt the table is loaded anew and the commit's precondition asked. The commit asserts the table's
 * uuid and the head of `main` it was built on. On a conflict only the manifest list is written again (and a merged
 * manifest, when what it merges has changed), up to the retry limits. A snapshot id that is already in the table means
 * that an earlier attempt landed: that snapshot is returned as committed, and nothing is written.
 *
 * Small manifests are merged as `commit.manifest.*` says. Data files are never deleted here.
 *
 * @throws IcebergError `invalid-argument` for files that do not fit the table, `unsupported-format-version` for a
 * table of version 1, and whatever store and catalog throw before a commit is sent.
 */
export async function append(table: TableHandle, commit: AppendCommit, options: AppendOptions): Promise<AppendOutcome> {
  checkFiles(table.loaded.metadata, commit.files)
  return await new Append(table, commit, options).run()
}

class Append {
  readonly #table: TableHandle
  readonly #commit: AppendCommit
  readonly #options: AppendOptions
  readonly #snapshotId: bigint
  /** Names this commit's files. */
  readonly #commitId: string
  /** Everything written to the metadata folder so far. */
  readonly #written = new Set<string>()
  readonly #merged = new Map<string, NewManifest>()
  #newManifests: readonly NewManifest[] | undefined

  constructor(table: TableHandle, commit: AppendCommit, options: AppendOptions) {
    this.#table = table
    this.#commit = commit
    this.#options = options
    this.#commitId = options.environment.uuid()
    this.#snapshotId = commit.snapshotId ?? freshSnapshotId(table.loaded.metadata, options.environment)
  }

  async run(): Promise<AppendOutcome> {
    const { environment, signal } = this.#options
    const startedMs = environment.nowMs()
    const retry = commitRetry(this.#table.loaded.metadata.properties, this.#options.retries)
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#attempt(attempt)
      if (outcome.status === 'committed' || outcome.status === 'unknown') return outcome
      const elapsedMs = environment.nowMs() - startedMs
      if (outcome.final || attempt >= retry.retries || elapsedMs >= retry.totalTimeoutMs) {
        await this.#deleteAll()
        return { status: 'conflict', reason: outcome.reason, table: outcome.table }
      }
      await this.#cleaningUp(() => environment.sleep(retryDelayMs(retry, attempt + 1, environment), signal))
    }
  }

  async #attempt(attempt: number): Promise<Settled | Refused> {
    const prepared = await this.#cleaningUp(() => this.#prepare(attempt))
    if ('status' in prepared) return prepared
    const { table, snapshot, updates, requirements } = prepared
    // A catalog throws only what happened before the swap was sent (see `Catalog.commitTable`): nothing refers to the files then.
    const outcome = await this.#cleaningUp(() =>
      table.catalog.commitTable(
        table.identifier,
        { requirements, updates, base: table.loaded },
        { signal: this.#options.signal },
      ),
    )
    switch (outcome.status) {
      case 'committed':
        await this.#deleteUnused(prepared.used)
        return {
          status: 'committed',
          snapshot: snapshotById(outcome.table.metadata, this.#snapshotId) ?? snapshot,
          table: { ...table, loaded: outcome.table },
        }
      case 'conflict':
        await this.#delete(snapshot.manifestList)
        return { status: 'refused', reason: outcome.reason, table, final: false }
      case 'unknown':
        return {
          status: 'unknown',
          snapshotId: this.#snapshotId,
          asserted: snapshot.parentSnapshotId,
          cause: outcome.cause,
        }
    }
  }

  async #prepare(attempt: number): Promise<Prepared | Settled | Refused> {
    const { environment, signal } = this.#options
    signal?.throwIfAborted()
    const table = await refreshTable(this.#table, { signal })
    const head = table.loaded.metadata
    const landed = snapshotById(head, this.#snapshotId)
    if (landed !== undefined) return { status: 'committed', snapshot: landed, table }
    const reason = this.#objection(head)
    if (reason !== undefined) return { status: 'refused', reason, table, final: true }

    const schemaUpdates = this.#commit.schemaUpdates ?? []
    // The clock may stand behind that of the last writer; history must not run backwards.
    const timestampMs = Math.max(environment.nowMs(), head.lastUpdatedMs)
    const evolved = schemaUpdates.length === 0 ? head : applyUpdates(head, schemaUpdates, { nowMs: timestampMs })
    const parent = currentSnapshot(head)
    const parentSnapshotId = parent?.snapshotId
    const sequenceNumber = head.lastSequenceNumber + 1n
    const manifests = await this.#manifests(evolved, parent)
    const manifestList = `${metadataFolder(head)}/snap-${this.#snapshotId}-${attempt}-${this.#commitId}.avro`
    this.#written.add(manifestList)
    const list = await writeManifestList(table.io, manifestList, {
      metadata: evolved,
      snapshot: { snapshotId: this.#snapshotId, parentSnapshotId, sequenceNumber },
      manifests,
      signal,
    })
    const summary = appendSummary(this.#commit.files, parent, this.#commit.summary ?? {})
    const snapshot: Snapshot = {
      snapshotId: this.#snapshotId,
      ...(parentSnapshotId === undefined ? {} : { parentSnapshotId }),
      sequenceNumber,
      timestampMs,
      manifestList,
      summary,
      operation: 'append',
      schemaId: evolved.currentSchemaId,
      ...(list.firstRowId === undefined ? {} : { firstRowId: list.firstRowId }),
      ...(list.addedRows === undefined ? {} : { addedRows: list.addedRows }),
    }
    const properties = {
      ...this.#commit.setProperties,
      ...this.#commit.properties?.({ snapshotId: this.#snapshotId, parentSnapshotId, timestampMs }),
    }
    return {
      table,
      snapshot,
      used: new Set([manifestList, ...list.manifests.map((manifest) => manifest.path)]),
      updates: [
        ...schemaUpdates,
        { action: 'add-snapshot', snapshot },
        { action: 'set-snapshot-ref', refName: mainBranch, snapshotId: this.#snapshotId, type: 'branch' },
        ...(Object.keys(properties).length === 0
          ? []
          : [{ action: 'set-properties', updates: properties } satisfies TableUpdate]),
      ],
      requirements: [
        { type: 'assert-table-uuid', uuid: head.tableUuid },
        { type: 'assert-ref-snapshot-id', ref: mainBranch, snapshotId: parentSnapshotId },
        ...(schemaUpdates.length === 0
          ? []
          : ([
              { type: 'assert-current-schema-id', currentSchemaId: head.currentSchemaId },
              { type: 'assert-last-assigned-field-id', lastAssignedFieldId: head.lastColumnId },
            ] satisfies TableRequirement[])),
      ],
    }
  }

  /** Why nothing can be committed on this head, however often it is tried. */
  #objection(head: TableMetadata): string | undefined {
    const base = this.#table.loaded.metadata
    if (head.tableUuid !== base.tableUuid) {
      return `the table was replaced: its uuid is ${head.tableUuid}, not ${base.tableUuid}`
    }
    const schemaMoved = head.currentSchemaId !== base.currentSchemaId || head.lastColumnId !== base.lastColumnId
    if (schemaMoved && (this.#commit.schemaUpdates ?? []).length > 0) {
      return `the table's schema is now ${head.currentSchemaId}, the schema updates were made for ${base.currentSchemaId}`
    }
    return this.#commit.precondition?.(head)
  }

  /** New manifests first, then the parent's, small ones merged. */
  async #manifests(metadata: TableMetadata, parent: Snapshot | undefined): Promise<AnyManifest[]> {
    const { signal } = this.#options
    const io = this.#table.io
    const inherited = parent === undefined ? [] : await readManifestList(io, parent, { metadata, signal })
    this.#newManifests ??= await this.#writeNewManifests(metadata)
    const kept: AnyManifest[] = []
    for (const manifest of inherited.filter(hasLiveFiles))
      kept.push(await countManifest(io, manifest, { metadata, signal }))
    const data = [...this.#newManifests, ...kept.filter((manifest) => manifest.content === 'data')]
    const deletes = kept.filter((manifest) => manifest.content === 'deletes')
    const manifests: AnyManifest[] = []
    for (const group of groupManifests(data, manifestMerging(metadata.properties))) {
      manifests.push(...(group.length > 1 ? [await this.#merge(metadata, group)] : group))
    }
    return [...manifests, ...deletes]
  }

  async #writeNewManifests(metadata: TableMetadata): Promise<NewManifest[]> {
    const manifests: NewManifest[] = []
    for (const specId of new Set(this.#commit.files.map((file) => file.specId))) {
      const path = this.#manifestPath(metadata)
      const writer = await ManifestWriter.create(this.#table.io, path, {
        metadata,
        specId,
        snapshotId: this.#snapshotId,
        signal: this.#options.signal,
      })
      try {
        for (const file of this.#commit.files) if (file.specId === specId) await writer.add(file)
        manifests.push(await writer.close())
      } catch (cause) {
        await writer.abort()
        throw cause
      }
    }
    return manifests
  }

  /** A merged manifest is used again by a later attempt that would merge the same ones. */
  async #merge(metadata: TableMetadata, group: readonly AnyManifest[]): Promise<NewManifest> {
    const key = group.map((manifest) => manifest.path).join('\n')
    let merged = this.#merged.get(key)
    if (merged === undefined) {
      merged = await mergeManifests(this.#table.io, group, {
        metadata,
        path: this.#manifestPath(metadata),
        snapshotId: this.#snapshotId,
        signal: this.#options.signal,
      })
      this.#merged.set(key, merged)
    }
    return merged
  }

  #manifestPath(metadata: TableMetadata): string {
    const path = `${metadataFolder(metadata)}/${this.#commitId}-m${this.#written.size}.avro`
    this.#written.add(path)
    return path
  }

  /** Runs a step after whose failure nothing can have been committed by this attempt or an earlier one. */
  async #cleaningUp<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step()
    } catch (cause) {
      await this.#deleteAll()
      throw cause
    }
  }

  /** Deletes what was written for attempts that failed, and own manifests that went into a merged one. */
  async #deleteUnused(used: ReadonlySet<string>): Promise<void> {
    for (const path of this.#written) if (!used.has(path)) await this.#delete(path)
  }

  async #deleteAll(): Promise<void> {
    for (const path of this.#written) await this.#delete(path)
  }

  /** Best effort: a file that stays behind is an orphan and does no harm. */
  async #delete(path: string): Promise<void> {
    this.#written.delete(path)
    try {
      await this.#table.io.delete(path)
    } catch {
      // See above.
    }
  }
}

type Settled = Exclude<AppendOutcome, { readonly status: 'conflict' }>

interface Refused {
  readonly status: 'refused'
  readonly reason: string
  readonly table: TableHandle
  /** No retry can help. */
  readonly final: boolean
}

interface Prepared {
  readonly table: TableHandle
  readonly snapshot: Snapshot
  /** The metadata files that the snapshot needs. */
  readonly used: ReadonlySet<string>
  readonly updates: readonly TableUpdate[]
  readonly requirements: readonly TableRequirement[]
}

function checkFiles(metadata: TableMetadata, files: readonly DataFile[]): void {
  if (metadata.formatVersion === 1) throw version1(metadata)
  const paths = new Set<string>()
  for (const file of files) {
    if (!metadata.partitionSpecs.some((spec) => spec.specId === file.specId)) {
      throw badFile(file, `follows partition spec ${file.specId}, which the table does not have,`)
    }
    if (file.content !== 'data') throw badFile(file, 'is not a data file')
    if (paths.has(file.filePath)) throw badFile(file, 'is given twice')
    paths.add(file.filePath)
  }
}

function badFile(file: DataFile, what: string): IcebergError {
  return new IcebergError('invalid-argument', `file ${file.filePath} ${what} and cannot be appended`, {
    context: { file: file.filePath },
  })
}
