import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { systemEnvironment } from '@icebridge/iceberg-catalog'
import { columnView } from '@icebridge/columnar'
import { InMemoryCatalog } from '@icebridge/iceberg-core/testing'
import { openTable, type Catalog } from '@icebridge/iceberg-core'
import { IcebergReader } from '@icebridge/iceberg-io'
import { rangeKeyOf, rowRange, SqlServer } from '@icebridge/sqlserver'
import type { ExtractResult, LoadOptions, TableSync } from '@icebridge/sync'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LoadChunks } from '../src/read/load-chunks.ts'
import { Bench, createOrders, insertOrders } from './bench.ts'

const orders = (load: LoadOptions): TableSync => ({ table: { schema: 'dbo', name: 'orders' }, load })
let bench: Bench

beforeEach(async () => {
  bench = await Bench.open()
  for (const statement of [createOrders, ...insertOrders(1, 500)]) await bench.source.batch(statement)
})

afterEach(() => bench[Symbol.asyncDispose]())

function memoryCatalog(): InMemoryCatalog {
  return new InMemoryCatalog({ io: bench.io, environment: systemEnvironment, warehouse: bench.folder })
}

interface JournalRows {
  /** Sorted. */
  readonly sequences: readonly bigint[]
  readonly ids: readonly bigint[]
  /** `load-chunk` of each snapshot, in order. */
  readonly chunks: readonly (string | undefined)[]
  readonly loads: ReadonlySet<string | undefined>
}

async function journalRows(catalog: Catalog = bench.catalog): Promise<JournalRows> {
  const table = await openTable(catalog, { namespace: ['erp_dbo'], name: 'orders__changes' }, bench.io)
  const sequences: bigint[] = []
  const ids: bigint[] = []
  for await (const batch of new IcebergReader(table).scan({ columns: ['_sync_seq', 'id'] })) {
    const [seq, id] = [columnView(batch, 0), columnView(batch, 1)]
    if (seq.kind !== 'int64' || id.kind !== 'int64') throw new TypeError('both are longs')
    for (let row = 0; row < batch.numRows; row++) {
      sequences.push(seq.value(row))
      ids.push(id.value(row))
    }
  }
  const { snapshots } = table.loaded.metadata
  const order = (a: bigint, b: bigint): number => (a < b ? -1 : 1)
  return {
    sequences: sequences.toSorted(order),
    ids: ids.toSorted(order),
    chunks: snapshots.map(({ summary }) => summary['icebridge.load-chunk']),
    loads: new Set(snapshots.map(({ summary }) => summary['icebridge.load-id'])),
  }
}

const upTo = (last: number): readonly bigint[] => Array.from({ length: last }, (_, index) => BigInt(index + 1))

type Committed = Extract<ExtractResult, { status: 'committed' }>

function committed(result: ExtractResult | undefined): Committed {
  if (result?.status !== 'committed') throw new Error(`the extract is ${result?.status}`)
  return result
}

test('a first load is committed chunk by chunk, read over several connections, numbered without gaps', async () => {
  const coordinator = bench.coordinator()
  const { extract, apply } = await coordinator.sync(orders({ chunkRows: 100, connections: 3 }))
  expect(extract).toMatchObject({
    status: 'committed',
    mode: 'load',
    rows: 500n,
    sequence: { from: 1n, to: 500n },
    load: { chunks: 5, resumedAfter: 0, key: 'PK_orders' },
    reads: { retries: 0 },
  })
  const { reads } = committed(extract)
  expect(reads.connections).toBeGreaterThanOrEqual(2)
  expect(reads.connections).toBeLessThanOrEqual(3)
  expect(reads.longestRequestMs).toBeGreaterThan(0)
  expect(reads.longestTransactionMs).toBe(reads.longestRequestMs)
  expect(apply).toMatchObject({ inserted: 500n })
  const rows = await journalRows()
  expect(rows.sequences).toEqual(upTo(500))
  expect(rows.ids).toEqual(upTo(500))
  expect(rows.chunks).toEqual([...[1, 2, 3, 4].map((n) => `${n}/?`), '5/5'])
  expect(await coordinator.verify(orders({}))).toMatchObject({ status: 'equal', sourceRows: 500n })
  expect((await coordinator.sync(orders({ chunkRows: 100 }))).status).toBe('unchanged')
})

