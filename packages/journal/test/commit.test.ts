import { BatchBuilder, columnView } from '@icebridge/columnar'
import { isJournalError, type JournalBatch } from '@icebridge/journal'
import { refreshTable } from '@icebridge/iceberg-core'
import { expect, test } from 'vitest'
import {
  collect,
  column,
  compaction,
  dataFiles,
  definition,
  extract,
  extracted,
  foreignAppend,
  foreignSnapshot,
  headOf,
  newJournal,
  readOn,
  rowsIn,
  rowsOf,
  rowsOfRead,
  someRows,
  strategy,
  testLake,
  writeBatch,
} from './support.ts'

test('rows are numbered from 1 without gaps, in the order of the writes and over all commits', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const first = await extracted(journal, lake, { watermark: '1', rows: [someRows(2, 1), someRows(1, 3)] })
  const second = await extracted(journal, lake, { watermark: '2', rows: [someRows(2, 4)] })
  expect([first.sequence, second.sequence]).toEqual([
    { from: 1n, to: 3n },
    { from: 4n, to: 5n },
  ])
  const rows = await rowsOfRead(await readOn(journal, undefined))
  expect(rows.map(({ seq, id }) => [seq, id])).toEqual([1, 2, 3, 4, 5].map((n) => [BigInt(n), n]))
  expect(rows.every(({ op }) => op === 'upsert')).toBe(true)
})

test('numbers go on exactly beyond 2^53', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1' })
  const sequence = 2n ** 53n + 1n
  const snapshotId = await foreignSnapshot(journal, lake, {
    operation: 'append',
    summary: {
      'icebridge.batch-id': lake.environment.uuid(),
      'icebridge.watermark': '2',
      'icebridge.strategy': strategy,
      'icebridge.sequence': String(sequence),
    },
  })
  const commit = await extracted(journal, lake, { watermark: '3', rows: [someRows(3)] })
  expect(commit.sequence).toEqual({ from: sequence + 1n, to: sequence + 3n })
  expect((await headOf(journal)).sequence).toBe(sequence + 3n)
  const read = await readOn(journal, { tableUuid: journal.tableUuid, snapshotId, sequence })
  expect((await rowsOfRead(read, 2)).map(({ seq }) => seq)).toEqual([sequence + 1n, sequence + 2n, sequence + 3n])
})

test('two extractors race on one base: one commits, the other meets a conflict and leaves nothing behind', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(2)] })
  const fresh = await journal.refresh()
  const a = await writeBatch(fresh, lake, { watermark: '2', rows: [someRows(3)] })
  const b = await writeBatch(fresh, lake, { watermark: '3', rows: [someRows(4)] })
  const won = await b.commit({ watermark: '3', strategy })
  const lost = await a.commit({ watermark: '2', strategy })
  expect(won).toMatchObject({ status: 'committed', sequence: { from: 3n, to: 6n } })
  expect(lost).toMatchObject({ status: 'conflict' })
  expect(dataFiles(lake).length).toBe(2)
  expect(await headOf(journal)).toMatchObject({ watermark: '3', sequence: 6n })
})

test('an extractor that is overtaken during its commit meets a conflict, whatever the catalog would retry', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(2)] })
  const batch = await writeBatch(await journal.refresh(), lake, { watermark: '2', rows: [someRows(3)] })
  lake.catalog.beforeCommit = async () => {
    lake.catalog.beforeCommit = undefined
    await extracted(journal, lake, { watermark: '2', rows: [someRows(3)] })
  }
  expect(await batch.commit({ watermark: '2', strategy })).toMatchObject({ status: 'conflict' })
  expect(await headOf(journal)).toMatchObject({ watermark: '2', sequence: 5n })
  expect((await rowsOfRead(await readOn(journal, undefined))).length).toBe(5)
})

test('a heartbeat that overtakes is a conflict too: it moved the watermark', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(2)] })
  const batch = await writeBatch(await journal.refresh(), lake, { watermark: '2', rows: [someRows(3)] })
  await extracted(journal, lake, { watermark: '9', mode: 'heartbeat' })
  expect(await batch.commit({ watermark: '2', strategy })).toMatchObject({ status: 'conflict' })
  expect(await headOf(journal)).toMatchObject({ watermark: '9', sequence: 2n })
})

