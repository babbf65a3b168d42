import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox, type Sandbox } from '@icebridge/sqlserver-sandbox'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findPython } from '../src/python.ts'
import { output } from '../src/run-process.ts'
import { root } from '../src/workspace.ts'
import { icebridgeProgram } from './programs.ts'
import { runStatements } from './sql-client.ts'

const python = await findPython()
const readme = await readFile(join(root, 'README.md'), 'utf8')
let folder: string
let sandbox: Sandbox

/** The README's configuration, its environment variables, and a source with a table of two orders. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'icebridge-readme-'))
  await writeFile(join(folder, 'sync.yaml'), block('yaml'))
  sandbox = await startSandbox({ password: 'Readme-1', databases: ['Erp', 'Reporting'] })
  await runStatements(sandbox.mssqlConfig('Erp'), [
    'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [total] decimal(38,10) NULL, [rv] rowversion NOT NULL);',
    'INSERT INTO [dbo].[orders] ([id], [total]) VALUES (1, 0.1), (2, NULL);',
  ])
}, 60_000)

afterAll(async () => {
  await sandbox[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test("the README's commands sync its configuration and read the lake", async () => {
  expect(await icebridge('plan', '-c', 'sync.yaml')).toContain('decimal(38,10)')
  expect(await icebridge('run', '-c', 'sync.yaml')).toContain('inserted 2')
  expect(await icebridge('verify', '-c', 'sync.yaml')).toContain('equal, 2 rows')
  expect(await icebridge('status', '-c', 'sync.yaml')).toContain('erp.dbo.orders')
  expect(await icebridge('inspect', 'dbo.orders', '-c', 'sync.yaml')).toContain('erp_dbo.orders__changes')
  const inspected = jsonLines(await icebridge('inspect', 'dbo.orders', '-c', 'sync.yaml', '--json'))
  expect(inspected.at(-1)).toMatchObject({
    type: 'inspect',
    metadataLocation: expect.stringMatching(/\.metadata\.json$/),
  })
  const scanned = await icebridge('scan', 'erp_dbo.orders__changes', '--catalog', 'lake/catalog.db', '--limit', '10')
  expect(jsonLines(scanned)).toMatchObject([
    { _sync_seq: '1', id: 1, total: '0.1000000000' },
    { _sync_seq: '2', id: 2, total: null },
  ])
}, 60_000)

test("the README's Python reads the journal that its commands wrote", async (context) => {
  if ('missing' in python) return context.skip(python.missing)
  expect(await output(python.path, ['-c', block('python')], { cwd: folder })).toContain('0.1000000000')
}, 60_000)

/** The README's first block of a language. */
function block(language: string): string {
  const text = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(readme)?.[1]
  if (text === undefined) throw new Error(`README.md has no ${language} block`)
  return text
}

function jsonLines(text: string): readonly unknown[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

function icebridge(...args: readonly string[]): Promise<string> {
  const env = {
    ERP_SQLSERVER: sandbox.connectionString('Erp'),
    REPORTING_SQLSERVER: sandbox.connectionString('Reporting'),
  }
  return output(process.execPath, [icebridgeProgram, ...args], { cwd: folder, env })
}
