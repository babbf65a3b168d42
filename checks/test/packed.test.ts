import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '@icebridge/sqlserver-sandbox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compilePacked, installPacked, type PackedProject } from '../src/packed-workspace.ts'
import { readmeExample, type ReadmeExample } from '../src/readme.ts'
import { output } from '../src/run-process.ts'
import { publishablePackages } from '../src/workspace.ts'

/** The oldest Node that is promised; the one at hand where CI does not name it. */
const node = process.env['ICEBRIDGE_FLOOR_NODE'] ?? process.execPath
const packages = publishablePackages().map((pkg) => ({ ...pkg, example: readmeExample(pkg) }))
const libraries = packages.filter(({ manifest }) => manifest.bin === undefined)
const commands = packages.filter(({ manifest }) => manifest.bin !== undefined)

let folder: string
let messages: ReadonlyMap<string, readonly string[]>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'icebridge-packed-'))
  const names = packages.map(({ manifest }) => manifest.name)
  await installPacked(
    folder,
    names,
    packages.map(({ shortName, manifest, example }) => project(shortName, manifest.name, example)),
  )
  messages = await compilePacked(folder)
}, 120_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

test('there are packages to publish, and a command', () => {
  expect(libraries.length).toBeGreaterThan(10)
  expect(commands.map(({ shortName }) => shortName)).toEqual(['sync-cli'])
})

describe.each(libraries)('$shortName', ({ shortName, manifest, example }) => {
  test('its README begins with an example that is one of its examples/, and says what to install', () => {
    expect(example?.file).toMatch(/\.ts$/)
    expect(example?.installs).toContain(manifest.name)
  })

  test('its example compiles against the packed declarations', () => {
    const found = [...(messages.get(shortName) ?? []), ...(messages.get('') ?? [])]
    expect({ file: example?.file, found }).toEqual({ file: expect.stringMatching(/\.ts$/), found: [] })
  })

  test('its example runs from the tarball and prints its result', async () => {
    expect(await runExample(shortName, example)).not.toBe('')
  }, 30_000)
})

test.each(commands)('the command of $shortName runs from the tarball', async ({ shortName, manifest }) => {
  const installed = join(folder, 'projects', shortName, 'node_modules', manifest.name)
  for (const file of Object.values(manifest.bin ?? {})) {
    expect((await output(node, [join(installed, file), '--version'])).trim()).toBe(manifest.version)
    expect(await output(node, [join(installed, file), '--help'])).toContain('icebridge')
  }
})

function project(name: string, packageName: string, example: ReadmeExample | undefined): PackedProject {
  if (example?.file === undefined) return { name, installs: [packageName] }
  return { name, installs: example.installs, program: { file: example.file, text: example.code } }
}

/** Runs an example where it was installed; one that needs a SQL Server gets a sandbox with an empty SourceDb and TargetDb. */
async function runExample(name: string, example: ReadmeExample | undefined): Promise<string> {
  if (example?.file === undefined) throw new Error('the README has no example that stands under examples/')
  const program = example.file.replace(/\.ts$/, '.js')
  const run = (env: Readonly<Record<string, string>>): Promise<string> =>
    output(node, [program], { cwd: join(folder, 'projects', name), env })
  if (!example.code.includes('ICEBRIDGE_EXAMPLE_SQLSERVER')) return run({})
  await using sandbox = await startSandbox({ password: 'Example-1', databases: ['SourceDb', 'TargetDb'] })
  return await run({ ICEBRIDGE_EXAMPLE_SQLSERVER: sandbox.connectionString('SourceDb') })
}
