import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { quoteName } from '@icebridge/sqlserver'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Bench } from './bench.ts'

const MiB = 1024 * 1024

let bench: Bench
beforeAll(async () => {
  bench = await Bench.open()
}, 60_000)
afterAll(() => bench[Symbol.asyncDispose]())

/** Runs a leg in a process of its own. */
async function leg(
  which: 'extract' | 'apply',
  table: string,
): Promise<{ readonly rows: number; readonly peakMb: number }> {
  const script = fileURLToPath(new URL('leg.mjs', import.meta.url))
  const configs = ['source', 'target'].map((side) => JSON.stringify(bench.server.config(side)))
  const args = ['--no-warnings', script, which, bench.folder, ...configs, table]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout)
}

/** Rows of the two tables that have the same value, looked at by the server. */
async function equal(table: string, value: (row: 's' | 't') => string): Promise<number> {
  const [source, target] = ['source', 'target'].map((side) => quoteName(bench.server.config(side).database ?? ''))
  const [row] = await bench.source.query({
    text: `SELECT COUNT(*) AS [n] FROM ${source}.[dbo].[${table}] AS s JOIN ${target}.[dbo].[${table}] AS t ON t.[id] = s.[id]
      WHERE ${value('s')} = ${value('t')}`,
  })
  return Number(row?.['n'])
}

describe('values of 100 MiB', () => {
  it.skipIf(!existsSync('/proc/self/status'))(
    'make the whole loop, each leg within its ceiling of memory (which is read from /proc)',
    { timeout: 240_000 },
    async () => {
      const times = (100 * MiB) / 10
      const columns = {
        // Ten bytes on the server and in UTF-8.
        n: ['nvarchar(max)', `REPLICATE(CONVERT(nvarchar(max), N'aé東😀'), ${times})`],
        // Ten bytes on the server and eleven in UTF-8.
        v: ['varchar(max)', `REPLICATE(CONVERT(varchar(max), 'abcdefghié'), ${times})`],
        b: ['varbinary(max)', `CONVERT(varbinary(max), REPLICATE(CONVERT(varchar(max), 'abcdefghij'), ${times}))`],
        x: ['xml', `CONVERT(xml, N'<a>' + REPLICATE(CONVERT(nvarchar(max), N'bcdefghijk'), ${times}) + N'</a>')`],
      } as const
      const ceilingMb = 200 + 6 * 110
      // xml takes the way over the stage.
      for (const [table, names] of [
        ['long_values', ['n', 'v', 'b']],
        ['long_xml', ['x']],
      ] as const) {
        const declared = names.map((name) => `[${name}] ${columns[name][0]} NULL`).join(', ')
        await bench.source.batch(
          `CREATE TABLE [dbo].[${table}] ([id] int NOT NULL PRIMARY KEY, ${declared}, [rv] rowversion NOT NULL)`,
        )
        for (const [id, name] of names.entries()) {
          await bench.source.batch(`INSERT INTO [dbo].[${table}] ([id], [${name}]) SELECT ${id}, ${columns[name][1]}`)
        }
        for (const which of ['extract', 'apply'] as const) {
          const { rows, peakMb } = await leg(which, table)
          expect(rows).toBe(names.length)
          expect(peakMb, which).toBeLessThanOrEqual(ceilingMb)
        }
      }
      // By their bytes; with a mark at the end, as blanks there count in no comparison of text.
      const text = (value: string): string => `(${value} + N'|') COLLATE Latin1_General_100_BIN2`
      expect(await equal('long_values', (row) => text(`${row}.[n]`))).toBe(1)
      expect(await equal('long_values', (row) => text(`${row}.[v]`))).toBe(1)
      expect(await equal('long_values', (row) => `${row}.[b]`)).toBe(1)
      expect(await equal('long_values', (row) => `DATALENGTH(${row}.[b])`)).toBe(1)
      expect(await equal('long_xml', (row) => text(`CONVERT(nvarchar(max), ${row}.[x])`))).toBe(1)
    },
  )

  it('are refused by table, column and key where the table has a lower bound, before anything is committed', async () => {
    await bench.source.batch(
      "CREATE TABLE [dbo].[bounded] ([id] int NOT NULL PRIMARY KEY, [v] varbinary(max) NULL, [rv] rowversion NOT NULL); INSERT INTO [dbo].[bounded] ([id], [v]) SELECT 1, CONVERT(varbinary(max), REPLICATE(CONVERT(varchar(max), 'x'), 20000)) UNION ALL SELECT 2, CONVERT(varbinary(max), REPLICATE(CONVERT(varchar(max), 'x'), 20001))",
    )
    const bounded = { table: { schema: 'dbo', name: 'bounded' }, load: { maxValueBytes: 20_000 } }
    await expect(bench.coordinator().sync(bounded)).rejects.toMatchObject({
      code: 'value-too-large',
      message: expect.stringMatching(/\[dbo\]\.\[bounded\], column v, row with id = 2: a value of 20001 bytes/),
      hint: expect.stringContaining('maxValueBytes'),
    })
    expect((await bench.coordinator().status(bounded)).journal?.sequence ?? 0n).toBe(0n)
    await bench.source.batch('DELETE FROM [dbo].[bounded] WHERE [id] = 2')
    expect((await bench.coordinator().sync(bounded)).apply).toMatchObject({ inserted: 1n })
    const plan = await bench.coordinator().plan({ ...bounded, load: { maxValueBytes: 2 ** 31 } })
    expect(plan.problems).toContainEqual(expect.objectContaining({ code: 'invalid-setting' }))
  })
})
