import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { IcebergError, type TableIdentifier } from '@icebridge/iceberg-core'

/** Width of the name columns in the SQL catalog's tables. */
const MAX_NAME_LENGTH = 255

/**
 * A namespace as one text, its levels joined by dots, as every SQL catalog stores it.
 * @throws IcebergError `invalid-argument` for no level, an empty one, or one with a dot, which would read as two.
 */
export function namespaceText(namespace: readonly string[]): string {
  const text = namespace.join('.')
  if (namespace.length === 0 || namespace.some((level) => level === '' || level.includes('.'))) {
    throw new IcebergError('invalid-argument', `${JSON.stringify(namespace)} is not a namespace of a SQL catalog`, {
      context: { namespace: text },
      hint: 'Give at least one level; a level is not empty and has no dot.',
    })
  }
  return checkName(text, 'namespace')
}

export function namespaceLevels(text: string): readonly string[] {
  return text.split('.')
}

/** @throws IcebergError `invalid-argument` for a name that no SQL catalog can hold. */
export function checkName(name: string, what: 'namespace' | 'table name'): string {
  if (name !== '' && name.length <= MAX_NAME_LENGTH && !name.includes('\0') && name.isWellFormed()) return name
  throw new IcebergError('invalid-argument', `${JSON.stringify(name)} is not a ${what} of a SQL catalog`, {
    context: { name },
    hint: `A ${what} has 1 to ${MAX_NAME_LENGTH} characters, none of them a lone surrogate.`,
  })
}

/** A name with odd characters percent-encoded, so that it is one folder in every store and for every engine. */
export function folderName(name: string): string {
  return encodeURIComponent(name).replace(/[.!'()*~]/g, percentEncoded)
}

/** Where a table goes when nobody says: the namespace's levels stay joined, so that no table lies in another one's folder. */
export function defaultLocation(warehouse: string, identifier: TableIdentifier): string {
  const folder = identifier.namespace.map(folderName).join('.')
  return `${withoutSlash(warehouse)}/${folder}/${folderName(identifier.name)}`
}

/** Without slashes at the end; the root itself becomes the empty text, so that `/name` can follow. */
export function withoutSlash(location: string): string {
  return location.replace(/\/+$/, '')
}

/** A location as it is stored: plain and absolute on the local disk, since many readers do not take `file:` URIs. */
export function warehouseLocation(warehouse: string): string {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(warehouse)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme.length > 1 && scheme !== 'file') return withoutSlash(warehouse)
  const path = scheme === 'file' ? fileURLToPath(warehouse) : resolve(warehouse)
  return withoutSlash(process.platform === 'win32' ? path.replaceAll('\\', '/') : path)
}

function percentEncoded(character: string): string {
  return `%${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}`
}
