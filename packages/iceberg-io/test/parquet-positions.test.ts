import { batchOfRows, type PlainValue } from '@icebridge/columnar/testing'
import { bindExpression, gteq } from '@icebridge/iceberg-core'
import { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
import { columnFieldsOf, readParquetPositions, writeParquet } from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { fieldsOf, schemaOf } from './written.ts'

describe('readParquetPositions', () => {
  it('gives the position of each batch in the file, row groups passed over counted, with and without columns', async () => {
    const io = new InMemoryFileIO()
    const schema = schemaOf(fieldsOf({ v: 'int' }))
    const rows = Array.from({ length: 100 }, (_, index): PlainValue[] => [index])
    await writeParquet(io, '/f.parquet', [batchOfRows(columnFieldsOf(schema), rows)], { schema, rowGroupRows: 30 })
    const filter = bindExpression(gteq('v', 45), schema)
    for (const fields of [schema.fields, []]) {
      const read: number[][] = []
      for await (const { batch, firstRow } of readParquetPositions(io, '/f.parquet', { fields, batchRows: 20 })) {
        read.push([firstRow, batch.numRows])
      }
      expect(read).toEqual([
        [0, 20],
        [20, 10],
        [30, 20],
        [50, 10],
        [60, 20],
        [80, 10],
        [90, 10],
      ])
    }
    const pruned: number[][] = []
    for await (const at of readParquetPositions(io, '/f.parquet', { fields: schema.fields, filter })) {
      pruned.push([at.firstRow, at.batch.numRows])
    }
    expect(pruned).toEqual([
      [30, 30],
      [60, 30],
      [90, 10],
    ])
  })
})
