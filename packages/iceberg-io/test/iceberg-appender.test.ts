import { batchOfRows, batchRows, type PlainValue, randomRows, seededRandom } from '@icebridge/columnar/testing'
import {
  append,
  type DataFile,
  type FileWriter,
  IcebergError,
  type NestedField,
  openTable,
  type PartitionField,
  singleValueFromBytes,
  type TableHandle,
  type Transform,
  type Type,
} from '@icebridge/iceberg-core'
import { InMemoryCatalog, InMemoryFileIO, TestEnvironment } from '@icebridge/iceberg-core/testing'
import { columnFieldsOf, IcebergAppender, IcebergReader } from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { fieldsOf, nestedFields, scalarFields } from './written.ts'

const environment = new TestEnvironment()
const DAY = 86_400_000_000n

interface Lake {
  readonly io: InMemoryFileIO
  readonly table: TableHandle
}

async function lake(
  fields: readonly NestedField[],
  options: {
    readonly partition?: Readonly<Record<string, Transform>>
    readonly properties?: Record<string, string>
    readonly io?: InMemoryFileIO
  } = {},
): Promise<Lake> {
  const io = options.io ?? new InMemoryFileIO()
  const catalog = new InMemoryCatalog({ io, environment })
  const identifier = { namespace: ['n'], name: 't' }
  await catalog.createNamespace(identifier.namespace)
  const partition = Object.entries(options.partition ?? {}).map(([source, transform], index): PartitionField => ({
    sourceIds: [fields.find((field) => field.name === source)!.id],
    fieldId: 1000 + index,
    name: transform.kind === 'identity' ? source : `${source}_${transform.kind}`,
    transform,
  }))
  await catalog.createTable(identifier, {
    schema: { schemaId: 0, fields, identifierFieldIds: [] },
    partitionSpec: { specId: 0, fields: partition },
    ...(options.properties === undefined ? {} : { properties: options.properties }),
  })
  return { io, table: await openTable(catalog, identifier, io) }
}

async function writeAll(
  { table }: Lake,
  batches: readonly (readonly PlainValue[][])[],
  options: Partial<Parameters<typeof IcebergAppender.open>[1]> = {},
): Promise<readonly DataFile[]> {
  const appender = await IcebergAppender.open(table, { environment, ...options })
  const columns = columnFieldsOf(appender.schema)
  for (const rows of batches) await appender.write(batchOfRows(columns, rows))
  return appender.finish()
}

async function rowsOf(table: TableHandle): Promise<PlainValue[][]> {
  const rows: PlainValue[][] = []
  for await (const batch of new IcebergReader(table).scan()) rows.push(...batchRows(batch))
  return rows
}

