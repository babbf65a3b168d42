import { spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LocalFileIO } from '@icebridge/fileio'
import { systemEnvironment } from '@icebridge/iceberg-catalog'
import { RestCatalog } from '@icebridge/iceberg-catalog/rest'
import { sampleTable } from '@icebridge/iceberg-catalog/testing'
import { ancestorsOf, openTable, planScan, type Catalog, type TableMetadata } from '@icebridge/iceberg-core'
import { parquetReadObjects } from 'hyparquet'
import { expect, test } from 'vitest'
import { sqliteFixture } from './fixture.ts'
import { javaRestServer, startJavaRestServer } from './java-rest-server.ts'
import { postgres, postgresFixture } from './postgres-fixture.ts'
import { restFixture } from './rest-fixture.ts'

const writers = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const commitsEach = 50
const total = writers.length * commitsEach
const identifier = { namespace: ['n'], name: 't' }
const timeout = 300_000

interface Ended {
  readonly code: number | null
  readonly snapshots: readonly string[]
  readonly stderr: string
}

/** `place` is what appender.mjs takes. */
function startAppender(place: string, prefix: string): Promise<Ended> {
  const script = fileURLToPath(new URL('appender.mjs', import.meta.url))
  const child = spawn(process.execPath, ['--no-warnings', script, place, prefix, String(commitsEach)])
  let out = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, snapshots: out.split('\n').filter((line) => line !== ''), stderr }))
  })
}

/** Eight processes make fifty commits each; every commit and every row must be there. Gives the table's metadata. */
async function hammer(catalog: Catalog, place: string): Promise<TableMetadata> {
  await catalog.createNamespace(identifier.namespace)
  await catalog.createTable(identifier, sampleTable)
  const ended = await Promise.all(writers.map((prefix) => startAppender(place, prefix)))
  expect(ended.map(({ code, stderr }) => ({ code, stderr }))).toEqual(ended.map(() => ({ code: 0, stderr: '' })))

  const table = await openTable(catalog, identifier, new LocalFileIO())
  const { metadata } = table.loaded
  const history = ancestorsOf(metadata, metadata.currentSnapshotId ?? -1n).map(({ snapshotId }) => String(snapshotId))
  expect([...history].sort()).toEqual(ended.flatMap(({ snapshots }) => snapshots).sort())
  expect(history).toHaveLength(total)
  expect(metadata.lastSequenceNumber).toBe(BigInt(total))
  const rows: unknown[] = []
  for await (const { file } of planScan(table)) {
    const { buffer } = Uint8Array.from(await table.io.read(file.filePath))
    rows.push(...(await parquetReadObjects({ file: buffer })))
  }
  const names = writers.flatMap((prefix) => Array.from({ length: commitsEach }, (_, index) => `${prefix}-${index}`))
  expect(rows.map((row) => (row as { name: string }).name).sort()).toEqual(names.sort())
  return metadata
}

async function metadataFolder(metadata: TableMetadata): Promise<readonly string[]> {
  return await readdir(join(metadata.location, 'metadata'))
}

test('eight processes that append to one table of a SQLite catalog lose no commit', { timeout }, async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  const left = await metadataFolder(await hammer(catalog, fixture.folder))
  expect(left.filter((name) => name.endsWith('.metadata.json'))).toHaveLength(total + 1)
  expect(left.filter((name) => name.startsWith('snap-'))).toHaveLength(total)
  expect(left.filter((name) => name.startsWith('.tmp-'))).toEqual([])
})

test(
  'eight processes that append to one table of a PostgreSQL catalog lose no commit',
  { timeout },
  async (context) => {
    if ('missing' in postgres) return context.skip(postgres.missing)
    await using fixture = await postgresFixture()
    await using catalog = await fixture.open()
    const left = await metadataFolder(await hammer(catalog, fixture.url))
    expect(left.filter((name) => name.endsWith('.metadata.json'))).toHaveLength(total + 1)
    expect(left.filter((name) => name.startsWith('snap-'))).toHaveLength(total)
  },
)

test('eight processes that append to one table through a REST server lose no commit', { timeout }, async () => {
  await using fixture = await restFixture({ sendsEtags: true })
  await using catalog = await fixture.open()
  const left = await metadataFolder(await hammer(catalog, fixture.server.uri))
  expect(left.filter((name) => name.endsWith('.metadata.json'))).toHaveLength(total + 1)
  expect(left.filter((name) => name.startsWith('snap-'))).toHaveLength(total)
})

test(
  "eight processes that append to one table through Java's REST server lose no commit",
  { timeout },
  async (context) => {
    if ('missing' in javaRestServer) return context.skip(javaRestServer.missing)
    await using server = await startJavaRestServer()
    await using catalog = await RestCatalog.open({ name: 'java', uri: server.uri, environment: systemEnvironment })
    const left = await metadataFolder(await hammer(catalog, server.uri))
    expect(left.filter((name) => name.startsWith('snap-'))).toHaveLength(total)
  },
)
