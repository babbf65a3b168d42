import { IcebergError } from '@icebridge/iceberg-core'

/** A location in an object store. Keys stand in locations as they are: nothing is percent-decoded. */
export interface ObjectLocation {
  /** `s3://bucket/`: what stands before the key, in the caller's spelling. */
  readonly prefix: string
  readonly scheme: string
  /** Bucket, or `container@account.host`. */
  readonly authority: string
  readonly key: string
}

/** @throws IcebergError `invalid-argument` for another scheme, no bucket, or (unless `keyOptional`) no key. */
export function objectLocation(
  path: string,
  schemes: readonly string[],
  options: { readonly keyOptional?: boolean } = {},
): ObjectLocation {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/]+)(\/|$)/i.exec(path)
  const scheme = match?.[1]?.toLowerCase() ?? ''
  const key = match === null ? '' : path.slice(match[0].length)
  if (match === null || !schemes.includes(scheme) || (key === '' && options.keyOptional !== true)) {
    throw new IcebergError('invalid-argument', `${JSON.stringify(path)} is not a ${schemes.join(': or ')}: location`, {
      context: { path },
      hint: `A location looks like ${schemes[0] ?? ''}://bucket/folder/file.`,
    })
  }
  return { prefix: match[0], scheme, authority: match[2] ?? '', key }
}
