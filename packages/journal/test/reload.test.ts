import { columnView } from '@icebridge/columnar'
import type { AppliedPosition, Journal, JournalUnit } from '@icebridge/journal'
import { expect, test } from 'vitest'
import {
  collect,
  commitUpdates,
  endOf,
  expireHistory,
  extracted,
  newJournal,
  readOn,
  rollBack,
  rowsIn,
  rowsOf,
  rowsOfRead,
  someRows,
  testLake,
  type TestLake,
} from './support.ts'

const loadId = '00000000-0000-4000-8000-00000000000a'

/** Rows 1 to 4 loaded, row 5 after it; then a reload of the rows 1, 2 and 5, and row 6 after that. */
async function reloaded(lake: TestLake): Promise<{ journal: Journal; before: AppliedPosition; snapshotId: bigint }> {
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(4)] })
  await extracted(journal, lake, { watermark: '2', rows: [someRows(1, 5)] })
  const before = await endOf(journal)
  const { snapshotId } = await extracted(journal, lake, {
    watermark: '3',
    mode: 'load',
    rows: [
      rowsOf([
        [1, 'a'],
        [2, 'b'],
        [5, 'e'],
      ]),
    ],
  })
  await extracted(journal, lake, { watermark: '4', rows: [someRows(1, 6)] })
  return { journal, before, snapshotId }
}

async function keysOf(unit: JournalUnit): Promise<number[]> {
  const ids: number[] = []
  for await (const batch of unit.reload?.keys(['id']) ?? []) {
    expect(batch.schema.fields.map(({ name }) => name)).toEqual(['_sync_seq', 'id'])
    const view = columnView(batch, 1)
    if (view.kind !== 'int32') throw new TypeError('id is no int')
    for (let row = 0; row < batch.numRows; row += 1) ids.push(view.value(row))
  }
  return ids
}

test('the unit in which a reload ends has the keys of the reload and of what follows up to its end', async () => {
  const { journal, before, snapshotId } = await reloaded(testLake())
  const read = await readOn(journal, before)
  expect(read.load).toMatchObject({ sequence: { from: 6n, to: 8n }, snapshotId })
  const units = await collect(read.units({ maxRows: 2 }))
  expect(units.map(({ sequence, reload }) => [sequence.to, reload?.sequence])).toEqual([
    [7n, undefined],
    [9n, { from: 6n, to: 9n }],
  ])
  expect(await keysOf(units[1]!)).toEqual([1, 2, 5, 6])
  expect(units[1]?.reload?.rows).toBe(4)
  const [whole] = await collect(read.units({ maxRows: 100 }))
  expect(whole?.reload?.sequence).toEqual({ from: 6n, to: 9n })
  expect(read.widen(6n).reload?.sequence).toEqual({ from: 6n, to: 9n })
})

test('a target inside a reload reads its keys from the beginning', async () => {
  const { journal, snapshotId } = await reloaded(testLake())
  const [unit] = await collect(
    (await readOn(journal, { tableUuid: journal.tableUuid, snapshotId, sequence: 7n })).units({ maxRows: 1 }),
  )
  expect(unit).toMatchObject({ rows: 1, reload: { sequence: { from: 6n, to: 8n } } })
  expect(await keysOf(unit!)).toEqual([1, 2, 5])
})

test('a target past a reload has no reload to end', async () => {
  const { journal, snapshotId } = await reloaded(testLake())
  const read = await readOn(journal, { tableUuid: journal.tableUuid, snapshotId, sequence: 8n })
  expect(read.load).toBeUndefined()
  expect((await collect(read.units({ maxRows: 10 }))).map(({ reload }) => reload)).toEqual([undefined])
})

test('a first load ends without keys: there is nothing of an earlier one to delete', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const { snapshotId } = await extracted(journal, lake, { watermark: '1', rows: [someRows(4)] })
  const inside = await readOn(journal, { tableUuid: journal.tableUuid, snapshotId, sequence: 2n })
  expect((await collect(inside.units({ maxRows: 10 }))).map(({ reload }) => reload)).toEqual([undefined])
})

