import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { columnView, type ColumnView } from '@icebridge/columnar'
import type { FileIO, NestedField, Type } from '@icebridge/iceberg-core'
import { IcebergIoError, readParquet } from '@icebridge/iceberg-io'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** Reads only: what `readParquet` needs of a store. */
const disk: Pick<FileIO, 'read' | 'stat'> = {
  read: async (path, options) => {
    const bytes = readFileSync(path)
    return options?.range === undefined ? bytes : bytes.subarray(options.range.start, options.range.end)
  },
  stat: async (path) => ({ sizeBytes: statSync(path).size }),
}
const io = disk as FileIO

let folder: string
let duckdb: DuckDBConnection

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'icebridge-parquet-'))
  duckdb = await (await DuckDBInstance.create(':memory:')).connect()
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function field(id: number, name: string, type: Type): NestedField {
  return { id, name, required: false, type }
}

function valueAt(view: ColumnView | undefined, row: number): unknown {
  if (view === undefined || view.isNull(row)) return null
  switch (view.kind) {
    case 'struct':
      return view.fields.map((child) => valueAt(child, row))
    case 'list':
      return span(view.start(row), view.end(row), (at) => valueAt(view.element, at))
    case 'map':
      return span(view.start(row), view.end(row), (at) => [valueAt(view.key, at), valueAt(view.value, at)])
    default:
      return view.value(row)
  }
}

function span(start: number, end: number, make: (at: number) => unknown): unknown[] {
  return Array.from({ length: end - start }, (_, index) => make(start + index))
}

async function rowsOf(path: string, fields: readonly NestedField[], options: object = {}): Promise<unknown[][]> {
  const rows: unknown[][] = []
  for await (const batch of readParquet(io, path, { fields, ...options })) {
    const views = Array.from({ length: batch.numCols }, (_, index) => columnView(batch, index))
    for (let row = 0; row < batch.numRows; row++) rows.push(views.map((view) => valueAt(view, row)))
  }
  return rows
}

const list = (elementId: number, element: Type): Type => ({ kind: 'list', elementId, elementRequired: false, element })

const codecs = ['zstd', 'snappy', 'gzip', 'brotli', 'lz4_raw', 'uncompressed']
const pageVersions = ['V1', 'V2']

test.each(codecs.flatMap((codec) => pageVersions.map((version) => ({ codec, version }))))(
  'reads nested and flat columns that another engine wrote with $codec and $version pages',
  { timeout: 60_000 },
  async ({ codec, version }) => {
    const path = join(folder, `nested-${codec}-${version}.parquet`)
    await duckdb.run(`
      COPY (
        SELECT i::BIGINT AS id,
          CASE WHEN i % 3 = 0 THEN NULL ELSE (i * 1.5)::DECIMAL(38,10) END AS d,
          'str' || (i % 10) AS s,
          [i, NULL, i + 1] AS l,
          {a: i, b: CASE WHEN i % 2 = 0 THEN NULL ELSE 'x' || i END} AS st,
          CASE WHEN i % 5 = 0 THEN NULL WHEN i % 5 = 1 THEN MAP {} ELSE MAP {i::VARCHAR: i * 2} END AS m,
          CASE WHEN i % 4 = 0 THEN NULL WHEN i % 4 = 1 THEN [] ELSE [[i], [], NULL, [i, i]] END AS ll
        FROM range(0, 5000) t(i)
      ) TO '${path}' (CODEC '${codec}', PARQUET_VERSION ${version}, ROW_GROUP_SIZE 2048, FIELD_IDS {
        id: 1, d: 2, s: 3, l: {__duckdb_field_id: 4, element: 41}, st: {__duckdb_field_id: 5, a: 51, b: 52},
        m: {__duckdb_field_id: 6, key: 61, value: 62},
        ll: {__duckdb_field_id: 7, element: {__duckdb_field_id: 71, element: 72}}
      })`)
    const rows = await rowsOf(path, [
      field(1, 'renamed', 'long'),
      field(2, 'd', { kind: 'decimal', precision: 38, scale: 10 }),
      field(3, 's', 'string'),
      field(4, 'l', list(41, 'long')),
      field(5, 'st', {
        kind: 'struct',
        fields: [field(52, 'b', 'string'), field(51, 'a', 'long'), field(53, 'new', 'int')],
      }),
      field(6, 'm', { kind: 'map', keyId: 61, key: 'string', valueId: 62, valueRequired: false, value: 'long' }),
      field(7, 'll', list(71, list(72, 'long'))),
      { ...field(9, 'added', 'int'), initialDefault: 7 },
    ])
    const expected = Array.from({ length: 5000 }, (_, index) => {
      const i = BigInt(index)
      return [
        i,
        index % 3 === 0 ? null : i * 15_000_000_000n,
        `str${index % 10}`,
        [i, null, i + 1n],
        [index % 2 === 0 ? null : `x${index}`, i, null],
        index % 5 === 0 ? null : index % 5 === 1 ? [] : [[`${index}`, i * 2n]],
        index % 4 === 0 ? null : index % 4 === 1 ? [] : [[i], [], null, [i, i]],
        7,
      ]
    })
    expect(rows).toEqual(expected)
  },
)