test.each([1, 2, 4])('over %i connections the rows are the same, in the same order', async (connections) => {
  const { reads } = committed(await bench.coordinator().extract(orders({ chunkRows: 150, connections })))
  expect(reads.connections).toBeLessThanOrEqual(connections)
  const { sequences, ids, chunks } = await journalRows()
  expect([sequences, ids, chunks]).toEqual([upTo(500), upTo(500), ['1/?', '2/?', '3/?', '4/4']])
})

test('chunkRows 0 reads the table in one stream, and plan says so', async () => {
  const coordinator = bench.coordinator()
  const table = orders({ chunkRows: 0 })
  expect((await coordinator.plan(table)).notes).toContainEqual(expect.stringContaining('first load: one stream'))
  expect(await coordinator.extract(table)).toMatchObject({ rows: 500n, load: { chunks: 1, key: undefined } })
  expect((await journalRows()).chunks).toEqual(['1/1'])
  expect((await coordinator.plan(orders({ chunkRows: 70 }))).notes).toContainEqual(
    expect.stringContaining('first load: chunks of up to 70 rows along PK_orders, 2 at a time'),
  )
})

test('a table whose key cannot bound a chunk is loaded in one stream, and plan says why', async () => {
  await bench.source.batch(
    'CREATE TABLE [dbo].[odd] ([v] sql_variant NOT NULL PRIMARY KEY, [n] int NULL, [rv] rowversion NOT NULL);',
  )
  const { notes } = await bench.coordinator().plan({ table: { schema: 'dbo', name: 'odd' } })
  expect(notes).toContainEqual(
    expect.stringContaining(
      'first load: one stream and one commit, which a crash starts again: the table has a key over v (sql_variant)',
    ),
  )
})

test('an empty table is a load of one chunk without rows', async () => {
  await bench.source.batch('DELETE FROM [dbo].[orders];')
  expect(await bench.coordinator().extract(orders({}))).toMatchObject({ mode: 'load', rows: 0n, load: { chunks: 1 } })
})

test.each([
  ['a uniqueidentifier', '[k] uniqueidentifier NOT NULL PRIMARY KEY', 'NEWID()'],
  [
    'text and a descending number',
    '[k] varchar(20) COLLATE Latin1_General_CI_AS NOT NULL, [n] int NOT NULL, CONSTRAINT [PK_t] PRIMARY KEY ([k], [n] DESC)',
    "CONCAT('Key ', [id] % 7), [id]",
  ],
])('every row arrives once whose key is %s', async (_what, columns, values) => {
  await bench.source.batch(`CREATE TABLE [dbo].[keyed] (${columns}, [rv] rowversion NOT NULL);`)
  const names = columns.includes('[n]') ? '[k], [n]' : '[k]'
  await bench.source.batch(`INSERT INTO [dbo].[keyed] (${names}) SELECT ${values} FROM [dbo].[orders];`)
  const table: TableSync = { table: { schema: 'dbo', name: 'keyed' }, load: { chunkRows: 130 } }
  const coordinator = bench.coordinator()
  expect((await coordinator.sync(table)).extract).toMatchObject({ rows: 500n, load: { chunks: 4 } })
  expect(await coordinator.verify(table)).toMatchObject({ status: 'equal', targetRows: 500n })
})

test.each([
  ['a short rest of a table joins the chunk before it', 2250, 250_000, [1000, 1250]],
  ['a longer one is a chunk', 2251, 250_000, [1000, 1000, 251]],
  ['but not where it would be too long', 2010, 1005, [1000, 1000, 10]],
])('%s', async (_what, rows, chunkRows, expected) => {
  await bench.source.batch('CREATE TABLE [dbo].[wide] ([id] int NOT NULL PRIMARY KEY, [v] nvarchar(max) NULL);')
  await bench.source.batch(
    `INSERT INTO [dbo].[wide] ([id]) SELECT TOP (${rows}) a.[id] * 1000 + b.[id] FROM [dbo].[orders] AS a CROSS JOIN [dbo].[orders] AS b;`,
  )
  const table = await bench.source.describeTable({ schema: 'dbo', name: 'wide' })
  const { key } = rangeKeyOf(table)
  if (key === undefined) throw new TypeError('the table has a key')
  const chunks = new LoadChunks({ table, key, chunkRows, reads: bench.source, done: { chunks: 0, upTo: undefined } })
  chunks.learn(1n, 1024 * 1024) // rows so wide that a chunk has a thousand
  const counts: number[] = []
  for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
    const range = rowRange(key, chunk.ends)
    const where = range === undefined ? '' : ` WHERE ${range.predicate('[t]')}`
    const [row] = await bench.source.query({
      text: `SELECT COUNT(*) AS [n] FROM [dbo].[wide] AS [t]${where}`,
      parameters: range?.parameters ?? [],
    })
    counts.push(Number(row?.['n']))
  }
  expect(counts).toEqual(expected)
})

