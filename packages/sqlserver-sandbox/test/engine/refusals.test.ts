import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Engine, Session } from '../../src/session.ts'
import { errorNumbers, open, rows } from './collect.ts'

let engine: Engine
let session: Session
beforeAll(async () => {
  const opened = await open()
  engine = opened.engine
  session = await opened.login()
})
afterAll(() => engine.close())
beforeEach(async () => {
  await session.reset()
  await rows(
    session,
    "DROP TABLE IF EXISTS t; CREATE TABLE t (id int IDENTITY CONSTRAINT pk_t PRIMARY KEY, n nvarchar(10) NULL, d date NULL); INSERT t (n) VALUES (N'a'), (N'b')",
  )
})

const merge = 'MERGE t USING (SELECT 1 AS a) AS s ON t.id = s.a'

test.each([
  ['SELECT 1; CREATE SCHEMA x', 111],
  ['IF 1 = 1 CREATE SCHEMA x', 156],
  ['CREATE SCHEMA x; SELECT 1', 102],
  ['SELECT 1 AS b WITH x AS (SELECT 1 AS a) SELECT a FROM x', 319],
  ['BEGIN SELECT 1 WITH x AS (SELECT 1 AS a) SELECT a FROM x END', 319],
  ['BEGIN TRAN; CREATE DATABASE q', 226],
  ['BEGIN TRAN; ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON', 226],
  ['BEGIN TRAN; DROP DATABASE TargetDb', 574],
  ['CREATE TABLE a (x int PRIMARY KEY CLUSTERED, y int UNIQUE CLUSTERED)', 8112],
  ['CREATE CLUSTERED INDEX ix ON t (n)', 1902],
  ['CREATE INDEX ix ON t (nope)', 1911],
  ['CREATE TABLE a (x int IDENTITY, y int IDENTITY)', 2744],
  ['CREATE TABLE a (x nvarchar(5) IDENTITY)', 2749],
  ['CREATE TABLE a (x int IDENTITY NULL)', 8147],
  ['CREATE TABLE a (x nvarchar(max) PRIMARY KEY)', 1919],
  ['CREATE TABLE a (x xml UNIQUE)', 1919],
  ['CREATE TABLE a (x int CONSTRAINT c CHECK (x > 0), y int CONSTRAINT c CHECK (y > 0))', 2714],
  ['CREATE TABLE a (x int CONSTRAINT pk_t PRIMARY KEY)', 2714],
  ['CREATE TABLE a (x int DEFAULT (1) DEFAULT (2))', 8148],
  ['ALTER TABLE t ADD DEFAULT (1) FOR n; ALTER TABLE t ADD DEFAULT (2) FOR n', 1781],
  ['SELECT * FROM (SELECT id FROM t ORDER BY id) AS q', 1033],
  ['WITH q AS (SELECT id FROM t ORDER BY id) SELECT id FROM q', 1033],
  ['SELECT id FROM t WHERE id IN (SELECT id FROM t ORDER BY id)', 1033],
  ['SELECT * FROM (SELECT 1 AS a, 2 AS A) AS q', 8156],
  [`${merge} WHEN MATCHED THEN DELETE WHEN MATCHED AND s.a = 1 THEN UPDATE SET n = N'x';`, 5324],
  [`${merge} WHEN MATCHED AND s.a = 1 THEN DELETE WHEN MATCHED THEN DELETE;`, 10714],
  ["SELECT CONVERT(datetime, '1752-12-31')", 242],
  ["SELECT CONVERT(datetime, CONVERT(datetime2, '1752-12-31'))", 242],
  ["SELECT CONVERT(smalldatetime, '2079-06-07')", 242],
  ["SELECT CONVERT(smalldatetime, CONVERT(datetime2, '1899-12-31'))", 242],
  ['SELECT CONVERT(int, 3000000000)', 8115],
  ["SELECT CONVERT(numeric(3, 1), '12x')", 8114],
  ["SELECT 1 WHERE N'a' COLLATE Latin1_General_CI_AS = N'a' COLLATE Latin1_General_BIN2", 468],
  ['CREATE TABLE #c (n nvarchar(10) COLLATE Latin1_General_BIN2); SELECT 1 FROM t JOIN #c AS c ON t.n = c.n', 468],
  ['SELECT TOP (1) id FROM t ORDER BY id OFFSET 1 ROWS', 10741],
  ['DELETE TOP 1 FROM t', 102],
  ['SET XACT_ABORT 1', 102],
  ['SET LOCK_TIMEOUT x', 102],
  ['BREAK', 135],
  ['RETURN 1', 178],
  ["SELECT DATEPART(hour, CONVERT(date, '2024-01-01'))", 9810],
  ["SELECT DATEADD(day, 1, CONVERT(time, '10:00'))", 9810],
  ['SELECT CASE WHEN 1 = 1 THEN NULL ELSE NULL END', 8133],
  ['CREATE TABLE #x (x xml); SELECT x FROM #x ORDER BY x', 305],
  ['CREATE TABLE #x (x ntext); SELECT x FROM #x ORDER BY x', 306],
  ['SELECT LEN(n, 1) FROM t', 174],
  ['SELECT GETDATE(1)', 174],
  ['SELECT ROW_NUMBER() OVER (PARTITION BY n) FROM t', 4112],
  ['CREATE TYPE kind FROM int; CREATE TABLE #k (x int); CREATE TABLE a (x kind); DROP TYPE kind', 3732],
])('%s is refused as SQL Server refuses it', async (batch, number) => {
  expect(await errorNumbers(session, batch)).toEqual([number])
})

