import { ancestorsOf, type Snapshot, type TableMetadata } from '@icebridge/iceberg-core'
import { journalSummary } from './names.ts'
import { parseChunk, type RecordedPosition } from './position-json.ts'

/** The current snapshot of `main` and its retained ancestors, newest first. */
export function historyOf(metadata: TableMetadata): readonly Snapshot[] {
  return metadata.currentSnapshotId === undefined ? [] : ancestorsOf(metadata, metadata.currentSnapshotId)
}

/**
 * What a commit of icebridge recorded in its summary; undefined for a snapshot of anybody else.
 *
 * A commit within an unfinished first load has no watermark of its own, and neither has one that goes on from such a state.
 */
export function carriedPosition(snapshot: Snapshot): RecordedPosition | undefined {
  const { summary } = snapshot
  const sequence = summary[journalSummary.sequence]
  if (snapshot.operation !== 'append' || summary[journalSummary.batchId] === undefined) return undefined
  if (sequence === undefined || !/^\d{1,19}$/.test(sequence)) return undefined
  const loadId = summary[journalSummary.loadId]
  const handover = summary[journalSummary.loadHandover]
  const from = summary[journalSummary.loadFrom]
  const chunk = parseChunk(summary[journalSummary.loadChunk] ?? '')
  return {
    watermark: summary[journalSummary.watermark],
    strategy: summary[journalSummary.strategy],
    sequence: BigInt(sequence),
    snapshotId: snapshot.snapshotId,
    committedAtMs: snapshot.timestampMs,
    firstLoad:
      loadId === undefined || handover === undefined || chunk === undefined
        ? undefined
        : {
            loadId,
            handover,
            ...chunk,
            cursor: summary[journalSummary.loadCursor],
            complete: chunk.chunk === chunk.chunks,
            from: from !== undefined && /^\d{1,19}$/.test(from) ? BigInt(from) : undefined,
          },
  }
}

/**
 * Whether a foreign snapshot is maintenance that leaves the rows alone: a `replace` that adds as many records as it removes.
 *
 * Counters that are absent are zero, as in Iceberg's own summaries. `parent` is looked at as well while it is retained.
 * @see https://iceberg.apache.org/spec/#optional-snapshot-summary-fields
 */
export function keepsRecords(snapshot: Snapshot, parent: Snapshot | undefined): boolean {
  if (snapshot.operation !== 'replace' || addsDeletes(snapshot)) return false
  const count = (name: string): string => snapshot.summary[name] ?? '0'
  if (count('added-records') !== count('deleted-records')) return false
  const before = parent?.summary['total-records']
  const after = snapshot.summary['total-records']
  return before === undefined || after === undefined || before === after
}

/** Whether a foreign snapshot only removes whole data files. */
export function removesFilesOnly(snapshot: Snapshot): boolean {
  const { summary, operation } = snapshot
  return operation === 'delete' && !addsDeletes(snapshot) && (summary['added-data-files'] ?? '0') === '0'
}

/** The snapshot that brought a batch, in the whole table, on whatever branch. */
export function snapshotOfBatch(metadata: TableMetadata, batchId: string): Snapshot | undefined {
  return metadata.snapshots.find((snapshot) => snapshot.summary[journalSummary.batchId] === batchId)
}

function addsDeletes({ summary }: Snapshot): boolean {
  return ['added-delete-files', 'added-position-deletes', 'added-equality-deletes'].some(
    (name) => (summary[name] ?? '0') !== '0',
  )
}
