import { DuckDBConnection } from '@duckdb/node-api'
import { afterAll, afterEach, beforeAll, expect, type MockInstance, test, vi } from 'vitest'
import type { Engine, Session } from '../../src/session.ts'
import { errorNumbers, open, rows, run } from './collect.ts'

let engine: Engine
let one: Session
let two: Session
beforeAll(async () => {
  const opened = await open()
  engine = opened.engine
  one = await opened.login()
  two = await opened.login()
})
afterAll(() => engine.close())
afterEach(() => void vi.restoreAllMocks())

const counts = [
  'SELECT SUM(rows) FROM sys.partitions WHERE object_id = OBJECT_ID(@name)',
  'WITH unused AS (SELECT 1 AS one) SELECT SUM(rows) FROM sys.partitions WHERE object_id = OBJECT_ID(@name)',
  'DECLARE @n bigint = (SELECT SUM(row_count) FROM sys.dm_db_partition_stats WHERE object_id = OBJECT_ID(@name)); SELECT @n',
  'IF EXISTS (SELECT 1 FROM sys.partitions WHERE object_id = OBJECT_ID(@name) AND rows = 2) SELECT 2 ELSE SELECT NULL',
  'INSERT dbo.counted SELECT SUM(rows) FROM sys.partitions WHERE object_id = OBJECT_ID(@name); SELECT TOP 1 n FROM dbo.counted',
]

test.each(counts)('rows are counted, or the table is gone, whenever another session drops it: %s', async (query) => {
  await rows(one, 'DROP TABLE IF EXISTS dbo.counted; CREATE TABLE dbo.counted (n bigint NULL)')
  const name = { name: '@name', type: { name: 'nvarchar', length: 20 }, value: 'dbo.doomed', output: false } as const
  const seen = new Set<unknown>()
  for (let at = 0, asked = 1; at < asked; at += 1) {
    await rows(one, 'DELETE dbo.counted; CREATE TABLE dbo.doomed (x int); INSERT dbo.doomed VALUES (1), (2)')
    asked = 0
    let dropping = false
    // The table is dropped, and the drop committed, before the statement's DuckDB call number `at`.
    for (const method of ['run', 'stream', 'runAndReadAll'] as const) {
      const original: (...args: never[]) => unknown = DuckDBConnection.prototype[method]
      const spy = vi.spyOn(DuckDBConnection.prototype, method) as MockInstance
      spy.mockImplementation(async function (this: DuckDBConnection, ...args) {
        if (!dropping) {
          asked += 1
          if (asked === at + 1) {
            dropping = true
            await rows(two, 'DROP TABLE dbo.doomed')
            dropping = false
          }
        }
        return await Reflect.apply(original, this, args)
      })
    }
    const said = await run(one, query, { parameters: [name] })
    vi.restoreAllMocks()
    expect(said.errors).toEqual([])
    const count = said.sets.at(-1)?.rows[0]?.[0]
    expect([2, 2n, null]).toContain(count)
    seen.add(count === null ? 'gone' : 'counted')
  }
  expect(seen).toContain('counted')
})

test('where rows cannot be counted before the statement runs, it is refused', async () => {
  await rows(one, 'DROP TABLE IF EXISTS dbo.counted; CREATE TABLE dbo.counted (n bigint NULL)')
  const update = 'UPDATE dbo.counted SET n = (SELECT SUM(rows) FROM sys.partitions)'
  expect(await errorNumbers(one, update)).toEqual([40517])
})
