import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { icebridge } from './command.ts'

// Each step starts a process.
vi.setConfig({ testTimeout: 60_000 })

const folder = mkdtempSync(join(tmpdir(), 'icebridge-cli-'))
const config = join(folder, 'sync.yaml')

// No server listens on port 1 of this machine.
const text = `version: 1
sources:
  erp: { server: 127.0.0.1, port: 1, database: ERP, user: sync, password: hunter2, encrypt: false, connectTimeoutMs: 2000 }
warehouse:
  location: lake
tables:
  - source: erp
    table: dbo.orders
`

beforeAll(() => writeFileSync(config, text))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('help is printed on stdout and is no failure', async () => {
  const general = await icebridge(['--help'])
  expect(general).toMatchObject({ code: 0, stderr: '' })
  for (const word of ['run', 'plan', 'verify', 'status', 'inspect', 'scan', 'Exit codes']) {
    expect(general.stdout).toContain(word)
  }
  const run = await icebridge(['run', '--help'])
  expect(run).toMatchObject({ code: 0, stderr: '' })
  for (const word of ['--config <file>', '--json', '--leg <leg>', '[tables...]']) expect(run.stdout).toContain(word)
})

test('the version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  expect(await icebridge(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` })
})

test.each([
  [[], /Usage: icebridge/],
  [['rnu'], /unknown command 'rnu'[\s\S]*Did you mean run\?/],
  [['run'], /required option '-c, --config <file>'/],
  [['run', '-c', 'x.yaml', '--jsno'], /unknown option '--jsno'/],
  [['run', '-c', 'x.yaml', '--leg', 'both'], /Expected extract or apply/],
  [['inspect', '-c', 'x.yaml'], /missing required argument 'table'/],
  [['scan', 'x', '--snapshot-id', '1.5'], /A snapshot id is an integer/],
  [['scan', 'x', '--as-of', '2026-01-31T12:00:00'], /a time with its zone/],
  [['scan', 'x', '--as-of', '2026-02-31x'], /a time with its zone/],
  [['scan', 'x', '--limit', '-1'], /Expected a number of rows/],
  [['scan', 'x', '--map-prefix', 'here'], /Expected FROM=TO/],
  [['scan', 'x', '--columns', 'a,'], /A name is missing/],
  [['scan', 'x', '--snapshot-id', '1', '--as-of', '2026-01-31'], /either --snapshot-id or --as-of/],
])('a mistake in the arguments %j ends with 64 and nothing on stdout', async (args, message) => {
  const ended = await icebridge(args)
  expect(ended).toMatchObject({ code: 64, stdout: '' })
  expect(ended.stderr).toMatch(message)
})

test('a mistake in the configuration ends with 64 and tells file, line and column', async () => {
  const file = join(folder, 'typo.yaml')
  writeFileSync(file, text.replace('    table:', '    tabel:'))
  const plain = await icebridge(['run', '-c', file])
  expect(plain).toMatchObject({ code: 64, stdout: '' })
  expect(plain.stderr).toBe(
    `${file}:7:5: tables[0].table: is missing (text)\n${file}:8:5: tables[0].tabel: is not a setting; did you mean \`table\`?\n`,
  )
  const json = await icebridge(['run', '-c', file, '--json'])
  expect(json.code).toBe(64)
  expect(json.json).toMatchObject([
    { schemaVersion: 1, type: 'error', code: 'configuration', problems: [{ line: 7, column: 5 }, { line: 8 }] },
  ])
})

test('a table that is not configured ends with 64', async () => {
  for (const name of ['dbo.ordres', 'other.dbo.orders', 'orders']) {
    const ended = await icebridge(['status', name, '-c', config])
    expect(ended).toMatchObject({ code: 64, stdout: '' })
    expect(ended.stderr).toContain(name)
  }
})

test('status and inspect ask no server about a table without a target, and make no lake', async () => {
  const status = await icebridge(['status', '-c', config, '--json'])
  expect(status).toMatchObject({ code: 0, stderr: '' })
  expect(status.json).toMatchObject([{ schemaVersion: 1, type: 'status', label: 'erp.dbo.orders' }])
  const inspect = await icebridge(['inspect', 'erp.dbo.orders', '-c', config])
  expect(inspect).toMatchObject({ code: 1, stdout: '' })
  expect(inspect.stderr).toMatch(/erp\.dbo\.orders has no journal in the lake yet\n {2}→ Run `icebridge run` first/)
  expect(existsSync(join(folder, 'lake'))).toBe(false)
})

test('an unreachable server fails the table with 1, by its name, without the password', async () => {
  const plain = await icebridge(['run', '-c', config])
  expect(plain.code).toBe(1)
  expect(plain.stderr).toMatch(/127\.0\.0\.1/)
  expect(plain.stderr).toMatch(/→ /)
  expect(plain.stdout + plain.stderr).not.toContain('hunter2')
  const json = await icebridge(['run', '-c', config, '--json'])
  expect(json.json).toMatchObject([
    { schemaVersion: 1, type: 'error', label: 'erp.dbo.orders', code: 'unreachable', retryable: true },
  ])
})

test('scan tells a location that holds no table, and damaged metadata', async () => {
  const empty = await icebridge(['scan', join(folder, 'nothing')])
  expect(empty).toMatchObject({ code: 1, stdout: '' })
  expect(empty.stderr).toContain(join(folder, 'nothing'))
  const damaged = join(folder, 'v1.metadata.json')
  writeFileSync(damaged, '{"format-version": 2, "table-uuid": ')
  const ended = await icebridge(['scan', damaged])
  expect(ended).toMatchObject({ code: 1, stdout: '' })
  expect(ended.stderr).toContain(damaged)
})

test('scan leaves a file alone that is no catalog, and asks which when there are several', async () => {
  expect(await icebridge(['scan', 'a.b', '--catalog', join(folder, 'absent.db')])).toMatchObject({ code: 64 })
  expect(existsSync(join(folder, 'absent.db'))).toBe(false)

  const other = join(folder, 'other.db')
  new DatabaseSync(other).exec('CREATE TABLE t (x)')
  const before = readFileSync(other)
  const refused = await icebridge(['scan', 'a.b', '--catalog', other])
  expect(refused.code).toBe(64)
  expect(refused.stderr).toContain('is not a SQL catalog of Iceberg')
  expect(readFileSync(other)).toEqual(before)

  const two = join(folder, 'two.db')
  new DatabaseSync(two).exec(
    `CREATE TABLE iceberg_tables (catalog_name, table_namespace, table_name, metadata_location, previous_metadata_location, iceberg_type);
     INSERT INTO iceberg_tables (catalog_name) VALUES ('one'), ('two'), ('one')`,
  )
  const several = await icebridge(['scan', 'a.b', '--catalog', two])
  expect(several.code).toBe(64)
  expect(several.stderr).toContain('holds several catalogs: one, two')
  const wrong = await icebridge(['scan', 'a.b', '--catalog', two, '--catalog-name', 'three'])
  expect(wrong.stderr).toContain('holds no catalog three')
  const short = await icebridge(['scan', 'b', '--catalog', two, '--catalog-name', 'one'])
  expect(short).toMatchObject({ code: 64 })
  expect(short.stderr).toContain('with its namespace')
})
