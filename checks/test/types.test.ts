import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkPackage, Package } from '@arethetypeswrong/core'
import { problemAffectsResolutionKind } from '@arethetypeswrong/core/problems'
import { expect, test } from 'vitest'
import { publishablePackages, type WorkspacePackage } from '../src/workspace.ts'

/** How those who import an ESM-only package find its types: Node's own resolution, and a bundler's. */
const resolutions = ['node16-esm', 'bundler'] as const
const libraries = publishablePackages().filter(({ manifest }) => manifest.exports !== undefined)

test('there are packages with types', () => {
  expect(libraries.length).toBeGreaterThan(10)
})

test.each(libraries)('the types of $shortName are found, and are those of its modules', async (library) => {
  const analysis = await checkPackage(published(library))
  if (analysis.types === false) throw new Error('no types were found')
  const entryPoints = Object.values(analysis.entrypoints).filter(({ subpath }) => subpath !== './package.json')
  const found = entryPoints.flatMap(({ subpath, resolutions: by }) =>
    resolutions.map((kind) => `${subpath} ${kind} ${by[kind].resolution?.isTypeScript === true}`),
  )
  expect(found).toEqual(typedSubpaths(library).flatMap((path) => resolutions.map((kind) => `${path} ${kind} true`)))
  const problems = analysis.problems.filter((problem) =>
    resolutions.some((kind) => problemAffectsResolutionKind(problem, kind, analysis)),
  )
  expect(problems).toEqual([])
})

function typedSubpaths({ manifest }: WorkspacePackage): readonly string[] {
  return Object.entries(manifest.exports ?? {}).flatMap(([path, target]) => (typeof target === 'string' ? [] : [path]))
}

/** A package as it is published: its manifest and its build. */
function published({ folder, manifest }: WorkspacePackage): Package {
  const files = globSync(['package.json', 'dist/**/*.{js,ts}', 'src/**/*.ts'], { cwd: folder })
  const contents = files.map((file): [string, string] => [
    `/node_modules/${manifest.name}/${file.replaceAll('\\', '/')}`,
    readFileSync(join(folder, file), 'utf8'),
  ])
  return new Package(Object.fromEntries(contents), manifest.name, manifest.version)
}