test('compaction in between is no conflict', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(2)] })
  const batch = await writeBatch(await journal.refresh(), lake, { watermark: '2', rows: [someRows(3)] })
  const replaced = await compaction(journal, lake)
  const commit = await batch.commit({ watermark: '2', strategy })
  expect(commit).toMatchObject({ status: 'committed', sequence: { from: 3n, to: 5n } })
  const { metadata } = (await journal.refresh()).table.loaded
  expect(metadata.snapshots.at(-1)?.parentSnapshotId).toBe(replaced)
})

test.each([
  ['a stranger appended', async (j, l) => await foreignAppend(j.table, l)],
  ['files were removed', async (j, l) => await foreignSnapshot(j, l, { operation: 'delete' })],
] satisfies readonly [
  string,
  (journal: Awaited<ReturnType<typeof newJournal>>, lake: ReturnType<typeof testLake>) => Promise<bigint>,
][])('when in between %s, the batch is refused and its files are deleted', async (_what, meddle) => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(2)] })
  const batch = await writeBatch(await journal.refresh(), lake, { watermark: '2', rows: [someRows(3)] })
  const snapshotId = await meddle(journal, lake)
  const commit = await batch.commit({ watermark: '2', strategy })
  expect(commit).toMatchObject({ status: 'conflict', reason: expect.stringContaining(String(snapshotId)) })
  expect(dataFiles(lake).length).toBe(1)
})

test('a schema that changed in between is a conflict: rows may lack a column that the source has', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(2)] })
  const batch = await writeBatch(await journal.refresh(), lake, { watermark: '2', rows: [someRows(3)] })
  const { definition } = journal
  const more = { ...definition.columns[1]!, ordinal: 3, name: 'note' }
  await (await journal.refresh()).evolve({ ...definition, columns: [...definition.columns, more] })
  expect(await batch.commit({ watermark: '2', strategy })).toMatchObject({
    status: 'conflict',
    reason: expect.stringContaining('schema'),
  })
})

test('an answer lost after the commit landed: the batch is found by its id and not repeated', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  lake.catalog.faults.push('lost-after-commit')
  const commit = await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const { metadata } = (await journal.refresh()).table.loaded
  expect(metadata.snapshots.map(({ snapshotId }) => snapshotId)).toEqual([commit.snapshotId])
  expect((await rowsOfRead(await readOn(journal, undefined))).length).toBe(3)
})

test('an answer lost before the commit landed: the same snapshot with the same files is committed again', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  lake.catalog.faults.push('lost-before-commit', 'lost-before-commit')
  const before = dataFiles(lake).length
  const commit = await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  expect(dataFiles(lake).length).toBe(before + 1)
  const asked = lake.catalog.commits.flatMap(({ updates }) =>
    updates.flatMap((update) => (update.action === 'add-snapshot' ? [update.snapshot.snapshotId] : [])),
  )
  expect(asked).toEqual([commit.snapshotId, commit.snapshotId, commit.snapshotId])
  expect((await rowsOfRead(await readOn(journal, undefined))).length).toBe(3)
})

test('a lost commit that lands late, during the repeat, is not repeated', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(1)] })
  lake.catalog.faults.push('lost-before-commit')
  const batch = await writeBatch(await journal.refresh(), lake, { watermark: '2', rows: [someRows(3)] })
  const seen = lake.catalog.commits.length
  lake.catalog.beforeCommit = async (identifier) => {
    if (lake.catalog.commits.length !== seen + 2) return
    lake.catalog.beforeCommit = undefined
    const late = lake.catalog.commits[seen]!
    await lake.catalog.commitTable(identifier, late)
  }
  expect(await batch.commit({ watermark: '2', strategy })).toMatchObject({ status: 'committed', rows: 3n })
  expect(await headOf(journal)).toMatchObject({ watermark: '2', sequence: 4n })
  expect((await rowsOfRead(await readOn(journal, undefined))).length).toBe(4)
})

test('a lost commit that another extractor overtook is a conflict, and only then are its files deleted', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(1)] })
  const batch = await writeBatch(await journal.refresh(), lake, { watermark: '2', rows: [someRows(3)] })
  lake.catalog.faults.push('lost-before-commit')
  let filesThen = 0
  lake.environment.sleep = async () => {
    filesThen = dataFiles(lake).length
    lake.environment.sleep = async () => {}
    await extracted(journal, lake, { watermark: '5', rows: [someRows(2)] })
  }
  expect(await batch.commit({ watermark: '2', strategy })).toMatchObject({ status: 'conflict' })
  // The one of the first commit, and the one of the batch.
  expect(filesThen).toBe(2)
  expect(await headOf(journal)).toMatchObject({ watermark: '5', sequence: 3n })
  expect(dataFiles(lake).length).toBe(2)
})

