import type { FileIO, LoadedTable, TableMetadata } from '@icebridge/iceberg-core'
import { discard } from '../metadata-file.ts'

/** Table property: `true` or `false`, over what the catalog was told. */
const versionHintProperty = 'icebridge.write-version-hint'

export function wantsVersionHint(metadata: TableMetadata, byDefault: boolean): boolean {
  const declared = metadata.properties[versionHintProperty]?.toLowerCase()
  return declared === undefined ? byDefault : declared === 'true'
}

/**
 * Writes the file's stem to `version-hint.text` beside it: DuckDB and PyIceberg's static tables put the ending behind it,
 * DuckDB with `metadata_compression_codec = 'gzip'` that of a compressed file. Hadoop
 * tables have a number there, which means `v<number>.metadata.json` and fits no table of a catalog.
 * @see https://duckdb.org/docs/stable/core_extensions/iceberg/overview
 */
export async function writeVersionHint(io: FileIO, metadataLocation: string): Promise<void> {
  const path = hintBeside(metadataLocation)
  const stem = metadataLocation.slice(metadataLocation.lastIndexOf('/') + 1).replace(/(\.gz)?\.metadata\.json$/, '')
  const bytes = new TextEncoder().encode(stem)
  if (io.replace !== undefined) return await io.replace(path, bytes)
  await io.delete(path)
  const writer = await io.create(path)
  try {
    await writer.write(bytes)
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

export async function discardVersionHint(io: FileIO, table: LoadedTable): Promise<void> {
  await discard(io, hintBeside(table.metadataLocation))
}

function hintBeside(metadataLocation: string): string {
  return `${metadataLocation.slice(0, metadataLocation.lastIndexOf('/'))}/version-hint.text`
}
