import type { PlainValue } from '@icebridge/columnar/testing'
import { IcebergAppender } from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { environment, lake, writeAll } from './written-lake.ts'
import { fieldsOf } from './written.ts'

const rows: PlainValue[][] = [[1, 'a b']]

async function pathWith(properties: Record<string, string>): Promise<string> {
  const home = await lake(fieldsOf({ v: 'int', s: 'string' }), {
    properties,
    partition: [{ sourceId: 2, transform: { kind: 'identity' }, name: 's' }],
  })
  const [file] = await writeAll(home.table, [rows], { filePrefix: 'x-' })
  return file!.filePath.replace(home.table.loaded.metadata.location, '<table>').replace(/x-[^/]*$/, '<file>')
}

describe('where data files go', () => {
  it('is the data folder, or the one that the table declares', async () => {
    expect(await pathWith({})).toBe('<table>/data/s=a+b/<file>')
    expect(await pathWith({ 'write.folder-storage.path': '/elsewhere/' })).toBe('/elsewhere/s=a+b/<file>')
    expect(await pathWith({ 'write.data.path': '/data', 'write.folder-storage.path': '/elsewhere' })).toBe(
      '/data/s=a+b/<file>',
    )
  })

  it('is spread over folders of a hash for object stores', async () => {
    const hash = String.raw`[01]{4}/[01]{4}/[01]{4}/[01]{8}`
    const enabled = { 'write.object-storage.enabled': 'true' }
    expect(await pathWith(enabled)).toMatch(new RegExp(`^<table>/data/${hash}/s=a\\+b/<file>$`))
    expect(await pathWith({ ...enabled, 'write.object-storage.partitioned-paths': 'false' })).toMatch(
      new RegExp(`^<table>/data/${hash}-<file>$`),
    )
    // As PyIceberg hashes it.
    const home = await lake(fieldsOf({ v: 'int', s: 'string' }), {
      properties: enabled,
      partition: [{ sourceId: 2, transform: { kind: 'identity' }, name: 's' }],
    })
    const uuid = '00000000-0000-0000-0000-000000000001'
    const [file] = await writeAll(home.table, [rows], { filePrefix: 'x-', environment: { uuid: () => uuid } })
    expect(file!.filePath).toContain('/data/0111/1010/0011/01101111/s=a+b/x-00000-0-0')
    // Outside the table its files carry its name.
    expect(await pathWith({ ...enabled, 'write.object-storage.path': 's3://b/o' })).toMatch(
      new RegExp(`^s3://b/o/${hash}/n/t[^/]*/s=a\\+b/<file>$`),
    )
  })

  it('names times as Java prints them', async () => {
    const home = await lake(fieldsOf({ t: 'time', a: 'timestamp', z: 'timestamptz' }), {
      partition: ['t', 'a', 'z'].map((name, index) => ({ sourceId: index + 1, transform: { kind: 'identity' }, name })),
    })
    const values: PlainValue[][] = [
      [36_600_000_000n, 0n, 1_000_000n],
      [36_615_500_000n, 1_512_123_175_038_194n, -1n],
    ]
    const files = await writeAll(home.table, [values])
    expect(files.map(({ filePath }) => decodeURIComponent(filePath.split('/').slice(-4, -1).join('/')))).toEqual([
      't=10:10/a=1970-01-01T00:00/z=1970-01-01T00:00:01Z',
      't=10:10:15.500/a=2017-12-01T10:12:55.038194/z=1969-12-31T23:59:59.999999Z',
    ])
  })

  it('is not guessed for a table that leaves it to a class, nor is a format of other engines', async () => {
    for (const properties of [
      { 'write.location-provider.impl': 'com.example.Provider' },
      { 'write.format.default': 'orc' },
      { 'write.format.default': 'avro' },
    ]) {
      const home = await lake(fieldsOf({ v: 'int' }), { properties })
      await expect(IcebergAppender.open(home.table, { environment })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining(Object.values(properties)[0]!),
      })
    }
  })
})
