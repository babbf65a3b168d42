import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Engine, Session } from '../../src/session.ts'
import { errorNumbers, open, rows, run } from './collect.ts'

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
    'DROP TABLE IF EXISTS t; CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int NULL, s varchar(10) NULL, [odd ]] name] nvarchar(10) NULL, b varbinary(4) NULL, d date NULL, c AS a + 1)',
  )
})

test.each([
  ['a = 1 and b = 0x0a', '([a]=(1) AND [b]=0x0A)'],
  ['a in (1, 2)', '([a] IN ((1), (2)))'],
  ['a in (10)', '([a]=(10))'],
  ["a is null and s = 'it''s'", "([a] IS NULL AND [s]='it''s')"],
  ['a > 1 and (id = 2)', '([a]>(1) AND [id]=(2))'],
  ['a !< -10', '([a]>=(-10))'],
  ["[odd ]] name] <> N'x' and d is not null", "([odd ]] name]<>N'x' AND [d] IS NOT NULL)"],
  ['a = cast(10 as int)', '([a]=CONVERT([int],(10)))'],
  ["d > '2020-01-01'", "([d]>'2020-01-01')"],
])('the filter %s is kept as %s', async (filter, definition) => {
  await rows(session, `CREATE UNIQUE INDEX ix ON t (s) WHERE ${filter}`)
  expect(await rows(session, "SELECT has_filter, filter_definition FROM sys.indexes WHERE name = 'ix'")).toEqual([
    [true, definition],
  ])
  // What is kept can be asked of a row.
  await rows(session, `SELECT id FROM t WHERE ${definition}; INSERT t (id, a, s) VALUES (1, 1, 'x'), (2, 10, NULL)`)
})

test.each([
  ["s LIKE 'a%'", 156],
  ['a = 1 OR a = 2', 156],
  ['NOT a = 1', 156],
  ['a BETWEEN 1 AND 5', 156],
  ['EXISTS (SELECT 1)', 156],
  ['a NOT IN (1, 2)', 156],
  ['a = id', 10735],
  ['1 = a', 10735],
  ['a + 1 = 2', 10735],
  ['a = abs(1)', 10735],
  ['c > 5', 10609],
  ['a = NULL', 10620],
  ["s = N'x'", 10611],
  ['b = 1', 10611],
  ['nope = 1', 207],
])('the filter %s is refused as SQL Server refuses it', async (filter, number) => {
  expect(await errorNumbers(session, `CREATE UNIQUE INDEX ix ON t (s) WHERE ${filter}`)).toEqual([number])
})

test('a clustered index takes no filter', async () => {
  await rows(session, 'DROP TABLE t; CREATE TABLE t (a int)')
  expect(await errorNumbers(session, 'CREATE CLUSTERED INDEX ix ON t (a) WHERE a > 1')).toEqual([156])
})

test('only rows that the filter keeps must differ', async () => {
  await rows(
    session,
    "CREATE UNIQUE INDEX ix ON t (s) WHERE a = 1; INSERT t (id, a, s) VALUES (1, 1, 'x'), (2, 0, 'x')",
  )
  const { errors } = await run(session, "INSERT t (id, a, s) VALUES (3, 0, 'x'), (4, 1, 'X')")
  expect(errors.map(({ number, message }) => [number, message])).toEqual([
    [2601, "Cannot insert duplicate key row in object 'dbo.t' with unique index 'ix'. The duplicate key value is (X)."],
  ])
  expect(await errorNumbers(session, 'UPDATE t SET a = 1 WHERE id = 2')).toEqual([2601])
  expect(await errorNumbers(session, 'UPDATE t SET a = 1 - a')).toEqual([])
})
