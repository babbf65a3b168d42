import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SqlServer, type SqlServerConfig } from '@icebridge/sqlserver'
import { openTestServer, type TestServer } from '@icebridge/sqlserver/testing'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { icebridge } from './command.ts'

// Each step starts a process.
vi.setConfig({ testTimeout: 60_000 })

const tables = [
  `CREATE TABLE dbo.orders (
    id bigint NOT NULL CONSTRAINT pk_orders PRIMARY KEY,
    amount decimal(38,10) NULL,
    note nvarchar(50) NULL,
    placed datetime2(7) NULL,
    version rowversion NOT NULL
  )`,
  `CREATE TABLE dbo.[odd.name ]]"'🚀] (
    [select] int NOT NULL CONSTRAINT pk_odd PRIMARY KEY,
    [a b.c]]d] nvarchar(20) NULL,
    rv rowversion NOT NULL
  )`,
]
const odd = `[dbo].[odd.name ]]"'🚀]`

let server: TestServer
let source: SqlServer
let target: SqlServer
let sourceConfig: SqlServerConfig
let targetConfig: SqlServerConfig
let folder: string

beforeAll(async () => {
  server = await openTestServer()
  sourceConfig = await server.createDatabase('CliSource')
  targetConfig = await server.createDatabase('CliTarget')
  source = await SqlServer.connect(sourceConfig)
  target = await SqlServer.connect(targetConfig)
  for (const text of tables) await source.batch(text)
}, 60_000)

afterAll(async () => {
  await source?.close()
  await target?.close()
  await server?.[Symbol.asyncDispose]()
})

beforeEach(async () => {
  await source.batch('DELETE FROM dbo.orders')
  await target.batch("IF OBJECT_ID(N'dbo.orders', N'U') IS NOT NULL DROP TABLE dbo.orders")
  await target.batch("IF OBJECT_ID(N'icebridge.applied', N'U') IS NOT NULL DELETE FROM icebridge.applied")
  await source.batch(
    `INSERT INTO dbo.orders (id, amount, note, placed) VALUES
      (1, 1234567890123456789012345678.0123456789, N'Grüße 🚀', '2026-01-31T12:00:00.1234567'),
      (9007199254740993, -0.0000000005, NULL, '0001-01-01'),
      (3, NULL, N'', NULL)`,
  )
  folder = mkdtempSync(join(tmpdir(), 'icebridge-e2e-'))
  return () => rmSync(folder, { recursive: true, force: true })
})

function connection(config: SqlServerConfig): string {
  const { server: host, port, database, encrypt, trustServerCertificate } = config
  return JSON.stringify({
    server: host,
    port,
    database,
    user: config.user,
    password: '${env:SQL_PASSWORD}',
    encrypt,
    trustServerCertificate,
  })
}

/** Writes a configuration whose `tables` are the given YAML, and gives its path. */
function configured(
  entries: string,
  connect = { source: connection(sourceConfig), target: connection(targetConfig) },
): string {
  const file = join(folder, 'sync.yaml')
  writeFileSync(
    file,
    `version: 1
sources:
  erp: ${connect.source}
targets:
  dwh: ${connect.target}
warehouse:
  location: lake
watermarks:
  file: state/watermarks.json
tables:
${entries}
`,
  )
  return file
}

const orders = '  - { source: erp, table: dbo.orders, target: dwh }'

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): ReturnType<typeof icebridge> {
  return icebridge(args, { env: { SQL_PASSWORD: sourceConfig.password ?? '', ...env } })
}

test('two runs bring everything, then what changed, then nothing', async () => {
  const config = configured(orders)
  const first = await run(['run', '-c', config, '--json'])
  expect(first.stderr).toBe('')
  expect(first.code).toBe(0)
  expect(first.json).toMatchObject([
    {
      schemaVersion: 1,
      type: 'run',
      label: 'erp.dbo.orders → dwh',
      status: 'changed',
      extract: { status: 'committed', mode: 'load', rows: '3' },
      apply: { status: 'applied', inserted: '3', updated: '0', createdTarget: true },
    },
  ])
  await source.batch("UPDATE dbo.orders SET note = N'new' WHERE id = 3; INSERT INTO dbo.orders (id) VALUES (4)")
  const second = await run(['run', '-c', config])
  expect(second).toMatchObject({ code: 0, stderr: '' })
  expect(second.stdout).toMatch(
    /^erp\.dbo\.orders → dwh: increment 2 rows → snapshot \d+; inserted 1, updated 1, deleted 0/,
  )
  const third = await run(['run', '-c', config])
  expect(third.stdout).toContain('source unchanged; target up to date')
  expect(existsSync(join(folder, 'state', 'watermarks.json'))).toBe(true)

  const verified = await run(['verify', '-c', config])
  expect(verified).toMatchObject({ code: 0, stderr: '' })
  expect(verified.stdout).toMatch(/^erp\.dbo\.orders → dwh: equal, 4 rows/)
  await target.batch("UPDATE dbo.orders SET note = N'other' WHERE id = 1")
  const different = await run(['verify', '-c', config])
  expect(different.code).toBe(1)
  expect(different.stdout).toContain('different, missing 0, extra 0, different 1')
})

