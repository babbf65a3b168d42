import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileIOFor } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { SqlServer } from '@icebridge/sqlserver'
import { FaultPlan, startSandbox, type Sandbox } from '@icebridge/sqlserver-sandbox'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { icebridge } from './command.ts'

// Each step starts a process.
vi.setConfig({ testTimeout: 60_000 })

const password = 'Hunter2-hunter2'
const faults = new FaultPlan()
let sandbox: Sandbox
let source: SqlServer
let target: SqlServer
let folder: string

beforeAll(async () => {
  sandbox = await startSandbox({ password, databases: ['ERP', 'DWH'], faults })
  const connect = { server: sandbox.host, port: sandbox.port, user: 'sa', password, encrypt: false }
  source = await SqlServer.connect({ ...connect, database: 'ERP' })
  target = await SqlServer.connect({ ...connect, database: 'DWH' })
  for (const text of [
    'CREATE TABLE dbo.good (id int NOT NULL CONSTRAINT pk_good PRIMARY KEY, rv rowversion NOT NULL)',
    'CREATE TABLE dbo.keyless (id int NOT NULL, rv rowversion NOT NULL)',
    'CREATE TABLE dbo.unversioned (id int NOT NULL CONSTRAINT pk_unversioned PRIMARY KEY)',
    'CREATE TABLE dbo.many (id int NOT NULL CONSTRAINT pk_many PRIMARY KEY, rv rowversion NOT NULL)',
    'INSERT INTO dbo.good (id) VALUES (1), (2)',
    'INSERT INTO dbo.keyless (id) VALUES (1)',
  ]) {
    await source.batch(text)
  }
}, 60_000)

afterAll(async () => {
  faults.clear()
  await source?.close()
  await target?.close()
  await sandbox?.close()
})

beforeEach(async () => {
  // Each test has a lake of its own, and a target that follows no other.
  await target.batch("IF OBJECT_ID(N'dbo.good', N'U') IS NOT NULL DROP TABLE dbo.good")
  await target.batch("IF OBJECT_ID(N'icebridge.applied', N'U') IS NOT NULL DELETE FROM icebridge.applied")
  folder = mkdtempSync(join(tmpdir(), 'icebridge-bad-'))
  return () => rmSync(folder, { recursive: true, force: true })
})

function configured(
  tables: readonly string[],
  change: { readonly target?: string; readonly password?: string } = {},
): string {
  const file = join(folder, 'sync.yaml')
  const connect = (database: string): string =>
    `{ server: ${sandbox.host}, port: ${sandbox.port}, database: ${database}, user: sa, password: "${change.password ?? password}", encrypt: false }`
  const entries = tables.map((table) => `  - { source: erp, table: "${table}", target: dwh }\n`)
  writeFileSync(
    file,
    `version: 1
sources:
  erp: ${connect('ERP')}
targets:
  dwh: ${connect(change.target ?? 'DWH')}
warehouse:
  location: lake
tables:
${entries.join('')}`,
  )
  return file
}

async function openCatalog(): Promise<SqlCatalog> {
  const location = join(folder, 'lake')
  return await SqlCatalog.openSqlite({
    name: 'icebridge',
    path: join(location, 'catalog.db'),
    warehouse: location,
    io: fileIOFor,
    environment: systemEnvironment,
  })
}

test('a wrong password fails with 1, a hint, and without showing it', async () => {
  const config = configured(['dbo.good'], { password: 'Wrong-secret-1' })
  const ended = await icebridge(['run', '-c', config, '--json'])
  expect(ended.code).toBe(1)
  expect(ended.json).toMatchObject([{ type: 'error', label: 'erp.dbo.good → dwh', code: 'login-failed' }])
  expect(ended.json[0]?.['hint']).toEqual(expect.any(String))
  expect(ended.stdout + ended.stderr).not.toContain('Wrong-secret-1')
})

test('a database that is not there is told by its name', async () => {
  const ended = await icebridge(['run', '-c', configured(['dbo.good'], { target: 'Nowhere' })])
  expect(ended.code).toBe(1)
  expect(ended.stderr).toContain('Nowhere')
})

test('a table that fails keeps no other from running', async () => {
  const config = configured(['dbo.missing', 'dbo.keyless', 'dbo.unversioned', 'dbo.good'])
  const ended = await icebridge(['run', '-c', config, '--json'])
  expect(ended.code).toBe(1)
  const byLabel = new Map(ended.json.map((line) => [line['label'], line]))
  expect(byLabel.get('erp.dbo.good → dwh')).toMatchObject({ type: 'run', extract: { rows: '2' } })
  expect(byLabel.get('erp.dbo.missing → dwh')).toMatchObject({ type: 'error', code: 'no-such-table' })
  expect(byLabel.get('erp.dbo.keyless → dwh')).toMatchObject({ type: 'error', code: 'plan' })
  expect(byLabel.get('erp.dbo.unversioned → dwh')).toMatchObject({ type: 'error' })
  for (const name of ['missing', 'keyless', 'unversioned']) expect(ended.stderr).toContain(name)
  const status = await icebridge(['status', 'dbo.keyless', 'dbo.missing', '-c', config, '--json'])
  expect(status.json).toMatchObject([{ target: { exists: false } }, { target: { exists: false } }])
})

