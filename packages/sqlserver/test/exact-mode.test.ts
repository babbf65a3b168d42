import { createRequire } from 'node:module'
import { exactReading, exactValues, SqlServer, useExactValues } from '@icebridge/sqlserver'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Fixture } from './fixture.ts'

const load = createRequire(import.meta.resolve('@icebridge/sqlserver'))
const parser = load('tedious/lib/value-parser.js') as { readValue: unknown }
const rows = load('tedious/lib/token/row-token-parser.js') as {
  ColumnValuesReader: { prototype: { readColumns: unknown } }
}
// As they are before this package wraps them, on its first use.
const { readValue } = parser
const { readColumns } = rows.ColumnValuesReader.prototype

let fixture: Fixture

beforeAll(async () => {
  fixture = await Fixture.open()
})
afterAll(async () => {
  await fixture.close()
})

/** As with a driver that has another inside than the one that was tested. */
function unwrap(): void {
  parser.readValue = readValue
  rows.ColumnValuesReader.prototype.readColumns = readColumns
}

it('takes raw values of the driver that it was tested with, without being asked', () => {
  expect(exactReading()).toEqual({ mode: 'driver', reason: undefined })
  expect(parser.readValue).not.toBe(readValue)
})

it('goes over to conversion by the server when raw values do not come back whole, and says so', async () => {
  unwrap()
  const warnings: unknown[] = []
  const logger = { debug: () => {}, warn: (facts: unknown) => warnings.push(facts) }
  await using server = await SqlServer.connect(fixture.server.config('master'), { logger })
  expect(exactValues()).toBe('convert')
  expect(exactReading().reason).toMatch(/the driver does not read .* exactly/)
  expect(warnings).toHaveLength(1)
  expect(server.database).toBe('master')
})

it('refuses to connect when raw values were asked for and do not come back whole', async () => {
  useExactValues('driver')
  unwrap()
  await expect(SqlServer.connect(fixture.server.config('master'))).rejects.toMatchObject({ code: 'driver-inexact' })
  expect(exactReading()).toEqual({ mode: 'driver', reason: undefined })
})
