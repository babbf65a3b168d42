import type { TableMetadata } from './table-metadata.ts'
import type { TableRequirement } from './table-requirement.ts'

/** The reason why a requirement does not hold; `undefined` when all hold. No metadata: the table does not exist. */
export function checkRequirements(
  metadata: TableMetadata | undefined,
  requirements: readonly TableRequirement[],
): string | undefined {
  for (const requirement of requirements) {
    const reason = checkRequirement(metadata, requirement)
    if (reason !== undefined) return reason
  }
  return undefined
}

function checkRequirement(metadata: TableMetadata | undefined, requirement: TableRequirement): string | undefined {
  if (requirement.type === 'assert-create') return metadata === undefined ? undefined : 'the table already exists'
  if (metadata === undefined) return 'the table does not exist'
  switch (requirement.type) {
    case 'assert-table-uuid':
      return expect('table uuid', requirement.uuid.toLowerCase(), metadata.tableUuid.toLowerCase())
    case 'assert-ref-snapshot-id': {
      const ref = Object.hasOwn(metadata.refs, requirement.ref) ? metadata.refs[requirement.ref] : undefined
      return expect(`snapshot of ${requirement.ref}`, requirement.snapshotId, ref?.snapshotId)
    }
    case 'assert-last-assigned-field-id':
      return expect('last assigned field id', requirement.lastAssignedFieldId, metadata.lastColumnId)
    case 'assert-current-schema-id':
      return expect('current schema id', requirement.currentSchemaId, metadata.currentSchemaId)
    case 'assert-last-assigned-partition-id':
      return expect('last assigned partition id', requirement.lastAssignedPartitionId, metadata.lastPartitionId)
    case 'assert-default-spec-id':
      return expect('default spec id', requirement.defaultSpecId, metadata.defaultSpecId)
    case 'assert-default-sort-order-id':
      return expect('default sort order id', requirement.defaultSortOrderId, metadata.defaultSortOrderId)
  }
}

function expect<T extends string | number | bigint | undefined>(what: string, wanted: T, found: T): string | undefined {
  return wanted === found ? undefined : `the ${what} is ${found ?? 'none'}, not ${wanted ?? 'none'}`
}
