import { currentSchema, defaultSpec, type TableMetadata } from '../metadata/table-metadata.ts'
import type { TableUpdate } from '../metadata/table-update.ts'
import type { FileIO } from '../port/file-io.ts'
import { findFieldById } from '../schema/schema.ts'
import { manifestsOf, type ReadOptions } from './reachable-files.ts'

/**
 * The updates that remove the partition specs and schemas that no snapshot other than the expired ones uses. With delete
 * files in the table all schemas stay: an equality delete may go by a column that only an old one has.
 */
export async function unusedMetadata(
  io: FileIO,
  metadata: TableMetadata,
  expired: ReadonlySet<bigint>,
  options: Omit<ReadOptions, 'metadata'>,
): Promise<TableUpdate[]> {
  const kept = metadata.snapshots.filter((snapshot) => !expired.has(snapshot.snapshotId))
  const manifests = [...(await manifestsOf(io, kept, { ...options, metadata })).values()]
  const usedSpecs = new Set([defaultSpec(metadata).specId, ...manifests.map((manifest) => manifest.specId)])
  const unusedSpecs = metadata.partitionSpecs.filter((spec) => !usedSpecs.has(spec.specId))
  const updates: TableUpdate[] = []
  if (unusedSpecs.length > 0) {
    updates.push({ action: 'remove-partition-specs', specIds: unusedSpecs.map((spec) => spec.specId) })
  }
  if (manifests.some((manifest) => manifest.content === 'deletes')) return updates
  const usedSchemas = new Set([metadata.currentSchemaId])
  for (const { schemaId } of kept) if (schemaId !== undefined) usedSchemas.add(schemaId)
  // A spec may partition by a column that was dropped since; its type stands only in an older schema.
  for (const field of metadata.partitionSpecs
    .filter((spec) => usedSpecs.has(spec.specId))
    .flatMap((spec) => spec.fields)) {
    for (const id of field.sourceIds) {
      if (findFieldById(currentSchema(metadata), id) !== undefined) continue
      const schemas = metadata.schemas.filter((schema) => findFieldById(schema, id) !== undefined)
      for (const schema of schemas) usedSchemas.add(schema.schemaId)
    }
  }
  const unusedSchemas = metadata.schemas.filter((schema) => !usedSchemas.has(schema.schemaId))
  if (unusedSchemas.length > 0) {
    updates.push({ action: 'remove-schemas', schemaIds: unusedSchemas.map((schema) => schema.schemaId) })
  }
  return updates
}
