/** A location taken apart for comparison: spellings that name the same file have equal parts. */
export interface LocationKey {
  /** `file` for a plain path; `s3` for `s3a` and `s3n`; `abfs` for `abfss`, `wasb` and `wasbs`. */
  readonly scheme: string
  /** Bucket, container or host. */
  readonly authority: string
  /** With its leading slash. */
  readonly path: string
}

const sameSchemes: Readonly<Record<string, string>> = {
  s3a: 's3',
  s3n: 's3',
  abfss: 'abfs',
  wasb: 'abfs',
  wasbs: 'abfs',
}

/** One letter before the colon is a Windows drive, not a scheme. */
const pattern = /^([a-z][a-z0-9+.-]+):(?:\/\/([^/]*))?/i

export function locationKey(location: string): LocationKey {
  const match = pattern.exec(location)
  if (match === null) return { scheme: 'file', authority: '', path: filePath(location) }
  const scheme = match[1]?.toLowerCase() ?? ''
  const authority = (match[2] ?? '').toLowerCase()
  const path = location.slice(match[0].length)
  if (scheme === 'file') return { scheme, authority: authority === 'localhost' ? '' : authority, path: filePath(path) }
  return {
    scheme: sameSchemes[scheme] ?? scheme,
    // Both endpoints of an Azure account lead to the same blobs.
    authority: authority.replace('.blob.', '.dfs.'),
    path: path.startsWith('/') ? path : `/${path}`,
  }
}

/** The location as one string to look up by; equal for spellings that name the same file. */
export function locationText(location: string): string {
  const { scheme, authority, path } = locationKey(location)
  return `${scheme}://${authority}${path}`
}

/**
 * Every text by which a file that metadata names may be found. Writers differ on whether percent signs in `file:` URIs
 * stand for themselves, so both readings count.
 */
export function locationTexts(location: string): readonly string[] {
  const text = locationText(location)
  if (!/^file:/i.test(location) || !location.includes('%')) return [text]
  try {
    return [text, locationText(decodeURIComponent(location))]
  } catch {
    return [text] // a stray percent sign: not an encoded URI
  }
}

function filePath(path: string): string {
  return path.replace(/\/{2,}/g, '/')
}
