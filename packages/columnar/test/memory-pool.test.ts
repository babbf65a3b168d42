import { BatchBuilder, type ColumnField, MemoryPool } from '@icebridge/columnar'
import { appendPlain, batchRows, EVERY_SCALAR, randomRows, seededRandom } from '@icebridge/columnar/testing'
import { describe, expect, it } from 'vitest'

const fields: readonly ColumnField[] = [
  ...EVERY_SCALAR,
  {
    name: 'l',
    nullable: true,
    type: { kind: 'list', element: { name: 'element', type: { kind: 'string' }, nullable: true } },
  },
]

/** A pool in which memory of all sizes up to 64 KiB waits, full of ones. */
function dirtyPool(): MemoryPool {
  const pool = new MemoryPool()
  const taken = Array.from({ length: 400 }, (_, at) => pool.take(2 ** (10 + (at % 25) / 4)))
  for (const buffer of taken) {
    new Uint8Array(buffer).fill(255)
    pool.giveBack(buffer)
  }
  return pool
}

describe('MemoryPool', () => {
  it('gives the same memory again, for as much or a little less', () => {
    const pool = new MemoryPool()
    const first = pool.take(100_000)
    expect(first.byteLength).toBeGreaterThanOrEqual(100_000)
    pool.giveBack(first)
    expect(pool.freeBytes).toBe(first.byteLength)
    expect(pool.take(99_000)).toBe(first)
    expect(pool.take(99_000)).not.toBe(first)
    expect(pool.freeBytes).toBe(0)
  })

  it('lends nothing twice that is given back twice, and takes no memory of others', () => {
    const pool = new MemoryPool()
    const own = pool.take(5000)
    pool.giveBack(own)
    pool.giveBack(own)
    pool.giveBack(new ArrayBuffer(5000))
    expect(pool.take(5000)).toBe(own)
    expect(pool.take(5000)).not.toBe(own)
  })

  it('keeps no more than it is told to', () => {
    const pool = new MemoryPool({ keptBytes: 64 * 1024 })
    const taken = Array.from({ length: 8 }, () => pool.take(16 * 1024))
    for (const buffer of taken) pool.giveBack(buffer)
    expect(pool.freeBytes).toBe(64 * 1024)
    const large = pool.take(20_000)
    pool.giveBack(large)
    expect(pool.take(20_000)).not.toBe(large)
  })

  it('frees a piece that it would not keep as soon as it is back', () => {
    const pool = new MemoryPool({ keptBytes: 64 * 1024 })
    const large = pool.take(20_000)
    pool.giveBack(large)
    expect([large.byteLength, pool.freeBytes]).toEqual([0, 0])
    const builder = new BatchBuilder([{ name: 's', type: { kind: 'string' }, nullable: true }], { memory: pool })
    const [column] = builder.columns
    if (column?.kind !== 'string') throw new TypeError('a string column')
    column.append('x'.repeat(50_000))
    const batch = builder.finish()
    const { buffer } = batch.data.children[0]?.values ?? {}
    pool.giveBackBatch(batch)
    expect(buffer?.byteLength).toBe(0)
  })

  it('gives batches memory of any content: they have the values that were appended, nulls too, and zeros behind nulls', () => {
    const pool = dirtyPool()
    const builder = new BatchBuilder(fields, { initialRows: 8, memory: pool })
    for (let seed = 1; seed <= 30; seed += 1) {
      const rows = randomRows(fields, 700, seededRandom(seed))
      for (const row of rows) for (const [at, column] of builder.columns.entries()) appendPlain(column, row[at] ?? null)
      const batch = builder.finish()
      expect(batchRows(batch)).toStrictEqual(rows)
      const at = fields.findIndex(({ type }) => type.kind === 'int64')
      const longs: BigInt64Array = batch.data.children[at]?.values
      expect(
        rows.flatMap((row, index) => (row[at] === null ? [longs[index]] : [])).filter((long) => long !== 0n),
      ).toEqual([])
      pool.giveBackBatch(batch)
    }
  })

  it('is enough for a stream of batches: what is given back is all that the next ones take', () => {
    const pool = new MemoryPool()
    const seen = new Set<ArrayBufferLike>()
    const fixed = EVERY_SCALAR.filter(({ type }) => type.kind !== 'boolean' && type.kind !== 'null')
    const builder = new BatchBuilder(fixed, { initialRows: 1024, memory: pool })
    const sizes: number[] = []
    for (let round = 0; round < 6; round += 1) {
      const rows = randomRows(fixed, 1000, seededRandom(3))
      for (const row of rows) for (const [at, column] of builder.columns.entries()) appendPlain(column, row[at] ?? null)
      const batch = builder.finish()
      for (const child of batch.data.children) seen.add(child.values.buffer)
      sizes.push(seen.size)
      pool.giveBackBatch(batch)
    }
    expect(sizes.at(-1)).toBe(sizes.at(3))
  })
})
