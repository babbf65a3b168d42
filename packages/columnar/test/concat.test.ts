import { ColumnarError, type ColumnField, concatBatches, sliceBatch, takeRows } from '@icebridge/columnar'
import { batchOfRows, batchRows, EVERY_SCALAR, randomRows, seededRandom } from '@icebridge/columnar/testing'
import { describe, expect, it } from 'vitest'

const nested: readonly ColumnField[] = [
  {
    name: 's',
    nullable: true,
    type: {
      kind: 'struct',
      fields: [
        { name: 'flag', nullable: true, type: { kind: 'boolean' } },
        {
          name: 'texts',
          nullable: true,
          type: { kind: 'list', element: { name: 'element', nullable: true, type: { kind: 'string' } } },
        },
      ],
    },
  },
  {
    name: 'm',
    nullable: true,
    type: {
      kind: 'map',
      key: { name: 'key', nullable: false, type: { kind: 'string' } },
      value: {
        name: 'value',
        nullable: true,
        type: { kind: 'list', element: { name: 'element', nullable: true, type: { kind: 'int64' } } },
      },
    },
  },
]

describe('concatBatches', () => {
  it('gives the rows of slices of every kind of column in order, and lets them be taken again', () => {
    const fields = [...EVERY_SCALAR, ...nested, { name: 'nothing', nullable: true, type: { kind: 'null' } } as const]
    for (let seed = 0; seed < 20; seed++) {
      const random = seededRandom(seed)
      const rows = randomRows(fields, 60, random)
      const batch = batchOfRows(fields, rows)
      const cuts = [0, Math.floor(random() * 20), 20, 20 + Math.floor(random() * 40), 60]
      const parts = cuts.slice(1).map((end, index) => sliceBatch(batch, cuts[index]!, end))
      const whole = concatBatches([...parts, batch])
      expect(batchRows(whole)).toStrictEqual([...rows, ...rows])
      expect(batchRows(takeRows(whole, Uint32Array.of(3, 119, 60)))).toStrictEqual([rows[3], rows[59], rows[0]])
    }
  })

  it('refuses batches of other columns, and none at all', () => {
    const batch = (name: string, kind: 'int32' | 'int64') => batchOfRows([{ name, nullable: true, type: { kind } }], [])
    expect(() => concatBatches([batch('a', 'int32'), batch('b', 'int32')])).toThrow(ColumnarError)
    expect(() => concatBatches([batch('a', 'int32'), batch('a', 'int64')])).toThrow(ColumnarError)
    expect(() => concatBatches([])).toThrow(ColumnarError)
  })
})
