import { bucketHash, dataFolder, type TableMetadata } from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'

/** Bits of a file name's hash that its folders are named by, in folders of four and the rest. */
const HASH_BITS = 20
const FOLDER_BITS = 4
const FOLDERS = 3

/**
 * Where a table's data files go, as a function of partition folder ('' without one) and file name:
 * `<data folder>/<partition>/<name>`, or under folders of a hash with `write.object-storage.enabled`.
 *
 * The data folder is `write.data.path`, else `write.folder-storage.path` (for object storage first
 * `write.object-storage.path`), else `data` in the table.
 *
 * @throws IcebergIoError `invalid-argument` for a table whose locations a class of its own decides
 * (`write.location-provider.impl`).
 * @see https://iceberg.apache.org/docs/latest/aws/#object-store-file-layout
 */
export function dataLocations(
  metadata: Pick<TableMetadata, 'location' | 'properties'>,
): (partition: string, file: string) => string {
  const { properties } = metadata
  const provider = properties['write.location-provider.impl']
  if (provider !== undefined) {
    throw new IcebergIoError(
      'invalid-argument',
      `the table leaves the locations of its data files to ${provider}, which runs only in its own engine`,
      {
        context: { property: 'write.location-provider.impl', provider },
        hint: 'Write the table with that engine, or remove write.location-provider.impl.',
      },
    )
  }
  const hashed = isTrue(properties['write.object-storage.enabled'])
  const declared =
    properties['write.data.path'] ??
    (hashed ? properties['write.object-storage.path'] : undefined) ??
    properties['write.folder-storage.path']
  const folder = declared === undefined ? dataFolder(metadata) : withoutSlash(declared)
  if (!hashed) return (partition, file) => join(folder, partition, file)
  const partitioned = properties['write.object-storage.partitioned-paths'] !== 'false'
  // Outside the table's own folder its name keeps its files apart from those of others.
  const context = folder.startsWith(metadata.location) ? '' : lastTwo(metadata.location)
  return (partition, file) => {
    const inside = join(context, partitioned ? partition : '', file)
    const hash = hashFolders(join(partitioned ? partition : '', file))
    return partitioned || context !== '' ? `${folder}/${hash}/${inside}` : `${folder}/${hash}-${inside}`
  }
}

/** `1001/1001/1001/00110110` for the lowest bits of the name's hash. */
function hashFolders(name: string): string {
  const bits = (bucketHash('string', name) & ((1 << HASH_BITS) - 1)).toString(2).padStart(HASH_BITS, '0')
  const folders = Array.from({ length: FOLDERS }, (_, index) =>
    bits.slice(index * FOLDER_BITS, (index + 1) * FOLDER_BITS),
  )
  return [...folders, bits.slice(FOLDERS * FOLDER_BITS)].join('/')
}

/** The name of the table and of the folder it is in. */
function lastTwo(location: string): string {
  return withoutSlash(location).split('/').slice(-2).join('/')
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('/')
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, '')
}

function isTrue(property: string | undefined): boolean {
  return property?.toLowerCase() === 'true'
}
