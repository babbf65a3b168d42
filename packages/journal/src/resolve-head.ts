import { snapshotById, type Snapshot, type TableMetadata } from '@icebridge/iceberg-core'
import { JournalError } from './errors.ts'
import { carriedPosition, historyOf, keepsRecords, removesFilesOnly } from './history.ts'
import type { JournalHead } from './journal-head.ts'
import { journalProperty } from './names.ts'
import { parsePosition, type RecordedPosition } from './position-json.ts'

/**
 * What metadata alone says about where a journal stands.
 *
 * `unproven`: the commit that the property names is expired, and with it whatever could contradict it. The head holds only if
 * its sequence is the highest `_sync_seq` of the live files.
 */
export interface ResolvedHead {
  readonly proof: 'history' | 'unproven'
  readonly head: JournalHead
}

/**
 * Reads the head from metadata. Total: each state of property and history has its line in SPEC.md.
 *
 * @throws {JournalError} `foreign-commit`, `position-lost` or `not-a-journal`.
 */
export function resolveHead(metadata: TableMetadata, label: string): ResolvedHead {
  const text = metadata.properties[journalProperty.position]
  const recorded = text === undefined ? undefined : parsePosition(text)
  const history = historyOf(metadata)
  const at = history.findIndex((snapshot) => carriedPosition(snapshot) !== undefined)
  const newest = history[at]
  const carried = newest === undefined ? undefined : carriedPosition(newest)
  const listed = recorded !== undefined && snapshotById(metadata, recorded.snapshotId) !== undefined
  const inHistory = recorded !== undefined && history.some(({ snapshotId }) => snapshotId === recorded.snapshotId)

  if (recorded !== undefined && !listed) {
    // Expired. Any commit of ours that is still in the history is older than the recorded one, or somebody meddled.
    if (carried !== undefined && carried.sequence > recorded.sequence) throw positionLost(label, recorded)
    if (history.length === 0) throw positionLost(label, recorded)
    refuseForeign(carried === undefined ? history : history.slice(0, at), metadata, label)
    return { proof: 'unproven', head: headOf(metadata, recorded, undefined) }
  }
  if (carried === undefined) {
    // Commits of ours may have stood where the history is cut off.
    if (history.at(-1)?.parentSnapshotId !== undefined) throw positionLost(label, recorded)
    refuseForeign(history, metadata, label)
    const rolledBackFrom = recorded !== undefined && !inHistory ? recorded.snapshotId : undefined
    return { proof: 'history', head: headOf(metadata, undefined, rolledBackFrom) }
  }
  refuseForeign(history.slice(0, at), metadata, label)
  const rolledBackFrom = recorded !== undefined && !inHistory ? recorded.snapshotId : undefined
  return { proof: 'history', head: headOf(metadata, carried, rolledBackFrom) }
}

/** The error for a position that nothing in the table proves. */
export function positionLost(
  label: string,
  recorded: Pick<RecordedPosition, 'snapshotId' | 'sequence'> | undefined,
): JournalError {
  if (recorded === undefined) {
    return new JournalError('position-lost', `journal ${label}: no commit of icebridge is left in its history`, {
      hint: `Restore the table property ${journalProperty.position} from an earlier metadata file of the table, or drop the journal and load it anew.`,
      context: { table: label },
    })
  }
  return new JournalError(
    'position-lost',
    `journal ${label}: the commit ${recorded.snapshotId} that its watermark stands in is no longer in the history, and nothing proves that its _sync_seq ${recorded.sequence} is still the highest`,
    {
      hint: `The table was rolled back before snapshots were expired, or files were removed. Roll it forward again, or remove the table property ${journalProperty.position}: the newest commit of icebridge in the history then counts. Reset the targets that had applied more than that (their rows in icebridge.applied).`,
      context: { table: label, snapshotId: recorded.snapshotId, sequence: recorded.sequence },
    },
  )
}

/** The error for a snapshot that somebody else committed. */
export function foreignCommit(label: string, snapshot: Snapshot): JournalError {
  const by = snapshot.summary['engine-name'] ?? snapshot.summary['spark.app.id']
  return new JournalError(
    'foreign-commit',
    `journal ${label}: snapshot ${snapshot.snapshotId} (${snapshot.operation} of ${new Date(snapshot.timestampMs).toISOString()}${by === undefined ? '' : ` by ${by}`}) was not made by icebridge and changes rows`,
    {
      hint: `A journal has one writer. Roll main back to snapshot ${snapshot.parentSnapshotId ?? 'none'}, the one before it, and keep rows of your own in a table of their own.`,
      context: { table: label, snapshotId: snapshot.snapshotId, operation: snapshot.operation },
    },
  )
}

/** Every snapshot of `above`, newest first, must be maintenance. Files removed by retention are for the targets to judge. */
function refuseForeign(above: readonly Snapshot[], metadata: TableMetadata, label: string): void {
  for (const snapshot of above.toReversed()) {
    const parent =
      snapshot.parentSnapshotId === undefined ? undefined : snapshotById(metadata, snapshot.parentSnapshotId)
    if (!keepsRecords(snapshot, parent) && !removesFilesOnly(snapshot)) throw foreignCommit(label, snapshot)
  }
}

function headOf(
  metadata: TableMetadata,
  position: RecordedPosition | undefined,
  rolledBackFrom: bigint | undefined,
): JournalHead {
  return {
    tableUuid: metadata.tableUuid,
    watermark: position?.watermark,
    strategy: position?.strategy,
    sequence: position?.sequence ?? 0n,
    snapshotId: metadata.currentSnapshotId,
    carriedBy: position?.snapshotId,
    lastCommitAtMs: position?.committedAtMs,
    firstLoad: position?.firstLoad,
    rolledBackFrom,
  }
}
