import { type NestedField, type Type } from '@icebridge/iceberg-core'
import { readParquet } from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { DiskReads, type Expected, golden, readRows } from './golden-parquet.ts'

const struct = (...fields: readonly NestedField[]): Type => ({ kind: 'struct', fields })
const list = (elementId: number, element: Type): Type => ({ kind: 'list', elementId, elementRequired: false, element })
const field = (id: number, name: string, type: Type, initialDefault?: unknown): NestedField => ({
  id,
  name,
  required: false,
  type,
  ...(initialDefault === undefined ? {} : { initialDefault }),
})

const nested = golden('nested-v1')
/** The expected values of a column of the nested file. */
const column = (name: string): readonly Expected[] => {
  const at = nested.fields.findIndex((candidate) => candidate.name === name)
  return nested.rows.map((row) => row[at] ?? null)
}
const each = (value: Expected, map: (item: Expected) => Expected): Expected =>
  Array.isArray(value) ? value.map(map) : null

async function readColumn(wanted: NestedField, file = nested): Promise<readonly Expected[]> {
  return (await readRows(file, { fields: [wanted], batchRows: 29 })).map(([value]) => value ?? null)
}

describe('an evolved schema', { timeout: 60_000 }, () => {
  it('keeps the nulls of a struct of which the file has none of the fields asked for', async () => {
    const added = struct(field(90, 'added', 'int'))
    expect(await readColumn(field(2, 's', added))).toEqual(column('s').map((s) => (s === null ? null : [null])))
    expect(await readColumn(field(4, 'ls', list(41, added)))).toEqual(
      column('ls').map((l) => each(l, (s) => (s === null ? null : [null]))),
    )
    const deep = struct(field(21, 'y', struct(field(91, 'added', 'string', 'new'))))
    expect(await readColumn(field(2, 's', deep))).toEqual(
      column('s').map((s) => each(s === null ? null : [s[1] ?? null], (y) => (y === null ? null : ['new']))),
    )
  })

  it('renames, reorders, drops, widens and adds fields inside structs, lists and maps', async () => {
    const point = (base: number): Type =>
      struct(
        field(base + 1, 'renamed', struct(field(base + 3, 'w2', 'long'), field(base + 2, 'z2', 'string'))),
        field(92, 'added', { kind: 'decimal', precision: 9, scale: 2 }, '1.25'),
        field(base, 'x', 'long'),
      )
    const evolved = (value: Expected): Expected => {
      if (!Array.isArray(value)) return null
      const [x, y] = value as readonly Expected[]
      const inner = y as readonly Expected[] | null
      return [inner === null ? null : [inner[1] ?? null, inner[0] ?? null], '125', x ?? null]
    }
    expect(await readColumn(field(2, 'q', point(20)))).toEqual(column('s').map(evolved))
    expect(await readColumn(field(4, 'q', list(41, point(42))))).toEqual(column('ls').map((l) => each(l, evolved)))
    const map: Type = {
      kind: 'map',
      keyId: 71,
      key: 'long',
      valueId: 72,
      valueRequired: false,
      value: list(73, point(74)),
    }
    expect(await readColumn(field(7, 'q', map))).toEqual(
      column('mm').map((m) =>
        each(m, (pair) => [
          (pair as readonly Expected[])[0] ?? null,
          each((pair as readonly Expected[])[1] ?? null, evolved),
        ]),
      ),
    )
  })

  it('finds nested fields of a file without ids by the name mapping, and nothing by names alone', async () => {
    const file = golden('nested-without-ids')
    expect(await readRows(file)).toEqual(nested.rows)
    await expect(readRows(file, { properties: {} })).rejects.toThrow(/no field ids.*name mapping/)
  })

  it('gives rows the initial default of a field that their file does not have, nested ones too', async () => {
    const of = (type: Type, value: unknown): Promise<readonly Expected[]> => readColumn(field(99, 'added', type, value))
    const all = (value: Expected): Expected[] => nested.rows.map(() => value)
    expect(await of('timestamp_ns', '2024-01-02T03:04:05.000000006')).toEqual(all('1704164645000000006'))
    expect(await of('uuid', 'f79c3e09-677c-4bbd-a479-3f349cb785e7')).toEqual(all('f79c3e09677c4bbda4793f349cb785e7'))
    expect(await of(struct(field(100, 'a', 'int', 5), field(101, 'b', 'string')), {})).toEqual(all(['5', null]))
    expect(await of(list(102, 'int'), [1, null])).toEqual(all(['1', null]))
    expect(await of('unknown', undefined)).toEqual(all(null))
  })

  it('refuses a file without a required column that has no default', async () => {
    const required = { ...field(99, 'added', 'int'), required: true }
    await expect(readColumn(required)).rejects.toMatchObject({ code: 'malformed-file', context: { column: 'added' } })
    expect(await readColumn({ ...required, initialDefault: 3 })).toEqual(nested.rows.map(() => '3'))
    const inside = struct(field(20, 'x', 'int'), { ...required })
    await expect(readColumn(field(2, 's', inside))).rejects.toThrow(/nested-v1.*added.*required/)
  })

  it('refuses nulls in a required column, but not below a null struct', async () => {
    const w = { ...field(23, 'w', 'long'), required: true }
    const y = (child: NestedField): NestedField => field(2, 's', struct(field(21, 'y', struct(child))))
    await expect(readColumn(y({ ...field(22, 'z', 'string'), required: true }))).rejects.toThrow(
      /s\.y\.z allows no nulls/,
    )
    expect((await readColumn(y(w))).length).toBe(200)
    await expect(readColumn({ ...field(2, 's', struct(field(20, 'x', 'int'))), required: true })).rejects.toThrow(
      /column s allows no nulls/,
    )
  })
})

