import { IcebergError } from '../errors.ts'
import { specsEquivalent } from '../partition/partition-spec.ts'
import { sortOrdersEquivalent } from '../partition/sort-order.ts'
import { highestFieldId, type Schema } from '../schema/schema.ts'
import { validateSchema } from '../schema/validate-schema.ts'
import type { JsonObject } from '../json/json-value.ts'
import { stringifyJsonLossless } from '../json/lossless-json.ts'
import { schemaToJson } from '../schema/schema-json.ts'
import { checkOrder, checkSpec } from './create-table-metadata.ts'
import { mainBranch, type Snapshot, type SnapshotRef } from './snapshot.ts'
import { snapshotIdOf } from './statistics-entry.ts'
import { currentSchema, type SnapshotLogEntry, type TableMetadata } from './table-metadata.ts'
import type { TableUpdate } from './table-update.ts'

/** Table property: how many earlier metadata files the metadata log names. */
export const previousVersionsMaxProperty = 'write.metadata.previous-versions-max'
const defaultPreviousVersionsMax = 100

export interface ApplyOptions {
  readonly nowMs: number
  /** Location of the file that holds `metadata`; it goes to the metadata log. Absent while a table is created. */
  readonly metadataLocation?: string | undefined
}

/**
 * The metadata after the updates, all of them or an error; `metadata` itself stays as it is.
 *
 * `lastUpdatedMs` never goes back, even if the clock does: readers refuse logs that are out of order.
 *
 * @throws IcebergError `invalid-argument` for an update that cannot be applied to this table, `conflict` for the removal
 * of a snapshot that a branch or tag names and for a snapshot whose sequence number or first row id another commit has
 * taken, `invalid-schema`, `unsupported-transform`, `unsupported-format-version`.
 */
export function applyUpdates(
  metadata: TableMetadata,
  updates: readonly TableUpdate[],
  options: ApplyOptions,
): TableMetadata {
  const state: State = {
    metadata: { ...metadata, lastUpdatedMs: Math.max(options.nowMs, metadata.lastUpdatedMs) },
    added: {},
    addedSnapshots: new Set(),
    removedSnapshots: false,
  }
  for (const update of updates) state.metadata = applyUpdate(state, update)
  const result = {
    ...state.metadata,
    snapshotLog: correctedSnapshotLog(state),
    metadataLog: extendedMetadataLog(metadata, state.metadata, options.metadataLocation),
  }
  if (result.formatVersion > 1 && result.tableUuid === '') {
    throw invalid('a table of format version 2 or 3 needs a uuid', 'Add an assign-uuid update to the commit.')
  }
  return result
}

interface State {
  metadata: TableMetadata
  /** What -1 refers to. */
  added: { schemaId?: number; specId?: number; sortOrderId?: number }
  readonly addedSnapshots: Set<bigint>
  removedSnapshots: boolean
}

