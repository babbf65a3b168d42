import { BatchBuilder, columnView, MemoryPool } from '@icebridge/columnar'
import { seededRandom } from '@icebridge/columnar/testing'
import { expect, it } from 'vitest'
import { BytesEncoder } from '../src/write/bytes-encoder.ts'

/** The bounds of a page that holds the values, dictionary or not. */
function boundsOf(values: readonly (string | Uint8Array)[]): { readonly min: Uint8Array; readonly max: Uint8Array } {
  const isText = typeof values[0] === 'string'
  const builder = new BatchBuilder([{ name: 'v', type: { kind: isText ? 'string' : 'binary' }, nullable: false }])
  const [column] = builder.columns
  for (const value of values) {
    if (column?.kind === 'string' && typeof value === 'string') column.append(value)
    if (column?.kind === 'binary' && value instanceof Uint8Array) column.append(value)
  }
  const encoder = new BytesEncoder({ dictionaryBytes: 1 << 20, isText, memory: new MemoryPool() })
  encoder.appendRange(columnView(builder.finish(), 0), 0, values.length)
  const { bounds } = encoder.takePage()
  if (!(bounds?.min instanceof Uint8Array) || !(bounds.max instanceof Uint8Array)) throw new TypeError('no bounds')
  return { min: bounds.min, max: bounds.max }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

it('cuts bounds of long texts between characters, and they still enclose every value', () => {
  const random = seededRandom(7)
  const letters = ['a', 'ß', '東', '😀', '\u{10ffff}', '\ud7ff']
  for (let round = 0; round < 200; round += 1) {
    const values = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
      const letter = letters[Math.floor(random() * letters.length)] ?? ''
      return `${'x'.repeat(Math.floor(random() * 5))}${letter.repeat(Math.floor(random() * 1200))}`
    })
    const { min, max } = boundsOf(values)
    for (const value of values) {
      expect(Buffer.compare(min, Buffer.from(value))).toBeLessThanOrEqual(0)
      expect(Buffer.compare(max, Buffer.from(value))).toBeGreaterThanOrEqual(0)
    }
    expect(min.length).toBeLessThanOrEqual(1024)
    expect(utf8.decode(min) + utf8.decode(max)).toBeTypeOf('string')
    if (!values.some((value) => value.startsWith('\u{10ffff}'))) expect(max.length).toBeLessThanOrEqual(1024)
  }
})

it('cuts bounds of long binaries, and keeps an upper one whole that nothing shorter is above', () => {
  const long = (byte: number): Uint8Array => new Uint8Array(5000).fill(byte)
  const { min, max } = boundsOf([long(3), long(7)])
  expect([min.length, max.length]).toEqual([1024, 1024])
  expect(Buffer.compare(min, long(3))).toBe(-1)
  expect(Buffer.compare(max, long(7))).toBe(1)
  expect(Buffer.compare(boundsOf([long(255)]).max, long(255))).toBe(0)
  const short = boundsOf([Uint8Array.of(1), Uint8Array.of(1, 0)])
  expect([[...short.min], [...short.max]]).toEqual([[1], [1, 0]])
})
