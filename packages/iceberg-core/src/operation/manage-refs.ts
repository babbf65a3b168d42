import { IcebergError } from '../errors.ts'
import { mainBranch, type SnapshotRef } from '../metadata/snapshot.ts'
import { isAncestor, type TableMetadata } from '../metadata/table-metadata.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { commitMetadata, type MetadataCommitOptions, type MetadataOutcome } from './commit-metadata.ts'
import {
  findRef,
  invalidArgument,
  refMoved,
  type RefRetention,
  refUnmoved,
  requireRef,
  requireSnapshot,
  setRefUpdate,
  type SnapshotTarget,
  withRetention,
} from './refs.ts'

export interface CreateRef {
  readonly name: string
  /** The current snapshot of `main` when absent. */
  readonly at?: SnapshotTarget | undefined
}

/**
 * Makes a branch. @throws IcebergError `already-exists` when the name is taken, `no-such-snapshot`, `invalid-argument`.
 * @see https://iceberg.apache.org/spec/#snapshot-references
 */
export async function createBranch(
  table: TableHandle,
  create: CreateRef & RefRetention,
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  return await createRef(table, { ...create, type: 'branch' }, options)
}

/** Makes a tag. @throws IcebergError `already-exists` when the name is taken, `no-such-snapshot`, `invalid-argument`. */
export async function createTag(
  table: TableHandle,
  create: CreateRef & Pick<RefRetention, 'maxRefAgeMs'>,
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  return await createRef(table, { ...create, type: 'tag' }, options)
}

/**
 * Moves a branch to another snapshot, whatever that snapshot's history: a branch that has moved since `table` was
 * loaded is a conflict, since nobody has seen what would be dropped.
 *
 * @throws IcebergError `no-such-snapshot`, or `invalid-argument` for a tag.
 */
export async function replaceBranch(
  table: TableHandle,
  change: { readonly branch: string; readonly to: SnapshotTarget },
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  return await moveBranch(table, { ...change, check: () => undefined }, options)
}

/** Moves a tag to another snapshot; a conflict when somebody else has moved it since `table` was loaded. */
export async function replaceTag(
  table: TableHandle,
  change: { readonly tag: string; readonly to: SnapshotTarget },
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const { tag, to } = change
  return await commitMetadata(
    table,
    (head) => {
      const ref = requireRef(head, tag)
      if (ref.type !== 'tag') throw invalidArgument(`${tag} is a branch, not a tag`, { ref: tag })
      return moved(table.loaded.metadata, head, tag, requireSnapshot(head, to).snapshotId)
    },
    options,
  )
}

/**
 * Moves a branch forward to a snapshot that descends from its own. `conflict` when it does not: the branch has
 * snapshots that the other one lacks.
 */
export async function fastForward(
  table: TableHandle,
  change: { readonly branch: string; readonly to: SnapshotTarget },
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const check = (head: TableMetadata, from: bigint, to: bigint): string | undefined =>
    isAncestor(head, from, to) ? undefined : `${change.branch} is at ${from}, which is no ancestor of ${to}`
  return await commitMetadata(
    table,
    (head) => {
      const ref = requireBranch(head, change.branch)
      const { snapshotId } = requireSnapshot(head, change.to)
      const refused = check(head, ref.snapshotId, snapshotId)
      return refused === undefined ? movedTo(head, change.branch, ref, snapshotId) : { refused }
    },
    options,
  )
}

/**
 * Removes a branch or tag; its snapshots stay until they expire. Nothing happens when it is not there. A conflict when
 * somebody else has moved it since `table` was loaded.
 *
 * @throws IcebergError `invalid-argument` for `main`.
 */
