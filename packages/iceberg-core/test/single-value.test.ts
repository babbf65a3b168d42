import { describe, expect, it } from 'vitest'
import {
  formatDate,
  formatDecimal,
  formatTimestamp,
  parseDate,
  parseDecimal,
  parseTimestamp,
  type NestedValue,
  type PrimitiveType,
  singleValueFromBytes,
  singleValueFromJson,
  singleValueToBytes,
  singleValueToJson,
  type Type,
  type Value,
} from '@icebridge/iceberg-core'
import { Random } from './random.ts'

const decimal = (precision: number, scale: number): PrimitiveType => ({ kind: 'decimal', precision, scale })
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function randomValue(random: Random, type: PrimitiveType): Value {
  if (typeof type !== 'string') {
    if (type.kind === 'decimal') return random.signed(126) % 10n ** BigInt(type.precision)
    return Uint8Array.from({ length: type.kind === 'fixed' ? type.length : 3 }, () => random.below(256))
  }
  switch (type) {
    case 'boolean':
      return random.below(2) === 0
    case 'int':
    case 'date':
      return Number(random.signed(32))
    case 'float':
      return Math.fround((random.next() - 0.5) * 10 ** random.below(30))
    case 'double':
      return (random.next() - 0.5) * 10 ** random.below(300)
    case 'time':
      return BigInt(random.below(86_400)) * 1_000_000n + BigInt(random.below(1_000_000))
    case 'timestamp':
    case 'timestamptz':
      return BigInt.asIntN(58, random.signed(58))
    case 'string':
      return random.text(12)
    case 'uuid':
      return 'f79c3e09-677c-4bbd-a479-3f349cb785e7'.replace(/[0-9a-f]/g, () => random.below(16).toString(16))
    case 'binary':
      return random.bytes(20)
    case 'long':
    case 'timestamp_ns':
    case 'timestamptz_ns':
    case 'unknown':
      return random.signed(64)
  }
}

const types: readonly PrimitiveType[] = [
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'timestamp_ns',
  'timestamptz_ns',
  'string',
  'uuid',
  'binary',
  decimal(9, 2),
  decimal(38, 10),
  decimal(38, 0),
  { kind: 'fixed', length: 5 },
]

describe('binary single values (Appendix D)', () => {
  const vectors: readonly [PrimitiveType, Value, string][] = [
    ['boolean', false, '00'],
    ['boolean', true, '01'],
    ['int', 34, '22000000'],
    ['int', -2147483648, '00000080'],
    ['long', 34n, '2200000000000000'],
    ['long', -1n, 'ffffffffffffffff'],
    ['float', -4.5, '000090c0'],
    ['double', 6.0, '0000000000001840'],
    ['date', 17486, '4e440000'],
    ['time', 10_000n, '1027000000000000'],
    ['timestamp', 400_000n, '801a060000000000'],
    ['timestamptz_ns', 1n, '0100000000000000'],
    ['string', 'ABC', '414243'],
    ['uuid', 'f79c3e09-677c-4bbd-a479-3f349cb785e7', 'f79c3e09677c4bbda4793f349cb785e7'],
    [{ kind: 'fixed', length: 2 }, Uint8Array.of(1, 255), '01ff'],
    ['binary', Uint8Array.of(), ''],
    [decimal(9, 2), 1420n, '058c'],
    [decimal(9, 2), 345n, '0159'],
    [decimal(9, 2), -1n, 'ff'],
    [decimal(9, 2), 128n, '0080'],
    [decimal(9, 2), 0n, '00'],
    [decimal(38, 0), 10n ** 38n - 1n, '4b3b4ca85a86c47a098a223fffffffff'],
  ]
  for (const [type, value, bytes] of vectors) {
    it(`writes ${typeof value === 'bigint' ? value : JSON.stringify(value)} of ${JSON.stringify(type)} as ${bytes || 'nothing'}`, () => {
      expect(hex(singleValueToBytes(type, value))).toBe(bytes)
      expect(singleValueFromBytes(type, Uint8Array.from(Buffer.from(bytes, 'hex')))).toEqual(value)
    })
  }

  it('reads bounds that were written before a type promotion', () => {
    expect(singleValueFromBytes('long', singleValueToBytes('int', -7))).toBe(-7n)
    expect(singleValueFromBytes('double', singleValueToBytes('float', 1.5))).toBe(1.5)
    expect(singleValueFromBytes('timestamp', singleValueToBytes('date', 1))).toBe(86_400_000_000n)
    expect(singleValueFromBytes('timestamp_ns', singleValueToBytes('date', -1))).toBe(-86_400_000_000_000n)
    expect(singleValueFromBytes(decimal(30, 2), singleValueToBytes(decimal(9, 2), -5n))).toBe(-5n)
  })

  it('reads bytes from the middle of a buffer', () => {
    const buffer = Buffer.from('ffff2200000000000000ff', 'hex')
    expect(singleValueFromBytes('long', buffer.subarray(2, 10))).toBe(34n)
  })

  it('refuses values and bytes that are not of the type', () => {
    expect(() => singleValueToBytes('int', 2 ** 31)).toThrow(/type int/)
    expect(() => singleValueToBytes('long', 2n ** 63n)).toThrow(/type long/)
    expect(() => singleValueToBytes('string', '\ud800')).toThrow(/type string/)
    expect(() => singleValueFromBytes('long', new Uint8Array(3))).toThrow(/3 bytes/)
    expect(() => singleValueFromBytes('string', Uint8Array.of(0xff))).toThrow(/UTF-8/)
  })

  it('gives back every value it has written', () => {
    const random = new Random(7)
    for (let run = 0; run < 4000; run++) {
      const type = random.pick(types)
      const value = randomValue(random, type)
      expect(singleValueFromBytes(type, singleValueToBytes(type, value))).toEqual(value)
    }
  })
})

