import { readFile, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { LoadedTable } from '@icebridge/iceberg-core'
import { LocalFileIO } from '@icebridge/fileio'
import { openStaticTable } from '@icebridge/iceberg-catalog'
import { sampleTable } from '@icebridge/iceberg-catalog/testing'
import { expect, test, vi } from 'vitest'
import { sqliteFixture } from './fixture.ts'

const orders = { namespace: ['shop'], name: 'orders' }
const updates = [{ action: 'set-properties', updates: { step: '1' } }] as const

const hintOf = (table: LoadedTable) => readFile(join(table.metadata.location, 'metadata/version-hint.text'), 'utf8')
const stem = (table: LoadedTable) => basename(table.metadataLocation, '.metadata.json')

test('names the current metadata file beside the table after each change, when it is asked', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open({ writeVersionHint: true })
  await catalog.createNamespace(orders.namespace)
  const created = await catalog.createTable(orders, sampleTable)
  expect(await hintOf(created)).toBe(stem(created))
  const outcome = await catalog.commitTable(orders, { base: created, requirements: [], updates })
  if (outcome.status !== 'committed') throw new Error(outcome.status)
  expect(await hintOf(outcome.table)).toBe(stem(outcome.table))
  const found = await openStaticTable(created.metadata.location, new LocalFileIO())
  expect(found.loaded.metadataLocation).toBe(outcome.table.metadataLocation)
  await catalog.dropTable(orders, { purge: true })
  expect(await readdir(join(created.metadata.location, 'metadata'))).toEqual([])
})

test.each([
  [false, 'true', true],
  [true, 'false', false],
  [false, undefined, false],
])('catalog option %s and table property %s: written is %s', async (writeVersionHint, property, expected) => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open({ writeVersionHint })
  await catalog.createNamespace(orders.namespace)
  const properties: Record<string, string> = property === undefined ? {} : { 'icebridge.write-version-hint': property }
  const created = await catalog.createTable(orders, { ...sampleTable, properties })
  const files = await readdir(join(created.metadata.location, 'metadata'))
  expect(files.includes('version-hint.text')).toBe(expected)
})

test('names the newest of many commits at once', async () => {
  await using fixture = await sqliteFixture()
  const options = { writeVersionHint: true }
  const clients = await Promise.all(Array.from({ length: 4 }, () => fixture.open(options)))
  await clients[0]?.createNamespace(orders.namespace)
  const base = await clients[0]!.createTable(orders, sampleTable)
  await Promise.all(
    Array.from({ length: 24 }, (_, index) => {
      const change = [{ action: 'set-properties', updates: { [`p${index}`]: 'yes' } }] as const
      return clients[index % 4]!.commitTable(orders, { base, requirements: [], updates: change })
    }),
  )
  const latest = await clients[0]!.loadTable(orders)
  expect(await hintOf(latest)).toBe(stem(latest))
  for (const client of clients) await client[Symbol.asyncDispose]()
})

test('a hint that cannot be written does not fail the commit', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open({ writeVersionHint: true })
  await catalog.createNamespace(orders.namespace)
  const created = await catalog.createTable(orders, sampleTable)
  vi.spyOn(fixture.io, 'replace').mockRejectedValue(new Error('no space'))
  const outcome = await catalog.commitTable(orders, { base: created, requirements: [], updates })
  expect(outcome.status).toBe('committed')
  expect(await hintOf(created)).toBe(stem(created))
})

test('is written by a store that cannot replace a file, too', async () => {
  await using fixture = await sqliteFixture()
  Object.defineProperty(fixture.io, 'replace', { value: undefined })
  await using catalog = await fixture.open({ writeVersionHint: true })
  await catalog.createNamespace(orders.namespace)
  const created = await catalog.createTable(orders, sampleTable)
  const outcome = await catalog.commitTable(orders, { base: created, requirements: [], updates })
  if (outcome.status !== 'committed') throw new Error(outcome.status)
  expect(await hintOf(created)).toBe(stem(outcome.table))
})

test('names a compressed metadata file without its ending', async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open({ writeVersionHint: true })
  await catalog.createNamespace(orders.namespace)
  const properties = { 'write.metadata.compression-codec': 'gzip' }
  const created = await catalog.createTable(orders, { ...sampleTable, properties })
  expect(await hintOf(created)).toBe(basename(created.metadataLocation, '.gz.metadata.json'))
  const found = await openStaticTable(created.metadata.location, new LocalFileIO())
  expect(found.loaded).toEqual(created)
})
