import { IcebergError, type IcebergErrorContext } from '../errors.ts'
import { mainBranch, type Snapshot, type SnapshotRef } from '../metadata/snapshot.ts'
import { snapshotById, type TableMetadata } from '../metadata/table-metadata.ts'
import type { TableRequirement } from '../metadata/table-requirement.ts'
import type { TableUpdate } from '../metadata/table-update.ts'

/** A snapshot by its id, or by the branch or tag that names it. */
export type SnapshotTarget = { readonly snapshotId: bigint } | { readonly ref: string }

/** How long expiry keeps a branch or tag and what is in it. `null` takes a setting away: the table's property decides then. */
export interface RefRetention {
  /** Branches only, above 0. */
  readonly minSnapshotsToKeep?: number | null | undefined
  /** Branches only, above 0. */
  readonly maxSnapshotAgeMs?: bigint | null | undefined
  /** Not for `main`, which never expires; above 0. */
  readonly maxRefAgeMs?: bigint | null | undefined
}

/** The branch or tag of that name. */
export function findRef(metadata: TableMetadata, name: string): SnapshotRef | undefined {
  return Object.hasOwn(metadata.refs, name) ? metadata.refs[name] : undefined
}

/** @throws IcebergError `no-such-snapshot` that lists the names there are. */
export function requireRef(metadata: TableMetadata, name: string): SnapshotRef {
  const ref = findRef(metadata, name)
  if (ref !== undefined) return ref
  const names = Object.keys(metadata.refs).join(', ')
  throw new IcebergError('no-such-snapshot', `the table has no branch or tag ${name}`, {
    context: { ref: name, location: metadata.location },
    hint: names === '' ? 'The table was never written to.' : `It has ${names}.`,
  })
}

/** @throws IcebergError `no-such-snapshot`. */
export function requireSnapshot(metadata: TableMetadata, target: SnapshotTarget): Snapshot {
  const snapshotId = 'ref' in target ? requireRef(metadata, target.ref).snapshotId : target.snapshotId
  const snapshot = snapshotById(metadata, snapshotId)
  if (snapshot !== undefined) return snapshot
  throw new IcebergError('no-such-snapshot', `the table has no snapshot ${snapshotId}`, {
    context: { snapshotId, location: metadata.location },
    hint: 'It may have expired. List the snapshots that the table still has.',
  })
}

/** The ref with its retention settings changed; checked. @throws IcebergError `invalid-argument`. */
export function withRetention(name: string, ref: SnapshotRef, retention: RefRetention): SnapshotRef {
  const { unknownFields, snapshotId, type } = ref
  const pick = <T>(changed: T | null | undefined, kept: T | undefined): T | undefined =>
    changed === undefined ? kept : (changed ?? undefined)
  const minSnapshotsToKeep = pick(retention.minSnapshotsToKeep, ref.minSnapshotsToKeep)
  const maxSnapshotAgeMs = pick(retention.maxSnapshotAgeMs, ref.maxSnapshotAgeMs)
  const maxRefAgeMs = pick(retention.maxRefAgeMs, ref.maxRefAgeMs)
  const refuse = (setting: string, why: string): never => {
    throw invalidArgument(`${setting} of ${type} ${name} ${why}`, { ref: name, setting })
  }
  if (minSnapshotsToKeep !== undefined) {
    if (type === 'tag') refuse('min-snapshots-to-keep', 'is only for branches')
    if (!Number.isInteger(minSnapshotsToKeep) || minSnapshotsToKeep < 1) {
      refuse('min-snapshots-to-keep', 'is not a whole number above 0')
    }
  }
  if (maxSnapshotAgeMs !== undefined) {
    if (type === 'tag') refuse('max-snapshot-age-ms', 'is only for branches')
    if (maxSnapshotAgeMs < 1n) refuse('max-snapshot-age-ms', 'is not above 0')
  }
  if (maxRefAgeMs !== undefined) {
    if (name === mainBranch) refuse('max-ref-age-ms', 'cannot be set: main never expires')
    if (maxRefAgeMs < 1n) refuse('max-ref-age-ms', 'is not above 0')
  }
  return {
    snapshotId,
    type,
    ...(minSnapshotsToKeep === undefined ? {} : { minSnapshotsToKeep }),
    ...(maxSnapshotAgeMs === undefined ? {} : { maxSnapshotAgeMs }),
    ...(maxRefAgeMs === undefined ? {} : { maxRefAgeMs }),
    ...(unknownFields === undefined ? {} : { unknownFields }),
  }
}

/** The update that gives a name this ref. */
export function setRefUpdate(name: string, ref: SnapshotRef): TableUpdate {
  const { unknownFields: _, ...settings } = ref
  return { action: 'set-snapshot-ref', refName: name, ...settings }
}

/** That the name stands where `metadata` has it; also for a name that is not there. */
export function refUnmoved(metadata: TableMetadata, name: string): TableRequirement {
  return { type: 'assert-ref-snapshot-id', ref: name, snapshotId: findRef(metadata, name)?.snapshotId }
}

/** Why a change that was made for the ref as `base` has it cannot be made on `head`. */
export function refMoved(base: TableMetadata, head: TableMetadata, name: string): string | undefined {
  const before = findRef(base, name)?.snapshotId
  const now = findRef(head, name)?.snapshotId
  if (before === now) return undefined
  return `${name} has moved in the meantime, from snapshot ${before ?? 'none'} to ${now ?? 'none'}`
}

export function invalidArgument(message: string, context: IcebergErrorContext, hint?: string): IcebergError {
  return new IcebergError('invalid-argument', message, { context, hint })
}
