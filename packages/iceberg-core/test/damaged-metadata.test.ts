import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import {
  IcebergError,
  isJsonArray,
  isJsonObject,
  type JsonValue,
  parseJsonLossless,
  parseNameMapping,
  parsePrimitiveType,
  parseTableMetadata,
  parseTransform,
  serializeNameMapping,
  serializeTableMetadata,
  stringifyJsonLossless,
  type TableMetadata,
  tableRequirementFromJson,
  tableUpdateFromJson,
} from '@icebridge/iceberg-core'
import { Random } from './random.ts'
import { metadataSeeds, nameMappingSeed, updateSeeds } from './metadata-seeds.ts'

/** Bytes that parsers stumble over. */
const pieces = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '0',
  '-',
  '9',
  'e',
  '.',
  'null',
  '\u0000',
  '\u{1f600}',
  '\ud800',
  '  ',
]

function damagedText(random: Random, text: string): string {
  const edits = 1 + random.below(3)
  let damaged = text
  for (let edit = 0; edit < edits; edit++) {
    const at = random.below(damaged.length + 1)
    const end = at + random.pick([0, 0, 1, 1, 2, random.below(200)])
    const insert = random.pick([
      '',
      random.pick(pieces),
      random.pick(pieces).repeat(random.below(5)),
      damaged.slice(at, end + random.below(50)),
    ])
    damaged = random.below(12) === 0 ? damaged.slice(0, at) : damaged.slice(0, at) + insert + damaged.slice(end)
  }
  return damaged
}

/** Values of every wrong kind. */
function strangeValue(random: Random): JsonValue {
  const nested = (depth: number): JsonValue => (depth === 0 ? {} : { type: 'struct', fields: [nested(depth - 1)] })
  return (
    random.pick<() => JsonValue>([
      () => null,
      () => true,
      () => -1,
      () => 0.5,
      () => 2 ** 31,
      () => 1e300,
      () => 2n ** 70n,
      () => -(2n ** 63n),
      () => '',
      () => 'x'.repeat(random.below(3000)),
      () => random.text(5),
      () => `decimal(${'9'.repeat(500)}, 1)`,
      () => `fixed[${'9'.repeat(400)}]`,
      () => `geography(${' '.repeat(2000)}`,
      () => 'bucket[99999999999999999999]',
      () => [],
      () => {},
      () => [[[]]],
      () => Array.from({ length: 300 }, () => random.below(3)),
      () => nested(random.below(60)),
      () => ({ '': { __proto__: 1 }, constructor: 'x' }),
    ] as (() => JsonValue)[])() ?? null
  )
}

/** One value somewhere in the document replaced, removed, doubled, or moved elsewhere. */
function damagedValue(random: Random, json: JsonValue): JsonValue {
  if (random.below(5) === 0) return strangeValue(random)
  if (isJsonArray(json) && json.length > 0) {
    const at = random.below(json.length)
    const item = json[at] ?? null
    switch (random.below(6)) {
      case 0:
        return json.toSpliced(at, 1)
      case 1:
        return [...json, item, item]
      default:
        return json.with(at, damagedValue(random, item))
    }
  }
  if (isJsonObject(json) && Object.keys(json).length > 0) {
    const name = random.pick(Object.keys(json))
    const { [name]: value, ...rest } = json
    switch (random.below(6)) {
      case 0:
        return rest
      case 1:
        return { ...rest, [random.pick(Object.keys(json))]: value ?? null }
      default:
        return { ...json, [name]: damagedValue(random, value ?? null) }
    }
  }
  return strangeValue(random)
}

interface Outcomes {
  read: number
  refused: number
}

/** Runs a parser on damaged input: it gives a value or an IcebergError that says where, and ends soon. */
function expectSound(input: string, outcomes: Outcomes, parse: () => void): void {
  const startedMs = performance.now()
  try {
    parse()
    outcomes.read += 1
  } catch (error) {
    if (!(error instanceof IcebergError))
      throw new Error(`not an IcebergError for ${input.slice(0, 500)}`, { cause: error })
    const allowed = [
      'malformed-metadata',
      'malformed-json',
      'unsupported-format-version',
      'unsupported-type',
      'unsupported-transform',
    ]
    expect([input.slice(0, 200), allowed.includes(error.code), error.code]).toEqual([
      input.slice(0, 200),
      true,
      error.code,
    ])
    const inner = error.cause instanceof IcebergError ? error.cause.context : {}
    const where = ['field', 'offset', 'type', 'formatVersion'].map((name) => error.context[name] ?? inner[name])
    // What the decompressor or the text decoder refuses has no place in the text.
    const isDecoding = error.cause !== undefined && !(error.cause instanceof IcebergError)
    if (!isDecoding && where.every((place) => place === undefined)) {
      throw new Error(`it does not say where: ${error.message}`, { cause: error })
    }
    outcomes.refused += 1
  }
  const tookMs = performance.now() - startedMs
  if (tookMs > 10_000) throw new Error(`${Math.round(tookMs)} ms for ${input.slice(0, 200)}`)
}

function checkMetadata(input: string | Uint8Array, outcomes: Outcomes): void {
  const text = typeof input === 'string' ? input : Buffer.from(input).toString('latin1')
  let metadata: TableMetadata | undefined
  expectSound(text, outcomes, () => {
    try {
      metadata = parseTableMetadata(input, { file: '/t/v7.metadata.json' })
    } catch (error) {
      if (error instanceof IcebergError) {
        expect(`${error.message} ${String(error.context['file'])}`).toContain('/t/v7.metadata.json')
      }
      throw error
    }
  })
  // What can be read can be written, and comes back the same.
  if (metadata === undefined || text.length > 100_000) return
  expect(parseTableMetadata(serializeTableMetadata(metadata))).toEqual(metadata)
}

