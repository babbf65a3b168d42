import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { append, refreshTable, type LoadedTable } from '@icebridge/iceberg-core'
import { openStaticTable, systemEnvironment } from '@icebridge/iceberg-catalog'
import { sampleTable } from '@icebridge/iceberg-catalog/testing'
import { LocalFileIO } from '@icebridge/fileio'
import { expect, test } from 'vitest'
import { sqliteFixture, type SqliteFixture } from './fixture.ts'

const io = new LocalFileIO()

/** A table with three metadata files; the property `step` tells them apart. */
async function threeVersions(fixture: SqliteFixture): Promise<readonly LoadedTable[]> {
  await using catalog = await fixture.open()
  const identifier = { namespace: ['n'], name: 'moved things' }
  await catalog.createNamespace(['n'])
  const versions = [await catalog.createTable(identifier, sampleTable)]
  for (const step of ['1', '2']) {
    const base = versions.at(-1)
    if (base === undefined) throw new Error('no version')
    const updates = [{ action: 'set-properties', updates: { step } }] as const
    const outcome = await catalog.commitTable(identifier, { base, requirements: [], updates })
    if (outcome.status !== 'committed') throw new Error(outcome.status)
    versions.push(outcome.table)
  }
  return versions
}

test('opens a metadata file as it is, and stays on it', async () => {
  await using fixture = await sqliteFixture()
  const [, second] = await threeVersions(fixture)
  const table = await openStaticTable(second?.metadataLocation ?? '', io)
  expect(table.identifier).toEqual({ namespace: [], name: 'moved%20things' })
  expect(table.loaded.metadata).toEqual(second?.metadata)
  expect((await refreshTable(table)).loaded.metadataLocation).toBe(second?.metadataLocation)
})

test('opens a table folder in its newest version, and follows it on refresh', async () => {
  await using fixture = await sqliteFixture()
  const [first, second, third] = await threeVersions(fixture)
  if (first === undefined || second === undefined || third === undefined) throw new Error('no versions')
  await rename(third.metadataLocation, join(fixture.folder, 'third'))
  const table = await openStaticTable(`${first.metadata.location}/`, io)
  expect(table.loaded.metadataLocation).toBe(second.metadataLocation)
  await rename(join(fixture.folder, 'third'), third.metadataLocation)
  expect((await refreshTable(table)).loaded.metadata.properties['step']).toBe('2')
  const byMetadataFolder = await openStaticTable(`${first.metadata.location}/metadata`, io)
  expect(byMetadataFolder.loaded.metadataLocation).toBe(third.metadataLocation)
  expect(byMetadataFolder.identifier.name).toBe(table.identifier.name)
})

test('compares versions as numbers, and takes two of the highest for a question to the catalog', async () => {
  await using fixture = await sqliteFixture()
  const [first] = await threeVersions(fixture)
  if (first === undefined) throw new Error('no version')
  const text = await readFile(first.metadataLocation)
  const folder = join(first.metadata.location, 'metadata')
  await writeFile(join(folder, '100000-x.metadata.json'), text)
  expect((await openStaticTable(first.metadata.location, io)).loaded.metadataLocation).toContain('/100000-x.')
  await writeFile(join(folder, '100000-y.metadata.json'), text)
  await expect(openStaticTable(first.metadata.location, io)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringMatching(/100000-x.*100000-y/),
    hint: expect.stringContaining('catalog'),
  })
})

