import { IcebergError, type FileIO, type FileIOFactory } from '@icebridge/iceberg-core'
import { LazyFileIO, loadAdapter } from './lazy-file-io.ts'
import { LocalFileIO } from './local.ts'
import { schemeOf } from './location.ts'

type Adapter = (location: string, properties: Readonly<Record<string, string>>) => Promise<FileIO>

const s3: Adapter = (location, properties) =>
  loadAdapter('@aws-sdk/client-s3', location, async () => new (await import('./s3.ts')).S3FileIO({ properties }))
const azure: Adapter = (location, properties) =>
  loadAdapter('@azure/storage-blob', location, async () => new (await import('./azure.ts')).AzureFileIO({ properties }))
const gcs: Adapter = (location, properties) =>
  loadAdapter('@google-cloud/storage', location, async () => new (await import('./gcs.ts')).GcsFileIO({ properties }))

const adapters: Readonly<Record<string, Adapter>> = {
  s3,
  s3a: s3,
  s3n: s3,
  abfs: azure,
  abfss: azure,
  wasb: azure,
  wasbs: azure,
  gs: gcs,
  gcs,
}

/** Stores that Iceberg tables live in and that have no adapter, by scheme. */
const unserved: Readonly<Record<string, string>> = {
  adl: 'Azure Data Lake Storage Gen1',
  hdfs: 'Hadoop',
  oss: 'Alibaba Cloud OSS',
}

/**
 * Picks the store by the location's scheme: the local disk for plain paths and `file:`, Amazon S3 for `s3:`, Azure for `abfss:`
 * and its like, Google Cloud Storage for `gs:`. The library of an object store is an optional peer, loaded with the first call.
 *
 * The properties are Iceberg's own for that store (`s3.*`, `client.region`, `adls.*`, `gcs.*`): what a catalog vends, and what
 * the operator sets.
 */
export const fileIOFor: FileIOFactory = (location, properties): FileIO => {
  const scheme = schemeOf(location)
  if (scheme === undefined || scheme === 'file') return new LocalFileIO()
  const adapter = adapters[scheme]
  if (adapter !== undefined) return new LazyFileIO(() => adapter(location, properties))
  const store = unserved[scheme]
  throw new IcebergError(
    'invalid-argument',
    store === undefined
      ? `No file store knows the scheme ${scheme}: of ${location}`
      : `${location} is in ${store}, and there is no ${scheme}: adapter in @icebridge/fileio`,
    {
      context: { path: location, scheme },
      hint: 'Use a local path, s3:, abfss: or gs:, or pass a FileIO of your own for this scheme.',
    },
  )
}
