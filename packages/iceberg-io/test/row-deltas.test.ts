import { batchOfRows, type PlainValue, seededRandom } from '@icebridge/columnar/testing'
import {
  append,
  type DataFile,
  type Expression,
  gteq,
  type NestedField,
  planScan,
  rowDelta,
  type TableHandle,
  updatePartitionSpec,
  upgradeFormatVersion,
} from '@icebridge/iceberg-core'
import {
  columnFieldsOf,
  EqualityDeleteWriter,
  IcebergReader,
  PositionSet,
  PuffinReader,
  writeDeletionVectors,
  writePositionDeletes,
} from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { appended, committed, dataFiles, environment, newTable, range, rowsOf } from './lake.ts'
import { fieldsOf } from './written.ts'

const fields = fieldsOf({
  id: 'int',
  shelf: 'string',
  price: { kind: 'decimal', precision: 20, scale: 2 },
  on: 'date',
})
const names = fields.map(({ name }) => name)

interface ModelRow {
  readonly values: readonly PlainValue[]
  readonly sequence: bigint
}

/** Commits random row deltas to a table, and does the same to plain rows. */
class Model {
  table: TableHandle
  rows: ModelRow[] = []
  /** The rows at each snapshot. */
  readonly history = new Map<bigint, readonly (readonly PlainValue[])[]>()
  readonly #random: () => number
  readonly #partitioned: boolean
  #next = 0

  constructor(table: TableHandle, partitioned: boolean, random: () => number) {
    this.table = table
    this.#partitioned = partitioned
    this.#random = random
  }

  async step(): Promise<void> {
    const action = this.#below(10)
    if (action < 3 || this.rows.length < 20) return this.#append()
    if (action < 6) return this.#deletePositions()
    if (action < 9) return this.#deleteEqual(action === 8)
    if (this.table.loaded.metadata.formatVersion === 2 && this.#below(3) === 0) {
      this.table = committed(await upgradeFormatVersion(this.table, { formatVersion: 3 }, { environment }))
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #newRows(): PlainValue[][] {
    return range(this.#below(60)).map(() => [
      this.#next++,
      [null, 'a', 'b', 'c'][this.#below(4)]!,
      this.#below(5) === 0 ? null : BigInt(this.#below(10)),
      this.#below(8),
    ])
  }

  #committed(table: TableHandle, added: readonly PlainValue[][]): void {
    this.table = table
    const { currentSnapshotId, lastSequenceNumber } = table.loaded.metadata
    this.rows.push(...added.map((values) => ({ values, sequence: lastSequenceNumber })))
    this.history.set(
      currentSnapshotId!,
      this.rows.map(({ values }) => values),
    )
  }

