import { RowversionChangeDetection } from '@icebridge/change-detection'
import { changeDetectionConformance, sampleColumn, sampleTable } from '@icebridge/change-detection/testing'
import type { ReadColumn } from '@icebridge/sqlserver'
import { describe, expect, test } from 'vitest'
import { below, seeded, seeds } from './random.ts'

const strategy = new RowversionChangeDetection()
const table = sampleTable([
  { name: 'id', type: { name: 'int' } },
  { name: 'row]version', type: { name: 'rowversion' } },
])

function bytesOf(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}

function numberOf(bytes: unknown): bigint {
  if (!(bytes instanceof Uint8Array)) throw new TypeError('a rowversion parameter is bytes')
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)
}

describe('RowversionChangeDetection as a ChangeDetectionStrategy', () => {
  const answers = [1n, 0x7d1n, 1n << 31n, (1n << 53n) + 1n, (1n << 64n) - 1n].map((value) => ({
    bound: bytesOf(value),
  }))
  test.each(changeDetectionConformance({ strategy, table, answers }))('$name', ({ run }) => run())
})

test('reads rows between two rowversions with the bounds as binary(8)', () => {
  const low = '0x00000000000007D1'
  const high = '0x00000000FFFFFFFF'
  const query = strategy.changesQuery(table, { low, high }, [sampleColumn('id')])
  expect(query.text).toBe(
    'SELECT [t].[id] AS [c0], CONVERT(char(18), CONVERT(binary(8), [t].[row]]version]), 1) AS [c1] ' +
      'FROM [dbo].[orders] AS [t] WHERE [t].[row]]version] >= @low AND [t].[row]]version] < @high',
  )
  expect(query.parameters).toEqual([
    { name: 'low', type: { name: 'binary', length: 8 }, value: bytesOf(0x7d1n) },
    { name: 'high', type: { name: 'binary', length: 8 }, value: bytesOf(0xffffffffn) },
  ])
})

test('makes the position of the rowversion where that is read anyway', () => {
  const rowversion: ReadColumn = {
    ...sampleColumn('row]version'),
    expression: (alias) => `${alias}.[row]]version]`,
    field: { name: 'row]version', type: { kind: 'binary' }, nullable: false },
  }
  const range = { low: undefined, high: undefined }
  const query = strategy.changesQuery(table, range, [sampleColumn('id'), rowversion])
  expect(query.text).toBe('SELECT [t].[id] AS [c0], [t].[row]]version] AS [c1] FROM [dbo].[orders] AS [t]')
  expect(query.columns.at(-1)).toMatchObject({ name: '_sync_version', within: 'row]version' })
  // A column of that name that is no rowversion any more has no position.
  const text = strategy.changesQuery(table, range, [sampleColumn('row]version')])
  expect(text.text).toContain('CONVERT(char(18)')
  expect(text.columns.at(-1)).not.toHaveProperty('within')
})

test('writes a watermark as CONVERT style 1 shows it', () => {
  expect(strategy.upperBound({ bound: bytesOf(0xabcdefn) }, undefined)).toBe('0x0000000000ABCDEF')
  expect(strategy.compare('0x0000000000abcdef', '0x0000000000ABCDEF')).toBe(0)
})

test('asks for the oldest active rowversion, in a statement of its own', () => {
  expect(strategy.upperBoundQuery(table)).toEqual({ text: 'SELECT MIN_ACTIVE_ROWVERSION() AS [bound]' })
})

test('says with the remedy that a restored source went back', () => {
  expect(() => strategy.upperBound({ bound: bytesOf(5n) }, '0x0000000000000006')).toThrow(
    expect.objectContaining({ code: 'source-went-back', retryable: false, hint: expect.stringContaining('Reload') }),
  )
})

test('refuses to build a query for a table without a rowversion column', () => {
  const plain = sampleTable([{ name: 'id', type: { name: 'int' } }])
  expect(() => strategy.changesQuery(plain, { low: undefined, high: '0x0000000000000001' }, [])).toThrow(
    expect.objectContaining({ code: 'invalid-table' }),
  )
})

/** A table under transactions as SQL Server numbers them; uncommitted rows are not seen. */
class Source {
  #last = 100n
  readonly committed = new Map<number, { rv: bigint; version: number }>()
  readonly open: Map<number, { rv: bigint; version: number }>[] = []
  #version = 0

  write(transaction: Map<number, { rv: bigint; version: number }>, key: number): void {
    if (this.open.some((other) => other !== transaction && other.has(key))) return // locked
    transaction.set(key, { rv: ++this.#last, version: ++this.#version })
  }

  end(index: number, commit: boolean): void {
    const [transaction] = this.open.splice(index, 1)
    if (commit) for (const [key, row] of transaction ?? []) this.committed.set(key, row)
  }

  /** A transaction counts from its first write on, and the numbers that it used and gave up count too. */
  minActive(): bigint {
    return this.open
      .flatMap((transaction) => [...transaction.values()])
      .reduce((least, row) => (row.rv < least ? row.rv : least), this.#last + 1n)
  }

  last(): bigint {
    return this.#last + 1n
  }
}

/** Runs a random history with extracts in between and gives the versions that were read, by key, in order. */
function history(seed: number, bound: (source: Source) => bigint): { missed: number; outdated: number } {
  const random = seeded(seed)
  const source = new Source()
  const read = new Map<number, number[]>()
  let low: string | undefined
  let high: string | undefined
  const scan = (): void => {
    if (high === undefined) return
    if (!strategy.isEmpty(low, high)) {
      const { parameters = [] } = strategy.changesQuery(table, { low, high }, [])
      const from = parameters.find(({ name }) => name === 'low')
      const to = numberOf(parameters.find(({ name }) => name === 'high')?.value)
      for (const [key, row] of source.committed) {
        if ((from === undefined || row.rv >= numberOf(from.value)) && row.rv < to) {
          read.set(key, [...(read.get(key) ?? []), row.version])
        }
      }
    }
    low = high
    high = undefined
  }
  const take = (): void => {
    high ??= strategy.upperBound({ bound: bytesOf(bound(source)) }, low)
  }
  for (let step = 0; step < 120; step++) {
    const action = below(random, 10)
    const transaction = source.open[below(random, source.open.length)]
    if (action < 2 && source.open.length < 4) source.open.push(new Map())
    else if (action < 6 && transaction !== undefined) source.write(transaction, below(random, 8))
    else if (action < 8 && transaction !== undefined) source.end(source.open.indexOf(transaction), random() < 0.8)
    else if (action === 8) take()
    else scan()
  }
  while (source.open.length > 0) source.end(0, true)
  scan()
  take()
  scan()
  const final = [...source.committed]
  return {
    missed: final.filter(([key, row]) => !read.get(key)?.includes(row.version)).length,
    outdated: final.filter(([key, row]) => read.get(key)?.at(-1) !== row.version).length,
  }
}

test('reads every final version, and reads it last, whatever transactions do', () => {
  const failed = seeds.filter((seed) => {
    const { missed, outdated } = history(seed, (source) => source.minActive())
    return missed > 0 || outdated > 0
  })
  expect(failed).toEqual([])
})

test('the model is strict: with @@DBTS in place of MIN_ACTIVE_ROWVERSION() rows are missed', () => {
  expect(seeds.filter((seed) => history(seed, (source) => source.last()).missed > 0).length).toBeGreaterThan(10)
})
