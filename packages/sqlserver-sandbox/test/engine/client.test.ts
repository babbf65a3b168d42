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

test('the bounds of a rowversion poll hold back what an open transaction has taken', async () => {
  await pool
    .request()
    .batch('DROP TABLE IF EXISTS dbo.r; CREATE TABLE dbo.r (id int NOT NULL PRIMARY KEY, rv rowversion NOT NULL)')
  const bound = async (): Promise<Buffer> =>
    (await pool.request().query('SELECT MIN_ACTIVE_ROWVERSION() AS [bound]')).recordset[0].bound
  const low = await bound()
  await pool.request().batch('INSERT INTO dbo.r (id) VALUES (1), (2)')
  const high = await bound()
  const { recordset } = await pool
    .request()
    .input('low', mssql.VarBinary(8), low)
    .input('high', mssql.VarBinary(8), high)
    .query(
      'SELECT [t].[id], CONVERT(char(18), CONVERT(binary(8), [t].[rv]), 1) AS [c5] FROM [dbo].[r] AS [t] WHERE [t].[rv] >= @low AND [t].[rv] < @high ORDER BY [t].[rv]',
    )
  expect(recordset).toEqual([
    { id: 1, c5: `0x${low.toString('hex').toUpperCase()}` },
    { id: 2, c5: expect.stringMatching(/^0x[0-9A-F]{16}$/) },
  ])
  const other = new mssql.ConnectionPool(sandbox.mssqlConfig('TargetDb'))
  await other.connect()
  const transaction = other.transaction()
  await transaction.begin()
  await transaction.request().batch('INSERT INTO dbo.r (id) VALUES (3)')
  expect(await bound()).toEqual(high)
  await transaction.commit()
  await other.close()
  expect(Buffer.compare(await bound(), high)).toBe(1)
})

test('the clocks of a timestamp poll come with their type', async () => {
  const clocks = async (coarse: string): Promise<unknown> =>
    (
      await pool
        .request()
        .query(
          `SELECT SYSUTCDATETIME() AS [clock], ${coarse} AS [coarse], 'datetime2(7)' AS [type], SYSDATETIME() AS [local]`,
        )
    ).recordset[0]
  const row = { clock: expect.any(Date), local: expect.any(Date), type: 'datetime2(7)' }
  expect(await clocks('NULL')).toEqual({ ...row, coarse: null })
  expect(await clocks('GETUTCDATE()')).toEqual({ ...row, coarse: expect.any(Date) })
  expect(await clocks('GETDATE()')).toEqual({ ...row, coarse: expect.any(Date) })
})

test('a timestamp poll compares in the type of its column and reads every digit', async () => {
  await pool.request().batch(`DROP TABLE IF EXISTS dbo.clocks;
CREATE TABLE dbo.clocks (id int NOT NULL PRIMARY KEY, fine datetime2(7), old datetime, small smalldatetime, day date, zoned datetimeoffset(7));
INSERT dbo.clocks VALUES (1, '2024-05-06T07:08:09.1234567', '2024-05-06T07:08:09.123', '2024-05-06T07:08', '2024-05-06', '2024-05-06T07:08:09.1234567+02:00')`)
  const { recordset } = await pool
    .request()
    .input('fine', mssql.DateTime2(3), new Date('2024-05-06T07:08:09.123Z'))
    .input('old', mssql.DateTime, new Date('2024-05-06T07:08:09.123Z'))
    .input('small', mssql.SmallDateTime, new Date('2024-05-06T07:08:00Z'))
    .input('day', mssql.Date, new Date('2024-05-06T00:00:00Z'))
    .input('zoned', mssql.DateTimeOffset(7), new Date('2024-05-06T05:08:09.123Z'))
    .query(`SELECT REPLACE(CONVERT(char(27), CONVERT(datetime2(7), [t].[fine]), 121), ' ', 'T') AS fine,
REPLACE(CONVERT(char(23), [t].[old], 121), ' ', 'T') + '0000' AS old,
REPLACE(CONVERT(char(27), CONVERT(datetime2(7), SWITCHOFFSET([t].[zoned], '+00:00')), 121), ' ', 'T') AS zoned
FROM [dbo].[clocks] AS [t] WITH (READCOMMITTEDLOCK)
WHERE [t].[fine] >= @fine AND [t].[old] >= @old AND [t].[old] <= @old AND [t].[small] = @small AND [t].[day] = @day AND [t].[zoned] >= @zoned`)
  expect(recordset).toEqual([
    { fine: '2024-05-06T07:08:09.1234567', old: '2024-05-06T07:08:09.1230000', zoned: '2024-05-06T05:08:09.1234567' },
  ])
  const ahead = await pool
    .request()
    .input('high', mssql.DateTime2(7), new Date('2024-01-01T00:00:00Z'))
    .query('SELECT COUNT_BIG(*) AS n, MAX([t].[fine]) AS newest FROM [dbo].[clocks] AS [t] WHERE [t].[fine] >= @high')
  expect(ahead.recordset).toEqual([{ n: '1', newest: expect.any(Date) }])
})

test('NULL goes into a column of any type', async () => {
  await pool.request().batch(`DROP TABLE IF EXISTS dbo.nothing;
CREATE TABLE dbo.nothing (a date, b uniqueidentifier, c datetimeoffset(3), d varbinary(3), e xml, f float)`)
  await pool.request().batch('INSERT INTO dbo.nothing (a, b, c, d, e, f) VALUES (NULL, NULL, NULL, NULL, NULL, NULL)')
  const { recordset } = await pool.request().query('SELECT * FROM dbo.nothing')
  expect(recordset).toEqual([{ a: null, b: null, c: null, d: null, e: null, f: null }])
})
