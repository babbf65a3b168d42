import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { Journal, layoutFor, planJournal, type Lake } from '@icebridge/journal'
import { afterEach, expect, test } from 'vitest'
import { orders, rowsOfRead, someRows, strategy } from './support.ts'

const folders: string[] = []

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

async function withLake<T>(folder: string, use: (lake: Lake) => Promise<T>): Promise<T> {
  const io = new LocalFileIO()
  await using catalog = await SqlCatalog.openSqlite({
    name: 'lake',
    path: join(folder, 'catalog.db'),
    warehouse: join(folder, 'warehouse'),
    io,
    environment: systemEnvironment,
  })
  return await use({ catalog, io, environment: systemEnvironment })
}

test('a journal on disk goes on in another process where the last one stopped', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'icebridge-journal-'))
  folders.push(folder)
  const layout = layoutFor({ source: 'erp', table: orders.table })
  const identifier = { namespace: layout.namespace, name: layout.journalName }
  const run = async (lake: Lake, watermark: string, count: number): Promise<void> => {
    const journal =
      (await Journal.open(lake, identifier)) ?? (await Journal.create(lake, { layout, plan: planJournal(orders) }))
    const base = await journal.head()
    await using batch = await journal.beginBatch({
      base,
      batchId: lake.environment.uuid(),
      mode: base.watermark === undefined ? 'load' : 'increment',
    })
    await batch.write(someRows(count, Number(base.sequence) + 1), { op: 'upsert' })
    expect(await batch.commit({ watermark, strategy })).toMatchObject({ status: 'committed', rows: BigInt(count) })
  }
  await withLake(folder, async (lake) => await run(lake, '1', 1000))
  await withLake(folder, async (lake) => await run(lake, '2', 150))
  await withLake(folder, async (lake) => {
    const journal = await Journal.open(lake, identifier)
    expect(await journal!.head()).toMatchObject({ watermark: '2', sequence: 1150n })
    expect(journal!.definition).toEqual(orders)
    const rows = await rowsOfRead(await journal!.readFrom(undefined), 400)
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 1150 }, (_, at) => at + 1))
  })
})

test('two extractors on one journal on disk: one commits, one meets a conflict', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'icebridge-journal-'))
  folders.push(folder)
  await withLake(folder, async (lake) => {
    const journal = await Journal.create(lake, {
      layout: layoutFor({ source: 'erp', table: orders.table }),
      plan: planJournal(orders),
    })
    const base = await journal.head()
    const begin = async (): ReturnType<Journal['beginBatch']> =>
      await journal.beginBatch({ base, batchId: lake.environment.uuid(), mode: 'load' })
    const batches = [await begin(), await begin()]
    for (const batch of batches) await batch.write(someRows(10), { op: 'upsert' })
    const outcomes = await Promise.all(batches.map(async (batch) => await batch.commit({ watermark: '1', strategy })))
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['committed', 'conflict'])
    expect(await (await journal.refresh()).head()).toMatchObject({ sequence: 10n })
  })
})
