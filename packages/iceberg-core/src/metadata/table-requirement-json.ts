import { JsonFields } from '../json/json-fields.ts'
import type { JsonObject, JsonValue } from '../json/json-value.ts'
import type { TableRequirement } from './table-requirement.ts'

/** The wire form of the REST catalog spec. */
export function tableRequirementToJson(requirement: TableRequirement): JsonObject {
  const { type } = requirement
  switch (requirement.type) {
    case 'assert-create':
      return { type }
    case 'assert-table-uuid':
      return { type, uuid: requirement.uuid }
    case 'assert-ref-snapshot-id':
      return { type, ref: requirement.ref, 'snapshot-id': requirement.snapshotId ?? null }
    case 'assert-last-assigned-field-id':
      return { type, 'last-assigned-field-id': requirement.lastAssignedFieldId }
    case 'assert-current-schema-id':
      return { type, 'current-schema-id': requirement.currentSchemaId }
    case 'assert-last-assigned-partition-id':
      return { type, 'last-assigned-partition-id': requirement.lastAssignedPartitionId }
    case 'assert-default-spec-id':
      return { type, 'default-spec-id': requirement.defaultSpecId }
    case 'assert-default-sort-order-id':
      return { type, 'default-sort-order-id': requirement.defaultSortOrderId }
  }
}

/** @throws IcebergError `malformed-json` for a type that is not known or lacks a field. */
export function tableRequirementFromJson(json: JsonValue): TableRequirement {
  const fields = JsonFields.of(json, 'requirement', { code: 'malformed-json', file: undefined })
  const type = fields.string('type')
  switch (type) {
    case 'assert-create':
      return { type }
    case 'assert-table-uuid':
      return { type, uuid: fields.string('uuid') }
    case 'assert-ref-snapshot-id':
      return { type, ref: fields.string('ref'), snapshotId: fields.optionalLong('snapshot-id') }
    case 'assert-last-assigned-field-id':
      return { type, lastAssignedFieldId: fields.int('last-assigned-field-id') }
    case 'assert-current-schema-id':
      return { type, currentSchemaId: fields.int('current-schema-id') }
    case 'assert-last-assigned-partition-id':
      return { type, lastAssignedPartitionId: fields.int('last-assigned-partition-id') }
    case 'assert-default-spec-id':
      return { type, defaultSpecId: fields.int('default-spec-id') }
    case 'assert-default-sort-order-id':
      return { type, defaultSortOrderId: fields.int('default-sort-order-id') }
    default:
      throw fields.malformed('type', `a known requirement (it is ${type})`)
  }
}
