import { type DataFile, planScan, rowDelta } from '@icebridge/iceberg-core'
import { journalProperty } from '@icebridge/journal'
import { expect, test } from 'vitest'
import {
  collect,
  commitUpdates,
  compaction,
  expire,
  expireHistory,
  extracted,
  foreignAppend,
  foreignSnapshot,
  headOf,
  newJournal,
  rollBack,
  someRows,
  strategy,
  testLake,
} from './support.ts'

test('a new journal has an empty head', async () => {
  const journal = await newJournal(testLake())
  expect(await journal.head()).toEqual({
    tableUuid: journal.tableUuid,
    watermark: undefined,
    strategy: undefined,
    sequence: 0n,
    snapshotId: undefined,
    carriedBy: undefined,
    lastCommitAtMs: undefined,
    firstLoad: undefined,
    rolledBackFrom: undefined,
  })
})

test('a commit carries watermark, strategy, sequence and snapshot, in its summary and in one property', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '0x10', rows: [someRows(3)] })
  const { snapshotId } = await extracted(journal, lake, { watermark: '0x20', rows: [someRows(2)] })
  expect(await headOf(journal)).toMatchObject({
    watermark: '0x20',
    strategy,
    sequence: 5n,
    snapshotId,
    carriedBy: snapshotId,
    firstLoad: undefined,
  })
  const { metadata } = (await journal.refresh()).table.loaded
  expect(metadata.snapshots.at(-1)?.summary).toMatchObject({
    'icebridge.watermark': '0x20',
    'icebridge.sequence': '5',
    'icebridge.seq-range': '4-5',
    'icebridge.mode': 'increment',
    'icebridge.strategy': strategy,
    'added-records': '2',
    'total-records': '5',
  })
  expect(JSON.parse(metadata.properties[journalProperty.position] ?? '')).toMatchObject({
    watermark: '0x20',
    sequence: '5',
    snapshotId: String(snapshotId),
  })
})

test('compaction and retention above the last commit leave the head as it was', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const { snapshotId } = await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  await compaction(journal, lake)
  const last = await foreignSnapshot(journal, lake, { operation: 'delete', summary: { 'deleted-records': '3' } })
  expect(await headOf(journal)).toMatchObject({ watermark: '1', sequence: 3n, snapshotId: last, carriedBy: snapshotId })
})

test.each([
  ['an append', 'append', {}],
  ['an overwrite', 'overwrite', {}],
  ['a delete that writes delete files', 'delete', { 'added-delete-files': '1' }],
  ['a replace that loses records', 'replace', { 'added-records': '2', 'deleted-records': '3' }],
  ['a replace that only adds', 'replace', { 'added-records': '1' }],
  ['a replace after which there are fewer records', 'replace', { 'total-records': '2' }],
])('%s by a stranger stops the journal and is named', async (_what, operation, summary) => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const snapshotId = await foreignSnapshot(journal, lake, { operation, summary })
  await expect(headOf(journal)).rejects.toMatchObject({ code: 'foreign-commit', context: { snapshotId } })
})

test('a stranger who was there first stops the journal', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const snapshotId = await foreignAppend(journal.table, lake)
  await expect(headOf(journal)).rejects.toMatchObject({ code: 'foreign-commit', context: { snapshotId } })
})

test('after a rollback the newest commit in the history counts, and the head says so', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const first = await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const second = await extracted(journal, lake, { watermark: '2', rows: [someRows(4)] })
  await rollBack(journal, first.snapshotId)
  expect(await headOf(journal)).toMatchObject({
    watermark: '1',
    sequence: 3n,
    carriedBy: first.snapshotId,
    rolledBackFrom: second.snapshotId,
  })
  const third = await extracted(journal, lake, { watermark: '3', rows: [someRows(1)] })
  expect(third.sequence).toEqual({ from: 4n, to: 4n })
  expect(await headOf(journal)).toMatchObject({ watermark: '3', sequence: 4n, rolledBackFrom: undefined })
})

test('when the commit is expired behind a compaction, the live files prove the head', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const { snapshotId } = await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  await compaction(journal, lake)
  await expireHistory(journal)
  expect(await headOf(journal)).toMatchObject({ watermark: '1', sequence: 3n, carriedBy: snapshotId })
})

