import { batchOfRows, batchRows, type PlainValue, seededRandom } from '@icebridge/columnar/testing'
import {
  append,
  currentSchema,
  eq,
  type Expression,
  gteq,
  isNull,
  lt,
  type NestedField,
  type SortField,
  type TableHandle,
  type Transform,
  updatePartitionSpec,
  updateSchema,
  upgradeFormatVersion,
} from '@icebridge/iceberg-core'
import {
  columnFieldsOf,
  compact,
  deleteWhere,
  IcebergAppender,
  IcebergReader,
  overwriteWhere,
  upsert,
} from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { environment, lake } from './written-lake.ts'

type Row = Readonly<Record<string, PlainValue>>

const fields: readonly NestedField[] = [
  { id: 1, name: 'id', required: true, type: 'long' },
  { id: 2, name: 'grade', required: false, type: 'int' },
  { id: 3, name: 'name', required: false, type: 'string' },
  { id: 4, name: 'amount', required: false, type: { kind: 'decimal', precision: 20, scale: 3 } },
]

/** A table beside the rows that it must hold, by id, changed in step at random. */
class Model {
  table: TableHandle
  rows = new Map<bigint, Row>()
  readonly #random: () => number
  #columns = 0
  readonly done: string[] = []

  constructor(table: TableHandle, random: () => number) {
    this.table = table
    this.#random = random
  }

  int(below: number): number {
    return Math.floor(this.#random() * below)
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.int(choices.length)]!
  }

  get #names(): readonly string[] {
    return currentSchema(this.table.loaded.metadata).fields.map(({ name }) => name)
  }

  row(id: bigint): Row {
    const values = this.#names.map((name): [string, PlainValue] => {
      if (name === 'id') return [name, id]
      if (this.#random() < 0.2) return [name, null]
      if (name === 'grade') return [name, this.int(6)]
      if (name === 'amount') return [name, BigInt(this.int(1000)) - 500n]
      return [name, this.pick(['', 'Ann', 'Bob', 'éé', '\u{1f9ca}\u{1f9ca}']) + this.int(3)]
    })
    return Object.fromEntries(values)
  }

  batch(rows: readonly Row[]) {
    const schema = currentSchema(this.table.loaded.metadata)
    return [
      batchOfRows(
        columnFieldsOf(schema),
        rows.map((row) => this.#names.map((name) => row[name] ?? null)),
      ),
    ]
  }

  ids(count: number): bigint[] {
    return [...new Set(Array.from({ length: count }, () => BigInt(this.int(150))))]
  }

  /** A filter and what it means. */
  filter(): [Expression, (row: Row) => boolean] {
    const grade = this.int(6)
    const id = BigInt(this.int(150))
    const name = this.pick(['Ann1', 'Bob0', '\u{1f9ca}\u{1f9ca}2'])
    return this.pick<[Expression, (row: Row) => boolean]>([
      [eq('grade', grade), (row) => row['grade'] === grade],
      [lt('id', id), (row) => (row['id'] as bigint) < id],
      [gteq('id', id), (row) => (row['id'] as bigint) >= id],
      [eq('name', name), (row) => row['name'] === name],
      [isNull('amount'), (row) => row['amount'] === null],
    ])
  }

  accept(what: string, outcome: { readonly status: string; readonly table?: TableHandle }): void {
    this.done.push(what)
    if ((outcome.status !== 'committed' && outcome.status !== 'unchanged') || outcome.table === undefined) {
      throw new Error(`${what} is ${outcome.status}`)
    }
    this.table = outcome.table
  }

  async step(): Promise<void> {
    const mode = this.pick(['copy-on-write', 'merge-on-read'] as const)
    switch (this.int(11)) {
      case 0:
      case 1: {
        const added = this.ids(30)
          .filter((id) => !this.rows.has(id))
          .map((id) => this.row(id))
        const appender = await IcebergAppender.open(this.table, {
          environment,
          rowGroupRows: this.pick([5, 1000]),
          sort: this.pick([true, false]),
        })
        for (const batch of this.batch(added)) await appender.write(batch)
        this.accept('append', await append(this.table, { files: await appender.finish() }, { environment }))
        for (const row of added) this.rows.set(row['id'] as bigint, row)
        break
      }
      case 2:
      case 3:
      case 4: {
        const rows = this.ids(25).map((id) => this.row(id))
        this.accept(`upsert ${mode}`, await upsert(this.table, this.batch(rows), { environment, mode, keys: ['id'] }))
        for (const row of rows) this.rows.set(row['id'] as bigint, row)
        break
      }
      case 5:
      case 6: {
        const [filter, passes] = this.filter()
        this.accept(`delete ${mode}`, await deleteWhere(this.table, filter, { environment, mode }))
        for (const [id, row] of this.rows) if (passes(row)) this.rows.delete(id)
        break
      }
      case 7: {
        const [where, passes] = this.filter()
        for (const [id, row] of this.rows) if (passes(row)) this.rows.delete(id)
        const rows = this.ids(5)
          .filter((id) => !this.rows.has(id))
          .map((id) => this.row(id))
        const change = { where, rows: this.batch(rows) }
        this.accept(`overwrite ${mode}`, await overwriteWhere(this.table, change, { environment, mode }))
        for (const row of rows) this.rows.set(row['id'] as bigint, row)
        break
      }
      case 8:
        this.accept(
          'compact',
          await compact(this.table, {
            environment,
            minInputFiles: 2,
            deleteRatio: 0.2,
            all: this.pick([true, false]),
            sort: this.pick([true, false]),
          }),
        )
        break
      case 9: {
        const name = `extra${this.#columns++}`
        this.accept('add', await updateSchema(this.table, { addColumns: [{ name, type: 'string' }] }, { environment }))
        for (const [id, row] of this.rows) this.rows.set(id, { ...row, [name]: null })
        break
      }
      case 10: {
        const { formatVersion, partitionSpecs } = this.table.loaded.metadata
        if (formatVersion === 2 && this.pick([true, false])) {
          this.accept('upgrade', await upgradeFormatVersion(this.table, { formatVersion: 3 }, { environment }))
        } else if (partitionSpecs.length < 3) {
          const transform = this.pick<Transform>([{ kind: 'identity' }, { kind: 'bucket', buckets: 3 }])
          const field = { column: this.pick(['grade', 'name']), transform, name: `p${partitionSpecs.length}` }
          const changes = { addFields: [field], removeFields: this.#partitionFields() }
          this.accept('partition', await updatePartitionSpec(this.table, changes, { environment }))
        }
        break
      }
    }
  }

  #partitionFields(): string[] {
    const { partitionSpecs, defaultSpecId } = this.table.loaded.metadata
    const spec = partitionSpecs.find(({ specId }) => specId === defaultSpecId)
    return spec?.fields.map(({ name }) => name) ?? []
  }

  /** The rows of the table by id, each once. */
  async found(): Promise<ReadonlyMap<bigint, Row>> {
    const rows = new Map<bigint, Row>()
    for await (const batch of new IcebergReader(this.table).scan()) {
      const names = batch.schema.fields.map(({ name }) => name)
      for (const values of batchRows(batch)) {
        const row = Object.fromEntries(names.map((name, index) => [name, values[index] ?? null]))
        if (rows.has(row['id'] as bigint)) throw new Error(`row ${String(row['id'])} is there twice`)
        rows.set(row['id'] as bigint, row)
      }
    }
    return rows
  }

  /** `_row_id` by id; every row of version 3 has one of its own once a snapshot was made. */
  async rowIds(): Promise<ReadonlyMap<bigint, bigint | null>> {
    const ids = new Map<bigint, bigint | null>()
    for await (const batch of new IcebergReader(this.table).scan({ columns: ['id', '_row_id'] })) {
      for (const [id, rowId] of batchRows(batch)) ids.set(id as bigint, rowId as bigint | null)
    }
    return ids
  }
}

