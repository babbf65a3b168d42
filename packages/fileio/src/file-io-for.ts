import { IcebergError, type FileIO, type FileIOFactory } from '@icebridge/iceberg-core'
import { LocalFileIO } from './local.ts'
import { schemeOf } from './location.ts'

/** Stores that Iceberg tables live in, by scheme. */
const stores: Readonly<Record<string, string>> = {
  s3: 'Amazon S3',
  s3a: 'Amazon S3',
  s3n: 'Amazon S3',
  gs: 'Google Cloud Storage',
  gcs: 'Google Cloud Storage',
  abfs: 'Azure Data Lake Storage',
  abfss: 'Azure Data Lake Storage',
  wasb: 'Azure Blob Storage',
  wasbs: 'Azure Blob Storage',
  adl: 'Azure Data Lake Storage',
  hdfs: 'Hadoop',
  oss: 'Alibaba Cloud OSS',
}

/** Picks the store by the location's scheme: the local disk for plain paths and `file:`. */
export const fileIOFor: FileIOFactory = (location, _properties): FileIO => {
  const scheme = schemeOf(location)
  if (scheme === undefined || scheme === 'file') return new LocalFileIO()
  const store = stores[scheme]
  throw new IcebergError(
    'invalid-argument',
    store === undefined
      ? `No file store knows the scheme ${scheme}: of ${location}`
      : `${location} is in ${store}, and there is no ${scheme}: adapter in @icebridge/fileio yet`,
    {
      context: { path: location, scheme },
      hint: 'Use a local path or file: URI, or pass a FileIO of your own for this scheme.',
    },
  )
}
