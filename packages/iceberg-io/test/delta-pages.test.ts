import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sliceBatch } from '@icebridge/columnar'
import { batchOfRows, batchRows, type PlainValue, seededRandom } from '@icebridge/columnar/testing'
import { bindExpression, eq } from '@icebridge/iceberg-core'
import { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
import { columnFieldsOf, readParquet, writeParquet } from '@icebridge/iceberg-io'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { query, scalarFields, schemaOf } from './written.ts'

let folder: string
let files = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'icebridge-deltas-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const fields = scalarFields.filter(({ name }) =>
  ['c_int', 'c_long', 'c_decimal9', 'c_decimal18', 'c_date', 'c_time', 'c_timestamp', 'c_timestamptz'].includes(name),
)
const schema = schemaOf(fields)
const columns = columnFieldsOf(schema)
const deltas = { 'write.parquet.delta-encoding-enabled': 'true' }

/** Smallest and largest value of each column. */
const limits = columns.map(({ type }): readonly [bigint, bigint] => {
  switch (type.kind) {
    case 'int32':
      return [-(2n ** 31n), 2n ** 31n - 1n]
    case 'int64':
      return [-(2n ** 63n), 2n ** 63n - 1n]
    case 'decimal':
      return [-(10n ** BigInt(type.precision)) + 1n, 10n ** BigInt(type.precision) - 1n]
    case 'date':
      return [-719_162n, 2_932_896n]
    case 'time':
      return [0n, 86_399_999_999n]
    default:
      return [-62_135_596_800_000_000n, 253_402_300_799_999_999n]
  }
})

function plain(column: number, value: bigint): PlainValue {
  const kind = columns[column]?.type.kind
  return kind === 'int32' || kind === 'date' ? Number(value) : value
}

/** A column that begins with a sequence, so that differences pay, and goes on with jumps, extremes, runs and nulls. */
function columnOf(column: number, rows: number, random: () => number): PlainValue[] {
  const [min, max] = limits[column] ?? [0n, 0n]
  const values: PlainValue[] = []
  let value = 0n
  while (values.length < rows) {
    const kind = values.length < 1100 ? 0 : Math.floor(random() * 5)
    const step = BigInt(Math.floor(random() * 2 ** Math.floor(random() * 30)))
    for (let left = 1 + Math.floor(random() * 400); left > 0; left--) {
      if (kind === 0) value += 1n + (values.length % 7 === 0 ? 3n : 0n)
      else if (kind === 1) value = random() < 0.5 ? min : max
      else if (kind === 2) value += random() < 0.5 ? step : -step
      if (value > max || value < min) value = 0n
      values.push(kind === 3 && random() < 0.7 ? null : plain(column, value))
    }
  }
  return values.slice(0, rows)
}

interface Written {
  readonly io: InMemoryFileIO
  readonly path: string
  readonly encodings: readonly string[]
}

async function written(
  rows: readonly PlainValue[][],
  properties: Readonly<Record<string, string>>,
  cut: () => number = () => rows.length,
): Promise<Written> {
  const io = new InMemoryFileIO()
  const path = join(folder, `${files++}.parquet`)
  const whole = batchOfRows(columns, rows)
  const batches = []
  for (let start = 0, end = 0; start < rows.length; start = end) {
    end = Math.min(rows.length, start + cut())
    batches.push(sliceBatch(whole, start, end))
  }
  await writeParquet(io, path, batches, { schema, properties })
  writeFileSync(path, io.files.get(path) ?? '')
  const found = await query(`select encodings from parquet_metadata('${path}') order by column_id`)
  return { io, path, encodings: found.map(([encodings]) => String(encodings)) }
}

describe('pages of differences', { timeout: 60_000 }, () => {
  it.each([1, 2, 3, 4])('give back sequences, jumps, extremes and nulls (seed %i)', async (seed) => {
    const random = seededRandom(seed)
    const count = 4000 + Math.floor(random() * 300)
    const byColumn = columns.map((_, column) => columnOf(column, count, random))
    const rows = Array.from({ length: count }, (_, row) => byColumn.map((values) => values[row] ?? null))
    const { io, path, encodings } = await written(
      rows,
      { ...deltas, 'write.parquet.page-row-limit': '1000' },
      () => 1 + Math.floor(random() * 700),
    )
    for (const encoding of encodings) expect(encoding).toContain('DELTA_BINARY_PACKED')
    const back: PlainValue[][] = []
    for await (const batch of readParquet(io, path, { fields })) back.push(...batchRows(batch))
    expect(back).toStrictEqual(rows)
    expect(await query(`select * from read_parquet('${path}')`)).toStrictEqual(rows)
  })

  it.each([1, 2, 31, 32, 33, 34, 65, 128, 129, 130, 257])('hold any number of values: %i', async (count) => {
    const rows = Array.from({ length: count }, (_, row) => columns.map((_c, column) => plain(column, BigInt(row * 3))))
    const { io, path } = await written(rows, { ...deltas, 'write.parquet.compression-codec': 'uncompressed' })
    const back: PlainValue[][] = []
    for await (const batch of readParquet(io, path, { fields })) back.push(...batchRows(batch))
    expect(back).toStrictEqual(rows)
    expect(await query(`select * from read_parquet('${path}')`)).toStrictEqual(rows)
  })

  it('are written neither for pages of nulls, nor where plain pages are smaller, nor unless asked for', async () => {
    const random = seededRandom(1)
    const few = limits.map(([min, max]) => [min, max, 0n, max - max / 7n])
    const scattered = Array.from({ length: 5000 }, () =>
      columns.map((_, column) => plain(column, few[column]?.[Math.floor(random() * 4)] ?? 0n)),
    )
    const nulls = Array.from({ length: 3000 }, () => columns.map(() => null))
    const sequence = Array.from({ length: 3000 }, (_, row) => columns.map((_c, column) => plain(column, BigInt(row))))
    for (const [rows, properties, times] of [
      [scattered, deltas, 0],
      [nulls, deltas, 0],
      [sequence, {}, 0],
      [sequence, deltas, columns.length],
    ] as const) {
      const { path, encodings } = await written(rows, properties)
      expect(encodings.filter((encoding) => encoding.includes('DELTA'))).toHaveLength(times)
      expect(await query(`select * from read_parquet('${path}')`)).toStrictEqual(rows)
    }
  })

  it('have their plain values in bloom filters and bounds', async () => {
    const rows = Array.from({ length: 3000 }, (_, row) => columns.map((_c, column) => plain(column, BigInt(row * 10))))
    const { io, path } = await written(rows, { ...deltas, 'write.parquet.bloom-filter-enabled.column.c_long': 'true' })
    for (const [value, found] of [
      [70n, true],
      [71n, false],
      [40_000n, false],
    ] as const) {
      let count = 0
      const filter = bindExpression(eq('c_long', value), schema)
      for await (const batch of readParquet(io, path, { fields, filter })) count += batch.numRows
      expect(count > 0).toBe(found)
    }
  })
})
