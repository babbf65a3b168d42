import { afterAll, beforeAll, expect, test } from 'vitest'
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

const cases: [name: string, type: string, literal: string, value: unknown][] = [
  [
    'a decimal of 38 digits',
    'decimal(38,10)',
    '1234567890123456789012345678.0123456789',
    12345678901234567890123456780123456789n,
  ],
  ['money', 'money', '-922337203685477.5807', -9223372036854775807n],
  ['a bigint', 'bigint', '-9223372036854775807', -9223372036854775807n],
  ['the last 100 ns of datetime2', 'datetime2(7)', "'9999-12-31T23:59:59.9999999'", 3155378975999999999n],
  ['a date before the Gregorian calendar', 'date', "'0001-01-01'", 0],
  ['a time', 'time(7)', "'23:59:59.9999999'", 863999999999n],
  ['datetime in steps of 1/300 s', 'datetime', "'2024-01-01T10:11:12.997'", 1173927801899n],
  [
    'an offset',
    'datetimeoffset(7)',
    "'2024-01-01T00:00:00.1234567+05:30'",
    { utc: 638396442001234567n, offsetMinutes: 330 },
  ],
  ['an emoji', 'nvarchar(20)', "N'Ä😀'", 'Ä😀'],
  ['a padded char', 'nchar(4)', "N'ab'", 'ab  '],
  ['a guid', 'uniqueidentifier', "'6F9619FF-8B86-D011-B42D-00C04FC964FF'", '6f9619ff-8b86-d011-b42d-00c04fc964ff'],
  ['negative zero', 'float', '-0e0', -0],
  ['a quote', 'nvarchar(20)', "N'it''s'", "it's"],
]
test.each(cases)('%s comes back as it went in', async (_name, type, literal, value) => {
  await rows(session, `CREATE TABLE v (x ${type} NULL)`)
  try {
    await rows(session, `INSERT INTO v VALUES (${literal}), (NULL)`)
    expect(await rows(session, 'SELECT x FROM v')).toEqual([[value], [null]])
  } finally {
    await rows(session, 'DROP TABLE v')
  }
})

test.each([
  ['tinyint', '255'],
  ['tinyint', '256'],
  ['tinyint', '-1'],
  ['smallint', ' +32767 '],
  ['smallint', '-32769'],
  ['int', '-2147483648'],
  ['int', '2147483648'],
  ['int', ''],
  ['int', '007'],
  ['int', '1.0'],
  ['int', 'x'],
  ['bigint', '-9223372036854775808'],
  ['bigint', '9223372036854775808'],
  ['bigint', '- 1'],
  ['uniqueidentifier', '6F9619FF-8B86-D011-B42D-00C04FC964FF'],
  ['uniqueidentifier', '{6F9619FF-8B86-D011-B42D-00C04FC964FF}'],
  ['uniqueidentifier', '6F9619FF-8B86-D011-B42D-00C04FC964F'],
])('a constant becomes %s as the text of a column does: %s', async (type, text) => {
  const of = (from: string): string => `SELECT CONVERT(${type}, ${from}) FROM (VALUES (N'${text}')) AS t(x)`
  const constant = await run(session, of(`N'${text}'`))
  const column = await run(session, of('x'))
  expect(constant.errors.map((e) => e.number)).toEqual(column.errors.map((e) => e.number))
  expect(constant.sets.map((s) => s.rows)).toEqual(column.sets.map((s) => s.rows))
})

test('binary keeps its bytes', async () => {
  const [[value] = []] = await rows(session, 'SELECT CAST(0x00FF27 AS varbinary(5))')
  expect(Buffer.from(value as Uint8Array).toString('hex')).toBe('00ff27')
})

test('a lone surrogate and a NUL come back exactly through a parameter', async () => {
  const value = 'a\uD83D\0b'
  expect(
    await rows(session, 'SELECT @p', [{ name: '@p', type: { name: 'nvarchar', length: 10 }, value, output: false }]),
  ).toEqual([[value]])
})

