import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { batchOfRows, type PlainValue, randomRows, seededRandom } from '@icebridge/columnar/testing'
import { type DataFile, isNull, lt, type NestedField, type TableHandle } from '@icebridge/iceberg-core'
import type { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
import { columnFieldsOf, IcebergReader, writeParquet } from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { appended, countReads, newTable, range, rowsOf, tasksWith } from './lake.ts'
import { duckdb, fieldsOf, nestedFields, scalarFields } from './written.ts'

async function deleteFile(
  io: InMemoryFileIO,
  path: string,
  fields: readonly NestedField[],
  rows: readonly (readonly PlainValue[])[],
  entry: Partial<DataFile> = {},
): Promise<DataFile> {
  const schema = { schemaId: 0, fields, identifierFieldIds: [] }
  const { sizeBytes } = await writeParquet(io, path, [batchOfRows(columnFieldsOf(schema), rows)], { schema })
  return {
    content: 'equality-deletes',
    filePath: path,
    fileFormat: 'parquet',
    specId: 0,
    partition: [],
    recordCount: BigInt(rows.length),
    fileSizeBytes: BigInt(sizeBytes),
    equalityIds: fields.map(({ id }) => id),
    ...entry,
  }
}

const key = (row: readonly PlainValue[]): string =>
  JSON.stringify(row, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`
    return typeof value === 'number' && (Object.is(value, -0) || !Number.isFinite(value))
      ? `:${1 / value}:${value}`
      : value
  })

describe('equality deletes', { timeout: 60_000 }, () => {
  it('compare values of every type, null and NaN included, over several columns', async () => {
    const random = seededRandom(3)
    const made = await newTable(scalarFields)
    const rows = randomRows(columnFieldsOf({ fields: scalarFields }), 600, random)
    const table = await appended(made, rows, { rowGroupRows: 100 })
    for (let round = 0; round < 12; round++) {
      // One column and up to three, present in the data one time in two.
      const chosen = [...scalarFields.keys()].toSorted(() => random() - 0.5).slice(0, 1 + (round % 3))
      const fields = chosen.map((index) => scalarFields[index]!)
      const deletes = [
        ...range(20).map(() => chosen.map((index) => rows[Math.floor(random() * rows.length)]![index]!)),
        ...range(20).map(() => {
          const row = rows[Math.floor(random() * rows.length)]!
          return chosen.map((index) => row[index]!)
        }),
        ...randomRows(columnFieldsOf({ fields }), 20, random),
      ]
      const file = await deleteFile(made.io, `/d${round}.parquet`, fields, deletes)
      const gone = new Set(deletes.map(key))
      const tasks = await tasksWith(table, () => [file])
      const found = await rowsOf(new IcebergReader(table, { batchRows: 77 }).scanTasks(tasks))
      expect(found).toStrictEqual(rows.filter((row) => !gone.has(key(chosen.map((index) => row[index]!)))))
      expect(found.length).toBeLessThan(600)
    }
  })

  it('read columns that the scan leaves out and drop them again, with filters and limits', async () => {
    const fields = fieldsOf({ a: 'int', b: 'string', c: 'long' })
    const made = await newTable(fields)
    const table = await appended(
      made,
      range(50).map((n) => [n, `b${n % 5}`, BigInt(n % 7)]),
    )
    const byB = await deleteFile(made.io, '/b.parquet', [fields[1]!], [['b3'], [null]])
    const byCandA = await deleteFile(
      made.io,
      '/ca.parquet',
      [fields[2]!, fields[0]!],
      [
        [2n, 9],
        [2n, 10],
        [0n, 21],
      ],
    )
    const tasks = (await tasksWith(table, () => [byB, byCandA])).map((task) => ({ ...task, residual: lt('a', 30) }))
    const left = range(30).filter((n) => n % 5 !== 3 && n !== 9 && n !== 21)
    const reader = new IcebergReader(table)
    expect(await rowsOf(reader.scanTasks(tasks, { columns: ['a'] }))).toEqual(left.map((n) => [n]))
    const columns = ['_deleted', 'c', '_pos']
    expect((await rowsOf(reader.scanTasks(tasks, { columns }))).filter((row) => row[0] === false)).toEqual(
      left.map((n) => [false, BigInt(n % 7), BigInt(n)]),
    )
  })

  it('reach into structs, whose absence is null', async () => {
    const made = await newTable([...fieldsOf({ id: 'int' }), nestedFields[0]!])
    // The table has ids of its own.
    const struct = made.loaded.metadata.schemas[0]!.fields[1]!
    const table = await appended(made, [
      [0, [1, 'x', [1.5]]],
      [1, [1, 'y', null]],
      [2, null],
      [3, [null, 'x', [2.5]]],
    ])
    const inside = (type: NestedField['type']): NestedField[] =>
      typeof type === 'object' && 'fields' in type ? [...type.fields] : []
    const [a, b, inner] = inside(struct.type)
    const optional = (field: NestedField, fields: NestedField[]): NestedField => ({
      ...field,
      type: { kind: 'struct', fields },
    })
    const byA = await deleteFile(made.io, '/a.parquet', [optional(struct, [a!])], [[[null]]], { equalityIds: [a!.id] })
    const byBoth = await deleteFile(
      made.io,
      '/b.parquet',
      [optional(struct, [b!, inner!])],
      [[['x', [1.5]]], [['y', [null]]]],
      { equalityIds: [b!.id, inside(inner!.type)[0]!.id] },
    )
    const idsLeft = async (file: DataFile): Promise<PlainValue[]> => {
      const tasks = await tasksWith(table, () => [file])
      return (await rowsOf(new IcebergReader(table).scanTasks(tasks, { columns: ['id'] }))).flat()
    }
    expect(await idsLeft(byA)).toEqual([0, 1])
    expect(await idsLeft(byBoth)).toEqual([2, 3])
  })

  it('by a dropped column whose name another one has now compare the old one', async () => {
    const made = await newTable(fieldsOf({ id: 'int', code: 'int' }))
    const table = await appended(made, [
      [1, 10],
      [2, 20],
    ])
    const [id, code] = made.loaded.metadata.schemas[0]!.fields
    const byCode = await deleteFile(made.io, '/code.parquet', [code!], [[20]])
    const schema = { schemaId: 1, identifierFieldIds: [], fields: [id!, { ...code!, id: 3, type: 'string' as const }] }
    const { metadata } = table.loaded
    const evolved = { ...metadata, schemas: [...metadata.schemas, schema], currentSchemaId: 1 }
    const later = { ...table, loaded: { ...table.loaded, metadata: evolved } }
    const tasks = (await tasksWith(later, () => [byCode])).map((task) => ({ ...task, residual: isNull('code') }))
    expect(await rowsOf(new IcebergReader(later).scanTasks(tasks))).toEqual([[1, null]])
  })

  it('that several data files share are read once, apply each where planned, and spill above a limit', async () => {
    const fields = fieldsOf({ id: 'long', text: 'string' })
    const made = await newTable(fields)
    let table: TableHandle = made
    const count = 3000
    for (const file of [0, 1]) {
      const rows = range(count).map((n): PlainValue[] => [BigInt(file * count + n), `text ${n}`])
      table = await appended(table, rows, { rowGroupRows: 1000 })
    }
    const evens = range(count).filter((n) => n % 2 === 0)
    const byText = await deleteFile(
      made.io,
      '/text.parquet',
      [fields[1]!],
      evens.map((n) => [`text ${n}`]),
    )
    // The same key in a second file, which is for one data file only.
    const more = await deleteFile(
      made.io,
      '/more.parquet',
      [fields[1]!],
      range(count)
        .map((n) => [`text ${n}`])
        .slice(0, 500),
    )
    const tasks = await tasksWith(table, () => [byText])
    const [first, second] = tasks
    const both = [{ ...first!, deletes: [byText, more] }, second!]
    const expected = (await rowsOf(new IcebergReader(table).scanTasks(tasks.map((task) => ({ ...task, deletes: [] })))))
      .map((row, at) => ({ row, at }))
      .filter(({ row, at }) => {
        const n = Number(String(row[1]).slice(5))
        return n % 2 === 1 && !(at < count && n < 500)
      })
      .map(({ row }) => row)
    const temporaryFolder = await mkdtemp(join(tmpdir(), 'icebridge-test-'))
    try {
      const reads = countReads(made.io)
      let once = 0
      for (const spillAboveBytes of [undefined, 40_000, 1]) {
        reads.clear()
        const reader = new IcebergReader(table, { spillAboveBytes, temporaryFolder, batchRows: 100 })
        const batches: number[] = []
        const rows: PlainValue[][] = []
        for await (const batch of reader.scanTasks(both)) {
          batches.push(batch.numRows)
          rows.push(...(await rowsOf(one(batch))))
        }
        expect(rows).toStrictEqual(expected)
        expect(Math.max(...batches)).toBeLessThanOrEqual(100)
        once ||= reads.get('/text.parquet')!
        expect(reads.get('/text.parquet')).toBe(once)
      }
      expect(await readdir(temporaryFolder)).toEqual([])
    } finally {
      await rm(temporaryFolder, { recursive: true })
    }
  })

  it('without field ids are found by the names of their columns', async () => {
    const made = await newTable(fieldsOf({ id: 'int', name: 'string' }))
    const table = await appended(made, [
      [1, 'a'],
      [2, 'b'],
      [3, null],
    ])
    const folder = await mkdtemp(join(tmpdir(), 'icebridge-test-'))
    const fs = await import('node:fs/promises')
    try {
      const path = join(folder, 'd.parquet')
      await (await duckdb()).run(`COPY (SELECT * FROM (VALUES ('a'), (NULL)) AS t(name)) TO '${path}'`)
      made.io.files.set('/duckdb.parquet', await fs.readFile(path))
    } finally {
      await rm(folder, { recursive: true })
    }
    const fileSizeBytes = BigInt(made.io.files.get('/duckdb.parquet')!.length)
    const model = await deleteFile(made.io, '/model.parquet', [made.loaded.metadata.schemas[0]!.fields[1]!], [])
    const tasks = await tasksWith(table, () => [{ ...model, filePath: '/duckdb.parquet', fileSizeBytes }])
    expect(await rowsOf(new IcebergReader(table).scanTasks(tasks))).toEqual([[2, 'b']])
  })

  it('that compare by nothing, or by a field that no schema has, are refused by name', async () => {
    const fields = fieldsOf({ id: 'int' })
    const made = await newTable(fields)
    const table = await appended(made, [[1]])
    const good = await deleteFile(made.io, '/d.parquet', fields, [[1]])
    for (const equalityIds of [[], [99]]) {
      const tasks = await tasksWith(table, () => [{ ...good, equalityIds }])
      await expect(rowsOf(new IcebergReader(table).scanTasks(tasks))).rejects.toMatchObject({
        code: 'malformed-file',
        context: { file: '/d.parquet' },
      })
    }
  })
})

async function* one<T>(item: T): AsyncGenerator<T, void, undefined> {
  yield await Promise.resolve(item)
}
