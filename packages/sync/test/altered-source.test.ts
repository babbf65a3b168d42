import type { SqlServer } from '@icebridge/sqlserver'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Bench } from './bench.ts'

const words = { table: { schema: 'dbo', name: 'words' } }
let bench: Bench

beforeEach(async () => {
  bench = await Bench.open()
  await bench.source.batch(
    'CREATE TABLE [dbo].[words] ([id] int NOT NULL PRIMARY KEY, [v] varchar(10) COLLATE Latin1_General_CI_AS NULL, [rv] rowversion NOT NULL)',
  )
  await bench.source.batch("INSERT INTO [dbo].[words] ([id], [v]) VALUES (1, 'short'), (2, 'text')")
})

afterEach(() => bench[Symbol.asyncDispose]())

/** The source, on which statements run as soon as a run has described the table for the first time. */
function alteredAfterwards(statements: readonly string[]): SqlServer {
  let left = statements
  return new Proxy(bench.source, {
    get(server, name) {
      const value: unknown = Reflect.get(server, name, server)
      if (typeof value !== 'function') return value
      if (name !== 'describeTable') return value.bind(server)
      return async (...args: Parameters<SqlServer['describeTable']>) => {
        const definition = await server.describeTable(...args)
        for (const statement of left) await server.batch(statement)
        left = []
        return definition
      }
    },
  })
}

const longer = [
  'ALTER TABLE [dbo].[words] ALTER COLUMN [v] varchar(40) COLLATE Latin1_General_CI_AS NULL',
  "UPDATE [dbo].[words] SET [v] = 'longer than ten characters' WHERE [id] = 2",
]

test.each([false, true])(
  'text that outgrew its column since a run described it is never cut (increment: %s)',
  async (increment) => {
    if (increment) await bench.coordinator().extract(words)
    const source = { name: 'erp', server: alteredAfterwards(longer) }
    await expect(bench.coordinator({ source }).extract(words)).rejects.toMatchObject({
      code: 'source-altered',
      retryable: true,
      context: { column: 'v' },
    })
    const coordinator = bench.coordinator()
    expect((await coordinator.sync(words)).extract).toMatchObject({ rows: increment ? 1n : 2n })
    expect(await coordinator.verify(words)).toMatchObject({ status: 'equal', sourceRows: 2n })
    expect(await bench.target.query({ text: 'SELECT [v] FROM [dbo].[words] ORDER BY [id]' })).toEqual([
      { v: 'short' },
      { v: 'longer than ten characters' },
    ])
  },
)
