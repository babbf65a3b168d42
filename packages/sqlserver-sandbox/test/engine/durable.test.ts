import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createEngine } from '../../src/engine/engine.ts'
import type { Engine, Session } from '../../src/session.ts'
import { errorNumbers, rows } from './collect.ts'

let dataDir: string
let engine: Engine
let session: Session

async function start(): Promise<void> {
  engine = await createEngine({ password: 'secret', databases: ['Shop', 'Other'], dataDir })
  session = await login('Shop')
}

async function restart(): Promise<void> {
  await engine.close()
  await start()
}

const login = (database: string): Promise<Session> =>
  engine.login({ userName: 'sa', password: 'secret', database, appName: 'test', hostName: 'test' })

const run = async (...batches: string[]): Promise<void> => {
  for (const batch of batches) await rows(session, batch)
}

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sandbox-'))
  await start()
})
afterEach(async () => {
  await engine.close()
  await rm(dataDir, { recursive: true })
})

const everything = [
  'CREATE SCHEMA sales',
  'CREATE TYPE sales.code FROM nvarchar(10) NOT NULL',
  `CREATE TABLE dbo.customer (id int NOT NULL CONSTRAINT pk_customer PRIMARY KEY);
   CREATE TABLE sales.orders (
    id int IDENTITY(10, 5) NOT NULL CONSTRAINT pk_orders PRIMARY KEY,
    gone int NULL,
    code sales.code,
    customer int NOT NULL CONSTRAINT fk_customer REFERENCES dbo.customer (id),
    price decimal(9, 2) NOT NULL CONSTRAINT df_price DEFAULT (1.5) CONSTRAINT ck_price CHECK (price > 0),
    double_price AS (price * 2),
    at datetimeoffset(3) NULL,
    rv rowversion NOT NULL);
   CREATE UNIQUE INDEX ux_code ON sales.orders (code) WHERE price > 1;
   ALTER TABLE sales.orders DROP COLUMN gone;`,
  "INSERT dbo.customer VALUES (1); INSERT sales.orders (code, customer, at) VALUES (N'a', 1, '2024-01-01T00:00:00+02:00'), (N'b', 1, NULL)",
]

test('rows, definitions and counters are there after a restart', async () => {
  await run(...everything)
  const catalog = `SELECT name, column_id, user_type_id, is_nullable FROM sys.columns WHERE object_id = OBJECT_ID('sales.orders') ORDER BY column_id;`
  const facts = `SELECT OBJECT_ID('sales.orders'), SCHEMA_ID('sales'), @@DBTS, DB_ID()`
  const data = 'SELECT * FROM sales.orders ORDER BY id'
  const before = [await rows(session, catalog), await rows(session, facts), await rows(session, data)]
  await restart()
  expect([await rows(session, catalog), await rows(session, facts), await rows(session, data)]).toEqual(before)
  expect(before[2]).toHaveLength(2)
  await run("INSERT sales.orders (code, customer) VALUES (N'c', 1)")
  const [[id, price, newer] = []] = await rows(
    session,
    "SELECT id, price, CASE WHEN rv > (SELECT MAX(rv) FROM sales.orders WHERE code <> N'c') THEN 1 ELSE 0 END FROM sales.orders WHERE code = N'c'",
  )
  expect([id, price, newer]).toEqual([20, 150n, 1])
  expect(await errorNumbers(session, "INSERT sales.orders (code, customer) VALUES (N'A', 1)")).toEqual([2601])
  expect(await errorNumbers(session, "INSERT sales.orders (code, customer) VALUES (N'd', 2)")).toEqual([547])
  expect(await errorNumbers(session, "INSERT sales.orders (code, customer, price) VALUES (N'd', 1, 0)")).toEqual([547])
  expect(await errorNumbers(session, 'DROP TABLE dbo.customer')).toEqual([3726])
})

test('what is rolled back or dropped is not there after a restart', async () => {
  await run(...everything)
  await run('BEGIN TRAN; CREATE TABLE dbo.lost (id int); INSERT dbo.customer VALUES (2); ROLLBACK')
  await run('BEGIN TRAN; CREATE TABLE dbo.open_end (id int); INSERT dbo.customer VALUES (3)')
  await restart()
  expect(
    await rows(session, "SELECT OBJECT_ID('dbo.lost'), OBJECT_ID('dbo.open_end'), COUNT(*) FROM dbo.customer"),
  ).toEqual([[null, null, 1]])
  await run('DROP TABLE sales.orders', 'DROP TYPE sales.code', 'DROP SCHEMA sales')
  await restart()
  expect(await rows(session, "SELECT OBJECT_ID('sales.orders'), SCHEMA_ID('sales')")).toEqual([[null, null]])
  await run(...everything.slice(0, 2))
})

test('an object id is not given twice', async () => {
  await run('CREATE TABLE dbo.a (id int)')
  const [[first] = []] = await rows(session, "SELECT OBJECT_ID('dbo.a')")
  await run('DROP TABLE dbo.a')
  await restart()
  await run('CREATE TABLE dbo.a (id int)')
  const [[second] = []] = await rows(session, "SELECT OBJECT_ID('dbo.a')")
  expect(second).not.toBe(first)
})

test('rowversions of a rolled back transaction are not given again', async () => {
  await run('CREATE TABLE dbo.a (id int, rv rowversion)', 'BEGIN TRAN; INSERT dbo.a (id) VALUES (1), (2); ROLLBACK')
  const seen = await rows(session, 'SELECT @@DBTS, MIN_ACTIVE_ROWVERSION()')
  await restart()
  expect(await rows(session, 'SELECT @@DBTS, MIN_ACTIVE_ROWVERSION()')).toEqual(seen)
})

test('databases come and go, with one transaction over two of them', async () => {
  await run('CREATE DATABASE Extra COLLATE Latin1_General_BIN2', 'ALTER DATABASE Other SET READ_COMMITTED_SNAPSHOT ON')
  await run(
    'CREATE TABLE Extra.dbo.t (s nvarchar(5)); CREATE TABLE Other.dbo.t (s nvarchar(5));',
    "BEGIN TRAN; INSERT Extra.dbo.t VALUES (N'a'); INSERT Other.dbo.t VALUES (N'a'); COMMIT",
  )
  await restart()
  const counts =
    "SELECT (SELECT COUNT(*) FROM Extra.dbo.t WHERE s = N'A'), (SELECT COUNT(*) FROM Other.dbo.t WHERE s = N'A')"
  expect(await rows(session, counts)).toEqual([[0, 1]])
  expect(await rows(session, "SELECT is_read_committed_snapshot_on FROM sys.databases WHERE name = 'Other'")).toEqual([
    [true],
  ])
  await run('DROP DATABASE Extra')
  await restart()
  await expect(login('Extra')).rejects.toMatchObject({ error: { number: 4060 } })
})

test('transactions that end in another order than they began keep their own changes', async () => {
  const other = await login('Shop')
  await run('CREATE TABLE dbo.a (id int IDENTITY, n int)', 'CREATE TABLE dbo.b (id int IDENTITY, n int)')
  await run('BEGIN TRAN; INSERT dbo.a (n) VALUES (1), (2)')
  await rows(other, 'BEGIN TRAN; INSERT dbo.b (n) VALUES (1); COMMIT')
  await run('COMMIT')
  await restart()
  await run('INSERT dbo.a (n) VALUES (3)', 'INSERT dbo.b (n) VALUES (2)')
  expect(await rows(session, 'SELECT (SELECT MAX(id) FROM dbo.a), (SELECT MAX(id) FROM dbo.b)')).toEqual([[3, 2]])
})
