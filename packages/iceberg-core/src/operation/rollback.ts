import { IcebergError } from '../errors.ts'
import { mainBranch } from '../metadata/snapshot.ts'
import { ancestorsOf, isAncestor, type TableMetadata } from '../metadata/table-metadata.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { commitMetadata, type MetadataCommitOptions, type MetadataOutcome } from './commit-metadata.ts'
import { moveBranch } from './manage-refs.ts'
import {
  findRef,
  invalidArgument,
  refMoved,
  refUnmoved,
  requireRef,
  requireSnapshot,
  setRefUpdate,
  type SnapshotTarget,
} from './refs.ts'

/**
 * Sets a branch, `main` by default, back to one of its ancestors. The snapshots in between stay until they expire. A
 * branch that has moved since `table` was loaded is a conflict, since nobody has seen what would be dropped.
 *
 * @throws IcebergError `no-such-snapshot`, or `invalid-argument` for a snapshot that is no ancestor.
 */
export async function rollbackTo(
  table: TableHandle,
  change: { readonly snapshotId: bigint; readonly branch?: string | undefined },
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const branch = change.branch ?? mainBranch
  const check = (head: TableMetadata, from: bigint, to: bigint): undefined => {
    if (isAncestor(head, to, from)) return undefined
    throw invalidArgument(
      `snapshot ${to} is no ancestor of ${from}, the head of ${branch}`,
      { snapshotId: to, branch },
      'To move to a snapshot of another history, use setCurrentSnapshot or replaceBranch.',
    )
  }
  return await moveBranch(table, { branch, to: { snapshotId: change.snapshotId }, check }, options)
}

/**
 * Sets a branch, `main` by default, back to its newest ancestor that was made at `timestampMs` or before.
 *
 * @throws IcebergError `no-such-snapshot` when none is that old.
 */
export async function rollbackToTime(
  table: TableHandle,
  change: { readonly timestampMs: number; readonly branch?: string | undefined },
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const branch = change.branch ?? mainBranch
  const to = (head: TableMetadata): bigint => {
    const ancestors = ancestorsOf(head, requireRef(head, branch).snapshotId)
    const found = ancestors.find((snapshot) => snapshot.timestampMs <= change.timestampMs)
    if (found !== undefined) return found.snapshotId
    throw new IcebergError('no-such-snapshot', `${branch} has no snapshot from ${change.timestampMs} or before`, {
      context: { branch, timestampMs: change.timestampMs, oldest: ancestors.at(-1)?.timestampMs },
      hint: 'Older snapshots have expired, or the table is younger.',
    })
  }
  return await moveBranch(table, { branch, to, check: () => undefined }, options)
}

/**
 * Makes any snapshot of the table the current one of `main`, whatever its history. A conflict when `main` has moved
 * since `table` was loaded.
 *
 * @throws IcebergError `no-such-snapshot`.
 */
export async function setCurrentSnapshot(
  table: TableHandle,
  to: SnapshotTarget,
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  if (findRef(table.loaded.metadata, mainBranch) !== undefined) {
    return await moveBranch(table, { branch: mainBranch, to, check: () => undefined }, options)
  }
  return await commitMetadata(
    table,
    (head) => {
      const refused = refMoved(table.loaded.metadata, head, mainBranch)
      if (refused !== undefined) return { refused }
      const { snapshotId } = requireSnapshot(head, to)
      return {
        updates: [setRefUpdate(mainBranch, { snapshotId, type: 'branch' })],
        requirements: [refUnmoved(head, mainBranch)],
      }
    },
    options,
  )
}