test('what changes during a load, keys too, is caught by the next run, which begins at the hand-over', async () => {
  const catalog = memoryCatalog()
  const coordinator = bench.coordinator({ catalog })
  let commits = 0
  catalog.beforeCommit = async () => {
    commits += 1
    if (commits !== 3) return
    // Rows before and after the chunk being committed; one that moves to where the load has been; new ones at both ends.
    await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'meanwhile' WHERE [id] IN (5, 450);`)
    await bench.source.batch(`UPDATE [dbo].[orders] SET [id] = -7 WHERE [id] = 400;`)
    await bench.source.batch(`INSERT INTO [dbo].[orders] ([id], [customer]) VALUES (-1, N'new'), (5000, N'new');`)
  }
  const first = committed((await coordinator.sync(orders({ chunkRows: 100, connections: 1 }))).extract)
  expect(first).toMatchObject({ rows: 500n, load: { chunks: 5 } })
  catalog.beforeCommit = undefined
  const second = committed((await coordinator.sync(orders({ chunkRows: 100 }))).extract)
  expect(second).toMatchObject({ mode: 'increment', rows: 5n, load: undefined })
  expect((await journalRows(catalog)).sequences).toEqual(upTo(505))
  expect(await coordinator.verify(orders({}))).toMatchObject({ status: 'equal', targetRows: 502n })
})

test('a process killed between two chunks: the next goes on with the same load and reads the missing chunks alone', async () => {
  const script = fileURLToPath(new URL('extractor.mjs', import.meta.url))
  const load = { chunkRows: 50, connections: 2 }
  const config = JSON.stringify(bench.server.config('source'))
  const child = spawn(process.execPath, ['--no-warnings', script, bench.folder, config, JSON.stringify(load)])
  let [out, stderr] = ['', '']
  child.stderr.on('data', (data) => (stderr += String(data)))
  child.stdout.on('data', (data) => {
    out += String(data)
    if (out.split('\n').includes('4')) child.kill('SIGKILL')
  })
  const signal = await new Promise((resolve) => child.on('close', (_code, by) => resolve(by)))
  expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' })

  const before = await journalRows()
  const there = before.chunks.length
  expect(there).toBeGreaterThanOrEqual(3)
  expect(there).toBeLessThan(10)
  expect(before.sequences).toEqual(upTo(there * 50))
  for (const statement of insertOrders(501, 510)) await bench.source.batch(statement)
  const result = await bench.coordinator().sync(orders({ ...load, chunkRows: 125 }))
  // The new rows are read as they are, and come again with the run after.
  const left = 510 - there * 50
  expect(result.extract).toMatchObject({
    mode: 'load',
    rows: BigInt(left),
    load: { resumedAfter: there, chunks: Math.ceil(left / 125) },
  })
  const after = await journalRows()
  expect(after.loads).toEqual(before.loads)
  expect([after.sequences, after.ids]).toEqual([upTo(510), upTo(510)])
  expect((await bench.coordinator().sync(orders(load))).extract).toMatchObject({ mode: 'increment', rows: 10n })
  expect(await bench.coordinator().verify(orders({}))).toMatchObject({ status: 'equal', targetRows: 510n })
}, 30_000)

/** Runs a load and stops it when it has begun to read the chunk. */
async function stopAt(chunk: number, load: LoadOptions): Promise<void> {
  const abort = new AbortController()
  const running = bench.coordinator().extract(orders(load), {
    signal: abort.signal,
    onProgress: (progress) => {
      if (progress.chunk === chunk) abort.abort(new Error('stopped by the operator'))
    },
  })
  await expect(running).rejects.toThrow('stopped by the operator')
}

test('an abort keeps the chunks that are committed, and the next run goes on after them', async () => {
  await stopAt(4, { chunkRows: 100 })
  expect((await journalRows()).sequences).toEqual(upTo(300))
  expect((await bench.coordinator().status(orders({}))).journal).toMatchObject({
    watermark: undefined,
    loading: { chunks: 3 },
  })
  expect(await bench.coordinator().extract(orders({ chunkRows: 100 }))).toMatchObject({
    rows: 200n,
    sequence: { from: 301n, to: 500n },
    load: { resumedAfter: 3, chunks: 2 },
  })
  expect((await bench.coordinator().status(orders({}))).journal?.loading).toBeUndefined()
})

test('a load whose key has changed since begins anew, and nothing is missing', async () => {
  await stopAt(4, { chunkRows: 100 })
  await bench.source.batch('ALTER TABLE [dbo].[orders] DROP CONSTRAINT [PK_orders];')
  await bench.source.batch('ALTER TABLE [dbo].[orders] ADD CONSTRAINT [PK_orders] PRIMARY KEY ([id] DESC);')
  const coordinator = bench.coordinator()
  expect((await coordinator.sync(orders({ chunkRows: 200 }))).extract).toMatchObject({
    rows: 500n,
    sequence: { from: 301n, to: 800n },
    load: { resumedAfter: 0, chunks: 3 },
  })
  expect(await coordinator.verify(orders({}))).toMatchObject({ status: 'equal', targetRows: 500n })
})

test('two extractors that race through one load repeat nothing and lose nothing', async () => {
  const catalog = memoryCatalog()
  const table = orders({ chunkRows: 100 })
  const results = await Promise.all([1, 2].map(() => bench.coordinator({ catalog }).extract(table)))
  expect(results.reduce((sum, { rows }) => sum + rows, 0n)).toBe(500n)
  const { sequences, ids, loads } = await journalRows(catalog)
  expect([sequences, ids, loads.size]).toEqual([upTo(500), upTo(500), 1])
})

test('maxRowsPerSecond slows all connections down together', async () => {
  const result = committed(
    await bench.coordinator().extract(orders({ chunkRows: 125, connections: 2, maxRowsPerSecond: 750 })),
  )
  expect(result.rows).toBe(500n)
  expect(result.durationMs).toBeGreaterThanOrEqual(660)
})

test('reads are isolated by a snapshot where the database and the strategy allow it', async () => {
  const allow = async (state: 'ON' | 'OFF'): Promise<SqlServer> => {
    const config = bench.server.config('source')
    await bench.source.batch(`ALTER DATABASE [${config.database}] SET ALLOW_SNAPSHOT_ISOLATION ${state};`)
    return await SqlServer.connect(config)
  }
  await using without = await allow('OFF')
  const coordinator = bench.coordinator({ source: { name: 'erp', server: without } })
  await expect(coordinator.extract(orders({ isolation: 'snapshot' }))).rejects.toMatchObject({
    code: 'plan',
    problems: [
      expect.objectContaining({ code: 'no-snapshot-isolation', hint: expect.stringContaining('ALTER DATABASE') }),
    ],
  })
  expect(await bench.catalog.tableExists({ namespace: ['erp_dbo'], name: 'orders__changes' })).toBe(false)
  expect(await coordinator.extract(orders({}))).toMatchObject({ reads: { isolation: 'read-committed' } })

  await using allowing = await allow('ON')
  const second = bench.coordinator({ source: { name: 'erp', server: allowing } })
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'x' WHERE [id] = 1;`)
  expect(await second.extract(orders({}))).toMatchObject({ rows: 1n, reads: { isolation: 'snapshot' } })
  await bench.source.batch(`UPDATE [dbo].[orders] SET [customer] = N'y' WHERE [id] = 1;`)
  const chosen = await second.extract(orders({ isolation: 'read-committed' }))
  expect(chosen).toMatchObject({ rows: 1n, reads: { isolation: 'read-committed' } })

  await bench.source.batch(
    `CREATE TABLE [dbo].[stamped] ([id] int NOT NULL PRIMARY KEY, [at] datetime2(7) NOT NULL DEFAULT SYSUTCDATETIME());`,
  )
  await bench.source.batch('INSERT INTO [dbo].[stamped] ([id]) VALUES (1), (2), (3);')
  const stamped: TableSync = {
    table: { schema: 'dbo', name: 'stamped' },
    strategy: { kind: 'timestamp', column: 'at' },
    load: { chunkRows: 2 },
  }
  expect(await second.extract(stamped)).toMatchObject({
    rows: 3n,
    load: { chunks: 2 },
    reads: { isolation: 'read-committed' },
  })
})

test.each([{ chunkRows: -1 }, { connections: 0 }, { maxRowsPerSecond: 0.5 }])(
  'a setting that makes no sense is refused before anything is read: %o',
  async (load) => {
    await expect(bench.coordinator().extract(orders(load))).rejects.toMatchObject({
      code: 'plan',
      problems: [expect.objectContaining({ code: 'invalid-setting' })],
    })
  },
)
