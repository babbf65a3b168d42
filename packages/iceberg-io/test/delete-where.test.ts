import { batchOfRows, batchRows, type PlainValue, seededRandom } from '@icebridge/columnar/testing'
import {
  and,
  currentSnapshot,
  eq,
  type Expression,
  gteq,
  isNull,
  lt,
  type NestedField,
  not,
  or,
  type TableHandle,
} from '@icebridge/iceberg-core'
import type { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
import { columnFieldsOf, deleteWhere, IcebergReader, overwritePartitions, overwriteWhere } from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { committed, environment, lake, rowsOf, writeAll } from './written-lake.ts'

const fields: readonly NestedField[] = [
  { id: 1, name: 'id', required: true, type: 'long' },
  { id: 2, name: 'day', required: false, type: 'date' },
  { id: 3, name: 'note', required: false, type: 'string' },
]
const modes = ['copy-on-write', 'merge-on-read'] as const

async function filled(
  batches: readonly (readonly PlainValue[][])[],
  options: Parameters<typeof lake>[1] = {},
): Promise<TableHandle> {
  let { table } = await lake(fields, options)
  for (const rows of batches) table = await committed(table, await writeAll(table, [rows]))
  return table
}

async function done<C>(
  outcome: Promise<{ status: string }>,
): Promise<{ table: TableHandle; counts: C; status: string }> {
  const result = await outcome
  if (result.status !== 'committed' && result.status !== 'unchanged') throw new Error(`the action is ${result.status}`)
  return result as never // both have a table and counts
}

const byId = (rows: readonly PlainValue[][]): PlainValue[][] => rows.toSorted(([a], [b]) => Number(a) - Number(b))
const ids = async (table: TableHandle): Promise<number[]> => byId(await rowsOf(table)).map(([id]) => Number(id))

/** Twelve rows in files of four: days 0, 1 and 2. */
const threeDays = [0, 1, 2].map((day) =>
  [0, 1, 2, 3].map((at): PlainValue[] => [BigInt(day * 4 + at), day, at === 3 ? null : `n${at}`]),
)

describe('deleteWhere', { timeout: 60_000 }, () => {
  it.each(modes)('drops whole files unread, and takes the rows out of others, %s', async (mode) => {
    const table = await filled(threeDays)
    const reads: string[] = []
    const io = table.io as InMemoryFileIO
    const read = io.read.bind(io)
    io.read = async (path, ...rest) => {
      if (path.endsWith('.parquet')) reads.push(path)
      return read(path, ...rest)
    }
    const outcome = await done(deleteWhere(table, lt('id', 6n), { environment, mode }))
    expect(outcome.counts).toEqual({
      deleted: 6,
      filesAdded: mode === 'copy-on-write' ? 1 : 0,
      filesRemoved: mode === 'copy-on-write' ? 2 : 1,
    })
    expect(new Set(reads).size).toBe(1)
    io.read = read
    expect(await ids(outcome.table)).toEqual([6, 7, 8, 9, 10, 11])
    expect(currentSnapshot(outcome.table.loaded.metadata)?.operation).toBe(
      mode === 'copy-on-write' ? 'overwrite' : 'delete',
    )
    expect((await done(deleteWhere(outcome.table, lt('id', 6n), { environment, mode }))).status).toBe('unchanged')
  })

  it.each(modes)(
    'deletes what a model deletes, nulls and earlier deletes among the rows, %s',
    async (mode) => {
      for (const formatVersion of [2, 3] as const) {
        for (let seed = 1; seed <= 6; seed++) {
          const random = seededRandom(seed)
          const int = (below: number): number => Math.floor(random() * below)
          const value = (row: PlainValue[]): [number, number | null, string | null] => row as never
          const rows = Array.from({ length: 200 }, (_, row): PlainValue[] => [
            BigInt(row),
            random() < 0.2 ? null : int(5),
            random() < 0.3 ? null : `n${int(4)}`,
          ])
          let table = await filled([rows.slice(0, 50), rows.slice(50, 120), rows.slice(120)], {
            formatVersion,
            partition: seed % 2 === 0 ? [{ sourceId: 2, transform: { kind: 'identity' }, name: 'day' }] : [],
          })
          let model = rows
          for (let step = 0; step < 5; step++) {
            const [low, day, note] = [int(200), int(5), `n${int(4)}`]
            const choices: [Expression, (row: PlainValue[]) => boolean][] = [
              [
                and(gteq('id', BigInt(low)), lt('id', BigInt(low + 20))),
                (row) => value(row)[0] >= low && value(row)[0] < low + 20,
              ],
              [and(eq('day', day), eq('note', note)), (row) => value(row)[1] === day && value(row)[2] === note],
              [and(isNull('note'), lt('id', 90n)), (row) => value(row)[2] === null && value(row)[0] < 90],
              [
                and(not(or(eq('note', note), eq('day', day))), lt('id', 40n)),
                // `not` of an equality lets nulls pass, as Iceberg has it.
                (row) => value(row)[2] !== note && value(row)[1] !== day && value(row)[0] < 40,
              ],
            ]
            const [filter, passes] = choices[int(choices.length)]!
            const outcome = await done<{ deleted: number }>(deleteWhere(table, filter, { environment, mode }))
            expect(outcome.counts.deleted).toBe(model.filter(passes).length)
            model = model.filter((row) => !passes(row))
            table = outcome.table
          }
          expect(byId(await rowsOf(table))).toStrictEqual(model)
        }
      }
    },
    30_000,
  )

  it('keeps the lineage of the rows that stay', async () => {
    const table = await filled(threeDays, { formatVersion: 3 })
    const lineage = async (of: TableHandle): Promise<PlainValue[][]> => {
      const rows: PlainValue[][] = []
      const columns = ['id', '_row_id', '_last_updated_sequence_number']
      for await (const batch of new IcebergReader(of).scan({ columns })) rows.push(...batchRows(batch))
      return byId(rows)
    }
    const before = await lineage(table)
    const outcome = await done(deleteWhere(table, eq('note', 'n1'), { environment }))
    expect(await lineage(outcome.table)).toEqual(before.filter(([id]) => Number(id) % 4 !== 1))
  })

  it.each(modes)(
    'conflicts with rows that pass and came meanwhile, unless snapshot isolation is asked for, %s',
    async (mode) => {
      const table = await filled(threeDays)
      await committed(table, await writeAll(table, [[[3n, 9, 'late']]]))
      const files = (table.io as InMemoryFileIO).files.size
      const refused = await deleteWhere(table, lt('id', 6n), { environment, mode })
      expect(refused.status).toBe('conflict')
      expect((table.io as InMemoryFileIO).files.size).toBe(files)
      const elsewhere = await done(deleteWhere(table, gteq('id', 11n), { environment, mode }))
      expect(await ids(elsewhere.table)).toEqual([0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10])
      const behind = await done(deleteWhere(table, lt('id', 6n), { environment, mode, isolation: 'snapshot' }))
      expect(await ids(behind.table)).toEqual([3, 6, 7, 8, 9, 10])
    },
  )
})

describe('overwriting', { timeout: 60_000 }, () => {
  const columns = columnFieldsOf({ fields })

  it('puts rows in the place of those that pass', async () => {
    const table = await filled(threeDays)
    const rows = [
      batchOfRows(columns, [
        [100n, 1, 'new'],
        [101n, 1, null],
      ]),
    ]
    const outcome = await done(overwriteWhere(table, { where: gteq('id', 6n), rows }, { environment }))
    expect(outcome.counts).toMatchObject({ deleted: 6, inserted: 2 })
    expect(await ids(outcome.table)).toEqual([0, 1, 2, 3, 4, 5, 100, 101])
    expect(outcome.table.loaded.metadata.snapshots).toHaveLength(4)
  })

  it('replaces the partitions that rows fall into', async () => {
    const partition = [{ sourceId: 2, transform: { kind: 'identity' }, name: 'day' }] as const
    const table = await filled(threeDays, { partition })
    const outcome = await done(
      overwritePartitions(
        table,
        [
          batchOfRows(columns, [
            [100n, 1, 'new'],
            [101n, 7, null],
          ]),
        ],
        { environment },
      ),
    )
    expect(outcome.counts).toEqual({ inserted: 2, partitions: 2, filesAdded: 2, filesRemoved: 1 })
    expect(await ids(outcome.table)).toEqual([0, 1, 2, 3, 8, 9, 10, 11, 100, 101])
    expect((await done(overwritePartitions(table, [], { environment }))).status).toBe('unchanged')
  })
})
