import { deepEqual, equal } from 'node:assert/strict'
import { quoteName, quoteTable } from '@icebridge/sqlserver'
import type { SqlServer, TableDefinition } from '@icebridge/sqlserver'
import type { StraightResult } from './import-result.ts'
import { SqlServerImporter } from './importer.ts'
import type { BulkSettings } from './bulk-settings.ts'
import { testTableUuid, unitOfRows } from './unit-of-rows.ts'
import type { UnitRow } from './unit-of-rows.ts'

export interface StraightConformanceOptions {
  /** An empty database for one check; closed by the check. */
  readonly open: () => Promise<SqlServer>
}

/** What a first load owes that goes straight into the target. The checks throw; they import no test runner. */
export function straightLoadConformance(
  options: StraightConformanceOptions,
): readonly { readonly name: string; readonly run: () => Promise<void> }[] {
  return checks.map(({ name, run }) => ({
    name,
    run: async () => {
      await using server = await options.open()
      await run(server)
    },
  }))
}

interface Check {
  readonly name: string
  readonly run: (server: SqlServer) => Promise<void>
}

const tableKey = 'erp.dbo.orders'
const table = { schema: 'dbo', name: 'orders' }
const environment = { nowMs: () => Date.UTC(2026, 0, 1), sleep: async () => {} }
const common = { tableKey, tableUuid: testTableUuid, lakeLocation: '/lake', runId: 'conformance' }

async function prepared(server: SqlServer, ddl: string): Promise<TableDefinition> {
  await server.batch(ddl)
  await new SqlServerImporter({ target: server, environment }).prepare()
  return await server.describeTable(table)
}

async function load(
  server: SqlServer,
  definition: TableDefinition,
  rows: readonly UnitRow[],
  options: BulkSettings = {},
): Promise<StraightResult> {
  const importer = new SqlServerImporter({ target: server, environment, bulk: options })
  const unit = unitOfRows(definition, rows, { from: 1n, rowsPerBatch: 3 })
  return await importer.loadStraight(unit, importer.plan(definition, definition), common)
}

async function contents(server: SqlServer, definition: TableDefinition, order = '[id]'): Promise<readonly unknown[]> {
  const list = definition.columns.map((column) => quoteName(column.name)).join(', ')
  return await server.query({ text: `SELECT ${list} FROM ${quoteTable(definition.table)} ORDER BY ${order}` })
}

async function position(server: SqlServer): Promise<bigint | undefined> {
  const importer = new SqlServerImporter({ target: server, environment })
  return (await importer.position(tableKey))?.sequence
}

function upsert(values: UnitRow['values']): UnitRow {
  return { op: 'upsert', values }
}

const plain = 'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [name] nvarchar(20) NULL)'

