import { describe, expect, it } from 'vitest'
import {
  bindExpression,
  eq,
  gt,
  type Expression,
  isIn,
  type Literal,
  lt,
  noteq,
  notIn,
  type PrimitiveType,
  type Value,
} from '@icebridge/iceberg-core'

const bind = (type: PrimitiveType, expression: Expression) =>
  bindExpression(expression, { fields: [{ id: 1, name: 'c', required: false, type }] })

const decimal: PrimitiveType = { kind: 'decimal', precision: 9, scale: 2 }
const fixed: PrimitiveType = { kind: 'fixed', length: 2 }
const bytes = Uint8Array.of(1, 255)

describe('a literal', () => {
  const taken: readonly [PrimitiveType, Literal, Value][] = [
    ['boolean', true, true],
    ['int', 5, 5],
    ['int', 5n, 5],
    ['long', 5, 5n],
    ['long', 9007199254740993n, 9007199254740993n],
    ['float', 0.1, Math.fround(0.1)],
    ['double', 0.1, 0.1],
    ['double', 3n, 3],
    [decimal, '12.5', 1250n],
    [decimal, 12, 1200n],
    [decimal, 1250n, 1250n],
    ['date', '1970-01-11', 10],
    ['date', -1, -1],
    ['time', '00:00:01.5', 1_500_000n],
    ['timestamp', '1970-01-01T00:00:01', 1_000_000n],
    ['timestamptz', '1970-01-01T01:00:00+01:00', 0n],
    ['timestamp_ns', '1970-01-01T00:00:00.000000007', 7n],
    ['timestamptz_ns', '1970-01-01T00:00:00.000000007+00:00', 7n],
    ['string', 'x', 'x'],
    ['uuid', 'F79C3E09-677C-4BBD-A479-3F349CB785E7', 'f79c3e09-677c-4bbd-a479-3f349cb785e7'],
    [fixed, bytes, bytes],
    ['binary', bytes, bytes],
  ]
  for (const [type, literal, value] of taken) {
    it(`${typeof literal} ${String(literal)} is taken for ${JSON.stringify(type)}`, () => {
      expect(bind(type, eq('c', literal))).toMatchObject({ op: 'eq', value })
    })
  }

  const refused: readonly [PrimitiveType, Literal][] = [
    ['boolean', 1],
    ['int', 1.5],
    ['long', '1'],
    ['double', Number.NaN],
    ['double', '1'],
    [decimal, '12.505'],
    [decimal, 0.5],
    ['date', '1970-13-01'],
    ['date', true],
    ['time', '25:00:00'],
    ['timestamp', 'yesterday'],
    ['timestamp', 5],
    ['string', 5],
    ['uuid', 'f79c3e09'],
    [fixed, 'ab'],
    ['binary', 'ab'],
    ['unknown', 1],
    [{ kind: 'variant' }, 'x'],
    [{ kind: 'geometry' }, bytes],
  ]
  for (const [type, literal] of refused) {
    it(`${typeof literal} ${String(literal)} is refused for ${JSON.stringify(type)}, by the column's name`, () => {
      expect(() => bind(type, eq('c', literal))).toThrow(
        expect.objectContaining({ code: 'invalid-argument', context: expect.objectContaining({ column: 'c' }) }),
      )
    })
  }

  it('beyond the range of the type settles the test', () => {
    const huge = 2n ** 70n
    expect(bind('int', eq('c', huge))).toEqual({ op: 'false' })
    expect(bind('int', noteq('c', huge))).toEqual({ op: 'true' })
    expect(bind('long', lt('c', huge))).toMatchObject({ op: 'not-null' })
    expect(bind('long', gt('c', huge))).toEqual({ op: 'false' })
    expect(bind('long', gt('c', -huge))).toMatchObject({ op: 'not-null' })
    expect(bind('int', isIn('c', [huge, 1]))).toMatchObject({ op: 'in', values: [1] })
    expect(bind('int', isIn('c', [huge]))).toEqual({ op: 'false' })
    expect(bind('int', notIn('c', [huge]))).toEqual({ op: 'true' })
  })
})
