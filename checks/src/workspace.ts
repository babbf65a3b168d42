import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** The repository's root folder. */
export const root: string = resolve(import.meta.dirname, '../..')

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly bin?: Readonly<Record<string, string>>
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, string | { readonly types?: string }>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export interface WorkspacePackage {
  /** The name without its scope, e.g. `iceberg-core`. */
  readonly shortName: string
  readonly folder: string
  readonly manifest: Manifest
}

/** Every package of the workspace, read from disk. Throws when there is none: a check that looked at nothing must fail. */
export function workspacePackages(): readonly WorkspacePackage[] {
  const manifests = globSync(['packages/*/package.json', 'apps/*/package.json', '{demo,bench,checks}/package.json'], {
    cwd: root,
  })
  if (manifests.length === 0) throw new Error(`no package.json found under ${root}`)
  return manifests.map((path) => {
    const manifest: Manifest = JSON.parse(readFileSync(join(root, path), 'utf8'))
    return { shortName: manifest.name.replace('@icebridge/', ''), folder: join(root, dirname(path)), manifest }
  })
}

/** Packages that are published, in the order in which they build on each other. */
export function publishablePackages(): readonly WorkspacePackage[] {
  return workspacePackages().filter((p) => p.manifest.private !== true)
}

/** Our own packages among the given dependencies, by short name. */
export function ownDependencies(dependencies: Readonly<Record<string, string>> | undefined): readonly string[] {
  return Object.keys(dependencies ?? {})
    .filter((name) => name.startsWith('@icebridge/'))
    .map((name) => name.replace('@icebridge/', ''))
}

/** The names of packages that a source file imports, ours and others', without `node:` modules. */
export function importedPackages(file: string): readonly string[] {
  const text = readFileSync(file, 'utf8')
  const names = new Set<string>()
  for (const match of text.matchAll(/(?:from\s+|import\s*\(\s*|^import\s+)['"]([^'"]+)['"]/gm)) {
    const specifier = match[1] ?? ''
    if (specifier.startsWith('.') || specifier.startsWith('node:') || specifier === '') continue
    names.add(
      specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/'),
    )
  }
  return [...names]
}

/** The TypeScript sources of a package. */
export function sources(folder: string): readonly string[] {
  if (!existsSync(join(folder, 'src'))) return []
  return globSync('src/**/*.ts', { cwd: folder }).map((path) => join(folder, path))
}
