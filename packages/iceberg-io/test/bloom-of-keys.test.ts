import { expect, it } from 'vitest'
import { BloomFilter } from '../src/write/bloom-filter.ts'
import { parquetSchema } from '../src/write/parquet-schema.ts'
import { schemaOf } from './written.ts'

const options = { falsePositives: 0.05, maxBytes: 1 << 20 }

/** The filter of a column chunk whose pages hold these values. */
function filterOf(type: 'int' | 'long', pages: readonly (readonly number[])[]): Uint8Array | undefined {
  const schema = schemaOf([{ id: 1, name: 'k', type, required: true }])
  const [leaf] = parquetSchema(schema).leaves
  if (leaf === undefined) throw new Error('no leaf')
  const filter = new BloomFilter(leaf, options)
  for (const page of pages) {
    const values = type === 'int' ? Int32Array.from(page) : BigInt64Array.from(page.map(BigInt))
    filter.add(new Uint8Array(values.buffer))
  }
  const all = pages.flat()
  const min = all.reduce((least, value) => Math.min(least, value))
  const max = all.reduce((most, value) => Math.max(most, value))
  return filter.take(type === 'int' ? { min, max } : { min: BigInt(min), max: BigInt(max) })
}

const numbers = (count: number, step: number): number[] => Array.from({ length: count }, (_, at) => at * step - 5000)

it.each(['int', 'long'] as const)('there is none for keys of type %s that fill their range', (type) => {
  expect(filterOf(type, [numbers(1000, 1)])).toBeUndefined()
  expect(filterOf(type, [numbers(1000, 2)])).toBeUndefined()
  expect(filterOf(type, [numbers(1000, 1).toReversed()])).toBeUndefined()
})

it.each(['int', 'long'] as const)('keys of type %s have the same filter in their order and in any other', (type) => {
  const sparse = numbers(3000, 7)
  const filter = filterOf(type, [sparse.toReversed()])
  expect(filter?.length).toBeGreaterThan(1000)
  expect(filterOf(type, [sparse])).toEqual(filter)
  expect(filterOf(type, [sparse.slice(0, 1000), sparse.slice(1000)])).toEqual(filter)
  expect(filterOf(type, [sparse.slice(1000), sparse.slice(0, 1000)])).toEqual(filter)
  // In order up to a value that was there before.
  expect(filterOf(type, [sparse, sparse.slice(-1)])).toEqual(filter)
})

it.each(['int', 'long'] as const)('more keys of type %s than wait to be hashed have their filter', (type) => {
  const sparse = numbers(600_000, 7)
  const halves = [sparse.slice(0, 300_000), sparse.slice(300_000)]
  expect(filterOf(type, halves)).toEqual(filterOf(type, halves.toReversed()))
})

it('values that repeat do not count twice', () => {
  // Ten values of which each comes a hundred times are no dense range of a thousand.
  const repeated = Array.from({ length: 1000 }, (_, at) => (at % 10) * 100)
  expect(filterOf('int', [repeated])).toBeDefined()
  expect(filterOf('int', [repeated.toSorted((a, b) => a - b)])).toBeDefined()
})

it('a filter has the values of its own chunk only', () => {
  const [leaf] = parquetSchema(schemaOf([{ id: 1, name: 'k', type: 'int', required: true }])).leaves
  if (leaf === undefined) throw new Error('no leaf')
  const filter = new BloomFilter(leaf, options)
  const chunk = (values: readonly number[]): Uint8Array | undefined => {
    filter.add(new Uint8Array(Int32Array.from(values).buffer))
    return filter.take({ min: Math.min(...values), max: Math.max(...values) })
  }
  expect(chunk(numbers(1000, 1))).toBeUndefined()
  const sparse = numbers(1000, 7)
  expect(chunk(sparse)).toEqual(filterOf('int', [sparse]))
  expect(chunk(sparse.toReversed())).toEqual(filterOf('int', [sparse]))
})
