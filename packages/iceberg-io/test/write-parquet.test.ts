import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sliceBatch } from '@icebridge/columnar'
import { batchOfRows, batchRows, type PlainValue, randomRows, seededRandom } from '@icebridge/columnar/testing'
import type { NestedField } from '@icebridge/iceberg-core'
import { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
import { columnFieldsOf, readParquet, writeParquet, type WriteParquetOptions } from '@icebridge/iceberg-io'
import type { RecordBatch } from 'apache-arrow'
import { parquetMetadata } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fieldsOf, nestedFields, query, scalarFields, schemaOf } from './written.ts'

let folder: string
let files = 0
const io = new InMemoryFileIO()

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'icebridge-write-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Writes batches and gives the path of the file, in the in-memory store and on disk. */
async function write(
  fields: readonly NestedField[],
  batches: readonly RecordBatch[],
  options: Partial<WriteParquetOptions> = {},
): Promise<string> {
  const path = join(folder, `${files++}.parquet`)
  const written = await writeParquet(io, path, batches, { schema: schemaOf(fields), ...options })
  const bytes = io.files.get(path)!
  expect(written.sizeBytes).toBe(bytes.length)
  expect(written.rowCount).toBe(batches.reduce((sum, batch) => sum + batch.numRows, 0))
  writeFileSync(path, bytes)
  return path
}

async function readBack(path: string, fields: readonly NestedField[]): Promise<PlainValue[][]> {
  const rows: PlainValue[][] = []
  for await (const batch of readParquet(io, path, { fields })) rows.push(...batchRows(batch))
  return rows
}

function footerOf(path: string): ReturnType<typeof parquetMetadata> {
  return parquetMetadata(new Uint8Array(io.files.get(path)!).buffer)
}

/** Rows cut into batches of uneven length, every other one a slice of a larger batch. */
function batchesOf(fields: readonly NestedField[], rows: readonly PlainValue[][], random: () => number): RecordBatch[] {
  const columns = columnFieldsOf(schemaOf(fields))
  const whole = batchOfRows(columns, rows)
  const batches: RecordBatch[] = []
  for (let start = 0; start < rows.length;) {
    const end = Math.min(rows.length, start + 1 + Math.floor(random() * 200))
    batches.push(random() < 0.5 ? sliceBatch(whole, start, end) : batchOfRows(columns, rows.slice(start, end)))
    start = end
  }
  return batches
}

