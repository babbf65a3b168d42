import type { SqlServer } from '@icebridge/sqlserver'
import { expect, it } from 'vitest'
import { roundTrips } from './round-trip.ts'
import { Fixture } from './fixture.ts'

roundTrips('driver')

it('gives decimals of 38 digits and offsets in small results too', async () => {
  const fixture = await Fixture.open()
  const database: SqlServer = await fixture.database()
  const [row] = await database.query({
    text: "SELECT CONVERT(decimal(38,10), '-9999999999999999999999999999.9999999999') AS [d], CONVERT(money, '922337203685477.5807') AS [m], CONVERT(datetimeoffset(7), '2024-01-01T00:30:00.1234567-02:30') AS [o]",
  })
  expect(row).toEqual({
    d: '-9999999999999999999999999999.9999999999',
    m: '922337203685477.5807',
    o: '2024-01-01T00:30:00.1234567-02:30',
  })
  await fixture.close()
})
