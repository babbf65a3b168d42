import { afterAll, beforeAll, expect, it } from 'vitest'
import { copyTable } from '../examples/copy-table.ts'
import { Fixture } from './fixture.ts'

let fixture: Fixture

beforeAll(async () => {
  fixture = await Fixture.open()
})
afterAll(async () => {
  await fixture.close()
})

it('copies a table from one database to another', async () => {
  const [source, target] = [await fixture.database(), await fixture.database()]
  const ddl =
    'CREATE TABLE [dbo].[prices] ([id] int NOT NULL PRIMARY KEY, [price] decimal(38,10) NULL, [at] datetime2(7) NULL)'
  await source.batch(ddl)
  await target.batch(ddl)
  await source.batch(
    "INSERT INTO [dbo].[prices] ([id], [price], [at]) VALUES (1, '1234567890.0123456789', '2024-02-29T12:34:56.1234567')",
  )
  // The fixture puts a prefix of its own before database names.
  const config = (database: string) => ({ ...fixture.server.config(''), database })
  const copied = await copyTable(config(source.database), config(target.database), { schema: 'dbo', name: 'prices' })
  expect(copied).toBe(1n)
  const text =
    'SELECT CONVERT(varchar(41), [price]) AS [price], CONVERT(varchar(33), [at], 126) AS [at] FROM [dbo].[prices]'
  expect(await target.query({ text })).toEqual(await source.query({ text }))
  expect(await target.query({ text })).toEqual([{ price: '1234567890.0123456789', at: '2024-02-29T12:34:56.1234567' }])
})