async function committed(table: TableHandle, files: readonly DataFile[]): Promise<TableHandle> {
  const outcome = await append(table, { files }, { environment })
  if (outcome.status !== 'committed') throw new Error(`the append is ${outcome.status}`)
  return outcome.table
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

/** Bounds of a file as values, by column name. */
function boundsOf(file: DataFile, fields: readonly NestedField[], name: string): unknown[] {
  const field = fields.find((candidate) => candidate.name === name)!
  return [file.lowerBounds, file.upperBounds].map((bounds) => {
    const bytes = bounds?.get(field.id)
    return bytes === undefined
      ? undefined
      : singleValueFromBytes(field.type as Exclude<Type, { kind: 'struct' | 'list' | 'map' }>, bytes)
  })
}

describe('IcebergAppender', { timeout: 60_000 }, () => {
  it('writes files that an append commits and a scan reads back exactly', async () => {
    const fields = [...scalarFields, ...nestedFields]
    const home = await lake(fields)
    const columns = columnFieldsOf(home.table.loaded.metadata.schemas[0]!)
    const batches = range(6).map((seed) => randomRows(columns, 100, seededRandom(seed)))
    const files = await writeAll(home, batches, { targetFileSizeBytes: 20_000, rowGroupRows: 70 })
    expect(files.length).toBeGreaterThan(1)
    expect(await rowsOf(await committed(home.table, files))).toStrictEqual(batches.flat())
    for (const file of files) {
      expect(file.fileSizeBytes).toBe(BigInt(home.io.files.get(file.filePath)!.length))
      expect(file.filePath).toMatch(/\/data\/00000-\d+-[0-9a-f-]{36}\.parquet$/)
      expect(file.splitOffsets?.[0]).toBe(4n)
    }
    expect(files.reduce((sum, file) => sum + file.recordCount, 0n)).toBe(600n)
  })

  it('creates nothing for no rows', async () => {
    const home = await lake(fieldsOf({ v: 'long' }))
    expect(await writeAll(home, [[], []])).toEqual([])
    expect([...home.io.files.keys()].filter((path) => path.endsWith('.parquet'))).toEqual([])
  })

  it('takes columns in any order and fills absent optional ones with nulls', async () => {
    const home = await lake(fieldsOf({ a: 'int', b: 'string', c: 'long' }))
    const appender = await IcebergAppender.open(home.table, { environment })
    await appender.write(
      batchOfRows(
        [
          { name: 'c', type: { kind: 'int64' }, nullable: true },
          { name: 'a', type: { kind: 'int32' }, nullable: false },
        ],
        [[5n, 1]],
      ),
    )
    expect(await rowsOf(await committed(home.table, await appender.finish()))).toEqual([[1, null, 5n]])
  })

  it('counts values, nulls and NaNs, and gives bounds over all row groups', async () => {
    const fields = fieldsOf({
      l: 'long',
      d: 'double',
      s: 'string',
      n: { kind: 'decimal', precision: 25, scale: 2 },
      u: 'uuid',
    })
    const home = await lake(fields)
    const uuid = (first: string): string => first.padEnd(32, '0')
    const rows: PlainValue[][] = [
      [3n, Number.NaN, 'b', -(10n ** 20n), uuid('ff')],
      [null, 0, null, 7n, uuid('0a')],
      [-9n, -0, 'a', 10n ** 22n, null],
      [5n, null, 'c', null, uuid('80')],
    ]
    const [file] = await writeAll(home, [rows], { rowGroupRows: 2 })
    const id = (name: string): number => fields.find((field) => field.name === name)!.id
    expect(file!.splitOffsets).toHaveLength(2)
    expect(file!.recordCount).toBe(4n)
    expect(['l', 'd', 's', 'n', 'u'].map((name) => file!.valueCounts!.get(id(name)))).toEqual([4n, 4n, 4n, 4n, 4n])
    expect(['l', 'd', 's', 'n', 'u'].map((name) => file!.nullValueCounts!.get(id(name)))).toEqual([1n, 1n, 1n, 1n, 1n])
    expect([...file!.nanValueCounts!]).toEqual([[id('d'), 1n]])
    expect(boundsOf(file!, fields, 'l')).toEqual([-9n, 5n])
    expect(boundsOf(file!, fields, 'd')).toStrictEqual([-0, 0])
    expect(boundsOf(file!, fields, 's')).toEqual(['a', 'c'])
    expect(boundsOf(file!, fields, 'n')).toEqual([-(10n ** 20n), 10n ** 22n])
    expect(boundsOf(file!, fields, 'u')).toEqual([
      '0a000000-0000-0000-0000-000000000000',
      'ff000000-0000-0000-0000-000000000000',
    ])
    expect([...file!.columnSizes!.values()].every((size) => size > 0n)).toBe(true)
  })

  it('keeps the bounds of dictionary columns over several row groups', async () => {
    const fields = fieldsOf({ s: 'string' })
    const home = await lake(fields)
    const rows = ['mm', 'nn', 'zz', 'yy', 'aa', 'bb'].flatMap((text) => Array.from({ length: 50 }, () => [text]))
    const [file] = await writeAll(home, [rows], { rowGroupRows: 100 })
    expect(file!.splitOffsets).toHaveLength(3)
    expect(boundsOf(file!, fields, 's')).toEqual(['aa', 'zz'])
  })

  it('truncates bounds of strings at code points, rounding the upper one up, unless the column is asked for whole', async () => {
    const fields = fieldsOf({ s: 'string', whole: 'string', b: 'binary', off: 'string', counts: 'long' })
    const home = await lake(fields, {
      properties: { 'write.metadata.metrics.column.off': 'none', 'write.metadata.metrics.column.counts': 'counts' },
    })
    const long = '\u{1f9ca}'.repeat(20)
    const [file] = await writeAll(home, [[[long, long, 'ff'.repeat(20), 'x', 1n]]], { fullMetricsColumns: ['whole'] })
    expect(boundsOf(file!, fields, 's')).toEqual(['\u{1f9ca}'.repeat(16), `${'\u{1f9ca}'.repeat(15)}\u{1f9cb}`])
    expect(boundsOf(file!, fields, 'whole')).toEqual([long, long])
    expect(boundsOf(file!, fields, 'b')).toEqual([new Uint8Array(16).fill(255), undefined])
    expect(file!.valueCounts!.has(4)).toBe(false)
    expect(file!.valueCounts!.get(5)).toBe(1n)
    expect(boundsOf(file!, fields, 'counts')).toEqual([undefined, undefined])
  })

  it('infers metrics for the first primitive columns, and always for those sorted by', async () => {
    const fields: NestedField[] = [
      {
        id: 1,
        name: 's',
        required: false,
        type: {
          kind: 'struct',
          fields: [
            { id: 2, name: 'inner', required: false, type: 'int' },
            { id: 3, name: 'last', required: false, type: 'int' },
          ],
        },
      },
      { id: 4, name: 'a', required: false, type: 'long' },
      { id: 5, name: 'b', required: false, type: 'long' },
    ]
    const { table, io } = await lake(fields, {
      properties: { 'write.metadata.metrics.max-inferred-column-defaults': '3' },
    })
    const own = table.loaded.metadata.schemas[0]!.fields
    const ids = new Map(own.map(({ id, name }) => [name, id]))
    const struct = own[0]!.type as Extract<Type, { kind: 'struct' }>
    const [inner, last] = struct.fields.map(({ id }) => id)
    const rows: PlainValue[][] = [[[7, 8], 1n, 2n]]
    const [file] = await writeAll({ io, table }, [rows])
    const inferred = [ids.get('a')!, ids.get('b')!, inner!]
    expect(new Set(file!.lowerBounds!.keys())).toEqual(new Set(inferred))
    expect(new Set(file!.valueCounts!.keys())).toEqual(new Set(inferred))
    const order = {
      orderId: 1,
      fields: [{ sourceIds: [last!], transform: { kind: 'identity' }, direction: 'asc', nullOrder: 'nulls-first' }],
    } as const
    const metadata = { ...table.loaded.metadata, sortOrders: [order], defaultSortOrderId: 1 }
    const sorted = { ...table, loaded: { ...table.loaded, metadata } }
    const [other] = await writeAll({ io, table: sorted }, [rows])
    expect(new Set(other!.lowerBounds!.keys())).toEqual(new Set([...inferred, last!]))
  })

  it('puts rows into the folder of their partition, a batch with one day whole', async () => {
    const fields = fieldsOf({ at: 'timestamptz', v: 'int' })
    const home = await lake(fields, { partition: { at: { kind: 'day' } } })
    const batches = range(4).map((day) =>
      range(100).map((index): PlainValue[] => [BigInt(day % 2) * DAY - 1n, index + day * 100]),
    )
    const files = await writeAll(home, batches)
    expect(files.map((file) => [file.partition, file.filePath.match(/data\/(.*)\//)?.[1], file.recordCount])).toEqual([
      [[-1], 'at_day=1969-12-31', 200n],
      [[0], 'at_day=1970-01-01', 200n],
    ])
    expect(
      (await rowsOf(await committed(home.table, files))).map((row) => row[1]).toSorted((a, b) => Number(a) - Number(b)),
    ).toEqual(range(400))
  })

  it('computes every transform per row, nulls included, and keeps each partition in its file', async () => {
    const fields = fieldsOf({
      id: 'long',
      name: 'string',
      amount: { kind: 'decimal', precision: 9, scale: 2 },
      on: 'date',
      key: 'uuid',
    })
    const home = await lake(fields, {
      partition: {
        id: { kind: 'bucket', buckets: 4 },
        name: { kind: 'truncate', width: 1 },
        amount: { kind: 'identity' },
        on: { kind: 'month' },
        key: { kind: 'void' },
      },
    })
    const rows = range(60).map((index): PlainValue[] => [
      BigInt(index),
      index % 7 === 0 ? null : `${'xyz'[index % 3]}=/ ${index}`,
      BigInt(index % 2) * 1234n,
      index % 5 === 0 ? -1 : 40,
      '0'.repeat(32),
    ])
    const files = await writeAll(home, [rows], { maxOpenWriters: 3 })
    expect(new Set(files.map((file) => file.filePath)).size).toBe(files.length)
    const nullName = files.find((file) => file.partition[1] === null)
    expect(nullName!.filePath).toContain('/name_truncate=null/')
    expect(files.every((file) => file.partition[4] === null && file.partition.length === 5)).toBe(true)
    expect(new Set(files.map((file) => file.partition[3]))).toEqual(new Set([-1, 1]))
    expect(files.some((file) => file.filePath.includes('/amount=12.34/on_month=1969-12/'))).toBe(true)
    const back = (await rowsOf(await committed(home.table, files))).toSorted((a, b) => Number(a[0]) - Number(b[0]))
    expect(back).toStrictEqual(rows)
  })

  it('escapes partition values in paths and tells values apart that print alike', async () => {
    const home = await lake(fieldsOf({ s: 'string' }), { partition: { s: { kind: 'identity' } } })
    const values = ['a b', 'a/b', 'ü=1', '', 'null', null, "it's"]
    const files = await writeAll(home, [values.map((value): PlainValue[] => [value])])
    expect(files.map((file) => file.partition[0])).toEqual(values)
    expect(files.map((file) => file.filePath.match(/data\/(.*)\//)?.[1])).toEqual([
      's=a+b',
      's=a%2Fb',
      's=%C3%BC%3D1',
      's=',
      's=null',
      's=null',
      's=it%27s',
    ])
  })

  it('compresses as the table declares, and refuses a codec that is not written', async () => {
    const rows = range(2000).map((index): PlainValue[] => [BigInt(index % 3)])
    const sizes: Record<string, bigint> = {}
    for (const codec of ['uncompressed', 'gzip', 'snappy', 'zstd', 'brotli', 'lz4']) {
      const home = await lake(fieldsOf({ v: 'long' }), { properties: { 'write.parquet.compression-codec': codec } })
      sizes[codec] = (await writeAll(home, [rows]))[0]!.fileSizeBytes
    }
    for (const codec of ['gzip', 'snappy', 'zstd', 'brotli', 'lz4'])
      expect(sizes[codec]! * 4n).toBeLessThan(sizes['uncompressed']!)
    for (const properties of [
      { 'write.parquet.compression-codec': 'lzo' },
      { 'write.parquet.compression-level': '23' },
      { 'write.parquet.compression-codec': 'gzip', 'write.parquet.compression-level': 'best' },
      { 'write.parquet.page-size-bytes': '0' },
      { 'write.parquet.bloom-filter-enabled.column.v': 'true', 'write.parquet.bloom-filter-fpp.column.v': '1' },
    ]) {
      const home = await lake(fieldsOf({ v: 'long' }), { properties })
      await expect(IcebergAppender.open(home.table, { environment })).rejects.toMatchObject({
        code: 'invalid-argument',
      })
    }
  })

  it('deletes open and finished files on abort, and when it is disposed of unfinished', async () => {
    const home = await lake(fieldsOf({ v: 'string' }))
    const columns = columnFieldsOf(home.table.loaded.metadata.schemas[0]!)
    const batch = batchOfRows(
      columns,
      range(500).map((index): PlainValue[] => [`${index}`.repeat(50)]),
    )
    const dataFiles = (): string[] => [...home.io.files.keys()].filter((path) => path.endsWith('.parquet'))
    {
      await using appender = await IcebergAppender.open(home.table, {
        environment,
        targetFileSizeBytes: 1000,
        rowGroupRows: 100,
      })
      await appender.write(batch)
      await appender.write(batch)
      expect(dataFiles().length).toBeGreaterThan(0)
    }
    expect(dataFiles()).toEqual([])
    const finished = await IcebergAppender.open(home.table, { environment })
    await finished.write(batch)
    await finished.finish()
    await finished[Symbol.asyncDispose]()
    expect(dataFiles()).toHaveLength(1)
    await expect(finished.write(batch)).rejects.toMatchObject({ code: 'closed' })
    await finished.abort()
    expect(dataFiles()).toEqual([])
  })

  it('names the file when the disk is full, and abort leaves nothing behind', async () => {
    class FullDisk extends InMemoryFileIO {
      room = 3000
      override async create(path: string): Promise<FileWriter> {
        const file = await super.create(path)
        if (!path.endsWith('.parquet')) return file
        const write = file.write.bind(file)
        file.write = async (bytes) => {
          this.room -= bytes.length
          if (this.room < 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
          await write(bytes)
        }
        return file
      }
    }
    const io = new FullDisk()
    const home = await lake(fieldsOf({ v: 'uuid' }), { io })
    const columns = columnFieldsOf(home.table.loaded.metadata.schemas[0]!)
    const appender = await IcebergAppender.open(home.table, { environment, rowGroupRows: 50, targetFileSizeBytes: 500 })
    const fill = async (): Promise<void> => {
      for (const seed of range(50))
        await appender.write(batchOfRows(columns, randomRows(columns, 60, seededRandom(seed))))
    }
    const error = await fill().then(
      () => undefined,
      (failure: unknown) => failure,
    )
    expect(error).toBeInstanceOf(IcebergError)
    expect(error).toMatchObject({ code: 'io', message: expect.stringMatching(/data\/00000-\d+-.*\.parquet.*ENOSPC/) })
    await appender.abort()
    expect([...io.files.keys()].filter((path) => path.endsWith('.parquet'))).toEqual([])
  })

  it('throws the reason of an abort, and writes no more', async () => {
    const home = await lake(fieldsOf({ v: 'long' }))
    const controller = new AbortController()
    const appender = await IcebergAppender.open(home.table, { environment, signal: controller.signal })
    const batch = batchOfRows(columnFieldsOf(appender.schema), [[1n]])
    await appender.write(batch)
    controller.abort(new Error('operator stopped it'))
    await expect(appender.finish()).rejects.toThrow('operator stopped it')
    await expect(appender.write(batch)).rejects.toMatchObject({ code: 'closed' })
    await appender.abort()
  })

  it('refuses options out of range', async () => {
    const home = await lake(fieldsOf({ v: 'long' }))
    for (const options of [
      { targetFileSizeBytes: 0 },
      { rowGroupBytes: -1 },
      { maxOpenWriters: 1.5 },
      { fullMetricsColumns: ['no'] },
    ]) {
      await expect(IcebergAppender.open(home.table, { environment, ...options })).rejects.toMatchObject({
        code: 'invalid-argument',
      })
    }
  })
})