test.each([
  'CREATE TABLE #a (x int PRIMARY KEY, y int UNIQUE CLUSTERED)',
  'SELECT * FROM (SELECT TOP (1) id FROM t ORDER BY id) AS q',
  'SELECT 1; WITH x AS (SELECT 1 AS a) SELECT a FROM x',
  'IF 1 = 1 BEGIN WITH x AS (SELECT 1 AS a) SELECT a FROM x END',
  "EXEC(N'CREATE SCHEMA own')",
  "SELECT CONVERT(datetime, '1753-01-01'), CONVERT(smalldatetime, '2079-06-06T23:59:00'), CONVERT(smalldatetime, '1900-01-01')",
  'CREATE TABLE #c (n nvarchar(10) COLLATE Latin1_General_BIN2); SELECT 1 FROM t JOIN #c AS c ON t.n COLLATE Latin1_General_BIN2 = c.n',
  "DECLARE @n nvarchar(9) = N'a'; CREATE TABLE #c (n nvarchar(10) COLLATE Latin1_General_BIN2); SELECT n FROM #c WHERE n = @n OR n = N'b'",
  "CREATE TABLE #x (x ntext, y xml); SELECT x, y FROM #x WHERE x LIKE N'a%' AND y IS NULL; SELECT COUNT(y) FROM #x WHERE x IS NOT NULL",
  'WHILE 1 = 1 BEGIN IF 1 = 1 BREAK END',
  "SELECT DATEPART(hour, CONVERT(time, '10:00')), DATEADD(month, 1, CONVERT(date, '2024-01-31'))",
  `${merge} WHEN MATCHED AND s.a = 1 THEN DELETE WHEN MATCHED THEN UPDATE SET n = N'x';`,
  'SELECT SUM(id) OVER (PARTITION BY n) FROM t',
  'SELECT name FROM sys.tables WITH (READPAST)',
  'SELECT name, base_object_name FROM sys.synonyms',
])('%s runs', async (batch) => {
  expect(await errorNumbers(session, batch)).toEqual([])
})

test.each([
  ['SAVE TRANSACTION p', 'SAVE TRANSACTION'],
  ['BEGIN TRAN; ROLLBACK TRANSACTION p', 'ROLLBACK TRANSACTION with a name'],
  ['SELECT 1 AS a INTO #x', 'SELECT ... INTO'],
  ['SELECT id FROM t WITH (READPAST)', 'the table hint READPAST'],
  ['SELECT TOP (1) WITH TIES id FROM t ORDER BY id', 'TOP ... WITH TIES'],
  ['UPDATE TOP (1 + 1) t SET n = NULL', 'TOP of a computed number in UPDATE and DELETE'],
])('%s is refused by name', async (batch, construct) => {
  await expect(rows(session, batch)).rejects.toThrow(`40517: The sandbox does not implement ${construct}`)
})