describe('promoted and unusual types', { timeout: 60_000 }, () => {
  const flat = golden('codec-zstd-v2')
  const flatColumn = (name: string): { readonly id: number; readonly values: readonly Expected[] } => {
    const at = flat.fields.findIndex((candidate) => candidate.name === name)
    return { id: flat.fields[at]!.id, values: flat.rows.map((row) => row[at] ?? null) }
  }

  it('reads dates as timestamps, and any unit of time as any other without losing a digit', async () => {
    const dates = flatColumn('date')
    expect(await readColumn(field(dates.id, 'd', 'timestamp'), flat)).toEqual(
      dates.values.map((days) => (days === null ? null : String(BigInt(String(days)) * 86_400_000_000n))),
    )
    const nanos = golden('nanoseconds')
    expect(await readColumn(field(1, 'n', 'timestamp'), nanos)).toEqual(
      nanos.rows.map(([value]) => (value === null ? null : String(floor(BigInt(String(value)), 1000n)))),
    )
    const int96 = golden('int96')
    const exact = await readColumn(field(2, 'n', 'timestamp_ns'), int96)
    expect(exact.map((value) => (value === null ? null : String(floor(BigInt(String(value)), 1000n))))).toEqual(
      int96.rows.map((row) => row[1]),
    )
    expect(exact.some((value) => value !== null && BigInt(String(value)) % 1000n !== 0n)).toBe(true)
  })

  it('refuses values that the column cannot hold, rather than changing them', async () => {
    const unsigned = golden('unsigned')
    await expect(readColumn(field(1, 'u32', 'int'), unsigned)).rejects.toThrow(/u32.*does not fit/)
    await expect(readColumn(field(2, 'u64', 'long'), unsigned)).rejects.toThrow(/u64.*does not fit/)
    const late = flatColumn('ts_us')
    await expect(readColumn(field(late.id, 't', 'timestamp_ns'), flat)).rejects.toThrow(/ts_us|column t.*does not fit/)
    const digits = flatColumn('decimal9')
    const narrow: Type = { kind: 'decimal', precision: 8, scale: 2 }
    await expect(readColumn(field(digits.id, 'd', narrow), flat)).rejects.toThrow(/more than 8 digits/)
  })

  it.each([
    ['date', 'int'],
    ['ts_us', 'long'],
    ['decimal9', 'int'],
    ['time_us', 'timestamp'],
    ['int64', 'int'],
    ['double', 'float'],
    ['binary', 'uuid'],
    ['fixed', 'uuid'],
    ['string', 'boolean'],
    ['boolean', struct(field(1, 'x', 'int'))],
    ['int32', list(1, 'int')],
  ] as const)('refuses to read %s as %s', async (name, type) => {
    const { id } = flatColumn(name)
    await expect(readColumn(field(id, 'c', type), flat)).rejects.toMatchObject({ name: 'IcebergIoError' })
  })

  it('names a shredded variant instead of reading half of it', async () => {
    const file = { ...golden('variant'), path: golden('variant').path.replace('variant', 'variant-shredded') }
    await expect(readRows(file)).rejects.toThrow(/shredded variant/)
  })

  it('marks variants and geometries for other Arrow implementations', async () => {
    for (const [name, extension] of [
      ['variant', 'arrow.parquet.variant'],
      ['geometry', 'geoarrow.wkb'],
    ] as const) {
      const file = golden(name)
      for await (const batch of readParquet(new DiskReads().io, file.path, { fields: file.fields })) {
        expect(batch.schema.fields[0]?.metadata.get('ARROW:extension:name')).toBe(extension)
      }
    }
  })
})

function floor(value: bigint, by: bigint): bigint {
  return value % by < 0n ? value / by - 1n : value / by
}
