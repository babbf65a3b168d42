import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { WorkspacePackage } from './workspace.ts'

/** What a package's README tells its reader to do. */
export interface ReadmeExample {
  /** The packages of its `npm install` line. */
  readonly installs: readonly string[]
  /** The first TypeScript block, byte for byte. */
  readonly code: string
  /** The file under `examples/` that is the same text; undefined when there is none. */
  readonly file: string | undefined
}

/** Reads the example of a package's README; undefined when it has no TypeScript block or no README. */
export function readmeExample({ folder }: WorkspacePackage): ReadmeExample | undefined {
  const path = join(folder, 'README.md')
  if (!existsSync(path)) return undefined
  const text = readFileSync(path, 'utf8')
  const code = /^```ts\n(.*?)^```$/ms.exec(text)?.[1]
  if (code === undefined) return undefined
  const installs = /^npm install (.+)$/m.exec(text)?.[1]?.trim().split(/\s+/) ?? []
  const files = globSync('examples/*.ts', { cwd: folder })
  const file = files.find((candidate) => readFileSync(join(folder, candidate), 'utf8') === code)
  return { installs, code, file: file === undefined ? undefined : basename(file) }
}
