import { type Sandbox, startSandbox } from '@icebridge/sqlserver-sandbox'
import mssql from 'mssql'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

let sandbox: Sandbox
let pool: mssql.ConnectionPool
beforeAll(async () => {
  sandbox = await startSandbox({ password: 'secret', databases: ['TargetDb'] })
  pool = await new mssql.ConnectionPool({ ...sandbox.mssqlConfig('TargetDb'), pool: { max: 1, min: 1 } }).connect()
})
afterAll(async () => {
  await pool.close()
  await sandbox.close()
})

const target = `DROP TABLE IF EXISTS dbo.t;
CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, name nvarchar(20) COLLATE Latin1_General_CI_AS NULL, amount decimal(9,2) NULL);
INSERT INTO dbo.t VALUES (1, N'one', 1.5), (2, N'two', NULL), (3, N'three', 3);`

beforeEach(async () => {
  await pool.request().batch(target)
})

const stage = `IF OBJECT_ID(N'tempdb..#stage') IS NOT NULL DROP TABLE #stage;
CREATE TABLE #stage ([c0] int NULL, [c1] nvarchar(20) COLLATE Latin1_General_CI_AS NULL, [c2] decimal(9,2) NULL, [seq] bigint NOT NULL, [op] char(6) COLLATE Latin1_General_BIN2 NOT NULL);
INSERT INTO #stage VALUES (1, N'uno', 1.5, 1, 'upsert'), (1, N'eins', 1.5, 2, 'upsert'), (2, NULL, NULL, 3, 'delete'), (4, N'four', 4, 4, 'upsert');
DELETE FROM #stage WHERE [seq] IN (SELECT r.[seq] FROM (SELECT s.[seq], ROW_NUMBER() OVER (PARTITION BY s.[c0] ORDER BY s.[seq] DESC) AS [version] FROM #stage AS s) AS r WHERE r.[version] > 1);`

async function targetRows(): Promise<unknown[]> {
  const { recordset } = await pool.request().query('SELECT id, name FROM dbo.t ORDER BY id')
  return recordset.map((r: { id: number; name: string | null }) => [r.id, r.name])
}

test('a target is prepared under an application lock', async () => {
  const prepare = `DECLARE @lock int;
SET XACT_ABORT ON; BEGIN TRANSACTION;
EXEC @lock = sys.sp_getapplock @Resource = N'prepare', @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = 30000;
IF @lock < 0 THROW 50101, N'no lock', 1;
IF SCHEMA_ID(N'icebridge') IS NULL EXEC(N'CREATE SCHEMA [icebridge]');
IF OBJECT_ID(N'[icebridge].[applied]', N'U') IS NULL
  CREATE TABLE [icebridge].[applied] ([table_key] nvarchar(400) COLLATE Latin1_General_BIN2 NOT NULL CONSTRAINT [pk_applied] PRIMARY KEY CLUSTERED, [fence] bigint NOT NULL);
COMMIT TRANSACTION;
SELECT OBJECT_ID(N'[icebridge].[applied]') AS id;`
  const [first] = (await pool.request().batch(prepare)).recordset
  const [again] = (await pool.request().batch(prepare)).recordset
  expect(first).toEqual({ id: expect.any(Number) })
  expect(again).toEqual(first)
})

test('a unit of work is fenced: a conflict rolls back and says what it saw', async () => {
  const unit = `SET NOCOUNT ON; SET LOCK_TIMEOUT 5000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
DECLARE @a int, @b bigint = 0, @c uniqueidentifier, @updated int;
BEGIN TRANSACTION;
SELECT @a = id, @b = id * 10 FROM dbo.t WITH (UPDLOCK, HOLDLOCK) WHERE id = @id;
IF @b <> @expected
BEGIN
  ROLLBACK TRANSACTION;
  SELECT N'conflict' AS [status], @b AS [position];
END
ELSE
BEGIN
  UPDATE dbo.t SET name = N'fenced' WHERE id = @a;
  SET @updated = @@ROWCOUNT;
  COMMIT TRANSACTION;
  SELECT N'applied' AS [status], @b AS [position], @updated AS [updated], @c AS [owner];
END;`
  const run = async (expected: number): Promise<unknown[]> =>
    (await pool.request().input('id', mssql.Int, 2).input('expected', mssql.Int, expected).query(unit)).recordset
  expect(await run(10)).toEqual([{ status: 'conflict', position: '20' }])
  expect(await targetRows()).toContainEqual([2, 'two'])
  expect(await run(20)).toEqual([{ status: 'applied', position: '20', updated: 1, owner: null }])
  expect(await targetRows()).toContainEqual([2, 'fenced'])
})

test('MERGE from a staged #table counts its actions', async () => {
  const { recordset } = await pool.request().batch(`SET NOCOUNT ON; ${stage}
DECLARE @inserted int, @updated int, @deleted int;
DECLARE @merge_actions TABLE ([action] nvarchar(10) NOT NULL);
MERGE [dbo].[t] WITH (HOLDLOCK, UPDLOCK) AS t USING #stage AS s ON t.[id] = s.[c0]
WHEN MATCHED AND s.[op] = 'delete' THEN DELETE
WHEN MATCHED AND (CONVERT(varbinary(max), t.[name]) <> CONVERT(varbinary(max), s.[c1]) OR DATALENGTH(t.[name]) <> DATALENGTH(s.[c1])) THEN UPDATE SET t.[id] = s.[c0], t.[name] = s.[c1], t.[amount] = s.[c2]
WHEN NOT MATCHED BY TARGET AND s.[op] <> 'delete' THEN INSERT ([id], [name], [amount]) VALUES (s.[c0], s.[c1], s.[c2])
OUTPUT $action INTO @merge_actions ([action]);
SELECT @inserted = SUM(CASE WHEN [action] = N'INSERT' THEN 1 ELSE 0 END), @updated = SUM(CASE WHEN [action] = N'UPDATE' THEN 1 ELSE 0 END), @deleted = SUM(CASE WHEN [action] = N'DELETE' THEN 1 ELSE 0 END) FROM @merge_actions;
SELECT @inserted AS inserted, @updated AS updated, @deleted AS deleted;`)
  expect(recordset).toEqual([{ inserted: 1, updated: 1, deleted: 1 }])
  expect(await targetRows()).toEqual([
    [1, 'eins'],
    [3, 'three'],
    [4, 'four'],
  ])
})

