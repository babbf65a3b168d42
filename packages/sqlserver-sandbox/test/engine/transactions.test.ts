import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Engine, Session } from '../../src/session.ts'
import { errorNumbers, open, rows, run } from './collect.ts'

let engine: Engine
let one: Session
let two: Session
beforeAll(async () => {
  const opened = await open()
  engine = opened.engine
  one = await opened.login()
  two = await opened.login()
})
afterAll(() => engine.close())
beforeEach(async () => {
  for (const s of [one, two]) await s.reset()
  await rows(
    one,
    'DROP TABLE IF EXISTS t, u; CREATE TABLE t (id int PRIMARY KEY, n int, rv rowversion); CREATE TABLE u (id int PRIMARY KEY); INSERT t (id, n) VALUES (1, 0)',
  )
})

test('without XACT_ABORT a failed statement undoes itself alone', async () => {
  const batch = 'BEGIN TRAN; INSERT u VALUES (1); INSERT u VALUES (1); INSERT u VALUES (2); COMMIT'
  expect(await errorNumbers(one, batch)).toEqual([2627])
  expect(await rows(one, 'SELECT id FROM u ORDER BY id')).toEqual([[1], [2]])
})

test('with XACT_ABORT everything is rolled back and the batch ends', async () => {
  const batch = 'SET XACT_ABORT ON; BEGIN TRAN; INSERT u VALUES (1); INSERT u VALUES (1); INSERT u VALUES (2); COMMIT'
  expect(await errorNumbers(one, batch)).toEqual([2627])
  expect(await rows(one, 'SELECT COUNT(*), @@TRANCOUNT FROM u')).toEqual([[0, 0]])
})

test('DDL is rolled back with its transaction', async () => {
  await rows(one, 'BEGIN TRAN; CREATE TABLE v (x int); ALTER TABLE t ADD y int NULL; ROLLBACK')
  expect(await rows(one, "SELECT OBJECT_ID('v'), COUNT(*) FROM sys.columns WHERE object_id = OBJECT_ID('t')")).toEqual([
    [null, 3],
  ])
})

test('rows are counted while another session makes a table, has made one, and rolls one back', async () => {
  const counted = 'SELECT SUM([rows]) FROM sys.partitions WHERE index_id IN (0, 1)'
  await rows(one, 'BEGIN TRAN; CREATE TABLE v (x int); INSERT v VALUES (1)')
  expect(await rows(two, counted)).toEqual([[1n]])
  expect(await rows(one, counted)).toEqual([[2n]])
  await rows(one, 'COMMIT')
  expect(await rows(two, counted)).toEqual([[2n]])
  await rows(one, 'BEGIN TRAN; DROP TABLE v; CREATE TABLE v (x int)')
  expect(await rows(two, counted)).toEqual([[1n]])
  await rows(one, 'ROLLBACK')
  expect(await rows(two, counted)).toEqual([[2n]])
  await rows(one, 'DROP TABLE v')
})

test('a table made after a transaction wrote is not counted by it', async () => {
  await rows(two, 'BEGIN TRAN; INSERT u VALUES (1)')
  await rows(one, 'CREATE TABLE v (x int)')
  expect(await errorNumbers(two, 'SELECT SUM([rows]) FROM sys.partitions')).toEqual([])
  await rows(two, 'ROLLBACK')
  await rows(one, 'DROP TABLE v')
})

test('a writer waits for a writer and then sees what it wrote', async () => {
  await rows(one, 'BEGIN TRAN; UPDATE t SET n = n + 1')
  expect(await errorNumbers(two, 'SET LOCK_TIMEOUT 20; UPDATE t SET n = n + 1')).toEqual([1222])
  const waiting = run(two, 'SET LOCK_TIMEOUT -1; UPDATE t SET n = n + 10')
  await rows(one, 'COMMIT')
  expect((await waiting).errors).toEqual([])
  expect(await rows(one, 'SELECT n FROM t')).toEqual([[11]])
})