describe('JSON single values (Appendix D)', () => {
  const vectors: readonly [Type, Value, unknown][] = [
    ['boolean', true, true],
    ['int', 34, 34],
    ['long', 9007199254740993n, 9007199254740993n],
    ['double', 1.5, 1.5],
    [decimal(9, 2), 1420n, '14.20'],
    [decimal(9, 2), -5n, '-0.05'],
    [{ kind: 'decimal', precision: 9, scale: -20 }, 2n, '2E+20'],
    ['date', 17486, '2017-11-16'],
    ['time', 81_068_123_456n, '22:31:08.123456'],
    ['timestamp', 1_510_871_468_123_456n, '2017-11-16T22:31:08.123456'],
    ['timestamptz', 1_510_871_468_123_456n, '2017-11-16T22:31:08.123456+00:00'],
    ['timestamp_ns', 1_510_871_468_123_456_789n, '2017-11-16T22:31:08.123456789'],
    ['timestamptz_ns', -1n, '1969-12-31T23:59:59.999999999+00:00'],
    ['string', 'iceberg', 'iceberg'],
    ['uuid', 'f79c3e09-677c-4bbd-a479-3f349cb785e7', 'f79c3e09-677c-4bbd-a479-3f349cb785e7'],
    [{ kind: 'fixed', length: 4 }, Uint8Array.of(0, 1, 2, 255), '000102ff'],
    ['binary', Uint8Array.of(0, 1, 2, 255), '000102ff'],
  ]
  for (const [type, value, json] of vectors) {
    it(`writes ${JSON.stringify(type)} as ${typeof json === 'bigint' ? json : JSON.stringify(json)}`, () => {
      expect(singleValueToJson(type, value)).toEqual(json)
      expect(singleValueFromJson(type, json as string)).toEqual(value)
    })
  }

  it('writes structs by field id, lists as arrays and maps as keys and values', () => {
    const struct: Type = {
      kind: 'struct',
      fields: [
        { id: 1, name: 'a', required: true, type: 'int' },
        {
          id: 2,
          name: 'b',
          required: false,
          type: { kind: 'list', elementId: 3, elementRequired: false, element: 'long' },
        },
        {
          id: 4,
          name: 'c',
          required: false,
          type: { kind: 'map', keyId: 5, key: 'string', valueId: 6, valueRequired: false, value: 'int' },
        },
      ],
    }
    const value = {
      kind: 'struct' as const,
      values: new Map<number, NestedValue>([
        [1, 1],
        [2, [2n, null]],
        [4, { kind: 'map' as const, entries: [['a', 1] as const, ['b', null] as const] }],
      ]),
    }
    const json = singleValueToJson(struct, value)
    expect(json).toEqual({ '1': 1, '2': [2n, null], '4': { keys: ['a', 'b'], values: [1, null] } })
    expect(singleValueFromJson(struct, json)).toEqual(value)
  })

  it('refuses JSON that is not of the type', () => {
    expect(() => singleValueFromJson('int', 2 ** 31)).toThrow(/type int/)
    expect(() => singleValueFromJson('timestamp', '2017-11-16T22:31:08+00:00')).toThrow(/type timestamp/)
    expect(() => singleValueFromJson('timestamptz', '2017-11-16T22:31:08')).toThrow(/type timestamptz/)
    expect(() => singleValueFromJson(decimal(9, 2), '1.005')).toThrow(/decimal/)
    expect(() => singleValueFromJson('date', '2017-02-29')).toThrow(/date/)
  })

  it('gives back every value it has written', () => {
    const random = new Random(8)
    for (let run = 0; run < 4000; run++) {
      const type = random.pick(types)
      if (type === 'date') continue
      const value = randomValue(random, type)
      expect(singleValueFromJson(type, singleValueToJson(type, value))).toEqual(value)
    }
  })
})

describe('calendar and decimals', () => {
  it('agrees with the platform on every day it knows', () => {
    for (let days = -719_162; days <= 2_932_896; days += 397) {
      const platform = new Date(days * 86_400_000)
      const iso = `${String(platform.getUTCFullYear()).padStart(4, '0')}${platform.toISOString().slice(-20, -14)}`
      expect(formatDate(days)).toBe(iso)
      expect(parseDate(iso)).toBe(days)
    }
  })

  it('writes the ends of SQL dates and the days around the epoch', () => {
    expect(formatTimestamp(-62_135_596_800_000_000n, 6)).toBe('0001-01-01T00:00:00.000000')
    expect(formatTimestamp(253_402_300_799_999_999n, 6)).toBe('9999-12-31T23:59:59.999999')
    expect(formatTimestamp(-1n, 6)).toBe('1969-12-31T23:59:59.999999')
    expect(parseTimestamp('2017-11-16T14:31:08.000001-08:00', 6, true)).toBe(1_510_871_468_000_001n)
  })

  it('reads decimal text only when no digit is lost', () => {
    expect(parseDecimal('12.3400', 2)).toBe(1234n)
    expect(parseDecimal('1.2e3', 0)).toBe(1200n)
    expect(parseDecimal('-.5', 1)).toBe(-5n)
    expect(parseDecimal('12.345', 2)).toBeUndefined()
    expect(parseDecimal('', 2)).toBeUndefined()
    expect(formatDecimal(-123_400n, 4)).toBe('-12.3400')
  })
})
