import { deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import {
  currentSnapshot,
  isIcebergError,
  ManifestWriter,
  parseTransform,
  type PartitionSpec,
  type PrimitiveType,
  readManifest,
  readManifestList,
  type Schema,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { container, decode, typeOf } from './avro-container.ts'
import { dataFile, Lake } from './lake.ts'
import { Random } from './random.ts'

interface AvroField {
  readonly name: string
  readonly type: unknown
  readonly default?: unknown
  readonly 'field-id'?: number
}
const fieldsOf = (schema: unknown): Record<string, AvroField> =>
  Object.fromEntries((schema as { fields: AvroField[] }).fields.map((field) => [field.name, field]))
const branch = (type: unknown): unknown => (Array.isArray(type) ? type[1] : type)

const schema: Schema = {
  schemaId: 0,
  identifierFieldIds: [],
  fields: [
    { id: 1, name: 'ts', required: false, type: 'timestamptz' },
    { id: 2, name: 'price', required: false, type: { kind: 'decimal', precision: 20, scale: 2 } },
    { id: 3, name: 'fix', required: false, type: { kind: 'fixed', length: 3 } },
    { id: 4, name: 'key', required: false, type: 'uuid' },
    { id: 5, name: 'a column/1', required: false, type: 'time' },
  ],
}
const identity = parseTransform('identity')
const spec: PartitionSpec = {
  specId: 0,
  fields: [
    { sourceIds: [1], fieldId: 0, name: 'ts_day', transform: { kind: 'day' } },
    { sourceIds: [1], fieldId: 0, name: 'ts', transform: identity },
    { sourceIds: [2], fieldId: 0, name: 'price', transform: identity },
    { sourceIds: [3], fieldId: 0, name: 'fix', transform: identity },
    { sourceIds: [4], fieldId: 0, name: 'key', transform: identity },
    { sourceIds: [5], fieldId: 0, name: 'a column/1', transform: identity },
  ],
}
const row = {
  ts: -1n,
  price: -123n,
  fix: Uint8Array.of(1, 2, 3),
  key: 'f79c3e09-677c-4bbd-a479-3f349cb785e7',
  'a column/1': 5n,
}

async function written(formatVersion: 2 | 3 = 2) {
  const lake = await Lake.create({ schema, partitionSpec: spec, formatVersion })
  const table = await lake.table()
  const file = {
    ...dataFile(table, 'a', [row]),
    splitOffsets: [4n, 2n ** 60n],
    sortOrderId: 0,
    columnSizes: new Map([[1, 2n ** 62n]]),
  }
  const after = await lake.append({ files: [file] })
  const snapshot = currentSnapshot(after.loaded.metadata)!
  const [manifest] = await readManifestList(after.io, snapshot, { metadata: after.loaded.metadata })
  return { lake, table: after, file, snapshot, manifest: manifest!, read: (path: string) => lake.io.files.get(path)! }
}

describe('a manifest', () => {
  it('carries schema, spec, version and content in its header', async () => {
    const { manifest, read } = await written()
    const { meta } = await decode(read(manifest.path))
    expect(JSON.parse(meta['schema']!)).toMatchObject({
      type: 'struct',
      'schema-id': 0,
      fields: [{ id: 1, name: 'ts' }, {}, {}, {}, {}],
    })
    expect(meta).toMatchObject({
      'schema-id': '0',
      'partition-spec-id': '0',
      'format-version': '2',
      content: 'data',
      'avro.codec': 'deflate',
    })
    expect((JSON.parse(meta['partition-spec']!) as object[])[0]).toEqual({
      'source-id': 1,
      'field-id': 1000,
      name: 'ts_day',
      transform: 'day',
    })
  })

  it('has field, element, key and value ids, map arrays and typed partition fields in its Avro schema', async () => {
    const { manifest, read } = await written()
    const { meta } = await decode(read(manifest.path))
    const entry = fieldsOf(JSON.parse(meta['avro.schema']!))
    expect(Object.entries(entry).map(([name, field]) => [name, field['field-id']])).toEqual([
      ['status', 0],
      ['snapshot_id', 1],
      ['sequence_number', 3],
      ['file_sequence_number', 4],
      ['data_file', 2],
    ])
    const file = fieldsOf(entry['data_file']!.type)
    expect(branch(file['lower_bounds']!.type)).toMatchObject({
      type: 'array',
      logicalType: 'map',
      items: {
        name: 'k126_v127',
        fields: [
          { name: 'key', type: 'int', 'field-id': 126 },
          { name: 'value', type: 'bytes', 'field-id': 127 },
        ],
      },
    })
    expect(branch(file['split_offsets']!.type)).toEqual({ type: 'array', items: 'long', 'element-id': 133 })
    expect(file['split_offsets']).toMatchObject({ default: null, 'field-id': 132 })
    const partition = (file['partition']!.type as { fields: (AvroField & Record<string, unknown>)[] }).fields
    expect(partition.map((field) => [field.name, field['field-id'], branch(field.type)])).toEqual([
      ['ts_day', 1000, { type: 'int', logicalType: 'date' }],
      ['ts', 1001, { type: 'long', logicalType: 'timestamp-micros', 'adjust-to-utc': true }],
      [
        'price',
        1002,
        { type: 'fixed', name: 'p1002_decimal', size: 9, logicalType: 'decimal', precision: 20, scale: 2 },
      ],
      ['fix', 1003, { type: 'fixed', name: 'p1003_fixed', size: 3 }],
      ['key', 1004, { type: 'fixed', name: 'p1004_uuid', size: 16, logicalType: 'uuid' }],
      ['a_x20column_x2F1', 1005, { type: 'long', logicalType: 'time-micros' }],
    ])
    expect(partition[5]).toMatchObject({ 'iceberg-field-name': 'a column/1' })
  })

  it('leaves the sequence numbers of new files to be inherited', async () => {
    const { manifest, read } = await written()
    const { records } = await decode(read(manifest.path))
    expect(records[0]).toMatchObject({
      status: 1,
      sequence_number: null,
      file_sequence_number: null,
      data_file: { content: 0, file_format: 'PARQUET' },
    })
  })

  it('is read back as it was written', async () => {
    for (const version of [2, 3] as const) {
      const { manifest, table, file, snapshot } = await written(version)
      const entries = await readAll(table, manifest)
      expect(entries).toEqual([
        {
          status: 'added',
          snapshotId: snapshot.snapshotId,
          sequenceNumber: 1n,
          fileSequenceNumber: 1n,
          file: { ...file, ...(version === 3 ? { firstRowId: 0n } : {}) },
        },
      ])
    }
  })

  it('refuses an existing entry without a sequence number', async () => {
    const { lake, table, manifest } = await written()
    const { meta, records } = await decode(lake.io.files.get(manifest.path)!)
    const type = typeOf(JSON.parse(meta['avro.schema']!))
    const record = records[0] as { status: number }
    const block = deflateRawSync(type.toBuffer({ ...record, status: 0 }))
    lake.io.files.set(manifest.path, container(meta, [block]))
    await expect(readAll(table, manifest)).rejects.toMatchObject({
      code: 'malformed-manifest',
      context: { file: manifest.path },
    })
  })
})

describe('a manifest list', () => {
  it('carries its ids, summaries of each partition field and the format version', async () => {
    const { snapshot, read, manifest } = await written()
    const { meta, records } = await decode(read(snapshot.manifestList))
    expect(meta).toMatchObject({
      'snapshot-id': String(snapshot.snapshotId),
      'parent-snapshot-id': 'null',
      'sequence-number': '1',
      'format-version': '2',
    })
    const fields = fieldsOf(JSON.parse(meta['avro.schema']!))
    expect(fields['partitions']).toMatchObject({
      'field-id': 507,
      type: ['null', { 'element-id': 508, items: { name: 'r508' } }],
    })
    expect(Object.values(fields).map((field) => field['field-id'])).toEqual([
      500, 501, 502, 517, 515, 516, 503, 504, 505, 506, 512, 513, 514, 507, 519,
    ])
    expect(records).toHaveLength(1)
    expect(
      manifest.partitions?.map((summary) => [
        summary.containsNull,
        summary.containsNaN,
        Buffer.from(summary.lowerBound!).toString('hex'),
      ]),
    ).toEqual([
      [false, false, 'ffffffff'],
      [false, false, 'ffffffffffffffff'],
      [false, false, '85'],
      [false, false, '010203'],
      [false, false, 'f79c3e09677c4bbda4793f349cb785e7'],
      [false, false, '0500000000000000'],
    ])
    expect(manifest.lengthBytes).toBe(BigInt(read(manifest.path).length))
  })

  it('sums up nulls and NaNs apart from bounds', async () => {
    const lake = await Lake.create({
      schema: {
        schemaId: 0,
        identifierFieldIds: [],
        fields: [{ id: 1, name: 'f', required: false, type: 'double' as PrimitiveType }],
      },
      partitionSpec: { specId: 0, fields: [{ sourceIds: [1], fieldId: 0, name: 'f', transform: identity }] },
    })
    const table = await lake.table()
    const values = [null, Number.NaN, 0, -0]
    const after = await lake.append({ files: values.map((f, at) => dataFile(table, `f${at}`, [{ f }])) })
    const [manifest] = await readManifestList(after.io, currentSnapshot(after.loaded.metadata)!, {
      metadata: after.loaded.metadata,
    })
    expect(manifest?.partitions).toEqual([
      {
        containsNull: true,
        containsNaN: true,
        lowerBound: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x80),
        upperBound: new Uint8Array(8),
      },
    ])
  })
})

describe('damaged Avro files', () => {
  it('give an error that names the file and the place, and never run on', { timeout: 60_000 }, async () => {
    const { lake, table, manifest, snapshot } = await written()
    const random = new Random(5)
    for (const path of [manifest.path, snapshot.manifestList]) {
      const intact = lake.io.files.get(path)!
      let refused = 0
      for (let run = 0; run < 1500; run++) {
        const bytes = random.below(4) === 0 ? intact.slice(0, random.below(intact.length)) : intact.slice()
        for (let edit = 0; edit < 3 && bytes.length > 0; edit++) bytes[random.below(bytes.length)] = random.below(256)
        lake.io.files.set(path, bytes)
        try {
          if (path === manifest.path) await readAll(table, manifest)
          else await readManifestList(table.io, snapshot, { metadata: table.loaded.metadata })
        } catch (error) {
          refused++
          if (!isIcebergError(error, 'malformed-manifest') || error.context['file'] !== path) throw error
        }
      }
      expect(refused).toBeGreaterThan(100)
      lake.io.files.set(path, intact)
    }
  })

  it('do not believe counts that the data cannot hold', async () => {
    const { lake, table, manifest } = await written()
    const { meta } = await decode(lake.io.files.get(manifest.path)!)
    const huge = Buffer.from('ffffffffffffffff7f', 'hex')
    // A record whose array of split offsets claims 2^60 items.
    const block = deflateRawSync(Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 2, 0x61, 2, 0x62]), huge, huge, huge]))
    lake.io.files.set(manifest.path, container(meta, [block]))
    await expect(readAll(table, manifest)).rejects.toMatchObject({ code: 'malformed-manifest' })
  })
})

