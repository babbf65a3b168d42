import type { TableHandle } from '../port/table-handle.ts'
import { evolveSchema } from '../schema/evolve-schema.ts'
import type { SchemaChanges } from '../schema/schema-changes.ts'
import { commitMetadata, type MetadataCommitOptions, type MetadataOutcome } from './commit-metadata.ts'

/**
 * Changes the table's schema. Files stay as they are: they are read under the new schema. A conflict when the schema
 * has changed since `table` was loaded, since the columns named here may no longer be the ones that were meant.
 *
 * @throws IcebergError `no-such-column`, or `invalid-schema` for a change that the spec does not allow.
 * @see https://iceberg.apache.org/spec/#schema-evolution
 */
export async function updateSchema(
  table: TableHandle,
  changes: SchemaChanges,
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const base = table.loaded.metadata
  return await commitMetadata(
    table,
    (head) => {
      if (head.currentSchemaId !== base.currentSchemaId || head.lastColumnId !== base.lastColumnId) {
        return {
          refused: `the table's schema is now ${head.currentSchemaId}, the changes were made for ${base.currentSchemaId}`,
        }
      }
      return {
        updates: evolveSchema(head, changes),
        requirements: [
          { type: 'assert-current-schema-id', currentSchemaId: head.currentSchemaId },
          { type: 'assert-last-assigned-field-id', lastAssignedFieldId: head.lastColumnId },
        ],
      }
    },
    options,
  )
}
