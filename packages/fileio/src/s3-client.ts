import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { badProperty } from './object-store.ts'

/** What writes need to know beside the client. */
export interface S3WriteSettings {
  readonly partBytes: number
  /** `If-None-Match: *` on writes, so that the store itself refuses to overwrite. */
  readonly conditionalCreate: boolean
  /** Parameters of PutObject and CreateMultipartUpload. */
  readonly encryption: Readonly<{
    ServerSideEncryption?: 'AES256' | 'aws:kms' | 'aws:kms:dsse'
    SSEKMSKeyId?: string
  }>
}

const MIN_PART_BYTES = 5 * 1024 * 1024
const DEFAULT_PART_BYTES = 8 * 1024 * 1024

/**
 * A client's configuration from the properties that Iceberg's libraries share: `s3.endpoint`, `s3.path-style-access`,
 * `client.region` or `s3.region`, `s3.access-key-id`, `s3.secret-access-key`, `s3.session-token`. Without keys the SDK's own
 * chain is asked (environment, profiles, roles).
 *
 * @throws IcebergError `invalid-argument` for half a key pair or for request signing by a catalog.
 * @see https://iceberg.apache.org/docs/latest/aws/#s3-fileio
 */
export function s3ClientConfig(properties: Readonly<Record<string, string>>): S3ClientConfig {
  if (properties['s3.remote-signing-enabled']?.toLowerCase() === 'true') {
    throw badProperty(
      's3.remote-signing-enabled',
      'asks for requests signed by the catalog, which is not supported',
      'Let the catalog vend credentials instead, or give keys.',
    )
  }
  const accessKeyId = properties['s3.access-key-id']
  const secretAccessKey = properties['s3.secret-access-key']
  const sessionToken = properties['s3.session-token']
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw badProperty(
      accessKeyId === undefined ? 's3.secret-access-key' : 's3.access-key-id',
      'stands without the other half of the key pair',
      'Give s3.access-key-id and s3.secret-access-key together, or neither.',
    )
  }
  const endpoint = properties['s3.endpoint']
  const region = properties['client.region'] ?? properties['s3.region']
  return {
    // A store of another make often does not care; the SDK insists on one.
    ...(region !== undefined ? { region } : endpoint === undefined ? {} : { region: 'us-east-1' }),
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: properties['s3.path-style-access']?.toLowerCase() === 'true',
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } }),
    // Stores of other makes refuse the SDK's optional checksum trailers.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 5,
  }
}

/** @throws IcebergError `invalid-argument` for a part size out of range or an encryption type that is not supported. */
export function s3WriteSettings(properties: Readonly<Record<string, string>>): S3WriteSettings {
  const declared = properties['s3.multipart.part-size-bytes']
  const partBytes = declared === undefined ? DEFAULT_PART_BYTES : Number(declared)
  if (!Number.isSafeInteger(partBytes) || partBytes < MIN_PART_BYTES) {
    throw badProperty(
      's3.multipart.part-size-bytes',
      `is ${declared ?? ''}`,
      `S3 takes parts from ${MIN_PART_BYTES} bytes.`,
    )
  }
  return {
    partBytes,
    conditionalCreate: properties['s3.conditional-create']?.toLowerCase() !== 'false',
    encryption: encryption(properties),
  }
}

function encryption(properties: Readonly<Record<string, string>>): S3WriteSettings['encryption'] {
  const type = properties['s3.sse.type']?.toLowerCase() ?? 'none'
  const key = properties['s3.sse.key']
  switch (type) {
    case 'none':
      return {}
    case 's3':
      return { ServerSideEncryption: 'AES256' }
    case 'kms':
    case 'dsse-kms':
      return {
        ServerSideEncryption: type === 'kms' ? 'aws:kms' : 'aws:kms:dsse',
        ...(key === undefined ? {} : { SSEKMSKeyId: key }),
      }
    default:
      throw badProperty('s3.sse.type', `is ${type}, which is not supported`, 'Use none, s3, kms or dsse-kms.')
  }
}