test('plan names what would stop a run, and changes nothing', async () => {
  const config = configured(['dbo.good', 'dbo.keyless'])
  const ended = await icebridge(['plan', '-c', config])
  expect(ended.code).toBe(1)
  expect(ended.stdout).toMatch(/erp\.dbo\.good → dwh \(rowversion\)/)
  expect(ended.stdout).toMatch(/id +int +int +exact/)
  expect(ended.stdout).toMatch(/✗ .*key/)
  const status = await icebridge(['status', 'dbo.good', '-c', config, '--json'])
  expect(status.json).toMatchObject([{ target: { exists: false } }])
  expect(status.json[0]).not.toHaveProperty('journal')
})

test('a table in the lake that somebody else made is left alone', async () => {
  const config = configured(['dbo.good'])
  const identifier = { namespace: ['erp_dbo'], name: 'good__changes' }
  {
    await using catalog = await openCatalog()
    await catalog.createNamespace(identifier.namespace)
    const schema = {
      schemaId: 0,
      fields: [{ id: 1, name: 'x', required: false, type: 'int' as const }],
      identifierFieldIds: [],
    }
    await catalog.createTable(identifier, { schema })
  }
  const ended = await icebridge(['run', '-c', config, '--json'])
  expect(ended.code).toBe(1)
  expect(ended.json).toMatchObject([
    { type: 'error', code: 'not-a-journal', hint: expect.stringContaining('namespace') },
  ])
  await using catalog = await openCatalog()
  expect((await catalog.loadTable(identifier)).metadata.snapshots).toEqual([])
})

test('a damaged metadata file is named, by run and by inspect', async () => {
  const config = configured(['dbo.good'])
  expect((await icebridge(['run', '-c', config])).code).toBe(0)
  let damaged: string
  {
    await using catalog = await openCatalog()
    const { metadataLocation } = await catalog.loadTable({ namespace: ['erp_dbo'], name: 'good__changes' })
    damaged = metadataLocation
  }
  writeFileSync(damaged, readFileSync(damaged, 'utf8').slice(0, 200))
  for (const args of [['run'], ['inspect', 'dbo.good']]) {
    const ended = await icebridge([...args, '-c', config])
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toContain(damaged)
  }
})

test('a target column that is too narrow is told by its name', async () => {
  await target.batch('CREATE TABLE dbo.good (id smallint NOT NULL CONSTRAINT pk_good PRIMARY KEY, rv binary(8) NULL)')
  const ended = await icebridge(['run', '-c', configured(['dbo.good']), '--json'])
  expect(ended.code).toBe(1)
  expect(ended.json).toMatchObject([{ type: 'error', code: 'plan', message: expect.stringContaining('smallint') }])
  expect(await target.query({ text: 'SELECT id FROM dbo.good' })).toEqual([])
})

test('scan ends quietly when its reader has enough', async () => {
  const ids = Array.from({ length: 1000 }, (_, index) => index)
  for (let thousand = 0; thousand < 4; thousand++) {
    await source.batch(`INSERT INTO dbo.many (id) VALUES ${ids.map((id) => `(${thousand * 1000 + id})`).join(',')}`)
  }
  expect((await icebridge(['run', '--leg', 'extract', '-c', configured(['dbo.many'])])).code).toBe(0)
  const ended = await icebridge(['scan', 'erp_dbo.many__changes', '--catalog', join(folder, 'lake', 'catalog.db')], {
    closeStdout: true,
  })
  expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' })
  expect(ended.stdout.length).toBeGreaterThan(0)
})

test('patterns ask the source, and one that takes nothing ends with 64', async () => {
  const config = configured(['dbo.g*'])
  const ended = await icebridge(['run', '-c', config])
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(ended.stdout).toContain('erp.dbo.good → dwh')
  expect(ended.stdout.trimEnd().split('\n')).toHaveLength(1)
  const none = await icebridge(['run', '-c', configured(['dbo.x*'])])
  expect(none).toMatchObject({ code: 64, stdout: '' })
  expect(none.stderr).toContain('dbo.x* takes no table of source erp')
})

test('an interrupted run stops cleanly with 130, and the next one goes on', async (context) => {
  context.skip(process.platform === 'win32', 'Windows has no signal that one process can send to another')
  const config = configured(['dbo.good'])
  const fault = faults.add({ at: 'row', nth: 1, text: /FROM \[dbo\]\.\[good\]/, action: { do: 'stall' } })
  const ended = await icebridge(['run', '-c', config], { interruptWhen: () => fault.whenFired })
  fault.release()
  faults.clear()
  expect(ended).toMatchObject({ code: 130, signal: null, stdout: '', stderr: 'interrupted\n' })
  const next = await icebridge(['run', '-c', config, '--json'])
  expect(next.json).toMatchObject([{ type: 'run', extract: { status: 'committed', mode: 'load', rows: '2' } }])
})
