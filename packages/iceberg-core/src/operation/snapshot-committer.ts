import { IcebergError, isIcebergError } from '../errors.ts'
import { writeManifestList } from '../manifest/write-manifest-list.ts'
import { version1 } from '../manifest/write-manifest.ts'
import { applyUpdates } from '../metadata/apply-updates.ts'
import { freshSnapshotId } from '../metadata/snapshot-id.ts'
import { mainBranch, type Snapshot, type SnapshotRef } from '../metadata/snapshot.ts'
import { currentSnapshot, snapshotById, type TableMetadata } from '../metadata/table-metadata.ts'
import type { TableRequirement } from '../metadata/table-requirement.ts'
import type { TableUpdate } from '../metadata/table-update.ts'
import { formatIdentifier } from '../port/catalog.ts'
import { refreshTable, type TableHandle } from '../port/table-handle.ts'
import { CommitFiles } from './commit-files.ts'
import { commitRetry, retryDelayMs } from './commit-retry.ts'
import type { SnapshotCommit, SnapshotOptions, SnapshotOutcome } from './snapshot-commit.ts'
import type { SnapshotProducer } from './snapshot-producer.ts'

/**
 * Commits one snapshot that a producer makes, whatever the operation.
 *
 * Before every attempt the table is loaded anew and the commit's precondition asked. The commit asserts the table's
 * uuid and the head of the branch it was built on. On a conflict the manifest list is written again, and of the
 * manifests only those that have changed, up to the retry limits. A snapshot id that is already in the table means that
 * an earlier attempt landed: that snapshot is returned as committed, and nothing is written. Data files are never
 * deleted here.
 *
 * @throws IcebergError `unsupported-format-version` for a table of version 1, `invalid-argument` for a branch that is a
 * tag, whatever the producer throws, and whatever store and catalog throw before a commit is sent.
 */
export async function commitSnapshot(
  table: TableHandle,
  commit: SnapshotCommit,
  options: SnapshotOptions & { readonly producer: SnapshotProducer },
): Promise<SnapshotOutcome> {
  const { metadata } = table.loaded
  if (metadata.formatVersion === 1) throw version1(metadata)
  branchRef(table, commit)
  return await new SnapshotCommitter(table, commit, options).run()
}

/** The snapshot that a commit to the branch follows: a branch that is not there yet starts at the head of `main`. */
export function branchHead(metadata: TableMetadata, branch: string = mainBranch): Snapshot | undefined {
  const ref = Object.hasOwn(metadata.refs, branch) ? metadata.refs[branch] : undefined
  if (ref === undefined) return currentSnapshot(metadata)
  const head = snapshotById(metadata, ref.snapshotId)
  if (head !== undefined) return head
  // A commit without a parent would drop all that the branch had.
  throw new IcebergError(
    'malformed-metadata',
    `${branch} names snapshot ${ref.snapshotId}, which is not in the table`,
    {
      context: { location: metadata.location, ref: branch, snapshotId: ref.snapshotId },
      hint: 'The metadata file is damaged or was written by a faulty tool: restore an earlier metadata file.',
    },
  )
}

class SnapshotCommitter {
  readonly #table: TableHandle
  readonly #commit: SnapshotCommit
  readonly #options: SnapshotOptions
  readonly #producer: SnapshotProducer
  readonly #branch: string
  readonly #snapshotId: bigint
  readonly #files: CommitFiles

  constructor(
    table: TableHandle,
    commit: SnapshotCommit,
    options: SnapshotOptions & { readonly producer: SnapshotProducer },
  ) {
    this.#table = table
    this.#commit = commit
    this.#options = options
    this.#producer = options.producer
    this.#branch = commit.branch ?? mainBranch
    this.#files = new CommitFiles(table.io, options.environment.uuid())
    this.#snapshotId = commit.snapshotId ?? freshSnapshotId(table.loaded.metadata, options.environment)
  }

  async run(): Promise<SnapshotOutcome> {
    const { environment, signal } = this.#options
    const startedMs = environment.nowMs()
    const retry = commitRetry(this.#table.loaded.metadata.properties, this.#options.retries)
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#attempt(attempt)
      if (outcome.status === 'committed' || outcome.status === 'unknown') return outcome
      const elapsedMs = environment.nowMs() - startedMs
      if (outcome.final || attempt >= retry.retries || elapsedMs >= retry.totalTimeoutMs) {
        await this.#files.deleteAll()
        return { status: 'conflict', reason: outcome.reason, table: outcome.table }
      }
      await this.#cleaningUp(() => environment.sleep(retryDelayMs(retry, attempt + 1, environment), signal))
    }
  }