function applyUpdate(state: State, update: TableUpdate): TableMetadata {
  const { metadata } = state
  switch (update.action) {
    case 'assign-uuid':
      if (metadata.tableUuid !== '' && metadata.tableUuid.toLowerCase() !== update.uuid.toLowerCase()) {
        throw invalid(`the table's uuid is ${metadata.tableUuid} and cannot be changed to ${update.uuid}`)
      }
      return { ...metadata, tableUuid: update.uuid }
    case 'upgrade-format-version':
      return upgradeFormatVersion(metadata, update.formatVersion)
    case 'add-schema':
      return addSchema(state, update.schema)
    case 'set-current-schema': {
      const currentSchemaId = update.schemaId === -1 ? state.added.schemaId : update.schemaId
      if (!metadata.schemas.some((schema) => schema.schemaId === currentSchemaId))
        throw unknownId('schema', currentSchemaId)
      return { ...metadata, currentSchemaId: currentSchemaId ?? 0 }
    }
    case 'add-spec': {
      const existing = metadata.partitionSpecs.find((spec) => specsEquivalent(spec, update.spec))
      state.added.specId = existing?.specId ?? nextId(metadata.partitionSpecs.map((spec) => spec.specId))
      if (existing !== undefined) return metadata
      checkSpec(update.spec, currentSchema(metadata))
      return {
        ...metadata,
        partitionSpecs: [...metadata.partitionSpecs, { ...update.spec, specId: state.added.specId }],
        lastPartitionId: Math.max(metadata.lastPartitionId, ...update.spec.fields.map((field) => field.fieldId)),
      }
    }
    case 'set-default-spec': {
      const defaultSpecId = update.specId === -1 ? state.added.specId : update.specId
      if (!metadata.partitionSpecs.some((spec) => spec.specId === defaultSpecId)) {
        throw unknownId('partition spec', defaultSpecId)
      }
      return { ...metadata, defaultSpecId: defaultSpecId ?? 0 }
    }
    case 'add-sort-order': {
      const existing = metadata.sortOrders.find((order) => sortOrdersEquivalent(order, update.sortOrder))
      const unsortedOrder = update.sortOrder.fields.length === 0
      state.added.sortOrderId =
        existing?.orderId ?? (unsortedOrder ? 0 : nextId([0, ...metadata.sortOrders.map((order) => order.orderId)]))
      if (existing !== undefined) return metadata
      checkOrder(update.sortOrder, currentSchema(metadata))
      return {
        ...metadata,
        sortOrders: [...metadata.sortOrders, { ...update.sortOrder, orderId: state.added.sortOrderId }],
      }
    }
    case 'set-default-sort-order': {
      const defaultSortOrderId = update.sortOrderId === -1 ? state.added.sortOrderId : update.sortOrderId
      if (!metadata.sortOrders.some((order) => order.orderId === defaultSortOrderId)) {
        throw unknownId('sort order', defaultSortOrderId)
      }
      return { ...metadata, defaultSortOrderId: defaultSortOrderId ?? 0 }
    }
    case 'add-snapshot':
      return addSnapshot(state, update.snapshot)
    case 'set-snapshot-ref':
      return setRef(state, update.refName, {
        snapshotId: update.snapshotId,
        type: update.type,
        ...(update.minSnapshotsToKeep === undefined ? {} : { minSnapshotsToKeep: update.minSnapshotsToKeep }),
        ...(update.maxSnapshotAgeMs === undefined ? {} : { maxSnapshotAgeMs: update.maxSnapshotAgeMs }),
        ...(update.maxRefAgeMs === undefined ? {} : { maxRefAgeMs: update.maxRefAgeMs }),
      })
    case 'remove-snapshots':
      return removeSnapshots(state, update.snapshotIds)
    case 'remove-snapshot-ref':
      return removeRef(metadata, update.refName)
    case 'set-location':
      return { ...metadata, location: update.location }
    case 'set-properties':
      return { ...metadata, properties: { ...metadata.properties, ...update.updates } }
    case 'remove-properties':
      return {
        ...metadata,
        properties: Object.fromEntries(
          Object.entries(metadata.properties).filter(([name]) => !update.removals.includes(name)),
        ),
      }
    case 'set-statistics':
      return {
        ...metadata,
        statistics: [...withoutSnapshot(metadata.statistics, update.snapshotId), update.statistics],
      }
    case 'remove-statistics':
      return { ...metadata, statistics: withoutSnapshot(metadata.statistics, update.snapshotId) }
    case 'set-partition-statistics':
      return {
        ...metadata,
        partitionStatistics: [
          ...withoutSnapshot(metadata.partitionStatistics, snapshotIdOf(update.partitionStatistics)),
          update.partitionStatistics,
        ],
      }
    case 'remove-partition-statistics':
      return { ...metadata, partitionStatistics: withoutSnapshot(metadata.partitionStatistics, update.snapshotId) }
    case 'remove-partition-specs':
      if (update.specIds.includes(metadata.defaultSpecId)) throw invalid('the default partition spec cannot be removed')
      return {
        ...metadata,
        partitionSpecs: metadata.partitionSpecs.filter((spec) => !update.specIds.includes(spec.specId)),
      }
    case 'remove-schemas':
      if (update.schemaIds.includes(metadata.currentSchemaId)) throw invalid('the current schema cannot be removed')
      return {
        ...metadata,
        schemas: metadata.schemas.filter((schema) => !update.schemaIds.includes(schema.schemaId)),
      }
    case 'add-encryption-key':
      return { ...metadata, encryptionKeys: [...(metadata.encryptionKeys ?? []), update.encryptionKey] }
    case 'remove-encryption-key':
      return {
        ...metadata,
        encryptionKeys: (metadata.encryptionKeys ?? []).filter((key) => key['key-id'] !== update.keyId),
      }
  }
}