test('a catalog that never answers leaves an error that keeps the files and says how to go on', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  lake.catalog.faults.push(...Array.from({ length: 5 }, () => 'lost-before-commit' as const))
  const batch = await writeBatch(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const error = await batch.commit({ watermark: '1', strategy }).catch((cause: unknown) => cause)
  expect(isJournalError(error, 'outcome-unknown')).toBe(true)
  expect(error).toMatchObject({ retryable: true, context: { files: 1 }, hint: expect.stringContaining('Run again') })
  expect(dataFiles(lake).length).toBe(1)
  // The next run goes on from the head, and the lost request can no longer land.
  await extracted(journal, lake, { watermark: '1', rows: [someRows(3)] })
  const [lost] = lake.catalog.commits
  expect(await lake.catalog.commitTable(journal.table.identifier, lost!)).toMatchObject({ status: 'conflict' })
  expect((await rowsOfRead(await readOn(journal, undefined))).length).toBe(3)
})

test('a catalog that cannot be reached before the commit is sent leaves nothing behind', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  lake.catalog.faults.push('throw')
  await expect(extract(journal, lake, { watermark: '1', rows: [someRows(3)] })).rejects.toMatchObject({ code: 'io' })
  expect(dataFiles(lake)).toEqual([])
  expect(await headOf(journal)).toMatchObject({ sequence: 0n, snapshotId: undefined })
})

test('a crash between the files and the commit leaves only orphans', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(2)] })
  let crashed: JournalBatch | undefined = await writeBatch(await journal.refresh(), lake, {
    watermark: '2',
    rows: [someRows(3)],
  })
  // Nothing of the process is left: neither commit nor abort is called.
  expect(crashed.rows).toBe(3n)
  crashed = undefined
  await extracted(journal, lake, { watermark: '2', rows: [someRows(3)] })
  const rows = await rowsOfRead(await readOn(journal, undefined))
  expect(rows.map(({ seq }) => seq)).toEqual([1n, 2n, 3n, 4n, 5n])
})

test('a batch without rows is an empty append that moves the watermark', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(2)] })
  const heartbeat = await extracted(journal, lake, { watermark: '2', mode: 'heartbeat' })
  const increment = await extracted(journal, lake, { watermark: '3' })
  expect([heartbeat, increment]).toMatchObject([
    { sequence: undefined, rows: 0n },
    { sequence: undefined, rows: 0n },
  ])
  expect(await headOf(journal)).toMatchObject({ watermark: '3', sequence: 2n, snapshotId: increment.snapshotId })
})

test('an aborted batch leaves nothing, and a batch that has ended takes nothing more', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const batch = await writeBatch(journal, lake, { watermark: '1', rows: [someRows(3)] })
  await batch.abort()
  expect(dataFiles(lake)).toEqual([])
  await expect(batch.write(someRows(1), { op: 'insert' })).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(batch.commit({ watermark: '1', strategy })).rejects.toMatchObject({ code: 'invalid-argument' })
})

test('the operation comes from a column when the batch has one', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const batch = await writeBatch(journal, lake, { watermark: '1' })
  await batch.write(someRows(1), { op: 'delete' })
  await expect(batch.write(someRows(1), { op: 'column' })).rejects.toMatchObject({ code: 'invalid-argument' })
  await batch.commit({ watermark: '1', strategy })
  expect(await rowsOfRead(await readOn(journal, undefined))).toEqual([{ seq: 1n, op: 'delete', id: 1, name: 'row 1' }])
})

test('nulls and values come back as they were written', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, {
    watermark: '1',
    rows: [
      rowsOf([
        [-2147483648, null],
        [1, ''],
        [2, '😀 é'],
      ]),
    ],
  })
  const [unit] = await collect((await readOn(journal, undefined)).units({ maxRows: 10 }))
  expect((await rowsIn(unit!)).map(({ id, name }) => [id, name])).toEqual([
    [-2147483648, null],
    [1, ''],
    [2, '😀 é'],
  ])
})

