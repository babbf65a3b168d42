import type { AvroCodec } from '../avro/block-codec.ts'
import { IcebergError } from '../errors.ts'

/** Table property: how manifests and manifest lists are compressed. */
const manifestCodecProperty = 'write.manifest.compression-codec'
/** Table property: how Avro files are compressed; some writers take it for manifests too. */
const avroCodecProperty = 'write.avro.compression-codec'

/**
 * The codec of manifests and manifest lists: deflate unless the table says otherwise. Snappy, which not every reader
 * takes, becomes deflate too, and so does what only Avro data files may have.
 *
 * @throws IcebergError `invalid-argument` for a codec of manifests that is not known.
 */
export function manifestCodec(properties: Readonly<Record<string, string>>): AvroCodec {
  const own = properties[manifestCodecProperty]
  const codec = known((own ?? properties[avroCodecProperty] ?? 'gzip').toLowerCase())
  if (codec !== undefined) return codec
  if (own === undefined) return 'deflate'
  throw new IcebergError(
    'invalid-argument',
    `the table property ${manifestCodecProperty} names the unknown codec ${own}`,
    {
      context: { property: manifestCodecProperty, codec: own },
      hint: 'Set it to gzip, zstd or uncompressed.',
    },
  )
}

function known(codec: string): AvroCodec | undefined {
  switch (codec) {
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
  return undefined
}
