/** Credentials that a catalog hands out for the files below a location. */
export interface StorageCredential {
  readonly prefix: string
  readonly config: Readonly<Record<string, string>>
}

/** What a catalog says for the files of one table. */
export interface TableAccess {
  /** For every file: the catalog's properties, and the table's `config` over them. */
  readonly config: Readonly<Record<string, string>>
  readonly credentials: readonly StorageCredential[]
}

/** The properties for the files at `location`: those of the longest prefix that fits go before the table's own. */
export function configFor(access: TableAccess, location: string): Readonly<Record<string, string>> {
  const credential = credentialFor(access, location)
  return credential === undefined ? access.config : { ...access.config, ...credential.config }
}

export function credentialFor(access: TableAccess, location: string): StorageCredential | undefined {
  let best: StorageCredential | undefined
  for (const credential of access.credentials) {
    if (!location.startsWith(credential.prefix)) continue
    if (best === undefined || credential.prefix.length > best.prefix.length) best = credential
  }
  return best
}

/**
 * Where each store says when its credentials expire, in milliseconds since 1970.
 * @see https://iceberg.apache.org/docs/nightly/aws/ and the vended credentials providers of Java's AWS, GCP and Azure modules
 */
const expiryKey =
  /^(?:s3\.session-token-expires-at-ms|gcs\.oauth2\.token-expires-at|adls\.sas-token-expires-at-ms\..+)$/

/** When the first of the credentials expires; `undefined` when none does. */
export function expiresAtMs(access: TableAccess): number | undefined {
  const configs = [access.config, ...access.credentials.map((credential) => credential.config)]
  const times = configs
    .flatMap((config) => Object.entries(config))
    .filter(([key]) => expiryKey.test(key))
    .map(([, value]) => Number(value))
    .filter((time) => Number.isFinite(time))
  return times.length === 0 ? undefined : Math.min(...times)
}
