import { snapshotById, type Snapshot, type TableMetadata } from '@icebridge/iceberg-core'
import type { AppliedPosition } from './applied-position.ts'
import { JournalError } from './errors.ts'
import { carriedPosition, historyOf, keepsRecords, removesFilesOnly } from './history.ts'
import { journalSummary } from './names.ts'
import { foreignCommit } from './resolve-head.ts'
import { rollbacksOf } from './rollbacks.ts'

/** How what lies above an applied position is found. */
export interface Located {
  /** The snapshot after which every file added holds what the target lacks; undefined when only a filtered scan is sure. */
  readonly appendsAfter: bigint | undefined
  /** Snapshots above the position that removed files, oldest first. */
  readonly removals: readonly Snapshot[]
}

/**
 * Decides by metadata alone how to read on from `position`.
 *
 * @throws {JournalError} `table-replaced`, `rolled-back`, `position-mismatch` or `foreign-commit`.
 */
export function locatePosition(
  metadata: TableMetadata,
  position: AppliedPosition,
  options: { readonly label: string; readonly sequence: bigint },
): Located {
  const { label, sequence } = options
  if (position.tableUuid.toLowerCase() !== metadata.tableUuid.toLowerCase())
    throw tableReplaced(label, position, metadata)
  const history = historyOf(metadata)
  const at = history.findIndex(({ snapshotId }) => snapshotId === position.snapshotId)
  const listed = snapshotById(metadata, position.snapshotId) !== undefined
  const inHistory = at !== -1 || history.at(-1)?.parentSnapshotId === position.snapshotId
  // Of a snapshot that is expired, only the ranges that rollbacks left say whether it may have been on another branch.
  const maybeGone = rollbacksOf(metadata).some(({ from, to }) => position.sequence >= from && position.sequence <= to)
  if ((!inHistory && (listed || maybeGone)) || position.sequence > sequence) throw rolledBack(label, position, metadata)
  const base = baseOf(history, at, position, label)
  const above = base === undefined ? history : history.slice(0, base.index)
  return {
    appendsAfter: base?.snapshotId,
    removals: strangersRefused(above, metadata, position, label),
  }
}

/** The newest state in the history, or just behind its end, that holds nothing above the position and is no older than it must be. */
function baseOf(
  history: readonly Snapshot[],
  at: number,
  position: AppliedPosition,
  label: string,
): { readonly snapshotId: bigint; readonly index: number } | undefined {
  for (let index = Math.max(at, 0); index < history.length; index += 1) {
    const snapshot = history[index]
    const carrier = history.slice(index).find((candidate) => carriedPosition(candidate) !== undefined)
    if (snapshot === undefined || carrier === undefined) break
    const carried = carriedPosition(carrier)?.sequence ?? 0n
    if (index === at && carried < position.sequence) throw mismatch(label, position, carried)
    if (carried <= position.sequence) return { snapshotId: snapshot.snapshotId, index }
  }
  // Behind the end of what is retained: the state before the oldest commit is known from that commit.
  const oldest = history.at(-1)
  const carried = oldest === undefined ? undefined : sequenceBefore(oldest)
  if (oldest?.parentSnapshotId === undefined || carried === undefined || carried > position.sequence) return undefined
  return { snapshotId: oldest.parentSnapshotId, index: history.length }
}

/** The highest `_sync_seq` before a commit of ours; undefined for anybody else's. */
function sequenceBefore(snapshot: Snapshot): bigint | undefined {
  const carried = carriedPosition(snapshot)
  if (carried === undefined) return undefined
  const from = /^(\d+)-\d+$/.exec(snapshot.summary[journalSummary.seqRange] ?? '')?.[1]
  return from === undefined ? carried.sequence : BigInt(from) - 1n
}

/** Only our appends, maintenance that keeps the records, and removals of files may stand above the position. */
function strangersRefused(
  above: readonly Snapshot[],
  metadata: TableMetadata,
  position: AppliedPosition,
  label: string,
): readonly Snapshot[] {
  const removals: Snapshot[] = []
  for (const snapshot of above.toReversed()) {
    if (carriedPosition(snapshot) !== undefined) continue
    const parent =
      snapshot.parentSnapshotId === undefined ? undefined : snapshotById(metadata, snapshot.parentSnapshotId)
    if (keepsRecords(snapshot, parent)) continue
    if (!removesFilesOnly(snapshot)) throw withReset(foreignCommit(label, snapshot), position)
    removals.push(snapshot)
  }
  return removals
}

/** How to go on when a target cannot: said by every error that stops one. */
export const resetHint =
  'To load the target anew from the journal, delete its row in icebridge.applied (and its rows, if deletes may have been missed).'

function withReset(error: JournalError, position: AppliedPosition): JournalError {
  return new JournalError(error.code, error.message, {
    hint: `${error.hint} The target stands at snapshot ${position.snapshotId} and is unchanged.`,
    context: { ...error.context, position: position.snapshotId },
  })
}

function tableReplaced(label: string, position: AppliedPosition, metadata: TableMetadata): JournalError {
  return new JournalError(
    'table-replaced',
    `journal ${label} is another table, ${metadata.tableUuid}, than the one that the target follows, ${position.tableUuid} at snapshot ${position.snapshotId}`,
    { hint: resetHint, context: { table: label, position: position.snapshotId, tableUuid: metadata.tableUuid } },
  )
}

function rolledBack(label: string, position: AppliedPosition, metadata: TableMetadata): JournalError {
  return new JournalError(
    'rolled-back',
    `journal ${label} was rolled back behind snapshot ${position.snapshotId} (_sync_seq ${position.sequence}), which the target has applied; its head is ${metadata.currentSnapshotId ?? 'empty'}`,
    {
      hint: `Roll the journal forward again, or accept its present state: ${resetHint}`,
      context: { table: label, position: position.snapshotId, sequence: position.sequence },
    },
  )
}

function mismatch(label: string, position: AppliedPosition, carried: bigint): JournalError {
  return new JournalError(
    'position-mismatch',
    `journal ${label} ends at _sync_seq ${carried} in snapshot ${position.snapshotId}, but the target says it has ${position.sequence} of it`,
    {
      hint: `The row in icebridge.applied was changed by hand. ${resetHint}`,
      context: { table: label, position: position.snapshotId },
    },
  )
}
