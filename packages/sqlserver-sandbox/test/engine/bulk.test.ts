import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Engine, Session } from '../../src/session.ts'
import { bulk, open, rows } from './collect.ts'

let engine: Engine
let session: Session
beforeAll(async () => {
  const opened = await open()
  engine = opened.engine
  session = await opened.login()
})
afterAll(() => engine.close())
beforeEach(async () => {
  await rows(session, 'SET XACT_ABORT OFF; IF @@TRANCOUNT > 0 ROLLBACK; DROP TABLE IF EXISTS child, parent')
  await rows(session, 'CREATE TABLE parent (id int NOT NULL PRIMARY KEY); INSERT INTO parent VALUES (1)')
  await rows(
    session,
    "CREATE TABLE child (id int IDENTITY(1,1) NOT NULL PRIMARY KEY, n int NULL CHECK (n > 0), p int NULL REFERENCES parent (id), s nvarchar(9) NULL DEFAULT N'none')",
  )
})

const columns = '[child] ([id] int, [n] int, [p] int, [s] nvarchar(9))'

test('constraints are checked only when CHECK_CONSTRAINTS asks for it', async () => {
  expect(await bulk(session, `INSERT BULK ${columns} WITH (CHECK_CONSTRAINTS)`, [[1, -1, 1, 'a']])).toEqual({
    error: 547,
  })
  expect(await bulk(session, `INSERT BULK ${columns} WITH (CHECK_CONSTRAINTS)`, [[1, 1, 9, 'a']])).toEqual({
    error: 547,
  })
  expect(await bulk(session, `INSERT BULK ${columns}`, [[1, -1, 9, 'a']])).toEqual({ count: 1 })
  expect(await bulk(session, `INSERT BULK ${columns}`, [[1, 1, 1, 'a']])).toEqual({ error: 2627 })
})

test('a NULL gives way to the default unless KEEP_NULLS keeps it', async () => {
  await bulk(session, `INSERT BULK ${columns}`, [
    [1, 1, 1, null],
    [2, 1, 1, 'x'],
  ])
  await bulk(session, `INSERT BULK ${columns} WITH (KEEP_NULLS)`, [[3, 1, 1, null]])
  await bulk(session, 'INSERT BULK [child] ([id] int)', [[4]])
  expect(await rows(session, 'SELECT id, s FROM child ORDER BY id')).toEqual([
    [1, 'none'],
    [2, 'x'],
    [3, null],
    [4, 'none'],
  ])
  expect(await bulk(session, 'INSERT BULK [child] ([id] int) WITH (KEEP_NULLS)', [[5]])).toEqual({ error: 40517 })
})

test('an identity column that is listed keeps its values, and the next one goes on above them', async () => {
  await bulk(session, `INSERT BULK ${columns}`, [[40, 1, 1, 'a']])
  await rows(session, "INSERT INTO child (s) VALUES (N'next')")
  expect(await rows(session, 'SELECT id FROM child ORDER BY id')).toEqual([[40], [41]])
})

test('rows that are not in the order of the clustered key, as ORDER says, are refused', async () => {
  const unsorted = [
    [2, 1, 1, 'a'],
    [1, 1, 1, 'b'],
  ]
  expect(await bulk(session, `INSERT BULK ${columns} WITH (ORDER ([id] ASC))`, unsorted)).toEqual({ error: 4819 })
  expect(await bulk(session, `INSERT BULK ${columns} WITH (ORDER ([s] DESC))`, unsorted)).toEqual({ count: 2 })
  const sorted = [
    [3, 1, 1, 'a'],
    [4, 1, 1, 'b'],
  ]
  expect(await bulk(session, `INSERT BULK ${columns} WITH (TABLOCK, ORDER ([id] ASC))`, sorted)).toEqual({ count: 2 })
})

test('under XACT_ABORT an error takes the open transaction with it, and the client hears of it', async () => {
  await rows(session, "SET XACT_ABORT ON; BEGIN TRANSACTION; INSERT INTO child (s) VALUES (N'first')")
  const told: string[] = []
  expect(
    await bulk(
      session,
      `INSERT BULK ${columns}`,
      [
        [7, 1, 1, 'a'],
        [7, 1, 1, 'b'],
      ],
      told,
    ),
  ).toEqual({ error: 2627 })
  expect(told).toEqual(['rollback'])
  expect(await rows(session, 'SELECT @@TRANCOUNT, (SELECT COUNT(*) FROM child)')).toEqual([[0, 0]])
})

test('without XACT_ABORT the transaction goes on without the load', async () => {
  await rows(session, "BEGIN TRANSACTION; INSERT INTO child (s) VALUES (N'first')")
  expect(
    await bulk(session, `INSERT BULK ${columns}`, [
      [7, 1, 1, 'a'],
      [7, 1, 1, 'b'],
    ]),
  ).toEqual({ error: 2627 })
  expect(await bulk(session, `INSERT BULK ${columns}`, [[8, 1, 1, 'a']])).toEqual({ count: 1 })
  await rows(session, 'COMMIT')
  expect(await rows(session, 'SELECT id FROM child ORDER BY id')).toEqual([[1], [8]])
})
