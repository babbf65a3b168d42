import { afterAll, beforeAll, expect, test } from 'vitest'
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

const property = (value: string, name: string, type: string): string =>
  `CONVERT(${type}, SQL_VARIANT_PROPERTY(CONVERT(sql_variant, ${value}), '${name}'))`

test.each([
  ['CONVERT(int, 7)', 'int', 10, 0, 4, null, '7', '00000007'],
  ['CONVERT(bit, 1)', 'bit', 1, 0, 1, null, '1', '01'],
  ['CONVERT(bigint, -1)', 'bigint', 19, 0, 8, null, '-1', 'ffffffffffffffff'],
  ['CONVERT(decimal(10,2), -1.5)', 'decimal', 10, 2, 9, null, '-1.50', '0a02000096000000'],
  ['CONVERT(numeric(38,38), 0)', 'numeric', 38, 38, 17, null, `0.${'0'.repeat(38)}`, '2626000100000000'],
  [
    "CONVERT(datetime2(3), '2024-01-02T03:04:05.678')",
    'datetime2',
    23,
    3,
    7,
    null,
    '2024-01-02 03:04:05.678',
    '032e8ba80046460b',
  ],
  [
    "CONVERT(varchar(20), 'aé ') COLLATE Latin1_General_CS_AS",
    'varchar',
    0,
    0,
    20,
    'Latin1_General_CS_AS',
    'aé ',
    undefined,
  ],
  ["CONVERT(nchar(3), N'ü')", 'nchar', 0, 0, 6, 'SQL_Latin1_General_CP1_CI_AS', 'ü  ', 'fc0020002000'],
  ['CONVERT(binary(3), 0x01)', 'binary', 0, 0, 3, null, undefined, '010000'],
  ["CONVERT(float, '-0.0')", 'float', 53, 0, 8, null, undefined, '8000000000000000'],
  [
    "CONVERT(uniqueidentifier, '01020304-0506-0708-090a-0b0c0d0e0f10')",
    'uniqueidentifier',
    0,
    0,
    16,
    null,
    '01020304-0506-0708-090A-0B0C0D0E0F10',
    '0403020106050807090a0b0c0d0e0f10',
  ],
])(
  'a sql_variant of %s keeps its base type and its bytes',
  async (value, base, precision, scale, length, collation, text, hex) => {
    const [row] = await rows(
      session,
      `SELECT ${property(value, 'BaseType', 'nvarchar(128)')}, ${property(value, 'Precision', 'int')}, ${property(value, 'Scale', 'int')},
      ${property(value, 'MaxLength', 'int')}, ${property(value, 'Collation', 'nvarchar(128)')}`,
    )
    expect(row).toEqual([base, precision, scale, length, collation])
    if (text !== undefined)
      expect(await rows(session, `SELECT CONVERT(nvarchar(max), CONVERT(sql_variant, ${value}))`)).toEqual([[text]])
    if (hex !== undefined) {
      const [[bytes] = []] = await rows(session, `SELECT CONVERT(varbinary(8000), CONVERT(sql_variant, ${value}))`)
      expect(bytes instanceof Uint8Array ? Buffer.from(bytes).toString('hex') : bytes).toBe(hex)
    }
  },
)

test('a column of sql_variant takes any base type, compares by value and is read with its type', async () => {
  await rows(session, 'CREATE TABLE [dbo].[v] ([id] int NOT NULL PRIMARY KEY, [x] sql_variant NULL)')
  await rows(session, "INSERT INTO [dbo].[v] ([id], [x]) VALUES (1, 5), (2, N'five'), (3, NULL)")
  await rows(session, 'INSERT INTO [dbo].[v] ([id], [x]) VALUES (4, CONVERT(decimal(5,2), 5))')
  await rows(session, 'UPDATE [dbo].[v] SET [x] = CASE WHEN [id] = 3 THEN CONVERT(sql_variant, 0x01) ELSE [x] END')
  expect(await rows(session, 'SELECT [id] FROM [dbo].[v] WHERE [x] = CONVERT(bigint, 5) ORDER BY [id]')).toEqual([
    [1],
    [4],
  ])
  expect(await rows(session, 'SELECT [x] FROM [dbo].[v] ORDER BY [id]')).toEqual([
    [{ type: { name: 'int' }, value: 5 }],
    [{ type: { name: 'nvarchar', length: 4, collation: 'SQL_Latin1_General_CP1_CI_AS' }, value: 'five' }],
    [{ type: { name: 'varbinary', length: 1 }, value: Uint8Array.of(1) }],
    [{ type: { name: 'decimal', precision: 5, scale: 2 }, value: 500n }],
  ])
})

test('what a sql_variant cannot hold, and what it does not turn into by itself, is refused', async () => {
  expect(await errorNumbers(session, "SELECT CONVERT(sql_variant, CONVERT(xml, N'<a/>'))")).toEqual([206])
  expect(await errorNumbers(session, "SELECT CONVERT(sql_variant, CONVERT(varchar(max), 'x'))")).toEqual([206])
  expect(
    await errorNumbers(session, 'CREATE TABLE #i ([i] int NULL); INSERT INTO #i ([i]) SELECT [x] FROM [dbo].[v]'),
  ).toEqual([257])
  expect(await errorNumbers(session, 'SELECT LEN([x]) FROM [dbo].[v]')).toEqual([8116])
})
