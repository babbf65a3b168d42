import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ColumnType, sliceBatch } from '@icebridge/columnar'
import { batchOfRows, batchRows, type PlainValue, seededRandom } from '@icebridge/columnar/testing'
import { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
import { columnFieldsOf, readParquet, writeParquet } from '@icebridge/iceberg-io'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { query, scalarFields, schemaOf } from './written.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'icebridge-pages-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Fixed-width columns: those that pages are filled with by ranges and by rows. */
const fields = scalarFields.filter(({ name }) => name !== 'c_string' && name !== 'c_binary')
const columns = columnFieldsOf(schemaOf(fields))

/** Values at the ends of a type and around zero. */
function edges(type: ColumnType): readonly PlainValue[] {
  switch (type.kind) {
    case 'boolean':
      return [true, false]
    case 'int32':
      return [-0x8000_0000, 0x7fff_ffff, -1, 0, 1]
    case 'date':
      return [-719_162, 2_932_896, -1, 0, 1]
    case 'int64':
      return [-(2n ** 63n), 2n ** 63n - 1n, -(2n ** 32n), 2n ** 32n, -1n, 0n, 1n]
    case 'time':
      return [0n, 1n, 86_399_999_999n]
    case 'timestamp':
      return [-62_135_596_800_000_000n, 253_402_300_799_999_999n, -1n, 0n, 1n]
    case 'decimal': {
      const most = 10n ** BigInt(type.precision) - 1n
      return [-most, most, -(most >> 7n), most >> 33n, -1n, 0n, 1n]
    }
    case 'float32':
    case 'float64':
      return [-0, 0, NaN, Infinity, -Infinity, 1.5, -(2 ** -20)]
    case 'uuid':
      return ['00'.repeat(16), 'ff'.repeat(16), `80${'00'.repeat(15)}`]
    default:
      return ['0000000000', 'ffffffffff', '8000000001']
  }
}

/** Rows in which each column holds runs of nulls, of one value and of many values, most of them short. */
function runs(count: number, random: () => number): PlainValue[][] {
  const below = (most: number): number => Math.floor(random() * most)
  const byColumn = columns.map(({ type }) => {
    const some = edges(type)
    const values: PlainValue[] = []
    while (values.length < count) {
      const length = [1, 2, 7, 30, 64, 300, 3000][below(7)] ?? 1
      const kind = below(4)
      const same = some[below(some.length)] ?? null
      for (let index = 0; index < length; index++) {
        values.push(kind === 0 ? null : kind === 1 ? same : (some[below(some.length)] ?? null))
      }
    }
    return values
  })
  return Array.from({ length: count }, (_, row) => byColumn.map((values) => values[row] ?? null))
}

const groupRows = 20

/** Integers below 2^bits in magnitude that share their upper bits, and differ in some below; one is null. */
function neighbours(bits: number, random: () => number): PlainValue[] {
  const randomBits = (most: number): bigint => {
    const length = BigInt(Math.floor(random() * most))
    let value = 0n
    for (let have = 0n; have < length; have += 30n) value = (value << 30n) | BigInt(Math.floor(random() * 2 ** 30))
    return BigInt.asUintN(Number(length), value)
  }
  const base = randomBits(bits)
  const step = Math.floor(random() * bits)
  const values = Array.from({ length: groupRows }, () => {
    const value = BigInt.asUintN(bits, base ^ randomBits(step)) * (random() < 0.1 ? -1n : 1n)
    return bits === 31 ? Number(value) : value
  })
  return [null, ...values.slice(1)]
}

describe('pages of fixed-width values', { timeout: 60_000 }, () => {
  it.each([1, 2, 3])('hold runs of nulls and of values at any offset of a slice (seed %i)', async (seed) => {
    const random = seededRandom(seed)
    const rows = runs(6000, random)
    const whole = batchOfRows(columns, rows)
    const batches = []
    for (let start = 0; start < rows.length;) {
      const end = Math.min(rows.length, start + 1 + Math.floor(random() * 1500))
      batches.push(sliceBatch(whole, start, end))
      start = end
    }
    const io = new InMemoryFileIO()
    const path = join(folder, `${seed}.parquet`)
    const properties = { 'write.parquet.page-row-limit': String([100, 1111, 20_000][seed % 3]) }
    await writeParquet(io, path, batches, { schema: schemaOf(fields), properties })
    const back: PlainValue[][] = []
    for await (const batch of readParquet(io, path, { fields })) back.push(...batchRows(batch))
    expect(back).toStrictEqual(rows)
    writeFileSync(path, io.files.get(path) ?? '')
    expect(await query(`select * from read_parquet('${path}')`)).toStrictEqual(rows)
  })

  it.each([
    ['c_int', 31],
    ['c_long', 63],
    ['c_decimal9', 29],
    ['c_decimal18', 59],
    ['c_decimal38', 126],
  ] as const)('have the smallest and largest value of %s in the bounds of their row group', async (name, bits) => {
    const one = fields.filter((field) => field.name === name)
    const random = seededRandom(name.length)
    const groups = Array.from({ length: 200 }, () => neighbours(bits, random).map((value) => [value]))
    const io = new InMemoryFileIO()
    const path = join(folder, `${name}.parquet`)
    const batch = batchOfRows(columnFieldsOf(schemaOf(one)), groups.flat())
    await writeParquet(io, path, [batch], { schema: schemaOf(one), rowGroupRows: groupRows })
    writeFileSync(path, io.files.get(path) ?? '')
    const stored = await query(
      `select stats_min_value, stats_max_value from parquet_metadata('${path}') order by row_group_id`,
    )
    const unscaled = (text: PlainValue | undefined): PlainValue =>
      text === null || text === undefined ? null : BigInt(String(text).replace('.', ''))
    expect(stored.map((bounds) => bounds.map(unscaled))).toStrictEqual(
      groups.map((rows) => {
        const values = rows.flat().flatMap((value) => (value === null ? [] : [BigInt(String(value))]))
        const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
        return [sorted[0] ?? null, sorted.at(-1) ?? null]
      }),
    )
  })

  it.each([
    [9, 2, [1_000_000_000, 0, 0, 0]],
    [9, 2, [5, 1, 0, 0]],
    [18, 4, [0, 0x7fff_ffff, 0, 0]],
    [18, 4, [1, 0, 1, 0]],
    [20, 0, [1, 0, 0x100, 0]],
    [20, 0, [1, 0, 0, 1]],
    [24, 0, [0, 0, 0xffff_ffff, 0]],
    [29, 0, [0, 0, 0, 0x80]],
    [38, 0, [0, 0, 0, 0x7fff_ffff]],
  ] as const)('refuse a decimal(%i,%i) of more digits, of words %j', async (precision, scale, words) => {
    const one = [{ id: 1, name: 'v', required: false, type: { kind: 'decimal', precision, scale } }] as const
    const whole = batchOfRows(columnFieldsOf(schemaOf(one)), [[1n], [2n], [null], [4n]])
    for (const row of [1, 3]) {
      const batch = sliceBatch(whole, row - 1, row + 1)
      const stored: Uint32Array = whole.data.children[0]?.values
      const kept = stored.slice()
      stored.set(words, row * 4)
      const written = writeParquet(new InMemoryFileIO(), 'x.parquet', [batch], { schema: schemaOf(one) })
      await expect(written).rejects.toMatchObject({ code: 'schema-mismatch', context: { column: 'v', precision } })
      stored.set(kept)
    }
  })
})
