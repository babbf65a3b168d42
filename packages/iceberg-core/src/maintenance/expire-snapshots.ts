import { IcebergError } from '../errors.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { TableUpdate } from '../metadata/table-update.ts'
import { commitMetadata, type MetadataCommitOptions, type MetadataOutcome } from '../operation/commit-metadata.ts'
import { refUnmoved } from '../operation/refs.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { deleteExpiredFiles, type DeletedFiles, nothingDeleted } from './delete-expired-files.ts'
import { type ExpirySelection, expiryOf } from './snapshot-retention.ts'
import { unusedMetadata } from './unused-metadata.ts'

export interface ExpireSnapshots extends ExpirySelection {
  /** Also removes partition specs and schemas that nothing uses any longer. */
  readonly removeUnusedMetadata?: boolean | undefined
  /**
   * What to delete after the commit: everything that only expired snapshots refer to, the default; manifests, manifest
   * lists and statistics only; or nothing.
   */
  readonly deleteFiles?: 'all' | 'metadata' | 'none' | undefined
}

export interface ExpireOptions extends MetadataCommitOptions {
  /** Calls to the store at a time, 8 by default. */
  readonly concurrency?: number | undefined
  /** Paths of data files held at a time, 100,000 by default: it bounds the memory, fewer means more passes over the manifests. */
  readonly maxPathsInMemory?: number | undefined
}

/** {@link MetadataOutcome}; a commit tells what expired and what was deleted. Nothing is deleted unless the commit is known to have landed. */
export type ExpireOutcome =
  | (Extract<MetadataOutcome, { readonly status: 'committed' }> & {
      readonly expiredSnapshotIds: readonly bigint[]
      readonly expiredRefs: readonly string[]
      readonly deleted: DeletedFiles
    })
  | Exclude<MetadataOutcome, { readonly status: 'committed' }>

/**
 * Removes snapshots from the table as its retention policy says, and then deletes the files that only they refer to:
 * data files, delete files, manifests, manifest lists, statistics. Readers of an expired snapshot that are still at work
 * lose its files.
 *
 * The commit asserts every branch and tag, so that none that moves in the meantime loses what it names. Once it has
 * landed, a file that cannot be deleted, or an abort, is reported in the result and never thrown.
 *
 * @throws IcebergError `unsupported-operation` for a table with `gc.enabled` = `false`, `invalid-argument`.
 * @see https://iceberg.apache.org/spec/#snapshot-retention-policy
 */
export async function expireSnapshots(
  table: TableHandle,
  selection: ExpireSnapshots,
  options: ExpireOptions,
): Promise<ExpireOutcome> {
  const { environment, signal, concurrency = 8, maxPathsInMemory = 100_000 } = options
  const nowMs = environment.nowMs()
  let before: TableMetadata | undefined
  let expired: { readonly refs: readonly string[]; readonly snapshotIds: readonly bigint[] } | undefined
  const build = async (head: TableMetadata) => {
    refuseWithoutCollection(head, 'expire snapshots of')
    expired = expiryOf(head, selection, nowMs)
    const { refs, snapshotIds } = expired
    before = head
    const updates: TableUpdate[] = refs.map((refName) => ({ action: 'remove-snapshot-ref', refName }))
    if (snapshotIds.length > 0) updates.push({ action: 'remove-snapshots', snapshotIds })
    if (selection.removeUnusedMetadata === true) {
      updates.push(...(await unusedMetadata(table.io, head, new Set(snapshotIds), { signal, concurrency })))
    }
    return {
      updates,
      requirements: [
        ...Object.keys(head.refs).map((name) => refUnmoved(head, name)),
        { type: 'assert-current-schema-id' as const, currentSchemaId: head.currentSchemaId },
        { type: 'assert-default-spec-id' as const, defaultSpecId: head.defaultSpecId },
      ],
    }
  }
  const outcome = await commitMetadata(table, build, options)
  if (outcome.status !== 'committed') return outcome
  const after = outcome.table.loaded.metadata
  const { refs = [], snapshotIds = [] } = expired ?? {}
  const deleted =
    before === undefined || snapshotIds.length === 0
      ? nothingDeleted
      : await deleteExpiredFiles(
          table.io,
          { before, after },
          { files: selection.deleteFiles ?? 'all', signal, concurrency, maxPathsInMemory },
        )
  return { ...outcome, expiredSnapshotIds: snapshotIds, expiredRefs: refs, deleted }
}

/** @throws IcebergError `unsupported-operation` for a table that shares its files. */
export function refuseWithoutCollection(metadata: TableMetadata, action: string): void {
  if (metadata.properties['gc.enabled']?.toLowerCase() !== 'false') return
  throw new IcebergError('unsupported-operation', `cannot ${action} ${metadata.location}: gc.enabled is false`, {
    context: { location: metadata.location },
    hint: 'Other tables may use its files. Set gc.enabled to true once you know that none does.',
  })
}