test('a rollback whose commit was then expired stops the journal', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const first = await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const second = await extracted(journal, lake, { watermark: '2', rows: [someRows(4)] })
  await rollBack(journal, first.snapshotId)
  await expire(journal, [second.snapshotId])
  await expect(headOf(journal)).rejects.toMatchObject({
    code: 'position-lost',
    context: { snapshotId: second.snapshotId, sequence: 7n },
  })
  // What the hint says: without the property the newest commit in the history counts.
  await commitUpdates(journal, [{ action: 'remove-properties', removals: [journalProperty.position] }])
  expect(await headOf(journal)).toMatchObject({ watermark: '1', sequence: 3n })
})

test('files that are gone although their commit is expired stop the journal', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const empty = await extracted(journal, lake, { watermark: '1' })
  await extracted(journal, lake, { watermark: '2', rows: [someRows(2)] })
  await foreignSnapshot(journal, lake, { operation: 'delete', filesOf: empty.snapshotId })
  await expireHistory(journal)
  await expect(headOf(journal)).rejects.toMatchObject({ code: 'position-lost' })
})

test('rows that somebody deleted from files stop the journal, although the commits of it are expired', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const { table } = await journal.refresh()
  const tasks = await collect(planScan(table))
  const [file] = tasks.map((task) => task.file)
  if (file === undefined) throw new Error('the journal has no file')
  const deletes: DataFile = {
    ...file,
    content: 'equality-deletes',
    filePath: `${file.filePath}-deletes`,
    equalityIds: [1],
  }
  const outcome = await rowDelta(table, { addDeletes: [deletes] }, { environment: lake.environment })
  expect(outcome.status).toBe('committed')
  await compaction(journal, lake)
  await expireHistory(journal)
  await expect(headOf(journal)).rejects.toMatchObject({
    code: 'unsupported-deletes',
    context: { file: file.filePath, deleteFile: deletes.filePath },
  })
})

test('a damaged position property is an error that says how to mend it', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(1)] })
  await commitUpdates(journal, [
    { action: 'set-properties', updates: { [journalProperty.position]: '{"sequence":1}' } },
  ])
  await expect(headOf(journal)).rejects.toMatchObject({
    code: 'not-a-journal',
    hint: expect.stringContaining('Remove the property'),
  })
})

test('without the property, a history that is cut off above the last commit stops the journal', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  await compaction(journal, lake)
  await expireHistory(journal)
  await commitUpdates(journal, [{ action: 'remove-properties', removals: [journalProperty.position] }])
  await expect(headOf(journal)).rejects.toMatchObject({
    code: 'position-lost',
    hint: expect.stringContaining('Restore the table property'),
  })
})

test('a rollback to before the first commit leaves an empty head that says so', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const { snapshotId } = await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  await commitUpdates(journal, [{ action: 'remove-snapshot-ref', refName: 'main' }])
  expect(await headOf(journal)).toMatchObject({
    watermark: undefined,
    sequence: 0n,
    snapshotId: undefined,
    rolledBackFrom: snapshotId,
  })
  await expire(journal, [snapshotId])
  await expect(headOf(journal)).rejects.toMatchObject({ code: 'position-lost' })
})

test('a rollback to a maintenance snapshot whose commits are expired stops the journal', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const first = await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const replaced = await compaction(journal, lake)
  await extracted(journal, lake, { watermark: '2', rows: [someRows(1)] })
  await rollBack(journal, replaced)
  await expire(journal, [first.snapshotId])
  await expect(headOf(journal)).rejects.toMatchObject({ code: 'position-lost' })
})

test('a property that is behind the history and names no snapshot of it stops the journal', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const stale = JSON.stringify({ watermark: '0', snapshotId: '999', sequence: '1', committedAtMs: 0 })
  await commitUpdates(journal, [{ action: 'set-properties', updates: { [journalProperty.position]: stale } }])
  await expect(headOf(journal)).rejects.toMatchObject({ code: 'position-lost', context: { snapshotId: 999n } })
})
