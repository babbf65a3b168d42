import { describe, expect, it } from 'vitest'
import {
  applyTransform,
  bucketHash,
  compareStrings,
  compareValues,
  formatTransform,
  parseTransform,
  type PrimitiveType,
  transformResultType,
  truncateBytesUpper,
  truncateStringLower,
  truncateStringUpper,
  type Value,
} from '@icebridge/iceberg-core'
import { Random } from './random.ts'

const decimal: PrimitiveType = { kind: 'decimal', precision: 9, scale: 2 }

describe('bucket hashes (Appendix B)', () => {
  const vectors: readonly [PrimitiveType, Value, number][] = [
    ['int', 34, 2017239379],
    ['long', 34n, 2017239379],
    [decimal, 1420n, -500754589],
    ['date', 17486, -653330422],
    ['time', 81_068_000_000n, -662762989],
    ['timestamp', 1_510_871_468_000_000n, -2047944441],
    ['timestamp', 1_510_871_468_000_001n, -1207196810],
    ['timestamptz', 1_510_871_468_000_000n, -2047944441],
    ['timestamptz', 1_510_871_468_000_001n, -1207196810],
    ['timestamp_ns', 1_510_871_468_000_000_000n, -2047944441],
    ['timestamp_ns', 1_510_871_468_000_001_001n, -1207196810],
    ['timestamptz_ns', 1_510_871_468_000_001_001n, -1207196810],
    ['string', 'iceberg', 1210000089],
    ['uuid', 'f79c3e09-677c-4bbd-a479-3f349cb785e7', 1488055340],
    [{ kind: 'fixed', length: 4 }, Uint8Array.of(0, 1, 2, 3), -188683207],
    ['binary', Uint8Array.of(0, 1, 2, 3), -188683207],
  ]
  for (const [type, value, hash] of vectors) {
    it(`hashes ${JSON.stringify(type)} to ${hash}`, () => {
      expect(bucketHash(type, value)).toBe(hash)
    })
  }

  it('discards the sign bit before it takes the remainder', () => {
    expect(applyTransform({ kind: 'bucket', buckets: 16 }, 'date', 17486)).toBe((-653330422 & 0x7fffffff) % 16)
  })
})

describe('transforms', () => {
  const vectors: readonly [string, PrimitiveType, Value, Value][] = [
    ['truncate[10]', 'int', 1, 0],
    ['truncate[10]', 'int', -1, -10],
    ['truncate[10]', 'long', -1n, -10n],
    ['truncate[50]', decimal, 1065n, 1050n],
    ['truncate[50]', decimal, -1n, -50n],
    ['truncate[3]', 'string', 'iceberg', 'ice'],
    ['truncate[2]', 'string', 'a😀b', 'a😀'],
    ['truncate[3]', 'binary', Uint8Array.of(1, 2, 3, 4, 5), Uint8Array.of(1, 2, 3)],
    ['year', 'date', 17486, 47],
    ['year', 'date', -1, -1],
    ['month', 'date', 17486, 574],
    ['month', 'timestamp', -1n, -1],
    ['day', 'timestamp', 1_510_871_468_000_001n, 17486],
    ['day', 'timestamptz', -1n, -1],
    ['day', 'date', -1, -1],
    ['hour', 'timestamp', 1_510_871_468_000_001n, 419_686],
    ['hour', 'timestamp_ns', -1n, -1],
    ['identity', 'string', 'x', 'x'],
  ]
  for (const [text, type, value, result] of vectors) {
    it(`${text} of ${JSON.stringify(type)} ${typeof value === 'bigint' ? value : JSON.stringify(value)}`, () => {
      expect(applyTransform(parseTransform(text), type, value)).toEqual(result)
    })
  }

  it('gives null for null, and void gives null for everything', () => {
    for (const text of ['identity', 'bucket[4]', 'truncate[4]']) {
      expect(applyTransform(parseTransform(text), 'int', null)).toBeNull()
    }
    expect(applyTransform({ kind: 'void' }, 'int', 7)).toBeNull()
  })

  it('types the result of day as a date', () => {
    expect(transformResultType({ kind: 'day' }, 'timestamptz')).toBe('date')
    expect(transformResultType({ kind: 'hour' }, 'timestamptz')).toBe('int')
    expect(transformResultType({ kind: 'truncate', width: 4 }, decimal)).toEqual(decimal)
  })

  it('refuses sources that the spec does not allow', () => {
    expect(() => transformResultType({ kind: 'bucket', buckets: 4 }, 'double')).toThrow(/does not take/)
    expect(() => transformResultType({ kind: 'hour' }, 'date')).toThrow(/does not take/)
    expect(() => applyTransform({ kind: 'unknown', text: 'zorder' }, 'int', 1)).toThrow(/zorder is not known/)
  })

  it('keeps the text of a transform that it does not know', () => {
    expect(formatTransform(parseTransform('zorder(a, B)'))).toBe('zorder(a, B)')
    expect(formatTransform(parseTransform('bucket[0]'))).toBe('bucket[0]')
    expect(parseTransform('BUCKET[16]')).toEqual({ kind: 'bucket', buckets: 16 })
  })
})

describe('bounds', () => {
  it('rounds a truncated upper bound up at the last code point that can be raised', () => {
    expect(truncateStringUpper('abcdef', 3)).toBe('abd')
    expect(truncateStringUpper('abc', 3)).toBe('abc')
    expect(truncateStringUpper(`ab${'\u{10FFFF}'.repeat(3)}`, 4)).toBe('ac')
    expect(truncateStringUpper('\u{10FFFF}'.repeat(3), 2)).toBeUndefined()
    expect(truncateStringUpper('\ud7ffxx', 1)).toBe('\ue000')
    expect(truncateBytesUpper(Uint8Array.of(1, 255, 255, 0), 3)).toEqual(Uint8Array.of(2))
    expect(truncateBytesUpper(Uint8Array.of(255, 255, 255), 2)).toBeUndefined()
  })

  it('leaves a value that is a Buffer as it is', () => {
    const value = Buffer.from([1, 2, 3])
    expect(truncateBytesUpper(value, 2)).toEqual(Uint8Array.of(1, 3))
    expect([...value]).toEqual([1, 2, 3])
  })

  it('never cuts inside a code point and always encloses the value', { timeout: 60_000 }, () => {
    const random = new Random(3)
    for (let run = 0; run < 3000; run++) {
      const value = random.text(24)
      const length = 1 + random.below(16)
      const lower = truncateStringLower(value, length)
      const upper = truncateStringUpper(value, length)
      expect(lower.isWellFormed()).toBe(true)
      expect(compareStrings(lower, value)).toBeLessThanOrEqual(0)
      if (upper === undefined) continue
      expect(upper.isWellFormed()).toBe(true)
      expect(Array.from(upper).length).toBeLessThanOrEqual(length)
      expect(compareStrings(upper, value)).toBeGreaterThanOrEqual(0)
    }
  })

  it('orders strings as their UTF-8 bytes', () => {
    const random = new Random(4)
    for (let run = 0; run < 2000; run++) {
      const [a, b] = [random.text(3), random.text(3)]
      expect(compareStrings(a, b)).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))))
    }
  })

  it('puts -0.0 before 0.0 and NaN last', () => {
    expect(compareValues('double', -0, 0)).toBe(-1)
    expect(compareValues('double', Number.NaN, Number.POSITIVE_INFINITY)).toBe(1)
    expect(compareValues('double', Number.NaN, Number.NaN)).toBe(0)
  })
})