  async #attempt(attempt: number): Promise<Settled | Refused> {
    const prepared = await this.#cleaningUp(() => this.#prepare(attempt))
    if ('status' in prepared) return prepared
    const { table, snapshot } = prepared
    // A catalog throws only what happened before the swap was sent (see `Catalog.commitTable`): nothing refers to the files then.
    const outcome = await this.#cleaningUp(() => this.#send(prepared))
    switch (outcome.status) {
      case 'committed':
        await this.#files.deleteUnused(prepared.used)
        return {
          status: 'committed',
          snapshot: snapshotById(outcome.table.metadata, this.#snapshotId) ?? snapshot,
          table: { ...table, loaded: outcome.table },
        }
      case 'conflict':
        await this.#files.delete(snapshot.manifestList)
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

  /** A commit to another branch takes the next sequence number too: a catalog may say so by an error of code `conflict`. */
  async #send(prepared: Prepared): ReturnType<TableHandle['catalog']['commitTable']> {
    const { table, updates, requirements } = prepared
    try {
      return await table.catalog.commitTable(
        table.identifier,
        { requirements, updates, base: table.loaded },
        { signal: this.#options.signal },
      )
    } catch (error) {
      if (!isIcebergError(error, 'conflict')) throw error
      return { status: 'conflict', reason: error.message }
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
    const parent = branchHead(head, this.#branch)
    const parentSnapshotId = parent?.snapshotId
    const sequenceNumber = head.lastSequenceNumber + 1n
    const produced = await this.#producer.produce({
      io: table.io,
      snapshotId: this.#snapshotId,
      base: this.#table.loaded.metadata,
      metadata: evolved,
      parent,
      files: this.#files,
      signal,
    })
    if ('conflict' in produced) return { status: 'refused', reason: produced.conflict, table, final: true }
    const manifestList = this.#files.manifestListPath(head, { snapshotId: this.#snapshotId, attempt })
    const list = await writeManifestList(table.io, manifestList, {
      metadata: evolved,
      snapshot: { snapshotId: this.#snapshotId, parentSnapshotId, sequenceNumber },
      manifests: produced.manifests,
      signal,
    })
    const { operation } = this.#producer
    const snapshot: Snapshot = {
      snapshotId: this.#snapshotId,
      ...(parentSnapshotId === undefined ? {} : { parentSnapshotId }),
      sequenceNumber,
      timestampMs,
      manifestList,
      summary: { operation, ...this.#commit.summary, ...produced.summary, ...produced.counts.fields(parent) },
      operation,
      schemaId: evolved.currentSchemaId,
      ...(list.firstRowId === undefined ? {} : { firstRowId: list.firstRowId }),
      ...(list.addedRows === undefined ? {} : { addedRows: list.addedRows }),
    }
    const properties = {
      ...this.#commit.setProperties,
      ...this.#commit.properties?.({ snapshotId: this.#snapshotId, parentSnapshotId, timestampMs }),
    }
    const ref = branchRef(table, this.#commit)
    return {
      table,
      snapshot,
      used: new Set([manifestList, ...list.manifests.map((manifest) => manifest.path)]),
      updates: [
        ...schemaUpdates,
        { action: 'add-snapshot', snapshot },
        ...(this.#commit.stageOnly === true ? [] : [refUpdate(this.#branch, ref, this.#snapshotId)]),
        ...(Object.keys(properties).length === 0
          ? []
          : [{ action: 'set-properties', updates: properties } satisfies TableUpdate]),
      ],
      requirements: [
        { type: 'assert-table-uuid', uuid: head.tableUuid },
        { type: 'assert-ref-snapshot-id', ref: this.#branch, snapshotId: ref?.snapshotId },
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

  /** Runs a step after whose failure nothing can have been committed by this attempt or an earlier one. */
  async #cleaningUp<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step()
    } catch (cause) {
      await this.#files.deleteAll()
      throw cause
    }
  }
}

type Settled = Exclude<SnapshotOutcome, { readonly status: 'conflict' }>

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

/** The branch as it stands; `undefined` when it is not there yet. @throws IcebergError `invalid-argument` for a tag. */
function branchRef(table: TableHandle, commit: SnapshotCommit): SnapshotRef | undefined {
  const { refs } = table.loaded.metadata
  const branch = commit.branch ?? mainBranch
  const ref = Object.hasOwn(refs, branch) ? refs[branch] : undefined
  if (ref?.type !== 'tag') return ref
  const name = formatIdentifier(table.identifier)
  throw new IcebergError('invalid-argument', `${branch} of table ${name} is a tag, not a branch`, {
    context: { table: name, ref: branch },
    hint: 'Tags do not move. Name a branch, or leave the name out for main.',
  })
}

/** Moves the branch on; what it says of retention stays. */
function refUpdate(refName: string, ref: SnapshotRef | undefined, snapshotId: bigint): TableUpdate {
  return {
    action: 'set-snapshot-ref',
    refName,
    snapshotId,
    type: 'branch',
    ...(ref?.minSnapshotsToKeep === undefined ? {} : { minSnapshotsToKeep: ref.minSnapshotsToKeep }),
    ...(ref?.maxSnapshotAgeMs === undefined ? {} : { maxSnapshotAgeMs: ref.maxSnapshotAgeMs }),
    ...(ref?.maxRefAgeMs === undefined ? {} : { maxRefAgeMs: ref.maxRefAgeMs }),
  }
}
