import { batchOfRows, batchRows, type PlainValue } from '@icebridge/columnar/testing'
import { type Expression, isNull, type NestedField, notNull, type Type } from '@icebridge/iceberg-core'
import { columnFieldsOf, IcebergAppender, IcebergReader, writeParquet } from '@icebridge/iceberg-io'
import { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { committed, environment, lake, rowsOf, writeAll } from './written-lake.ts'
import { fieldsOf, schemaOf } from './written.ts'

const v3 = { formatVersion: 3 } as const

/** The elements of a written file's schema, after the root. */
async function elementsOf(fields: readonly NestedField[], rows: readonly PlainValue[][]) {
  const io = new InMemoryFileIO()
  await writeParquet(io, '/f', [batchOfRows(columnFieldsOf(schemaOf(fields)), rows)], {
    schema: schemaOf(fields),
    compression: 'none',
  })
  const file = new Uint8Array(io.files.get('/f')!).buffer
  return {
    file,
    elements: parquetMetadata(file).schema.slice(1),
    columns: parquetMetadata(file).row_groups[0]!.columns,
  }
}

describe('version 3 columns', () => {
  it('stores nanoseconds at their extremes as Parquet has them', async () => {
    const fields = fieldsOf({ a: 'timestamp_ns', z: 'timestamptz_ns' })
    const rows: PlainValue[][] = [
      [2n ** 63n - 1n, -(2n ** 63n)],
      [null, 0n],
      [-1n, 1_700_000_000_123_456_789n],
    ]
    const { elements } = await elementsOf(fields, rows)
    expect(elements.map(({ type, logical_type, converted_type }) => [type, logical_type, converted_type])).toEqual([
      ['INT64', { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'NANOS' }, undefined],
      ['INT64', { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' }, undefined],
    ])
    const home = await lake(fields, v3)
    const [file] = await writeAll(home.table, [rows])
    const bound = (bytes: Uint8Array | undefined) => Buffer.from(bytes!).readBigInt64LE()
    expect([bound(file!.lowerBounds?.get(2)), bound(file!.upperBounds?.get(1))]).toEqual([-(2n ** 63n), 2n ** 63n - 1n])
    expect(await rowsOf(await committed(home.table, [file!]))).toStrictEqual(rows)
  })

  it('leaves columns of type unknown out of the file, inside structs too, and reads the others back', async () => {
    const fields: NestedField[] = [
      { id: 1, name: 'nothing', required: false, type: 'unknown' },
      {
        id: 2,
        name: 's',
        required: false,
        type: {
          kind: 'struct',
          fields: [
            { id: 3, name: 'none', required: false, type: 'unknown' },
            { id: 4, name: 'some', required: false, type: 'string' },
          ],
        },
      },
      { id: 5, name: 'v', required: false, type: 'long' },
    ]
    const rows: PlainValue[][] = [
      [null, [null, 'x'], 1n],
      [null, null, 2n],
    ]
    const { elements } = await elementsOf(fields, rows)
    expect(elements.map(({ name }) => name)).toEqual(['s', 'some', 'v'])
    const home = await lake(fields, v3)
    const files = await writeAll(home.table, [rows])
    expect(await rowsOf(await committed(home.table, files))).toStrictEqual(rows)
  })

  it('refuses what would hold nothing but unknowns, before anything is written', async () => {
    const inside: Record<string, Type> = {
      l: { kind: 'list', elementId: 2, elementRequired: false, element: 'unknown' },
      m: { kind: 'map', keyId: 2, key: 'string', valueId: 3, valueRequired: false, value: 'unknown' },
      s: { kind: 'struct', fields: [{ id: 2, name: 'u', required: false, type: 'unknown' }] },
    }
    for (const [name, type] of Object.entries(inside)) {
      const home = await lake([{ id: 1, name, required: false, type }], v3)
      await expect(IcebergAppender.open(home.table, { environment })).rejects.toMatchObject({
        code: 'unsupported-type',
        message: expect.stringContaining(`column ${name} `),
      })
    }
  })

  it('filters variants and geometries by whether they are there, and writes beside a void field that they are', async () => {
    const fields = fieldsOf({ v: { kind: 'variant' }, g: { kind: 'geometry' }, id: 'int' })
    const partition = [1, 2].map((sourceId) => ({
      sourceId,
      transform: { kind: 'void' as const },
      name: `p${sourceId}`,
    }))
    const home = await lake(fields, { ...v3, partition })
    const point = '010100000000000000000000000000000000000000'
    const rows: PlainValue[][] = [
      [['010000', '00'], null, 1],
      [null, point, 2],
      [['010000', '04'], point, 3],
    ]
    const files = await writeAll(home.table, [rows])
    expect(files.map((file) => file.partition)).toEqual([[null, null]])
    const table = await committed(home.table, files)
    expect(await rowsOf(table)).toStrictEqual(rows)
    const idsOf = async (filter: Expression): Promise<PlainValue[]> => {
      const ids: PlainValue[] = []
      for await (const batch of new IcebergReader(table).scan({ filter, columns: ['id'] })) {
        ids.push(...batchRows(batch).flat())
      }
      return ids
    }
    expect(await idsOf(isNull('v'))).toEqual([2])
    expect(await idsOf(notNull('v'))).toEqual([1, 3])
    expect(await idsOf(notNull('g'))).toEqual([2, 3])
  })

  it('writes under a void field whose column is gone', async () => {
    const made = await lake(fieldsOf({ a: 'int', b: 'string' }), {
      partition: [{ sourceId: 1, transform: { kind: 'identity' }, name: 'a' }],
    })
    // As version 1 leaves a table whose partition field, and then its column, was dropped.
    const metadata = {
      ...made.table.loaded.metadata,
      schemas: [{ schemaId: 0, fields: fieldsOf({ a: 'int', b: 'string' }).slice(1), identifierFieldIds: [] }],
      partitionSpecs: [
        { specId: 0, fields: [{ sourceIds: [1], fieldId: 1000, name: 'a', transform: { kind: 'void' as const } }] },
      ],
    }
    const table = { ...made.table, loaded: { ...made.table.loaded, metadata } }
    const [file] = await writeAll(table, [[['x'], ['y']]])
    expect(file).toMatchObject({ partition: [null], recordCount: 2n })
    expect(file!.filePath).toMatch(/\/data\/a=null\/[^/]*\.parquet$/)
  })

  it('stores a variant as its metadata and value, with counts and without bounds', async () => {
    const fields = fieldsOf({ v: { kind: 'variant' }, id: 'int' })
    // The variants null, true and 1234 (int16), each with an empty dictionary.
    const rows: PlainValue[][] = [
      [['010000', '00'], 1],
      [['010000', '04'], 2],
      [null, 3],
      [['010000', '10d204'], 4],
    ]
    const { elements, file } = await elementsOf(fields, rows)
    expect(elements.slice(0, 3)).toEqual([
      expect.objectContaining({
        name: 'v',
        num_children: 2,
        field_id: 1,
        logical_type: { type: 'VARIANT', specification_version: 1 },
      }),
      expect.objectContaining({ name: 'metadata', repetition_type: 'REQUIRED', type: 'BYTE_ARRAY' }),
      expect.objectContaining({ name: 'value', repetition_type: 'REQUIRED', type: 'BYTE_ARRAY' }),
    ])
    // hyparquet decodes variants on its own, and tells the variant null from none.
    expect(await parquetReadObjects({ file })).toStrictEqual([
      { v: null, id: 1 },
      { v: true, id: 2 },
      { v: undefined, id: 3 },
      { v: 1234, id: 4 },
    ])
    const home = await lake(fields, v3)
    const [entry] = await writeAll(home.table, [rows])
    expect(entry!.valueCounts?.get(1)).toBe(4n)
    expect(entry!.nullValueCounts?.get(1)).toBe(1n)
    expect([...entry!.lowerBounds!.keys()]).toEqual([2])
    expect(entry!.columnSizes!.get(1)).toBeGreaterThan(entry!.columnSizes!.get(2)!)
    expect(await rowsOf(await committed(home.table, [entry!]))).toStrictEqual(rows)
  })

  it('stores geometries and geographies as WKB with their parameters, and bounds of neither', async () => {
    const point = '0101000000000000000000f03f0000000000000040'
    const fields = fieldsOf({
      g: { kind: 'geometry' },
      h: { kind: 'geometry', crs: 'srid:3857' },
      e: { kind: 'geography', algorithm: 'karney' },
    })
    const { elements, columns } = await elementsOf(fields, [[point, point, point]])
    expect(elements.map(({ type, logical_type }) => [type, logical_type])).toEqual([
      ['BYTE_ARRAY', { type: 'GEOMETRY' }],
      ['BYTE_ARRAY', { type: 'GEOMETRY', crs: 'srid:3857' }],
      ['BYTE_ARRAY', { type: 'GEOGRAPHY', algorithm: 'KARNEY' }],
    ])
    for (const { meta_data, column_index_offset } of columns) {
      expect(meta_data?.statistics?.min_value).toBeUndefined()
      expect(column_index_offset).toBeUndefined()
    }
    const home = await lake(fields, v3)
    const rows: PlainValue[][] = [[point, point, null]]
    const [entry] = await writeAll(home.table, [rows])
    expect([...entry!.lowerBounds!.keys()]).toEqual([])
    expect(entry!.nullValueCounts?.get(3)).toBe(1n)
    expect(await rowsOf(await committed(home.table, [entry!]))).toStrictEqual(rows)
  })
})

describe('write defaults', () => {
  const fields: NestedField[] = [
    { id: 1, name: 'id', required: true, type: 'long' },
    { id: 2, name: 'day', required: true, type: 'date', writeDefault: '2026-01-31' },
    {
      id: 3,
      name: 'amount',
      required: false,
      type: { kind: 'decimal', precision: 38, scale: 2 },
      writeDefault: '-999999999999999999999999999999999999.99',
    },
    { id: 4, name: 'note', required: false, type: 'string', initialDefault: 'old', writeDefault: 'new' },
    { id: 5, name: 'none', required: false, type: 'string', initialDefault: 'old' },
    {
      id: 6,
      name: 'point',
      required: false,
      type: {
        kind: 'struct',
        fields: [
          { id: 7, name: 'x', required: false, type: 'int', writeDefault: 0 },
          { id: 8, name: 'y', required: false, type: 'int' },
        ],
      },
      writeDefault: {},
    },
  ]
  const id = { name: 'id', type: { kind: 'int64' }, nullable: false } as const

  it('fill columns that a batch lacks, structs with the defaults of their fields, and decide the partition', async () => {
    const home = await lake(fields, {
      ...v3,
      partition: [{ sourceId: 2, transform: { kind: 'month' }, name: 'm' }],
    })
    const appender = await IcebergAppender.open(home.table, { environment })
    await appender.write(batchOfRows([id], [[1n], [2n]]))
    const note = { name: 'note', type: { kind: 'string' }, nullable: true } as const
    await appender.write(batchOfRows([note, id], [[null, 3n]]))
    const files = await appender.finish()
    expect(files.map(({ partition }) => partition)).toEqual([[672]])
    const amount = -(10n ** 38n - 1n)
    expect(await rowsOf(await committed(home.table, files))).toStrictEqual([
      [1n, 20_484, amount, 'new', null, [0, null]],
      [2n, 20_484, amount, 'new', null, [0, null]],
      [3n, 20_484, amount, null, null, [0, null]],
    ])
  })

  it('are the only stand-in for a required column', async () => {
    const home = await lake([fields[0]!, { id: 2, name: 'must', required: true, type: 'int' }], v3)
    const appender = await IcebergAppender.open(home.table, { environment })
    await expect(appender.write(batchOfRows([id], [[1n]]))).rejects.toMatchObject({
      code: 'schema-mismatch',
      message: expect.stringContaining('column must is required'),
    })
  })
})

describe('decimals of every precision', () => {
  it('keep their extremes', async () => {
    for (let precision = 1; precision <= 38; precision++) {
      const fields = fieldsOf({ d: { kind: 'decimal', precision, scale: precision >> 1 } })
      const top = 10n ** BigInt(precision) - 1n
      const rows: PlainValue[][] = [[top], [-top], [0n], [null], [-1n]]
      const home = await lake(fields)
      expect(await rowsOf(await committed(home.table, await writeAll(home.table, [rows])))).toStrictEqual(rows)
    }
  })
})