test('uniqueidentifier is ordered by its last six bytes first', async () => {
  const found = await rows(
    session,
    `SELECT CAST(x AS varchar(36)) FROM (VALUES (CAST('FFFFFFFF-0000-0000-0000-000000000001' AS uniqueidentifier)), (CAST('00000000-0000-0000-0000-000000000002' AS uniqueidentifier))) v(x) ORDER BY x DESC`,
  )
  expect(found.map(([x]) => (x as string).slice(-1))).toEqual(['2', '1'])
})

test('arithmetic has the result types of SQL Server', async () => {
  expect(await rows(session, `SELECT 7 / 2, 7.0 / 3, 1.5 * 2.25, 'a' + N'b', LEN(N'a😀 '), DATALENGTH(N'a ')`)).toEqual(
    [[3, 2333333n, 3375n, 'ab', 3, 4]],
  )
})

test('strings compare without case and trailing spaces unless the collation is binary', async () => {
  expect(
    await rows(
      session,
      `SELECT CASE WHEN N'Ab' = N'aB  ' THEN 1 ELSE 0 END, CASE WHEN N'Ab' COLLATE Latin1_General_100_BIN2 = N'aB' THEN 1 ELSE 0 END, CASE WHEN CONVERT(varbinary(max), N'a') = CONVERT(varbinary(max), N'A') THEN 1 ELSE 0 END`,
    ),
  ).toEqual([[1, 0, 0]])
})

test('the code page of a collation is told for those that are known, and refused for others', async () => {
  const page = (collation: string): string => `SELECT CONVERT(int, COLLATIONPROPERTY(N'${collation}', 'CodePage'))`
  expect(await rows(session, page('SQL_Latin1_General_CP1_CI_AS'))).toEqual([[1252]])
  expect(await rows(session, page('Latin1_General_100_CI_AS_SC_UTF8'))).toEqual([[65001]])
  expect(await rows(session, page('Cyrillic_General_CI_AS'))).toEqual([[1251]])
  expect(await rows(session, page('Japanese_CI_AS'))).toEqual([[932]])
  await expect(rows(session, page('Mongolian_Cyrl_100_CI_AS'))).rejects.toThrow(/COLLATIONPROPERTY/)
})

test('char and varchar have the bytes of their code page, and a question mark for what it lacks', async () => {
  const bytes = (text: string, type: string, collation: string): string =>
    `CONVERT(varbinary(20), CONVERT(${type}, N'${text}' COLLATE ${collation}))`
  const values: readonly (readonly [text: string, type: string, collation: string, bytes: string])[] = [
    ['é€', 'varchar(20)', 'Latin1_General_CI_AS', 'e980'],
    ['éł😀', 'varchar(20)', 'Latin1_General_CI_AS', 'e93f3f3f'],
    ['ł', 'varchar(20)', 'Polish_CI_AS', 'b3'],
    ['Жé', 'varchar(20)', 'Cyrillic_General_CI_AS', 'c63f'],
    ['日本', 'varchar(20)', 'Japanese_CI_AS', '93fa967b'],
    ['日本', 'varchar(3)', 'Japanese_CI_AS', '93fa'],
    ['日', 'char(4)', 'Japanese_CI_AS', '93fa2020'],
    ['ł😀', 'varchar(20)', 'Latin1_General_100_CI_AS_SC_UTF8', 'c582f09f9880'],
    ['łł', 'varchar(3)', 'Latin1_General_100_CI_AS_SC_UTF8', 'c582'],
  ]
  const [row] = await rows(session, `SELECT ${values.map(([text, type, name]) => bytes(text, type, name)).join(', ')}`)
  expect(row?.map((value) => Buffer.from(value as Uint8Array).toString('hex'))).toEqual(values.map((each) => each[3]))
})

