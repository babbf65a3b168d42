import { readFileSync } from 'node:fs'
import { seededRandom } from '@icebridge/columnar/testing'
import { expect, it } from 'vitest'
import wabt from 'wabt'
import { KERNEL_BYTES, MODULE, Utf16Kernel } from '../src/utf16-kernel.ts'

const kernel = Utf16Kernel.get()

/** What the kernel makes of the bytes, as text; undefined where it makes nothing. */
function converted(bytes: Buffer, start = 0, end = bytes.length): string | undefined {
  const length = kernel?.convert(bytes, start, end)
  if (length === undefined) return undefined
  const target = Buffer.alloc(length + 8, 0x7f)
  kernel?.copy(target, 3, length)
  expect(
    target.subarray(0, 3).equals(Buffer.alloc(3, 0x7f)) && target.subarray(length + 3).equals(Buffer.alloc(5, 0x7f)),
  ).toBe(true)
  return target.toString('utf8', 3, length + 3)
}

it('is what its text says', async () => {
  const assembler = await wabt()
  const text = readFileSync(new URL('../src/utf16-kernel.wat', import.meta.url), 'utf8')
  const { buffer } = assembler.parseWat('utf16-kernel.wat', text, { simd: true }).toBinary({})
  expect(MODULE).toBe(Buffer.from(buffer).toString('base64'))
})

it('converts every character that is one, alone and at each place of a block', () => {
  for (let point = 0; point <= 0x10ffff; point += point < 0x3000 || (point >= 0xd700 && point < 0xe100) ? 1 : 37) {
    if (point >= 0xd800 && point <= 0xdfff) continue
    const text = 'a'.repeat(point % 23) + String.fromCodePoint(point) + 'b'.repeat(point % 11)
    if (converted(Buffer.from(text, 'utf16le')) !== text) expect(converted(Buffer.from(text, 'utf16le'))).toBe(text)
  }
})

it('converts texts of any mixture, length and place, or leaves them to others', () => {
  const random = seededRandom(5)
  const below = (most: number): number => Math.floor(random() * most)
  const kinds = [
    () => String.fromCharCode(below(0x80)),
    () => String.fromCharCode(0x80 + below(0x780)),
    () => String.fromCharCode(0x800 + below(0xd000)),
    () => String.fromCodePoint(0x10000 + below(0x100000)),
  ]
  let left = 0
  const rounds = 4000
  for (let round = 0; round < rounds; round += 1) {
    // Mostly of the first kinds, as texts are.
    const reach = 1 + below(4)
    const text = Array.from({ length: below(300) }, () =>
      kinds[random() < 0.9 ? below(Math.min(reach, 2)) : below(reach)]?.(),
    ).join('')
    const before = below(5)
    const bytes = Buffer.concat([Buffer.alloc(before, 0xd8), Buffer.from(text, 'utf16le'), Buffer.alloc(20, 0xdc)])
    const got = converted(bytes, before, before + text.length * 2)
    if (got === undefined) left += 1
    else if (got !== text) expect(got).toBe(text)
  }
  expect(left).toBeLessThan(rounds / 2)
})

it('leaves half pairs and texts of three bytes a character to others', () => {
  const around = 'text around it '
  for (const half of ['\ud800', '\udbff', '\udc00', '\udfff', '\ud83dx', '\udc00\ud800']) {
    for (const text of [half, around + half, around + half + around, half + around]) {
      expect(converted(Buffer.from(text, 'utf16le'))).toBeUndefined()
    }
  }
  expect(converted(Buffer.from('日本語の文字列'.repeat(20), 'utf16le'))).toBeUndefined()
  const mixed = 'mostly latin text with one 日本 word or two, here and there 😀, and more letters '.repeat(20)
  expect(converted(Buffer.from(mixed, 'utf16le'))).toBe(mixed)
})

it('converts as much at once as it says', () => {
  for (const letter of ['x', 'ß']) {
    const text = letter.repeat(KERNEL_BYTES / 2)
    expect(converted(Buffer.from(text, 'utf16le')) === text).toBe(true)
  }
  expect(converted(Buffer.alloc(0))).toBe('')
})
