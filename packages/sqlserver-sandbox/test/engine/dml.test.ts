import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Engine, Session } from '../../src/session.ts'
import { bulk, errorNumbers, open, rows, run } from './collect.ts'

let engine: Engine
let session: Session
beforeAll(async () => {
  const opened = await open()
  engine = opened.engine
  session = await opened.login()
})
afterAll(() => engine.close())
beforeEach(async () => {
  await rows(session, 'DROP TABLE IF EXISTS child, t, #s')
  await rows(
    session,
    'CREATE TABLE t (id int IDENTITY(1,1) NOT NULL PRIMARY KEY, name nvarchar(5) NULL UNIQUE, twice AS id * 2, rv rowversion)',
  )
  await rows(session, "INSERT INTO t (name) VALUES (N'one'), (N'two')")
  await rows(session, 'CREATE TABLE #s (k int, v nvarchar(10))')
})

test.each([
  ['a null in a NOT NULL column', "SET IDENTITY_INSERT t ON; INSERT t (id, name) VALUES (NULL, N'x')", 515],
  ['an explicit identity value', 'INSERT t (id) VALUES (9)', 544],
  ['a duplicate key under the collation', "INSERT t (name) VALUES (N'ONE ')", 2627],
  ['a string that is too long', "INSERT t (name) VALUES (N'123456')", 2628],
  ['a missing column', 'SELECT nope FROM t', 207],
  ['a missing table', 'SELECT * FROM nope', 208],
  ['a conversion that fails', "SELECT CAST('x' AS int)", 245],
  ['a clash of types', 'SELECT CAST(1 AS uniqueidentifier) FROM t', 529],
  ['an unknown hint', 'SELECT * FROM t WITH (BOGUS)', 321],
  ['a MERGE without its semicolon', 'MERGE t USING #s s ON t.id = s.k WHEN MATCHED THEN DELETE', 10713],
  ['a write to a computed column', 'UPDATE t SET twice = 1', 271],
  ['an unknown procedure', 'EXEC dbo.nope', 2812],
  ['GO', 'SELECT 1\nGO', 102],
])('%s has the error number of SQL Server', async (_name, batch, number) => {
  expect(await errorNumbers(session, batch)).toEqual([number])
  await run(session, 'SET IDENTITY_INSERT t OFF')
  expect(await rows(session, 'SELECT name FROM t ORDER BY id')).toEqual([['one'], ['two']])
})

test('MERGE updates what differs in bytes, inserts, deletes and tells its actions', async () => {
  await rows(session, "INSERT #s VALUES (1, N'ONE'), (2, N'two'), (7, N'seven')")
  const said = await run(
    session,
    `MERGE t WITH (HOLDLOCK) AS t USING #s AS s ON t.id = s.k
     WHEN MATCHED AND EXISTS (SELECT CONVERT(varbinary(max), t.name) EXCEPT SELECT CONVERT(varbinary(max), s.v)) THEN UPDATE SET name = s.v
     WHEN NOT MATCHED BY TARGET THEN INSERT (name) VALUES (s.v)
     OUTPUT $action, s.k, deleted.name, inserted.name;`,
  )
  expect(said.errors).toEqual([])
  expect(said.sets[0]?.rows).toEqual(
    expect.arrayContaining([
      ['UPDATE', 1, 'one', 'ONE'],
      ['INSERT', 7, null, 'seven'],
    ]),
  )
  expect(said.sets[0]?.rows).toHaveLength(2)
  expect(await rows(session, 'SELECT id, name, twice FROM t ORDER BY id')).toEqual([
    [1, 'ONE', 2],
    [2, 'two', 4],
    [3, 'seven', 6],
  ])
})

test('MERGE with two source rows for one target row is error 8672 and changes nothing', async () => {
  await rows(session, "INSERT #s VALUES (1, N'a'), (1, N'b')")
  expect(
    await errorNumbers(session, 'MERGE t USING #s s ON t.id = s.k WHEN MATCHED THEN UPDATE SET name = s.v;'),
  ).toEqual([8672])
  expect(await rows(session, 'SELECT name FROM t ORDER BY id')).toEqual([['one'], ['two']])
})