describe('many entries', () => {
  it('are written and read one after the other, in blocks', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    const writer = await ManifestWriter.create(lake.io, '/many.avro', {
      metadata: table.loaded.metadata,
      specId: 0,
      snapshotId: 1n,
    })
    const file = dataFile(table, '', [{ id: 1n, name: 'x', score: 1 }])
    for (let n = 0; n < 20_000; n++) await writer.add({ ...file, filePath: `/data/${n}.parquet` })
    const { inherits: _, minExplicitSequenceNumber: __, rowsWithoutIds: ___, ...manifest } = await writer.close()
    expect(manifest).toMatchObject({ addedFilesCount: 20_000, addedRowsCount: 20_000n })
    let n = 0
    for await (const entry of readManifest(
      lake.io,
      { ...manifest, sequenceNumber: 9n, minSequenceNumber: 9n },
      { metadata: table.loaded.metadata },
    )) {
      if (entry.file.filePath !== `/data/${n++}.parquet` || entry.sequenceNumber !== 9n) throw new Error(`entry ${n}`)
    }
    expect(n).toBe(20_000)
  })
})

async function readAll(table: TableHandle, manifest: Parameters<typeof readManifest>[1]) {
  const entries = []
  for await (const entry of readManifest(table.io, manifest, { metadata: table.loaded.metadata })) entries.push(entry)
  return entries
}
