import { parseConnectionString, SqlServer } from '@icebridge/sqlserver'
import { startSandbox } from '@icebridge/sqlserver-sandbox'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Bench, createOrders, insertOrders } from './bench.ts'

const orders = { table: { schema: 'dbo', name: 'orders' } }
/** A column that the source stamps no rows for asks for a reload; the targets do without it. */
const reloading = { ...orders, skipColumns: ['region'] }
const addColumn = 'ALTER TABLE [dbo].[orders] ADD [region] int NOT NULL DEFAULT 5;'
let bench: Bench

beforeEach(async () => {
  bench = await Bench.open()
  for (const statement of [createOrders, ...insertOrders(1, 100)]) await bench.source.batch(statement)
})

afterEach(() => bench[Symbol.asyncDispose]())

async function ids(): Promise<readonly number[]> {
  const rows = await bench.target.query({ text: 'SELECT [id] FROM [dbo].[orders] ORDER BY [id]' })
  return rows.map((row) => Number(row['id']))
}

/** The target has 100 rows. In the source 10 of them are gone, one is changed and one is new; the journal has the reload of all. */
async function reloaded(): Promise<void> {
  const coordinator = bench.coordinator()
  await coordinator.sync(orders)
  await bench.source.batch(`DELETE FROM [dbo].[orders] WHERE [id] BETWEEN 41 AND 50; ${addColumn}`)
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'changed' WHERE [id] = 7;`)
  for (const statement of insertOrders(101, 101)) await bench.source.batch(statement)
  expect(await coordinator.extract(reloading)).toMatchObject({ mode: 'load', rows: 91n })
}

test('a reload deletes from the target what is gone from the source', async () => {
  await reloaded()
  const coordinator = bench.coordinator()
  expect(await coordinator.apply(reloading)).toMatchObject({ inserted: 1n, updated: 1n, deleted: 10n })
  expect(await coordinator.verify(reloading)).toMatchObject({ status: 'equal', targetRows: 91n })
  expect(await coordinator.apply(reloading)).toMatchObject({ status: 'unchanged', deleted: 0n })
})

test('a reload that is applied in several units deletes with the one that ends it, wherever a run stopped before', async () => {
  await reloaded()
  const coordinator = bench.coordinator()
  for (const statement of insertOrders(102, 103)) await bench.source.batch(statement)
  await coordinator.extract(reloading)
  const stop = new AbortController()
  const small = { ...reloading, maxUnitRows: 30 }
  const stopped = coordinator.apply(small, {
    signal: stop.signal,
    onProgress: ({ rows }) => rows > 30n && stop.abort(new Error('enough')),
  })
  await expect(stopped).rejects.toThrow('enough')
  // One unit is in: nothing is deleted, and nothing of the reload is missing when the next run goes on.
  expect((await ids()).length).toBe(100)
  expect(await coordinator.apply(small)).toMatchObject({ deleted: 10n, inserted: 3n })
  expect(await coordinator.verify(reloading)).toMatchObject({ status: 'equal', targetRows: 93n })
})

test('what the source gained after the hand-over of a reload stays', async () => {
  await reloaded()
  const coordinator = bench.coordinator()
  for (const statement of insertOrders(102, 110)) await bench.source.batch(statement)
  await coordinator.extract(reloading)
  expect(await coordinator.apply(reloading)).toMatchObject({ deleted: 10n, inserted: 10n })
  expect(await coordinator.verify(reloading)).toMatchObject({ status: 'equal', targetRows: 100n })
})

test('a row that changes between the hand-over of a reload and its reading is not taken for deleted', async () => {
  const sandbox = await startSandbox({ password: 'Test-Only-1', databases: ['source'] })
  try {
    await using source = await SqlServer.connect(parseConnectionString(sandbox.connectionString('source')))
    for (const statement of [createOrders, ...insertOrders(1, 50)]) await source.batch(statement)
    const coordinator = bench.coordinator({ source: { name: 'erp', server: source } })
    await coordinator.sync(orders)
    await source.batch(`DELETE FROM [dbo].[orders] WHERE [id] = 9; ${addColumn}`)
    const fault = sandbox.faults.add({ at: 'after', text: /MIN_ACTIVE_ROWVERSION/, action: { do: 'stall' } })
    const extracting = coordinator.extract(reloading)
    await fault.whenFired
    await source.batch(`UPDATE [dbo].[orders] SET [customer] = N'changed' WHERE [id] = 7;`)
    fault.release()
    expect(await extracting).toMatchObject({ mode: 'load', rows: 49n })
    expect(await coordinator.apply(reloading)).toMatchObject({ deleted: 1n })
    expect((await ids()).length).toBe(49)
    expect((await coordinator.sync(reloading)).extract).toMatchObject({ mode: 'increment', rows: 1n })
    expect(await coordinator.verify(reloading)).toMatchObject({ status: 'equal', targetRows: 49n })
  } finally {
    await sandbox.close()
  }
})

test('a reload of a table that was emptied empties the target', async () => {
  const coordinator = bench.coordinator()
  await coordinator.sync(orders)
  await bench.source.batch(`DELETE FROM [dbo].[orders]; ${addColumn}`)
  await coordinator.extract(reloading)
  expect(await coordinator.apply(reloading)).toMatchObject({ deleted: 100n, units: 1 })
  expect(await ids()).toEqual([])
  for (const statement of insertOrders(1, 3)) await bench.source.batch(statement)
  expect((await coordinator.sync(reloading)).apply).toMatchObject({ inserted: 3n, deleted: 0n })
})

test('a target that is new after a reload begins with it, straight', async () => {
  await reloaded()
  const coordinator = bench.coordinator()
  const copy = { ...orders, target: { schema: 'dbo', name: 'copy' } }
  expect(await coordinator.apply(copy)).toMatchObject({ firstLoad: { way: 'straight' }, rows: 91n, inserted: 91n })
  expect(await coordinator.verify(copy)).toMatchObject({ status: 'equal', targetRows: 91n })
})