describe('damaged metadata', () => {
  it('gives an error with file and place, or metadata that comes back as it was written', () => {
    const random = new Random(11)
    const outcomes: Outcomes = { read: 0, refused: 0 }
    for (let run = 0; run < 4000; run++) {
      const seed = random.pick(metadataSeeds)
      const json = run % 2 === 0 ? damagedValue(random, seed) : undefined
      checkMetadata(
        json === undefined ? damagedText(random, stringifyJsonLossless(seed)) : stringifyJsonLossless(json),
        outcomes,
      )
    }
    // Both sides are reached, else the damage is too small or too great.
    expect(outcomes.read).toBeGreaterThan(300)
    expect(outcomes.refused).toBeGreaterThan(1500)
  }, 120_000)

  it('is refused when it is compressed and cut, or its bytes are changed', () => {
    const random = new Random(12)
    const outcomes: Outcomes = { read: 0, refused: 0 }
    const files = metadataSeeds.map((seed) => gzipSync(stringifyJsonLossless(seed)))
    for (let run = 0; run < 1000; run++) {
      const bytes = Uint8Array.from(random.pick(files))
      for (let edit = random.below(4); edit >= 0; edit--) bytes[random.below(bytes.length)] = random.below(256)
      const cut = random.below(3) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes
      checkMetadata(cut, outcomes)
    }
    expect(outcomes.refused).toBeGreaterThan(800)
  }, 60_000)

  it('does not grow without end when it is decompressed', { timeout: 60_000 }, () => {
    const bomb = gzipSync(new Uint8Array(80 * 1024 * 1024))
    expect(bomb.length).toBeLessThan(100_000)
    expect(gunzipSync(bomb).length).toBe(80 * 1024 * 1024)
    expect(() => parseTableMetadata(bomb, { file: '/bomb' })).toThrow(/\/bomb cannot be read: .*larger than/)
  })

  it('may nest and count as it likes', () => {
    const seed = metadataSeeds[1]!
    const texts = [
      `{"format-version":${'['.repeat(1_000_000)}`,
      `{"a":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_001)}`,
      '['.repeat(400) + ']'.repeat(400),
      stringifyJsonLossless({ ...seed, 'last-updated-ms': 10n ** 5000n }),
      stringifyJsonLossless({ ...seed, location: '\\"'.repeat(200_000) }),
      stringifyJsonLossless({
        ...seed,
        'partition-specs': [
          {
            'spec-id': 0,
            fields: Array.from({ length: 50_000 }, (_, n) => ({
              name: `f${n}`,
              transform: 'void',
              'source-id': 1,
              'field-id': 1000 + n,
            })),
          },
        ],
      }),
      `${' '.repeat(1_000_000)}{}`,
      `{"format-version":2,"location":"${'\\'.repeat(1_000_001)}`,
      `{"format-version":2,${'"a":"\\n",'.repeat(100_000)}`,
      '\\'.repeat(1_000_000),
      `${'1234567890'.repeat(100_000)}`,
    ]
    for (const text of texts) checkMetadata(text, { read: 0, refused: 0 })
  }, 60_000)
})

describe('other damaged text', () => {
  it('in name mappings, updates and requirements gives an error with its place', () => {
    const random = new Random(13)
    const outcomes: Outcomes = { read: 0, refused: 0 }
    for (let run = 0; run < 4000; run++) {
      if (run % 2 === 0) {
        const text =
          run % 4 === 0
            ? damagedText(random, nameMappingSeed)
            : stringifyJsonLossless(damagedValue(random, parseJsonLossless(nameMappingSeed)))
        expectSound(text, outcomes, () => {
          const mapping = parseNameMapping(text)
          expect(parseNameMapping(serializeNameMapping(mapping))).toEqual(mapping)
        })
      } else {
        const json = damagedValue(random, random.pick(updateSeeds))
        const isRequirement = isJsonObject(json) && Object.hasOwn(json, 'type')
        expectSound(stringifyJsonLossless(json), outcomes, () => {
          if (isRequirement) tableRequirementFromJson(json)
          else tableUpdateFromJson(json)
        })
      }
    }
    expect(outcomes.read).toBeGreaterThan(500)
    expect(outcomes.refused).toBeGreaterThan(1000)
  }, 60_000)

  it('in types and transforms takes no time', () => {
    const random = new Random(14)
    const outcomes: Outcomes = { read: 0, refused: 0 }
    const seeds = [
      'decimal(9, 2)',
      'fixed[16]',
      'geometry(srid:4326)',
      'geography(OGC:CRS84, karney)',
      'timestamptz_ns',
      'bucket[16]',
    ]
    const long = ['geometry(', 'geography(a,', 'decimal(', 'fixed[', 'bucket['].flatMap((start) => [
      start + ' '.repeat(200_000),
      start + '1'.repeat(200_000),
      `${start}a${' '.repeat(200_000)}a)`,
    ])
    const texts = [...long, ...Array.from({ length: 3000 }, () => damagedText(random, random.pick(seeds)))]
    for (const text of texts) {
      expectSound(text, outcomes, () => void parsePrimitiveType(text))
      expectSound(text, outcomes, () => void parseTransform(text))
    }
  })
})
