import { spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ancestorsOf, openTable, planScan } from '@icebridge/iceberg-core'
import { sampleTable } from '@icebridge/iceberg-catalog/testing'
import { expect, test } from 'vitest'
import { sqliteFixture } from './fixture.ts'

interface Ended {
  readonly code: number | null
  readonly snapshots: readonly string[]
  readonly stderr: string
}

function startAppender(folder: string, prefix: string, count: number): Promise<Ended> {
  const script = fileURLToPath(new URL('appender.mjs', import.meta.url))
  const child = spawn(process.execPath, ['--no-warnings', script, folder, prefix, String(count)])
  let out = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, snapshots: out.split('\n').filter((line) => line !== ''), stderr }))
  })
}

test('four processes that append to one table lose no commit', { timeout: 180_000 }, async () => {
  await using fixture = await sqliteFixture()
  await using catalog = await fixture.open()
  await catalog.createNamespace(['n'])
  const identifier = { namespace: ['n'], name: 't' }
  await catalog.createTable(identifier, sampleTable)
  const ended = await Promise.all(['a', 'b', 'c', 'd'].map((prefix) => startAppender(fixture.folder, prefix, 15)))
  expect(ended.map(({ code, stderr }) => ({ code, stderr }))).toEqual(ended.map(() => ({ code: 0, stderr: '' })))

  const table = await openTable(catalog, identifier, fixture.io)
  const { metadata } = table.loaded
  const history = ancestorsOf(metadata, metadata.currentSnapshotId ?? -1n).map(({ snapshotId }) => String(snapshotId))
  expect([...history].sort()).toEqual(ended.flatMap(({ snapshots }) => snapshots).sort())
  expect(history).toHaveLength(60)
  expect(metadata.lastSequenceNumber).toBe(60n)
  const files = new Set<string>()
  for await (const task of planScan(table)) files.add(task.file.filePath)
  expect(files.size).toBe(60)

  const left = await readdir(join(metadata.location, 'metadata'))
  expect(left.filter((name) => name.endsWith('.metadata.json'))).toHaveLength(61)
  expect(left.filter((name) => name.startsWith('snap-'))).toHaveLength(60)
  expect(left.filter((name) => name.startsWith('.tmp-'))).toEqual([])
})
