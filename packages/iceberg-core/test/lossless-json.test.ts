import { describe, expect, it } from 'vitest'
import { type JsonValue, parseJsonLossless, stringifyJsonLossless } from '@icebridge/iceberg-core'
import { Random } from './random.ts'

describe('lossless JSON', () => {
  it('keeps integers that a number cannot hold', () => {
    const text =
      '{"id":3051729675574597004,"low":-9223372036854775808,"safe":9007199254740991,"above":9007199254740992}'
    expect(parseJsonLossless(text)).toEqual({
      id: 3051729675574597004n,
      low: -9223372036854775808n,
      safe: 9007199254740991,
      above: 9007199254740992n,
    })
    expect(stringifyJsonLossless(parseJsonLossless(text))).toBe(text)
  })

  it('keeps fractions, negative zero and strings with escapes', () => {
    const value = { a: 1.5, b: -0, c: 'a\n"\u0001😀', d: [null, true, {}], e: 1e21 }
    expect(parseJsonLossless(stringifyJsonLossless(value))).toEqual(value)
  })

  it('keeps a member that is called __proto__', () => {
    const text = '{"__proto__":{"x":1}}'
    expect(stringifyJsonLossless(parseJsonLossless(text))).toBe(text)
  })

  it('says where the mistake is', () => {
    expect(() => parseJsonLossless('{"a": tru}')).toThrow(/offset 6/)
    expect(() => parseJsonLossless('{"a": 1e999}')).toThrow(/out of range at offset 6/)
    expect(() => parseJsonLossless('{"a": "\\x"}')).toThrow(/malformed string at offset 6/)
    expect(() => parseJsonLossless('{"a": 01}')).toThrow(/offset 7/)
    expect(() => parseJsonLossless('[1,2')).toThrow(/array that does not end at its end/)
    expect(() => parseJsonLossless('{} x')).toThrow(/after its end at offset 3/)
    expect(() => parseJsonLossless('')).toThrow(/unexpected at its end/)
  })

  it('takes what the platform takes and refuses what it refuses', () => {
    const random = new Random(2)
    const seeds = [
      '{"a":[1,-2.5e3,"x\\u00e9\\n",null,true,false,{}],"b":""}',
      '[[],[0],{"k":{"l":-0.0}}]',
      '"\\ud83d\\ude00"',
    ]
    const outcome = (parse: () => unknown): string => {
      try {
        return JSON.stringify(parse())
      } catch {
        return 'refused'
      }
    }
    for (let run = 0; run < 5000; run++) {
      const chars = Array.from(random.pick(seeds))
      const edits = random.below(3)
      for (let edit = 0; edit < edits; edit++) {
        chars.splice(
          random.below(chars.length),
          random.below(3),
          random.pick(['', '"', ',', '}', '[', '0', '-', '\\', 'e', ' ', '\t']),
        )
      }
      const text = chars.join('')
      const mine = outcome(() => parseJsonLossless(text))
      expect([text, mine]).toEqual([text, outcome(() => JSON.parse(text))])
    }
  })

  it('refuses text that nests without end', () => {
    expect(() => parseJsonLossless('['.repeat(200_000))).toThrow(/nested too deeply/)
  })

  it('refuses to write a number that JSON does not have', () => {
    expect(() => stringifyJsonLossless(Number.NaN)).toThrow(/no JSON form/)
  })

  it('gives back every value it has written', () => {
    const random = new Random(1)
    const value = (depth: number): JsonValue => {
      switch (random.below(depth > 3 ? 5 : 7)) {
        case 0:
          return null
        case 1:
          return random.below(2) === 0
        case 2: {
          const integer = random.signed(64)
          return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer
        }
        case 3:
          return random.next() * 10 ** (random.below(40) - 20)
        case 4:
          return random.text(8)
        case 5:
          return Array.from({ length: random.below(4) }, () => value(depth + 1))
        default:
          return Object.fromEntries(Array.from({ length: random.below(4) }, () => [random.text(4), value(depth + 1)]))
      }
    }
    for (let run = 0; run < 500; run++) {
      const json = value(0)
      expect(parseJsonLossless(stringifyJsonLossless(json))).toEqual(json)
    }
  })
})
