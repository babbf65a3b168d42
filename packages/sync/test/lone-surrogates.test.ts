import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Bench } from './bench.ts'

const table = { schema: 'dbo', name: 'halves' }
const key = { schema: 'dbo', name: 'half_keys' }
const replacing = { table, loneSurrogates: 'replace', load: { chunkRows: 3 } } as const

let bench: Bench
beforeAll(async () => {
  bench = await Bench.open()
  await bench.source.batch(`
    CREATE TABLE [dbo].[halves] ([id] int NOT NULL PRIMARY KEY, [s] nvarchar(20) NULL, [m] nvarchar(max) NULL,
      [v] sql_variant NULL, [ok] nvarchar(20) NULL, [a] varchar(20) NULL, [rv] rowversion NOT NULL);
    INSERT INTO [dbo].[halves] ([id], [s], [m], [v], [ok]) SELECT 1, NCHAR(55357), N'😀', N'v', N'😀' UNION ALL
      SELECT 2, N'😀' + NCHAR(56320), REPLICATE(CONVERT(nvarchar(max), N'ß'), 5000) + NCHAR(55357), N'v', N'' UNION ALL
      SELECT 3, N'whole', N'', NULL, N'x' UNION ALL SELECT 4, N'', NULL, NULL, NULL UNION ALL
      SELECT 5, NCHAR(56832) + NCHAR(55357), NULL, CONVERT(sql_variant, N'v' + NCHAR(55357)), NULL;
    CREATE TABLE [dbo].[half_keys] ([k] nvarchar(20) NOT NULL PRIMARY KEY, [rv] rowversion NOT NULL);
    INSERT INTO [dbo].[half_keys] ([k]) SELECT N'k' + NCHAR(55357);`)
})
afterAll(() => bench[Symbol.asyncDispose]())

async function texts(): Promise<readonly unknown[]> {
  const rows = await bench.target.query({
    text: 'SELECT [id], [s], [m], [ok], CONVERT(nvarchar(20), [v]) AS [v] FROM [dbo].[halves] ORDER BY [id]',
  })
  return rows.map(({ id, s, m, ok, v }) => [id, s, m, ok, v])
}

describe('text with half of a surrogate pair', () => {
  it('stops the run with table, column, key and the remedy, before anything is committed', async () => {
    await expect(bench.coordinator().sync({ table })).rejects.toMatchObject({
      code: 'lone-surrogate',
      message: expect.stringMatching(/\[dbo\]\.\[halves\], column [sm], row with id = 1/),
      hint: expect.stringContaining("loneSurrogates: 'replace'"),
    })
    const status = await bench.coordinator().status({ table })
    expect(status.journal?.sequence ?? 0n).toBe(0n)
  })

  it('is said by plan where it is replaced', async () => {
    const { columns } = await bench.coordinator().plan(replacing)
    const verdicts = Object.fromEntries(columns.map(({ name, verdict }) => [name, verdict]))
    const replaced = 'exact but for halves of surrogate pairs, which become U+FFFD'
    expect(verdicts).toMatchObject({ id: 'exact', s: replaced, m: replaced, v: replaced, ok: replaced, a: 'exact' })
    const declared = await bench.coordinator().plan({ table: key, loneSurrogates: 'replace' })
    expect(declared.columns.find(({ name }) => name === 'k')?.verdict).toBe('exact')
  })

  it('is replaced where that is declared, and counted in result, snapshot and warning', async () => {
    const warnings: unknown[] = []
    const logger = { debug: () => {}, info: () => {}, warn: (fields: object) => warnings.push(fields), error: () => {} }
    const result = await bench.coordinator({ logger }).sync(replacing)
    expect(result.extract).toMatchObject({ status: 'committed', rows: 5n, losses: { s: 3n, m: 1n, v: 1n } })
    expect(warnings).toContainEqual(expect.objectContaining({ losses: { s: 3n, m: 1n, v: 1n } }))
    const journal = await bench.journal('halves')
    const told = journal.loaded.metadata.snapshots.map(({ summary }) => summary?.['icebridge.losses'])
    expect(told.filter((each) => each !== undefined).map((each) => JSON.parse(each))).toEqual([
      { s: '2', m: '1' },
      { s: '1', v: '1' },
    ])
    expect(await texts()).toEqual([
      [1, '\ufffd', '😀', '😀', 'v'],
      [2, '😀\ufffd', `${'ß'.repeat(5000)}\ufffd`, '', 'v'],
      [3, 'whole', '', 'x', null],
      [4, '', null, null, null],
      [5, '\ufffd\ufffd', null, null, 'v\ufffd'],
    ])
  })

  it('is compared as it was replaced, and verify says so', async () => {
    expect(await bench.coordinator().verify(replacing)).toMatchObject({
      status: 'equal',
      sourceRows: 5n,
      replaced: { s: 3n, m: 1n, v: 1n },
    })
  })

  it('is counted for an increment by itself', async () => {
    await bench.source.batch("UPDATE [dbo].[halves] SET [ok] = N'more' + NCHAR(55357) WHERE [id] IN (3, 4)")
    const result = await bench.coordinator().sync(replacing)
    expect(result.extract).toMatchObject({ mode: 'increment', rows: 2n, losses: { ok: 2n } })
    await bench.source.batch("UPDATE [dbo].[halves] SET [ok] = N'whole', [s] = N'whole' WHERE [id] IN (3, 4)")
    const whole = await bench.coordinator().sync(replacing)
    expect(whole.extract).toMatchObject({ mode: 'increment', rows: 2n })
    expect(whole.extract).not.toHaveProperty('losses')
  })

  it('is never replaced in a key', async () => {
    await expect(bench.coordinator().sync({ table: key, loneSurrogates: 'replace' })).rejects.toMatchObject({
      code: 'lone-surrogate',
      message: expect.stringContaining('column k'),
      hint: expect.stringContaining('two keys could become one'),
    })
  })
})
