import { chmod, open, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FileWatermarkStore } from '@icebridge/watermarks'
import { sampleRecord, watermarkStoreConformance } from '@icebridge/watermarks/testing'
import { describe, expect, test, vi } from 'vitest'
import { fileFixture, temporaryFolder } from './fixture.ts'

describe('FileWatermarkStore as a WatermarkStore', () => {
  test.each(watermarkStoreConformance({ create: fileFixture }))('$name', ({ run }) => run())
})

test('leaves one readable, versioned file and nothing beside it', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'watermarks.json')
  await using store = await FileWatermarkStore.open(path)
  expect(await readdir(folder.path)).toEqual([])
  await store.write(sampleRecord('b'))
  await store.write(sampleRecord('a'))
  expect(await readdir(folder.path)).toEqual(['watermarks.json'])
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
    format: 'icebridge-watermarks',
    version: 1,
    watermarks: [sampleRecord('a'), sampleRecord('b')],
  })
})

test.each([
  ['', /damaged: it is empty/],
  ['{"format": "icebridge-watermarks", "version": 1, "waterm', /damaged: it is not JSON/],
  ['[1, 2]', /damaged: it is not an icebridge-watermarks file/],
  ['{"format": "icebridge-watermarks"}', /damaged: its version is missing/],
  ['{"format": "icebridge-watermarks", "version": 1, "watermarks": [{"table": "a"}]}', /damaged: record 0 lacks/],
])('refuses the damaged file %j with its path and the remedy', async (text, message) => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'watermarks.json')
  await writeFile(path, text)
  const error: unknown = await FileWatermarkStore.open(path).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'damaged', retryable: false, context: { path } })
  expect(error).toMatchObject({
    hint: expect.stringContaining('the lake holds'),
    message: expect.stringMatching(message),
  })
})

test('refuses a second record of one table as damage', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'watermarks.json')
  const twice = { format: 'icebridge-watermarks', version: 1, watermarks: [sampleRecord('a'), sampleRecord('a')] }
  await writeFile(path, JSON.stringify(twice))
  await expect(FileWatermarkStore.open(path)).rejects.toMatchObject({ code: 'damaged' })
})

test('refuses a file that a newer version wrote, and does not touch it', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'watermarks.json')
  await using store = await FileWatermarkStore.open(path)
  const newer = '{"format": "icebridge-watermarks", "version": 2, "watermarks": {}}'
  await writeFile(path, newer)
  await expect(FileWatermarkStore.open(path)).rejects.toMatchObject({ code: 'unsupported-version' })
  await expect(store.write(sampleRecord('a'))).rejects.toMatchObject({ code: 'unsupported-version' })
  expect(await readFile(path, 'utf8')).toBe(newer)
  expect(await readdir(folder.path)).toEqual(['watermarks.json'])
})

test('makes the folder with the first write', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'a', 'b', 'watermarks.json')
  await using store = await FileWatermarkStore.open(path)
  expect(await readdir(folder.path)).toEqual([])
  await store.write(sampleRecord('a'))
  expect(await store.list()).toHaveLength(1)
})

test('names the path and the remedy when the file cannot be read', async () => {
  await using folder = await temporaryFolder()
  await expect(FileWatermarkStore.open(folder.path)).rejects.toMatchObject({
    code: 'io',
    message: expect.stringContaining(folder.path),
    hint: expect.stringContaining('account'),
  })
})

test('writes through a symbolic link and keeps the permissions', async (context) => {
  context.skip(process.platform === 'win32', 'Windows has no POSIX permissions, and links need a privilege')
  await using folder = await temporaryFolder()
  const real = join(folder.path, 'real.json')
  const link = join(folder.path, 'link.json')
  await using first = await FileWatermarkStore.open(real)
  await first.write(sampleRecord('a'))
  await chmod(real, 0o640)
  await symlink(real, link)
  await using store = await FileWatermarkStore.open(link)
  await store.write(sampleRecord('b'))
  expect((await first.list()).map((record) => record.table)).toEqual(['a', 'b'])
  expect((await stat(real)).mode & 0o777).toBe(0o640)
})

test('a full disk is named with the remedy, and the old file stays', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'watermarks.json')
  await using store = await FileWatermarkStore.open(path)
  await store.write(sampleRecord('a'))
  const before = await readFile(path, 'utf8')
  const handle = await open(path)
  await handle.close()
  const full = Object.assign(new Error('ENOSPC: no space left on device, fsync'), { code: 'ENOSPC' })
  // The first flush is the lock's, the second the new file's.
  for (const flushes of [0, 1]) {
    const sync = vi.spyOn(Object.getPrototypeOf(handle), 'sync')
    for (let good = 0; good < flushes; good++) sync.mockResolvedValueOnce(undefined)
    sync.mockRejectedValueOnce(full)
    await expect(store.write(sampleRecord('b'))).rejects.toMatchObject({
      code: 'no-space',
      hint: expect.stringContaining('Free space'),
      cause: full,
    })
    sync.mockRestore()
    expect(await readFile(path, 'utf8')).toBe(before)
    expect(await readdir(folder.path)).toEqual(['watermarks.json'])
  }
})
