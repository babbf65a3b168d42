import { snapshotById, type TableMetadata } from '@icebridge/iceberg-core'
import { isJournalError } from './errors.ts'
import { historyOf, keepsRecords, snapshotOfBatch } from './history.ts'
import type { JournalHead } from './journal-head.ts'
import { journalProperty } from './names.ts'
import { resolveHead } from './resolve-head.ts'

/** What a batch was built on. */
export interface BatchBase {
  readonly head: JournalHead
  /** The table that its files were written for. */
  readonly metadata: TableMetadata
  readonly batchId: string
  readonly label: string
}

/**
 * The commit rule: why a batch may not be committed on `metadata`, or undefined when it may.
 *
 * The head's watermark and highest `_sync_seq` are the ones the batch was built on, and nothing but maintenance that keeps
 * the records came after the snapshot it was built on.
 */
export function refusal(metadata: TableMetadata, base: BatchBase): string | undefined {
  const { head } = base
  if (metadata.tableUuid !== head.tableUuid) return `the table was replaced by another, ${metadata.tableUuid}`
  if (snapshotOfBatch(metadata, base.batchId) !== undefined) return `batch ${base.batchId} is committed already`
  if (metadata.currentSchemaId !== base.metadata.currentSchemaId) {
    return `the schema changed from ${base.metadata.currentSchemaId} to ${metadata.currentSchemaId}`
  }
  // A column that the source dropped and has again needs no new schema.
  if (metadata.properties[journalProperty.columns] !== base.metadata.properties[journalProperty.columns]) {
    return 'the recorded columns changed'
  }
  const moved = movedSince(metadata, head.snapshotId)
  if (moved !== undefined) return moved
  let now: JournalHead
  try {
    now = resolveHead(metadata, base.label).head
  } catch (error) {
    // The run that starts again from the new head meets the same error and reports it.
    if (isJournalError(error)) return error.message
    throw error
  }
  if (now.watermark !== head.watermark || now.strategy !== head.strategy) {
    return `the watermark moved from ${head.watermark ?? 'none'} to ${now.watermark ?? 'none'}`
  }
  if (now.sequence !== head.sequence) return `the highest _sync_seq moved from ${head.sequence} to ${now.sequence}`
  if (now.firstLoad?.loadId !== head.firstLoad?.loadId || now.firstLoad?.chunk !== head.firstLoad?.chunk) {
    return 'the first load moved on'
  }
  return undefined
}

function movedSince(metadata: TableMetadata, snapshotId: bigint | undefined): string | undefined {
  const history = historyOf(metadata)
  const at = snapshotId === undefined ? history.length : history.findIndex((s) => s.snapshotId === snapshotId)
  if (at === -1) return `snapshot ${snapshotId} is no longer in the history`
  for (const snapshot of history.slice(0, at)) {
    const parent =
      snapshot.parentSnapshotId === undefined ? undefined : snapshotById(metadata, snapshot.parentSnapshotId)
    if (!keepsRecords(snapshot, parent)) return `snapshot ${snapshot.snapshotId} (${snapshot.operation}) was committed`
  }
  return undefined
}