test('a target without a position begins with the newest completed load, which is one unit if it likes', async () => {
  const { journal } = await reloaded(testLake())
  const read = await readOn(journal, undefined)
  expect(read).toMatchObject({ scan: 'whole', rows: 4n })
  expect((await rowsOfRead(read)).map(({ id }) => id)).toEqual([1, 2, 5, 6])
  const unit = read.loadUnit()
  expect(unit).toMatchObject({ rows: 3, sequence: { from: 6n, to: 8n } })
  expect((await rowsIn(unit!)).map(({ name }) => name)).toEqual(['a', 'b', 'e'])
  expect((await readOn(journal, await endOf(journal))).loadUnit()).toBeUndefined()
})

test('a load that is not complete is none', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const chunk = { loadId, handover: '1', chunks: 2 }
  await extracted(journal, lake, { watermark: '1', rows: [someRows(2)], mode: 'load', load: { ...chunk, chunk: 1 } })
  const half = await readOn(journal, undefined)
  expect(half.load).toBeUndefined()
  expect(half.loadUnit()).toBeUndefined()
  await extracted(journal, lake, { watermark: '1', rows: [someRows(2, 3)], mode: 'load', load: { ...chunk, chunk: 2 } })
  expect((await readOn(journal, undefined)).load).toMatchObject({ loadId, sequence: { from: 1n, to: 4n } })
})

test('a load whose last chunk is empty ends with a unit without rows, for a target that had the others', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(4)] })
  const chunk = { loadId, handover: '2', chunks: 2 }
  await extracted(journal, lake, { watermark: '2', rows: [someRows(2)], mode: 'load', load: { ...chunk, chunk: 1 } })
  const position = await endOf(journal)
  await extracted(journal, lake, { watermark: '2', mode: 'load', load: { ...chunk, chunk: 2 } })
  const [unit, ...others] = await collect((await readOn(journal, position)).units({ maxRows: 10 }))
  expect(others).toEqual([])
  expect(unit).toMatchObject({ rows: 0, reload: { sequence: { from: 5n, to: 6n } } })
  expect(await keysOf(unit!)).toEqual([1, 2])
  await extracted(journal, lake, { watermark: '3', rows: [someRows(1, 9)] })
  const both = await collect((await readOn(journal, position)).units({ maxRows: 10 }))
  expect(both.map(({ rows, reload }) => [rows, reload?.sequence.to])).toEqual([[1, 7n]])
})

test('a reload of a table that is empty by now has no key', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(4)] })
  const position = await endOf(journal)
  await extracted(journal, lake, { watermark: '2', mode: 'load' })
  const [unit] = await collect((await readOn(journal, position)).units({ maxRows: 10 }))
  expect(unit).toMatchObject({ rows: 0, reload: { rows: 0 } })
  expect(await keysOf(unit!)).toEqual([])
  expect(await collect((await readOn(journal, await endOf(journal))).units({ maxRows: 10 }))).toEqual([])
})

test('a load whose commits are expired is still known', async () => {
  const { journal, before } = await reloaded(testLake())
  await expireHistory(journal)
  const read = await readOn(journal, before)
  expect(read.load?.sequence).toEqual({ from: 6n, to: 8n })
  expect((await collect(read.units({ maxRows: 10 })))[0]?.reload?.sequence).toEqual({ from: 6n, to: 9n })
})

test('a reload that was rolled back is none, and the one before it counts again', async () => {
  const lake = testLake()
  const { journal, before } = await reloaded(lake)
  await rollBack(journal, before.snapshotId)
  expect((await readOn(journal, undefined)).load?.sequence).toEqual({ from: 1n, to: 4n })
  await extracted(journal, lake, { watermark: '5', rows: [someRows(9, 20)] })
  await expireHistory(journal)
  expect((await readOn(journal, undefined)).load).toBeUndefined()
})

test('a damaged record of the load stops the read with the way out', async () => {
  const { journal } = await reloaded(testLake())
  await commitUpdates(journal, [{ action: 'set-properties', updates: { 'icebridge.load': '{"id":1}' } }])
  await expect(readOn(journal, undefined)).rejects.toMatchObject({ code: 'not-a-journal' })
})
