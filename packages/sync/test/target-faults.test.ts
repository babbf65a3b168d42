import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { LocalFileIO } from '@icebridge/fileio'
import { systemEnvironment, type SqlCatalog } from '@icebridge/iceberg-catalog'
import { parseConnectionString, SqlServer } from '@icebridge/sqlserver'
import { startSandbox, type FaultRule, type Sandbox } from '@icebridge/sqlserver-sandbox'
import { IncrementalSyncCoordinator } from '@icebridge/sync'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createOrders, insertOrders, openCatalog } from './bench.ts'

// Faults are struck on the wire of the sandbox, so these tests run on it alone, whatever server the other suites have.
const orders = { table: { schema: 'dbo', name: 'orders' } }
let sandbox: Sandbox
let source: SqlServer
let target: SqlServer
let catalog: SqlCatalog
let folder: string
let coordinator: IncrementalSyncCoordinator

beforeEach(async () => {
  sandbox = await startSandbox({ password: 'Test-Only-1', databases: ['source', 'target'] })
  source = await SqlServer.connect(parseConnectionString(sandbox.connectionString('source')))
  target = await SqlServer.connect(parseConnectionString(sandbox.connectionString('target')))
  folder = mkdtempSync(`${tmpdir()}/icebridge-faults-`)
  const io = new LocalFileIO()
  catalog = await openCatalog(folder, io)
  coordinator = new IncrementalSyncCoordinator({
    source: { name: 'erp', server: source },
    target: { name: 'dwh', server: target },
    lake: { catalog, io },
    environment: { ...systemEnvironment, sleep: async (_ms, signal) => signal?.throwIfAborted() },
  })
  for (const statement of [createOrders, ...insertOrders(1, 100)]) await source.batch(statement)
  await coordinator.sync(orders)
  for (const statement of insertOrders(101, 120)) await source.batch(statement)
  await source.batch(`UPDATE [dbo].[orders] SET [customer] = N'changed' WHERE [id] <= 10;`)
})

afterEach(async () => {
  sandbox.faults.clear()
  await source.close()
  await target.close()
  await catalog[Symbol.asyncDispose]()
  await sandbox.close()
  rmSync(folder, { recursive: true, force: true })
})

const unit = /COMMIT TRANSACTION/

test('a COMMIT on the target whose answer is lost is found applied, and not applied twice', async () => {
  const fault = sandbox.faults.add({ at: 'after', text: unit, action: { do: 'drop' } })
  const result = await coordinator.sync(orders)
  expect(fault.fired).toBe(true)
  expect(result.apply).toMatchObject({ status: 'applied', units: 0, alreadyApplied: 1 })
  expect(await coordinator.verify(orders)).toMatchObject({ status: 'equal', targetRows: 120n })
  expect((await coordinator.sync(orders)).status).toBe('unchanged')
})

const mended: readonly { readonly what: string; readonly rule: FaultRule }[] = [
  { what: 'a connection lost before the unit ran', rule: { at: 'before', text: unit, action: { do: 'drop' } } },
  {
    what: 'a deadlock in the unit',
    rule: {
      at: 'before',
      text: unit,
      action: { do: 'fail', error: { number: 1205, message: 'deadlock victim', severity: 13 } },
    },
  },
  { what: 'a connection lost while rows are staged', rule: { at: 'bulkRow', nth: 5, action: { do: 'drop' } } },
  {
    what: 'a connection lost while #stage is made',
    rule: { at: 'before', text: /CREATE TABLE \[?#stage/i, action: { do: 'drop' } },
  },
]

test.each(mended)(
  '$what is mended by repeating the unit: nothing is lost and nothing arrives twice',
  async ({ rule }) => {
    const fault = sandbox.faults.add(rule)
    const { apply } = await coordinator.sync(orders)
    expect(fault.fired).toBe(true)
    expect(apply).toMatchObject({ status: 'applied', units: 1, inserted: 20n, updated: 10n })
    expect(await coordinator.verify(orders)).toMatchObject({ status: 'equal', targetRows: 120n })
  },
)

test('a statement that fails in the middle of the unit leaves target and position as they were', async () => {
  await target.batch(`ALTER TABLE [dbo].[orders] ADD CONSTRAINT [no_115] CHECK ([id] <> 115);`)
  await expect(coordinator.sync(orders)).rejects.toThrow(/no_115/)
  const [row] = await target.query({
    text: `SELECT COUNT(*) AS [n], SUM(CASE WHEN [customer] = N'changed' THEN 1 ELSE 0 END) AS [changed] FROM [dbo].[orders]`,
  })
  expect(row).toMatchObject({ n: 100, changed: 0 })
  await target.batch('ALTER TABLE [dbo].[orders] DROP CONSTRAINT [no_115];')
  expect((await coordinator.apply(orders)).inserted).toBe(20n)
  expect(await coordinator.verify(orders)).toMatchObject({ status: 'equal' })
})

test('a source connection lost in mid-stream: the rows are read again, and each arrives once', async () => {
  const fault = sandbox.faults.add({ at: 'row', nth: 7, text: /\[rv\]/, action: { do: 'drop' } })
  expect(await coordinator.extract(orders)).toMatchObject({ status: 'committed', rows: 30n, reads: { retries: 1 } })
  expect(fault.fired).toBe(true)
  await coordinator.apply(orders)
  expect(await coordinator.verify(orders)).toMatchObject({ status: 'equal' })
})

test('a connection lost while the keys of a reload are staged repeats the unit, and deletes once', async () => {
  await coordinator.sync(orders)
  await source.batch(
    'DELETE FROM [dbo].[orders] WHERE [id] > 100; ALTER TABLE [dbo].[orders] ADD [region] int NOT NULL DEFAULT 5;',
  )
  const reloading = { ...orders, skipColumns: ['region'] }
  const fault = sandbox.faults.add({ at: 'bulkRow', nth: 5, text: /#keep/, action: { do: 'drop' } })
  const lostCommit = sandbox.faults.add({ at: 'after', text: unit, action: { do: 'drop' } })
  expect((await coordinator.sync(reloading)).apply).toMatchObject({ alreadyApplied: 1 })
  expect([fault.fired, lostCommit.fired]).toEqual([true, true])
  expect(await coordinator.verify(reloading)).toMatchObject({ status: 'equal', targetRows: 100n })
  expect((await coordinator.sync(reloading)).status).toBe('unchanged')
})

test('a COMMIT of a straight load whose answer is lost is found applied', async () => {
  const copy = { ...orders, target: { schema: 'dbo', name: 'copy' } }
  const fault = sandbox.faults.add({
    at: 'after',
    text: /COUNT_BIG\(\*\) FROM \[dbo\]\.\[copy\]/,
    action: { do: 'drop' },
  })
  expect((await coordinator.sync(copy)).apply).toMatchObject({ alreadyApplied: 1 })
  expect(fault.fired).toBe(true)
  expect(await coordinator.verify(copy)).toMatchObject({ status: 'equal', targetRows: 120n })
})
