import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { batchOfRows, type PlainValue } from '@icebridge/columnar/testing'
import {
  type DataFile,
  deleteFilePathColumn,
  deletePositionColumn,
  deleteRowColumnId,
  gteq,
  type NestedField,
  type TableHandle,
} from '@icebridge/iceberg-core'
import type { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
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
import { appended, countReads, newTable, range, rowsOf, tasksWith } from './lake.ts'
import { duckdb, fieldsOf } from './written.ts'

const deleteFields: readonly NestedField[] = [deleteFilePathColumn, deletePositionColumn]

/** A position delete file with the rows as they are given. */
async function deleteFile(
  io: InMemoryFileIO,
  path: string,
  deletes: readonly (readonly [path: string | null, position: bigint, row?: PlainValue])[],
  entry: Partial<DataFile> = {},
  fields: readonly NestedField[] = deleteFields,
): Promise<DataFile> {
  const schema = { schemaId: 0, fields, identifierFieldIds: [] }
  const batch = batchOfRows(
    columnFieldsOf(schema),
    deletes.map(([file, position, row = null]) => [file, position, row]),
  )
  const { sizeBytes } = await writeParquet(io, path, [batch], { schema, rowGroupRows: 50 })
  return {
    content: 'position-deletes',
    filePath: path,
    fileFormat: 'parquet',
    specId: 0,
    partition: [],
    recordCount: BigInt(deletes.length),
    fileSizeBytes: BigInt(sizeBytes),
    ...entry,
  }
}

/** One Puffin file with a vector for each data file. */
async function vectors(
  io: InMemoryFileIO,
  path: string,
  positions: ReadonlyMap<string, readonly number[]>,
): Promise<ReadonlyMap<string, DataFile>> {
  const writer = await PuffinWriter.create(io, path)
  const entries = new Map<string, DataFile>()
  for (const [dataFile, rows] of positions) {
    const blob = await writer.add({
      type: deletionVectorType,
      fields: [deletePositionColumn.id],
      snapshotId: -1n,
      sequenceNumber: -1n,
      properties: { 'referenced-data-file': dataFile, cardinality: String(rows.length) },
      bytes: serializeDeletionVector(PositionSet.of(rows)),
    })
    entries.set(dataFile, {
      content: 'position-deletes',
      filePath: path,
      fileFormat: 'puffin',
      specId: 0,
      partition: [],
      recordCount: BigInt(rows.length),
      fileSizeBytes: 0n,
      referencedDataFile: dataFile,
      contentOffset: blob.offset,
      contentSizeBytes: blob.length,
    })
  }
  await writer.close()
  return entries
}

/** A table with two files of 200 rows in row groups of 30, numbered through. */
async function twoFiles(): Promise<{ table: TableHandle; io: InMemoryFileIO; files: readonly string[] }> {
  const made = await newTable(fieldsOf({ id: 'int', name: 'string' }))
  let table: TableHandle = made
  for (const file of [0, 1]) {
    const rows = range(200).map((row): PlainValue[] => [file * 200 + row, `row ${row}`])
    table = await appended(table, rows, { rowGroupRows: 30 })
  }
  const tasks = await tasksWith(table, () => [])
  const files = tasks.map(({ file }) => file.filePath).toReversed()
  return { table, io: made.io, files }
}

const ids = (rows: readonly (readonly PlainValue[])[]): number[] =>
  rows.map((row) => Number(row[0])).toSorted((a, b) => a - b)

describe('position deletes', { timeout: 60_000 }, () => {
  it('are read beside the deleted rows, which some writers put there', async () => {
    const fields = fieldsOf({ id: 'int', name: 'string' })
    const made = await newTable(fields)
    const table = await appended(
      made,
      range(5).map((id) => [id, `row ${id}`]),
    )
    const row: NestedField = {
      id: deleteRowColumnId,
      name: 'row',
      required: false,
      type: { kind: 'struct', fields },
    }
    const path = (await tasksWith(table, () => []))[0]!.file.filePath
    const deletes = await deleteFile(
      made.io,
      '/rows.parquet',
      [
        [path, 1n, [1, 'row 1']],
        [path, 3n, [3, 'row 3']],
      ],
      {},
      [...deleteFields, row],
    )
    const tasks = await tasksWith(table, () => [deletes])
    expect((await rowsOf(new IcebergReader(table).scanTasks(tasks))).map(([id]) => id)).toEqual([0, 2, 4])
  })

  it('are applied to their own file only, whatever the order and the row groups, unions of several files', async () => {
    const { table, io, files } = await twoFiles()
    const [first, second] = files as [string, string]
    const unsorted = await deleteFile(io, '/d1.parquet', [
      [second, 3n],
      [first, 199n],
      [first, 0n],
      [second, 150n],
      ['/elsewhere.parquet', 7n],
      [first, 5000n],
    ])
    const stretch = range(60).map((at): [string, bigint] => [first, BigInt(25 + at)])
    // What a file has for others than the one it says it is for does not count.
    const strays: [string, bigint][] = [[second, 177n]]
    const own = await deleteFile(io, '/d2.parquet', [...stretch, ...strays], { referencedDataFile: first })
    const tasks = await tasksWith(table, (file) => (file.filePath === first ? [unsorted, own] : [unsorted]))
    const reader = new IcebergReader(table, { batchRows: 7 })
    const gone = new Set([0, 199, ...range(60).map((at) => 25 + at), 203, 350])
    expect(ids(await rowsOf(reader.scanTasks(tasks)))).toEqual(range(400).filter((id) => !gone.has(id)))
    // Row groups that the filter passes over count all the same.
    const residual = gteq('id', 170)
    const filtered = tasks.map((task) => ({ ...task, residual }))
    expect(ids(await rowsOf(reader.scanTasks(filtered, { columns: ['id'] })))).toEqual(
      range(400).filter((id) => id >= 170 && !gone.has(id)),
    )
  })

  it('of a file that serves several data files are read once, and spilled above a limit', async () => {
    const { table, io, files } = await twoFiles()
    const shared = await deleteFile(
      io,
      '/d.parquet',
      range(100).flatMap((at) => files.map((file): [string, bigint] => [file, BigInt(at * 2)])),
    )
    const tasks = await tasksWith(table, () => [shared])
    const expected = range(400).filter((id) => id % 2 === 1)
    const temporaryFolder = await mkdtemp(join(tmpdir(), 'icebridge-test-'))
    try {
      for (const spillAboveBytes of [undefined, 1]) {
        const reads = countReads(io)
        const reader = new IcebergReader(table, { spillAboveBytes, temporaryFolder })
        expect(ids(await rowsOf(reader.scanTasks(tasks)))).toEqual(expected)
        const once = reads.get('/d.parquet') ?? 0
        await rowsOf(new IcebergReader(table).scanTasks([tasks[0]!]))
        // Two tasks read the delete file as often as one does.
        expect(reads.get('/d.parquet')).toBe(once * 2)
      }
      const stopped = new IcebergReader(table, { spillAboveBytes: 1, temporaryFolder, batchRows: 10 })
      for await (const batch of stopped.scanTasks(tasks)) {
        expect(batch.numRows).toBe(5)
        break
      }
      expect(await readdir(temporaryFolder)).toEqual([])
    } finally {
      await rm(temporaryFolder, { recursive: true })
    }
  })

  it('without field ids are found by the names of their columns', async () => {
    const { table, io, files } = await twoFiles()
    const folder = await mkdtemp(join(tmpdir(), 'icebridge-test-'))
    try {
      const path = join(folder, 'd.parquet')
      await (await duckdb()).run(`COPY (SELECT 5::BIGINT AS pos, '${files[0]}' AS file_path) TO '${path}'`)
      io.files.set('/duckdb.parquet', await readFile(path))
    } finally {
      await rm(folder, { recursive: true })
    }
    const entry = await deleteFile(io, '/model.parquet', [])
    const fileSizeBytes = BigInt(io.files.get('/duckdb.parquet')!.length)
    const tasks = await tasksWith(table, () => [{ ...entry, filePath: '/duckdb.parquet', fileSizeBytes }])
    expect(ids(await rowsOf(new IcebergReader(table).scanTasks(tasks)))).toEqual(range(400).filter((id) => id !== 5))
  })

  it('that are damaged are refused by name', async () => {
    const { table, io, files } = await twoFiles()
    const [first] = files as [string]
    const renamed = deleteFields.map((field, index) => ({ ...field, id: index + 1 }))
    const wrongIds = await deleteFile(io, '/ids.parquet', [[first, 1n]], {}, renamed)
    const negative = await deleteFile(io, '/negative.parquet', [[first, -1n]])
    const optional = deleteFields.map((field) => ({ ...field, required: false }))
    const missing = await deleteFile(io, '/null.parquet', [[null, 1n]], {}, optional)
    for (const bad of [wrongIds, negative, missing, { ...negative, fileFormat: 'orc' as const }]) {
      const tasks = await tasksWith(table, () => [bad])
      await expect(rowsOf(new IcebergReader(table).scanTasks(tasks))).rejects.toMatchObject({
        code: bad.fileFormat === 'orc' ? 'unsupported-file' : 'malformed-file',
        message: expect.stringContaining(bad.filePath),
      })
    }
  })
})

describe('deletion vectors', { timeout: 60_000 }, () => {
  it('are applied, several from one Puffin file, wherever the files are now', async () => {
    const { table, io, files } = await twoFiles()
    const [first, second] = files as [string, string]
    const entries = await vectors(
      io,
      '/v.puffin',
      new Map([
        [first, [0, 31, 199]],
        [second, range(200)],
      ]),
    )
    const tasks = await tasksWith(table, (file) => [entries.get(file.filePath)!])
    const expected = range(200).filter((id) => ![0, 31, 199].includes(id))
    expect(ids(await rowsOf(new IcebergReader(table).scanTasks(tasks)))).toEqual(expected)
    for (const path of [...files, '/v.puffin']) {
      io.files.set(`/moved${path}`, io.files.get(path)!)
      io.files.delete(path)
    }
    const moved = new IcebergReader(table).scanTasks(tasks, { mapPath: (path) => `/moved${path}` })
    expect(ids(await rowsOf(moved))).toEqual(expected)
  })

  it('that are not what the manifest says are refused by name', async () => {
    const { table, io, files } = await twoFiles()
    const [first] = files as [string]
    const [good] = (await vectors(io, '/v.puffin', new Map([[first, [1, 2]]]))).values()
    for (const wrong of [
      { recordCount: 3n },
      { contentOffset: 5n },
      { contentSizeBytes: 2n ** 62n },
      { contentSizeBytes: 10_000n },
      { contentOffset: undefined },
      { referencedDataFile: '/other.parquet' },
    ]) {
      const tasks = await tasksWith(table, (file) =>
        file.filePath === first ? [{ ...good!, ...wrong } as DataFile] : [],
      )
      await expect(rowsOf(new IcebergReader(table).scanTasks(tasks))).rejects.toMatchObject({
        code: 'malformed-file',
        context: { file: '/v.puffin' },
      })
    }
  })
})
