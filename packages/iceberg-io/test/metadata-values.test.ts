import { batchOfRows, type PlainValue } from '@icebridge/columnar/testing'
import {
  append,
  eq,
  type FileScanTask,
  lastUpdatedSequenceNumberColumn,
  rowIdColumn,
  type TableHandle,
} from '@icebridge/iceberg-core'
import {
  columnFieldsOf,
  deletionVectorType,
  IcebergReader,
  PositionSet,
  PuffinWriter,
  serializeDeletionVector,
  writeParquet,
} from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { appended, committed, dataFiles, environment, newTable, range, rowsOf, tasksWith } from './lake.ts'
import { fieldsOf } from './written.ts'

async function tasksOf(table: TableHandle): Promise<readonly FileScanTask[]> {
  return tasksWith(table, () => [])
}

describe('metadata columns', () => {
  it('say where a row is, over row groups, filters and batches', async () => {
    const made = await newTable(fieldsOf({ id: 'int', city: 'string' }), { partition: { city: { kind: 'identity' } } })
    const rows = range(100).map((id): PlainValue[] => [id, ['Basel', null][id % 2]!])
    const table = await appended(made, rows, { rowGroupRows: 20 })
    const reader = new IcebergReader(table, { batchRows: 9 })
    const columns = ['_pos', 'id', '_file', '_spec_id', '_partition']
    const found = await rowsOf(reader.scan({ columns, filter: eq('id', 61) }))
    const [file] = (await tasksOf(table)).filter((task) => task.file.partition[0] === null)
    expect(found).toEqual([[30n, 61, file!.file.filePath, 0, [null]]])
    const all = await rowsOf(reader.scan({ columns: ['id', '_pos', '_partition', '_row_id'] }))
    expect(all.toSorted((a, b) => Number(a[0]) - Number(b[0]))).toEqual(
      rows.map(([id, city]) => [id, BigInt(Math.floor(Number(id) / 2)), [city], null]),
    )
    expect(await rowsOf(reader.scan({ columns: ['_pos'], limit: 3 }))).toEqual([[0n], [1n], [2n]])
  })

  it('give way to columns of the table, and are unknown by any other name', async () => {
    const made = await newTable(fieldsOf({ _pos: 'string' }))
    const table = await appended(made, [['mine']])
    expect(await rowsOf(new IcebergReader(table).scan({ columns: ['_pos'] }))).toEqual([['mine']])
    await expect(rowsOf(new IcebergReader(table).scan({ columns: ['_position'] }))).rejects.toMatchObject({
      code: 'no-such-column',
    })
  })

  it('inherit row ids and sequence numbers in version 3, unless the file has its own', async () => {
    const made = await newTable(fieldsOf({ id: 'int' }), { formatVersion: 3 })
    let table = await appended(made, [[0], [1]])
    table = await appended(table, [[2], [3], [4]])
    const schema = {
      schemaId: 0,
      identifierFieldIds: [],
      fields: [...fieldsOf({ id: 'int' }), rowIdColumn, lastUpdatedSequenceNumberColumn],
    }
    const batch = batchOfRows(columnFieldsOf(schema), [
      [5, 77n, 1n],
      [6, null, null],
      [7, 78n, null],
    ])
    const { sizeBytes } = await writeParquet(made.io, '/moved.parquet', [batch], { schema })
    const [file] = await dataFiles(table, [[0]])
    const moved = { ...file!, filePath: '/moved.parquet', recordCount: 3n, fileSizeBytes: BigInt(sizeBytes) }
    table = committed(await append(table, { files: [moved] }, { environment }))
    const columns = ['id', '_row_id', '_last_updated_sequence_number']
    const rows = await rowsOf(new IcebergReader(table).scan({ columns }))
    expect(rows.toSorted((a, b) => Number(a[0]) - Number(b[0]))).toEqual([
      [0, 0n, 1n],
      [1, 1n, 1n],
      [2, 2n, 2n],
      [3, 3n, 2n],
      [4, 4n, 2n],
      [5, 77n, 1n],
      [6, 6n, 3n],
      [7, 78n, 3n],
    ])
  })

  it('show deleted rows when they are asked for', async () => {
    const made = await newTable(fieldsOf({ id: 'int' }))
    const table = await appended(
      made,
      range(5).map((id) => [id]),
    )
    const [task] = await tasksOf(table)
    const writer = await PuffinWriter.create(made.io, '/v.puffin')
    const { offset, length } = await writer.add({
      type: deletionVectorType,
      fields: [],
      snapshotId: -1n,
      sequenceNumber: -1n,
      properties: {},
      bytes: serializeDeletionVector(PositionSet.of([1, 4])),
    })
    await writer.close()
    const vector = {
      ...task!.file,
      content: 'position-deletes' as const,
      filePath: '/v.puffin',
      fileFormat: 'puffin' as const,
      recordCount: 2n,
      referencedDataFile: task!.file.filePath,
      contentOffset: offset,
      contentSizeBytes: length,
    }
    const reader = new IcebergReader(table)
    const rows = reader.scanTasks([{ ...task!, deletes: [vector] }], { columns: ['_deleted', 'id'] })
    expect(await rowsOf(rows)).toEqual([
      [false, 0],
      [true, 1],
      [false, 2],
      [false, 3],
      [true, 4],
    ])
  })
})

describe('a scan of a ref', () => {
  it('reads the snapshot of a branch or tag, and refuses a second choice', async () => {
    const made = await newTable(fieldsOf({ id: 'int' }))
    const before = await appended(made, [[1]])
    const tagged = before.loaded.metadata.currentSnapshotId!
    const after = await appended(before, [[2]])
    const { metadata } = after.loaded
    const refs = { ...metadata.refs, yesterday: { snapshotId: tagged, type: 'tag' as const } }
    const table = { ...after, loaded: { ...after.loaded, metadata: { ...metadata, refs } } }
    const reader = new IcebergReader(table)
    expect(await rowsOf(reader.scan({ ref: 'yesterday' }))).toEqual([[1]])
    expect(await rowsOf(reader.scan({ ref: 'main' }))).toHaveLength(2)
    await expect(rowsOf(reader.scan({ ref: 'gone' }))).rejects.toMatchObject({ code: 'no-such-snapshot' })
    for (const second of [{ asOf: 0 }, { snapshotId: tagged }]) {
      await expect(rowsOf(reader.scan({ ref: 'yesterday', ...second }))).rejects.toMatchObject({
        code: 'invalid-argument',
      })
    }
  })
})