test('promotes int to long, float to double and decimal precision, and keeps every digit of times', async () => {
  const path = join(folder, 'promoted.parquet')
  await duckdb.run(`
    COPY (SELECT (-2147483648)::INTEGER AS i, 1.5::FLOAT AS f, (-12.34)::DECIMAL(4,2) AS d,
      '0001-01-01 00:00:00.001'::TIMESTAMP_MS AS ms, '1969-12-31 23:59:59.999999999'::TIMESTAMP_NS AS ns,
      TIMESTAMP '9999-12-31 23:59:59.999999' AS us, TIME '23:59:59.999999' AS t, '\\x00\\xFF'::BLOB AS b, '-0.0'::DOUBLE AS z)
    TO '${path}' (FIELD_IDS {i: 1, f: 2, d: 3, ms: 4, ns: 5, us: 6, t: 7, b: 8, z: 9})`)
  const [row] = await rowsOf(path, [
    field(1, 'i', 'long'),
    field(2, 'f', 'double'),
    field(3, 'd', { kind: 'decimal', precision: 20, scale: 2 }),
    field(4, 'ms', 'timestamp'),
    field(5, 'ns', 'timestamp'),
    field(6, 'us', 'timestamp'),
    field(7, 't', 'time'),
    field(8, 'b', 'binary'),
    field(9, 'z', 'double'),
  ])
  expect(row?.slice(0, 7)).toEqual([
    -2147483648n,
    1.5,
    -1234n,
    -62135596799999000n,
    -1n,
    253402300799999999n,
    86399999999n,
  ])
  expect(Buffer.from(row?.[7] as Uint8Array)).toEqual(Buffer.from([0, 255]))
  expect(Object.is(row?.[8], -0)).toBe(true)
})

test('finds columns by the name mapping when the file carries no field ids, and says so when there is none', async () => {
  const path = join(folder, 'no-ids.parquet')
  await duckdb.run(`COPY (SELECT 5 AS old_name, 'x' AS other) TO '${path}'`)
  const mapping = JSON.stringify([{ 'field-id': 1, names: ['n', 'old_name'] }])
  const fields = [field(1, 'n', 'int')]
  expect(await rowsOf(path, fields, { properties: { 'schema.name-mapping.default': mapping } })).toEqual([[5]])
  await expect(rowsOf(path, fields)).rejects.toThrow(/no field ids.*name mapping/)
})

test('names file and column when the stored type is not one that is promoted', async () => {
  const path = join(folder, 'wrong-type.parquet')
  await duckdb.run(`COPY (SELECT 'text' AS c) TO '${path}' (FIELD_IDS {c: 1})`)
  const reading = rowsOf(path, [field(1, 'c', 'long')])
  await expect(reading).rejects.toBeInstanceOf(IcebergIoError)
  await expect(reading).rejects.toMatchObject({ code: 'unsupported-file', context: { file: path, column: 'c' } })
})

test('calls a damaged file by its name', async () => {
  const path = join(folder, 'promoted.parquet')
  const bytes = readFileSync(path)
  const broken: FileIO = {
    ...io,
    read: async (_, options) => {
      const damaged = Buffer.from(bytes)
      damaged.fill(0x7f, damaged.length - 200, damaged.length - 100)
      return options?.range === undefined ? damaged : damaged.subarray(options.range.start, options.range.end)
    },
  }
  const drain = async (): Promise<void> => {
    for await (const _ of readParquet(broken, path, { fields: [field(1, 'i', 'long')], sizeBytes: bytes.length }));
  }
  await expect(drain()).rejects.toThrow(path)
})

test('passes on what the store throws as it is', async () => {
  const failure = new TypeError('fetch failed')
  const failing: FileIO = { ...io, read: () => Promise.reject(failure) }
  const reading = async (): Promise<void> => {
    for await (const _ of readParquet(failing, 'f.parquet', { fields: [], sizeBytes: 1000 }));
  }
  await expect(reading()).rejects.toBe(failure)
})

test('a null partition value stands in for an absent column before its default does', async () => {
  const path = join(folder, 'partitioned.parquet')
  await duckdb.run(`COPY (SELECT 1 AS a) TO '${path}' (FIELD_IDS {a: 1})`)
  const fields = [field(1, 'a', 'int'), { ...field(2, 'p', 'int'), initialDefault: 7 }]
  expect(await rowsOf(path, fields, { constants: new Map([[2, null]]) })).toEqual([[1, null]])
  expect(await rowsOf(path, fields)).toEqual([[1, 7]])
})
