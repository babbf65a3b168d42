import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  currentSnapshot,
  type DataFile,
  type ManifestEntry,
  type ManifestFile,
  ManifestWriter,
  planScan,
  readManifest,
  readManifestList,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { type Codec, container, decode, encode, typeOf } from './avro-container.ts'
import { dataFile, Lake } from './lake.ts'

interface Json {
  [key: string]: unknown
}
interface Field extends Json {
  name: string
  type: unknown
}

/** A manifest with one file, and what is needed to write it in another way. */
async function written(formatVersion: 2 | 3 = 2) {
  const lake = await Lake.create({
    formatVersion,
    partitionSpec: {
      specId: 0,
      fields: [{ sourceIds: [3], fieldId: 1000, name: 'name', transform: { kind: 'identity' } }],
    },
  })
  const file = { ...dataFile(await lake.table(), 'a', [{ id: 1n, name: 'x', score: 2 }]), splitOffsets: [4n] }
  const table = await lake.append({ files: [file] })
  const { metadata } = table.loaded
  const [manifest] = await readManifestList(lake.io, currentSnapshot(metadata)!, { metadata })
  const { meta, records } = await decode(lake.io.files.get(manifest!.path)!)
  const schema = JSON.parse(meta['avro.schema']!) as { fields: Field[] }
  return { lake, table, file, manifest: manifest!, meta, schema, record: records[0] as Json }
}

async function readAll(table: TableHandle, manifest: ManifestFile): Promise<ManifestEntry[]> {
  const entries = []
  for await (const entry of readManifest(table.io, manifest, { metadata: table.loaded.metadata })) entries.push(entry)
  return entries
}

const dataFileType = (schema: { fields: Field[] }): { fields: Field[] } =>
  schema.fields.find(({ name }) => name === 'data_file')!.type as { fields: Field[] }

function withoutIds(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutIds)
  if (typeof schema !== 'object' || schema === null) return schema
  const kept = Object.entries(schema).filter(([key]) => !/^(field|element|key|value)-id$|^logicalType$/.test(key))
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutIds(value)]))
}

describe('a manifest of another writer', () => {
  it('is read whatever its codec, without any header but the schema, and without field ids', async () => {
    for (const codec of ['null', 'deflate', 'zstandard', 'snappy'] as Codec[]) {
      for (const change of [(schema: unknown): unknown => schema, withoutIds]) {
        const { lake, table, file, manifest, schema, record } = await written()
        lake.io.files.set(manifest.path, encode(change(schema), [record], { codec }))
        expect(await readAll(table, manifest)).toMatchObject([{ status: 'added', sequenceNumber: 1n, file }])
      }
    }
  })

  it('may have fields that nobody knows yet, at any depth', async () => {
    const { lake, table, file, manifest, schema, record } = await written()
    const unknown: Field[] = [
      { name: 'f1', 'field-id': 9001, type: { type: 'map', values: { type: 'array', items: 'string' } } },
      { name: 'f2', type: ['null', { type: 'record', name: 'x1', fields: [{ name: 'y', type: 'double' }] }] },
      { name: 'f3', 'field-id': 9003, type: { type: 'fixed', name: 'x2', size: 5 } },
      { name: 'f4', type: { type: 'enum', name: 'x3', symbols: ['A', 'B'] } },
      {
        name: 'f5',
        type: {
          type: 'array',
          items: {
            type: 'record',
            name: 'x4',
            fields: [
              { name: 'k', type: 'bytes' },
              { name: 'v', type: 'float' },
            ],
          },
        },
      },
      { name: 'f6', type: 'boolean' },
      { name: 'f7', type: { type: 'array', items: 'long' } },
    ]
    const values: Json = {
      f1: { a: ['b', 'c'], d: [] },
      f2: { y: 1.5 },
      f3: Buffer.from('12345'),
      f4: 'B',
      f5: [{ k: Buffer.from('zz'), v: 1 }],
      f6: true,
      f7: [1n, -(2n ** 62n)],
    }
    // A named type may be defined only once.
    const references = unknown.map((field, at) =>
      at === 1 ? { ...field, type: ['null', 'x1'] } : { ...field, type: 'boolean' },
    )
    const trailing = Object.fromEntries(references.map(({ name }, at) => [`z${name}`, at === 1 ? { y: 2 } : true]))
    schema.fields.unshift(...unknown)
    dataFileType(schema).fields.splice(3, 0, ...references.map((field) => ({ ...field, name: `z${field.name}` })))
    const changed = { ...record, ...values, data_file: { ...(record['data_file'] as Json), ...trailing } }
    lake.io.files.set(manifest.path, encode(schema, [changed, changed]))
    const [first, second, ...others] = await readAll(table, manifest)
    expect([first, second]).toMatchObject([{ file }, { file }])
    expect(others).toEqual([])
  })

  it('may name a type once and use it for several maps', async () => {
    const { lake, table, file, manifest, schema, record } = await written()
    const fields = dataFileType(schema).fields
    const pair = {
      type: 'record',
      name: 'pair',
      fields: [
        { name: 'key', type: 'int' },
        { name: 'value', type: 'long' },
      ],
    }
    let defined = false
    for (const field of fields) {
      if (!/_counts$|^column_sizes$/.test(field.name)) continue
      field.type = ['null', { type: 'array', items: defined ? 'pair' : pair }]
      defined = true
    }
    lake.io.files.set(manifest.path, encode(withoutIds(schema), [record]))
    expect(await readAll(table, manifest)).toMatchObject([{ file }])
  })

  it('may write an optional data file, ints for longs, and lists in sized blocks', async () => {
    const { lake, table, file, manifest, schema, record } = await written()
    const fields = dataFileType(schema).fields
    for (const field of fields) if (field.name === 'record_count') field.type = 'int'
    schema.fields.find(({ name }) => name === 'data_file')!.type = ['null', dataFileType(schema)]
    const { split_offsets: _, ...rest } = record['data_file'] as Json
    lake.io.files.set(
      manifest.path,
      encode(schema, [{ ...record, data_file: { ...rest, split_offsets: null, record_count: 1 } }]),
    )
    const { splitOffsets, ...others } = file
    expect(splitOffsets).toEqual([4n])
    expect(await readAll(table, manifest)).toMatchObject([{ file: others }])

    // One item in a block of one byte: count -1, size 1, item 4, end.
    const simple = { type: 'array', items: 'long' }
    const sized = Buffer.from([1, 2, 8, 0])
    expect(typeOf(simple).fromBuffer(sized)).toEqual([4n])
    const { lake: second, table: other, manifest: target, schema: own, record: plain } = await written()
    const type = typeOf(JSON.parse(JSON.stringify(withoutIds(own))))
    const whole = type.toBuffer(plain)
    const at = whole.indexOf(Buffer.from([2, 2, 8, 0]))
    expect(at).toBeGreaterThan(0)
    const bytes = Buffer.concat([whole.subarray(0, at + 1), sized, whole.subarray(at + 4)])
    second.io.files.set(target.path, container({ 'avro.schema': JSON.stringify(withoutIds(own)) }, [bytes]))
    expect(await readAll(other, target)).toMatchObject([{ file }])
  })

  it('is read to its end when the list is wrong about its length', async () => {
    const { table, file, manifest } = await written()
    for (const lengthBytes of [0n, 10n, manifest.lengthBytes - 1n, manifest.lengthBytes + 1n, 1n << 40n]) {
      expect(await readAll(table, { ...manifest, lengthBytes })).toMatchObject([{ file }])
      const { lake, table: changed } = await written()
      const snapshot = currentSnapshot(changed.loaded.metadata)!
      const { meta, records } = await decode(lake.io.files.get(snapshot.manifestList)!)
      const entries = records.map((record) => ({ ...(record as Json), manifest_length: lengthBytes }))
      lake.io.files.set(snapshot.manifestList, encode(JSON.parse(meta['avro.schema']!), entries))
      const found = []
      for await (const task of planScan(changed)) found.push(task.file)
      expect(found).toMatchObject([file])
    }
  })

  it('is refused with a clear error when it is encrypted, or when its CRC does not match', async () => {
    const { lake, table, manifest, schema, record } = await written()
    lake.io.files.set(manifest.path, new TextEncoder().encode(`AGS1${'x'.repeat(100)}`))
    await expect(readAll(table, manifest)).rejects.toMatchObject({
      code: 'unsupported-encryption',
      context: { file: manifest.path },
    })
    const bytes = encode(schema, [record], { codec: 'snappy' })
    // The CRC stands before the last marker.
    bytes[bytes.length - 17]! ^= 1
    lake.io.files.set(manifest.path, bytes)
    await expect(readAll(table, manifest)).rejects.toMatchObject({
      code: 'malformed-manifest',
      context: { file: manifest.path, offset: expect.any(Number) },
    })
  })
})

