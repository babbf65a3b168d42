import { describe, expect, it } from 'vitest'
import {
  bindExpression,
  type DataFile,
  eq,
  evaluate,
  type Expression,
  FileMatcher,
  gt,
  isIn,
  isNull,
  lt,
  noteq,
  not,
  notNaN,
  notNull,
  or,
  partitionKey,
  startsWith,
  testValue,
  type Value,
} from '@icebridge/iceberg-core'
import { dataFile, Lake } from './lake.ts'
import { mixed, randomFilter, randomRow, randomSpec } from './random-filter.ts'
import { Random } from './random.ts'

type Row = Readonly<Record<string, Value | null>>

describe('a file held against a filter', () => {
  it(
    'is said to match wholly or not at all only when its rows do, for random specs, rows and filters',
    {
      timeout: 60_000,
    },
    async () => {
      const random = new Random(29)
      const wrong: unknown[] = []
      const told = { all: 0, none: 0, some: 0 }
      for (let run = 0; run < 1000; run++) {
        const spec = randomSpec(random)
        const schema = { schemaId: 0, identifierFieldIds: [], fields: mixed.fields }
        const lake = await Lake.create({ formatVersion: 3, schema, partitionSpec: spec })
        const table = await lake.table()
        for (let trial = 0; trial < 10; trial++) {
          const first = randomRow(random)
          const partition = partitionKey(dataFile(table, 'x', [first]))
          // Rows of one file share its partition: some take over columns of the first.
          const rows: Row[] = [first]
          for (let more = random.below(4); more > 0; more--) {
            const other = randomRow(random)
            const mixture = Object.fromEntries(
              mixed.fields.map(({ name }) => [name, (random.below(4) === 0 ? other : first)[name] ?? null]),
            )
            if (partitionKey(dataFile(table, 'x', [mixture])) === partition) rows.push(mixture)
          }
          const filter = randomFilter(random)
          const bound = bindExpression(filter, mixed)
          const passing = rows.filter((row) => evaluate(bound, (test) => testValue(test, row[test.term.path] ?? null)))
          // Without metrics only the partition can tell.
          const file = random.below(3) === 0 ? withoutMetrics(dataFile(table, 'x', rows)) : dataFile(table, 'x', rows)
          const match = new FileMatcher(table.loaded.metadata, filter).match(file)
          told[match]++
          const right = match === 'all' ? passing.length === rows.length : match === 'some' || passing.length === 0
          if (!right) wrong.push({ filter, rows, spec, match })
        }
      }
      expect(wrong).toEqual([])
      expect(told.all).toBeGreaterThan(1500)
      expect(told.none).toBeGreaterThan(1500)
    },
  )

  it('matches wholly by its metrics', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    const file = dataFile(table, 'f', [
      { id: 5n, name: 'abc', score: 1 },
      { id: 9n, name: 'abd', score: Number.NaN },
    ])
    const match = (filter: Expression, of: DataFile = file): string =>
      new FileMatcher(table.loaded.metadata, filter).match(of)
    expect(match(lt('id', 10n))).toBe('all')
    expect(match(lt('id', 9n))).toBe('some')
    expect(match(lt('id', 5n))).toBe('none')
    expect(match(startsWith('name', 'ab'))).toBe('all')
    expect(match(not(startsWith('name', 'x')))).toBe('all')
    expect(match(isIn('id', [5n, 9n]))).toBe('some')
    expect(match(isNull('at'))).toBe('all')
    // NaN passes no comparison, but is unequal to everything.
    expect(match(gt('score', 0))).toBe('some')
    expect(match(noteq('score', 7))).toBe('all')
    expect(match(notNaN('score'))).toBe('some')
    expect(match(or(eq('name', 'zzz'), lt('id', 10n)))).toBe('all')
    const unseen = { ...file, valueCounts: new Map([[2, 0n]]), nullValueCounts: new Map([[2, 0n]]) }
    expect(match(notNull('at'), unseen)).not.toBe('all')
    expect(match(isNull('at'), unseen)).not.toBe('all')
    const { nanValueCounts: _, ...uncounted } = dataFile(table, 'f', [{ id: 5n, score: 1 }])
    expect(match(gt('score', 0), uncounted)).toBe('some')
    expect(match(lt('id', 10n), { ...file, recordCount: 0n })).toBe('none')
  })
})

function withoutMetrics(file: DataFile): DataFile {
  const {
    valueCounts: _values,
    nullValueCounts: _nulls,
    nanValueCounts: _nans,
    lowerBounds: _lower,
    upperBounds: _upper,
    ...rest
  } = file
  return rest
}