export async function removeRef(
  table: TableHandle,
  change: { readonly name: string },
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const { name } = change
  if (name === mainBranch) throw invalidArgument('main cannot be removed: every table has it', { ref: name })
  return await commitMetadata(
    table,
    (head) => {
      if (findRef(head, name) === undefined) return { updates: [] }
      const refused = refMoved(table.loaded.metadata, head, name)
      if (refused !== undefined) return { refused }
      return {
        updates: [{ action: 'remove-snapshot-ref', refName: name }],
        requirements: [refUnmoved(head, name)],
      }
    },
    options,
  )
}

/** Changes how long expiry keeps a branch or tag and its snapshots. @throws IcebergError `no-such-snapshot`, `invalid-argument`. */
export async function updateRefRetention(
  table: TableHandle,
  change: { readonly name: string } & RefRetention,
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const { name } = change
  return await commitMetadata(
    table,
    (head) => {
      const ref = requireRef(head, name)
      const changed = withRetention(name, ref, change)
      if (sameRef(ref, changed)) return { updates: [] }
      return { updates: [setRefUpdate(name, changed)], requirements: [refUnmoved(head, name)] }
    },
    options,
  )
}

/** Shared by everything that sets a branch back or aside: `check` may refuse the move from one snapshot to the other. */
export async function moveBranch(
  table: TableHandle,
  change: {
    readonly branch: string
    readonly to: SnapshotTarget | ((head: TableMetadata) => bigint)
    readonly check: (head: TableMetadata, from: bigint, to: bigint) => string | undefined
  },
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const { branch, to } = change
  return await commitMetadata(
    table,
    (head) => {
      const ref = requireBranch(head, branch)
      const snapshotId = typeof to === 'function' ? to(head) : requireSnapshot(head, to).snapshotId
      const refused = change.check(head, ref.snapshotId, snapshotId)
      return refused === undefined ? moved(table.loaded.metadata, head, branch, snapshotId) : { refused }
    },
    options,
  )
}

async function createRef(
  table: TableHandle,
  create: CreateRef & RefRetention & { readonly type: 'branch' | 'tag' },
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const { name, type } = create
  if (name === '') throw invalidArgument(`a ${type} needs a name`, {})
  if (name === mainBranch) throw invalidArgument('main is there from the first snapshot on', { ref: name })
  return await commitMetadata(
    table,
    (head) => {
      const taken = findRef(head, name)
      if (taken !== undefined) {
        throw new IcebergError('already-exists', `the table already has a ${taken.type} ${name}`, {
          context: { ref: name, snapshotId: taken.snapshotId },
        })
      }
      const { snapshotId } = requireSnapshot(head, create.at ?? { ref: mainBranch })
      const ref = withRetention(name, { snapshotId, type }, create)
      return { updates: [setRefUpdate(name, ref)], requirements: [refUnmoved(head, name)] }
    },
    options,
  )
}

function moved(base: TableMetadata, head: TableMetadata, name: string, snapshotId: bigint) {
  const ref = requireRef(head, name)
  const refused = ref.snapshotId === snapshotId ? undefined : refMoved(base, head, name)
  return refused === undefined ? movedTo(head, name, ref, snapshotId) : { refused }
}

function movedTo(head: TableMetadata, name: string, ref: SnapshotRef, snapshotId: bigint) {
  if (ref.snapshotId === snapshotId) return { updates: [] }
  return { updates: [setRefUpdate(name, { ...ref, snapshotId })], requirements: [refUnmoved(head, name)] }
}

function requireBranch(metadata: TableMetadata, name: string): SnapshotRef {
  const ref = requireRef(metadata, name)
  if (ref.type === 'branch') return ref
  throw invalidArgument(`${name} is a tag, not a branch`, { ref: name }, 'Tags are moved with replaceTag.')
}

function sameRef(a: SnapshotRef, b: SnapshotRef): boolean {
  return (
    a.snapshotId === b.snapshotId &&
    a.minSnapshotsToKeep === b.minSnapshotsToKeep &&
    a.maxSnapshotAgeMs === b.maxSnapshotAgeMs &&
    a.maxRefAgeMs === b.maxRefAgeMs
  )
}