test.each([
  ['2', 'v2.metadata.json', 'v1.metadata.json'],
  ['2\n', 'v2.gz.metadata.json', 'v3.crc'],
  [' 7 ', 'v7.metadata.json.gz', 'v6.metadata.json'],
  ['1', 'v2.metadata.json', 'v1.metadata.json'],
  ['00001-abc', '00001-abc.metadata.json', '00009-abc.metadata.json'],
  ['00001-abc', '00001-abc.gz.metadata.json', '00009-abc.metadata.json'],
  ['00001-abc.metadata.json', '00001-abc.metadata.json', '00009-abc.metadata.json'],
])('follows the hint %j to %s', async (hint, expected, other) => {
  await using fixture = await sqliteFixture()
  const [first, second] = await threeVersions(fixture)
  if (first === undefined || second === undefined) throw new Error('no versions')
  const folder = join(fixture.folder, 'hinted', 'metadata')
  await mkdir(folder, { recursive: true })
  const bytes = await readFile(second.metadataLocation)
  await writeFile(join(folder, expected), expected.includes('gz') ? gzipSync(bytes) : bytes)
  await writeFile(join(folder, other), await readFile(first.metadataLocation))
  await writeFile(join(folder, 'version-hint.text'), hint)
  const table = await openStaticTable(join(fixture.folder, 'hinted'), io)
  expect(table.loaded.metadataLocation).toBe(join(folder, expected))
  expect(table.loaded.metadata.properties['step']).toBe('1')
  expect(table.identifier.name).toBe('hinted')
})

test('falls back to the newest file when the hint leads nowhere', async () => {
  await using fixture = await sqliteFixture()
  const [first, , third] = await threeVersions(fixture)
  await writeFile(join(first?.metadata.location ?? '', 'metadata', 'version-hint.text'), '99')
  const table = await openStaticTable(first?.metadata.location ?? '', io)
  expect(table.loaded.metadataLocation).toBe(third?.metadataLocation)
})

test('reads a moved table through mapPath', async () => {
  await using fixture = await sqliteFixture()
  const [first] = await threeVersions(fixture)
  const old = first?.metadata.location ?? ''
  const moved = join(fixture.folder, 'moved')
  await writeFile(join(old, 'metadata', 'list.avro'), 'list')
  await rename(old, moved)
  const mapPath = (path: string): string => (path.startsWith(old) ? moved + path.slice(old.length) : path)
  const table = await openStaticTable(moved, io, { mapPath })
  expect(table.loaded.metadata.location).toBe(old)
  expect(new TextDecoder().decode(await table.io.read(`${old}/metadata/list.avro`))).toBe('list')
  expect(await table.io.stat(`${old}/metadata/list.avro`)).toEqual({ sizeBytes: 4 })
})

test('refuses every change with the remedy', async () => {
  await using fixture = await sqliteFixture()
  const [first] = await threeVersions(fixture)
  const table = await openStaticTable(first?.metadata.location ?? '', io)
  const { catalog, identifier, loaded } = table
  const refused = { code: 'unsupported-operation', hint: expect.stringContaining('catalog') }
  await expect(catalog.commitTable(identifier, { base: loaded, requirements: [], updates: [] })).rejects.toMatchObject(
    refused,
  )
  await expect(append(table, { files: [] }, { environment: systemEnvironment })).rejects.toMatchObject(refused)
  await expect(catalog.dropTable(identifier)).rejects.toMatchObject(refused)
  await expect(catalog.createTable(identifier, sampleTable)).rejects.toMatchObject(refused)
  await expect(catalog.createNamespace(['n'])).rejects.toMatchObject(refused)
  await expect(table.io.create(`${loaded.metadata.location}/x`)).rejects.toMatchObject(refused)
  await expect(table.io.delete(loaded.metadataLocation)).rejects.toMatchObject(refused)
  await expect(catalog.loadTable({ namespace: [], name: 'other' })).rejects.toMatchObject({ code: 'no-such-table' })
  expect(await catalog.tableExists(identifier)).toBe(true)
})

test('names what is not a table', async () => {
  await using fixture = await sqliteFixture()
  await mkdir(join(fixture.folder, 'empty', 'metadata'), { recursive: true })
  for (const folder of ['empty', 'absent']) {
    const location = join(fixture.folder, folder)
    await expect(openStaticTable(location, io)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(location),
      hint: expect.stringContaining('metadata'),
    })
  }
  const file = join(fixture.folder, 'x.metadata.json')
  await writeFile(file, '{}')
  await expect(openStaticTable(file, io)).rejects.toThrow(file)
  await rm(file)
  await expect(openStaticTable(file, io)).rejects.toMatchObject({ code: 'not-found' })
})
