import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IcebergReader } from '@icebridge/iceberg-io'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { columnsLeft, engineLimits, limitOf, limitProbes } from './engine-limits.ts'
import { exactRows, inOneOrder } from './exact-rows.ts'
import { filterOf } from './fixtures.ts'
import { tableEngines, type TableEngine, type TableRead, type TableRequest } from './table-engines.ts'
import { evolved, manySnapshots, rowLevel } from './written-changes.ts'
import { WrittenLake } from './written-lake.ts'
import { transforms, types, type WrittenTable } from './written-tables.ts'

const engines = await tableEngines()
for (const { name, missing } of engines) {
  if (missing !== undefined) console.warn(`tables are not read back by ${name}: ${missing}`)
}
const anyEngine = engines.some(({ missing }) => missing === undefined)

let folder: string
let requests: readonly TableRequest[]
/** Our rows by table, in the order of its reads. */
const ours = new Map<string, readonly (readonly string[])[]>()

beforeAll(async () => {
  if (!anyEngine) return
  folder = await mkdtemp(join(tmpdir(), 'icebridge-written-'))
  await using lake = await WrittenLake.make(folder)
  const tables = [
    ...(await types(lake)),
    ...(await transforms(lake)),
    ...(await rowLevel(lake)),
    ...(await evolved(lake)),
    await manySnapshots(lake, 1000),
  ]
  requests = tables.map((written) => ({ written, reads: readsOf(written) }))
  for (const { written, reads } of requests) {
    const rows: (readonly string[])[] = []
    for (const read of reads) rows.push(await rowsOf(written, read))
    ours.set(written.name, rows)
  }
}, 600_000)

afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

describe('the tables that are written for other engines', () => {
  test('have rows, and a thousand snapshots', (context) => {
    if (!anyEngine) return context.skip('no engine is there to read them')
    for (const { written } of requests)
      expect({ [written.name]: ours.get(written.name)?.[0]?.length }).not.toEqual({ [written.name]: 0 })
    const many = requests.find(({ written }) => written.name === 'many_snapshots')
    expect(many?.written.table.loaded.metadata.snapshots.length).toBe(1000)
  })

  test('hold what was put in, at the extremes of every type', async (context) => {
    if (!anyEngine) return context.skip('no engine is there to read them')
    const given = requests.filter(({ written }) => written.input !== undefined)
    expect(given.length).toBe(3)
    for (const { written } of given) {
      const { name, input } = written
      expect({ name, rows: ours.get(name)?.[0] }).toEqual({
        name,
        rows: await exactRows(input === undefined ? [] : [input]),
      })
    }
  })
})

describe.each(engines)('tables that we wrote, read by $name', (engine) => {
  test('have the same rows, at every snapshot and ref and by every filter', async (context) => {
    if (engine.missing !== undefined) return context.skip(engine.missing)
    const limits = engineLimits[engine.name]
    const asked = requests.map(({ written, reads }) => {
      const columns = columnsLeft(limits, written)
      const left = columns === undefined ? reads : reads.map((read) => ({ ...read, columns }))
      return { written, reads: [...left, ...limitProbes(limits, written), ...lineageReads(engine, written)] }
    })
    const answers = await engine.ask(asked)
    const wrong: unknown[] = []
    for (const { written, reads } of asked) {
      for (const [at, read] of reads.entries()) {
        const answer = answers[written.name]?.[at] ?? { error: 'no answer' }
        const limit = limitOf(limits, written, read)
        const known = read.columns === undefined ? ours.get(written.name)?.[at] : undefined
        const expected = known ?? (await rowsOf(written, read))
        const found = 'rows' in answer ? inOneOrder(answer.rows) : answer.error
        const right = JSON.stringify(found) === JSON.stringify(expected)
        // A limit that is none any more is wrong too.
        if (limit === undefined ? right : !right && limit.finds.test(String(found))) continue
        wrong.push({ table: written.name, read, limit: limit?.reason, expected, found })
      }
    }
    expect(wrong).toEqual([])
  }, 600_000)
})

function readsOf({ table, wheres = [], snapshots }: WrittenTable): readonly TableRead[] {
  const { metadata } = table.loaded
  const ids = snapshots ?? metadata.snapshots.map(({ snapshotId }) => snapshotId)
  const refs = Object.entries(metadata.refs).filter(([name]) => name !== 'main')
  return [
    {},
    ...ids.map((id) => ({ snapshotId: String(id) })),
    ...refs.map(([ref, { snapshotId }]) => ({ ref, refSnapshotId: String(snapshotId) })),
    ...wheres.map((where) => ({ where })),
  ]
}

/** The library has row ids; the other engines have them not, or not in their scans. */
function lineageReads({ name }: TableEngine, { lineage }: WrittenTable): readonly TableRead[] {
  const columns = ['id', '_row_id', '_last_updated_sequence_number']
  return lineage === true && name === 'Java Iceberg' ? [{ columns }] : []
}

async function rowsOf({ table }: WrittenTable, read: TableRead): Promise<readonly string[]> {
  const { columns, ref, snapshotId } = read
  const filter = filterOf({ ...read, rows: [] })
  const id = snapshotId === undefined ? undefined : BigInt(snapshotId)
  return await exactRows(new IcebergReader(table).scan({ snapshotId: id, ref, columns, filter }))
}
