import { DuckDBConnection } from '@duckdb/node-api'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { Engine, Parameter, Session } from '../../src/session.ts'
import { open, rows, run } from './collect.ts'

let engine: Engine
let one: Session
beforeAll(async () => {
  const opened = await open()
  engine = opened.engine
  one = await opened.login()
  await rows(one, 'CREATE SCHEMA sales')
  await rows(one, 'CREATE TYPE sales.Name FROM nvarchar(40) NOT NULL')
  await rows(
    one,
    `CREATE TABLE sales.Customers (id int IDENTITY(5, 2) PRIMARY KEY, name sales.Name, code varchar(10) NULL UNIQUE,
      twice AS id * 2 PERSISTED, added datetime2(3) NOT NULL DEFAULT (SYSUTCDATETIME()), rv rowversion,
      CONSTRAINT positive CHECK (id > 0))`,
  )
  await rows(
    one,
    `CREATE TABLE dbo.Orders (a int NOT NULL, b bigint NOT NULL, customer int NULL REFERENCES sales.Customers (id),
      amount decimal(12, 4) SPARSE NULL, CONSTRAINT pk PRIMARY KEY NONCLUSTERED (b DESC, a))`,
  )
  await rows(one, 'CREATE INDEX ix ON dbo.Orders (customer) INCLUDE (amount) WHERE customer IS NOT NULL')
  await rows(one, 'CREATE TABLE dbo.heap (x int NULL)')
  await rows(one, 'INSERT dbo.heap VALUES (1), (2), (3)')
})
afterAll(() => engine.close())
afterEach(() => void vi.restoreAllMocks())

const views =
  'tables objects schemas columns identity_columns computed_columns masked_columns types indexes index_columns key_constraints foreign_keys foreign_key_columns default_constraints check_constraints databases partitions dm_db_partition_stats triggers security_policies change_tracking_tables'.split(
    ' ',
  )

const queries = [
  ...views.map((view) => `SELECT * FROM sys.${view}`),
  'SELECT * FROM INFORMATION_SCHEMA.TABLES',
  'SELECT * FROM information_schema.columns',
  'SELECT c.* FROM TargetDb.sys.schemas AS c',
  "SELECT DB_NAME() AS [db], CONVERT(nvarchar(4), SERVERPROPERTY('Edition')), CONVERT(int, d.[compatibility_level]), 7 FROM sys.databases AS d WHERE d.[name] = DB_NAME()",
  "SELECT s.name, t.NAME AS n FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id WHERE t.name IN ('ORDERS ', 'heap', @none) ORDER BY s.name DESC, n",
  'SELECT c.name, d.definition, i.seed_value FROM sys.columns c LEFT JOIN sys.default_constraints d ON d.parent_object_id = c.object_id AND d.parent_column_id = c.column_id LEFT JOIN sys.identity_columns i ON i.object_id = c.object_id AND i.column_id = c.column_id WHERE c.object_id = @id ORDER BY c.column_id',
  'SELECT c.name, d.definition FROM sys.columns c LEFT JOIN sys.default_constraints d ON d.parent_column_id = c.column_id AND d.parent_object_id = c.object_id WHERE d.definition IS NULL AND NOT c.name = @none ORDER BY d.definition, c.object_id DESC, c.column_id',
  'SELECT t.name, (SELECT COUNT(*) FROM sys.columns c WHERE c.object_id = t.object_id AND c.is_nullable = 1) AS n, (SELECT SUM(p.rows) FROM sys.partitions p WHERE p.object_id = t.object_id AND p.index_id <= 1) AS r FROM sys.tables t ORDER BY t.object_id',
  'SELECT COUNT(*), COUNT(seed_value), SUM(CONVERT(int, sys.columns.max_length)), COUNT_BIG(*) FROM sys.columns LEFT JOIN sys.schemas ON 1 = 0 LEFT JOIN sys.identity_columns i ON i.object_id = 1',
  'SELECT SUM(parent_object_id), COUNT(*) FROM sys.triggers',
  'SELECT TOP (2) name, column_id FROM sys.columns ORDER BY object_id, sys.columns.column_id DESC',
  "SELECT name FROM sys.objects o WHERE EXISTS (SELECT 1 FROM sys.tables t WHERE t.object_id = o.parent_object_id AND t.name = 'customers') OR type_desc = N'USER_TABLE' ORDER BY name",
  'SELECT name FROM sys.columns WHERE (@none = name OR column_id > 3) AND NOT (is_computed = 1 OR @none <> name) ORDER BY name',
  'SELECT CONVERT(nvarchar(3), c.object_id), CONVERT(varchar(2), c.name), CONVERT(bigint, c.is_nullable) FROM sys.columns AS c CROSS JOIN sys.schemas AS s ORDER BY c.object_id, c.column_id, s.schema_id',
]

