import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileIOFor } from '@icebridge/fileio'
import { openStaticTable, SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { icebridge, type Ended } from './command.ts'

// Each step starts a process.
vi.setConfig({ testTimeout: 60_000 })

/** Written by PyIceberg (see pyiceberg-table.py) under a folder that is no more. */
const fixture = fileURLToPath(new URL('fixtures/pyiceberg-table', import.meta.url))
const written = '/tmp/icebridge-fixture/events'
const moved = ['--map-prefix', `${written}=${fixture}`]

const full =
  '{"id":"9007199254740993","amount":"9999999999999999999999999999.9999999999","rate":-0.0,"day":"0001-01-01",' +
  '"at":"9999-12-31T23:59:59.999999","at_utc":"0001-01-01T00:00:00.000000Z","clock":"23:59:59.999999",' +
  String.raw`"odd, \"name\"":"Grüße 🚀","bytes":"AP8=","ok":true,"uuid":"00112233-4455-6677-8899-aabbccddeeff",` +
  '"tags":["a",null],"prices":[["x","0.05"],["y",null]],"place":{"x":"1","y":0.5}}'

let folder: string
let snapshots: readonly { readonly snapshotId: bigint; readonly timestampMs: number }[]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'icebridge-scan-'))
  const { loaded } = await openStaticTable(fixture, fileIOFor(fixture, {}))
  snapshots = loaded.metadata.snapshots
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function lines({ stdout, stderr, code }: Ended): string[] {
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return stdout === '' ? [] : stdout.trimEnd().split('\n')
}

function ids(ended: Ended): string[] {
  return lines(ended)
    .map((line) => /"id":"(\d+)"/.exec(line)?.[1] ?? line)
    .sort()
}

test('prints a table of another engine exactly, from its folder', async () => {
  const found = lines(await icebridge(['scan', fixture, ...moved]))
  expect(found).toHaveLength(3)
  expect(found).toContain(full)
  expect(found.find((line) => line.startsWith('{"id":"3"'))).toContain('"rate":"NaN"')
})

test('takes relative locations, and prefixes that lead to relative ones', async () => {
  const ended = await icebridge(['scan', 'pyiceberg-table/', '--map-prefix', `${written}=pyiceberg-table`], {
    cwd: join(fixture, '..'),
  })
  expect(ids(ended)).toEqual(['2', '3', '9007199254740993'])
})

test('reads an earlier metadata file as the table was then', async () => {
  const file = readdirSync(join(fixture, 'metadata')).find((name) => /^00001-.*json$/.test(name)) ?? ''
  expect(ids(await icebridge(['scan', join(fixture, 'metadata', file), ...moved]))).toEqual(['2', '9007199254740993'])
})

test('travels in time by snapshot id and by time', async () => {
  const [first, second] = snapshots
  if (first === undefined || second === undefined) throw new Error('the fixture has two snapshots')
  const byId = await icebridge(['scan', fixture, ...moved, '--snapshot-id', String(first.snapshotId)])
  expect(ids(byId)).toEqual(['2', '9007199254740993'])
  const between = new Date(second.timestampMs - 1).toISOString()
  expect(ids(await icebridge(['scan', fixture, ...moved, '--as-of', between]))).toEqual(['2', '9007199254740993'])
  const after = await icebridge(['scan', fixture, ...moved, '--as-of', new Date(second.timestampMs).toISOString()])
  expect(ids(after)).toHaveLength(3)
})

test('a snapshot or a time that the table does not know fails with 1 and says so', async () => {
  const unknown = await icebridge(['scan', fixture, ...moved, '--snapshot-id', '42'])
  expect(unknown).toMatchObject({ code: 1, stdout: '' })
  expect(unknown.stderr).toContain('no snapshot 42')
  const early = await icebridge(['scan', fixture, ...moved, '--as-of', '2001-01-01'])
  expect(early).toMatchObject({ code: 1, stdout: '' })
  expect(early.stderr).toContain('2001-01-01')
})

test('reads the columns that are asked for, and no more rows than asked for', async () => {
  const columns = await icebridge(['scan', fixture, ...moved, '--columns', 'ok,"odd, ""name""",id', '--limit', '3'])
  for (const line of lines(columns)) expect(Object.keys(JSON.parse(line)).sort()).toEqual(['id', 'odd, "name"', 'ok'])
  expect(lines(await icebridge(['scan', fixture, ...moved, '--limit', '2']))).toHaveLength(2)
  expect(lines(await icebridge(['scan', fixture, ...moved, '--limit', '0']))).toEqual([])
  const absent = await icebridge(['scan', fixture, ...moved, '--columns', 'id,nmae'])
  expect(absent).toMatchObject({ code: 1, stdout: '' })
  expect(absent.stderr).toContain('nmae')
})

test('names the file that is not there when files have moved', async () => {
  const ended = await icebridge(['scan', fixture])
  expect(ended).toMatchObject({ code: 1, stdout: '' })
  expect(ended.stderr).toContain(written)
})

test('finds a table by its name in the only catalog of a file', async () => {
  const path = join(folder, 'catalog.db')
  {
    await using catalog = await SqlCatalog.openSqlite({
      name: 'lake',
      path,
      warehouse: folder,
      io: fileIOFor,
      environment: systemEnvironment,
    })
    const { loaded } = await openStaticTable(fixture, fileIOFor(fixture, {}))
    await catalog.createNamespace(['db'])
    await catalog.registerTable({ namespace: ['db'], name: 'events' }, loaded.metadataLocation)
  }
  expect(ids(await icebridge(['scan', 'db.events', '--catalog', path, ...moved]))).toHaveLength(3)
  const absent = await icebridge(['scan', 'db.evnts', '--catalog', path, '--catalog-name', 'lake'])
  expect(absent).toMatchObject({ code: 1, stdout: '' })
  expect(absent.stderr).toContain('db.evnts')
})

test('a damaged manifest list fails with 1 and names the file', async () => {
  const copy = join(folder, 'damaged')
  cpSync(fixture, copy, { recursive: true })
  for (const name of readdirSync(join(copy, 'metadata'))) {
    if (name.startsWith('snap-')) writeFileSync(join(copy, 'metadata', name), 'not avro')
  }
  const ended = await icebridge(['scan', copy, '--map-prefix', `${written}=${copy}`])
  expect(ended).toMatchObject({ code: 1, stdout: '' })
  expect(ended.stderr).toMatch(/snap-\d+/)
})

test('a table whose files have moved says how to find them', async () => {
  const lost = await icebridge(['scan', fixture])
  expect(lost.code).toBe(1)
  expect(lost.stderr).toContain('--map-prefix FROM=TO')
})
