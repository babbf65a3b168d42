import { IcebergError } from '../errors.ts'
import { mainBranch } from '../metadata/snapshot.ts'
import { ancestorsOf, snapshotById, type TableMetadata } from '../metadata/table-metadata.ts'

/** What to expire. With snapshot ids alone, only those; else by age, as the table and its branches and tags say. */
export interface ExpirySelection {
  /** Snapshots made before this time may go. By default `history.expire.max-snapshot-age-ms` ago, five days. */
  readonly olderThanMs?: number | undefined
  /** Snapshots of each branch that stay, whatever their age. By default `history.expire.min-snapshots-to-keep`, 1. */
  readonly retainLast?: number | undefined
  /** Go whatever their age. Ids that the table does not have are fine. */
  readonly snapshotIds?: readonly bigint[] | undefined
}

/** What is to go, of one state of a table. */
export interface Expiry {
  readonly refs: readonly string[]
  readonly snapshotIds: readonly bigint[]
}

const fiveDaysMs = 432_000_000

/**
 * Applies the retention policy. Branches and tags other than `main` go when their snapshot is older than their
 * `max-ref-age-ms`. What other branches and tags name stays, and so do the ancestors of a branch that are young enough or
 * among its first `min-snapshots-to-keep`. A snapshot that no branch holds, as a staged one, goes by its age alone.
 *
 * @throws IcebergError `invalid-argument` for an id that a branch or tag names, or settings that make no sense.
 * @see https://iceberg.apache.org/spec/#snapshot-retention-policy
 */
export function expiryOf(metadata: TableMetadata, selection: ExpirySelection, nowMs: number): Expiry {
  const explicit = new Set(selection.snapshotIds ?? [])
  for (const [name, ref] of Object.entries(metadata.refs)) {
    if (explicit.has(ref.snapshotId)) {
      throw new IcebergError(
        'invalid-argument',
        `snapshot ${ref.snapshotId} cannot expire: ${ref.type} ${name} names it`,
        {
          context: { snapshotId: ref.snapshotId, ref: name },
          hint: 'Move or remove the branch or tag first.',
        },
      )
    }
  }
  const byAge =
    selection.snapshotIds === undefined || selection.olderThanMs !== undefined || selection.retainLast !== undefined
  const refs = byAge ? expiredRefs(metadata, nowMs) : []
  const retained = byAge ? retainedSnapshots(metadata, selection, { nowMs, refs: new Set(refs) }) : undefined
  const snapshotIds = metadata.snapshots
    .map((snapshot) => snapshot.snapshotId)
    .filter((id) => explicit.has(id) || (retained !== undefined && !retained.has(id)))
  return { refs, snapshotIds }
}

function expiredRefs(metadata: TableMetadata, nowMs: number): string[] {
  const tableAgeMs = numberOf(metadata, 'history.expire.max-ref-age-ms')
  return Object.entries(metadata.refs)
    .filter(([name, ref]) => {
      if (name === mainBranch) return false
      const snapshot = snapshotById(metadata, ref.snapshotId)
      const maxAgeMs = ref.maxRefAgeMs === undefined ? tableAgeMs : Number(ref.maxRefAgeMs)
      // A name without a snapshot names nothing.
      return snapshot === undefined || (maxAgeMs !== undefined && nowMs - snapshot.timestampMs > maxAgeMs)
    })
    .map(([name]) => name)
}

function retainedSnapshots(
  metadata: TableMetadata,
  selection: ExpirySelection,
  state: { readonly nowMs: number; readonly refs: ReadonlySet<string> },
): ReadonlySet<bigint> {
  const { retainLast = numberOf(metadata, 'history.expire.min-snapshots-to-keep') ?? 1 } = selection
  const maxAgeMs = numberOf(metadata, 'history.expire.max-snapshot-age-ms') ?? fiveDaysMs
  const olderThanMs = selection.olderThanMs ?? state.nowMs - maxAgeMs
  if (!Number.isInteger(retainLast) || retainLast < 1) {
    throw new IcebergError('invalid-argument', `${retainLast} is no number of snapshots to keep: it is 1 or more`, {
      context: { retainLast },
    })
  }
  if (!Number.isFinite(olderThanMs)) {
    throw new IcebergError('invalid-argument', `${olderThanMs} is no time to expire by`, { context: { olderThanMs } })
  }
  const retained = new Set<bigint>()
  const referenced = new Set<bigint>()
  for (const [name, ref] of Object.entries(metadata.refs)) {
    if (state.refs.has(name)) continue
    retained.add(ref.snapshotId)
    referenced.add(ref.snapshotId)
    if (ref.type === 'tag') continue
    const keep = ref.minSnapshotsToKeep ?? retainLast
    const cutoffMs = ref.maxSnapshotAgeMs === undefined ? olderThanMs : state.nowMs - Number(ref.maxSnapshotAgeMs)
    let open = true
    for (const [index, snapshot] of ancestorsOf(metadata, ref.snapshotId).entries()) {
      referenced.add(snapshot.snapshotId)
      open = open && (index < keep || snapshot.timestampMs >= cutoffMs)
      if (open) retained.add(snapshot.snapshotId)
    }
  }
  for (const { snapshotId, timestampMs } of metadata.snapshots) {
    if (!referenced.has(snapshotId) && timestampMs >= olderThanMs) retained.add(snapshotId)
  }
  return retained
}

/** A table property that is a number; `undefined` when it is absent. @throws IcebergError `invalid-argument`. */
function numberOf(metadata: TableMetadata, property: string): number | undefined {
  const text = metadata.properties[property]
  if (text === undefined) return undefined
  if (/^\d+$/.test(text.trim())) return Number(text)
  throw new IcebergError('invalid-argument', `table property ${property} is ${text}, which is no number`, {
    context: { property, location: metadata.location },
    hint: 'Correct the property with updateProperties. Nothing expires by a setting that is not understood.',
  })
}
