import { JsonFields, type JsonOrigin } from '../json/json-fields.ts'
import type { JsonObject, JsonValue } from '../json/json-value.ts'
import { partitionSpecFromJson, partitionSpecToJson } from '../partition/partition-spec-json.ts'
import { sortOrderFromJson, sortOrderToJson } from '../partition/sort-order-json.ts'
import { schemaFromJson, schemaToJson } from '../schema/schema-json.ts'
import { snapshotFromJson, snapshotRefFromJson, snapshotRefToJson, snapshotToJson } from './snapshot-json.ts'
import type { TableUpdate } from './table-update.ts'

/** The wire form of the REST catalog spec. */
export function tableUpdateToJson(update: TableUpdate): JsonObject {
  const { action } = update
  switch (update.action) {
    case 'assign-uuid':
      return { action, uuid: update.uuid }
    case 'upgrade-format-version':
      return { action, 'format-version': update.formatVersion }
    case 'add-schema':
      return { action, schema: schemaToJson(update.schema) }
    case 'set-current-schema':
      return { action, 'schema-id': update.schemaId }
    case 'add-spec':
      return { action, spec: partitionSpecToJson(update.spec) }
    case 'set-default-spec':
      return { action, 'spec-id': update.specId }
    case 'add-sort-order':
      return { action, 'sort-order': sortOrderToJson(update.sortOrder) }
    case 'set-default-sort-order':
      return { action, 'sort-order-id': update.sortOrderId }
    case 'add-snapshot':
      return { action, snapshot: snapshotToJson(update.snapshot, 2) }
    case 'set-snapshot-ref':
      return { action, 'ref-name': update.refName, ...snapshotRefToJson(update) }
    case 'remove-snapshots':
      return { action, 'snapshot-ids': update.snapshotIds }
    case 'remove-snapshot-ref':
      return { action, 'ref-name': update.refName }
    case 'set-location':
      return { action, location: update.location }
    case 'set-properties':
      return { action, updates: update.updates }
    case 'remove-properties':
      return { action, removals: update.removals }
    case 'set-statistics':
      return { action, 'snapshot-id': update.snapshotId, statistics: update.statistics }
    case 'remove-statistics':
      return { action, 'snapshot-id': update.snapshotId }
    case 'set-partition-statistics':
      return { action, 'partition-statistics': update.partitionStatistics }
    case 'remove-partition-statistics':
      return { action, 'snapshot-id': update.snapshotId }
    case 'remove-partition-specs':
      return { action, 'spec-ids': update.specIds }
    case 'remove-schemas':
      return { action, 'schema-ids': update.schemaIds }
    case 'add-encryption-key':
      return { action, 'encryption-key': update.encryptionKey }
    case 'remove-encryption-key':
      return { action, 'key-id': update.keyId }
  }
}

/** @throws IcebergError `malformed-json` for an action that is not known or lacks a field. */
export function tableUpdateFromJson(json: JsonValue): TableUpdate {
  const origin: JsonOrigin = { code: 'malformed-json', file: undefined }
  const fields = JsonFields.of(json, 'update', origin)
  const action = fields.string('action')
  switch (action) {
    case 'assign-uuid':
      return { action, uuid: fields.string('uuid') }
    case 'upgrade-format-version':
      return { action, formatVersion: fields.int('format-version') }
    case 'add-schema':
      return { action, schema: schemaFromJson(fields.object('schema'), origin) }
    case 'set-current-schema':
      return { action, schemaId: fields.int('schema-id') }
    case 'add-spec':
      return { action, spec: partitionSpecFromJson(fields.object('spec')) }
    case 'set-default-spec':
      return { action, specId: fields.int('spec-id') }
    case 'add-sort-order':
      return { action, sortOrder: sortOrderFromJson(fields.object('sort-order')) }
    case 'set-default-sort-order':
      return { action, sortOrderId: fields.int('sort-order-id') }
    case 'add-snapshot':
      return { action, snapshot: snapshotFromJson(fields.object('snapshot')) }
    case 'set-snapshot-ref': {
      const { unknownFields: _, ...ref } = snapshotRefFromJson(fields)
      return { action, refName: fields.string('ref-name'), ...ref }
    }
    case 'remove-snapshots':
      return { action, snapshotIds: fields.longs('snapshot-ids') }
    case 'remove-snapshot-ref':
      return { action, refName: fields.string('ref-name') }
    case 'set-location':
      return { action, location: fields.string('location') }
    case 'set-properties':
      return { action, updates: fields.stringMap('updates') }
    case 'remove-properties':
      return { action, removals: fields.strings('removals') }
    case 'set-statistics': {
      const statistics = fields.object('statistics')
      return {
        action,
        snapshotId: fields.optionalLong('snapshot-id') ?? statistics.long('snapshot-id'),
        statistics: fields.rawObject('statistics'),
      }
    }
    case 'remove-statistics':
      return { action, snapshotId: fields.long('snapshot-id') }
    case 'set-partition-statistics':
      return { action, partitionStatistics: fields.rawObject('partition-statistics') }
    case 'remove-partition-statistics':
      return { action, snapshotId: fields.long('snapshot-id') }
    case 'remove-partition-specs':
      return { action, specIds: fields.ints('spec-ids') }
    case 'remove-schemas':
      return { action, schemaIds: fields.ints('schema-ids') }
    case 'add-encryption-key':
      return { action, encryptionKey: fields.rawObject('encryption-key') }
    case 'remove-encryption-key':
      return { action, keyId: fields.string('key-id') }
    default:
      throw fields.malformed('action', `a known action (it is ${action})`)
  }
}
