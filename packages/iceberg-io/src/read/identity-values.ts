import { specById, type DataFile, type NestedValue, type TableMetadata } from '@icebridge/iceberg-core'

/** Identity partition values by field id, which stand in for columns that a file was written without (Hive's layout). */
export function identityValues(metadata: TableMetadata, file: DataFile): ReadonlyMap<number, NestedValue> {
  const values = new Map<number, NestedValue>()
  specById(metadata, file.specId).fields.forEach((field, index) => {
    const [sourceId] = field.sourceIds
    if (field.transform.kind === 'identity' && sourceId !== undefined)
      values.set(sourceId, file.partition[index] ?? null)
  })
  return values
}
