import { spawnSync } from 'node:child_process'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FileWatermarkStore } from '@icebridge/watermarks'
import { sampleRecord } from '@icebridge/watermarks/testing'
import { expect, test } from 'vitest'
import { startWriter, temporaryFolder } from './fixture.ts'

/** A lock file exactly as this process writes it, caught while a write holds it. */
async function ownLock(folder: string): Promise<{ pid: number; host: string; start: string; token: string }> {
  const path = join(folder, 'probe.json')
  let text = ''
  await using store = await FileWatermarkStore.open(path)
  for (let index = 0; text === '' && index < 200; index++) {
    const write = store.write(sampleRecord(`t${index}`))
    for (let look = 0; look < 50 && text === ''; look++) {
      text = await readFile(`${path}.lock`, 'utf8').catch(() => '')
    }
    await write
  }
  return JSON.parse(text)
}

function deadPid(): number {
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  return pid
}

test('several processes that write at once lose nothing', { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'watermarks.json')
  const writers = ['a', 'b', 'c'].map((prefix) => startWriter(path, prefix, 40))
  for (const writer of writers) expect(await writer.exit).toEqual({ code: 0, signal: null, stderr: '' })
  await using store = await FileWatermarkStore.open(path)
  expect(await store.list()).toHaveLength(120)
  expect(await readdir(folder.path)).toEqual(['watermarks.json'])
})

test(
  'a killed process neither blocks the others nor takes acknowledged records with it',
  { timeout: 120_000 },
  async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'watermarks.json')
    const steady = startWriter(path, 'steady', 150)
    const acknowledged: string[] = []
    for (let round = 0; round < 8; round++) {
      const victim = startWriter(path, `victim${round}`, 10_000)
      while (victim.acknowledged().length === 0) await delay(5)
      await delay(round * 7)
      victim.kill()
      await victim.exit
      acknowledged.push(...victim.acknowledged())
    }
    expect(await steady.exit).toMatchObject({ code: 0, stderr: '' })
    await using store = await FileWatermarkStore.open(path)
    await store.write(sampleRecord('last'))
    const present = new Set((await store.list()).map((record) => record.table))
    expect([...acknowledged, ...steady.acknowledged(), 'last'].filter((name) => !present.has(name))).toEqual([])
  },
)

test('takes over the lock of a dead process, even when it died while it took over another', async () => {
  await using folder = await temporaryFolder()
  const owner = await ownLock(folder.path)
  const path = join(folder.path, 'watermarks.json')
  const pid = deadPid()
  await writeFile(`${path}.lock`, JSON.stringify({ ...owner, pid, token: 'first' }))
  await writeFile(`${path}.lock.first`, JSON.stringify({ ...owner, pid, token: 'second' }))
  await using store = await FileWatermarkStore.open(path, { lockTimeoutMs: 2_000 })
  await store.write(sampleRecord('a'))
  expect(await store.read('a')).toEqual(sampleRecord('a'))
  expect((await readdir(folder.path)).filter((name) => name.startsWith('watermarks'))).toEqual(['watermarks.json'])
})

test('takes over the lock of a process whose pid now belongs to another', async (context) => {
  context.skip(process.platform !== 'linux', 'only /proc tells when a process began')
  await using folder = await temporaryFolder()
  const owner = await ownLock(folder.path)
  const path = join(folder.path, 'watermarks.json')
  await writeFile(`${path}.lock`, JSON.stringify({ ...owner, start: 'an-earlier-boot/1', token: 'old' }))
  await using store = await FileWatermarkStore.open(path, { lockTimeoutMs: 2_000 })
  await store.write(sampleRecord('a'))
  expect(await store.read('a')).toEqual(sampleRecord('a'))
})

test.each([
  ['a live process', (owner: object) => ({ ...owner, token: 'live' })],
  ['a process on another host', (owner: object) => ({ ...owner, host: 'elsewhere', pid: 1, token: 'far' })],
])('never takes the lock of %s: waits, then says who has it', async (_, change) => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'watermarks.json')
  await writeFile(`${path}.lock`, JSON.stringify(change(await ownLock(folder.path))))
  await using store = await FileWatermarkStore.open(path, { lockTimeoutMs: 60 })
  await expect(store.write(sampleRecord('a'))).rejects.toMatchObject({
    code: 'locked',
    retryable: true,
    context: { path: `${path}.lock` },
  })
  await rename(`${path}.lock`, join(folder.path, 'moved'))
  await store.write(sampleRecord('a'))
  expect(await store.list()).toHaveLength(1)
})

test('an abort ends the wait for the lock', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'watermarks.json')
  await writeFile(`${path}.lock`, JSON.stringify({ ...(await ownLock(folder.path)), token: 'live' }))
  await using store = await FileWatermarkStore.open(path)
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 50)
  await expect(store.write(sampleRecord('a'), { signal: stop.signal })).rejects.toThrow('aborted')
  expect(await store.list()).toEqual([])
})
