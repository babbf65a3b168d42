import { checkSpec } from '../metadata/create-table-metadata.ts'
import { currentSchema, defaultSpec } from '../metadata/table-metadata.ts'
import { evolvePartitionSpec, type PartitionSpecChanges } from '../partition/evolve-partition-spec.ts'
import { specsEquivalent } from '../partition/partition-spec.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { commitMetadata, type MetadataCommitOptions, type MetadataOutcome } from './commit-metadata.ts'

/**
 * Changes how new files are partitioned; files that are there stay as they are, under their own spec. A spec that the
 * table had before is used again. A conflict when the schema or the default spec has changed since `table` was loaded.
 *
 * @throws IcebergError `no-such-column`, `unsupported-transform`, `invalid-argument`.
 * @see https://iceberg.apache.org/spec/#partition-evolution
 */
export async function updatePartitionSpec(
  table: TableHandle,
  changes: PartitionSpecChanges,
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const base = table.loaded.metadata
  return await commitMetadata(
    table,
    (head) => {
      if (head.currentSchemaId !== base.currentSchemaId) {
        return {
          refused: `the table's schema is now ${head.currentSchemaId}, the spec was made for ${base.currentSchemaId}`,
        }
      }
      if (head.defaultSpecId !== base.defaultSpecId) {
        return { refused: `the table's partition spec is now ${head.defaultSpecId}, not ${base.defaultSpecId}` }
      }
      const spec = evolvePartitionSpec(head, changes)
      if (specsEquivalent(spec, defaultSpec(head))) return { updates: [] }
      checkSpec(spec, currentSchema(head))
      return {
        updates: [
          { action: 'add-spec', spec },
          { action: 'set-default-spec', specId: -1 },
        ],
        requirements: [
          { type: 'assert-current-schema-id', currentSchemaId: head.currentSchemaId },
          { type: 'assert-default-spec-id', defaultSpecId: head.defaultSpecId },
          { type: 'assert-last-assigned-partition-id', lastAssignedPartitionId: head.lastPartitionId },
        ],
      }
    },
    options,
  )
}
