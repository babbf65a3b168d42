import assert from 'node:assert/strict'
import type { FileIO } from '@icebridge/iceberg-core'

/** A store with an empty folder in it. */
export interface FileIOFixture {
  readonly io: FileIO
  /** Location of the folder, without a slash at the end. */
  readonly root: string
  [Symbol.asyncDispose](): Promise<void>
}

export interface ConformanceTest {
  readonly name: string
  readonly run: () => Promise<void>
}

/** What every FileIO must do. `create` gives a fresh, empty folder for each test. */
export function fileIOConformance(options: { create(): Promise<FileIOFixture> }): readonly ConformanceTest[] {
  return Object.entries(behaviours).map(([name, behaviour]) => ({
    name,
    run: async () => {
      await using fixture = await options.create()
      await behaviour(fixture.io, fixture.root)
    },
  }))
}

/** Writes a whole file. */
export async function put(io: FileIO, path: string, text: string): Promise<void> {
  const writer = await io.create(path)
  await writer.write(new TextEncoder().encode(text))
  await writer.close()
}

async function text(io: FileIO, path: string, range?: { start: number; end: number }): Promise<string> {
  return new TextDecoder().decode(await io.read(path, range === undefined ? {} : { range }))
}

async function names(io: FileIO, prefix: string): Promise<readonly string[]> {
  const paths: string[] = []
  for await (const entry of io.list(prefix)) paths.push(entry.path)
  return paths.sort()
}

