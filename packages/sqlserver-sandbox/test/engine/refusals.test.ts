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
  `${merge} WHEN MATCHED AND s.a = 1 THEN DELETE WHEN MATCHED THEN UPDATE SET n = N'x';`,
  'SELECT SUM(id) OVER (PARTITION BY n) FROM t',
])('%s runs', async (batch) => {
  expect(await errorNumbers(session, batch)).toEqual([])
})

test.each([
  ['SAVE TRANSACTION p', 'SAVE TRANSACTION'],
  ['BEGIN TRAN; ROLLBACK TRANSACTION p', 'ROLLBACK TRANSACTION with a name'],
  ['SELECT 1 AS a INTO #x', 'SELECT ... INTO'],
  ['SELECT TOP (1) WITH TIES id FROM t ORDER BY id', 'TOP ... WITH TIES'],
  ['UPDATE TOP (1 + 1) t SET n = NULL', 'TOP of a computed number in UPDATE and DELETE'],
])('%s is refused by name', async (batch, construct) => {
  await expect(rows(session, batch)).rejects.toThrow(`40517: The sandbox does not implement ${construct}`)
})
