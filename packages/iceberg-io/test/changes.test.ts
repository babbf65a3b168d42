import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { batchRows, type PlainValue, seededRandom } from '@icebridge/columnar/testing'
import {
  append,
  type DataFile,
  gteq,
  overwrite,
  replaceFiles,
  rowDelta,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { IcebergReader, writePositionDeletes } from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { committed, dataFiles, environment, newTable, range, rowsOf } from './lake.ts'
import { fieldsOf, nestedFields } from './written.ts'

type Row = readonly PlainValue[]

const fields = fieldsOf({ id: 'int', name: 'string', ratio: 'double' })

const text = (row: Row): string => row.map((value) => (Object.is(value, -0) ? '-0' : String(value))).join('|')

interface State {
  readonly snapshotId: bigint
  /** What the snapshot did: compactions are passed over. */
  readonly isChange: boolean
  readonly rows: readonly Row[]
}

/** Commits random appends, deletions of files, rewrites and compactions; keeps the rows after each. */
class Model {
  table: TableHandle
  readonly states: State[] = []
  readonly #random: () => number
  readonly #unique: boolean
  #files = new Map<DataFile, readonly Row[]>()
  #next = 0

  constructor(table: TableHandle, unique: boolean, random: () => number) {
    this.table = table
    this.#unique = unique
    this.#random = random
  }

  async step(): Promise<void> {
    const files = [...this.#files.keys()].filter(() => this.#below(2) === 0)
    const action = this.#below(6)
    if (action < 2 || files.length === 0) return this.#commit([], this.#newRows(), 'append')
    if (action === 2) return this.#commit(files.slice(0, 1), [], 'overwrite')
    const old = files.flatMap((file) => this.#files.get(file)!)
    if (action === 3) return this.#commit(files, old.toReversed(), 'replace')
    const rewritten = old.flatMap((row): Row[] => {
      const fate = this.#below(10)
      if (fate === 0) return []
      if (fate === 1) return [[row[0]!, `${String(row[1])}!`, row[2]!]]
      if (fate === 2 && !this.#unique) return [row, row]
      // Equal, but not the same bytes.
      if (fate === 3 && row[2] === 0) return [[row[0]!, row[1]!, -0]]
      return [row]
    })
    return this.#commit(
      files,
      [...rewritten, ...this.#newRows()].toSorted(() => this.#random() - 0.5),
      'overwrite',
    )
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #newRows(): Row[] {
    return range(1 + this.#below(20)).map((): Row => {
      const id = this.#unique ? this.#next++ : this.#below(30)
      return [id, [null, 'a', 'b'][this.#below(3)]!, [0, -0, Number.NaN, 1.5, null][this.#below(5)]!]
    })
  }

  async #commit(
    remove: readonly DataFile[],
    rows: readonly Row[],
    kind: 'append' | 'overwrite' | 'replace',
  ): Promise<void> {
    const half = rows.length > 8 ? this.#below(rows.length) : rows.length
    const add: DataFile[] = []
    for (const part of [rows.slice(0, half), rows.slice(half)]) {
      if (part.length === 0) continue
      const [file] = await dataFiles(this.table, part, { rowGroupRows: 5 })
      add.push(file!)
      this.#files.set(file!, part)
    }
    if (add.length === 0 && remove.length === 0) return
    const options = { environment }
    const outcome =
      kind === 'append'
        ? await append(this.table, { files: add }, options)
        : kind === 'overwrite'
          ? await overwrite(this.table, { add, remove }, options)
          : await replaceFiles(this.table, { add, remove }, options)
    this.table = committed(outcome)
    for (const file of remove) this.#files.delete(file)
    this.states.push({
      snapshotId: this.table.loaded.metadata.currentSnapshotId!,
      isChange: kind !== 'replace',
      rows: [...this.#files.values()].flat(),
    })
  }
}

/** Changes from one state to another as text, updates by the first column if asked for. */
function difference(before: readonly Row[], after: readonly Row[], byKey: boolean): string[] {
  const left = new Map<string, number>()
  for (const row of after) left.set(text(row), (left.get(text(row)) ?? 0) + 1)
  const deleted: Row[] = []
  for (const row of before) {
    const count = left.get(text(row)) ?? 0
    if (count > 0) left.set(text(row), count - 1)
    else deleted.push(row)
  }
  const inserted = after.filter((row) => {
    const count = left.get(text(row)) ?? 0
    left.set(text(row), count - 1)
    return count > 0
  })
  const has = (rows: readonly Row[], row: Row): boolean => byKey && rows.some((other) => other[0] === row[0])
  return [
    ...deleted.map((row) => `${has(inserted, row) ? 'UPDATE_BEFORE' : 'DELETE'} ${text(row)}`),
    ...inserted.map((row) => `${has(deleted, row) ? 'UPDATE_AFTER' : 'INSERT'} ${text(row)}`),
  ]
}

async function randomModel(seed: number, unique: boolean): Promise<Model> {
  const random = seededRandom(seed)
  const model = new Model(await newTable(fields), unique, random)
  for (let step = 0; step < 10; step++) await model.step()
  return model
}

const seeds = range(3)

describe('changes', { timeout: 60_000 }, () => {
  it.each(seeds)('of each snapshot are what differs from the one before (seed %i)', async (seed) => {
    for (const byKey of [false, true]) {
      const model = await randomModel(seed * 2 + Number(byKey), byKey)
      const { states } = model
      const from = Math.floor(states.length / 3)
      for (const spillAboveBytes of [undefined, 1]) {
        const reader = new IcebergReader(model.table, { spillAboveBytes, batchRows: 3 })
        const changes = reader.changes({
          fromExclusive: states[from]!.snapshotId,
          toInclusive: states.at(-1)!.snapshotId,
          ...(byKey ? { keys: ['id'] } : {}),
        })
        const found = new Map<bigint, string[]>()
        const ordinals = new Map<bigint, PlainValue>()
        for (const [id, name, ratio, type, ordinal, snapshotId] of await rowsOf(changes)) {
          const own = found.get(snapshotId as bigint) ?? []
          own.push(`${String(type)} ${text([id!, name!, ratio!])}`)
          found.set(snapshotId as bigint, own)
          ordinals.set(snapshotId as bigint, ordinal!)
        }
        const changing = states.slice(from + 1).filter(({ isChange }) => isChange)
        for (const state of states.slice(from + 1)) {
          const before = states[states.indexOf(state) - 1]!
          const own = found.get(state.snapshotId) ?? []
          expect(own.toSorted()).toEqual(difference(before.rows, state.rows, byKey).toSorted())
          if (own.length > 0) expect(ordinals.get(state.snapshotId)).toBe(changing.indexOf(state))
          // What was deleted comes first.
          const kinds = own.map((line) => /^(DELETE|UPDATE_BEFORE)/.test(line))
          expect(kinds).toEqual(kinds.toSorted((a, b) => Number(b) - Number(a)))
        }
      }
    }
  })

  it.each(seeds)('net of all are what differs between both ends (seed %i)', async (seed) => {
    for (const byKey of [false, true]) {
      const { states, table } = await randomModel(seed * 2 + Number(byKey), byKey)
      for (const from of [0, Math.floor(states.length / 2)]) {
        for (const spillAboveBytes of [undefined, 1]) {
          const reader = new IcebergReader(table, { spillAboveBytes })
          const changes = reader.changes({
            fromExclusive: states[from]!.snapshotId,
            toInclusive: states.at(-1)!.snapshotId,
            net: true,
            ...(byKey ? { keys: ['id'] } : {}),
          })
          const found = (await rowsOf(changes)).map((row) => `${String(row[3])} ${text(row.slice(0, 3))}`)
          expect(found.toSorted()).toEqual(difference(states[from]!.rows, states.at(-1)!.rows, byKey).toSorted())
        }
      }
    }
  })

  it('come with the columns asked for, compared by all columns, filtered first', async () => {
    let table: TableHandle = await newTable(fields)
    const [old] = await dataFiles(table, [
      [1, 'a', 0],
      [2, 'b', 0],
      [3, 'c', 0],
    ])
    table = committed(await append(table, { files: [old!] }, { environment }))
    const from = table.loaded.metadata.currentSnapshotId!
    const add = await dataFiles(table, [
      [1, 'a', 9],
      [2, 'b', 0],
      [4, 'd', 0],
    ])
    table = committed(await overwrite(table, { add, remove: [old!] }, { environment }))
    const snapshotId = table.loaded.metadata.currentSnapshotId!
    const range_ = { fromExclusive: from, toInclusive: snapshotId }
    const reader = new IcebergReader(table)
    const columns = ['_change_type', 'name', '_pos', 'id']
    expect(await rowsOf(reader.changes({ ...range_, columns, keys: ['id'] }))).toEqual([
      ['UPDATE_BEFORE', 'a', 0n, 1, 0, snapshotId],
      ['DELETE', 'c', 2n, 3, 0, snapshotId],
      ['UPDATE_AFTER', 'a', 0n, 1, 0, snapshotId],
      ['INSERT', 'd', 2n, 4, 0, snapshotId],
    ])
    // An update across the filter is one half of it.
    const filtered = reader.changes({ ...range_, columns: ['id'], keys: ['id'], filter: gteq('ratio', 5) })
    expect(await rowsOf(filtered)).toEqual([[1, 'INSERT', 0, snapshotId]])
    for await (const batch of reader.changes(range_)) {
      expect(batch.schema.fields.map(({ name }) => name)).toEqual([
        'id',
        'name',
        'ratio',
        '_change_type',
        '_change_ordinal',
        '_commit_snapshot_id',
      ])
    }
  })

  it('come with parts of structs', async () => {
    const nested = [...fieldsOf({ id: 'int' }), nestedFields[0]!]
    let table: TableHandle = await newTable(nested)
    const [old] = await dataFiles(table, [
      [1, [1, 'x', [0.5]]],
      [2, [1, 'y', null]],
    ])
    table = committed(await append(table, { files: [old!] }, { environment }))
    const fromExclusive = table.loaded.metadata.currentSnapshotId!
    const add = await dataFiles(table, [
      [1, [1, 'x', [0.5]]],
      [2, [1, 'y', [1.5]]],
    ])
    table = committed(await overwrite(table, { add, remove: [old!] }, { environment }))
    const toInclusive = table.loaded.metadata.currentSnapshotId!
    const columns = ['n_struct.b', 'id', 'n_struct.inner.x', 'id', '_change_type']
    const rows = await rowsOf(new IcebergReader(table).changes({ fromExclusive, toInclusive, columns }))
    expect(rows.map((row) => row.slice(0, 4))).toEqual([
      [['y', null], 2, 2, 'DELETE'],
      [['y', [1.5]], 2, 2, 'INSERT'],
    ])
  })

  it('leave out rows that were deleted before their file was removed', async () => {
    let table: TableHandle = await newTable(fields)
    const [file] = await dataFiles(table, [
      [1, 'a', 0],
      [2, 'b', 0],
      [3, 'c', 0],
    ])
    table = committed(await append(table, { files: [file!] }, { environment }))
    const positions = await writePositionDeletes(table, [{ file: file!, positions: [0] }], { environment })
    table = committed(await rowDelta(table, { addDeletes: positions }, { environment }))
    const from = table.loaded.metadata.currentSnapshotId!
    table = committed(await overwrite(table, { add: [], remove: [file!] }, { environment }))
    const to = table.loaded.metadata.currentSnapshotId!
    const columns = ['id', '_change_type']
    const changes = new IcebergReader(table).changes({ fromExclusive: from, toInclusive: to, columns })
    expect((await rowsOf(changes)).map(([id, type]) => [id, type])).toEqual([
      [2, 'DELETE'],
      [3, 'DELETE'],
    ])
  })

  it('refuse keys that do not tell rows apart, unknown ones, and deletes in the range, by name', async () => {
    let table: TableHandle = await newTable(fields)
    const [old] = await dataFiles(table, [
      [1, 'a', 0],
      [1, 'b', 0],
    ])
    table = committed(await append(table, { files: [old!] }, { environment }))
    const from = table.loaded.metadata.currentSnapshotId!
    const add = await dataFiles(table, [[1, 'c', 9]])
    table = committed(await overwrite(table, { add, remove: [old!] }, { environment }))
    const to = table.loaded.metadata.currentSnapshotId!
    const range_ = { fromExclusive: from, toInclusive: to }
    const reader = new IcebergReader(table)
    for (const net of [false, true]) {
      await expect(rowsOf(reader.changes({ ...range_, keys: ['id'], net }))).rejects.toMatchObject({
        code: 'duplicate-keys',
        context: { snapshotId: to },
      })
    }
    await expect(rowsOf(reader.changes({ ...range_, keys: ['no'] }))).rejects.toMatchObject({ code: 'no-such-column' })
    await expect(rowsOf(reader.changes({ ...range_, columns: ['_deleted'] }))).rejects.toMatchObject({
      code: 'invalid-argument',
    })
    const deletes = await writePositionDeletes(table, [{ file: add[0]!, positions: [0] }], { environment })
    const after = committed(await rowDelta(table, { addDeletes: deletes }, { environment }))
    const toInclusive = after.loaded.metadata.currentSnapshotId!
    const changes = new IcebergReader(after).changes({ fromExclusive: from, toInclusive })
    await expect(rowsOf(changes)).rejects.toMatchObject({
      code: 'unsupported-changes',
      context: { snapshotId: toInclusive },
    })
  })

  it('of rewritten files leave no temporary file, also when the reader stops', async () => {
    let table: TableHandle = await newTable(fields)
    const rows = range(500).map((id): PlainValue[] => [id, `name ${id}`, id / 7])
    const [old] = await dataFiles(table, rows, { rowGroupRows: 100 })
    table = committed(await append(table, { files: [old!] }, { environment }))
    const from = table.loaded.metadata.currentSnapshotId!
    const add = await dataFiles(
      table,
      rows.map((row, index) => (index % 50 === 0 ? [row[0]!, 'new', 0] : row)),
    )
    table = committed(await overwrite(table, { add, remove: [old!] }, { environment }))
    const temporaryFolder = await mkdtemp(join(tmpdir(), 'icebridge-test-'))
    try {
      const reader = new IcebergReader(table, { spillAboveBytes: 10_000, temporaryFolder })
      const options = { fromExclusive: from, toInclusive: table.loaded.metadata.currentSnapshotId!, keys: ['id'] }
      const all = await rowsOf(reader.changes(options))
      expect(all.map((row) => row[3])).toEqual([...Array(10).fill('UPDATE_BEFORE'), ...Array(10).fill('UPDATE_AFTER')])
      for await (const batch of reader.changes(options)) {
        expect(batchRows(batch).length).toBeGreaterThan(0)
        break
      }
      expect(await readdir(temporaryFolder)).toEqual([])
    } finally {
      await rm(temporaryFolder, { recursive: true })
    }
  })

  it('of nothing but appends are those of appends', async () => {
    let table: TableHandle = await newTable(fields)
    for (const id of [1, 2]) {
      const files = await dataFiles(table, [[id, null, null]])
      table = committed(await append(table, { files }, { environment }))
    }
    const toInclusive = table.loaded.metadata.currentSnapshotId!
    const reader = new IcebergReader(table)
    const columns = ['id', '_change_type', '_change_ordinal']
    const expected = [
      [1, 'INSERT', 0],
      [2, 'INSERT', 1],
    ]
    for (const net of [false, true]) {
      const rows = await rowsOf(reader.changes({ toInclusive, columns, net, keys: ['id'] }))
      expect(rows.map((row) => row.slice(0, 3))).toEqual(expected)
    }
  })
})
