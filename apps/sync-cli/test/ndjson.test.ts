import { BatchBuilder, sliceBatch, type ColumnField, type ColumnType } from '@icebridge/columnar'
import { parseDate, parseTimestamp, uuidToBytes } from '@icebridge/iceberg-core'
import { expect, test } from 'vitest'
import { ndjsonLines } from '../src/ndjson.ts'

function field(name: string, type: ColumnType): ColumnField {
  return { name, type, nullable: true }
}

/** Lines of a batch with one column `v`, null last. */
function linesOf(type: ColumnType, values: readonly unknown[]): string[] {
  const batch = new BatchBuilder([field('v', type)])
  const [column] = batch.columns
  for (const value of values) (column as { append(value: unknown): void } | undefined)?.append(value) // each test gives its own type's values
  column?.appendNull()
  return [...ndjsonLines(batch.finish())]
}

function cells(type: ColumnType, values: readonly unknown[]): string[] {
  const lines = linesOf(type, values)
  for (const line of lines) expect(() => JSON.parse(line)).not.toThrow()
  return lines.map((line) => line.slice('{"v":'.length, -'}\n'.length))
}

test('prints integers of 32 bits as numbers and of 64 bits as strings', () => {
  expect(cells({ kind: 'int32' }, [-2_147_483_648, 0, 2_147_483_647])).toEqual([
    '-2147483648',
    '0',
    '2147483647',
    'null',
  ])
  expect(cells({ kind: 'int64' }, [-9_223_372_036_854_775_808n, 9_007_199_254_740_993n])).toEqual([
    '"-9223372036854775808"',
    '"9007199254740993"',
    'null',
  ])
})

test('prints every digit of a decimal, trailing zeros too', () => {
  const widest = 99_999_999_999_999_999_999_999_999_999_999_999_999n
  expect(cells({ kind: 'decimal', precision: 38, scale: 10 }, [widest, -widest, -5n, 0n, 12_300_000_000_000n])).toEqual(
    [
      '"9999999999999999999999999999.9999999999"',
      '"-9999999999999999999999999999.9999999999"',
      '"-0.0000000005"',
      '"0.0000000000"',
      '"1230.0000000000"',
      'null',
    ],
  )
  expect(cells({ kind: 'decimal', precision: 38, scale: 0 }, [-widest])).toEqual([`"-${widest}"`, 'null'])
  expect(cells({ kind: 'decimal', precision: 38, scale: 38 }, [widest])).toEqual([`"0.${widest}"`, 'null'])
})

test('keeps the sign of zero and names what JSON has no number for', () => {
  const values = [0, -0, 0.1, 1e21, 5e-324, 1.7976931348623157e308, Number.NaN, Infinity, -Infinity]
  const printed = [
    '0',
    '-0.0',
    '0.1',
    '1e+21',
    '5e-324',
    '1.7976931348623157e+308',
    '"NaN"',
    '"Infinity"',
    '"-Infinity"',
  ]
  expect(cells({ kind: 'float64' }, values)).toEqual([...printed, 'null'])
  expect(Object.is(JSON.parse('-0.0'), -0)).toBe(true)
  expect(cells({ kind: 'float32' }, [Math.fround(0.1), -0])).toEqual(['0.10000000149011612', '-0.0', 'null'])
})

test('prints dates of the whole calendar, and beyond it with a sign', () => {
  const days = ['0001-01-01', '1582-10-10', '1970-01-01', '2000-02-29', '9999-12-31', '+10000-01-01'].map(parseDate)
  expect(cells({ kind: 'date' }, days)).toEqual([
    '"0001-01-01"',
    '"1582-10-10"',
    '"1970-01-01"',
    '"2000-02-29"',
    '"9999-12-31"',
    '"+10000-01-01"',
    'null',
  ])
})

