import type { TableMetadata } from '../metadata/table-metadata.ts'
import { acceptsSource, transformResultType } from '../partition/apply-transform.ts'
import type { PartitionSpec } from '../partition/partition-spec.ts'
import { findFieldById } from '../schema/schema.ts'
import type { PrimitiveType, Type } from '../schema/type.ts'

/** The type of one value of a partition tuple; `undefined` where the source column is gone or the transform unknown. */
export type PartitionFieldType = PrimitiveType | undefined

/**
 * The types of a spec's partition tuple, in its order. Sources are looked up in the current schema first, then in
 * earlier ones, newest first, because a spec may outlive its columns.
 */
export function partitionTypes(metadata: TableMetadata, spec: PartitionSpec): PartitionFieldType[] {
  return spec.fields.map((field) => {
    const source = sourceType(metadata, field.sourceIds[0] ?? -1)
    if (source === undefined || field.transform.kind === 'unknown') return undefined
    return acceptsSource(field.transform, source) ? transformResultType(field.transform, source) : undefined
  })
}

/** The type of a column in the newest schema that has it. */
export function sourceType(metadata: TableMetadata, fieldId: number): Type | undefined {
  const newestFirst = metadata.schemas.toSorted((a, b) => rank(metadata, b.schemaId) - rank(metadata, a.schemaId))
  for (const schema of newestFirst) {
    const field = findFieldById(schema, fieldId)
    if (field !== undefined) return field.type
  }
  return undefined
}

function rank(metadata: TableMetadata, schemaId: number): number {
  return schemaId === metadata.currentSchemaId ? Number.POSITIVE_INFINITY : schemaId
}
