import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, open, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FileEntry } from '@icebridge/iceberg-core'
import { fileIOFor, isTemporaryFile, LocalFileIO } from '@icebridge/fileio'
import { fileIOConformance, put, type FileIOFixture } from '@icebridge/fileio/testing'
import { describe, expect, test, vi } from 'vitest'

async function fixture(spelling: (path: string) => string = (path) => path): Promise<FileIOFixture & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'icebridge-fileio-'))
  return {
    io: new LocalFileIO(),
    path,
    root: spelling(path),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

describe('LocalFileIO under plain paths', () => {
  test.each(fileIOConformance({ create: () => fixture() }))('$name', ({ run }) => run())
})

describe('LocalFileIO under file: URIs', () => {
  const spellings = [(path: string) => `file:${path}`, (path: string) => `file://${path}`]
  test.for(
    spellings.flatMap((spelling) =>
      // Its names are not encoded, and as a URI `a%20b` and `a b` are one name.
      fileIOConformance({ create: () => fixture(spelling) }).filter(({ name }) => !name.startsWith('takes names')),
    ),
  )('$name', async ({ run }, context) => {
    context.skip(process.platform === 'win32', 'a path of Windows is no path of a file: URI as it stands')
    await run()
  })
})

test('decodes a URI and leaves a plain path alone', async () => {
  await using folder = await fixture()
  const { io, path } = folder
  await put(io, `${pathToFileURL(path).href}/a%20b/ü%C3%BC.txt`, 'uri')
  expect(await readFile(join(path, 'a b', 'üü.txt'), 'utf8')).toBe('uri')
  await put(io, `${path}/c%20d.txt`, 'plain')
  expect(await readdir(path)).toEqual(['a b', 'c%20d.txt'])
})

test('reads and extends folders whose percent signs another engine wrote as they are', async () => {
  await using folder = await fixture((path) => `file:${path}`)
  const { io, path, root } = folder
  await mkdir(join(path, 'name=a%2Fb'))
  await writeFile(join(path, 'name=a%2Fb', '1.parquet'), 'theirs')
  expect(await io.stat(`${root}/name=a%2Fb/1.parquet`)).toEqual({ sizeBytes: 6 })
  await put(io, `${root}/name=a%2Fb/2.parquet`, 'ours')
  expect((await readdir(join(path, 'name=a%2Fb'))).sort()).toEqual(['1.parquet', '2.parquet'])
})

test.each(['relative/path', '', 'file:relative', 'file://elsewhere/share/x', 's3://bucket/key'])(
  'refuses %j as a local path',
  async (location) => {
    const io = new LocalFileIO()
    await expect(io.read(location)).rejects.toMatchObject({ code: 'invalid-argument', context: { path: location } })
    await expect(io.create(location)).rejects.toMatchObject({ code: 'invalid-argument' })
  },
)

test('has a recognisable temporary file beside the one being written, and only while it is', async () => {
  await using folder = await fixture()
  const { io, path } = folder
  const writer = await io.create(`${path}/t/data.parquet`)
  await writer.write(new Uint8Array(10))
  const during = await readdir(join(path, 't'))
  expect(during).toHaveLength(1)
  expect(during.every(isTemporaryFile)).toBe(true)
  await writer.close()
  expect(await readdir(join(path, 't'))).toEqual(['data.parquet'])
  expect(isTemporaryFile(`${path}/t/data.parquet`)).toBe(false)
})

test('a killed writer leaves no file under the final name, and the name stays free', async () => {
  await using folder = await fixture()
  const { io, path } = folder
  const script = `
    import { LocalFileIO } from '@icebridge/fileio'
    const writer = await new LocalFileIO().create(${JSON.stringify(`${path}/f`)})
    await writer.write(new Uint8Array(100_000))
    process.stdout.write('written')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGKILL')
  await ended
  const left = await readdir(path)
  expect(left).toHaveLength(1)
  expect(left.every(isTemporaryFile)).toBe(true)
  await put(io, `${path}/f`, 'again')
  expect(await readFile(join(path, 'f'), 'utf8')).toBe('again')
})

test('a full disk is named with the path and the remedy, and leaves nothing', async () => {
  await using folder = await fixture()
  const { io, path } = folder
  const writer = await io.create(`${path}/big`)
  const handle = await open(join(path, 'probe'), 'w')
  await handle.close()
  await rm(join(path, 'probe'))
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  const write = vi.spyOn(Object.getPrototypeOf(handle), 'write').mockRejectedValueOnce(full)
  await expect(writer.write(new Uint8Array(1))).rejects.toMatchObject({
    code: 'io',
    message: `Could not write ${path}/big: the disk is full`,
    context: { path: `${path}/big`, reason: 'no-space' },
    hint: expect.stringContaining('Free space'),
    cause: full,
  })
  write.mockRestore()
  await writer.abort()
  expect(await readdir(path)).toEqual([])
})

test('a large file goes to the disk while it is written, and a failure of that fails its end', async () => {
  await using folder = await fixture()
  const { io, path } = folder
  const probe = await open(join(path, 'probe'), 'w')
  await probe.close()
  await rm(join(path, 'probe'))
  const datasync = vi.spyOn(Object.getPrototypeOf(probe), 'datasync')
  try {
    const piece = new Uint8Array(10 * 1024 * 1024)
    const whole = await io.create(`${path}/whole`)
    for (let count = 0; count < 4; count += 1) await whole.write(piece)
    expect(datasync).toHaveBeenCalled()
    await whole.close()
    expect((await stat(join(path, 'whole'))).size).toBe(4 * piece.length)

    const broken = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
    datasync.mockRejectedValueOnce(broken)
    const lost = await io.create(`${path}/lost`)
    for (let count = 0; count < 4; count += 1) await lost.write(piece)
    await expect(lost.close()).rejects.toMatchObject({ code: 'io', context: { path: `${path}/lost` }, cause: broken })
    expect(await readdir(path)).toEqual(['whole'])
  } finally {
    datasync.mockRestore()
  }
})

test('a read from a folder or through a file is an error with the path', async (context) => {
  context.skip(process.platform !== 'linux', 'other systems tell these errors apart in their own ways')
  await using folder = await fixture()
  const { io, path } = folder
  await put(io, `${path}/file`, 'x')
  await expect(io.read(path)).rejects.toMatchObject({ code: 'io', context: { path, system: 'EISDIR' } })
  await expect(io.stat(path)).rejects.toMatchObject({ code: 'not-found' })
  await expect(io.read(`${path}/file/below`)).rejects.toMatchObject({ code: 'not-found' })
  await expect(io.create(`${path}/file/below`)).rejects.toThrow(path)
  await expect(io.delete(path)).rejects.toMatchObject({ code: 'io' })
  expect((await stat(path)).isDirectory()).toBe(true)
})

test('refuses a range that is none, and bytes or a close after the end', async () => {
  await using folder = await fixture()
  const { io, path } = folder
  await put(io, `${path}/f`, 'abcdef')
  for (const range of [
    { start: -1, end: 2 },
    { start: 3, end: 2 },
    { start: 0, end: 1.5 },
  ]) {
    await expect(io.read(`${path}/f`, { range })).rejects.toMatchObject({ code: 'invalid-argument' })
  }
  const closed = await io.create(`${path}/closed`)
  await closed.close()
  await expect(closed.write(Uint8Array.of(1))).rejects.toMatchObject({ code: 'invalid-argument' })
  const aborted = await io.create(`${path}/aborted`)
  await aborted.abort()
  await expect(aborted.close()).rejects.toMatchObject({ code: 'invalid-argument' })
})

test('lists a file with the time of its last change', async () => {
  await using folder = await fixture()
  const { io, path } = folder
  const before = Date.now()
  await put(io, `${path}/f`, 'abc')
  const entries: FileEntry[] = []
  for await (const entry of io.list(`${path}/`)) entries.push(entry)
  expect(entries).toEqual([{ path: `${path}/f`, sizeBytes: 3, lastModifiedMs: expect.closeTo(before, -5) }])
})

test('an abort between two writes stops the file', async () => {
  await using folder = await fixture()
  const { io, path } = folder
  const stop = new AbortController()
  const writer = await io.create(`${path}/stopped`, { signal: stop.signal })
  await writer.write(Uint8Array.of(1))
  stop.abort(new Error('stopped'))
  await expect(writer.write(Uint8Array.of(2))).rejects.toThrow('stopped')
  await expect(writer.close()).rejects.toThrow('stopped')
  expect(await readdir(path)).toEqual([])
})

test('a listing that is left early holds nothing open', async (context) => {
  context.skip(process.platform !== 'linux', 'only /proc tells what a process holds open')
  await using folder = await fixture()
  const { io, path } = folder
  for (const name of ['a', 'b', 'c']) await put(io, `${path}/x/${name}`, name)
  const seen: string[] = []
  for (let round = 0; round < 50; round++) {
    for await (const entry of io.list(`${path}/`)) {
      seen.push(entry.path)
      break
    }
  }
  expect(seen).toHaveLength(50)
  const handles = await readdir('/proc/self/fd')
  const targets = await Promise.all(handles.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
  expect(targets.filter((target) => target.startsWith(path))).toEqual([])
})

test('fileIOFor serves plain paths and file:, makes no client before it is used, and names what is missing', () => {
  for (const location of ['/var/lake', 'file:/var/lake', 'FILE:///var/lake', 'C:\\lake']) {
    expect(fileIOFor(location, {})).toBeInstanceOf(LocalFileIO)
  }
  for (const location of ['s3://bucket/lake', 'gs://bucket/lake', 'abfss://c@account.dfs.core.windows.net/lake']) {
    expect(fileIOFor(location, {})).not.toBeInstanceOf(LocalFileIO)
  }
  for (const [location, store] of [
    ['hdfs://host/lake', 'Hadoop'],
    ['ftp://host/lake', 'No file store knows the scheme ftp'],
  ] as const) {
    expect(() => fileIOFor(location, {})).toThrow(store)
  }
})
