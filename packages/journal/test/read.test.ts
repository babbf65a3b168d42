import type { AppliedPosition, JournalRead } from '@icebridge/journal'
import { expect, test } from 'vitest'
import {
  collect,
  commitUpdates,
  compaction,
  endOf,
  expire,
  expireHistory,
  extracted,
  foreignAppend,
  foreignSnapshot,
  headOf,
  newJournal,
  readOn,
  rollBack,
  rowsIn,
  rowsOfRead,
  someRows,
  testLake,
} from './support.ts'

async function sequences(read: JournalRead, maxRows = 1000): Promise<bigint[]> {
  return (await rowsOfRead(read, maxRows)).map(({ seq }) => seq)
}

test('a target without a position reads the whole journal at one snapshot', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const { snapshotId } = await extracted(journal, lake, { watermark: '2', rows: [someRows(2)] })
  const read = await readOn(journal, undefined)
  // What is committed now is not of this read.
  await extracted(journal, lake, { watermark: '3', rows: [someRows(4)] })
  expect(read).toMatchObject({ scan: 'whole', snapshotId, rows: 5n, tableUuid: journal.tableUuid })
  expect(await sequences(read)).toEqual([1n, 2n, 3n, 4n, 5n])
})

test('a journal that was never written has nothing to read', async () => {
  const journal = await newJournal(testLake())
  const read = await readOn(journal, undefined)
  expect(read).toMatchObject({ scan: 'none', rows: 0n, snapshotId: undefined })
  expect(await collect(read.units({ maxRows: 1 }))).toEqual([])
})

test('a target reads on incrementally from where it stands', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const position = await endOf(journal)
  await extracted(journal, lake, { watermark: '2', rows: [someRows(2)] })
  await compaction(journal, lake)
  await extracted(journal, lake, { watermark: '3', mode: 'heartbeat' })
  const read = await readOn(journal, position)
  expect(read).toMatchObject({ scan: 'incremental', rows: 2n })
  expect(await sequences(read)).toEqual([4n, 5n])
})

test('a target that has everything gets no unit', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const read = await readOn(journal, await endOf(journal))
  expect(read).toMatchObject({ scan: 'none', rows: 0n })
  expect(await collect(read.units({ maxRows: 10 }))).toEqual([])
})

test('when only the snapshot moved on, one unit without rows takes the position along', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const position = await endOf(journal)
  const { snapshotId } = await extracted(journal, lake, { watermark: '2', mode: 'heartbeat' })
  const [unit, ...others] = await collect((await readOn(journal, position)).units({ maxRows: 10 }))
  expect(others).toEqual([])
  expect(unit).toMatchObject({ rows: 0, snapshotId, sequence: { from: 4n, to: 3n } })
  expect(await rowsIn(unit!)).toEqual([])
})

test('units are disjoint, ascending, no larger than asked, and together the whole read', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(5)] })
  await extracted(journal, lake, { watermark: '2', rows: [someRows(4)] })
  const read = await readOn(journal, undefined)
  const units = await collect(read.units({ maxRows: 4 }))
  expect(units.map(({ sequence, rows }) => [sequence.from, sequence.to, rows])).toEqual([
    [1n, 4n, 4],
    [5n, 8n, 4],
    [9n, 9n, 1],
  ])
  for (const unit of units) {
    const rows = await rowsIn(unit)
    expect(rows.length).toBe(unit.rows)
    expect(rows.every(({ seq }) => seq >= unit.sequence.from && seq <= unit.sequence.to)).toBe(true)
    // Again, as an importer does that repeats a unit.
    expect(await rowsIn(unit)).toEqual(rows)
  }
  await expect(collect(read.units({ maxRows: 0 }))).rejects.toMatchObject({ code: 'invalid-argument' })
})

test('a unit that ends with a commit stands at its snapshot, one that ends inside stands at the pinned one', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const first = await extracted(journal, lake, { watermark: '1', rows: [someRows(4)] })
  const second = await extracted(journal, lake, { watermark: '2', rows: [someRows(4)] })
  const units = await collect((await readOn(journal, undefined)).units({ maxRows: 2 }))
  expect(units.map(({ snapshotId }) => snapshotId)).toEqual([
    second.snapshotId,
    first.snapshotId,
    second.snapshotId,
    second.snapshotId,
  ])
})