const checks: readonly Check[] = [
  {
    name: 'leaves the rows that units would leave: identity values, NULLs, text, computed columns and rowversions',
    async run(server) {
      const definition = await prepared(
        server,
        "CREATE TABLE [dbo].[orders] ([id] int IDENTITY(1, 1) NOT NULL PRIMARY KEY, [name] nvarchar(20) NULL DEFAULT N'none', " +
          '[code] varchar(10) COLLATE Latin1_General_100_CI_AS NULL, [price] decimal(38, 10) NULL, [paid] money NULL, [at] datetime2(7) NULL, ' +
          '[moment] datetimeoffset(7) NULL, [old] datetime NULL, [ratio] float NULL, [body] varbinary(max) NULL, [twice] AS ([id] * (2)), [rv] rowversion)',
      )
      const rows = [7, 40, 12, 3].map((id) =>
        upsert({
          id,
          name: id === 12 ? null : `n${id}`,
          code: 'Grüße ',
          price: 12_345_678_901_234_567_890_123_456_789n,
          paid: -9_223_372_036_854_775_808n,
          at: 253_402_300_799_999_999n,
          _sync_ns100_at: 9,
          moment: 1_700_000_000_000_000n,
          _sync_ns100_moment: 7,
          _sync_offset_moment: -90,
          old: 1_700_000_000_003_333n,
          ratio: -0,
          body: Uint8Array.of(0, 1, 255),
        }),
      )
      const result = await load(server, definition, rows)
      equal(result.status, 'applied')
      equal(await position(server), 4n)
      const asText = new Map([
        ['price', 'CONVERT(varchar(60), [price])'],
        ['paid', 'CONVERT(varchar(60), [paid], 2)'],
        ['moment', 'CONVERT(varchar(60), [moment])'],
      ])
      const shown = definition.columns
        .filter(({ name }) => name !== 'rv')
        .map(({ name }) => `${asText.get(name) ?? quoteName(name)} AS ${quoteName(name)}`)
      const query = { text: `SELECT ${shown.join(', ')} FROM [dbo].[orders] ORDER BY [id]` }
      const straight = await server.query(query)
      await server.batch('DELETE FROM [dbo].[orders]; DELETE FROM [icebridge].[applied]')
      const importer = new SqlServerImporter({ target: server, environment })
      const unit = unitOfRows(definition, rows, { from: 1n })
      await importer.apply(unit, importer.plan(definition, definition), { ...common, position: undefined })
      deepEqual(await server.query(query), straight)
      equal(straight.length, 4)
    },
  },
  {
    name: 'goes in batches within the one transaction',
    async run(server) {
      const definition = await prepared(server, plain)
      const rows = Array.from({ length: 10 }, (_, id) => upsert({ id, name: `n${id}` }))
      equal((await load(server, definition, rows, { batchRows: 4 })).status, 'applied')
      equal((await contents(server, definition)).length, 10)
      // A row of the last batch that is refused takes the earlier ones with it.
      await server.batch('DELETE FROM [dbo].[orders]; DELETE FROM [icebridge].[applied]')
      const result = await load(server, definition, [...rows, upsert({ id: 3 })], { batchRows: 4 })
      deepEqual([result.status, result.status === 'declined' && result.reason], ['declined', 'constraint'])
      deepEqual(await contents(server, definition), [])
      equal(await position(server), undefined)
    },
  },
  {
    name: 'declines a target that is not empty, and leaves it alone',
    async run(server) {
      const definition = await prepared(server, plain)
      await server.batch("INSERT INTO [dbo].[orders] VALUES (9, N'there')")
      const result = await load(server, definition, [upsert({ id: 1 })])
      deepEqual([result.status, result.status === 'declined' && result.reason], ['declined', 'occupied'])
      deepEqual(await contents(server, definition), [{ id: 9, name: 'there' }])
    },
  },
  {
    name: 'checks CHECK constraints and foreign keys, as INSERT does',
    async run(server) {
      await server.batch(
        'CREATE TABLE [dbo].[parents] ([id] int NOT NULL PRIMARY KEY); INSERT INTO [dbo].[parents] VALUES (1)',
      )
      const definition = await prepared(
        server,
        'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [n] int NULL CHECK ([n] > 0), [parent] int NULL REFERENCES [dbo].[parents] ([id]))',
      )
      for (const values of [
        { id: 1, n: -1, parent: 1 },
        { id: 1, n: 1, parent: 2 },
      ]) {
        const result = await load(server, definition, [upsert({ id: 2, n: 1, parent: 1 }), upsert(values)])
        deepEqual([result.status, result.status === 'declined' && result.reason], ['declined', 'constraint'])
        deepEqual(await contents(server, definition), [])
      }
      equal((await load(server, definition, [upsert({ id: 1, n: 1, parent: 1 })])).status, 'applied')
    },
  },
  {
    name: 'declines a load in which a key stands twice, whatever pieces the rows go in',
    async run(server) {
      const definition = await prepared(server, plain)
      for (const options of [{}, { batchRows: 2 }]) {
        const rows = [1, 2, 3, 4, 1].map((id, at) => upsert({ id, name: `${at}` }))
        const result = await load(server, definition, rows, options)
        deepEqual([result.status, result.status === 'declined' && result.reason], ['declined', 'constraint'])
        deepEqual(await contents(server, definition), [])
        equal(await position(server), undefined)
      }
    },
  },
  {
    name: 'declines a load in which a key stands twice as the collation of the target sees it',
    async run(server) {
      const definition = await prepared(
        server,
        'CREATE TABLE [dbo].[orders] ([id] nvarchar(20) COLLATE Latin1_General_100_CI_AS NOT NULL PRIMARY KEY)',
      )
      const result = await load(server, definition, [upsert({ id: 'ice' }), upsert({ id: 'ICE' })])
      deepEqual([result.status, result.status === 'declined' && result.reason], ['declined', 'constraint'])
      deepEqual(await contents(server, definition), [])
    },
  },
  {
    name: 'does nothing for a plan that stands against it',
    async run(server) {
      const definition = await prepared(
        server,
        'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [note] xml NULL)',
      )
      const result = await load(server, definition, [upsert({ id: 1, note: '<a/>' })])
      deepEqual(
        [result.status, result.status === 'declined' && result.reason, result.attempts],
        ['declined', 'plan', 0],
      )
      deepEqual(await contents(server, definition), [])
      equal(await position(server), undefined)
    },
  },
  {
    name: 'declines a load that holds a delete',
    async run(server) {
      const definition = await prepared(server, plain)
      const result = await load(server, definition, [upsert({ id: 1 }), { op: 'delete', values: { id: 2 } }])
      deepEqual([result.status, result.status === 'declined' && result.reason], ['declined', 'deletes'])
      deepEqual(await contents(server, definition), [])
      equal(await position(server), undefined)
    },
  },
  {
    name: 'is applied once: a second load finds the position',
    async run(server) {
      const definition = await prepared(server, plain)
      equal((await load(server, definition, [upsert({ id: 1 })])).status, 'applied')
      equal((await load(server, definition, [upsert({ id: 1 })])).status, 'alreadyApplied')
      equal((await load(server, definition, [upsert({ id: 1 }), upsert({ id: 2 })])).status, 'conflict')
      equal((await contents(server, definition)).length, 1)
    },
  },
]