test('a foreign key holds on both sides', async () => {
  await rows(
    session,
    'CREATE TABLE child (id int PRIMARY KEY, t int NOT NULL REFERENCES t(id)); INSERT child VALUES (1, 1)',
  )
  expect(await errorNumbers(session, 'INSERT child VALUES (2, 99)')).toEqual([547])
  expect(await errorNumbers(session, 'DELETE t WHERE id = 1')).toEqual([547])
})

test('an update gives a new rowversion', async () => {
  const [[before] = []] = await rows(session, 'SELECT MAX(rv) FROM t')
  await rows(session, 'UPDATE t SET name = name WHERE id = 1')
  const [[after] = []] = await rows(session, 'SELECT rv FROM t WHERE id = 1')
  expect(Buffer.compare(after as Uint8Array, before as Uint8Array)).toBe(1)
})

test('bulk load keeps values, refuses duplicates whole, and gives its count', async () => {
  expect(await bulk(session, 'INSERT BULK [t] ([name] nvarchar(5)) WITH (TABLOCK)', [['a'], ['b'], [null]])).toEqual({
    count: 3,
  })
  expect(await bulk(session, 'INSERT BULK [t] ([name] nvarchar(5))', [['c'], ['A']])).toEqual({ error: 2627 })
  expect(await rows(session, 'SELECT COUNT(*) FROM t')).toEqual([[5]])
})

test('the catalog views describe a table', async () => {
  expect(
    await rows(
      session,
      "SELECT c.name, c.is_identity, c.is_computed, ty.name FROM sys.columns c JOIN sys.types ty ON ty.user_type_id = c.user_type_id WHERE c.object_id = OBJECT_ID(N'dbo.t') ORDER BY c.column_id",
    ),
  ).toEqual([
    ['id', true, false, 'int'],
    ['name', false, false, 'nvarchar'],
    ['twice', false, true, 'int'],
    ['rv', false, false, 'timestamp'],
  ])
})

test('a query groups, numbers and pages', async () => {
  expect(
    await rows(
      session,
      "SELECT UPPER(x), COUNT(*) FROM (VALUES ('a'), ('A '), ('b')) v(x) GROUP BY x ORDER BY COUNT(*) DESC",
    ),
  ).toEqual(
    [
      ['A', 2],
      ['B', 1],
    ].map(([a, n]) => [expect.stringMatching(new RegExp(`^${String(a)} ?$`)), n]),
  )
  expect(
    await rows(
      session,
      'SELECT id, ROW_NUMBER() OVER (ORDER BY id DESC) FROM t ORDER BY id OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY',
    ),
  ).toEqual([[2, 1n]])
})

test('an UPDATE changes the sign of zero', async () => {
  await rows(session, 'CREATE TABLE #z (id int, f float, r real); INSERT #z VALUES (1, 0, 0), (2, NULL, 1)')
  await rows(session, 'UPDATE #z SET f = -0e0, r = -0e0')
  const [before, after] = [
    await rows(session, 'SELECT CONVERT(binary(8), f), CONVERT(binary(4), r) FROM #z'),
    await rows(session, 'UPDATE #z SET f = 0, r = 0; SELECT CONVERT(binary(8), f), CONVERT(binary(4), r) FROM #z'),
  ]
  const negative = [Buffer.from('8000000000000000', 'hex'), Buffer.from('80000000', 'hex')]
  expect(before.map((r) => r.map((v) => Buffer.from(v as Uint8Array)))).toEqual([negative, negative])
  expect(after.map((r) => r.map((v) => Buffer.from(v as Uint8Array)))).toEqual([
    [Buffer.alloc(8), Buffer.alloc(4)],
    [Buffer.alloc(8), Buffer.alloc(4)],
  ])
  await rows(session, 'DROP TABLE #z')
})
