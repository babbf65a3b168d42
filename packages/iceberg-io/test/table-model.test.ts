import { batchRows, type PlainValue, seededRandom } from '@icebridge/columnar/testing'
import { isAncestor, type SnapshotChoice, type TableHandle } from '@icebridge/iceberg-core'
import { IcebergReader } from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { newTable, range } from './lake.ts'
import { randomFilter } from './model-filter.ts'
import { Dice, plainRow, randomTable, type Rows } from './model-rows.ts'
import { TableModel } from './table-model.ts'

/** `ICEBRIDGE_SEEDS=100:200` runs those; `ICEBRIDGE_SEEDS=17` one. */
const [first = 1, last = first] = (process.env['ICEBRIDGE_SEEDS'] ?? '1:8').split(':').map(Number)
const steps = Number(process.env['ICEBRIDGE_STEPS'] ?? 40)

async function rowsOf(table: TableHandle, options: Parameters<IcebergReader['scan']>[0], dice: Dice) {
  const rows = new Map<bigint, PlainValue[]>()
  const reader = new IcebergReader(table, {
    batchRows: dice.pick([3, undefined]),
    spillAboveBytes: dice.pick([1, undefined]),
  })
  for await (const batch of reader.scan(options)) {
    const at = batch.schema.fields.findIndex(({ name }) => name === 'id')
    for (const row of batchRows(batch)) {
      const id = row[at] as bigint // declared as a required long
      if (rows.has(id)) throw new Error(`row ${id} is there twice`)
      rows.set(id, row)
    }
  }
  return rows
}

/** Whatever is written of metrics, pages and manifests, the rows stay the same. */
function randomProperties(dice: Dice): Record<string, string> {
  return {
    'write.metadata.metrics.default': dice.pick(['none', 'counts', 'truncate(1)', 'truncate(16)', 'full']),
    'write.metadata.metrics.column.a': dice.pick(['none', 'full']),
    'write.parquet.page-row-limit': dice.pick(['2', '20000']),
    'write.parquet.compression-codec': dice.pick(['uncompressed', 'zstd', 'lz4']),
    'write.parquet.bloom-filter-enabled.column.id': dice.pick(['true', 'false']),
    'write.object-storage.enabled': dice.pick(['true', 'false']),
    'write.metadata.compression-codec': dice.pick(['none', 'gzip']),
    'write.manifest.compression-codec': dice.pick(['gzip', 'zstd']),
    'commit.manifest.min-count-to-merge': dice.pick(['2', '100']),
  }
}

/** The rows of one snapshot, whole, by a filter, and in part. */
async function check(model: TableModel, choice: SnapshotChoice, rows: Rows, dice: Dice): Promise<void> {
  const { table } = model
  const context = `${JSON.stringify(choice, (_, value: unknown) => String(value))} after ${model.done.join('; ')}`
  expect(await rowsOf(table, choice, dice), context).toStrictEqual(model.expected(choice, rows))
}

/** The current rows that pass a filter, and some columns of them. */
async function checkPart(model: TableModel, dice: Dice): Promise<void> {
  const { schema } = model
  const [filter, passes] = randomFilter(dice, schema, model.rows)
  const fields = schema.fields.filter(({ name }) => name === 'id' || dice.once(2))
  const passing = [...model.rows].filter(([, row]) => passes(row))
  expect(
    await rowsOf(model.table, { filter, columns: fields.map(({ name }) => name) }, dice),
    `${JSON.stringify(filter, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))} after ${model.done.join('; ')}`,
  ).toStrictEqual(new Map(passing.map(([id, row]) => [id, plainRow(fields, row)])))
}

/** Inserted and deleted rows lead from one snapshot to the other; false where delete files are in between. */
async function checkChanges(model: TableModel, dice: Dice): Promise<boolean> {
  const { metadata } = model.table.loaded
  const toInclusive = metadata.currentSnapshotId!
  const fromExclusive = dice.pick([...model.states.keys()].filter((id) => isAncestor(metadata, id, toInclusive)))
  const { fields } = model.schema
  const at = fields.findIndex(({ name }) => name === 'id')
  const folded = new Map([...model.stateOf(fromExclusive)].map(([id, row]) => [id, plainRow(fields, row)]))
  try {
    for await (const batch of new IcebergReader(model.table).changes({ fromExclusive, toInclusive })) {
      for (const row of batchRows(batch)) {
        const id = row[at] as bigint // declared as a required long
        const values = row.slice(0, fields.length)
        if (row[fields.length] === 'DELETE') {
          expect(folded.get(id)).toStrictEqual(values)
          folded.delete(id)
        } else {
          expect(row[fields.length]).toBe('INSERT')
          expect(folded.has(id)).toBe(false)
          folded.set(id, values)
        }
      }
    }
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'unsupported-changes') return false
    throw error
  }
  expect(folded, model.done.join('; ')).toStrictEqual(model.expected({}, model.rows))
  return true
}

describe('any table', () => {
  it.each(range(last - first + 1).map((index) => first + index))(
    'has the rows of a model at every snapshot, whatever was done to it (seed %i)',
    { timeout: 120_000 },
    async (seed) => {
      const dice = new Dice(seededRandom(seed))
      const formatVersion = seed % 2 === 0 ? 3 : 2
      const table = await newTable(randomTable(dice, formatVersion), {
        formatVersion,
        properties: randomProperties(dice),
      })
      const model = new TableModel(table, dice)
      let changesRead = 0
      for (let step = 0; step < steps; step++) {
        await model.step()
        await check(model, {}, model.rows, dice)
        await checkPart(model, dice)
        if (await checkChanges(model, dice)) changesRead++
      }
      expect(changesRead).toBeGreaterThan(0)
      const { metadata } = model.table.loaded
      for (const [snapshotId, rows] of model.states) await check(model, { snapshotId }, rows, dice)
      for (const [ref, { snapshotId }] of Object.entries(metadata.refs)) {
        await check(model, { ref }, model.stateOf(snapshotId), dice)
      }
    },
  )
})
