import { batchOfRows, batchRows, type PlainValue } from '@icebridge/columnar/testing'
import {
  currentSnapshot,
  eq,
  lt,
  type NestedField,
  planScan,
  rowDelta,
  type TableHandle,
  updatePartitionSpec,
} from '@icebridge/iceberg-core'
import type { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
import {
  columnFieldsOf,
  compact,
  type CompactOptions,
  deleteWhere,
  EqualityDeleteWriter,
  IcebergReader,
  upsert,
} from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { committed, environment, lake, writeAll } from './written-lake.ts'

const fields: readonly NestedField[] = [
  { id: 1, name: 'id', required: true, type: 'long' },
  { id: 2, name: 'day', required: false, type: 'date' },
  { id: 3, name: 'note', required: false, type: 'string' },
]
const byDay = [{ sourceId: 2, transform: { kind: 'identity' }, name: 'day' }] as const

/** Files of ten rows each. */
async function manyFiles(count: number, options: Parameters<typeof lake>[1] = {}): Promise<TableHandle> {
  let { table } = await lake(fields, { identifierFieldIds: [1], ...options })
  for (let file = 0; file < count; file++) {
    const rows = Array.from({ length: 10 }, (_, at): PlainValue[] => [BigInt(file * 10 + at), file % 2, `f${file}`])
    table = await committed(table, await writeAll(table, [rows]))
  }
  return table
}

async function compacted(table: TableHandle, options: Partial<CompactOptions> = {}) {
  const outcome = await compact(table, { environment, ...options })
  if (outcome.status !== 'committed' && outcome.status !== 'unchanged')
    throw new Error(`compaction is ${outcome.status}`)
  return outcome
}

async function rowsOf(table: TableHandle, columns?: readonly string[]): Promise<PlainValue[][]> {
  const rows: PlainValue[][] = []
  for await (const batch of new IcebergReader(table).scan({ columns })) rows.push(...batchRows(batch))
  return rows.toSorted(([a], [b]) => Number(a) - Number(b))
}

async function filesOf(table: TableHandle): Promise<{ path: string; deletes: number; day: PlainValue }[]> {
  const files = []
  for await (const { file, deletes } of planScan(table)) {
    files.push({ path: file.filePath, deletes: deletes.length, day: (file.partition[0] ?? null) as PlainValue })
  }
  return files
}

describe('compact', { timeout: 60_000 }, () => {
  it('puts small files together, partition by partition, and leaves a compacted table alone', async () => {
    const table = await manyFiles(12, { partition: byDay })
    const before = await rowsOf(table)
    const outcome = await compacted(table)
    expect(outcome.counts).toMatchObject({ filesRemoved: 12, filesAdded: 2, rows: 120 })
    expect(new Set((await filesOf(outcome.table)).map(({ day }) => day))).toEqual(new Set([0, 1]))
    expect(await rowsOf(outcome.table)).toStrictEqual(before)
    const snapshot = currentSnapshot(outcome.table.loaded.metadata)
    expect(snapshot?.operation).toBe('replace')
    expect((await compacted(outcome.table)).status).toBe('unchanged')
  })

  it('waits for enough files, and takes only those that the filter may match', async () => {
    const table = await manyFiles(4)
    expect((await compacted(table)).status).toBe('unchanged')
    const some = await compacted(table, { minInputFiles: 2, where: lt('id', 20n) })
    expect(some.counts).toMatchObject({ filesRemoved: 2, filesAdded: 1, rows: 20 })
    expect(await rowsOf(some.table)).toHaveLength(40)
    const rest = await compacted(some.table, { minInputFiles: 3 })
    expect(rest.counts).toMatchObject({ filesRemoved: 3, filesAdded: 1, rows: 40 })
  })

  it('cuts files that are too large', async () => {
    const { table: empty } = await lake(fields)
    const rows = Array.from({ length: 60_000 }, (_, row): PlainValue[] => [
      BigInt(row * 7919),
      row % 3,
      `note ${row * 31}`,
    ])
    const files = await writeAll(empty, [rows], { rowGroupRows: 5000 })
    const table = await committed(empty, files)
    expect(files).toHaveLength(1)
    const outcome = await compacted(table, { targetFileSizeBytes: Number(files[0]!.fileSizeBytes) >> 2 })
    expect(outcome.counts).toMatchObject({ filesRemoved: 1, rows: 60_000 })
    expect(outcome.counts.filesAdded).toBeGreaterThan(2)
    expect(await rowsOf(outcome.table)).toHaveLength(60_000)
  })

  it.each([2, 3] as const)('applies position deletes and removes them, version %i', async (formatVersion) => {
    const table = await manyFiles(3, { formatVersion })
    const deleted = await deleteWhere(table, lt('id', 6n), { environment, mode: 'merge-on-read' })
    if (deleted.status !== 'committed') throw new Error(deleted.status)
    expect((await filesOf(deleted.table)).filter(({ deletes }) => deletes === 1)).toHaveLength(1)
    // 6 of 10 rows: only that file is written anew.
    const outcome = await compacted(deleted.table, { minInputFiles: 99, targetFileSizeBytes: 100 })
    const few = await compacted(deleted.table, { deleteRatio: 0.7, minInputFiles: 99 })
    expect(few.status).toBe('unchanged')
    expect((await filesOf(outcome.table)).every(({ deletes }) => deletes === 0)).toBe(true)
    const summary = currentSnapshot(outcome.table.loaded.metadata)?.summary
    expect(summary?.['total-delete-files']).toBe('0')
    expect((await rowsOf(outcome.table)).map(([id]) => Number(id))).toEqual(
      Array.from({ length: 24 }, (_, at) => at + 6),
    )
  })

  it('applies equality deletes, and lets those apply that come while it runs', async () => {
    const table = await manyFiles(6)
    const equality = async (of: TableHandle, note: string): Promise<TableHandle> => {
      const writer = new EqualityDeleteWriter(of, { environment, columns: ['note'] })
      await writer.write(batchOfRows(columnFieldsOf({ fields: [fields[2]!] }), [[note]]))
      const outcome = await rowDelta(of, { addDeletes: await writer.finish() }, { environment })
      if (outcome.status !== 'committed') throw new Error(outcome.status)
      return outcome.table
    }
    const deleted = await equality(table, 'f1')
    await equality(deleted, 'f3')
    // It was planned on the table before the second delete.
    const outcome = await compacted(deleted)
    expect(outcome.counts).toMatchObject({ filesRemoved: 6, filesAdded: 1, rows: 50 })
    const notes = new Set((await rowsOf(outcome.table)).map(([, , note]) => note))
    expect(notes).toEqual(new Set(['f0', 'f2', 'f4', 'f5']))
  })

  it('keeps the lineage of every row', async () => {
    const table = await manyFiles(6, { formatVersion: 3 })
    const changed = await upsert(table, [batchOfRows(columnFieldsOf({ fields }), [[12n, 1, 'changed']])], {
      environment,
      mode: 'merge-on-read',
    })
    if (changed.status !== 'committed') throw new Error(changed.status)
    const columns = ['id', '_row_id', '_last_updated_sequence_number']
    const before = await rowsOf(changed.table, columns)
    expect(before[12]).toEqual([12n, 12n, 7n])
    const outcome = await compacted(changed.table)
    expect(outcome.counts).toMatchObject({ filesAdded: 1, rows: 60 })
    expect(await rowsOf(outcome.table, columns)).toEqual(before)
    const again = await compacted(outcome.table, { all: true })
    expect(await rowsOf(again.table, columns)).toEqual(before)
  })

  it('moves files of an earlier spec to the current one, and sorts when asked', async () => {
    const table = await manyFiles(2, {
      sort: [{ sourceIds: [1], transform: { kind: 'identity' }, direction: 'desc', nullOrder: 'nulls-last' }],
    })
    const evolved = await updatePartitionSpec(
      table,
      { addFields: [{ column: 'day', transform: { kind: 'identity' } }] },
      { environment },
    )
    if (evolved.status !== 'committed') throw new Error(evolved.status)
    const outcome = await compacted(evolved.table, { sort: true })
    expect(new Set((await filesOf(outcome.table)).map(({ day }) => day))).toEqual(new Set([0, 1]))
    for await (const { file } of planScan(outcome.table, { filter: eq('day', 0) })) expect(file.sortOrderId).toBe(1)
    expect(await rowsOf(outcome.table)).toHaveLength(20)
  })

  it('conflicts when a file is gone, and leaves nothing behind', async () => {
    const table = await manyFiles(6)
    await deleteWhere(table, lt('id', 5n), { environment })
    const { files } = table.io as InMemoryFileIO
    const paths = [...files.keys()]
    expect((await compact(table, { environment })).status).toBe('conflict')
    expect([...files.keys()]).toEqual(paths)
  })
})
