import { batchOfRows, batchRows, type PlainValue, randomRows, seededRandom } from '@icebridge/columnar/testing'
import { currentSnapshot, type NestedField, refreshTable, type TableHandle } from '@icebridge/iceberg-core'
import type { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
import { type ActionOutcome, columnFieldsOf, IcebergReader, upsert, type UpsertOptions } from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { committed, environment, lake, rowsOf, writeAll } from './written-lake.ts'
import { fieldsOf, nestedFields, scalarFields } from './written.ts'

const people: readonly NestedField[] = [
  { id: 1, name: 'id', required: true, type: 'long' },
  { id: 2, name: 'name', required: false, type: 'string' },
  { id: 3, name: 'city', required: false, type: 'string' },
]

async function upserted(
  table: TableHandle,
  rows: readonly PlainValue[][],
  options: Partial<UpsertOptions> = {},
): Promise<Extract<ActionOutcome<unknown>, { status: 'committed' | 'unchanged' }> & { counts: unknown }> {
  const batch = batchOfRows(columnFieldsOf(table.loaded.metadata.schemas.at(-1)!), rows)
  const outcome = await upsert(table, [batch], { environment, ...options })
  if (outcome.status === 'conflict' || outcome.status === 'unknown') throw new Error(`the upsert is ${outcome.status}`)
  return outcome
}

async function filled(
  fields: readonly NestedField[],
  batches: readonly (readonly PlainValue[][])[],
  options: Parameters<typeof lake>[1] = {},
): Promise<TableHandle> {
  let { table } = await lake(fields, { identifierFieldIds: [1], ...options })
  for (const rows of batches) table = await committed(table, await writeAll(table, [rows]))
  return table
}

const byId = (rows: readonly PlainValue[][]): PlainValue[][] => rows.toSorted(([a], [b]) => Number(a) - Number(b))

/** Rows with their lineage: id, `_row_id`, `_last_updated_sequence_number`. */
async function lineageOf(table: TableHandle): Promise<PlainValue[][]> {
  const rows: PlainValue[][] = []
  const columns = ['id', '_row_id', '_last_updated_sequence_number']
  for await (const batch of new IcebergReader(table).scan({ columns })) rows.push(...batchRows(batch))
  return byId(rows)
}

const modes = ['copy-on-write', 'merge-on-read'] as const

describe('upsert', { timeout: 60_000 }, () => {
  it('replaces rows that differ, adds new ones, and leaves files alone in which none differs', async () => {
    const table = await filled(people, [
      [
        [1n, 'Ann', 'Oslo'],
        [2n, 'Bob', null],
      ],
      [
        [3n, 'Cy', 'Rome'],
        [4n, 'Di', 'Bonn'],
      ],
    ])
    const outcome = await upserted(table, [
      [5n, 'Ed', 'Lima'],
      [2n, 'Bob', 'Kyiv'],
      [3n, 'Cy', 'Rome'],
    ])
    expect(outcome).toMatchObject({
      status: 'committed',
      counts: { inserted: 1, updated: 1, unchanged: 1, filesAdded: 1, filesRemoved: 1 },
    })
    expect(currentSnapshot(outcome.table.loaded.metadata)?.operation).toBe('overwrite')
    expect(byId(await rowsOf(outcome.table))).toEqual([
      [1n, 'Ann', 'Oslo'],
      [2n, 'Bob', 'Kyiv'],
      [3n, 'Cy', 'Rome'],
      [4n, 'Di', 'Bonn'],
      [5n, 'Ed', 'Lima'],
    ])
  })

  it('commits nothing when nothing differs, and an append when all rows are new', async () => {
    const table = await filled(people, [[[1n, 'Ann', 'Oslo']]])
    const same = await upserted(table, [[1n, 'Ann', 'Oslo']])
    expect(same).toMatchObject({ status: 'unchanged', counts: { unchanged: 1 } })
    expect((await upserted(table, [])).status).toBe('unchanged')
    const added = await upserted(table, [[7n, 'Gil', null]])
    expect(added).toMatchObject({ status: 'committed', counts: { inserted: 1, filesRemoved: 0 } })
    expect(currentSnapshot(added.table.loaded.metadata)?.operation).toBe('append')
  })

  it.each(modes)(
    'keeps what a model keeps, over random rows of every type, partitions and versions, %s',
    async (mode) => {
      const fields: readonly NestedField[] = [
        { id: 1000, name: 'id', required: true, type: 'int' },
        ...scalarFields.filter(({ name }) => name !== 'c_int'),
        ...nestedFields,
      ]
      for (let seed = 1; seed <= 6; seed++) {
        const random = seededRandom(seed)
        const int = (below: number): number => Math.floor(random() * below)
        const { table: fresh } = await lake(fields, {
          identifierFieldIds: [1000],
          formatVersion: seed % 2 === 0 ? 3 : 2,
          partition: seed % 3 === 0 ? [{ sourceId: 1000, transform: { kind: 'bucket', buckets: 3 }, name: 'b' }] : [],
        })
        const columns = columnFieldsOf(fresh.loaded.metadata.schemas[0]!)
        const model = new Map<number, PlainValue[]>()
        let table = fresh
        for (let step = 0; step < 5; step++) {
          const ids = [...new Set(Array.from({ length: 40 }, () => int(120)))]
          const rows = randomRows(columns, ids.length, random).map((row, at): PlainValue[] => {
            const id = ids[at]!
            // Every third known row is given as it is.
            return (random() < 0.3 ? model.get(id) : undefined) ?? [id, ...row.slice(1)]
          })
          const changed = rows.filter((row) => model.has(Number(row[0])) && model.get(Number(row[0])) !== row).length
          const inserted = rows.filter((row) => !model.has(Number(row[0]))).length
          const outcome = await upserted(table, rows, { mode })
          expect(outcome.counts).toMatchObject({
            inserted,
            updated: changed,
            unchanged: rows.length - changed - inserted,
          })
          for (const row of rows) model.set(Number(row[0]), row)
          table = outcome.table
        }
        expect(byId(await rowsOf(table))).toStrictEqual(byId([...model.values()]))
      }
    },
  )

  it.each(modes)('keeps the row id of replaced rows and the whole lineage of carried ones, %s', async (mode) => {
    const table = await filled(
      people,
      [
        [
          [1n, 'Ann', null],
          [2n, 'Bob', null],
        ],
        [[3n, 'Cy', null]],
      ],
      { formatVersion: 3 },
    )
    expect(await lineageOf(table)).toEqual([
      [1n, 0n, 1n],
      [2n, 1n, 1n],
      [3n, 2n, 2n],
    ])
    const first = await upserted(
      table,
      [
        [2n, 'Bob', 'Kyiv'],
        [4n, 'Di', null],
      ],
      { mode },
    )
    const [, , , four] = await lineageOf(first.table)
    expect(await lineageOf(first.table)).toEqual([
      [1n, 0n, 1n],
      [2n, 1n, 3n],
      [3n, 2n, 2n],
      [4n, four![1], 3n],
    ])
    expect(Number(four![1])).toBeGreaterThan(2)
    const second = await upserted(first.table, [[1n, 'Anna', null]], { mode })
    expect(await lineageOf(second.table)).toEqual([
      [1n, 0n, 4n],
      [2n, 1n, 3n],
      [3n, 2n, 2n],
      [4n, four![1], 3n],
    ])
  })

  it.each(modes)('moves a row to another partition when its partition column changes, %s', async (mode) => {
    const table = await filled(
      people,
      [
        [
          [1n, 'Ann', 'Oslo'],
          [2n, 'Bob', 'Rome'],
        ],
      ],
      { partition: [{ sourceId: 3, transform: { kind: 'identity' }, name: 'city' }] },
    )
    const outcome = await upserted(table, [[1n, 'Ann', 'Rome']], { mode })
    expect(outcome.counts).toMatchObject({ inserted: 0, updated: 1, unchanged: 0, filesAdded: 1 })
    const rome: PlainValue[][] = []
    const filter = { op: 'eq', column: 'city', value: 'Rome' } as const
    for await (const batch of new IcebergReader(outcome.table).scan({ filter })) rome.push(...batchRows(batch))
    expect(byId(rome)).toEqual([
      [1n, 'Ann', 'Rome'],
      [2n, 'Bob', 'Rome'],
    ])
  })

  it('finds rows by several keys and by text', async () => {
    const table = await filled(people, [
      [
        [1n, 'Ann', 'a'],
        [1n, 'Bob', 'b'],
        [2n, 'Ann', 'c'],
      ],
    ])
    const outcome = await upserted(
      table,
      [
        [1n, 'Bob', 'B'],
        [2n, 'Bob', 'd'],
      ],
      { keys: ['name', 'id'] },
    )
    expect(outcome.counts).toMatchObject({ inserted: 1, updated: 1 })
    const order = (row: PlainValue[]): string => row.map(String).join()
    expect((await rowsOf(outcome.table)).toSorted((a, b) => (order(a) < order(b) ? -1 : 1))).toEqual([
      [1n, 'Ann', 'a'],
      [1n, 'Bob', 'B'],
      [2n, 'Ann', 'c'],
      [2n, 'Bob', 'd'],
    ])
  })

  it.each([2, 3] as const)('deletes by position in version %i when it is to merge on read', async (formatVersion) => {
    const table = await filled(
      people,
      [
        [
          [1n, 'Ann', null],
          [2n, 'Bob', null],
          [3n, 'Cy', null],
        ],
      ],
      { formatVersion },
    )
    const first = await upserted(table, [[2n, 'Bob', 'Kyiv']], { mode: 'merge-on-read' })
    expect(first.counts).toEqual({ inserted: 0, updated: 1, unchanged: 0, filesAdded: 1, filesRemoved: 0 })
    const second = await upserted(first.table, [[3n, 'Cy', 'Rome']], { mode: 'merge-on-read' })
    const summary = currentSnapshot(second.table.loaded.metadata)?.summary
    // A second vector takes in the first; position delete files stand side by side.
    expect(summary?.['total-delete-files']).toBe(formatVersion === 3 ? '1' : '2')
    expect(summary?.['total-position-deletes']).toBe('2')
    expect(byId(await rowsOf(second.table))).toEqual([
      [1n, 'Ann', null],
      [2n, 'Bob', 'Kyiv'],
      [3n, 'Cy', 'Rome'],
    ])
  })

  it('refuses keys given twice, or takes the last of them', async () => {
    const table = await filled(people, [[[1n, 'Ann', 'Oslo']]])
    const twice: PlainValue[][] = [
      [1n, 'A', null],
      [2n, 'x', null],
      [1n, 'B', null],
    ]
    await expect(upserted(table, twice)).rejects.toMatchObject({
      code: 'duplicate-keys',
      context: { first: 0, second: 2 },
    })
    const last = await upserted(table, twice, { duplicates: 'last' })
    expect(byId(await rowsOf(last.table))).toEqual([
      [1n, 'B', null],
      [2n, 'x', null],
    ])
  })

  it('refuses keys that identify nothing, columns that are missing, and input past its limit', async () => {
    const table = await filled(people, [[[1n, 'Ann', 'Oslo']]])
    const row: PlainValue[][] = [[1n, 'Ann', null]]
    await expect(upserted(table, row, { keys: ['nobody'] })).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(upserted(table, row, { keys: ['city'] })).rejects.toMatchObject({
      code: 'schema-mismatch',
      message: expect.stringContaining('city'),
    })
    await expect(upserted(table, row, { inputBytes: 5 })).rejects.toMatchObject({ code: 'too-large' })
    const half = batchOfRows(columnFieldsOf({ fields: people.slice(0, 2) }), [[1n, 'Ann']])
    await expect(upsert(table, [half], { environment })).rejects.toMatchObject({
      code: 'schema-mismatch',
      message: expect.stringContaining('city'),
    })
    const keyless = await lake(fieldsOf({ d: 'double' }))
    await expect(upserted(keyless.table, [[1]])).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(upserted(keyless.table, [[1]], { keys: ['d'] })).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  it('conflicts with rows of the same keys that came meanwhile, and leaves no file behind', async () => {
    const table = await filled(people, [[[1n, 'Ann', null]], [[9n, 'Ian', null]]])
    const other = await committed(table, await writeAll(table, [[[5n, 'Eve', null]]]))
    expect(other.loaded.metadata.snapshots).toHaveLength(3)
    const files = (): number => (table.io as InMemoryFileIO).files.size
    const before = files()
    const columns = columnFieldsOf({ fields: people })
    const changed = await upsert(
      table,
      [
        batchOfRows(columns, [
          [1n, 'Anna', null],
          [5n, 'E', null],
        ]),
      ],
      { environment },
    )
    expect(changed.status).toBe('conflict')
    const merged = await upsert(
      table,
      [
        batchOfRows(columns, [
          [1n, 'Anna', null],
          [5n, 'E', null],
        ]),
      ],
      {
        environment,
        mode: 'merge-on-read',
      },
    )
    expect(merged.status).toBe('conflict')
    const added = await upsert(table, [batchOfRows(columns, [[5n, 'E', null]])], { environment })
    expect(added.status).toBe('conflict')
    expect(files()).toBe(before)
    const fresh = await refreshTable(table)
    expect((await upserted(fresh, [[5n, 'E', null]])).counts).toMatchObject({ updated: 1, inserted: 0 })
  })

  it('leaves no file behind when a file cannot be written', async () => {
    const table = await filled(people, [[[1n, 'Ann', null]]])
    const io = table.io as InMemoryFileIO
    const paths = [...io.files.keys()]
    const create = io.create.bind(io)
    io.create = async (path) => {
      const file = await create(path)
      file.close = () => Promise.reject(new Error('the store is gone'))
      return file
    }
    const batch = batchOfRows(columnFieldsOf({ fields: people }), [[1n, 'B', null]])
    await expect(upsert(table, [batch], { environment })).rejects.toThrow('the store is gone')
    expect([...io.files.keys()]).toEqual(paths)
    expect(await rowsOf(table)).toEqual([[1n, 'Ann', null]])
  })
})

describe('upserts that race', { timeout: 60_000 }, () => {
  it.each([2, 3] as const)('lose no update: counters of two writers in version %i', async (formatVersion) => {
    const counters: readonly NestedField[] = [
      { id: 1, name: 'id', required: true, type: 'long' },
      { id: 2, name: 'count', required: false, type: 'int' },
    ]
    const table = await filled(
      counters,
      [
        [
          [1n, 0],
          [2n, 0],
        ],
      ],
      { formatVersion },
    )
    const columns = columnFieldsOf({ fields: counters })
    let conflicts = 0
    const writer = async (mode: (typeof modes)[number]): Promise<void> => {
      for (let done = 0; done < 12;) {
        const fresh = await refreshTable(table)
        const now = new Map((await rowsOf(fresh)).map(([id, count]) => [id, Number(count)]))
        // Row 3 does not exist at first: whoever comes second must not add it again.
        const id = BigInt((done % 3) + 1)
        const next = batchOfRows(columns, [[id, (now.get(id) ?? 0) + 1]])
        const outcome = await upsert(fresh, [next], { environment, mode })
        if (outcome.status === 'committed') done++
        else conflicts++
      }
    }
    await Promise.all([writer('copy-on-write'), writer('merge-on-read')])
    expect(byId(await rowsOf(await refreshTable(table)))).toEqual([
      [1n, 8],
      [2n, 8],
      [3n, 8],
    ])
    expect(conflicts).toBeGreaterThan(0)
  })
})
