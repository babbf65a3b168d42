import { deepEqual, equal } from 'node:assert/strict'
import { quoteName, quoteTable } from '@icebridge/sqlserver'
import type { SqlServer, TableDefinition, TableName } from '@icebridge/sqlserver'
import { SqlServerImporter } from './importer.ts'
import type { ApplyOptions } from './importer.ts'
import type { ImportResult, MergeResult } from './import-result.ts'
import type { MergeStrategy } from './merge-strategy.ts'
import { testTableUuid, unitOfRows } from './unit-of-rows.ts'
import type { UnitRow } from './unit-of-rows.ts'

export { straightLoadConformance } from './straight-conformance.ts'
export type { StraightConformanceOptions } from './straight-conformance.ts'
export { testTableUuid, unitOfRows } from './unit-of-rows.ts'
export type { UnitOptions, UnitRow, UnitValue } from './unit-of-rows.ts'

export interface MergeConformanceOptions {
  readonly strategy: () => MergeStrategy
  /** An empty database for one check; closed by the check. */
  readonly open: () => Promise<SqlServer>
}

/** What every {@link MergeStrategy} owes. The checks throw; they import no test runner. */
export function mergeStrategyConformance(
  options: MergeConformanceOptions,
): readonly { readonly name: string; readonly run: () => Promise<void> }[] {
  return checks.map(({ name, run }) => ({
    name,
    run: async () => {
      await using server = await options.open()
      await run(await MergeFixture.open(server, options.strategy()))
    },
  }))
}

interface Check {
  readonly name: string
  readonly run: (fixture: MergeFixture) => Promise<void>
}

/** A table in the target, and units that follow one another into it. */
class MergeFixture {
  readonly server: SqlServer
  readonly importer: SqlServerImporter
  readonly #next = new Map<string, Pick<ApplyOptions, 'position'>>()

  private constructor(server: SqlServer, importer: SqlServerImporter) {
    this.server = server
    this.importer = importer
  }

  static async open(server: SqlServer, strategy: MergeStrategy): Promise<MergeFixture> {
    const environment = { nowMs: () => Date.UTC(2026, 0, 1), sleep: async () => {} }
    const importer = new SqlServerImporter({ target: server, environment, strategy })
    await importer.prepare()
    return new MergeFixture(server, importer)
  }

  async table(ddl: string, table: TableName = { schema: 'dbo', name: 'orders' }): Promise<TableDefinition> {
    await this.server.batch(ddl)
    return await this.server.describeTable(table)
  }

  async apply(definition: TableDefinition, rows: readonly UnitRow[]): Promise<MergeResult> {
    return (await this.applied(definition, rows)).merge
  }

  async applied(
    definition: TableDefinition,
    rows: readonly UnitRow[],
    reload?: readonly UnitRow[],
  ): Promise<Extract<ImportResult, { status: 'applied' }>> {
    const tableKey = quoteTable(definition.table)
    const position = this.#next.get(tableKey)?.position
    const unit = unitOfRows(definition, rows, {
      from: (position?.sequence ?? 0n) + 1n,
      ...(reload === undefined ? {} : { reload }),
    })
    const result: ImportResult = await this.importer.apply(unit, this.importer.plan(definition, definition), {
      tableKey,
      tableUuid: testTableUuid,
      position,
      lakeLocation: '/lake',
      runId: 'conformance',
    })
    if (result.status !== 'applied') throw new Error(`the unit was not applied: ${result.status}`)
    this.#next.set(tableKey, { position: result.position })
    return result
  }

  async rows(definition: TableDefinition, order: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const list = definition.columns.map((column) => quoteName(column.name)).join(', ')
    return await this.server.query({ text: `SELECT ${list} FROM ${quoteTable(definition.table)} ORDER BY ${order}` })
  }
}

function counts(inserted: bigint, updated: bigint, deleted: bigint, unchanged: bigint): MergeResult {
  return { inserted, updated, deleted, unchanged }
}

function upsert(values: UnitRow['values']): UnitRow {
  return { op: 'upsert', values }
}

function remove(values: UnitRow['values']): UnitRow {
  return { op: 'delete', values }
}

const plain = 'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [name] nvarchar(20) NULL)'