test('a batch cannot be committed on a table that was dropped and made anew', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const batch = await writeBatch(journal, lake, { watermark: '1', rows: [someRows(1)] })
  await lake.catalog.dropTable(journal.table.identifier)
  await newJournal(lake)
  expect((await refreshTable(journal.table)).loaded.metadata.tableUuid).not.toBe(journal.tableUuid)
  expect(await batch.commit({ watermark: '1', strategy })).toMatchObject({ status: 'conflict' })
})

test('an abort of the signal throws and leaves nothing', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const controller = new AbortController()
  await using batch = await journal.beginBatch({
    base: await journal.head(),
    batchId: lake.environment.uuid(),
    mode: 'load',
    signal: controller.signal,
  })
  await batch.write(someRows(3), { op: 'upsert' })
  controller.abort()
  await expect(batch.write(someRows(3), { op: 'upsert' })).rejects.toThrow(/abort/i)
  await batch.abort()
  expect(dataFiles(lake)).toEqual([])
})

test('files are kept while a lost request may still land, even if the batch can no longer be repeated', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await extracted(journal, lake, { watermark: '1', rows: [someRows(1)] })
  const batch = await writeBatch(await journal.refresh(), lake, { watermark: '2', rows: [someRows(3)] })
  const seen = lake.catalog.commits.length
  lake.catalog.faults.push('lost-before-commit')
  lake.environment.sleep = async () => {
    lake.environment.sleep = async () => {}
    const { columns } = journal.definition
    const more = { ...columns[1]!, ordinal: 3, name: 'note' }
    await (await journal.refresh()).evolve({ ...journal.definition, columns: [...columns, more] })
  }
  await expect(batch.commit({ watermark: '2', strategy })).rejects.toMatchObject({ code: 'outcome-unknown' })
  expect(dataFiles(lake).length).toBe(2)
  // And land it does.
  expect(await lake.catalog.commitTable(journal.table.identifier, lake.catalog.commits[seen]!)).toMatchObject({
    status: 'committed',
  })
  expect((await rowsOfRead(await readOn(journal, undefined))).map(({ seq }) => seq)).toEqual([1n, 2n, 3n, 4n])
})

test('a batch one of whose writes failed cannot be committed, and leaves nothing', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const other = await newJournal(lake, definition([column(1, 'id', { name: 'int' })], 'narrow'))
  const batch = await writeBatch(other, lake, { watermark: '1' })
  await expect(batch.write(someRows(2), { op: 'upsert' })).rejects.toThrow(/name/)
  await expect(batch.commit({ watermark: '1', strategy })).rejects.toMatchObject({ code: 'invalid-argument' })
  await batch.abort()
  expect(dataFiles(lake)).toEqual([])
  expect((await headOf(journal)).snapshotId).toBeUndefined()
})

test('with time as micros a time is stored as a long and comes back as a time', async () => {
  const lake = testLake()
  const journal = await newJournal(lake, definition([column(1, 't', { name: 'time', scale: 6 })]), { time: 'micros' })
  const builder = new BatchBuilder([{ name: 't', type: { kind: 'time' }, nullable: true }])
  const [times] = builder.columns
  if (times?.kind !== 'time') throw new TypeError('the column is not as declared')
  times.append(86_399_999_999n)
  times.appendNull()
  await extracted(journal, lake, { watermark: '1', rows: [builder.finish()] })
  const read = await readOn(journal, undefined)
  const [unit] = await collect(read.units({ maxRows: 10 }))
  const [batch] = await collect(unit!.batches)
  const view = columnView(
    batch!,
    batch!.schema.fields.findIndex(({ name }) => name === 't'),
  )
  if (view.kind !== 'time') throw new TypeError(`the column came back as ${view.kind}`)
  expect([view.value(0), view.isNull(1)]).toEqual([86_399_999_999n, true])
  const { schemas } = journal.table.loaded.metadata
  expect(schemas[0]?.fields.find(({ name }) => name === 't')?.type).toBe('long')
})

test('a column that came back in between is a conflict too, although the schema is the same', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await journal.evolve({ ...journal.definition, columns: journal.definition.columns.slice(0, 1) })
  const before = await journal.refresh()
  const batch = await writeBatch(before, lake, { watermark: '1', rows: [someRows(1)] })
  const { journal: after } = await before.evolve(journal.definition)
  expect(after.table.loaded.metadata.currentSchemaId).toBe(before.table.loaded.metadata.currentSchemaId)
  expect(await batch.commit({ watermark: '1', strategy })).toMatchObject({
    status: 'conflict',
    reason: expect.stringContaining('columns'),
  })
})