describe('writeParquet', { timeout: 60_000 }, () => {
  const fields = [...scalarFields, ...nestedFields]

  it.each([1 << 20, 1 << 22])(
    'looks at no batch after its write, whose memory may be used again: pages of %d bytes',
    async (pageBytes) => {
      const columns = fieldsOf({ id: 'int', s: 'string' })
      const properties = { 'write.parquet.page-size-bytes': String(pageBytes) }
      const rows = Array.from({ length: 4 }, (_, index): PlainValue[] => [index, `${index}é`.repeat(500_000)])
      async function* overwritten(): AsyncGenerator<RecordBatch> {
        for (const row of rows) {
          const batch = batchOfRows(columnFieldsOf(schemaOf(columns)), [row])
          yield batch
          for (const { values } of batch.data.children) new Uint8Array(values.buffer).fill(0x21)
        }
      }
      const path = join(folder, `${files++}.parquet`)
      await writeParquet(io, path, overwritten(), { schema: schemaOf(columns), properties })
      const back = await readBack(path, columns)
      expect(back.map(([id]) => id)).toEqual([0, 1, 2, 3])
      for (const [index, row] of rows.entries()) expect(back[index]?.[1] === row[1], `row ${index}`).toBe(true)
    },
  )

  it.each(['zstd', 'snappy', 'gzip', 'none', 'brotli', 'lz4'] as const)(
    'writes values past a page among short ones and nulls with %s that DuckDB and our own reader give back exactly',
    async (compression) => {
      const columns = fieldsOf({ id: 'int', s: 'string', b: 'binary' })
      const random = seededRandom(compression.length)
      const long = (index: number): string => `${index} ${'é東😀x'.repeat(130_000 + Math.floor(random() * 9))}`
      const hex = (index: number): string => `${index % 10}f`.repeat(1_048_574 + (index % 4))
      const rows = Array.from({ length: 14 }, (_, index): PlainValue[] => [
        index,
        index % 4 === 3 ? null : index % 3 === 0 ? long(index) : `short ${index % 2}`,
        index % 5 === 4 ? null : index % 2 === 0 ? hex(index) : '00ff',
      ])
      const settings = [{}, { properties: { 'write.parquet.page-size-bytes': '4194304' } }, { rowGroupRows: 3 }]
      for (const [round, options] of settings.entries()) {
        const batches =
          round === 0
            ? rows.map((row) => batchOfRows(columnFieldsOf(schemaOf(columns)), [row]))
            : batchesOf(columns, rows, random)
        const path = await write(columns, batches, { compression, ...options })
        const back = await readBack(path, columns)
        const byDuck = await query(`select * from read_parquet('${path}')`)
        // Whole values in a message would be of no use.
        for (const [at, row] of rows.entries()) {
          for (const [column, value] of row.entries()) {
            expect(back[at]?.[column] === value, `row ${at}, column ${column}`).toBe(true)
            expect(byDuck[at]?.[column] === value, `DuckDB's row ${at}, column ${column}`).toBe(true)
          }
        }
      }
    },
  )

  it.each(['zstd', 'snappy', 'gzip', 'none', 'brotli', 'lz4'] as const)(
    'writes random rows of every type with %s that DuckDB and our own reader give back exactly',
    async (compression) => {
      for (let seed = 1; seed <= 2; seed++) {
        const random = seededRandom(seed + compression.length)
        const rows = randomRows(columnFieldsOf(schemaOf(fields)), 300 + seed * 137, random)
        const rowGroupRows = seed % 2 === 0 ? 100 : 1 << 20
        const path = await write(fields, batchesOf(fields, rows, random), { compression, rowGroupRows })
        expect(footerOf(path).row_groups).toHaveLength(Math.ceil(rows.length / rowGroupRows))
        expect(await readBack(path, fields)).toStrictEqual(rows)
        expect(await query(`select * from read_parquet('${path}')`)).toStrictEqual(rows)
      }
    },
  )

  it('writes columns that are all null, never null, and required', async () => {
    const mixed: NestedField[] = [
      { id: 1, name: 'none', required: false, type: 'string' },
      { id: 2, name: 'all', required: false, type: 'long' },
      { id: 3, name: 'required', required: true, type: 'int' },
    ]
    const rows = Array.from({ length: 500 }, (_, index): PlainValue[] => [null, BigInt(index), index])
    const path = await write(mixed, [batchOfRows(columnFieldsOf(schemaOf(mixed)), rows)])
    expect(await query(`select * from read_parquet('${path}')`)).toStrictEqual(rows)
    expect(await readBack(path, mixed)).toStrictEqual(rows)
  })

  it('keeps nulls apart that begin in the middle of a page', async () => {
    const one = fieldsOf({ v: 'long' })
    const columns = columnFieldsOf(schemaOf(one))
    const parts = [
      Array.from({ length: 5000 }, (_, index): PlainValue[] => [BigInt(index)]),
      Array.from({ length: 5000 }, (_, index): PlainValue[] => [index % 3 === 0 ? null : BigInt(index)]),
      Array.from({ length: 5000 }, (_, index): PlainValue[] => [BigInt(-index)]),
    ]
    const path = await write(
      one,
      parts.map((rows) => batchOfRows(columns, rows)),
    )
    expect(await query(`select * from read_parquet('${path}')`)).toStrictEqual(parts.flat())
  })

  it('fills optional columns that the batch does not have with nulls, nested ones too', async () => {
    const columns = columnFieldsOf(schemaOf(fields))
    const kept = columns.filter((column) => ['c_string', 'n_lists'].includes(column.name)).toReversed()
    const rows = randomRows(kept, 50, seededRandom(4))
    const path = await write(fields, [
      batchOfRows(kept, rows),
      batchOfRows(columns, randomRows(columns, 5, seededRandom(5))),
    ])
    const names = columns.map((column) => column.name)
    const back = (await query(`select * from read_parquet('${path}') limit 50`)).map((row) => [
      row[names.indexOf('n_lists')],
      row[names.indexOf('c_string')],
      row.filter((value) => value !== null).length <= 2,
    ])
    expect(back).toStrictEqual(rows.map((row) => [...row, true]))
  })

  it('uses a dictionary where strings repeat, gives it up where they do not, and both read back', async () => {
    const two = fieldsOf({ few: 'string', many: 'string', turns: 'string' })
    const rows = Array.from({ length: 24_000 }, (_, index): PlainValue[] => [
      `state ${index % 7}`,
      `${(index * 7919) % 1_000_003}-${index}-unique`,
      index < 12_000 ? `${'s'.repeat(200)}${index % 3}` : `${index}-${'y'.repeat(150)}`,
    ])
    const columns = columnFieldsOf(schemaOf(two))
    const batches = [0, 8_000, 16_000].map((start) => batchOfRows(columns, rows.slice(start, start + 8_000)))
    const path = await write(two, batches)
    const encodings = footerOf(path).row_groups[0]!.columns.map((column) => column.meta_data!.encodings)
    expect(encodings[0]).toContain('RLE_DICTIONARY')
    expect(encodings[1]).not.toContain('RLE_DICTIONARY')
    expect(encodings[2]).toContain('RLE_DICTIONARY')
    expect(await readBack(path, two)).toStrictEqual(rows)
    expect(await query(`select * from read_parquet('${path}')`)).toStrictEqual(rows)
  })

  it('takes long values out of a dictionary, and bounds all values of the page by them', async () => {
    const fields: NestedField[] = [{ id: 1, name: 's', required: false, type: 'string' }]
    for (const compression of ['zstd', 'gzip', 'none'] as const) {
      const long = (letter: string): string => letter.repeat(600)
      const rows = Array.from({ length: 3000 }, (_, row): PlainValue[] => [
        row === 1500 ? long('a') : row === 1700 ? 'z' : row % 7 === 0 ? null : ['m', 'n', ''][row % 3]!,
      ])
      const path = await write(fields, [batchOfRows(columnFieldsOf(schemaOf(fields)), rows)], { compression })
      expect(await readBack(path, fields)).toEqual(rows)
      const [group] = footerOf(path).row_groups
      const { encodings, statistics } = group!.columns[0]!.meta_data!
      expect(encodings).not.toContain('RLE_DICTIONARY')
      expect([statistics?.min_value, statistics?.max_value]).toEqual(['', 'z'])
    }
  })

  it('puts long values into pages of bounded size', async () => {
    const one = fieldsOf({ b: 'binary' })
    const rows = Array.from({ length: 12 }, (_, index): PlainValue[] => [Buffer.alloc(700_000, index).toString('hex')])
    const path = await write(one, [batchOfRows(columnFieldsOf(schemaOf(one)), rows)], {
      compression: 'none',
      rowGroupBytes: 3_000_000,
    })
    expect(footerOf(path).row_groups.length).toBeGreaterThan(1)
    expect(await query(`select b from read_parquet('${path}')`)).toStrictEqual(rows)
  })

  it('writes an empty file that has a schema', async () => {
    const path = await write(fields, [])
    expect(await query(`select count(*) from read_parquet('${path}')`)).toEqual([[0n]])
    expect(await readBack(path, fields)).toEqual([])
  })

  it('gives every element its field id and its logical type', async () => {
    const path = await write(fields, [batchOfRows(columnFieldsOf(schemaOf(fields)), [])])
    const schema = await query(
      `select name, field_id, type, logical_type, precision, scale from parquet_schema('${path}')`,
    )
    const found = new Map(schema.map(([name, ...rest]) => [name, rest]))
    expect(fields.map((field) => found.get(field.name)?.[0])).toEqual(fields.map((field) => BigInt(field.id)))
    for (const [name, id] of [
      ['element', 135n],
      ['key', 131n],
      ['value', 132n],
      ['x', 104n],
    ] as const) {
      expect(schema.filter((row) => row[0] === name).map((row) => row[1])).toContain(id)
    }
    expect(found.get('c_decimal9')?.slice(1)).toEqual(['INT32', expect.stringContaining('Decimal'), 9n, 2n])
    expect(found.get('c_decimal18')?.[1]).toBe('INT64')
    expect(found.get('c_decimal38')?.slice(1)).toEqual([
      'FIXED_LEN_BYTE_ARRAY',
      expect.stringContaining('Decimal'),
      38n,
      10n,
    ])
    expect(found.get('c_uuid')?.[2]).toContain('UUID')
    expect(found.get('c_timestamp')?.[2]).toContain('isAdjustedToUTC=0')
    expect(found.get('c_timestamptz')?.[2]).toContain('isAdjustedToUTC=1')
    expect(found.get('c_time')?.[2]).toContain('MICROS')
  })

  it('orders statistics as the types do and keeps NaN out of them', async () => {
    const types = fieldsOf({
      d: 'double',
      zero: 'float',
      n: { kind: 'decimal', precision: 30, scale: 0 },
      s: 'string',
      l: 'long',
      nan: 'double',
    })
    const rows: PlainValue[][] = [
      [Number.NaN, 0, -5n, 'z', 2n ** 40n, Number.NaN],
      [-1.5, -0, 10n ** 25n, '\u{1f600}', -(2n ** 40n), Number.NaN],
      [7, 0, -(10n ** 26n), '\uffee', -1n, Number.NaN],
      [null, null, null, null, null, null],
    ]
    const path = await write(types, [batchOfRows(columnFieldsOf(schemaOf(types)), rows)])
    const statistics = footerOf(path).row_groups[0]!.columns.map((column) => column.meta_data!.statistics!)
    expect(statistics.map((one) => one.null_count)).toEqual([1n, 1n, 1n, 1n, 1n, 1n])
    expect([statistics[0]!.min_value, statistics[0]!.max_value]).toEqual([-1.5, 7])
    expect([statistics[1]!.min_value, statistics[1]!.max_value].map((value) => Object.is(value, -0))).toEqual([
      true,
      false,
    ])
    expect([statistics[3]!.min_value, statistics[3]!.max_value]).toEqual(['z', '\u{1f600}'])
    expect([statistics[4]!.min_value, statistics[4]!.max_value]).toEqual([-(2n ** 40n), 2n ** 40n])
    expect([statistics[5]!.min_value, statistics[5]!.max_value]).toEqual([undefined, undefined])
    const decimals = await query(
      `select stats_min_value, stats_max_value from parquet_metadata('${path}') where path_in_schema = 'n'`,
    )
    expect(decimals).toEqual([[String(-(10n ** 26n)), String(10n ** 25n)]])
    expect(await readBack(path, types)).toStrictEqual(rows)
  })

  it('keeps -0 apart from 0 and the payload of a NaN', async () => {
    const types = fieldsOf({ d: 'double', f: 'float' })
    const rows: PlainValue[][] = [
      [0, -0],
      [-0, 0],
      [null, null],
      [-0, -0],
      [Number.NaN, Number.NaN],
    ]
    const path = await write(types, [batchOfRows(columnFieldsOf(schemaOf(types)), rows)])
    expect(await readBack(path, types)).toStrictEqual(rows)
  })

  it('refuses a batch that does not fit the schema, naming the column', async () => {
    const types: NestedField[] = [
      { id: 1, name: 'id', required: true, type: 'long' },
      { id: 2, name: 'note', required: false, type: 'string' },
    ]
    const cases = [
      [[{ name: 'id', type: { kind: 'int32' }, nullable: false }], 'id'],
      [[{ name: 'note', type: { kind: 'string' }, nullable: true }], 'id'],
      [
        [
          { name: 'id', type: { kind: 'int64' }, nullable: true },
          { name: 'other', type: { kind: 'int64' }, nullable: true },
        ],
        'other',
      ],
    ] as const
    for (const [columns, column] of cases) {
      const refused = writeParquet(io, 'refused', [batchOfRows(columns, [])], { schema: schemaOf(types) })
      await expect(refused).rejects.toMatchObject({ code: 'schema-mismatch', context: { column } })
    }
    const nulls = batchOfRows([{ name: 'id', type: { kind: 'int64' }, nullable: true }], [[1n], [null]])
    await expect(writeParquet(io, 'refused', [nulls], { schema: schemaOf(types) })).rejects.toMatchObject({
      code: 'schema-mismatch',
      context: { column: 'id' },
    })
    expect(io.files.has('refused')).toBe(false)
  })

  it('names the column inside a struct, list or map that has a null and may have none', async () => {
    const required = (id: number, name: string, type: NestedField['type']): NestedField => ({
      id,
      name,
      required: true,
      type,
    })
    const inside: readonly NestedField[] = [
      { id: 1, name: 's', required: false, type: { kind: 'struct', fields: [required(2, 'must', 'int')] } },
      {
        id: 3,
        name: 'l',
        required: false,
        type: { kind: 'list', elementId: 4, elementRequired: true, element: 'int' },
      },
      {
        id: 5,
        name: 'm',
        required: false,
        type: { kind: 'map', keyId: 6, key: 'string', valueId: 7, valueRequired: true, value: 'int' },
      },
    ]
    const optional: readonly NestedField[] = [
      {
        id: 1,
        name: 's',
        required: false,
        type: { kind: 'struct', fields: [{ id: 2, name: 'must', required: false, type: 'int' }] },
      },
      {
        id: 3,
        name: 'l',
        required: false,
        type: { kind: 'list', elementId: 4, elementRequired: false, element: 'int' },
      },
      {
        id: 5,
        name: 'm',
        required: false,
        type: { kind: 'map', keyId: 6, key: 'string', valueId: 7, valueRequired: false, value: 'int' },
      },
    ]
    const columns = columnFieldsOf(schemaOf(optional))
    for (const [row, column] of [
      [[[null], null, null], 's.must'],
      [[null, [1, null], null], 'l.element'],
      [[null, null, [['k', null]]], 'm.value'],
    ] as const) {
      await expect(write(inside, [batchOfRows(columns, [row])])).rejects.toMatchObject({
        code: 'schema-mismatch',
        message: expect.stringContaining(`column ${column} `),
      })
    }
    // A struct that is null itself has no value that could be missing.
    await write(inside, [batchOfRows(columns, [[null, null, null]])])
  })

  it('leaves no file behind when it is aborted or its source fails', async () => {
    const types = fieldsOf({ v: 'long' })
    const batch = batchOfRows(columnFieldsOf(schemaOf(types)), [[1n]])
    const controller = new AbortController()
    async function* aborting(): AsyncGenerator<RecordBatch> {
      yield batch
      controller.abort(new Error('stop'))
      yield batch
    }
    async function* failing(): AsyncGenerator<RecordBatch> {
      yield batch
      throw new Error('source lost')
    }
    const schema = schemaOf(types)
    await expect(writeParquet(io, 'a', aborting(), { schema, signal: controller.signal })).rejects.toThrow('stop')
    await expect(writeParquet(io, 'b', failing(), { schema })).rejects.toThrow('source lost')
    expect([io.files.has('a'), io.files.has('b')]).toEqual([false, false])
  })
})
