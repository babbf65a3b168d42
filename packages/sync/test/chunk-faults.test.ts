import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { LocalFileIO } from '@icebridge/fileio'
import { systemEnvironment, type SqlCatalog } from '@icebridge/iceberg-catalog'
import { parseConnectionString, SqlServer } from '@icebridge/sqlserver'
import { startSandbox, type FaultRule, type Sandbox } from '@icebridge/sqlserver-sandbox'
import { IncrementalSyncCoordinator, type TableSync } from '@icebridge/sync'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createOrders, insertOrders, openCatalog } from './bench.ts'

// Faults are struck on the wire of the sandbox, so these tests run on it alone, whatever server the other suites have.
const orders: TableSync = { table: { schema: 'dbo', name: 'orders' }, load: { chunkRows: 100, connections: 2 } }
let sandbox: Sandbox
let source: SqlServer
let catalog: SqlCatalog
let folder: string
let coordinator: IncrementalSyncCoordinator

beforeEach(async () => {
  sandbox = await startSandbox({ password: 'Test-Only-1', databases: ['source'], traceLimit: 1000 })
  source = await SqlServer.connect({
    ...parseConnectionString(sandbox.connectionString('source')),
    idleTimeoutMs: 400,
  })
  folder = mkdtempSync(`${tmpdir()}/icebridge-chunk-faults-`)
  const io = new LocalFileIO()
  catalog = await openCatalog(folder, io)
  coordinator = new IncrementalSyncCoordinator({
    source: { name: 'erp', server: source },
    lake: { catalog, io },
    environment: { ...systemEnvironment, sleep: async (_ms, signal) => signal?.throwIfAborted() },
  })
  for (const statement of [createOrders, ...insertOrders(1, 500)]) await source.batch(statement)
})

afterEach(async () => {
  sandbox.faults.clear()
  await source.close()
  await catalog[Symbol.asyncDispose]()
  await sandbox.close()
  rmSync(folder, { recursive: true, force: true })
})

const rows = / AS \[c0\], .* FROM \[dbo\]\.\[orders\] /
const transient: readonly { readonly what: string; readonly rule: FaultRule }[] = [
  { what: 'a connection lost in the fourth chunk', rule: { at: 'row', text: rows, nth: 350, action: { do: 'drop' } } },
  {
    what: 'a read that stalls in the fourth chunk',
    rule: { at: 'row', text: rows, nth: 350, action: { do: 'stall' } },
  },
  {
    what: 'a deadlock while the end of a chunk is looked for',
    rule: {
      at: 'before',
      text: /OFFSET @skip/,
      nth: 3,
      action: { do: 'fail', error: { number: 1205, message: 'deadlock victim', severity: 13 } },
    },
  },
  {
    what: 'throttling by Azure',
    rule: {
      at: 'before',
      text: rows,
      nth: 5,
      action: { do: 'fail', error: { number: 40_501, message: 'the service is busy', severity: 16 } },
    },
  },
]

test.each(transient)('$what: the chunk is read again, those before it are not', async ({ rule }) => {
  const fault = sandbox.faults.add(rule)
  const result = await coordinator.extract(orders)
  expect(fault.fired).toBe(true)
  expect(result).toMatchObject({ rows: 500n, sequence: { from: 1n, to: 500n }, load: { chunks: 5 } })
  expect(result.reads.retries).toBeGreaterThanOrEqual(1)
  const reads = sandbox.trace.filter(({ text }) => rows.test(text))
  // Five chunks, and at most the two that were being read once more.
  expect(reads.length).toBeLessThanOrEqual(7)
})

test('an error that does not pass ends the run, and the chunks before it stay', async () => {
  const error = { number: 208, message: "Invalid object name 'dbo.orders'.", severity: 16 }
  sandbox.faults.add({ at: 'before', text: rows, nth: 4, action: { do: 'fail', error } })
  await expect(coordinator.extract(orders)).rejects.toMatchObject({ code: 'statement' })
  expect(await coordinator.extract(orders)).toMatchObject({ rows: 200n, load: { resumedAfter: 3, chunks: 2 } })
})

test('an increment that loses its connection is read again whole', async () => {
  await coordinator.extract(orders)
  for (const statement of insertOrders(501, 800)) await source.batch(statement)
  sandbox.faults.add({ at: 'row', text: rows, nth: 250, action: { do: 'drop' } })
  expect(await coordinator.extract(orders)).toMatchObject({
    mode: 'increment',
    rows: 300n,
    sequence: { from: 501n, to: 800n },
    reads: { retries: 1 },
  })
})