describe('row ids that a manifest gives', () => {
  it('go to the files without one in file order, whatever a scan leaves out', async () => {
    const { lake, table, file, manifest } = await written(3)
    const { metadata } = table.loaded
    const writer = await ManifestWriter.create(lake.io, '/rows.avro', { metadata, specId: 0, snapshotId: 5n })
    const named = (filePath: string, name: string, recordCount: bigint): DataFile => ({
      ...file,
      filePath,
      partition: [name],
      recordCount,
    })
    const old = { snapshotId: 1n, sequenceNumber: 1n, fileSequenceNumber: 1n }
    await writer.existing({ status: 'existing', ...old, file: { ...named('has', 'x', 5n), firstRowId: 7n } })
    await writer.add(named('first', 'y', 10n))
    await writer.delete({ status: 'deleted', ...old, file: named('gone', 'x', 3n) })
    await writer.existing({ status: 'existing', ...old, file: named('second', 'x', 4n) })
    await writer.add(named('third', 'y', 1n))
    const { inherits: _, minExplicitSequenceNumber: __, rowsWithoutIds: ___, ...rest } = await writer.close()
    const listed = { ...manifest, ...rest, sequenceNumber: 2n, minSequenceNumber: 1n, firstRowId: 100n }
    const ids = (await readAll(table, listed)).map((entry) => [entry.file.filePath, entry.file.firstRowId])
    expect(ids).toEqual([
      ['has', 7n],
      ['first', 100n],
      ['gone', undefined],
      ['second', 110n],
      ['third', 114n],
    ])
  })
})

describe('a scan that needs no metrics', () => {
  it('gets files without them, and the others unchanged', async () => {
    const { table, file } = await written()
    const found = []
    for await (const task of planScan(table, { stats: false })) found.push(task.file)
    const { valueCounts, nullValueCounts, nanValueCounts, lowerBounds, upperBounds, ...rest } = file
    expect([valueCounts, nullValueCounts, nanValueCounts, lowerBounds, upperBounds]).not.toContain(undefined)
    expect(found).toEqual([rest])
  })
})

describe('a manifest of 100,000 files', () => {
  it('is planned with a heap of 40 MB', { timeout: 120_000 }, () => {
    const program = fileURLToPath(new URL('./many-files.ts', import.meta.url))
    const child = spawnSync(process.execPath, ['--max-old-space-size=40', program, '100000'], { encoding: 'utf8' })
    expect([child.stderr, child.stdout]).toEqual(['', '100000 planned, 100 of one partition\n'])
  })
})