const behaviours: Readonly<Record<string, (io: FileIO, root: string) => Promise<void>>> = {
  'reads back what was written, whole and in folders that did not exist': async (io, root) => {
    const writer = await io.create(`${root}/a/b/c.bin`)
    const chunk = Uint8Array.of(1, 2, 3)
    await writer.write(chunk)
    chunk.fill(9) // the writer must not hold on to the caller's bytes
    await writer.write(new Uint8Array(0))
    await writer.write(Uint8Array.of(4))
    assert.equal(writer.sizeBytes, 4)
    assert.equal(writer.path, `${root}/a/b/c.bin`)
    await writer.close()
    assert.deepEqual([...(await io.read(`${root}/a/b/c.bin`))], [1, 2, 3, 4])
    assert.equal((await io.stat(`${root}/a/b/c.bin`)).sizeBytes, 4)
  },
  'replaces a file, or makes it, where the store can': async (io, root) => {
    if (io.replace === undefined) return
    for (const content of ['first', 'second, and longer', '']) {
      await io.replace(`${root}/new/hint.text`, new TextEncoder().encode(content))
      assert.equal(await text(io, `${root}/new/hint.text`), content)
    }
    assert.deepEqual(await names(io, `${root}/`), [`${root}/new/hint.text`])
    const signal = AbortSignal.abort(new Error('stopped'))
    await assert.rejects(io.replace(`${root}/new/hint.text`, Uint8Array.of(1), { signal }), /stopped/)
    assert.equal(await text(io, `${root}/new/hint.text`), '')
  },
  'keeps an empty file': async (io, root) => {
    await put(io, `${root}/empty`, '')
    assert.equal((await io.read(`${root}/empty`)).length, 0)
    assert.equal((await io.stat(`${root}/empty`)).sizeBytes, 0)
  },
  'takes names with blanks, percent signs, hashes, question marks and any letters': async (io, root) => {
    for (const name of ['a b', 'a%20b', '100%', 'a#b', 'a?b', 'ä€😀', "a'b", 'x=1+2&3']) {
      await put(io, `${root}/${name}/${name}.txt`, name)
      assert.equal(await text(io, `${root}/${name}/${name}.txt`), name)
    }
  },
  'reads a range, with the end exclusive and cut at the end of the file': async (io, root) => {
    const path = `${root}/range`
    await put(io, path, 'abcdef')
    assert.equal(await text(io, path, { start: 0, end: 1 }), 'a')
    assert.equal(await text(io, path, { start: 2, end: 5 }), 'cde')
    assert.equal(await text(io, path, { start: 4, end: 100 }), 'ef')
    assert.equal(await text(io, path, { start: 3, end: 3 }), '')
    assert.equal(await text(io, path, { start: 6, end: 9 }), '')
    assert.equal(await text(io, path, { start: 50, end: 60 }), '')
  },
  'says not-found with the path for a file that is not there': async (io, root) => {
    const path = `${root}/absent/file`
    const missing = { code: 'not-found', context: { path } }
    const failure = async (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error)
    for (const error of [
      await failure(io.read(path)),
      await failure(io.read(path, { range: { start: 0, end: 1 } })),
      await failure(io.stat(path)),
    ]) {
      assert.ok(error instanceof Error && 'code' in error && 'context' in error, String(error))
      assert.equal(error.code, missing.code)
      assert.equal((error.context as { path?: unknown }).path, path) // the contract: context.path is the location
    }
  },
  'shows a file only once it is closed': async (io, root) => {
    const path = `${root}/late`
    const writer = await io.create(path)
    await writer.write(Uint8Array.of(1))
    await assert.rejects(io.read(path), { code: 'not-found' })
    await writer.close()
    assert.deepEqual([...(await io.read(path))], [1])
  },
  'never overwrites a file that exists': async (io, root) => {
    const path = `${root}/once`
    await put(io, path, 'first')
    await assert.rejects(put(io, path, 'second'), { code: 'already-exists' })
    assert.equal(await text(io, path), 'first')
  },
  'lets exactly one of several writers of one file win': async (io, root) => {
    const path = `${root}/race`
    const writers = await Promise.all(Array.from({ length: 8 }, () => io.create(path)))
    await Promise.all(writers.map((writer, index) => writer.write(Uint8Array.of(index))))
    const results = await Promise.allSettled(writers.map((writer) => writer.close()))
    const winners = results.flatMap((result, index) => (result.status === 'fulfilled' ? [index] : []))
    assert.equal(winners.length, 1)
    assert.deepEqual([...(await io.read(path))], winners)
    for (const result of results) {
      if (result.status === 'rejected') assert.equal(result.reason.code, 'already-exists')
    }
    assert.deepEqual(await names(io, `${root}/`), [path])
  },
  'keeps a file of many megabytes whole, and reads its parts': async (io, root) => {
    const bytes = new Uint8Array(20_000_003).map((_, index) => (index * 31) ^ (index >>> 12))
    const writer = await io.create(`${root}/large`)
    for (let start = 0; start < bytes.length; start += 1_000_000)
      await writer.write(bytes.slice(start, start + 1_000_000))
    await writer.close()
    assert.equal((await io.stat(`${root}/large`)).sizeBytes, bytes.length)
    assert.equal(Buffer.compare(await io.read(`${root}/large`), bytes), 0)
    const range = { start: 8_388_600, end: 8_388_700 }
    assert.deepEqual([...(await io.read(`${root}/large`, { range }))], [...bytes.subarray(range.start, range.end)])
  },
  'leaves nothing of a large file that is aborted': async (io, root) => {
    const writer = await io.create(`${root}/large`)
    await writer.write(new Uint8Array(20_000_000))
    await writer.abort()
    await assert.rejects(io.stat(`${root}/large`), { code: 'not-found' })
    assert.deepEqual(await names(io, `${root}/`), [])
    await put(io, `${root}/large`, 'the name is free')
  },
  'lets exactly one of several writers of one large file win': async (io, root) => {
    const path = `${root}/race`
    const writers = await Promise.all(Array.from({ length: 3 }, () => io.create(path)))
    await Promise.all(writers.map((writer, index) => writer.write(new Uint8Array(9_000_000).fill(index))))
    const results = await Promise.allSettled(writers.map((writer) => writer.close()))
    const winners = results.flatMap((result, index) => (result.status === 'fulfilled' ? [index] : []))
    assert.equal(winners.length, 1)
    const bytes = await io.read(path)
    assert.deepEqual([bytes.length, bytes[0], bytes.at(-1)], [9_000_000, winners[0], winners[0]])
    for (const result of results) {
      if (result.status === 'rejected') assert.equal(result.reason.code, 'already-exists')
    }
  },
  'leaves nothing of an aborted file': async (io, root) => {
    const writer = await io.create(`${root}/dropped`)
    await writer.write(Uint8Array.of(1))
    await writer.abort()
    await writer.abort()
    // The abort has decided: a close may say so, and brings nothing back.
    await writer.close().catch(() => undefined)
    assert.deepEqual(await names(io, `${root}/`), [])
  },
  'keeps a closed file when its writer is aborted or closed again': async (io, root) => {
    const writer = await io.create(`${root}/kept`)
    await writer.close()
    await writer.close()
    await writer.abort()
    assert.deepEqual(await names(io, `${root}/`), [`${root}/kept`])
  },
  'deletes a file, and an absent one too': async (io, root) => {
    await put(io, `${root}/gone`, 'x')
    await io.delete(`${root}/gone`)
    await io.delete(`${root}/gone`)
    await io.delete(`${root}/never/was`)
    await assert.rejects(io.stat(`${root}/gone`), { code: 'not-found' })
  },
  'lists files of a prefix at any depth, with their sizes': async (io, root) => {
    for (const name of ['t/data/1', 't/data/x/2', 't/metadata/3', 't2/4', 'other/5']) {
      await put(io, `${root}/${name}`, name)
    }
    assert.deepEqual(
      await names(io, `${root}/t/`),
      ['t/data/1', 't/data/x/2', 't/metadata/3'].map((n) => `${root}/${n}`),
    )
    assert.deepEqual(
      await names(io, `${root}/t`),
      ['t/data/1', 't/data/x/2', 't/metadata/3', 't2/4'].map((n) => `${root}/${n}`),
    )
    assert.deepEqual(await names(io, `${root}/nothing/`), [])
    assert.deepEqual(await names(io, `${root}/t/da`), [`${root}/t/data/1`, `${root}/t/data/x/2`])
    for await (const entry of io.list(`${root}/t2/`)) {
      assert.equal(entry.sizeBytes, 4)
      assert.ok(Number.isSafeInteger(entry.lastModifiedMs) && entry.lastModifiedMs >= 0)
    }
  },
  'lists more files than a page of a store holds': async (io, root) => {
    const many = Array.from({ length: 1_001 }, (_, index) => `${root}/many/${String(index).padStart(5, '0')}`)
    for (let start = 0; start < many.length; start += 50) {
      await Promise.all(many.slice(start, start + 50).map((path) => put(io, path, 'x')))
    }
    assert.deepEqual(await names(io, `${root}/many/`), many)
  },
  'throws the reason when it was aborted': async (io, root) => {
    const signal = AbortSignal.abort(new Error('stopped'))
    await put(io, `${root}/there`, 'x')
    await assert.rejects(io.read(`${root}/there`, { signal }), /stopped/)
    await assert.rejects(io.stat(`${root}/there`, { signal }), /stopped/)
    await assert.rejects(io.create(`${root}/new`, { signal }), /stopped/)
    await assert.rejects(io.delete(`${root}/there`, { signal }), /stopped/)
    await assert.rejects(
      (async () => {
        for await (const entry of io.list(`${root}/`, { signal })) assert.fail(`listed ${entry.path}`)
      })(),
      /stopped/,
    )
    assert.deepEqual(await names(io, `${root}/`), [`${root}/there`])
  },
}