function upgradeFormatVersion(metadata: TableMetadata, formatVersion: number): TableMetadata {
  if (formatVersion !== 1 && formatVersion !== 2 && formatVersion !== 3) {
    throw new IcebergError('unsupported-format-version', `format version ${formatVersion} is not supported`, {
      context: { formatVersion },
    })
  }
  if (formatVersion < metadata.formatVersion) {
    throw invalid(`a table of format version ${metadata.formatVersion} cannot go back to ${formatVersion}`)
  }
  return {
    ...metadata,
    formatVersion,
    ...(formatVersion === 3 && metadata.nextRowId === undefined ? { nextRowId: 0n } : {}),
  }
}

function addSchema(state: State, schema: Schema): TableMetadata {
  const { metadata } = state
  const text = schemaText(schema)
  const existing = metadata.schemas.find((candidate) => schemaText(candidate) === text)
  state.added.schemaId = existing?.schemaId ?? nextId(metadata.schemas.map((candidate) => candidate.schemaId))
  const lastColumnId = Math.max(metadata.lastColumnId, highestFieldId(schema))
  if (existing !== undefined) return { ...metadata, lastColumnId }
  validateSchema(schema, metadata.formatVersion)
  return { ...metadata, lastColumnId, schemas: [...metadata.schemas, { ...schema, schemaId: state.added.schemaId }] }
}

function addSnapshot(state: State, snapshot: Snapshot): TableMetadata {
  const { metadata } = state
  if (metadata.snapshots.some((existing) => existing.snapshotId === snapshot.snapshotId)) {
    throw invalid(`snapshot ${snapshot.snapshotId} is already in the table`)
  }
  if (metadata.formatVersion > 1 && snapshot.sequenceNumber <= metadata.lastSequenceNumber) {
    const last = metadata.lastSequenceNumber
    if (snapshot.parentSnapshotId !== undefined || snapshot.sequenceNumber < last) {
      throw stale(`sequence number ${snapshot.sequenceNumber} is not above the table's last one, ${last}`)
    }
  }
  state.addedSnapshots.add(snapshot.snapshotId)
  return {
    ...metadata,
    lastUpdatedMs: Math.max(metadata.lastUpdatedMs, snapshot.timestampMs),
    lastSequenceNumber: metadata.formatVersion > 1 ? snapshot.sequenceNumber : metadata.lastSequenceNumber,
    snapshots: [...metadata.snapshots, snapshot],
    ...nextRowIdAfter(metadata, snapshot),
  }
}

function nextRowIdAfter(metadata: TableMetadata, snapshot: Snapshot): { readonly nextRowId?: bigint } {
  if (metadata.formatVersion < 3) return {}
  const nextRowId = metadata.nextRowId ?? 0n
  if (snapshot.firstRowId === undefined || snapshot.addedRows === undefined) {
    throw invalid(`snapshot ${snapshot.snapshotId} has no first-row-id and added-rows, which format version 3 needs`)
  }
  if (snapshot.firstRowId < nextRowId) {
    throw stale(`first-row-id ${snapshot.firstRowId} is behind the table's next-row-id ${nextRowId}`)
  }
  return { nextRowId: snapshot.firstRowId + snapshot.addedRows }
}

function setRef(state: State, name: string, ref: SnapshotRef): TableMetadata {
  const { metadata } = state
  const snapshot = metadata.snapshots.find((candidate) => candidate.snapshotId === ref.snapshotId)
  if (snapshot === undefined) throw invalid(`${name} cannot name snapshot ${ref.snapshotId}, which is not in the table`)
  const before = Object.hasOwn(metadata.refs, name) ? metadata.refs[name] : undefined
  const kept = before?.unknownFields === undefined ? {} : { unknownFields: before.unknownFields }
  const refs = { ...metadata.refs, [name]: { ...kept, ...ref } }
  if (name !== mainBranch) return { ...metadata, refs }
  if (ref.type !== 'branch') throw invalid('main is a branch and cannot become a tag')
  if (metadata.currentSnapshotId === ref.snapshotId) return { ...metadata, refs }
  const timestampMs = state.addedSnapshots.has(ref.snapshotId) ? snapshot.timestampMs : metadata.lastUpdatedMs
  return {
    ...metadata,
    refs,
    currentSnapshotId: ref.snapshotId,
    snapshotLog: [...metadata.snapshotLog, { timestampMs, snapshotId: ref.snapshotId }],
  }
}

