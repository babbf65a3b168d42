import { IcebergError } from '../errors.ts'
import type { JsonObject } from '../json/json-value.ts'
import type { PartitionSpec } from '../partition/partition-spec.ts'
import type { SortOrder } from '../partition/sort-order.ts'
import type { Schema } from '../schema/schema.ts'
import type { Snapshot, SnapshotRef } from './snapshot.ts'

export type FormatVersion = 1 | 2 | 3

export interface SnapshotLogEntry {
  readonly timestampMs: number
  readonly snapshotId: bigint
  /** JSON members that this version does not know, kept on rewrite. */
  readonly unknownFields?: JsonObject
}

export interface MetadataLogEntry {
  readonly timestampMs: number
  readonly metadataFile: string
  /** JSON members that this version does not know, kept on rewrite. */
  readonly unknownFields?: JsonObject
}

/**
 * A table's metadata, of any format version, in one shape: what older versions leave out is filled in as the spec says.
 *
 * @see https://iceberg.apache.org/spec/#table-metadata-fields
 */
export interface TableMetadata {
  readonly formatVersion: FormatVersion
  /** Empty for a version 1 table that has none. */
  readonly tableUuid: string
  readonly location: string
  readonly lastSequenceNumber: bigint
  readonly lastUpdatedMs: number
  readonly lastColumnId: number
  readonly schemas: readonly Schema[]
  readonly currentSchemaId: number
  readonly partitionSpecs: readonly PartitionSpec[]
  readonly defaultSpecId: number
  /** 999 while no partition field was ever assigned. */
  readonly lastPartitionId: number
  readonly sortOrders: readonly SortOrder[]
  readonly defaultSortOrderId: number
  readonly properties: Readonly<Record<string, string>>
  readonly currentSnapshotId?: bigint
  readonly snapshots: readonly Snapshot[]
  readonly snapshotLog: readonly SnapshotLogEntry[]
  readonly metadataLog: readonly MetadataLogEntry[]
  /** Always holds `main` when there is a current snapshot. */
  readonly refs: Readonly<Record<string, SnapshotRef>>
  /** Statistics entries as they stand in the JSON. */
  readonly statistics: readonly JsonObject[]
  readonly partitionStatistics: readonly JsonObject[]
  /** Format version 3. */
  readonly nextRowId?: bigint
  readonly encryptionKeys?: readonly JsonObject[]
  /** JSON members that this version does not know, kept on rewrite. */
  readonly unknownFields?: JsonObject
}

/** The schema that new data is written with. */
export function currentSchema(metadata: TableMetadata): Schema {
  return schemaById(metadata, metadata.currentSchemaId)
}

/** @throws IcebergError `malformed-metadata` when the table has no such schema. */
export function schemaById(metadata: TableMetadata, schemaId: number): Schema {
  const schema = metadata.schemas.find((candidate) => candidate.schemaId === schemaId)
  if (schema === undefined) throw missing(metadata, `schema ${schemaId}`)
  return schema
}

/** The partition spec that new data is written with. */
export function defaultSpec(metadata: TableMetadata): PartitionSpec {
  return specById(metadata, metadata.defaultSpecId)
}

/** @throws IcebergError `malformed-metadata` when the table has no such spec. */
export function specById(metadata: TableMetadata, specId: number): PartitionSpec {
  const spec = metadata.partitionSpecs.find((candidate) => candidate.specId === specId)
  if (spec === undefined) throw missing(metadata, `partition spec ${specId}`)
  return spec
}

/** The sort order that new data is written with. */
export function defaultSortOrder(metadata: TableMetadata): SortOrder {
  const order = metadata.sortOrders.find((candidate) => candidate.orderId === metadata.defaultSortOrderId)
  if (order === undefined) throw missing(metadata, `sort order ${metadata.defaultSortOrderId}`)
  return order
}

/** The current snapshot of `main`; none for a table that was never written. */
export function currentSnapshot(metadata: TableMetadata): Snapshot | undefined {
  return metadata.currentSnapshotId === undefined ? undefined : snapshotById(metadata, metadata.currentSnapshotId)
}

/** The snapshot with that id, as long as it is not expired. */
export function snapshotById(metadata: TableMetadata, snapshotId: bigint): Snapshot | undefined {
  return metadata.snapshots.find((snapshot) => snapshot.snapshotId === snapshotId)
}

/** The snapshot that a branch or tag names. */
export function snapshotByRef(metadata: TableMetadata, ref: string): Snapshot | undefined {
  const found = Object.hasOwn(metadata.refs, ref) ? metadata.refs[ref] : undefined
  return found === undefined ? undefined : snapshotById(metadata, found.snapshotId)
}

/** The snapshot and its retained ancestors, newest first; empty when the snapshot is not retained. */
export function ancestorsOf(metadata: TableMetadata, snapshotId: bigint): Snapshot[] {
  const byId = new Map(metadata.snapshots.map((snapshot) => [snapshot.snapshotId, snapshot]))
  const ancestors: Snapshot[] = []
  let next = byId.get(snapshotId)
  while (next !== undefined) {
    ancestors.push(next)
    byId.delete(next.snapshotId)
    next = next.parentSnapshotId === undefined ? undefined : byId.get(next.parentSnapshotId)
  }
  return ancestors
}

/** True when `ancestorId` is `ofId` itself or one of its retained ancestors. */
export function isAncestor(metadata: TableMetadata, ancestorId: bigint, ofId: bigint): boolean {
  return ancestorsOf(metadata, ofId).some((snapshot) => snapshot.snapshotId === ancestorId)
}

/**
 * The snapshot that was current at `timestampMs`, inclusive: the last entry of the snapshot log at or before it.
 *
 * Without a log the ancestors of the current snapshot decide. `undefined` when nothing is that old, or when the
 * snapshot of that time is expired.
 *
 * @see https://iceberg.apache.org/spec/#point-in-time-reads-time-travel
 */
export function snapshotAsOf(metadata: TableMetadata, timestampMs: number): Snapshot | undefined {
  if (metadata.snapshotLog.length === 0) {
    const current = metadata.currentSnapshotId
    if (current === undefined) return undefined
    return ancestorsOf(metadata, current).find((snapshot) => snapshot.timestampMs <= timestampMs)
  }
  let found: SnapshotLogEntry | undefined
  for (const entry of metadata.snapshotLog) {
    if (entry.timestampMs <= timestampMs && (found === undefined || entry.timestampMs >= found.timestampMs)) {
      found = entry
    }
  }
  return found === undefined ? undefined : snapshotById(metadata, found.snapshotId)
}

function missing(metadata: TableMetadata, what: string): IcebergError {
  return new IcebergError('malformed-metadata', `the metadata of table ${metadata.location} has no ${what}`, {
    context: { location: metadata.location, tableUuid: metadata.tableUuid },
    hint: 'The metadata file is damaged or was written by a faulty tool: restore an earlier metadata file.',
  })
}
