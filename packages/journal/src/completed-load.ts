import { snapshotById, type TableMetadata } from '@icebridge/iceberg-core'
import type { AppliedPosition } from './applied-position.ts'
import { isRecord } from './columns-json.ts'
import { JournalError } from './errors.ts'
import { carriedPosition, historyOf } from './history.ts'
import type { FirstLoad } from './journal-head.ts'
import { journalProperty } from './names.ts'
import { rollbacksOf } from './rollbacks.ts'

/** A load whose last chunk is in the journal: between its bounds stand the rows that the source had, and nothing else. */
export interface CompletedLoad {
  readonly loadId: string
  /** The `_sync_seq` of its rows, both inclusive. For a load without rows `to` is `from - 1`. */
  readonly sequence: { readonly from: bigint; readonly to: bigint }
  /** The commit of its last chunk; it may be expired. */
  readonly snapshotId: bigint
}

/** The property that the last chunk of a load sets, so that the load is known when its commits are expired. */
export function completedLoadProperty(
  load: FirstLoad | undefined,
  commit: { readonly sequence: bigint; readonly snapshotId: bigint },
): Readonly<Record<string, string>> {
  if (load?.complete !== true || load.from === undefined) return {}
  return {
    [journalProperty.load]: JSON.stringify({
      id: load.loadId,
      from: String(load.from),
      to: String(commit.sequence),
      snapshotId: String(commit.snapshotId),
    }),
  }
}

/**
 * The newest load that is complete; undefined when there is none, or none that is proved: the property holds when its commit is
 * in the history, or is expired and no rollback can have taken it out. Else the summaries of the history tell.
 *
 * @throws {JournalError} `not-a-journal` when the property is damaged.
 */
export function newestCompletedLoad(metadata: TableMetadata, headSequence: bigint): CompletedLoad | undefined {
  const history = historyOf(metadata)
  const text = metadata.properties[journalProperty.load]
  if (text !== undefined) {
    const load = parseLoad(text)
    if (history.some(({ snapshotId }) => snapshotId === load.snapshotId)) return load
    const { to } = load.sequence
    const expired = snapshotById(metadata, load.snapshotId) === undefined
    const maybeGone = rollbacksOf(metadata).some((range) => to >= range.from && to <= range.to)
    if (expired && to <= headSequence && !maybeGone) return load
  }
  for (const snapshot of history) {
    const carried = carriedPosition(snapshot)
    const load = carried?.firstLoad
    if (carried === undefined || load?.complete !== true || load.from === undefined) continue
    const sequence = { from: load.from, to: carried.sequence }
    return { loadId: load.loadId, sequence, snapshotId: snapshot.snapshotId }
  }
  return undefined
}

/**
 * Whether a target at `position` still lacks the load, or its end. A target that stands at the last row may have read it before
 * the load was complete: then its snapshot is older than the load's. Unsure counts as lacking, since a load may be ended twice.
 */
export function lacksLoad(metadata: TableMetadata, position: AppliedPosition, load: CompletedLoad): boolean {
  if (position.sequence !== load.sequence.to) return position.sequence < load.sequence.to
  const ids = historyOf(metadata).map(({ snapshotId }) => snapshotId)
  const at = ids.indexOf(position.snapshotId)
  if (at === -1) return true
  const loaded = ids.indexOf(load.snapshotId)
  return loaded !== -1 && at > loaded
}

function parseLoad(text: string): CompletedLoad {
  try {
    const value: unknown = JSON.parse(text)
    if (!isRecord(value)) throw new TypeError('it is no object')
    const { id, from, to, snapshotId } = value
    if (typeof id !== 'string' || typeof from !== 'string' || typeof to !== 'string')
      throw new TypeError('id, from and to are not all there')
    if (typeof snapshotId !== 'string') throw new TypeError('it has no snapshotId')
    return { loadId: id, sequence: { from: BigInt(from), to: BigInt(to) }, snapshotId: BigInt(snapshotId) }
  } catch (cause) {
    throw new JournalError('not-a-journal', `the table property ${journalProperty.load} cannot be read`, {
      hint: `Remove the property ${journalProperty.load}: the commits of the history then tell what was loaded.`,
      cause,
    })
  }
}
