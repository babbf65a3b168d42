import { Storage, type StorageOptions } from '@google-cloud/storage'
import { badProperty } from './object-store.ts'

/**
 * A client from the properties that Iceberg's libraries share: `gcs.project-id`, `gcs.service.host`, `gcs.oauth2.token` with
 * `gcs.oauth2.token-expires-at`, `gcs.no-auth`; and `gcs.credentials-file`, a service account's key file. Without any,
 * Google's application default credentials.
 *
 * @throws IcebergError `invalid-argument` for a token that has expired.
 * @see https://iceberg.apache.org/docs/latest/gcp/
 */
export async function gcsClient(properties: Readonly<Record<string, string>>, nowMs: number): Promise<Storage> {
  const host = properties['gcs.service.host']
  const projectId = properties['gcs.project-id']
  const keyFilename = properties['gcs.credentials-file']
  return new Storage({
    ...(host === undefined ? {} : { apiEndpoint: host }),
    ...(projectId === undefined ? {} : { projectId }),
    ...(keyFilename === undefined ? {} : { keyFilename }),
    ...(await tokenClient(properties, nowMs)),
    useAuthWithCustomEndpoint: properties['gcs.no-auth']?.toLowerCase() !== 'true',
    retryOptions: { autoRetry: true, maxRetries: 4 },
  })
}

async function tokenClient(
  properties: Readonly<Record<string, string>>,
  nowMs: number,
): Promise<Pick<StorageOptions, 'authClient'>> {
  const token = properties['gcs.oauth2.token']
  if (token === undefined) return {}
  const expiresAtMs = Number(properties['gcs.oauth2.token-expires-at'] ?? Infinity)
  if (expiresAtMs <= nowMs) {
    throw badProperty('gcs.oauth2.token', 'has expired', 'Load the table again: the catalog vends a fresh token.')
  }
  const { OAuth2Client } = await import('google-auth-library')
  const authClient = new OAuth2Client()
  authClient.setCredentials({ access_token: token })
  return { authClient }
}