function removeRef(metadata: TableMetadata, name: string): TableMetadata {
  const refs = Object.fromEntries(Object.entries(metadata.refs).filter(([key]) => key !== name))
  if (name !== mainBranch) return { ...metadata, refs }
  const { currentSnapshotId: _, ...rest } = metadata
  return { ...rest, refs, snapshotLog: [] }
}

function removeSnapshots(state: State, snapshotIds: readonly bigint[]): TableMetadata {
  const removed = new Set(snapshotIds)
  state.removedSnapshots = true
  const { metadata } = state
  for (const [name, ref] of Object.entries(metadata.refs)) {
    if (!removed.has(ref.snapshotId)) continue
    // A name that was given in the meantime must not be lost with the snapshot.
    throw new IcebergError('conflict', `snapshot ${ref.snapshotId} cannot be removed: ${ref.type} ${name} names it`, {
      context: { snapshotId: ref.snapshotId, ref: name },
      hint: 'Remove the branch or tag first, in the same commit or before.',
    })
  }
  return {
    ...metadata,
    snapshots: metadata.snapshots.filter((snapshot) => !removed.has(snapshot.snapshotId)),
    statistics: metadata.statistics.filter((entry) => !removed.has(snapshotIdOf(entry))),
    partitionStatistics: metadata.partitionStatistics.filter((entry) => !removed.has(snapshotIdOf(entry))),
  }
}

/**
 * The log without heads that one commit both made and replaced. What lies before a removed snapshot goes too: a gap
 * would make time travel answer with a snapshot that was not current.
 */
function correctedSnapshotLog(state: State): readonly SnapshotLogEntry[] {
  const { metadata } = state
  const intermediate = (id: bigint): boolean => state.addedSnapshots.has(id) && id !== metadata.currentSnapshotId
  const retained = new Set(metadata.snapshots.map((snapshot) => snapshot.snapshotId))
  let log: SnapshotLogEntry[] = []
  for (const entry of metadata.snapshotLog) {
    if (retained.has(entry.snapshotId)) {
      if (!intermediate(entry.snapshotId)) log.push(entry)
    } else if (state.removedSnapshots) {
      log = []
    } else {
      log.push(entry)
    }
  }
  return log
}

function extendedMetadataLog(
  base: TableMetadata,
  changed: TableMetadata,
  metadataLocation: string | undefined,
): TableMetadata['metadataLog'] {
  if (metadataLocation === undefined) return changed.metadataLog
  const declared = Number(changed.properties[previousVersionsMaxProperty])
  const keep = Number.isInteger(declared) ? Math.max(1, declared) : defaultPreviousVersionsMax
  return [...changed.metadataLog, { timestampMs: base.lastUpdatedMs, metadataFile: metadataLocation }].slice(-keep)
}

/** Equal text means the same schema, whatever its id. */
function schemaText(schema: Schema): string {
  return stringifyJsonLossless(schemaToJson({ ...schema, schemaId: 0 }))
}

function withoutSnapshot(entries: readonly JsonObject[], id: bigint): JsonObject[] {
  return entries.filter((entry) => snapshotIdOf(entry) !== id)
}

function nextId(ids: readonly number[]): number {
  return Math.max(-1, ...ids) + 1
}

function unknownId(what: string, id: number | undefined): IcebergError {
  return invalid(`the table has no ${what} ${id ?? 'added in this commit'}`)
}

/** A commit to another branch came first, which no requirement on this one tells. */
function stale(message: string): IcebergError {
  return new IcebergError('conflict', message, {
    retryable: true,
    hint: 'Build the snapshot anew on the newest state.',
  })
}

function invalid(message: string, hint?: string): IcebergError {
  return new IcebergError('invalid-argument', message, { hint })
}
