import { seededRandom } from '@icebridge/columnar/testing'
import { truncateStringLower, truncateStringUpper } from '@icebridge/iceberg-core'
import { expect, it } from 'vitest'
import { charactersEnd, raisedText } from '../src/write/utf8-bounds.ts'

const letters = ['a', '\x7f', 'ß', '\u07ff', '東', '\ud7ff', '\uffff', '😀', '\u{10ffff}']

it('cuts and raises text as bytes where Iceberg cuts and raises it as a string', () => {
  const random = seededRandom(11)
  for (let round = 0; round < 2000; round += 1) {
    const text = Array.from(
      { length: Math.floor(random() * 12) },
      () => letters[Math.floor(random() * letters.length)],
    ).join('')
    const length = 1 + Math.floor(random() * 8)
    const before = Buffer.from('東')
    const utf8 = Buffer.concat([before, Buffer.from(text)])
    const end = charactersEnd(utf8.subarray(before.length), length)
    expect(Buffer.from(text).subarray(0, end).toString()).toBe(truncateStringLower(text, length))
    if (Array.from(text).length <= length) continue
    const raised = raisedText(utf8, before.length, before.length + end)
    const expected = truncateStringUpper(text, length)
    expect(raised === undefined ? undefined : Buffer.from(raised).toString()).toBe(expected)
  }
})

it('has nothing above no text', () => {
  expect(raisedText(Buffer.from('abc'), 1, 1)).toBeUndefined()
  expect(charactersEnd(Buffer.from('abc'), 0)).toBe(0)
})
