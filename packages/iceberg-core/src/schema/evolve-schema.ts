import { IcebergError } from '../errors.ts'
import { stringifyJsonLossless } from '../json/lossless-json.ts'
import { currentSchema, type TableMetadata } from '../metadata/table-metadata.ts'
import type { TableUpdate } from '../metadata/table-update.ts'
import { changeColumns } from './change-columns.ts'
import { evolvedProperties } from './evolve-properties.ts'
import { moveColumns } from './move-columns.ts'
import type { SchemaChanges } from './schema-changes.ts'
import { schemaToJson } from './schema-json.ts'
import { findFieldByName, type Schema } from './schema.ts'
import { unionByName } from './union-by-name.ts'
import { validateSchema } from './validate-schema.ts'

/**
 * The updates that evolve the table's current schema; none when nothing changes. A name mapping and the column
 * properties `write.metadata.metrics.column.*` and `write.parquet.bloom-filter-*.column.*` follow. Commit them with
 * `assert-current-schema-id` and `assert-last-assigned-field-id`.
 *
 * @throws IcebergError `no-such-column`, or `invalid-schema` for a change that the spec does not allow.
 * @see https://iceberg.apache.org/spec/#schema-evolution
 */
export function evolveSchema(metadata: TableMetadata, changes: SchemaChanges): TableUpdate[] {
  const current = currentSchema(metadata)
  const table = { metadata, identifiersChange: changes.identifierFields !== undefined }
  let evolved = changeColumns(table, { schema: current, lastColumnId: metadata.lastColumnId }, changes)
  if (changes.unionByName !== undefined) {
    const union = unionByName(evolved.schema, changes.unionByName, metadata.formatVersion)
    evolved = changeColumns(table, evolved, union)
  }
  let { schema } = evolved
  for (const move of changes.moveColumns ?? []) schema = moveColumns(schema, move)
  if (changes.identifierFields !== undefined) {
    schema = { ...schema, identifierFieldIds: identifierIds(schema, changes.identifierFields) }
  }
  if (schemaText(schema) === schemaText(current)) return []
  validateSchema(schema, metadata.formatVersion)
  const schemaId = Math.max(...metadata.schemas.map((candidate) => candidate.schemaId)) + 1
  return [
    { action: 'add-schema', schema: { ...schema, schemaId } },
    { action: 'set-current-schema', schemaId: -1 },
    ...evolvedProperties(metadata.properties, current, schema),
  ]
}

/** @throws IcebergError `no-such-column`. */
function identifierIds(schema: Schema, columns: readonly string[]): number[] {
  return columns.map((column) => {
    const field = findFieldByName(schema, column)
    if (field !== undefined) return field.id
    throw new IcebergError('no-such-column', `the schema has no column ${column} to identify rows by`, {
      context: { column },
    })
  })
}

function schemaText(schema: Schema): string {
  return stringifyJsonLossless(schemaToJson({ ...schema, schemaId: 0 }))
}
