import { BatchBuilder } from '@icebridge/columnar'
import { append, refreshTable } from '@icebridge/iceberg-core'
import { IcebergAppender } from '@icebridge/iceberg-io'
import type { Journal } from '@icebridge/journal'
import { expect, test } from 'vitest'
import { collect, newJournal, readOn, rowsIn, rowsOfRead, strategy, testLake, type TestLake } from './support.ts'

/** A commit whose file holds these numbers in this order, as a compaction by another engine may leave them. */
async function commitFile(
  journal: Journal,
  lake: TestLake,
  sequences: readonly bigint[],
  sequence: bigint,
): Promise<bigint> {
  const table = await refreshTable(journal.table)
  const appender = await IcebergAppender.open(table, {
    environment: lake.environment,
    fullMetricsColumns: ['_sync_seq'],
  })
  const builder = new BatchBuilder([
    { name: '_sync_seq', type: { kind: 'int64' }, nullable: false },
    { name: '_sync_op', type: { kind: 'string' }, nullable: false },
    { name: '_sync_at', type: { kind: 'timestamp', utc: true }, nullable: false },
    { name: '_sync_batch', type: { kind: 'string' }, nullable: false },
    { name: 'id', type: { kind: 'int32' }, nullable: true },
  ])
  for (const number of sequences) {
    for (const column of builder.columns) {
      if (column.kind === 'int64') column.append(number)
      else if (column.kind === 'string') column.append('upsert')
      else if (column.kind === 'timestamp') column.append(0n)
      else if (column.kind === 'int32') column.append(Number(number))
    }
  }
  await appender.write(builder.finish())
  const outcome = await append(
    table,
    {
      files: await appender.finish(),
      summary: {
        'icebridge.batch-id': lake.environment.uuid(),
        'icebridge.watermark': '1',
        'icebridge.strategy': strategy,
        'icebridge.sequence': String(sequence),
      },
    },
    { environment: lake.environment },
  )
  if (outcome.status !== 'committed') throw new Error(outcome.status)
  return outcome.snapshot.snapshotId
}

test('units of a file that is not sorted by _sync_seq hold exactly their rows', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  await commitFile(journal, lake, [5n, 1n, 4n, 2n, 6n, 3n], 6n)
  const units = await collect((await readOn(journal, undefined)).units({ maxRows: 2 }))
  const rows = await Promise.all(units.map(async (unit) => (await rowsIn(unit)).map(({ seq }) => seq)))
  expect(rows.map((sequences) => sequences.toSorted((a, b) => Number(a - b)))).toEqual([
    [1n, 2n],
    [3n, 4n],
    [5n, 6n],
  ])
})

test('rows that are missing inside a file stop a target, by the metrics or at the latest by the count', async () => {
  const lake = testLake()
  const journal = await newJournal(lake)
  const snapshotId = await commitFile(journal, lake, [1n, 2n, 5n], 5n)
  await expect(readOn(journal, undefined)).rejects.toMatchObject({ code: 'records-removed', context: { found: 3n } })
  // The metrics of a file that lies across the position do not tell how many of its rows are above.
  const read = await readOn(journal, { tableUuid: journal.tableUuid, snapshotId, sequence: 1n })
  await expect(rowsOfRead(read)).rejects.toMatchObject({
    code: 'records-removed',
    context: { expected: 4n, found: 2n },
  })
})
