import { gzipSync } from 'node:zlib'
import { IcebergError } from '../errors.ts'
import { serializeTableMetadata } from './table-metadata-json.ts'
import type { TableMetadata } from './table-metadata.ts'

/** Table property: how metadata files are compressed. */
const metadataCodecProperty = 'write.metadata.compression-codec'

/**
 * Whether the next metadata file is compressed: no unless the table says so.
 *
 * @throws IcebergError `invalid-argument` for a codec that is not known.
 */
export function metadataCodec({ properties }: Pick<TableMetadata, 'properties'>): 'none' | 'gzip' {
  const codec = properties[metadataCodecProperty] ?? 'none'
  switch (codec.toLowerCase()) {
    case 'none':
      return 'none'
    case 'gzip':
      return 'gzip'
  }
  throw new IcebergError(
    'invalid-argument',
    `the table property ${metadataCodecProperty} names the unknown codec ${codec}`,
    { context: { property: metadataCodecProperty, codec }, hint: 'Set it to gzip or none.' },
  )
}

/** The bytes of a metadata file, compressed as the table says. @throws As {@link metadataCodec}. */
export function encodeTableMetadata(metadata: TableMetadata): Uint8Array {
  const bytes = new TextEncoder().encode(serializeTableMetadata(metadata))
  return metadataCodec(metadata) === 'gzip' ? gzipSync(bytes) : bytes
}
