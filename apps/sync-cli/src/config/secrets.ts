import { readFileSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'

/** Where `${env:NAME}` and `${file:PATH}` get their values. */
export interface SecretSource {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Folder that relative paths of `${file:…}` start from. */
  readonly folder: string
}

/** Replaces `${env:NAME}` and `${file:PATH}` (one trailing line break is cut); `$${` is a plain `${`. Returns what is missing instead of throwing; never quotes a value. */
export function expandSecrets(
  text: string,
  source: SecretSource,
): { readonly value: string; readonly missing: readonly string[] } {
  const missing: string[] = []
  const value = text.replaceAll(/\$\$\{|\$\{([^}]*)\}/g, (whole: string, body: string | undefined) => {
    if (body === undefined) return '${'
    if (body.startsWith('env:')) {
      const found = source.env[body.slice(4)]
      if (found !== undefined) return found
      missing.push(`environment variable ${body.slice(4)} is not set`)
      return whole
    }
    if (body.startsWith('file:')) {
      const path = body.slice(5)
      try {
        return readFileSync(isAbsolute(path) ? path : resolve(source.folder, path), 'utf8').replace(/\r?\n$/, '')
      } catch {
        missing.push(`file ${path} cannot be read`)
        return whole
      }
    }
    missing.push(`\${${body}} is neither \${env:NAME} nor \${file:PATH}`)
    return whole
  })
  return { value, missing }
}
