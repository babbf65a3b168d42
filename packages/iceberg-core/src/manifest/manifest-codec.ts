import type { AvroCodec } from '../avro/block-codec.ts'
import { IcebergError } from '../errors.ts'

/** Table property: how manifests and manifest lists are compressed. */
const manifestCodecProperty = 'write.manifest.compression-codec'
/** Table property: how Avro files are compressed; some writers take it for manifests too. */
const avroCodecProperty = 'write.avro.compression-codec'

/**
 * The codec of manifests and manifest lists: deflate unless the table says otherwise. Snappy, which not every reader
 * takes, becomes deflate too.
 *
 * @throws IcebergError `invalid-argument` for a codec that is not known.
 */
export function manifestCodec(properties: Readonly<Record<string, string>>): AvroCodec {
  const property = properties[manifestCodecProperty] === undefined ? avroCodecProperty : manifestCodecProperty
  const codec = properties[property] ?? 'gzip'
  switch (codec.toLowerCase()) {
    case 'gzip':
    case 'zlib':
    case 'deflate':
    case 'snappy':
      return 'deflate'
    case 'zstd':
    case 'zstandard':
      return 'zstandard'
    case 'uncompressed':
    case 'none':
    case 'null':
      return 'null'
  }
  throw new IcebergError('invalid-argument', `the table property ${property} names the unknown codec ${codec}`, {
    context: { property, codec },
    hint: 'Set it to gzip, zstd or uncompressed.',
  })
}