const parameters: readonly Parameter[] = [
  { name: '@none', type: { name: 'nvarchar', length: 128 }, value: null, output: false },
  { name: '@id', type: { name: 'int' }, value: 1_000_016, output: false },
]

test.each(queries)('DuckDB is not asked for a few rows of the catalog, and would give the same: %s', async (query) => {
  const duck = vi.spyOn(DuckDBConnection.prototype, 'stream')
  const own = await run(one, query, { parameters })
  expect(duck).not.toHaveBeenCalled()
  // A common table, though nobody reads it, leaves the query to DuckDB.
  const other = await run(one, `WITH unused AS (SELECT 1 AS one) ${query}`, { parameters })
  expect(duck).toHaveBeenCalledOnce()
  expect(other.errors).toEqual([])
  expect(own).toEqual(other)
  expect(own.sets[0]?.columns.length).toBeGreaterThan(0)
})

test.each([
  ['SELECT name FROM sys.tables ORDER BY LEN(name), name', [['heap'], ['Orders'], ['Customers']]],
  ["SELECT name FROM sys.tables WHERE name LIKE 'h%'", [['heap']]],
  ["SELECT name FROM sys.schemas WHERE name = N'\u00e4'", []],
  ['SELECT CONVERT(tinyint, 300 - schema_id) FROM sys.schemas WHERE schema_id = 77', []],
  [
    'SELECT schema_id, COUNT(*) FROM sys.tables GROUP BY schema_id ORDER BY 1',
    [
      [1, 2],
      [5, 1],
    ],
  ],
])('what is not written down here is left to DuckDB: %s', async (query, expected) => {
  const duck = vi.spyOn(DuckDBConnection.prototype, 'stream')
  expect(await rows(one, query)).toEqual(expected)
  expect(duck).toHaveBeenCalled()
})

test.each([
  ['SELECT nope FROM sys.tables', 207],
  ['SELECT name FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id', 209],
  ['SELECT x.name FROM sys.tables t', 4104],
  ['SELECT name FROM sys.nope', 208],
  ['SELECT t.name FROM sys.tables t JOIN sys.schemas t ON 1 = 1', 1013],
  ['SELECT name FROM Nope.sys.tables', 911],
  ['SELECT (SELECT name, object_id FROM sys.tables) FROM sys.schemas', 116],
  [
    "SELECT name FROM sys.tables WHERE create_date = CONVERT(uniqueidentifier, '01234567-89AB-CDEF-0011-223344556677')",
    206,
  ],
  ['SELECT (SELECT name FROM sys.columns) FROM sys.schemas', 512],
  ['SELECT CONVERT(tinyint, object_id) FROM sys.tables', 8115],
])('a wrong query of the catalog is refused as before: %s', async (query, number) => {
  expect((await run(one, query)).errors.map((e) => e.number)).toEqual([number])
})

test('constants are told without DuckDB', async () => {
  const duck = vi.spyOn(DuckDBConnection.prototype, 'run')
  expect(
    await rows(
      one,
      "SELECT 1 AS a, N'\u00df\ud83d\ude00 ', 1.50, 0x00ff, @@TRANCOUNT, MIN_ACTIVE_ROWVERSION() WHERE 1 = 1",
    ),
  ).toEqual([[1, '\u00df\ud83d\ude00 ', 150n, new Uint8Array([0, 255]), 0, expect.any(Uint8Array)]])
  expect(await rows(one, 'SELECT 1 WHERE 1 = 0')).toEqual([])
  expect(duck).not.toHaveBeenCalled()
})