describe('random changes of rows', () => {
  it.each(Array.from({ length: 12 }, (_, index) => index + 1))(
    'leave the rows that a model has, and each its row id: seed %i',
    async (seed) => {
      const sort: SortField = {
        sourceIds: [3],
        transform: { kind: 'identity' },
        direction: 'desc',
        nullOrder: 'nulls-last',
      }
      const { table } = await lake(fields, {
        formatVersion: seed % 2 === 0 ? 3 : 2,
        sort: seed % 3 === 0 ? [sort] : [],
        partition: seed % 4 === 0 ? [{ sourceId: 2, transform: { kind: 'identity' }, name: 'p0' }] : [],
      })
      const model = new Model(table, seededRandom(seed))
      let before: ReadonlyMap<bigint, bigint | null> = new Map()
      for (let step = 0; step < 25; step++) {
        await model.step()
        expect(await model.found(), model.done.join(', ')).toEqual(model.rows)
        if (model.table.loaded.metadata.formatVersion < 3) continue
        const ids = await model.rowIds()
        const known = [...ids.values()].filter((id) => id !== null)
        expect(new Set(known).size, model.done.join(', ')).toBe(known.length)
        // What overwriting puts in the place of a row is a row of its own.
        if (!model.done.at(-1)?.startsWith('overwrite')) {
          for (const [id, rowId] of before) {
            if (rowId !== null && ids.has(id)) expect(ids.get(id), model.done.join(', ')).toBe(rowId)
          }
        }
        before = ids
      }
    },
    30_000,
  )
})
