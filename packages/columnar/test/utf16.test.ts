import { BatchBuilder, columnView } from '@icebridge/columnar'
import { describe, expect, it } from 'vitest'

const texts = [
  '',
  'a',
  'ß'.repeat(60),
  'plain text',
  '東京 😀😀',
  `${'x'.repeat(99)}😀`,
  '😀'.repeat(300),
  '\u0000\uffff',
]

function builderOf(loneSurrogates: 'refuse' | 'replace' = 'refuse') {
  const batch = new BatchBuilder([{ name: 's', type: { kind: 'string' }, nullable: false }], { loneSurrogates })
  const [strings] = batch.columns
  if (strings?.kind !== 'string') throw new TypeError('a string column')
  return { batch, strings }
}

function read({ batch }: ReturnType<typeof builderOf>): readonly string[] {
  const made = batch.finish()
  const view = columnView(made, 0)
  if (view.kind !== 'string') throw new TypeError('a string column')
  return Array.from({ length: made.numRows }, (_, row) => view.value(row))
}

describe('UTF-16 text', () => {
  it('is appended from the middle of a buffer', () => {
    const builder = builderOf()
    for (const text of texts) {
      const bytes = Buffer.from(`<${text}>`, 'utf16le')
      builder.strings.appendUtf16(bytes, 2, bytes.length - 2)
    }
    expect(read(builder)).toEqual(texts)
  })

  it('is the same whatever parts it comes in', () => {
    for (let step = 1; step <= 9; step++) {
      const builder = builderOf()
      for (const text of texts) {
        const bytes = Buffer.from(text, 'utf16le')
        builder.strings.beginUtf16(step % 2 === 0 ? bytes.length : undefined)
        for (let at = 0; at < bytes.length; at += step) {
          builder.strings.appendUtf16Part(bytes, at, Math.min(bytes.length, at + step))
        }
        builder.strings.endUtf16()
      }
      expect(read(builder)).toEqual(texts)
    }
  })

  it.each(['\ud800', 'ab\udc00', `${'x'.repeat(100)}\ud83d`, '\ud83d\ud83d\ude00'])(
    'refuses half a pair: %j',
    (text) => {
      const bytes = Buffer.from(text, 'utf16le')
      expect(() => builderOf().strings.appendUtf16(bytes, 0, bytes.length)).toThrow(/surrogate/)
      for (const step of [1, 2, 3, 4]) {
        const { strings } = builderOf()
        expect(() => {
          strings.beginUtf16(bytes.length)
          for (let at = 0; at < bytes.length; at += step) {
            strings.appendUtf16Part(bytes, at, Math.min(bytes.length, at + step))
          }
          strings.endUtf16()
        }).toThrow(/surrogate/)
      }
    },
  )

  it.each(['\ud83d\ud83d\ude00', '\ud83dx', 'x\ud83d'])(
    'replaces half a pair by U+FFFD in whatever parts: %j',
    (text) => {
      const bytes = Buffer.from(text, 'utf16le')
      for (const step of [1, 2, 3, 4, 6]) {
        const builder = builderOf('replace')
        builder.strings.beginUtf16(undefined)
        for (let at = 0; at < bytes.length; at += step) {
          builder.strings.appendUtf16Part(bytes, at, Math.min(bytes.length, at + step))
        }
        builder.strings.endUtf16()
        expect(read(builder)).toEqual([text.toWellFormed()])
      }
    },
  )

  it('counts values in which half a pair was replaced, not pairs, until the batch is finished', () => {
    const builder = builderOf('replace')
    const { strings } = builder
    const append: readonly ((text: string) => void)[] = [
      (text) => strings.append(text),
      (text) => strings.appendUtf16(Buffer.from(text, 'utf16le'), 0, text.length * 2),
      (text) => {
        const bytes = Buffer.from(text, 'utf16le')
        strings.beginUtf16(undefined)
        for (let at = 0; at < bytes.length; at += 4) strings.appendUtf16Part(bytes, at, Math.min(bytes.length, at + 4))
        strings.endUtf16()
      },
    ]
    for (const [index, add] of append.entries()) {
      for (const text of ['whole', '😀', `${'long '.repeat(40)}😀`]) add(text)
      expect(strings.replacedCount).toBe(index * 3)
      for (const text of ['\ud800', '\ud800 and \udc00', `${'long '.repeat(40)}\udfff`]) add(text)
    }
    expect(strings.replacedCount).toBe(9)
    builder.batch.finish()
    expect(strings.replacedCount).toBe(0)
  })

  it('is replaced in the columns that say so', () => {
    const fields = ['key', 'text'].map((name) => ({ name, type: { kind: 'string' }, nullable: false }) as const)
    const batch = new BatchBuilder(fields, { loneSurrogates: (column) => (column === 'key' ? 'refuse' : 'replace') })
    const [key, text] = batch.columns
    if (key?.kind !== 'string' || text?.kind !== 'string') throw new TypeError('string columns')
    text.append('\ud800')
    expect(() => key.append('\ud800')).toThrow(expect.objectContaining({ code: 'lone-surrogate' }))
  })

  it('refuses half a code unit', () => {
    const { strings } = builderOf()
    strings.beginUtf16(3)
    strings.appendUtf16Part(Buffer.from([97, 0, 98]), 0, 3)
    expect(() => strings.endUtf16()).toThrow(expect.objectContaining({ code: 'malformed-utf16' }))
  })
})

it('appends 64-bit integers by their halves', () => {
  const batch = new BatchBuilder([{ name: 'n', type: { kind: 'int64' }, nullable: false }])
  const [longs] = batch.columns
  if (longs?.kind !== 'int64') throw new TypeError('a column of longs')
  longs.appendHalves(0xffff_ffff, -1)
  longs.appendHalves(0, -0x8000_0000)
  longs.appendHalves(0xffff_ffff, 0x7fff_ffff)
  const view = columnView(batch.finish(), 0)
  if (view.kind !== 'int64') throw new TypeError('a column of longs')
  expect([view.value(0), view.value(1), view.value(2)]).toEqual([-1n, -(2n ** 63n), 2n ** 63n - 1n])
})

it('appends bytes from the middle of a buffer and in parts', () => {
  const batch = new BatchBuilder([{ name: 'b', type: { kind: 'binary' }, nullable: false }])
  const [column] = batch.columns
  if (column?.kind !== 'binary') throw new TypeError('a binary column')
  const bytes = Uint8Array.from({ length: 100 }, (_, index) => index)
  column.appendSlice(bytes, 3, 5)
  column.appendSlice(bytes, 1, 90)
  column.beginParts(undefined)
  for (const [start, end] of [
    [0, 1],
    [1, 60],
    [60, 60],
    [60, 100],
  ] as const) {
    column.appendPart(bytes, start, end)
  }
  column.endParts()
  const view = columnView(batch.finish(), 0)
  if (view.kind !== 'binary') throw new TypeError('a binary column')
  expect([view.value(0), view.value(1), view.value(2)].map((value) => [...value])).toEqual(
    [bytes.subarray(3, 5), bytes.subarray(1, 90), bytes].map((value) => [...value]),
  )
})

it('appends ASCII from the middle of a buffer, and nothing of what is not', () => {
  const builder = builderOf()
  const bytes = Buffer.from('<plain>é', 'latin1')
  expect(builder.strings.appendAscii(bytes, 1, 6)).toBe(true)
  expect(builder.strings.appendAscii(bytes, 1, 8)).toBe(false)
  expect(builder.strings.appendAscii(bytes, 0, 0)).toBe(true)
  expect(read(builder)).toEqual(['plain', ''])
})