test('a position inside a commit reads on exactly behind it, whichever snapshot it names', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(4)] })
  await extracted(journal, lake, { watermark: '2', rows: [someRows(4)] })
  for (const maxRows of [1, 2, 3]) {
    for (const unit of await collect((await readOn(journal, undefined)).units({ maxRows }))) {
      const position = { tableUuid: journal.tableUuid, snapshotId: unit.snapshotId, sequence: unit.sequence.to }
      const rest = await sequences(await readOn(journal, position))
      expect(rest[0] ?? 9n).toBe(unit.sequence.to + 1n)
      expect(rest.length).toBe(8 - Number(unit.sequence.to))
    }
  }
})

test('with whole snapshots a unit is never cut inside a commit', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  for (const [index, count] of [3, 2, 7, 1, 1].entries()) {
    await extracted(journal, lake, { watermark: String(index), rows: [someRows(count)] })
  }
  const units = await collect((await readOn(journal, undefined)).units({ maxRows: 5, wholeSnapshots: true }))
  expect(units.map(({ sequence }) => [sequence.from, sequence.to])).toEqual([
    [1n, 5n],
    [6n, 12n],
    [13n, 14n],
  ])
  for (const unit of units) expect((await rowsIn(unit)).length).toBe(unit.rows)
})

test('a unit is widened to the end of the read', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(6)] })
  const read = await readOn(journal, undefined)
  const unit = read.widen(3n)
  expect(unit).toMatchObject({ sequence: { from: 3n, to: 6n }, rows: 4, snapshotId: read.snapshotId })
  expect((await rowsIn(unit)).map(({ seq }) => seq)).toEqual([3n, 4n, 5n, 6n])
  expect(() => read.widen(7n)).toThrow(/no _sync_seq 7/)
})

test('a snapshot that is expired but the parent of a retained one is read on from incrementally', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const position = await endOf(journal)
  await extracted(journal, lake, { watermark: '2', rows: [someRows(2)] })
  await expire(journal, [position.snapshotId])
  const read = await readOn(journal, position)
  expect(read.scan).toBe('incremental')
  expect(await sequences(read)).toEqual([4n, 5n])
})

test('a snapshot that is expired further back is read on from by _sync_seq', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const position = await endOf(journal)
  await extracted(journal, lake, { watermark: '2', rows: [someRows(2)] })
  await extracted(journal, lake, { watermark: '3', rows: [someRows(2)] })
  await expireHistory(journal)
  const read = await readOn(journal, position)
  expect(read).toMatchObject({ scan: 'filtered', rows: 4n })
  expect(await sequences(read, 3)).toEqual([4n, 5n, 6n, 7n])
})

test('a position inside an expired commit is read on from by _sync_seq', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const { snapshotId } = await extracted(journal, lake, { watermark: '1', rows: [someRows(5)] })
  await extracted(journal, lake, { watermark: '2', rows: [someRows(2)] })
  await expire(journal, [snapshotId])
  const read = await readOn(journal, { tableUuid: journal.tableUuid, snapshotId, sequence: 2n })
  expect(read.scan).toBe('filtered')
  expect(await sequences(read)).toEqual([3n, 4n, 5n, 6n, 7n])
})

async function stops(
  journal: Awaited<ReturnType<typeof newJournal>>,
  position: AppliedPosition | undefined,
  code: string,
  context: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const error: unknown = await readOn(journal, position).catch((cause: unknown) => cause)
  expect(error).toMatchObject({ code, context, hint: expect.stringMatching(/./) })
}

test('a rollback behind the position stops the target', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const first = await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  await extracted(journal, lake, { watermark: '2', rows: [someRows(2)] })
  const position = await endOf(journal)
  await rollBack(journal, first.snapshotId)
  await stops(journal, position, 'rolled-back', { position: position.snapshotId })
  // As it does when the same numbers have been used again, and the snapshot has been expired.
  await extracted(journal, lake, { watermark: '3', rows: [someRows(9)] })
  await stops(journal, position, 'rolled-back')
  await expire(journal, [position.snapshotId])
  await stops(journal, position, 'rolled-back')
})

test('a rollback behind a unit that was cut inside a commit stops the target', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const first = await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  await extracted(journal, lake, { watermark: '2', rows: [someRows(4)] })
  const [, inside] = await collect((await readOn(journal, undefined)).units({ maxRows: 4 }))
  const cut = { tableUuid: journal.tableUuid, snapshotId: inside!.snapshotId, sequence: 4n }
  await rollBack(journal, first.snapshotId)
  await extracted(journal, lake, { watermark: '3', rows: [someRows(9)] })
  await stops(journal, cut, 'rolled-back')
})

