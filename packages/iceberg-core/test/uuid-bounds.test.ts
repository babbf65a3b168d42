import { describe, expect, it } from 'vitest'
import { decodeBounds, rangeMightMatch, uuidToBytes, type Value } from '@icebridge/iceberg-core'
import { Random } from './random.ts'

/** java.util.UUID's order: two signed halves. */
function signed(a: string, b: string): number {
  const [left, right] = [halves(a), halves(b)]
  return left[0] === right[0] ? Number(left[1] > right[1]) * 2 - 1 : left[0] > right[0] ? 1 : -1
}

function halves(uuid: string): readonly [bigint, bigint] {
  const hex = uuid.replaceAll('-', '')
  return [BigInt.asIntN(64, BigInt(`0x${hex.slice(0, 16)}`)), BigInt.asIntN(64, BigInt(`0x${hex.slice(16)}`))]
}

const orders: Readonly<Record<string, (a: string, b: string) => number>> = {
  'of bytes': (a, b) => (a < b ? -1 : 1),
  'of java.util.UUID': signed,
}

describe('bounds of uuids', () => {
  it.each(Object.keys(orders))('never prune a value when they were taken in the order %s', (name) => {
    const random = new Random(7)
    // Few distinct halves, so that equal ones meet.
    const half = (): string =>
      ['0000000000000000', '7fffffffffffffff', '8000000000000000', 'ffffffffffffffff'][random.below(4)]!
    let pruned = 0
    for (let trial = 0; trial < 2000; trial++) {
      const values = Array.from({ length: 3 }, () =>
        (half() + half()).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
      )
      const sorted = values.toSorted(orders[name])
      const range = {
        hasNulls: false,
        onlyNulls: false,
        hasNaNs: undefined,
        onlyNaNs: undefined,
        ...decodeBounds('uuid', uuidToBytes(sorted[0]!), uuidToBytes(sorted[2]!)),
      }
      const mightHold = (value: Value): boolean =>
        rangeMightMatch({ op: 'eq', term: { path: 'u', type: 'uuid', fieldId: 1 }, value }, range)
      expect(values.map(mightHold)).toEqual([true, true, true])
      if (!mightHold('40000000-0000-0000-0000-000000000000')) pruned++
    }
    expect(pruned).toBeGreaterThan(100)
  })
})