test('a run tells what a narrower target loses, and which row it refuses', async () => {
  await target.batch(
    `CREATE TABLE dbo.orders (id bigint NOT NULL PRIMARY KEY, amount decimal(38,10) NULL,
      note varchar(50) COLLATE Latin1_General_CI_AS NULL CHECK (note <> 'bad'), placed datetime2(3) NULL, version binary(8) NOT NULL)`,
  )
  const config = configured('  - { source: erp, table: dbo.orders, target: dwh, allowLoss: [note, placed] }')
  const narrowed = await run(['run', '-c', config])
  expect(narrowed).toMatchObject({ code: 0, stderr: '' })
  expect(narrowed.stdout).toContain('1 values of note narrowed, 1 values of placed narrowed')
  await source.batch("UPDATE dbo.orders SET placed = '2026-01-31T12:00:00.1234567' WHERE id = 3")
  expect((await run(['run', '-c', config, '--json'])).json).toMatchObject([{ apply: { losses: { placed: '1' } } }])

  await source.batch("UPDATE dbo.orders SET note = N'bad' WHERE id = 3")
  const refused = await run(['run', '-c', config])
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(/\[dbo\]\.\[orders\], column note, row with id = 3: error 547: /)
})

test('status tells the watermark and how far the target is behind', async () => {
  const config = configured(orders)
  const before = await run(['status', '-c', config])
  expect(before).toMatchObject({ code: 0, stderr: '' })
  expect(before.stdout).toMatch(/erp\.dbo\.orders → dwh +never run/)
  expect((await run(['run', '-c', config, '--leg', 'extract'])).code).toBe(0)
  const behind = await run(['status', '-c', config, '--json'])
  expect(behind.json).toMatchObject([
    { type: 'status', journal: { sequence: '3', strategy: 'rowversion' }, target: { exists: false, behind: '3' } },
  ])
  expect((await run(['run', '-c', config, '--leg', 'apply'])).code).toBe(0)
  expect((await run(['status', '-c', config, '--json'])).json).toMatchObject([
    { target: { exists: true, behind: '0' } },
  ])
})

test('inspect shows the journal without any server', async () => {
  const config = configured(orders)
  const [ran] = (await run(['run', '-c', config, '--json'])).json
  await source.batch('INSERT INTO dbo.orders (id) VALUES (4)')
  await run(['run', '-c', config])
  const offline = configured('  - { source: erp, table: "dbo.*", target: dwh }', {
    source: '{ server: 127.0.0.1, port: 1, database: X }',
    target: '{ server: 127.0.0.1, port: 1, database: X }',
  })
  const inspected = await run(['inspect', 'erp.dbo.orders', '-c', offline, '--json'])
  expect(inspected).toMatchObject({ code: 0, stderr: '' })
  const files = inspected.json.filter(({ type }) => type === 'file')
  expect(files).toMatchObject([{ format: 'parquet' }, { format: 'parquet' }])
  expect(files.map(({ rows }) => String(rows)).sort()).toEqual(['1', '3'])
  expect(inspected.json.at(-1)).toMatchObject({
    schemaVersion: 1,
    type: 'inspect',
    label: 'erp.dbo.orders',
    journal: 'erp_dbo.orders__changes',
    head: { strategy: 'rowversion', sequence: '4', watermark: expect.stringMatching(/^0x[0-9a-fA-F]{16}$/) },
    snapshots: [
      { operation: 'append', addedRows: '1', inHistory: true },
      { addedRows: '3', watermark: ran && extractOf(ran) },
    ],
    files: { count: 2, rows: '4' },
  })
  const text = await run(['inspect', 'dbo.orders', '-c', offline])
  expect(text.stdout).toMatch(/amount +decimal\(38, 10\) +decimal\(38,10\)/)
  expect(text.stdout).toMatch(/snapshots \(2, newest first\)/)
  expect(text.stdout).toMatch(/files +2, 4 rows, \d+ bytes/)
})

function extractOf(result: Readonly<Record<string, unknown>>): unknown {
  return (result['extract'] as { watermark?: unknown } | undefined)?.watermark
}

test('scan reads the journal from its catalog, now and as it was', async () => {
  const config = configured(orders)
  const [ran] = (await run(['run', '-c', config, '--json'])).json
  await source.batch("UPDATE dbo.orders SET note = N'new' WHERE id = 3")
  await run(['run', '-c', config])
  const table = ['scan', 'erp_dbo.orders__changes', '--catalog', join(folder, 'lake', 'catalog.db')]
  const now = await run([...table, '--columns', 'id,amount,note,placed,_sync_ns100_placed,_sync_seq'])
  expect(now).toMatchObject({ code: 0, stderr: '' })
  expect(now.json).toHaveLength(4)
  expect(now.json.find(({ id }) => id === '1')).toMatchObject({
    amount: '1234567890123456789012345678.0123456789',
    note: 'Grüße 🚀',
    placed: '2026-01-31T12:00:00.123456',
    _sync_ns100_placed: 7,
  })
  expect(now.json.find(({ id }) => id === '9007199254740993')).toMatchObject({ amount: '-0.0000000005', note: null })
  const snapshotId = String((ran?.['extract'] as { snapshotId?: unknown } | undefined)?.snapshotId)
  expect((await run([...table, '--snapshot-id', snapshotId])).json).toHaveLength(3)
})

test('names with brackets, quotes, dots, spaces and emoji work everywhere', async () => {
  await source.batch(`DELETE FROM ${odd}; INSERT INTO ${odd} ([select], [a b.c]]d]) VALUES (1, N'x')`)
  const config = configured(
    `  - { source: erp, table: ${JSON.stringify(odd)}, target: dwh, targetTable: "[dbo].[{table}]" }`,
  )
  const ran = await run(['run', odd, '-c', config])
  expect(ran.stderr).toBe('')
  expect(ran.code).toBe(0)
  expect((await run(['verify', `erp.${odd}`, '-c', config])).stdout).toContain('equal, 1 rows')
  expect((await run(['inspect', odd, '-c', config])).stdout).toContain('a b.c]d')
})
