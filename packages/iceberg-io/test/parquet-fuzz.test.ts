import { readFileSync } from 'node:fs'
import { seededRandom } from '@icebridge/columnar/testing'
import { bindExpression, type FileIO, gteq, isNull, or } from '@icebridge/iceberg-core'
import { IcebergIoError, type ParquetRead, readParquet } from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'
import { golden } from './golden-parquet.ts'

const files = [
  'codec-none-v1',
  'codec-snappy-v2',
  'codec-zstd-v1',
  'codec-gzip-v1',
  'codec-brotli-v2',
  'codec-lz4-v1',
  'encodings-v1',
  'encodings-v2',
  'lz4-hadoop',
  'nested-pages',
  'nested-v2',
  'pages',
  'pages-v1',
  'int96',
  'list-of-lists-two-levels',
]

/** The file's bytes wherever it is asked for. */
function ioOf(bytes: Uint8Array): FileIO {
  return {
    read: async (_path, options) => bytes.subarray(options?.range?.start, options?.range?.end),
    stat: async () => ({ sizeBytes: bytes.length }),
  } as Partial<FileIO> as FileIO
}

async function count(path: string, bytes: Uint8Array, { fields, filter }: Read): Promise<number> {
  let rows = 0
  for await (const batch of readParquet(ioOf(bytes), path, { fields, filter })) {
    rows += batch.numRows
    if (rows > 1_000_000) throw new Error('a damaged file gives rows without end')
  }
  return rows
}

type Read = Pick<ParquetRead, 'fields' | 'filter'>

type Mutate = (bytes: Buffer, random: () => number) => Uint8Array

const footerStart = (bytes: Buffer): number => bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8)
const below = (random: () => number, most: number): number => Math.floor(random() * most)

const mutations: Readonly<Record<string, Mutate>> = {
  'bytes anywhere': (bytes, random) => {
    for (let times = below(random, 4); times >= 0; times--) bytes[below(random, bytes.length)] = below(random, 256)
    return bytes
  },
  'bits of the footer': (bytes, random) => {
    const start = footerStart(bytes)
    for (let times = below(random, 3); times >= 0; times--) {
      const at = start + below(random, bytes.length - start)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8))
    }
    return bytes
  },
  'a run of large bytes': (bytes, random) => {
    const at = below(random, bytes.length - 8)
    bytes.fill(0xff, at, at + 1 + below(random, 6))
    return bytes
  },
  'bytes of the first page header': (bytes, random) => {
    bytes[4 + below(random, 24)] = below(random, 256)
    return bytes
  },
  'its end': (bytes, random) => bytes.subarray(0, below(random, bytes.length)),
  'a piece taken out': (bytes, random) => {
    const start = below(random, bytes.length)
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + 1 + below(random, 20))])
  },
}

const rounds = Number(process.env['ICEBRIDGE_FUZZ_ROUNDS'] ?? '40')

describe('a damaged Parquet file', () => {
  it.each(files)(
    '%s is read, or refused by its name, in bounded time and memory',
    { timeout: 120_000 },
    async (name) => {
      const file = golden(name)
      const sound = readFileSync(file.path)
      let refused = 0
      // Every other time by the page index, where there is one.
      const [column] = file.fields.filter(({ type }) => type === 'long')
      const expression = column === undefined ? undefined : or(gteq(column.name, 50n), isNull(column.name))
      const filter = expression === undefined ? undefined : bindExpression(expression, file)
      for (const [kind, mutate] of Object.entries(mutations)) {
        for (let round = 0; round < rounds; round++) {
          const random = seededRandom(round * 7919 + kind.length)
          const damaged = mutate(Buffer.from(sound), random)
          const seed = `${kind}, round ${round}`
          const before = performance.now()
          try {
            await count(file.path, damaged, { fields: file.fields, filter: round % 2 === 0 ? filter : undefined })
          } catch (error) {
            if (!(error instanceof IcebergIoError) || !error.message.includes(file.path)) {
              throw new Error(`${seed}: ${String(error)}`, { cause: error })
            }
            expect(['malformed-file', 'unsupported-file'], seed).toContain(error.code)
            refused++
          }
          expect(performance.now() - before, seed).toBeLessThan(10_000)
        }
      }
      // The mutations do reach the reader.
      expect(refused).toBeGreaterThan(rounds)
      expect(process.resourceUsage().maxRSS / 1024).toBeLessThan(1500)
    },
  )
})

describe('an encrypted Parquet file', () => {
  it('is refused by name', async () => {
    const file = golden('codec-none-v1')
    const bytes = Uint8Array.from(readFileSync(file.path))
    bytes.set(Buffer.from('PARE'), bytes.length - 4)
    await expect(count(file.path, bytes, { fields: file.fields, filter: undefined })).rejects.toMatchObject({
      code: 'unsupported-file',
      message: expect.stringMatching(/codec-none-v1\S* .*encrypted/),
    })
  })
})
