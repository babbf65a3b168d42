import { batchOfRows, batchRows, type PlainValue, randomRows, seededRandom } from '@icebridge/columnar/testing'
import { compareValues, type DataFile, type SortField, type TableHandle, type Type } from '@icebridge/iceberg-core'
import { columnFieldsOf, IcebergAppender, readParquet } from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { committed, environment, lake, rowsOf, writeAll } from './written-lake.ts'
import { fieldsOf, nestedFields, scalarFields } from './written.ts'

function by(id: number, options: Partial<SortField> = {}): SortField {
  return { sourceIds: [id], transform: { kind: 'identity' }, direction: 'asc', nullOrder: 'nulls-first', ...options }
}

async function fileRows(table: TableHandle, file: DataFile): Promise<PlainValue[][]> {
  const rows: PlainValue[][] = []
  const { schemas } = table.loaded.metadata
  for await (const batch of readParquet(table.io, file.filePath, { fields: schemas[0]!.fields })) {
    rows.push(...batchRows(batch))
  }
  return rows
}

describe('sorting', { timeout: 60_000 }, () => {
  const types: Record<string, Type> = {
    int: 'int',
    long: 'long',
    double: 'double',
    decimal: { kind: 'decimal', precision: 38, scale: 3 },
    date: 'date',
    timestamp: 'timestamp',
    string: 'string',
    binary: 'binary',
    fixed: { kind: 'fixed', length: 3 },
    uuid: 'uuid',
    boolean: 'boolean',
    float: 'float',
  }

  it('puts the rows of every type in order, both ways, nulls first and last', async () => {
    for (const [name, type] of Object.entries(types)) {
      for (const direction of ['asc', 'desc'] as const) {
        for (const nullOrder of ['nulls-first', 'nulls-last'] as const) {
          const home = await lake(fieldsOf({ k: type, row: 'int' }), { sort: [by(1, { direction, nullOrder })] })
          const columns = columnFieldsOf(home.table.loaded.metadata.schemas[0]!)
          const rows = randomRows(columns, 300, seededRandom(name.length)).map((row, at) => [row[0]!, at])
          const files = await writeAll(home.table, [rows.slice(0, 90), rows.slice(90)], { sort: true })
          expect(files.map(({ sortOrderId }) => sortOrderId)).toEqual([1])
          const expected = rows.toSorted(([a, aRow], [b, bRow]) => {
            if (a === null || b === null) {
              if (a === b) return Number(aRow) - Number(bRow)
              return (a === null ? -1 : 1) * (nullOrder === 'nulls-first' ? 1 : -1)
            }
            // Bytes are hexadecimal here, which sorts as they do.
            const order = compareValues('string', a as never, b as never)
            return order * (direction === 'asc' ? 1 : -1) || Number(aRow) - Number(bRow)
          })
          expect(await fileRows(home.table, files[0]!), `${name} ${direction} ${nullOrder}`).toStrictEqual(expected)
        }
      }
    }
  })

  it('sorts -0 before 0 and NaN last, and text by code point', async () => {
    const home = await lake(fieldsOf({ d: 'double', s: 'string' }), { sort: [by(1), by(2)] })
    const rows: PlainValue[][] = [
      [Number.NaN, 'a'],
      [0, '\u{10000}'],
      [0, '\u{ffff}'],
      [-0, 'z'],
      [Infinity, 'b'],
      [-Infinity, 'b'],
    ]
    const [file] = await writeAll(home.table, [rows], { sort: true })
    expect(await fileRows(home.table, file!)).toStrictEqual([
      [-Infinity, 'b'],
      [-0, 'z'],
      [0, '\u{ffff}'],
      [0, '\u{10000}'],
      [Infinity, 'b'],
      [Number.NaN, 'a'],
    ])
  })

  it('sorts by transforms, one key after the other, inside each partition', async () => {
    const home = await lake(fieldsOf({ p: 'int', s: 'string', id: 'long' }), {
      partition: [{ sourceId: 1, transform: { kind: 'identity' }, name: 'p' }],
      sort: [
        by(3, { transform: { kind: 'bucket', buckets: 4 } }),
        by(2, { transform: { kind: 'truncate', width: 1 }, direction: 'desc' }),
      ],
    })
    const random = seededRandom(3)
    const rows = Array.from({ length: 400 }, (_, row): PlainValue[] => [
      row % 3,
      `${'abc'[Math.floor(random() * 3)]}${row}`,
      BigInt(row),
    ])
    const files = await writeAll(home.table, [rows], { sort: true })
    expect(files).toHaveLength(3)
    for (const file of files) {
      const read = await fileRows(home.table, file)
      expect(read.every((row) => row[0] === file.partition[0])).toBe(true)
      expect(file.sortOrderId).toBe(1)
      // Within a bucket the first letters fall; four buckets give at most three rises.
      const rises = read.filter((row, at) => at > 0 && String(row[1])[0]! > String(read[at - 1]![1])[0]!)
      expect(rises.length).toBeLessThanOrEqual(3)
    }
    expect((await rowsOf(await committed(home.table, files))).length).toBe(400)
  })

  it('sorts what memory does not hold through a temporary file, all columns and equal keys in their order', async () => {
    const every = [
      ...fieldsOf({ k: 'int', row: 'long' }),
      ...scalarFields.map((field) => ({ ...field, id: field.id + 10 })),
      ...nestedFields,
    ]
    const home = await lake(every, {
      partition: [{ sourceId: 1, transform: { kind: 'truncate', width: 50 }, name: 'part' }],
      sort: [by(1, { direction: 'desc' })],
    })
    const columns = columnFieldsOf(home.table.loaded.metadata.schemas[0]!)
    const random = seededRandom(11)
    const rows = randomRows(columns, 900, random).map((row, at): PlainValue[] => [
      at % 20 === 0 ? null : Math.floor(random() * 100),
      BigInt(at),
      ...row.slice(2),
    ])
    const batches = Array.from({ length: 9 }, (_, at) => rows.slice(at * 100, at * 100 + 100))
    const files = await writeAll(home.table, batches, { sort: true, sortBytes: 20_000 })
    expect(files.map(({ partition }) => partition[0]).toSorted((a, b) => Number(a) - Number(b))).toEqual([null, 0, 50])
    for (const file of files) {
      expect(file.sortOrderId).toBe(1)
      const [low] = file.partition as [number | null]
      const own = rows.filter(([k]) =>
        low === null ? k === null : k !== null && Math.floor(Number(k) / 50) * 50 === low,
      )
      expect(await fileRows(home.table, file)).toStrictEqual(
        own.toSorted(([a, aRow], [b, bRow]) => Number(b) - Number(a) || Number(aRow) - Number(bRow)),
      )
    }
  })

  it('cuts sorted rows into files one after the other', async () => {
    const home = await lake(fieldsOf({ id: 'long', s: 'string' }), { sort: [by(1)] })
    const random = seededRandom(9)
    const batches = Array.from({ length: 30 }, () =>
      Array.from({ length: 1000 }, (): PlainValue[] => [BigInt(Math.floor(random() * 1e6)), `${random()}`]),
    )
    const files = await writeAll(home.table, batches, {
      sort: true,
      sortBytes: 100_000,
      targetFileSizeBytes: 50_000,
      rowGroupRows: 2000,
    })
    expect(files.length).toBeGreaterThan(2)
    let last = -1n
    for (const file of files) {
      expect(file.sortOrderId).toBe(1)
      for (const [id] of await fileRows(home.table, file)) {
        expect(id as bigint).toBeGreaterThanOrEqual(last)
        last = id as bigint
      }
    }
    expect(files.reduce((sum, file) => sum + file.recordCount, 0n)).toBe(30_000n)
  })

  it('marks a file that came in order, and no other, when it is not asked to sort', async () => {
    const sorted = Array.from({ length: 300 }, (_, row): PlainValue[] => [BigInt(row >> 1)])
    const home = await lake(fieldsOf({ id: 'long' }), { sort: [by(1)] })
    const [inOrder] = await writeAll(home.table, [sorted.slice(0, 100), sorted.slice(100)])
    expect(inOrder!.sortOrderId).toBe(1)
    const [acrossBatches] = await writeAll(home.table, [sorted.slice(100), sorted.slice(0, 100)])
    expect(acrossBatches!.sortOrderId).toBeUndefined()
    const [within] = await writeAll(home.table, [[[3n], [1n]]])
    expect(within!.sortOrderId).toBeUndefined()
    const unsorted = await lake(fieldsOf({ id: 'long' }))
    const [none] = await writeAll(unsorted.table, [sorted], { sort: true })
    expect(none!.sortOrderId).toBeUndefined()
  })

  it('writes rows as they come beside an order that is not understood, and refuses to sort by it', async () => {
    const order = by(1, { transform: { kind: 'unknown', text: 'hilbert' } })
    const home = await lake(fieldsOf({ id: 'long' }))
    const metadata = {
      ...home.table.loaded.metadata,
      sortOrders: [{ orderId: 1, fields: [order] }],
      defaultSortOrderId: 1,
    }
    const table = { ...home.table, loaded: { ...home.table.loaded, metadata } }
    const [file] = await writeAll(table, [[[3n], [4n]]])
    expect(file!.sortOrderId).toBeUndefined()
    await expect(writeAll(table, [[[3n]]], { sort: true })).rejects.toMatchObject({ code: 'unsupported-transform' })
  })

  it('takes batches of different columns one after the other', async () => {
    const home = await lake(fieldsOf({ id: 'long', s: 'string' }), { sort: [by(1)] })
    const appender = await IcebergAppender.open(home.table, { environment, sort: true, sortBytes: 10 })
    const id = { name: 'id', type: { kind: 'int64' }, nullable: true } as const
    const s = { name: 's', type: { kind: 'string' }, nullable: true } as const
    await appender.write(
      batchOfRows(
        [id, s],
        [
          [2n, 'b'],
          [1n, 'a'],
        ],
      ),
    )
    await appender.write(
      batchOfRows(
        [s, id],
        [
          ['d', 4n],
          ['c', 3n],
        ],
      ),
    )
    await appender.write(batchOfRows([id], [[5n]]))
    const read = await rowsOf(await committed(home.table, await appender.finish()))
    expect(read).toEqual([
      [1n, 'a'],
      [2n, 'b'],
      [3n, 'c'],
      [4n, 'd'],
      [5n, null],
    ])
  })
})
