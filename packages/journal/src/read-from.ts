import { planIncrementalAppends, planScan, gt, type TableHandle } from '@icebridge/iceberg-core'
import type { AppliedPosition } from './applied-position.ts'
import { lacksLoad, newestCompletedLoad } from './completed-load.ts'
import { JournalError } from './errors.ts'
import { historyOf, removesFilesOnly } from './history.ts'
import type { JournalColumn } from './journal-column.ts'
import type { JournalHead } from './journal-head.ts'
import type { JournalRead } from './journal-read.ts'
import { rowsAbove, sequencedFiles, type SequencedFile } from './live-files.ts'
import { locatePosition } from './locate-position.ts'
import { SYNC_OP, SYNC_SEQ } from './names.ts'
import { UnitReader } from './unit-reader.ts'

export interface ReadOptions {
  /** Bookkeeping columns to read besides `_sync_seq` and `_sync_op`. */
  readonly bookkeeping?: readonly string[] | undefined
  /** Rows in a batch at most; the reader's default when absent. */
  readonly batchRows?: number | undefined
  /** Ends the read and its streams with an error. */
  readonly signal?: AbortSignal | undefined
}

/** A journal in a given state. */
export interface ReadableJournal {
  readonly table: TableHandle
  readonly label: string
  readonly head: JournalHead
  readonly columns: readonly JournalColumn[]
  readonly timeColumns: ReadonlySet<string>
}

/** Decides what to read for a target at `position`, and plans it. Reads metadata only. */
export async function readFrom(
  journal: ReadableJournal,
  position: AppliedPosition | undefined,
  options: ReadOptions,
): Promise<JournalRead> {
  const { table, label, head } = journal
  const { metadata } = table.loaded
  const { signal } = options
  const newest = newestCompletedLoad(metadata, head.sequence)
  const load =
    newest !== undefined && (position === undefined || lacksLoad(metadata, position, newest)) ? newest : undefined
  // A load has every row that there was: a target that has nothing needs nothing from before it.
  const from = position?.sequence ?? (load === undefined ? 0n : load.sequence.from - 1n)
  const located =
    position === undefined ? undefined : locatePosition(metadata, position, { label, sequence: head.sequence })
  const rows = head.sequence - from
  let scan: JournalRead['scan'] = 'none'
  let files: readonly SequencedFile[] = []
  if (rows > 0n && head.snapshotId !== undefined) {
    const filter = gt(SYNC_SEQ, from)
    if (located?.appendsAfter !== undefined && located.removals.length === 0) {
      scan = 'incremental'
      const range = { fromExclusive: located.appendsAfter, toInclusive: head.snapshotId }
      files = await sequencedFiles(table, planIncrementalAppends(table, { ...range, filter, signal }))
    } else {
      scan = position === undefined ? 'whole' : 'filtered'
      files = await sequencedFiles(table, planScan(table, { ...(from === 0n ? {} : { filter }), signal }))
    }
  }
  const counted = rowsAbove(files, from)
  if (counted !== undefined && counted !== rows) throw recordsRemoved(journal, from, rows, counted)
  return new UnitReader({
    table,
    head,
    position,
    applied: from,
    load,
    scan,
    files,
    columns: [SYNC_SEQ, SYNC_OP, ...(options.bookkeeping ?? []), ...sourceColumns(journal.columns)],
    timeColumns: journal.timeColumns,
    batchRows: options.batchRows,
    signal,
    companions: new Map(journal.columns.map(({ name, companions }) => [name, companions.map((each) => each.name)])),
    removed: (expected, found, above) => recordsRemoved(journal, above, expected, found),
  })
}

/** Current columns in the source's order, then their companions. */
function sourceColumns(columns: readonly JournalColumn[]): readonly string[] {
  const current = columns
    .filter(({ dropped, retired }) => !dropped && !retired)
    .toSorted((a, b) => a.definition.ordinal - b.definition.ordinal)
  return [
    ...current.map(({ name }) => name),
    ...current.flatMap(({ companions }) => companions.map(({ name }) => name)),
  ]
}

/** Numbers have no gaps, so rows that are not there were taken away. */
function recordsRemoved(
  { table, label, head }: ReadableJournal,
  above: bigint,
  expected: bigint,
  found: bigint,
): JournalError {
  const removal = historyOf(table.loaded.metadata).find(removesFilesOnly)
  const by = removal === undefined ? '' : `; snapshot ${removal.snapshotId} removed files`
  return new JournalError(
    'records-removed',
    `journal ${label} holds ${found} row versions above _sync_seq ${above} at snapshot ${head.snapshotId}, where there were ${expected}${by}`,
    {
      hint:
        removal === undefined
          ? 'Roll the journal back to a snapshot that has the rows, or load it anew from the source.'
          : `Row versions that the target lacks were deleted. Roll main back to snapshot ${removal.parentSnapshotId ?? 'none'}, or load the journal anew from the source.`,
      context: { table: label, snapshotId: removal?.snapshotId ?? head.snapshotId, expected, found },
    },
  )
}
