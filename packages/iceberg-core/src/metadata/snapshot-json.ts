import type { JsonFields } from '../json/json-fields.ts'
import type { JsonObject } from '../json/json-value.ts'
import type { Snapshot, SnapshotRef } from './snapshot.ts'
import type { FormatVersion } from './table-metadata.ts'

/** @see https://iceberg.apache.org/spec/#table-metadata-and-snapshots */
export function snapshotToJson(snapshot: Snapshot, formatVersion: FormatVersion): JsonObject {
  return {
    ...(formatVersion === 1 ? {} : { 'sequence-number': snapshot.sequenceNumber }),
    'snapshot-id': snapshot.snapshotId,
    ...(snapshot.parentSnapshotId === undefined ? {} : { 'parent-snapshot-id': snapshot.parentSnapshotId }),
    'timestamp-ms': snapshot.timestampMs,
    ...(Object.keys(snapshot.summary).length === 0 ? {} : { summary: snapshot.summary }),
    ...(snapshot.manifests === undefined
      ? { 'manifest-list': snapshot.manifestList }
      : { manifests: snapshot.manifests }),
    ...(snapshot.schemaId === undefined ? {} : { 'schema-id': snapshot.schemaId }),
    ...(snapshot.firstRowId === undefined ? {} : { 'first-row-id': snapshot.firstRowId }),
    ...(snapshot.addedRows === undefined ? {} : { 'added-rows': snapshot.addedRows }),
    ...(snapshot.keyId === undefined ? {} : { 'key-id': snapshot.keyId }),
    ...snapshot.unknownFields,
  }
}

export function snapshotFromJson(fields: JsonFields): Snapshot {
  const parentSnapshotId = fields.optionalLong('parent-snapshot-id')
  const schemaId = fields.optionalInt('schema-id')
  const firstRowId = fields.optionalLong('first-row-id')
  const addedRows = fields.optionalLong('added-rows')
  const keyId = fields.optionalString('key-id')
  const summary = fields.has('summary') ? fields.stringMap('summary') : {}
  const manifestList = fields.optionalString('manifest-list')
  const manifests = fields.has('manifests') ? fields.strings('manifests') : undefined
  if (manifestList === undefined && manifests === undefined) throw fields.malformed('manifest-list', 'a string')
  return {
    snapshotId: fields.long('snapshot-id'),
    ...(parentSnapshotId === undefined || parentSnapshotId === -1n ? {} : { parentSnapshotId }),
    sequenceNumber: fields.optionalLong('sequence-number') ?? 0n,
    timestampMs: fields.safeInteger('timestamp-ms'),
    manifestList: manifestList ?? '',
    ...(manifestList === undefined && manifests !== undefined ? { manifests } : {}),
    summary,
    operation: summary['operation'] ?? 'unknown',
    ...(schemaId === undefined ? {} : { schemaId }),
    ...(firstRowId === undefined ? {} : { firstRowId }),
    ...(addedRows === undefined ? {} : { addedRows }),
    ...(keyId === undefined ? {} : { keyId }),
    ...fields.unknown(),
  }
}

/** @see https://iceberg.apache.org/spec/#snapshot-references */
export function snapshotRefToJson(ref: SnapshotRef): JsonObject {
  return {
    'snapshot-id': ref.snapshotId,
    type: ref.type,
    ...(ref.minSnapshotsToKeep === undefined ? {} : { 'min-snapshots-to-keep': ref.minSnapshotsToKeep }),
    ...(ref.maxSnapshotAgeMs === undefined ? {} : { 'max-snapshot-age-ms': ref.maxSnapshotAgeMs }),
    ...(ref.maxRefAgeMs === undefined ? {} : { 'max-ref-age-ms': ref.maxRefAgeMs }),
    ...ref.unknownFields,
  }
}

export function snapshotRefFromJson(fields: JsonFields): SnapshotRef {
  const type = fields.string('type').toLowerCase()
  if (type !== 'branch' && type !== 'tag') throw fields.malformed('type', 'branch or tag')
  const minSnapshotsToKeep = fields.optionalInt('min-snapshots-to-keep')
  const maxSnapshotAgeMs = fields.optionalLong('max-snapshot-age-ms')
  const maxRefAgeMs = fields.optionalLong('max-ref-age-ms')
  return {
    snapshotId: fields.long('snapshot-id'),
    type,
    ...(minSnapshotsToKeep === undefined ? {} : { minSnapshotsToKeep }),
    ...(maxSnapshotAgeMs === undefined ? {} : { maxSnapshotAgeMs }),
    ...(maxRefAgeMs === undefined ? {} : { maxRefAgeMs }),
    ...fields.unknown(),
  }
}