const checks: readonly Check[] = [
  {
    name: 'inserts, updates, deletes and counts what stayed as it was',
    async run(fixture) {
      const orders = await fixture.table(plain)
      const first = [1, 2, 3, 4].map((id) => upsert({ id, name: `n${id}` }))
      deepEqual(await fixture.apply(orders, first), counts(4n, 0n, 0n, 0n))
      const second = [
        upsert({ id: 1, name: 'n1' }),
        upsert({ id: 2, name: 'changed' }),
        remove({ id: 3 }),
        remove({ id: 9 }),
        { op: 'insert', values: { id: 5, name: null } },
        { op: 'update', values: { id: 4, name: 'n4' } },
      ] as const
      deepEqual(await fixture.apply(orders, second), counts(1n, 1n, 1n, 3n))
      deepEqual(await fixture.rows(orders, '[id]'), [
        { id: 1, name: 'n1' },
        { id: 2, name: 'changed' },
        { id: 4, name: 'n4' },
        { id: 5, name: null },
      ])
    },
  },
  {
    name: 'takes the newest of several versions of a key',
    async run(fixture) {
      const orders = await fixture.table(plain)
      const rows = [
        upsert({ id: 1, name: 'old' }),
        upsert({ id: 2, name: 'kept' }),
        upsert({ id: 1, name: 'newer' }),
        remove({ id: 2 }),
        remove({ id: 3 }),
        upsert({ id: 3, name: 'back' }),
        upsert({ id: 1, name: 'newest' }),
      ]
      deepEqual(await fixture.apply(orders, rows), counts(2n, 0n, 0n, 1n))
      deepEqual(await fixture.rows(orders, '[id]'), [
        { id: 1, name: 'newest' },
        { id: 3, name: 'back' },
      ])
    },
  },
  {
    name: 'sets a value to NULL and back',
    async run(fixture) {
      const orders = await fixture.table(plain)
      await fixture.apply(orders, [upsert({ id: 1, name: 'a' })])
      deepEqual(await fixture.apply(orders, [upsert({ id: 1, name: null })]), counts(0n, 1n, 0n, 0n))
      deepEqual(await fixture.apply(orders, [upsert({ id: 1, name: null })]), counts(0n, 0n, 0n, 1n))
      deepEqual(await fixture.apply(orders, [upsert({ id: 1, name: '' })]), counts(0n, 1n, 0n, 0n))
      deepEqual(await fixture.rows(orders, '[id]'), [{ id: 1, name: '' }])
    },
  },
  {
    name: 'sees changes of letter case, trailing spaces, trailing zero bytes, the sign of zero and the offset',
    async run(fixture) {
      const orders = await fixture.table(
        'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [name] nvarchar(20) COLLATE Latin1_General_100_CI_AS NULL, ' +
          '[code] varchar(20) COLLATE Latin1_General_100_CI_AS NULL, [body] varbinary(20) NULL, [ratio] float NULL, [at] datetimeoffset(7) NULL)',
      )
      const at = { at: 1_700_000_000_000_000n, _sync_ns100_at: 7, _sync_offset_at: 60 }
      const base = { id: 1, name: 'abc', code: 'a', body: Uint8Array.of(1), ratio: 0, ...at }
      const changes: readonly UnitRow['values'][] = [
        { ...base, name: 'ABC' },
        { ...base, code: 'a ' },
        { ...base, body: Uint8Array.of(1, 0) },
        { ...base, ratio: -0 },
        { ...base, _sync_offset_at: 120 },
        { ...base, _sync_ns100_at: 8 },
      ]
      await fixture.apply(orders, [upsert(base)])
      for (const change of changes) {
        deepEqual(await fixture.apply(orders, [upsert(change)]), counts(0n, 1n, 0n, 0n))
        deepEqual(await fixture.apply(orders, [upsert(change)]), counts(0n, 0n, 0n, 1n))
        deepEqual(await fixture.apply(orders, [upsert(base)]), counts(0n, 1n, 0n, 0n))
      }
      deepEqual(await fixture.apply(orders, [upsert(base)]), counts(0n, 0n, 0n, 1n))
    },
  },
  {
    name: 'matches keys under the collation of the target and writes their new letters',
    async run(fixture) {
      const orders = await fixture.table(
        'CREATE TABLE [dbo].[orders] ([code] nvarchar(10) COLLATE Latin1_General_100_CI_AS NOT NULL PRIMARY KEY, [n] int NULL)',
      )
      await fixture.apply(orders, [upsert({ code: 'abc', n: 1 })])
      deepEqual(await fixture.apply(orders, [upsert({ code: 'ABC', n: 1 })]), counts(0n, 1n, 0n, 0n))
      const twice = [upsert({ code: 'Abc', n: 2 }), upsert({ code: 'aBC', n: 3 })]
      deepEqual(await fixture.apply(orders, twice), counts(0n, 1n, 0n, 0n))
      deepEqual(await fixture.rows(orders, '[code]'), [{ code: 'aBC', n: 3 }])
      deepEqual(await fixture.apply(orders, [remove({ code: 'ABC' })]), counts(0n, 0n, 1n, 0n))
    },
  },
  {
    name: 'merges by all columns of a composite key',
    async run(fixture) {
      const orders = await fixture.table(
        'CREATE TABLE [dbo].[orders] ([id] int NOT NULL, [line] smallint NOT NULL, [n] bigint NULL, PRIMARY KEY ([id], [line]))',
      )
      await fixture.apply(orders, [upsert({ id: 1, line: 1, n: 1n }), upsert({ id: 1, line: 2, n: 2n })])
      const rows = [upsert({ id: 1, line: 2, n: 3n }), remove({ id: 1, line: 1 }), upsert({ id: 2, line: 1, n: 4n })]
      deepEqual(await fixture.apply(orders, rows), counts(1n, 1n, 1n, 0n))
      deepEqual(await fixture.rows(orders, '[id], [line]'), [
        { id: 1, line: 2, n: 3n },
        { id: 2, line: 1, n: 4n },
      ])
    },
  },
  {
    name: 'writes a table that is nothing but its key',
    async run(fixture) {
      const orders = await fixture.table('CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY)')
      deepEqual(await fixture.apply(orders, [upsert({ id: 1 }), upsert({ id: 2 })]), counts(2n, 0n, 0n, 0n))
      deepEqual(await fixture.apply(orders, [upsert({ id: 1 }), remove({ id: 2 })]), counts(0n, 0n, 1n, 1n))
    },
  },
  {
    name: 'deletes with the end of a reload what the reload does not contain, and counts it apart',
    async run(fixture) {
      const orders = await fixture.table(
        'CREATE TABLE [dbo].[orders] ([code] nvarchar(10) COLLATE Latin1_General_100_CI_AS NOT NULL PRIMARY KEY, [n] int NULL UNIQUE)',
      )
      await fixture.apply(
        orders,
        ['a', 'b', 'c', 'd'].map((code, n) => upsert({ code, n })),
      )
      // The first unit of the reload deletes nothing; the second takes a value that a row has which goes.
      deepEqual(await fixture.apply(orders, [upsert({ code: 'A', n: 0 })]), counts(0n, 1n, 0n, 0n))
      const reload = [upsert({ code: 'A' }), upsert({ code: 'e' }), upsert({ code: 'b' }), remove({ code: 'b' })]
      const rows = [upsert({ code: 'e', n: 3 }), upsert({ code: 'b', n: 1 }), remove({ code: 'b' })]
      const { merge, removed } = await fixture.applied(orders, rows, reload)
      deepEqual(merge, counts(1n, 0n, 1n, 0n))
      equal(removed, 2n)
      deepEqual(await fixture.rows(orders, '[code]'), [
        { code: 'A', n: 0 },
        { code: 'e', n: 3 },
      ])
    },
  },
  {
    name: 'ends a reload without rows of its own, down to an empty table',
    async run(fixture) {
      const orders = await fixture.table(plain)
      await fixture.apply(
        orders,
        [1, 2, 3].map((id) => upsert({ id, name: `n${id}` })),
      )
      equal((await fixture.applied(orders, [], [upsert({ id: 2 })])).removed, 2n)
      deepEqual(await fixture.rows(orders, '[id]'), [{ id: 2, name: 'n2' }])
      equal((await fixture.applied(orders, [], [])).removed, 1n)
      deepEqual(await fixture.rows(orders, '[id]'), [])
    },
  },
  {
    name: 'keeps identity values and leaves computed columns to the target',
    async run(fixture) {
      const orders = await fixture.table(
        'CREATE TABLE [dbo].[orders] ([id] int IDENTITY(1, 1) NOT NULL PRIMARY KEY, [n] int NOT NULL, [twice] AS ([n] * (2)))',
      )
      deepEqual(await fixture.apply(orders, [upsert({ id: 40, n: 1, twice: 99 })]), counts(1n, 0n, 0n, 0n))
      deepEqual(await fixture.apply(orders, [upsert({ id: 40, n: 2, twice: 99 })]), counts(0n, 1n, 0n, 0n))
      deepEqual(await fixture.rows(orders, '[id]'), [{ id: 40, n: 2, twice: 4 }])
    },
  },
  {
    name: 'replaces a row whose identity value changed under its key, and counts it as an update',
    async run(fixture) {
      const orders = await fixture.table(
        'CREATE TABLE [dbo].[orders] ([code] int NOT NULL PRIMARY KEY, [row] int IDENTITY(1, 1) NOT NULL, [n] int NULL)',
      )
      await fixture.apply(orders, [upsert({ code: 1, row: 10, n: 1 }), upsert({ code: 2, row: 11, n: 2 })])
      const rows = [upsert({ code: 1, row: 20, n: 1 }), upsert({ code: 2, row: 11, n: 3 })]
      deepEqual(await fixture.apply(orders, rows), counts(0n, 2n, 0n, 0n))
      deepEqual(await fixture.rows(orders, '[code]'), [
        { code: 1, row: 20, n: 1 },
        { code: 2, row: 11, n: 3 },
      ])
    },
  },
  {
    name: 'makes sql_variant values of the base type, declaration and collation that they had, and sees each change',
    async run(fixture) {
      const orders = await fixture.table(
        'CREATE TABLE [dbo].[orders] ([id] int NOT NULL PRIMARY KEY, [v] sql_variant NULL, [w] sql_variant NULL)',
      )
      const version = (v: string | null, base: string | null): readonly UnitRow[] => [
        upsert({ id: 1, v, _sync_variant_v: base, w: '7', _sync_variant_w: 'bigint' }),
      ]
      await fixture.apply(orders, version('1.50', 'decimal(10,2)'))
      const changes: readonly (readonly [string, string])[] = [
        ['1.50', 'decimal(10,3)'],
        ['1.50', 'varchar(4) COLLATE Latin1_General_CI_AS'],
        ['1.50', 'varchar(5) COLLATE Latin1_General_CI_AS'],
        ['1.50', 'varchar(5) COLLATE Latin1_General_CS_AS'],
        ['1.50 ', 'varchar(5) COLLATE Latin1_General_CS_AS'],
        ['0x0100', 'varbinary(2)'],
        ['0x01', 'varbinary(2)'],
        ['2024-02-29T12:00:00.1234567+05:30', 'datetimeoffset(7)'],
        ['2024-02-29T11:30:00.1234567+05:00', 'datetimeoffset(7)'],
      ]
      for (const [value, base] of changes) {
        deepEqual(await fixture.apply(orders, version(value, base)), counts(0n, 1n, 0n, 0n))
      }
      deepEqual(await fixture.apply(orders, version(...(changes.at(-1) ?? ['', '']))), counts(0n, 0n, 0n, 1n))
      deepEqual(await fixture.apply(orders, version('12.3400', 'money')), counts(0n, 1n, 0n, 0n))
      const [row] = await fixture.server.query({
        text: "SELECT CONVERT(nvarchar(128), SQL_VARIANT_PROPERTY([v], 'BaseType')) AS [base], CONVERT(nvarchar(41), CONVERT(decimal(19,4), CONVERT(money, [v]))) AS [v], CONVERT(nvarchar(128), SQL_VARIANT_PROPERTY([w], 'BaseType')) AS [other] FROM [dbo].[orders]",
      })
      deepEqual(row, { base: 'money', v: '12.3400', other: 'bigint' })
      deepEqual(await fixture.apply(orders, version(null, null)), counts(0n, 1n, 0n, 0n))
      deepEqual(await fixture.apply(orders, version(null, null)), counts(0n, 0n, 0n, 1n))
    },
  },
  {
    name: 'takes any identifier that SQL Server takes',
    async run(fixture) {
      const table = { schema: 'odd schema', name: "o]rd'er.s [x]" }
      await fixture.server.batch('CREATE SCHEMA [odd schema]')
      const orders = await fixture.table(
        `CREATE TABLE ${quoteTable(table)} ([select] int NOT NULL PRIMARY KEY, [a]]b'c"d.e f] int NULL, [größe 数] nvarchar(10) NULL, [seq] int NULL, [op] int NULL, [c0] int NULL)`,
        table,
      )
      const row = { select: 1, 'a]b\'c"d.e f': 2, 'größe 数': 'ß😀', seq: 3, op: 4, c0: 5 }
      deepEqual(await fixture.apply(orders, [upsert(row)]), counts(1n, 0n, 0n, 0n))
      deepEqual(await fixture.apply(orders, [upsert({ ...row, op: 5 })]), counts(0n, 1n, 0n, 0n))
      deepEqual(await fixture.rows(orders, '[select]'), [{ ...row, op: 5 }])
      equal((await fixture.importer.position(quoteTable(table)))?.sequence, 2n)
    },
  },
]
