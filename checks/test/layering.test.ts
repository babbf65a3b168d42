import { expect, test } from 'vitest'
import { importedPackages, ownDependencies, sources, workspacePackages } from '../src/workspace.ts'

/** DESIGN: a package imports only from lower layers, and within a layer nothing. Layer 1 has two sides that do not know each other. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  columnar: [],
  'iceberg-core': [],
  'iceberg-io': ['columnar', 'iceberg-core'],
  'iceberg-catalog': ['columnar', 'iceberg-core'],
  fileio: ['columnar', 'iceberg-core'],
  sqlserver: ['columnar'],
  journal: ['columnar', 'iceberg-core', 'iceberg-io', 'iceberg-catalog', 'fileio', 'sqlserver'],
  'change-detection': ['journal', 'sqlserver', 'columnar'],
  watermarks: [],
  'sqlserver-import': ['journal', 'sqlserver', 'columnar'],
}
const lower = Object.keys(allowed)
const composers: Readonly<Record<string, readonly string[]>> = {
  sync: lower,
  'sync-cli': [...lower, 'sync'],
  'sync-worker': [...lower, 'sync'],
  'sqlserver-sandbox': [],
  demo: [...lower, 'sync', 'sqlserver-sandbox'],
  bench: [...lower, 'sync', 'sqlserver-sandbox'],
  checks: [],
}
const rules = { ...allowed, ...composers }
const packages = workspacePackages()

test('the layering check looks at every package that DESIGN names', () => {
  const present = packages.map((p) => p.shortName)
  expect(present).toEqual(expect.arrayContaining([...lower, 'sync', 'sync-cli', 'sqlserver-sandbox']))
  expect(Object.keys(rules)).toEqual(expect.arrayContaining(present))
})

test.each(packages)('$shortName depends only on lower layers', ({ shortName, manifest }) => {
  const own = ownDependencies({ ...manifest.dependencies, ...manifest.peerDependencies })
  expect(rules[shortName]).toEqual(expect.arrayContaining([...own]))
})

test.each(packages)('$shortName imports only what its package.json declares', ({ shortName, folder, manifest }) => {
  const files = sources(folder)
  expect(files).not.toEqual([])
  const declared = Object.keys({
    ...manifest.dependencies,
    ...manifest.peerDependencies,
    ...manifest.optionalDependencies,
  })
  for (const file of files) {
    // ./testing may reach for the sandbox and containers, which only a test has.
    const names = file.endsWith('testing.ts') || file.includes('/testing/') ? declared : importedPackages(file)
    const undeclared = names.filter((name) => name !== manifest.name && !declared.includes(name))
    expect({ shortName, file, undeclared }).toEqual({ shortName, file, undeclared: [] })
  }
})
