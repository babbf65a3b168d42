import type { JsonObject } from '../json/json-value.ts'
import { snapshotIdOf } from '../metadata/statistics-entry.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import type { TableUpdate } from '../metadata/table-update.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { commitMetadata, type MetadataCommitOptions, type MetadataOutcome } from './commit-metadata.ts'
import { requireSnapshot } from './refs.ts'

/** One blob of a statistics file. @see https://iceberg.apache.org/spec/#table-statistics */
export interface BlobMetadata {
  readonly type: string
  readonly snapshotId: bigint
  readonly sequenceNumber: bigint
  /** Field ids that the statistic was computed over, in order. */
  readonly fields: readonly number[]
  readonly properties?: Readonly<Record<string, string>> | undefined
}

/** A Puffin file of statistics over one snapshot. */
export interface StatisticsFile {
  readonly snapshotId: bigint
  readonly path: string
  readonly fileSizeBytes: bigint
  readonly footerSizeBytes: bigint
  /** Base64. */
  readonly keyMetadata?: string | undefined
  readonly blobs: readonly BlobMetadata[]
}

/** @see https://iceberg.apache.org/spec/#partition-statistics */
export interface PartitionStatisticsFile {
  readonly snapshotId: bigint
  readonly path: string
  readonly fileSizeBytes: bigint
}

/** Changes of statistics entries; a snapshot has at most one of each. Files are neither written nor deleted here. */
export interface StatisticsChanges {
  readonly set?: readonly StatisticsFile[] | undefined
  readonly setPartition?: readonly PartitionStatisticsFile[] | undefined
  /** Snapshot ids whose entries go; ids without one are fine. */
  readonly remove?: readonly bigint[] | undefined
  readonly removePartition?: readonly bigint[] | undefined
}

/** Registers and removes statistics files. @throws IcebergError `no-such-snapshot` for statistics over a snapshot that is gone. */
export async function updateStatistics(
  table: TableHandle,
  changes: StatisticsChanges,
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  return await commitMetadata(table, (head) => ({ updates: statisticsUpdates(head, changes) }), options)
}

function statisticsUpdates(head: TableMetadata, changes: StatisticsChanges): TableUpdate[] {
  const updates: TableUpdate[] = []
  for (const snapshotId of changes.remove ?? []) {
    if (hasEntry(head.statistics, snapshotId)) updates.push({ action: 'remove-statistics', snapshotId })
  }
  for (const snapshotId of changes.removePartition ?? []) {
    if (hasEntry(head.partitionStatistics, snapshotId)) {
      updates.push({ action: 'remove-partition-statistics', snapshotId })
    }
  }
  for (const file of changes.set ?? []) {
    const { snapshotId } = requireSnapshot(head, file)
    updates.push({ action: 'set-statistics', snapshotId, statistics: statisticsToJson(file) })
  }
  for (const file of changes.setPartition ?? []) {
    requireSnapshot(head, file)
    updates.push({ action: 'set-partition-statistics', partitionStatistics: partitionStatisticsToJson(file) })
  }
  return updates
}

function statisticsToJson(file: StatisticsFile): JsonObject {
  return {
    'snapshot-id': file.snapshotId,
    'statistics-path': file.path,
    'file-size-in-bytes': file.fileSizeBytes,
    'file-footer-size-in-bytes': file.footerSizeBytes,
    ...(file.keyMetadata === undefined ? {} : { 'key-metadata': file.keyMetadata }),
    'blob-metadata': file.blobs.map((blob) => ({
      type: blob.type,
      'snapshot-id': blob.snapshotId,
      'sequence-number': blob.sequenceNumber,
      fields: blob.fields,
      ...(blob.properties === undefined ? {} : { properties: blob.properties }),
    })),
  }
}

function partitionStatisticsToJson(file: PartitionStatisticsFile): JsonObject {
  return {
    'snapshot-id': file.snapshotId,
    'statistics-path': file.path,
    'file-size-in-bytes': file.fileSizeBytes,
  }
}

function hasEntry(entries: readonly JsonObject[], snapshotId: bigint): boolean {
  return entries.some((entry) => snapshotIdOf(entry) === snapshotId)
}