test('a value is brought to the code page of its column, and lengths count bytes', async () => {
  await run(
    session,
    `CREATE TABLE pages (latin varchar(4) COLLATE Latin1_General_CI_AS NULL, polish varchar(4) COLLATE Polish_CI_AS NULL,
      japanese varchar(4) COLLATE Japanese_CI_AS NULL, utf8 varchar(4) COLLATE Latin1_General_100_CI_AS_SC_UTF8 NULL)`,
  )
  await run(session, "INSERT INTO pages (latin, polish, japanese, utf8) VALUES (N'łé', N'łé', N'日本', N'łé')")
  expect(
    await rows(
      session,
      'SELECT latin, polish, japanese, utf8, DATALENGTH(polish), DATALENGTH(japanese), DATALENGTH(utf8) FROM pages',
    ),
  ).toEqual([['?é', 'łé', '日本', 'łé', 2, 4, 4]])
  await run(session, 'UPDATE pages SET latin = polish, japanese = polish')
  expect(await rows(session, 'SELECT latin, japanese FROM pages')).toEqual([['?é', '??']])
  expect(await errorNumbers(session, "UPDATE pages SET utf8 = N'łéł'")).toEqual([2628])
  expect(await errorNumbers(session, "UPDATE pages SET japanese = N'日本語'")).toEqual([2628])
})

test('PARSENAME gives the parts of a name from the right, and NULL for what is none', async () => {
  const names = [
    "'a.b.c', 1",
    "'a.b.c', 3",
    "'a.b.c', 4",
    `'[a.x]]y]..["b"]', 3`,
    `'"c""d"', 1`,
    "'a..c', 2",
    "'a.b.c.d.e', 1",
    "'a[b', 1",
  ]
  expect(await rows(session, `SELECT ${names.map((name) => `PARSENAME(${name})`).join(', ')}`)).toEqual([
    ['c', 'a', null, 'a.x]y', 'c"d', null, null, null],
  ])
})

test('a column of a result has the name that the query gives it, in its case', async () => {
  const { sets } = await run(session, 'SELECT NAME, s.Schema_ID, name AS [As] FROM sys.schemas AS s')
  expect(sets[0]?.columns.map(({ name }) => name)).toEqual(['NAME', 'Schema_ID', 'As'])
})

test('a repeated text of any length is the same to a client, a condition and an outer query', async () => {
  await run(
    session,
    'CREATE TABLE repeated (id int, s nvarchar(10), n int, x AS REPLICATE(CONVERT(nvarchar(max), s), n))',
  )
  await run(
    session,
    "INSERT INTO repeated (id, s, n) VALUES (1, N'é😀', 5000), (2, N'a', 0), (3, NULL, 3), (4, N'b', NULL), (5, N'ab', 2)",
  )
  const all = [
    [1, 'é😀'.repeat(5000)],
    [2, ''],
    [3, null],
    [4, null],
    [5, 'abab'],
  ]
  expect(await rows(session, 'SELECT id, x FROM repeated')).toEqual(all)
  expect(await rows(session, 'SELECT id, x FROM repeated ORDER BY x DESC, id')).toHaveLength(5)
  expect(await rows(session, 'SELECT d.id, d.x FROM (SELECT id, x FROM repeated) AS d')).toEqual(all)
  expect(await rows(session, "SELECT id, UPPER(x) FROM repeated WHERE x = N'abab'")).toEqual([[5, 'ABAB']])
  expect(await rows(session, 'SELECT DISTINCT x FROM repeated WHERE id > 2')).toHaveLength(2)
  expect(await rows(session, 'SELECT id, CONVERT(varbinary(max), x) FROM repeated WHERE id = 5')).toEqual([
    [5, Buffer.from('abab', 'utf16le')],
  ])
})

test('a collation of UTF-8 keeps every character in varchar', async () => {
  await run(session, 'CREATE TABLE utf8 (u varchar(20) COLLATE Latin1_General_100_CI_AS_SC_UTF8, v varchar(20))')
  await run(session, "INSERT INTO utf8 (u, v) VALUES (N'東é', N'東é')")
  expect(await rows(session, 'SELECT u, v FROM utf8')).toEqual([['東é', '?é']])
})
