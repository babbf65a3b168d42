import { readFileSync } from 'node:fs'
import { seededRandom } from '@icebridge/columnar/testing'
import { type DataFile, type FileIO, type NestedField } from '@icebridge/iceberg-core'
import { IcebergIoError, IcebergReader, readAvro } from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { DiskReads, goldens, readRows } from './golden-parquet.ts'
import { newTable } from './lake.ts'

const files = goldens('avro')
const [first] = files
if (first === undefined) throw new Error('there are no Avro files')

describe('Avro data files', () => {
  it.each(files)('give every value of $name, in batches of any size and column by column', async (file) => {
    expect(await readRows(file)).toEqual(file.rows)
    expect(await readRows(file, { batchRows: 7 })).toEqual(file.rows)
    for (const [at, field] of file.fields.entries()) {
      expect(await readRows(file, { fields: [field] })).toEqual(file.rows.map((row) => [row[at]]))
    }
  })

  it('are found by name only with a name mapping', async () => {
    const file = files.find(({ name }) => name === 'without-ids')!
    await expect(readRows(file, { properties: {} })).rejects.toThrow(/without-ids.*no field ids.*name mapping/)
  })

  it('follow an evolved schema: partition values, defaults, nulls, widened and dropped fields', async () => {
    const field = (
      id: number,
      name: string,
      type: NestedField['type'],
      rest: Partial<NestedField> = {},
    ): NestedField => ({
      id,
      name,
      required: false,
      type,
      ...rest,
    })
    const fields = [
      field(2, 'wide', 'long'),
      field(900, 'p', 'int'),
      field(901, 'd', 'string', { initialDefault: 'new' }),
      field(902, 'n', 'date'),
      field(8, 'day', 'timestamp'),
      field(100, 's', { kind: 'struct', fields: [field(903, 'only', 'int', { initialDefault: 4 })] }),
    ]
    const int = first.fields.findIndex(({ id }) => id === 2)
    const date = first.fields.findIndex(({ id }) => id === 8)
    const struct = first.fields.findIndex(({ id }) => id === 100)
    expect(await readRows(first, { fields, constants: new Map([[900, 5]]) })).toEqual(
      first.rows.map((row) => [
        row[int],
        '5',
        'new',
        null,
        row[date] === null ? null : String(BigInt(String(row[date])) * 86_400_000_000n),
        row[struct] === null ? null : ['4'],
      ]),
    )
    const required = [field(904, 'must', 'int', { required: true })]
    await expect(readRows(first, { fields: required })).rejects.toThrow(/must.*required/)
    await expect(readRows(first, { fields: [field(2, 'int', 'string')] })).rejects.toThrow(/Avro's int/)
  })

  it('are read as the files of a table, filtered, and counted without any column', async () => {
    const table = await newTable([{ id: 1, name: 'flag', required: false, type: 'boolean' }])
    const { io } = new DiskReads()
    table.io.read = (path, options) => io.read(path, options)
    table.io.stat = (path) => io.stat(path)
    const file: Partial<DataFile> = {
      content: 'data',
      filePath: first.path,
      fileFormat: 'avro',
      specId: 0,
      partition: [],
      recordCount: 60n,
    }
    const task = {
      file: file as DataFile,
      sequenceNumber: 1n,
      fileSequenceNumber: 1n,
      deletes: [],
      residual: { op: 'true' } as const,
    }
    const reader = new IcebergReader(table)
    const count = async (
      options: Parameters<IcebergReader['scanTasks']>[1],
      residual: typeof task.residual | { op: 'eq'; column: string; value: boolean },
    ): Promise<number> => {
      let rows = 0
      for await (const batch of reader.scanTasks([{ ...task, residual }], options)) rows += batch.numRows
      return rows
    }
    const flags = first.rows.map(([flag]) => flag)
    expect(await count({}, { op: 'true' })).toBe(60)
    expect(await count({ columns: [] }, { op: 'true' })).toBe(60)
    expect(await count({}, { op: 'eq', column: 'flag', value: true })).toBe(
      flags.filter((flag) => flag === 'true').length,
    )
    await expect(async () => {
      for await (const _ of reader.scanTasks([{ ...task, file: { ...task.file, fileFormat: 'orc' } }])) break
    }).rejects.toThrow(/every-type.*in orc.*only Parquet and Avro/)
  })

  it('are refused by their name when they are damaged', { timeout: 60_000 }, async () => {
    const sound = readFileSync(first.path)
    let refused = 0
    for (let round = 0; round < 400; round++) {
      const random = seededRandom(round)
      const bytes = Buffer.from(sound)
      for (let times = 0; times < 3; times++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
      const cut = round % 5 === 0 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes
      const io = {
        read: async (_path, options) => cut.subarray(options?.range?.start, options?.range?.end),
        stat: async () => ({ sizeBytes: cut.length }),
      } as Partial<FileIO> as FileIO
      try {
        let rows = 0
        for await (const batch of readAvro(io, first.path, { fields: first.fields })) rows += batch.numRows
        expect(rows).toBeLessThan(100_000)
      } catch (error) {
        if (!(error instanceof IcebergIoError) || !error.message.includes(first.path)) throw error
        refused++
      }
    }
    expect(refused).toBeGreaterThan(100)
  })
})