  async #append(): Promise<void> {
    const rows = this.#newRows()
    const files = await dataFiles(this.table, rows, { rowGroupRows: 16 })
    this.#committed(committed(await append(this.table, { files }, { environment })), rows)
  }

  async #deletePositions(): Promise<void> {
    const wanted = this.#random() * 0.5
    const deletes = new Map<string, bigint[]>()
    const gone = new Set<PlainValue>()
    const columns = ['_file', '_pos', 'id']
    for (const [file, position, id] of await rowsOf(new IcebergReader(this.table).scan({ columns }))) {
      if (this.#random() > wanted) continue
      gone.add(id!)
      deletes.set(String(file), [...(deletes.get(String(file)) ?? []), BigInt(position as bigint)])
    }
    const tasks = []
    for await (const task of planScan(this.table)) tasks.push(task)
    const rows = tasks
      .filter(({ file }) => deletes.has(file.filePath))
      .map((task) => ({ file: task.file, positions: deletes.get(task.file.filePath)!, previous: task.deletes }))
    if (rows.length === 0) return
    const change =
      this.table.loaded.metadata.formatVersion === 3
        ? await writeDeletionVectors(this.table, rows, { environment })
        : {
            addDeletes: await writePositionDeletes(this.table, rows, {
              environment,
              granularity: this.#below(2) === 0 ? 'file' : 'partition',
            }),
          }
    const table = committed(await rowDelta(this.table, change, { environment }))
    this.rows = this.rows.filter(({ values }) => !gone.has(values[0]!))
    this.#committed(table, [])
  }

  /** With `upsert` new rows come in the same commit, which its deletes do not reach. */
  async #deleteEqual(upsert: boolean): Promise<void> {
    const chosen = range(names.length).filter(() => this.#below(3) === 0)
    if (chosen.length === 0) chosen.push(1 + this.#below(3))
    const keys = range(1 + this.#below(6)).map(() => this.rows[this.#below(this.rows.length)]!.values)
    const writer = new EqualityDeleteWriter(this.table, {
      environment,
      columns: chosen.map((index) => names[index]!),
    })
    await writer.write(batchOfRows(columnFieldsOf({ fields }), keys))
    const added = upsert ? this.#newRows() : []
    const add = added.length === 0 ? [] : await dataFiles(this.table, added)
    const addDeletes = await writer.finish()
    const table = committed(await rowDelta(this.table, { add, addDeletes }, { environment }))
    const compared = this.#partitioned ? [...new Set([...chosen, 1])] : chosen
    const equal = (a: readonly PlainValue[], b: readonly PlainValue[]): boolean =>
      compared.every((at) => a[at] === b[at])
    this.rows = this.rows.filter(({ values }) => !keys.some((key) => equal(key, values)))
    this.#committed(table, added)
  }
}

const byId = (rows: readonly (readonly PlainValue[])[]): readonly (readonly PlainValue[])[] =>
  rows.toSorted((a, b) => Number(a[0]) - Number(b[0]))

describe('row deltas', { timeout: 60_000 }, () => {
  it.each(range(6))('leave the rows that a plain list leaves, at every snapshot (seed %i)', async (seed) => {
    const random = seededRandom(seed)
    const partitioned = seed % 2 === 1
    const made = await newTable(fields, {
      formatVersion: seed % 4 === 2 ? 3 : 2,
      ...(partitioned ? { partition: { shelf: { kind: 'identity' as const } } } : {}),
    })
    const model = new Model(made, partitioned, random)
    for (let step = 0; step < 20; step++) await model.step()
    expect(model.history.size).toBeGreaterThan(10)
    for (const [index, [snapshotId, rows]] of [...model.history].entries()) {
      const spillAboveBytes = index % 3 === 0 ? 1 : undefined
      const reader = new IcebergReader(model.table, { batchRows: 1 + Math.floor(random() * 40), spillAboveBytes })
      expect(byId(await rowsOf(reader.scan({ snapshotId })))).toStrictEqual(byId(rows))
      const least = Math.floor(random() * 300)
      const filter: Expression = gteq('id', least)
      const columns = ['on', 'id']
      const filtered = await rowsOf(reader.scan({ snapshotId, filter, columns }))
      expect(filtered.toSorted((a, b) => Number(a[1]) - Number(b[1]))).toStrictEqual(
        byId(rows.filter(([id]) => Number(id) >= least)).map(([id, , , on]) => [on, id]),
      )
    }
  })
})

async function tasksOf(
  table: TableHandle,
): Promise<{ readonly file: DataFile; readonly deletes: readonly DataFile[] }[]> {
  const tasks = []
  for await (const task of planScan(table)) tasks.push(task)
  return tasks
}

describe('writePositionDeletes', { timeout: 60_000 }, () => {
  it('sorts by path and position, keeps whole bounds, and names the only data file', async () => {
    const made = await newTable(fieldsOf({ id: 'int' }))
    const table = await appended(
      await appended(
        made,
        range(5).map((id) => [id]),
      ),
      range(5).map((id) => [id + 5]),
    )
    const files = (await tasksOf(table)).map(({ file }) => file)
    const rows = files.map((file) => ({ file, positions: [4, 0, 2, 2] }))
    const [both, ...none] = await writePositionDeletes(table, [...rows, rows[0]!], { environment })
    expect(none).toEqual([])
    expect(both).toMatchObject({ content: 'position-deletes', fileFormat: 'parquet', recordCount: 6n, specId: 0 })
    expect(both!.referencedDataFile).toBeUndefined()
    expect(both!.sortOrderId).toBeUndefined()
    expect(both!.filePath).toMatch(/\/data\/00000-0-[0-9a-f-]{36}-deletes\.parquet$/)
    const paths = files.map(({ filePath }) => filePath).toSorted()
    const bound = (bounds: ReadonlyMap<number, Uint8Array> | undefined): string =>
      Buffer.from(bounds!.get(2147483546)!).toString()
    expect([bound(both!.lowerBounds), bound(both!.upperBounds)]).toEqual([paths[0], paths[1]])
    const single = await writePositionDeletes(table, rows, { environment, granularity: 'file' })
    expect(single.map(({ referencedDataFile }) => referencedDataFile)).toEqual(paths)
    const after = committed(await rowDelta(table, { addDeletes: [both!] }, { environment }))
    expect(ids(await rowsOf(new IcebergReader(after).scan()))).toEqual([1, 3, 6, 8])
  })

  it('refuses positions past the file, other versions and settings, and leaves no file when it fails', async () => {
    const made = await newTable(fieldsOf({ id: 'int' }), { properties: { 'write.delete.granularity': 'row' } })
    const table = await appended(made, [[1]])
    const { file } = (await tasksOf(table))[0]!
    const refusal = { code: 'invalid-argument' }
    await expect(writePositionDeletes(table, [{ file, positions: [1] }], { environment })).rejects.toMatchObject(
      refusal,
    )
    await expect(writePositionDeletes(table, [{ file, positions: [0] }], { environment })).rejects.toMatchObject(
      refusal,
    )
    await expect(writeDeletionVectors(table, [{ file, positions: [0] }], { environment })).rejects.toMatchObject(
      refusal,
    )
    const upgraded = committed(await upgradeFormatVersion(table, { formatVersion: 3 }, { environment }))
    const write = writePositionDeletes(upgraded, [{ file, positions: [0] }], { environment, granularity: 'file' })
    await expect(write).rejects.toMatchObject({
      code: 'invalid-argument',
      hint: expect.stringContaining('writeDeletionVectors'),
    })
    expect([...made.io.files.keys()].filter((path) => path.includes('-deletes'))).toEqual([])
  })
})

describe('writeDeletionVectors', { timeout: 60_000 }, () => {
  it('takes in earlier deletes, puts all vectors into one file, and says which delete files go', async () => {
    const made = await newTable(fieldsOf({ id: 'int' }))
    let table = await appended(
      await appended(
        made,
        range(10).map((id) => [id]),
      ),
      range(10).map((id) => [id + 10]),
    )
    const files = (await tasksOf(table)).map(({ file }) => file).toReversed()
    const [first] = files as [DataFile]
    const own = await writePositionDeletes(table, [{ file: first, positions: [1] }], { environment })
    const shared = await writePositionDeletes(
      table,
      files.map((file) => ({ file, positions: [2] })),
      { environment },
    )
    table = committed(await rowDelta(table, { addDeletes: [...own, ...shared] }, { environment }))
    table = committed(await upgradeFormatVersion(table, { formatVersion: 3 }, { environment }))
    const deletesOf = async (file: DataFile): Promise<readonly DataFile[]> =>
      (await tasksOf(table)).find((task) => task.file.filePath === file.filePath)!.deletes
    const vectors = await writeDeletionVectors(
      table,
      await Promise.all(files.map(async (file) => ({ file, positions: [5], previous: await deletesOf(file) }))),
      { environment },
    )
    expect(vectors.removeDeletes.map(({ filePath }) => filePath)).toEqual([own[0]!.filePath])
    expect(new Set(vectors.addDeletes.map(({ recordCount }) => recordCount))).toEqual(new Set([2n, 3n]))
    table = committed(await rowDelta(table, vectors, { environment }))
    expect(ids(await rowsOf(new IcebergReader(table).scan()))).toEqual(
      range(20).filter((id) => ![1, 2, 5, 12, 15].includes(id)),
    )
    const puffin = await PuffinReader.open(made.io, vectors.addDeletes[0]!.filePath)
    expect(
      puffin.footer.blobs.map(({ properties, snapshotId, codec }) => [properties['cardinality'], snapshotId, codec]),
    ).toEqual(vectors.addDeletes.map(({ recordCount }) => [String(recordCount), -1n, undefined]))
    // A vector on a vector: the old one goes.
    const second = await writeDeletionVectors(
      table,
      [{ file: first, positions: PositionSet.of([0, 9]), previous: await deletesOf(first) }],
      { environment },
    )
    expect(second.removeDeletes).toMatchObject([{ referencedDataFile: first.filePath, fileFormat: 'puffin' }])
    table = committed(await rowDelta(table, second, { environment }))
    expect(ids(await rowsOf(new IcebergReader(table).scan()))).toEqual([3, 4, 6, 7, 8, 10, 11, 13, 14, 16, 17, 18, 19])
  })

  it('writes nothing for no positions', async () => {
    const table = await appended(await newTable(fieldsOf({ id: 'int' }), { formatVersion: 3 }), [[1]])
    const { file } = (await tasksOf(table))[0]!
    const written = await writeDeletionVectors(table, [{ file, positions: [] }], { environment })
    expect(written).toEqual({ addDeletes: [], removeDeletes: [] })
  })
})

describe('EqualityDeleteWriter', { timeout: 60_000 }, () => {
  it('writes the columns compared, by partition or for all of them', async () => {
    const made = await newTable(fields, { partition: { shelf: { kind: 'identity' } } })
    const rows: PlainValue[][] = [
      [1, 'a', 5n, 0],
      [2, 'b', 5n, 0],
      [3, null, null, 1],
    ]
    const table = await appended(made, rows)
    const writer = new EqualityDeleteWriter(table, { environment, columns: ['price'] })
    expect(writer.schema.fields.map(({ name }) => name)).toEqual(['price'])
    await writer.write(batchOfRows(columnFieldsOf({ fields }), [rows[0]!, [9, null, null, null]]))
    const files = await writer.finish()
    expect(
      files.map(({ content, equalityIds, partition, recordCount }) => [content, equalityIds, partition, recordCount]),
    ).toEqual([
      ['equality-deletes', [3], ['a'], 1n],
      ['equality-deletes', [3], [null], 1n],
    ])
    expect(files[0]!.filePath).toMatch(/data\/shelf=a\/00000-0-.*-deletes\.parquet$/)
    const after = committed(await rowDelta(table, { addDeletes: files }, { environment }))
    expect(ids(await rowsOf(new IcebergReader(after).scan()))).toEqual([2])
    const blind = new EqualityDeleteWriter(table, { environment, columns: ['price'] })
    const batch = batchOfRows(columnFieldsOf({ fields: [fields[2]!] }), [[5n]])
    await expect(blind.write(batch)).rejects.toMatchObject({ code: 'schema-mismatch', context: { column: 'shelf' } })
    expect(() => new EqualityDeleteWriter(table, { environment, columns: ['price'], global: true })).toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    )
  })

  it('takes a struct whole and compares part of it, also when the table is partitioned by another part', async () => {
    const place: NestedField = {
      id: 2,
      name: 'place',
      required: false,
      type: {
        kind: 'struct',
        fields: [
          { id: 3, name: 'country', required: false, type: 'string' },
          { id: 4, name: 'city', required: false, type: 'string' },
        ],
      },
    }
    const nested: NestedField[] = [{ id: 1, name: 'id', required: false, type: 'int' }, place]
    const addFields = [{ column: 'place.country', transform: { kind: 'identity' as const } }]
    const made = committed(await updatePartitionSpec(await newTable(nested), { addFields }, { environment }))
    const table = await appended(made, [
      [1, ['AT', 'Wien']],
      [2, ['DE', 'Wien']],
      [3, ['AT', 'Linz']],
      [4, null],
    ])
    const writer = new EqualityDeleteWriter(table, { environment, columns: ['place.city'] })
    await writer.write(batchOfRows(columnFieldsOf({ fields: nested }), [[9, ['AT', 'Wien']]]))
    const addDeletes = await writer.finish()
    expect(addDeletes.map(({ partition, equalityIds }) => [partition, equalityIds])).toEqual([[['AT'], [4]]])
    const after = committed(await rowDelta(table, { addDeletes }, { environment }))
    expect(byId(await rowsOf(new IcebergReader(after).scan())).map(([id]) => id)).toEqual([2, 3, 4])
  })

  it('writes global deletes where nothing is left of the partition spec but void fields', async () => {
    const made = await newTable(fields, { partition: { shelf: { kind: 'void' } } })
    const before = await appended(made, [
      [1, 'a', 5n, 0],
      [2, 'b', 6n, 0],
    ])
    const change = { addFields: [{ column: 'shelf', transform: { kind: 'identity' as const } }] }
    const table = committed(await updatePartitionSpec(before, change, { environment }))
    const writer = new EqualityDeleteWriter(table, { environment, columns: ['price'], global: true })
    await writer.write(batchOfRows(columnFieldsOf({ fields: [fields[2]!] }), [[5n]]))
    const after = committed(await rowDelta(table, { addDeletes: await writer.finish() }, { environment }))
    expect(ids(await rowsOf(new IcebergReader(after).scan()))).toEqual([2])
  })

  it('refuses columns that rows are not compared by, and deletes its files when it is disposed of', async () => {
    const made = await newTable(
      fieldsOf({
        id: 'int',
        ratio: 'double',
        tags: { kind: 'list', elementId: 9, elementRequired: false, element: 'string' },
      }),
    )
    const table = await appended(made, [[1, 0.5, ['x']]])
    for (const columns of [[], ['gone'], ['ratio'], ['tags'], ['tags.element'], ['id', 'id']]) {
      expect(() => new EqualityDeleteWriter(table, { environment, columns })).toThrow(
        expect.objectContaining({ code: 'invalid-argument' }),
      )
    }
    {
      await using writer = new EqualityDeleteWriter(table, {
        environment,
        columns: ['id'],
        targetFileSizeBytes: 1,
        rowGroupRows: 1,
      })
      for (const id of [1, 2]) await writer.write(batchOfRows(columnFieldsOf(writer.schema), [[id]]))
      expect([...made.io.files.keys()].filter((path) => path.includes('-deletes')).length).toBeGreaterThan(0)
    }
    expect([...made.io.files.keys()].filter((path) => path.includes('-deletes'))).toEqual([])
  })
})

function ids(rows: readonly (readonly PlainValue[])[]): number[] {
  return rows.map((row) => Number(row[0])).toSorted((a, b) => a - b)
}
