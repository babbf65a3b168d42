import { describe, expect, it } from 'vitest'
import {
  isJsonArray,
  isJsonObject,
  type JsonValue,
  parseJsonLossless,
  stringifyJsonLossless,
} from '@icebridge/iceberg-core'
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
      if (/[{,]\s*"[^"\\]*\\/.test(text)) continue // where the platform may be wrong, see below
      const mine = outcome(() => parseJsonLossless(text))
      expect([text, mine]).toEqual([text, outcome(() => JSON.parse(text))])
    }
  })

  it('is exact wherever a long integer stands, and leaves strings that look like one alone', () => {
    const random = new Random(3)
    const names = ['snapshot-id', 'a', 'ends with space ', 'q"', '\\', ':', '', '__proto__', '7', 'é']
    const value = (depth: number): JsonValue => {
      switch (random.below(depth > 2 ? 4 : 7)) {
        case 0:
          return random.pick([2n ** 53n, -(2n ** 63n), 12345678901234567890n, 10n ** 30n])
        case 1:
          return random.pick([2 ** 53 - 1, -(2 ** 53 - 1), 1_700_000_000_000_000, 0.1, 1e21, 2 ** 70, -0])
        case 2:
        case 3:
          return random.pick([
            '":1234567890123456789,',
            'a":1234567890123456789}',
            '\\":1234567890123456789,',
            ':1234567890123456789,',
            '\u007f12',
            '\u007f1234567890123456789',
            '1234567890123456789',
            '\ud83d',
            '😀',
          ])
        case 4:
          return Array.from({ length: random.below(4) }, () => value(depth + 1))
        default: {
          const members = Array.from({ length: random.below(4) }, () => [random.pick(names), value(depth + 1)] as const)
          return Object.fromEntries(members)
        }
      }
    }
    for (let run = 0; run < 3000; run++) {
      const json = value(0)
      const text = stringifyJsonLossless(json)
      expect([text, parseJsonLossless(text)]).toEqual([text, json])
      const spaced = text.replace(/([:,{}[\]])(?=(?:[^"\\]|\\.|"(?:[^"\\]|\\.)*")*$)/g, ' $1\n\t')
      expect([spaced, parseJsonLossless(spaced)]).toEqual([spaced, json])
    }
  })

  it('reads escaped names right where the platform takes them for one that it saw before', () => {
    for (let run = 0; run < 20; run++) {
      for (const [text, name] of [
        ['{"p":1,"\\\\":2}', '\\'],
        ['{"p":1,"\\n":2}', '\n'],
        ['{ "p":1 ,\n "\\"" :2}', '"'],
        ['{"p":1,"\\u0041":2}', 'A'],
      ] as const) {
        expect(parseJsonLossless(text)).toEqual({ p: 1, [name]: 2 })
      }
    }
  })

  it(
    'agrees with the platform on damaged text with long integers, which it does not round',
    { timeout: 60_000 },
    () => {
      const random = new Random(4)
      const seeds = [
        '{"a":9007199254740993,"b":[12345678901234567890,{"c":-9223372036854775808}],"s":"x\\":1234567890123456789,"}',
        '{"k" : 1234567890123456789 , "\u007f":"\u007f1" , "d":12345678901234567890.5 }',
        '[{"id":3051729675574597004},{"id":"3051729675574597004"}]',
      ]
      /** Numbers that no type holds are refused here, and infinite to the platform. */
      const finite = (json: unknown): unknown => {
        if (json === Infinity || json === -Infinity) throw new RangeError('out of range')
        if (typeof json === 'object' && json !== null) for (const item of Object.values(json)) finite(item)
        return json
      }
      /** What the platform makes of it, with every bigint checked against the digits of the text. */
      const rounded = (json: JsonValue, text: string): unknown => {
        if (typeof json === 'bigint') {
          expect([text, Number.isSafeInteger(Number(json)), text.includes(String(json))]).toEqual([text, false, true])
          return Number(json)
        }
        if (typeof json === 'number' && Number.isInteger(json) && !Number.isSafeInteger(json)) {
          expect(text).toMatch(/\d\.\d|\d[eE]/)
        }
        if (isJsonArray(json)) return json.map((item) => rounded(item, text))
        if (!isJsonObject(json)) return json
        return Object.fromEntries(Object.entries(json).map(([name, item]) => [name, rounded(item, text)]))
      }
      const outcome = (parse: () => unknown): unknown => {
        try {
          return parse()
        } catch (error) {
          if (error instanceof Error && error.name === 'AssertionError') throw error
          return 'refused'
        }
      }
      let parsed = 0
      for (let run = 0; run < 20_000; run++) {
        const chars = Array.from(random.pick(seeds))
        const edits = random.below(3)
        for (let edit = 0; edit < edits; edit++) {
          const piece = random.pick(['', '"', ',', '}', '[', '0', '-', '\\', 'e', ' ', '123456789', ':', '.', '\u007f'])
          chars.splice(random.below(chars.length), random.below(3), piece)
        }
        const text = chars.join('')
        if (/[{,]\s*"[^"\\]*\\/.test(text)) continue // where the platform may be wrong, see above
        const mine = outcome(() => rounded(parseJsonLossless(text), text))
        if (mine !== 'refused') parsed += 1
        expect([text, mine]).toEqual([text, outcome(() => finite(JSON.parse(text)))])
      }
      expect(parsed).toBeGreaterThan(5000)
    },
  )

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
