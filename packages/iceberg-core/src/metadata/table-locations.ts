import { metadataCodec } from './metadata-codec.ts'
import type { TableMetadata } from './table-metadata.ts'

/** Folder of metadata files, manifests and manifest lists: `write.metadata.path`, else `metadata` in the table. */
export function metadataFolder(metadata: Pick<TableMetadata, 'location' | 'properties'>): string {
  return folder(metadata, 'write.metadata.path', 'metadata')
}

/** Folder of data files: `write.data.path`, else `data` in the table. */
export function dataFolder(metadata: Pick<TableMetadata, 'location' | 'properties'>): string {
  return folder(metadata, 'write.data.path', 'data')
}

/**
 * Where the next metadata file goes: `<version>-<uuid>.metadata.json`, or `.gz.metadata.json` when the table compresses
 * it; the version is one above that of `previous`, the location of the metadata file it follows.
 *
 * @throws IcebergError `invalid-argument` for a codec that is not known.
 * @see https://iceberg.apache.org/spec/#metastore-tables
 */
export function nextMetadataLocation(
  metadata: Pick<TableMetadata, 'location' | 'properties'>,
  options: { readonly previous: string | undefined; readonly uuid: string },
): string {
  const version = options.previous === undefined ? 0 : metadataVersion(options.previous) + 1
  const ending = metadataCodec(metadata) === 'gzip' ? '.gz.metadata.json' : '.metadata.json'
  return `${metadataFolder(metadata)}/${String(version).padStart(5, '0')}-${options.uuid}${ending}`
}

/** The version in a metadata file's name, in either naming scheme; -1 when it has none. */
export function metadataVersion(location: string): number {
  const name = location.slice(location.lastIndexOf('/') + 1)
  const match = /^(?:v(\d+)\.|(\d+)-)/.exec(name)
  return match === null ? -1 : Number(match[1] ?? match[2])
}

function folder(metadata: Pick<TableMetadata, 'location' | 'properties'>, property: string, name: string): string {
  const declared = metadata.properties[property]
  return declared === undefined ? `${metadata.location}/${name}` : declared.replace(/\/+$/, '')
}