test('DELETE, UPDATE and INSERT from a staged #table count with ROWCOUNT_BIG', async () => {
  const { recordset } = await pool.request().batch(`SET NOCOUNT ON; ${stage}
DECLARE @deleted bigint, @updated bigint, @inserted bigint;
DELETE t FROM [dbo].[t] AS t WITH (HOLDLOCK, UPDLOCK) JOIN #stage AS s ON t.[id] = s.[c0] WHERE s.[op] = 'delete';
SET @deleted = ROWCOUNT_BIG();
UPDATE t SET t.[name] = s.[c1], t.[amount] = s.[c2] FROM [dbo].[t] AS t WITH (HOLDLOCK, UPDLOCK) JOIN #stage AS s ON t.[id] = s.[c0] WHERE s.[op] <> 'delete';
SET @updated = ROWCOUNT_BIG();
INSERT INTO [dbo].[t] ([id], [name], [amount]) SELECT s.[c0], s.[c1], s.[c2] FROM #stage AS s WHERE s.[op] <> 'delete' AND NOT EXISTS (SELECT 1 FROM [dbo].[t] AS t WITH (HOLDLOCK, UPDLOCK) WHERE t.[id] = s.[c0]);
SET @inserted = ROWCOUNT_BIG();
SELECT @deleted AS deleted, @updated AS updated, @inserted AS inserted;`)
  expect(recordset).toEqual([{ deleted: '1', updated: '1', inserted: '1' }])
  expect(await targetRows()).toHaveLength(3)
})

test('ROW_NUMBER partitions by the collation of its column', async () => {
  const { recordset } = await pool.request()
    .batch(`CREATE TABLE #keys (ci nvarchar(9) COLLATE Latin1_General_CI_AS, seq int);
INSERT #keys VALUES (N'a', 1), (N'A ', 2), (N'b', 3);
SELECT seq, ROW_NUMBER() OVER (PARTITION BY ci ORDER BY seq DESC) AS ci FROM #keys ORDER BY seq; DROP TABLE #keys`)
  expect(recordset).toEqual([
    { seq: 1, ci: '2' },
    { seq: 2, ci: '1' },
    { seq: 3, ci: '1' },
  ])
})

test('exact comparison reads bytes, lengths and offsets', async () => {
  const { recordset } = await pool.request()
    .query(`SELECT CONVERT(varbinary(8), N'aé') AS utf16, CONVERT(binary(8), CONVERT(float, -2)) AS [double],
CONVERT(binary(4), CONVERT(real, 1)) AS single, DATALENGTH(N'ab ') AS units, DATALENGTH(0x0102) AS bytes,
DATEPART(tzoffset, CONVERT(datetimeoffset, '2024-01-01T00:00:00+05:30')) AS offset,
CONVERT(nvarchar(max), CONVERT(xml, N'<a> <b/></a>', 1)) AS x`)
  expect(recordset).toEqual([
    {
      utf16: Buffer.from('6100e900', 'hex'),
      double: Buffer.from('c000000000000000', 'hex'),
      single: Buffer.from('3f800000', 'hex'),
      units: 6,
      bytes: 2,
      offset: 330,
      x: expect.any(String),
    },
  ])
})

test('a bulk load of wide strings is converted to the columns of a #table', async () => {
  await pool.request().batch('CREATE TABLE #narrow (a char(3) NULL, b varchar(10) NOT NULL)')
  const table = new mssql.Table('#narrow')
  table.columns.add('a', mssql.NVarChar(3), { nullable: true })
  table.columns.add('b', mssql.NVarChar(10), { nullable: false })
  table.rows.add('x', 'é€')
  table.rows.add(null, 'y')
  await pool.request().bulk(table)
  const { recordset } = await pool.request().query('SELECT a, b, DATALENGTH(b) AS bytes FROM #narrow ORDER BY b')
  expect(recordset).toEqual([
    { a: null, b: 'y', bytes: 1 },
    { a: 'x  ', b: 'é€', bytes: 2 },
  ])
  await pool.request().batch('DROP TABLE #narrow')
})

test('IDENTITY_INSERT is set and reset within a batch', async () => {
  const { recordset } = await pool.request().batch(`DROP TABLE IF EXISTS dbo.numbered;
CREATE TABLE dbo.numbered (id int IDENTITY(1,1) NOT NULL PRIMARY KEY, n int);
SET IDENTITY_INSERT [dbo].[numbered] ON; INSERT INTO dbo.numbered (id, n) VALUES (7, 1); SET IDENTITY_INSERT [dbo].[numbered] OFF;
INSERT INTO dbo.numbered (n) VALUES (2); SELECT id, n FROM dbo.numbered ORDER BY id;`)
  expect(recordset).toEqual([
    { id: 7, n: 1 },
    { id: 8, n: 2 },
  ])
})
