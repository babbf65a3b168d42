import { stat } from 'node:fs/promises'
import { dirname, isAbsolute } from 'node:path'
import { IcebergError } from '@icebridge/iceberg-core'

/** The scheme of a location in lower case; `undefined` for a plain path. One letter is a Windows drive. */
export function schemeOf(location: string): string | undefined {
  return /^([a-z][a-z0-9+.-]+):/i.exec(location)?.[1]?.toLowerCase()
}

/**
 * The local path of a plain absolute path or of a `file:` URI with no, two or three slashes.
 *
 * Only URIs are percent-decoded. Java and PyIceberg write `file:` locations whose percent signs stand for themselves, so where
 * a URI can be read both ways, the reading wins of which more exists already; decoding wins a draw.
 * @throws IcebergError `invalid-argument` for a relative path, another scheme or another host.
 */
export async function localPath(location: string): Promise<string> {
  const scheme = schemeOf(location)
  if (scheme === undefined) return absolute(location, location)
  if (scheme !== 'file') {
    throw new IcebergError('invalid-argument', `${location} is not on the local disk: its scheme is ${scheme}`, {
      context: { path: location },
    })
  }
  const literal = absolute(uriPath(location), location)
  const decoded = percentDecoded(literal)
  if (decoded === undefined || decoded === literal) return literal
  return (await missingLevels(literal)) < (await missingLevels(decoded)) ? literal : decoded
}

function uriPath(location: string): string {
  const rest = location.slice('file:'.length)
  const authority = /^\/\/([^/]*)/.exec(rest)
  const host = authority?.[1]?.toLowerCase() ?? ''
  if (host !== '' && host !== 'localhost') {
    throw new IcebergError('invalid-argument', `${location} names the host ${host}; only local files can be opened`, {
      context: { path: location },
      hint: 'A local path has three slashes, as in file:///var/lake, or no scheme at all.',
    })
  }
  const path = authority === null ? rest : rest.slice(authority[0].length)
  return process.platform === 'win32' ? path.replace(/^\/+(?=[a-z]:)/i, '') : path
}

function absolute(path: string, location: string): string {
  if (isAbsolute(path) && !path.includes('\0')) return path
  throw new IcebergError('invalid-argument', `${JSON.stringify(location)} is not an absolute path`, {
    context: { path: location },
    hint: 'Give the full path: what is stored in a table must mean the same in every folder.',
  })
}

function percentDecoded(path: string): string | undefined {
  if (!path.includes('%')) return undefined
  try {
    const decoded = decodeURIComponent(path)
    return decoded.includes('\0') ? undefined : decoded
  } catch {
    return undefined // a stray percent sign: not an encoded URI
  }
}

/** How many levels at the end of the path do not exist yet. */
async function missingLevels(path: string): Promise<number> {
  let missing = 0
  for (let at = path; ; at = dirname(at), missing++) {
    try {
      await stat(at)
      return missing
    } catch {
      if (dirname(at) === at) return missing
    }
  }
}
