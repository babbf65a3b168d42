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

async function bytes(expression: string): Promise<string | null> {
  const [[value] = []] = await rows(session, `SELECT ${expression}`)
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : null
}

test.each([
  ['CONVERT(varbinary(8), 1)', '00000001'],
  ['CONVERT(varbinary(8), CONVERT(bigint, -1))', 'ffffffffffffffff'],
  ['CONVERT(binary(8), -2)', '00000000fffffffe'],
  ['CONVERT(varbinary(2), 65537)', '0001'],
  ['CONVERT(varbinary(4), CONVERT(smallint, -1))', 'ffff'],
  ['CONVERT(varbinary(8), CONVERT(money, 1))', '0000000000002710'],
  ['CONVERT(varbinary(20), CONVERT(numeric(10, 4), 126))', '0a040001e0391300'],
  ['CONVERT(varbinary(20), -123.45)', '0502000039300000'],
  ['CONVERT(binary(6), CONVERT(decimal(4, 0), 257))', '040000010101'],
  ['CONVERT(varbinary(20), CONVERT(decimal(38, 0), 4294967296))', '260000010000000001000000'],
  ['CONVERT(varbinary(max), CONVERT(decimal(38, 0), 0))', '2600000100000000'],
  ['CONVERT(binary(8), CONVERT(float, -2))', 'c000000000000000'],
  ['CONVERT(binary(4), CONVERT(real, 1))', '3f800000'],
  [
    "CONVERT(varbinary(16), CONVERT(uniqueidentifier, '01020304-0506-0708-090a-0b0c0d0e0f10'))",
    '0403020106050807090a0b0c0d0e0f10',
  ],
  ["CONVERT(varbinary(8), CONVERT(date, '2024-01-01'))", '45460b'],
  ["CONVERT(varbinary(8), CONVERT(datetime, '1900-01-02T00:00:01'))", '000000010000012c'],
  ["CONVERT(varbinary(8), CONVERT(datetime, '1899-12-31T12:00:00'))", 'ffffffff00c5c100'],
  ["CONVERT(varbinary(4), CONVERT(smalldatetime, '1900-01-02T00:01:00'))", '00010001'],
  ["CONVERT(varbinary(8), CONVERT(time(7), '00:00:01'))", '078096980000'],
  ["CONVERT(varbinary(9), CONVERT(datetime2(7), '0001-01-02T00:00:01'))", '078096980000010000'],
  ["CONVERT(varbinary(9), CONVERT(datetimeoffset(0), '0001-01-02T00:00:01+00:01'))", '004551010000000100'],
  ["CONVERT(varbinary(8), N'aé')", '6100e900'],
  ["CONVERT(binary(5), 'ab')", '6162000000'],
  ["CONVERT(varbinary(2), 'abc')", '6162'],
  ["CONVERT(varbinary(4), '0x0aff', 1)", '0aff'],
  ['CONVERT(binary(3), 0x0102)', '010200'],
  ['CONVERT(varbinary(1), 0x0102)', '01'],
  ['CONVERT(varbinary(8), CONVERT(int, NULL))', null],
])('%s has the bytes %s', async (expression, expected) => {
  expect(await bytes(expression)).toBe(expected)
})

test('a date is not cut or padded to another width, which is refused by name', async () => {
  expect(await errorNumbers(session, "SELECT CONVERT(binary(8), CONVERT(date, '2024-01-01'))")).toEqual([40517])
})

test('DATALENGTH is the width of the storage', async () => {
  const batch = `SELECT DATALENGTH(CONVERT(time(2), '00:00')), DATALENGTH(CONVERT(datetime2(7), '2024-01-01')), DATALENGTH(CONVERT(datetimeoffset(3), '2024-01-01')),
    DATALENGTH(CONVERT(decimal(38, 0), 1)), DATALENGTH(CONVERT(decimal(38, 0), 4294967296)), DATALENGTH(CONVERT(money, 1)), DATALENGTH(CONVERT(nvarchar(9), N'ab')), DATALENGTH(CONVERT(date, NULL))`
  expect(await rows(session, batch)).toEqual([[3, 8, 9, 5, 9, 8, 4, null]])
})
