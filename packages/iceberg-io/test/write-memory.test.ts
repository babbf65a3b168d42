import { MemoryPool, BatchBuilder } from '@icebridge/columnar'
import {
  appendPlain,
  batchOfRows,
  batchRows,
  type PlainValue,
  randomRows,
  seededRandom,
} from '@icebridge/columnar/testing'
import { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
import { columnFieldsOf, IcebergAppender, readParquet, writeParquet } from '@icebridge/iceberg-io'
import type { Data, RecordBatch } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { committed, environment, lake, rowsOf } from './written-lake.ts'
import { fieldsOf, scalarFields, schemaOf } from './written.ts'

/** Writes over everything that a batch holds. */
function scribble({ data }: RecordBatch): void {
  const over = (one: Data): void => {
    for (const array of [one.values, one.valueOffsets, one.nullBitmap] as (ArrayBufferView | undefined)[]) {
      if (array !== undefined) new Uint8Array(array.buffer, array.byteOffset, array.byteLength).fill(0xa5)
    }
    for (const child of one.children) over(child)
  }
  for (const child of data.children) over(child)
}

describe('the memory of a batch', () => {
  it('may be used again once the batch is written', async () => {
    const { table } = await lake(scalarFields, { properties: { 'write.parquet.page-row-limit': '70' } })
    const columns = columnFieldsOf(schemaOf(scalarFields))
    const rows = randomRows(columns, 900, seededRandom(5))
    const appender = await IcebergAppender.open(table, { environment, rowGroupRows: 250 })
    for (let start = 0; start < rows.length; start += 100) {
      const batch = batchOfRows(columns, rows.slice(start, start + 100))
      await appender.write(batch)
      scribble(batch)
    }
    expect(await rowsOf(await committed(table, await appender.finish()))).toStrictEqual(rows)
  })

  it.each([
    [
      'in order',
      [
        [1, 5],
        [5, 9],
      ],
      1,
    ],
    [
      'out of order between two batches',
      [
        [1, 5],
        [4, 9],
      ],
      undefined,
    ],
  ] as const)('is not needed to see that rows are %s', async (_, batches, sortOrderId) => {
    const fields = fieldsOf({ id: 'int' })
    const { table } = await lake(fields, {
      sort: [{ sourceIds: [1], transform: { kind: 'identity' }, direction: 'asc', nullOrder: 'nulls-first' }],
    })
    const appender = await IcebergAppender.open(table, { environment })
    for (const ids of batches) {
      const batch = batchOfRows(
        columnFieldsOf(appender.schema),
        ids.map((id) => [id]),
      )
      await appender.write(batch)
      scribble(batch)
    }
    expect((await appender.finish())[0]?.sortOrderId).toBe(sortOrderId)
  })

  it('comes from a pool as well as from anywhere', async () => {
    const columns = columnFieldsOf(schemaOf(scalarFields))
    const memory = new MemoryPool()
    const builder = new BatchBuilder(columns, { memory })
    const rows = randomRows(columns, 3000, seededRandom(8))
    const io = new InMemoryFileIO()
    const batches = async function* (): AsyncGenerator<RecordBatch> {
      for (let start = 0; start < rows.length; start += 300) {
        for (const row of rows.slice(start, start + 300)) {
          for (const [at, column] of builder.columns.entries()) appendPlain(column, row[at] ?? null)
        }
        const batch = builder.finish()
        yield batch
        // The next one is asked for when this one is written.
        memory.giveBackBatch(batch)
      }
    }
    await writeParquet(io, 'x.parquet', batches(), { schema: schemaOf(scalarFields), rowGroupRows: 700 })
    const back: PlainValue[][] = []
    for await (const batch of readParquet(io, 'x.parquet', { fields: scalarFields })) back.push(...batchRows(batch))
    expect(back).toStrictEqual(rows)
  })
})

describe('large pages', () => {
  it.each(['zstd', 'snappy', 'gzip', 'brotli', 'lz4', 'none'] as const)(
    'of texts come back as they are when many of them are compressed at a time, by %s',
    async (compression) => {
      // Without nulls, with few of them, and with so many that their levels need more room than is kept for them.
      const fields = fieldsOf({ whole: 'string', some: 'string', many: 'binary', short: 'string' })
      const random = seededRandom(11)
      const text = (): string => {
        const part = Math.floor(random() * 2 ** 32).toString(36)
        return part.repeat(1 + Math.floor(random() * 200))
      }
      const rows = Array.from({ length: 6000 }, (_, at): PlainValue[] => [
        text(),
        at % 1999 === 7 ? null : text(),
        random() < 0.5 ? null : Buffer.from(text()).toString('hex'),
        `${at}`,
      ])
      const columns = columnFieldsOf(schemaOf(fields))
      const io = new InMemoryFileIO()
      const batches = Array.from({ length: 6 }, (_, at) =>
        batchOfRows(columns, rows.slice(at * 1000, at * 1000 + 1000)),
      )
      await writeParquet(io, 'x.parquet', batches, { schema: schemaOf(fields), compression, rowGroupRows: 2500 })
      const back: PlainValue[][] = []
      for await (const batch of readParquet(io, 'x.parquet', { fields })) back.push(...batchRows(batch))
      expect(back).toEqual(rows)
    },
  )
})

describe('texts that repeat', () => {
  /** Runs of one text, and stretches whose texts have the same bytes in other places. */
  function texts(count: number, random: () => number): string[] {
    const below = (most: number): number => Math.floor(random() * most)
    const some = ['', 'a', 'aa', 'aaa', 'ab', 'abab', 'ba', 'é', 'x'.repeat(40), 'y'.repeat(700)]
    const made: string[] = []
    while (made.length < count) {
      const same = some[below(some.length)] ?? ''
      const length = [1, 2, 40, 5000, 9000][below(5)] ?? 1
      const kind = below(4)
      for (let index = 0; index < length; index += 1)
        made.push(kind === 0 ? (some[below(some.length)] ?? '') : kind === 1 ? 'a'.repeat(1 + (index % 3)) : same)
    }
    return made.slice(0, count)
  }

  it.each([1, 2, 3, 4])('come back as they are (seed %i)', async (seed) => {
    const fields = fieldsOf({ s: 'string', constant: 'string' })
    const random = seededRandom(seed)
    const rows = texts(30_000, random).map((text): PlainValue[] => [text, 'the same'])
    const io = new InMemoryFileIO()
    const batch = batchOfRows(columnFieldsOf(schemaOf(fields)), rows)
    await writeParquet(io, 'x.parquet', [batch], { schema: schemaOf(fields), rowGroupRows: 13_000 })
    const back: PlainValue[][] = []
    for await (const read of readParquet(io, 'x.parquet', { fields })) back.push(...batchRows(read))
    expect(back).toEqual(rows)
  })

  it('take no space when they are all the same', async () => {
    const fields = fieldsOf({ s: 'string' })
    const io = new InMemoryFileIO()
    const batch = batchOfRows(
      columnFieldsOf(schemaOf(fields)),
      Array.from({ length: 100_000 }, () => ['constant']),
    )
    const { sizeBytes } = await writeParquet(io, 'x.parquet', [batch], {
      schema: schemaOf(fields),
      compression: 'none',
    })
    expect(sizeBytes).toBeLessThan(1500)
  })
})