test('another table under the same name stops the target', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const position = { ...(await endOf(journal)), tableUuid: '00000000-0000-4000-8000-000000000000' }
  await stops(journal, position, 'table-replaced', { tableUuid: journal.tableUuid })
  expect((await readOn(journal, { ...(await endOf(journal)), tableUuid: journal.tableUuid.toUpperCase() })).rows).toBe(
    0n,
  )
})

test('a sequence that the named snapshot does not reach stops the target', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const first = await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  await extracted(journal, lake, { watermark: '2', rows: [someRows(3)] })
  const position = { tableUuid: journal.tableUuid, snapshotId: first.snapshotId, sequence: 4n }
  await stops(journal, position, 'position-mismatch')
})

test('a sequence above the head stops the target', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  await stops(journal, { ...(await endOf(journal)), snapshotId: 1n, sequence: 4n }, 'rolled-back')
})

test('a stranger above the position stops the target, one who overwrote below a commit too', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const position = await endOf(journal)
  const snapshotId = await foreignAppend(journal.table, lake)
  await stops(journal, position, 'foreign-commit', { snapshotId })
  // A commit on top of it, as no extractor of this version would make.
  await foreignSnapshot(journal, lake, {
    operation: 'append',
    summary: { 'icebridge.batch-id': 'x', 'icebridge.sequence': '3', 'icebridge.watermark': '1' },
  })
  expect((await headOf(journal)).sequence).toBe(3n)
  await stops(journal, position, 'foreign-commit', { snapshotId })
})

test('removal of files at or below the position is accepted', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const empty = await extracted(journal, lake, { watermark: '1' })
  await extracted(journal, lake, { watermark: '2', rows: [someRows(3)] })
  const position = await endOf(journal)
  await foreignSnapshot(journal, lake, { operation: 'delete', filesOf: empty.snapshotId })
  await extracted(journal, lake, { watermark: '3', rows: [someRows(2)] })
  const read = await readOn(journal, position)
  expect(read.scan).toBe('filtered')
  expect(await sequences(read)).toEqual([4n, 5n])
})

test('removal of files that a target has not got stops it', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const empty = await extracted(journal, lake, { watermark: '1' })
  const position = await endOf(journal)
  await extracted(journal, lake, { watermark: '2', rows: [someRows(3)] })
  const snapshotId = await foreignSnapshot(journal, lake, { operation: 'delete', filesOf: empty.snapshotId })
  await extracted(journal, lake, { watermark: '3', rows: [someRows(2)] })
  await stops(journal, position, 'records-removed', { snapshotId, expected: 5n, found: 2n })
  await stops(journal, undefined, 'records-removed', { snapshotId })
  // Also when nothing in the history tells of it any more.
  await expireHistory(journal)
  await stops(journal, undefined, 'records-removed', { expected: 5n, found: 2n })
})

test('an early end and an abort release the files that are read', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(100)] })
  const controller = new AbortController()
  const read = await (await journal.refresh()).readFrom(undefined, { signal: controller.signal, batchRows: 10 })
  const [unit] = await collect(read.units({ maxRows: 1000 }))
  let seen = 0
  for await (const batch of unit!.batches) {
    seen += batch.numRows
    break
  }
  expect(seen).toBeGreaterThan(0)
  controller.abort()
  await expect(rowsIn(unit!)).rejects.toThrow(/abort/i)
})

test('bookkeeping columns are read on request', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(1)] })
  const fresh = await journal.refresh()
  const names = async (bookkeeping?: readonly string[]): Promise<readonly string[]> => {
    const read = await fresh.readFrom(undefined, bookkeeping === undefined ? {} : { bookkeeping })
    const [unit] = await collect(read.units({ maxRows: 10 }))
    const [batch] = await collect(unit!.batches)
    return batch!.schema.fields.map(({ name }) => name)
  }
  expect((await names()).toSorted()).toEqual(['_sync_op', '_sync_seq', 'id', 'name'])
  expect(await names(['_sync_batch', '_sync_at'])).toEqual(expect.arrayContaining(['_sync_batch', '_sync_at']))
})

test('only the files that may hold a unit are opened', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  for (const watermark of ['1', '2', '3', '4']) await extracted(journal, lake, { watermark, rows: [someRows(10)] })
  await commitUpdates(journal, [{ action: 'set-properties', updates: { note: 'x' } }])
  const units = await collect((await readOn(journal, undefined)).units({ maxRows: 10 }))
  for (const unit of units) {
    lake.io.calls.length = 0
    await rowsIn(unit)
    const opened = new Set(lake.io.calls.filter((call) => call.startsWith('read ') && call.endsWith('.parquet')))
    expect(opened.size).toBe(1)
  }
})