test('prints times and timestamps to the microsecond', () => {
  expect(cells({ kind: 'time' }, [0n, 1n, 86_399_999_999n])).toEqual([
    '"00:00:00.000000"',
    '"00:00:00.000001"',
    '"23:59:59.999999"',
    'null',
  ])
  const texts = ['0001-01-01T00:00:00.000000', '1969-12-31T23:59:59.999999', '9999-12-31T23:59:59.999999']
  const micros = texts.map((text) => parseTimestamp(text, 6, false))
  expect(cells({ kind: 'timestamp', utc: false }, micros)).toEqual([...texts.map((text) => `"${text}"`), 'null'])
  expect(cells({ kind: 'timestamp', utc: true }, micros)).toEqual([...texts.map((text) => `"${text}Z"`), 'null'])
})

test('prints text as it is, binary as base64 and uuids with hyphens', () => {
  const texts = ['', 'a"b\\c\n\u0000', 'Grüße 🚀', '  ']
  expect(
    cells({ kind: 'string' }, texts)
      .slice(0, -1)
      .map((cell) => JSON.parse(cell)),
  ).toEqual(texts)
  expect(cells({ kind: 'binary' }, [new Uint8Array(0), Uint8Array.of(0, 255, 254)])).toEqual(['""', '"AP/+"', 'null'])
  expect(cells({ kind: 'fixed', length: 2 }, [Uint8Array.of(1, 2)])).toEqual(['"AQI="', 'null'])
  const uuid = '00112233-4455-6677-8899-aabbccddeeff'
  expect(cells({ kind: 'uuid' }, [uuidToBytes(uuid)])).toEqual([`"${uuid}"`, 'null'])
  expect(cells({ kind: 'boolean' }, [true, false])).toEqual(['true', 'false', 'null'])
})

test('takes any column name', () => {
  const batch = new BatchBuilder([field('a "quoted" name', { kind: 'int32' }), field('__proto__', { kind: 'int32' })])
  for (const column of batch.columns) column.appendNull()
  expect([...ndjsonLines(batch.finish())]).toEqual([String.raw`{"a \"quoted\" name":null,"__proto__":null}` + '\n'])
})

test('prints nothing for an empty batch', () => {
  expect([...ndjsonLines(new BatchBuilder([field('v', { kind: 'int32' })]).finish())]).toEqual([])
})

test('prints nested values, each by the rules of its type', () => {
  const decimal: ColumnType = { kind: 'decimal', precision: 38, scale: 2 }
  const batch = new BatchBuilder([
    field('s', { kind: 'struct', fields: [field('big', { kind: 'int64' }), field('at "x"', { kind: 'date' })] }),
    field('l', { kind: 'list', element: field('element', decimal) }),
    field('m', {
      kind: 'map',
      key: { name: 'key', type: { kind: 'int32' }, nullable: false },
      value: field('value', { kind: 'list', element: field('element', { kind: 'float64' }) }),
    }),
  ])
  const [struct, list, map] = batch.columns
  if (struct?.kind !== 'struct' || list?.kind !== 'list' || map?.kind !== 'map') throw new Error('unexpected builders')
  const [big, at] = struct.children
  if (big?.kind !== 'int64' || at?.kind !== 'date' || list.element.kind !== 'decimal')
    throw new Error('unexpected children')
  if (map.key.kind !== 'int32' || map.value.kind !== 'list' || map.value.element.kind !== 'float64') {
    throw new Error('unexpected entries')
  }
  struct.appendNull()
  list.appendNull()
  map.appendNull()
  big.append(9_007_199_254_740_993n)
  at.appendNull()
  struct.append()
  list.element.append(-5n)
  list.element.appendNull()
  list.append()
  map.key.append(1)
  map.value.element.append(-0)
  map.value.append()
  map.key.append(2)
  map.value.appendNull()
  map.append()
  big.appendNull()
  at.append(0)
  struct.append()
  list.append()
  map.append()
  const made = batch.finish()
  const expected = [
    '{"s":null,"l":null,"m":null}\n',
    String.raw`{"s":{"big":"9007199254740993","at \"x\"":null},"l":["-0.05",null],"m":[[1,[-0.0]],[2,null]]}` + '\n',
    String.raw`{"s":{"big":null,"at \"x\"":"1970-01-01"},"l":[],"m":[]}` + '\n',
  ]
  expect([...ndjsonLines(made)]).toEqual(expected)
  expect([...ndjsonLines(sliceBatch(made, 1, 3))]).toEqual(expected.slice(1))
})
