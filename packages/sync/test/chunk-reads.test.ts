import type { SqlType } from '@icebridge/sqlserver'
import { BatchBuilder } from '@icebridge/columnar'
import type { RecordBatch } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { ChunkRead } from '../src/read/chunk-read.ts'
import { mostRowBytes } from '../src/read/row-width.ts'

/** A batch of 8,000 bytes. */
function batch(): RecordBatch {
  const builder = new BatchBuilder([{ name: 'n', type: { kind: 'int64' }, nullable: false }])
  const [column] = builder.columns
  if (column?.kind !== 'int64') throw new TypeError('not the builder of a long')
  for (let row = 0; row < 1000; row += 1) column.appendNumber(row)
  return builder.finish()
}

/** Lets everything go on that waits for nothing but its turn. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('a chunk that is read ahead', () => {
  it('is read on as far as it may, and further when it may', async () => {
    let made = 0
    const source = async function* (): AsyncGenerator<RecordBatch> {
      for (; made < 40; made += 1) yield batch()
    }
    await using read = new ChunkRead(source, { aheadBytes: 16_000, signal: undefined })
    await settled()
    expect(made).toBe(1)
    read.runAhead(80_000)
    await settled()
    expect(made).toBe(9)
    read.runAhead(16_000)
    const batches = read.batches()
    for (let taken = 0; taken < 8; taken += 1) await batches.next()
    await settled()
    expect(made).toBe(9)
    let rest = 0
    for await (const { numRows } of batches) rest += numRows
    expect(rest).toBe(32_000)
  })
})

describe('the most that a row takes', () => {
  const types = (...all: readonly SqlType[]): { readonly type: SqlType }[] => all.map((type) => ({ type }))

  it('is that of its columns, of text three bytes a character', () => {
    expect(mostRowBytes(types({ name: 'int' }, { name: 'datetimeoffset', scale: 7 }))).toBe(48)
    expect(
      mostRowBytes(types({ name: 'nvarchar', length: 100 }, { name: 'char' }, { name: 'binary', length: 50 })),
    ).toBe(300 + 3 + 50 + 3 * 24)
  })

  it.each([
    { name: 'nvarchar', length: 'max' },
    { name: 'varbinary', length: 'max' },
    { name: 'xml' },
    { name: 'text' },
    { name: 'geography' },
    { name: 'sql_variant' },
  ] as const)('is not known of %j', (type) => {
    expect(mostRowBytes(types({ name: 'int' }, type))).toBeUndefined()
  })
})
