import {
  findFieldById,
  partitionPath,
  specById,
  type DataFile,
  type TableMetadata,
  type Type,
} from '@icebridge/iceberg-core'

const deletePrefix = 'write.delete.parquet.'
const dataPrefix = 'write.parquet.'

/**
 * A table's properties for its delete files: `write.delete.parquet.*` in place of `write.parquet.*`.
 *
 * @see https://iceberg.apache.org/docs/latest/configuration/#write-properties
 */
export function deleteProperties(properties: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const own = Object.entries(properties).filter(([key]) => key.startsWith(deletePrefix))
  return {
    ...properties,
    ...Object.fromEntries(own.map(([key, value]) => [dataPrefix + key.slice(deletePrefix.length), value])),
  }
}

/** The folder of a file's partition. A source column may be gone from the current schema. */
export function partitionFolder(metadata: TableMetadata, file: Pick<DataFile, 'specId' | 'partition'>): string {
  const spec = specById(metadata, file.specId)
  const sources = spec.fields.map((field) => sourceType(metadata, field.sourceIds[0] ?? -1))
  return partitionPath(spec, sources, file.partition)
}

function sourceType(metadata: TableMetadata, id: number): Type {
  for (const schema of metadata.schemas.toReversed()) {
    const field = findFieldById(schema, id)
    if (field !== undefined) return field.type
  }
  // Its values are printed as they are.
  return 'unknown'
}