test('two sessions that wait for each other end with error 1205 for one of them', async () => {
  await rows(one, 'BEGIN TRAN; UPDATE t SET n = 1')
  await rows(two, 'BEGIN TRAN; INSERT u VALUES (1)')
  const waiting = run(one, 'INSERT u VALUES (2)')
  expect(await errorNumbers(two, 'UPDATE t SET n = 2')).toEqual([1205])
  expect((await waiting).errors).toEqual([])
  expect(await rows(two, 'SELECT @@TRANCOUNT')).toEqual([[0]])
})

test('an application lock gives 0, -1 and, after waiting, 1', async () => {
  const get = (timeout: number): string =>
    `DECLARE @rc int; BEGIN TRAN; EXEC @rc = sp_getapplock @Resource = N'r', @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = ${timeout}; SELECT @rc`
  expect(await rows(one, get(0))).toEqual([[0]])
  expect(await rows(two, get(0))).toEqual([[-1]])
  const waiting = rows(two, get(-1))
  await rows(one, 'COMMIT')
  expect(await waiting).toEqual([[1]])
})

test('MIN_ACTIVE_ROWVERSION stays at the first uncommitted row of another session', async () => {
  const [[before] = []] = await rows(two, 'SELECT MIN_ACTIVE_ROWVERSION()')
  await rows(one, 'BEGIN TRAN; INSERT t (id, n) VALUES (2, 0), (3, 0)')
  const [[during] = []] = await rows(two, 'SELECT MIN_ACTIVE_ROWVERSION()')
  expect(during).toEqual(before)
  await rows(one, 'COMMIT')
  const [[after] = []] = await rows(two, 'SELECT MIN_ACTIVE_ROWVERSION()')
  expect(Buffer.compare(after as Uint8Array, before as Uint8Array)).toBe(1)
})

test('TRY catches, XACT_STATE tells a doomed transaction, THROW tells the error again', async () => {
  const said = await run(
    one,
    "BEGIN TRY BEGIN TRAN; INSERT u VALUES (1); SELECT CAST(CAST(n AS varchar(5)) + 'x' AS int) FROM t; END TRY BEGIN CATCH SELECT XACT_STATE(), ERROR_NUMBER(), (SELECT COUNT(*) FROM u); IF @@TRANCOUNT > 0 ROLLBACK; THROW; END CATCH",
  )
  expect(said.sets.at(-1)?.rows).toEqual([[-1, 245, 0]])
  expect(said.errors.map((e) => e.number)).toEqual([245])
})

test('an abort ends a running query and leaves the session usable', async () => {
  const controller = new AbortController()
  const running = run(one, 'WHILE 1 = 1 SELECT COUNT(*) FROM t', { signal: controller.signal })
  setTimeout(() => controller.abort(), 20)
  await expect(running).rejects.toThrow()
  expect(await rows(one, 'SELECT 1')).toEqual([[1]])
})

test('a #temp table belongs to its session, and one of a parameterised batch ends with it', async () => {
  await rows(one, 'CREATE TABLE #x (a int)')
  expect(await errorNumbers(two, 'SELECT * FROM #x')).toEqual([208])
  await rows(one, 'CREATE TABLE #y (a int)', [{ name: '@p', type: { name: 'int' }, value: 1, output: false }])
  expect(await errorNumbers(one, 'SELECT * FROM #y')).toEqual([208])
})

test('a wrong password is 18456, an unknown database 4060', async () => {
  const login = { userName: 'sa', password: 'no', database: 'SourceDb', appName: '', hostName: '' }
  await expect(engine.login(login)).rejects.toMatchObject({ error: { number: 18456 } })
  await expect(engine.login({ ...login, password: 'secret', database: 'Nope' })).rejects.toMatchObject({
    error: { number: 4060 },
  })
})
