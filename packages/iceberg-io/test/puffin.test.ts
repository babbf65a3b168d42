import { readFile } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { seededRandom } from '@icebridge/columnar/testing'
import { InMemoryFileIO } from '@icebridge/iceberg-core/testing'
import {
  deletionVectorType,
  deserializeDeletionVector,
  IcebergIoError,
  PositionSet,
  PuffinReader,
  PuffinWriter,
  serializeDeletionVector,
} from '@icebridge/iceberg-io'
import { describe, expect, it } from 'vitest'

interface RoaringCase {
  readonly name: string
  readonly ranges: readonly (readonly [string, string, string])[]
  /** As CRoaring writes it. */
  readonly plain: string
  /** The same after `run_optimize`. */
  readonly runs: string
}

async function fixture<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8')) as T
}

const cases = await fixture<readonly RoaringCase[]>('roaring')
const puffin = await fixture<Record<'text' | 'none' | 'plainFooter' | 'compressedFooter', string>>('puffin')

function positionsOf({ ranges }: RoaringCase): bigint[] {
  return ranges.flatMap(([start, end, step]) => {
    const positions: bigint[] = []
    for (let at = BigInt(start); at < BigInt(end); at += BigInt(step)) positions.push(at)
    return positions
  })
}

/** The blob of a vector that CRoaring wrote. */
function blobOf(vector: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from('d1d33964', 'hex'), vector])
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(body.length)
  checksum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, checksum])
}

function malformed(reason: string): Error {
  return new IcebergIoError('malformed-file', reason)
}

const read = (blob: Uint8Array): PositionSet => deserializeDeletionVector(blob, malformed)

describe('PositionSet', { timeout: 60_000 }, () => {
  it('is the set that a plain one is, over random adds, ranges and unions', () => {
    const random = seededRandom(7)
    const below = (limit: number): number => Math.floor(random() * limit)
    for (let round = 0; round < 25; round++) {
      const sets = [0, 1].map(() => {
        const plain = new Set<number>()
        const positions = new PositionSet()
        for (let step = below(6); step >= 0; step--) {
          const start = below(4) * 65_536 + below(65_536) + (below(5) === 0 ? 2 ** 33 : 0)
          const [count, stride] = below(2) === 0 ? [below(9000), 1] : [below(6000), 1 + below(20)]
          const order = below(2) === 0 ? 1 : -1
          for (let index = 0; index < count; index++) {
            const at = start + (order === 1 ? index : count - 1 - index) * stride
            plain.add(at)
            positions.add(below(2) === 0 ? at : BigInt(at))
          }
        }
        if (below(2) === 0) positions.compact()
        return { plain, positions: below(2) === 0 ? read(serializeDeletionVector(positions)) : positions }
      })
      const [a, b] = sets
      const before = [...b!.positions].join()
      a!.positions.addAll(b!.positions)
      for (const at of b!.plain) a!.plain.add(at)
      expect([...b!.positions].join()).toBe(before)
      const expected = [...a!.plain].toSorted((x, y) => x - y)
      expect([...a!.positions].join()).toBe(expected.join())
      expect(a!.positions.cardinality).toBe(BigInt(expected.length))
      const probes = Array.from({ length: 200 }, (_, probe) =>
        probe % 2 === 0 ? below(300_000) : (expected[below(expected.length)] ?? 0),
      )
      expect(probes.filter((at) => a!.positions.has(at))).toEqual(probes.filter((at) => a!.plain.has(at)))
      const first = below(300_000)
      const mask = new Uint8Array(below(70_000))
      const some = a!.positions.mark(first, mask)
      const marked = Array.from(mask, (bit, index) => bit === 1 && first + index).filter((at) => at !== false)
      expect(marked.join()).toBe(expected.filter((at) => at >= first && at < first + mask.length).join())
      expect(some).toBe(marked.length > 0)
    }
  })

  it('refuses what is no position', () => {
    for (const position of [-1, -1n, 1.5, 2 ** 53, 2n ** 63n, Number.NaN]) {
      expect(() => new PositionSet().add(position)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
    }
    expect(PositionSet.of([2n ** 63n - 1n]).has(2n ** 63n - 1n)).toBe(true)
  })
})

describe('a deletion vector', { timeout: 60_000 }, () => {
  it.each(cases)('of CRoaring is read and written: $name', (one) => {
    const positions = positionsOf(one)
    for (const bytes of [one.plain, one.runs]) {
      const set = read(blobOf(Buffer.from(bytes, 'base64')))
      expect([...set].join()).toBe(positions.join())
      expect(set.cardinality).toBe(BigInt(positions.length))
    }
    // Written with runs where they are shorter: byte for byte what CRoaring writes.
    expect(serializeDeletionVector(PositionSet.of(positions)).toString('hex')).toBe(
      blobOf(Buffer.from(one.runs, 'base64')).toString('hex'),
    )
  })

  it('that is damaged gives an error or another set, never anything else, whatever byte is wrong', () => {
    const random = seededRandom(11)
    for (const one of cases) {
      const vector = Buffer.from(one.runs, 'base64')
      for (let round = 0; round < 40; round++) {
        const damaged = Buffer.from(vector)
        for (let hits = Math.floor(random() * 3); hits >= 0; hits--) {
          // Headers are at the beginning: most damage goes there.
          const at = Math.floor(random() * (random() < 0.7 ? Math.min(40, damaged.length) : damaged.length))
          damaged[at] = Math.floor(random() * 256)
        }
        const cut = random() < 0.3 ? damaged.subarray(0, Math.floor(random() * damaged.length)) : damaged
        try {
          const set = read(blobOf(cut))
          let last = -1n
          let count = 0n
          for (const position of set) {
            if (position <= last) throw new Error('positions do not ascend')
            last = position
            count++
          }
          expect(set.cardinality).toBe(count)
        } catch (error) {
          expect(error).toBeInstanceOf(IcebergIoError)
        }
      }
      expect(() => read(vector)).toThrow(IcebergIoError)
    }
  })

  it('with a wrong length, magic number or checksum is refused', () => {
    const blob = serializeDeletionVector(PositionSet.of([1, 2, 3]))
    for (const [at, reason] of [
      [0, /claims/],
      [5, /magic/],
      [20, /checksum/],
      [blob.length - 1, /checksum/],
    ] as const) {
      const damaged = Buffer.from(blob)
      damaged[at] = (damaged[at] ?? 0) ^ 1
      expect(() => read(damaged)).toThrow(reason)
    }
    expect(() => read(blob.subarray(0, 8))).toThrow(/too short/)
  })
})

async function open(bytes: Uint8Array): Promise<PuffinReader> {
  const io = new InMemoryFileIO()
  io.files.set('/f.puffin', bytes)
  return PuffinReader.open(io, '/f.puffin')
}

describe('a Puffin file', { timeout: 60_000 }, () => {
  it.each(['plainFooter', 'compressedFooter'] as const)('of another writer is read: %s', async (name) => {
    const reader = await open(Buffer.from(puffin[name], 'base64'))
    const [vector, ...texts] = reader.footer.blobs
    expect(vector).toMatchObject({
      type: deletionVectorType,
      snapshotId: -1n,
      sequenceNumber: -1n,
      fields: [2147483645],
      properties: { cardinality: '3', 'referenced-data-file': '/lake/a.parquet' },
    })
    expect([...read(await reader.read(vector!))]).toEqual([1n, 4n, 7n])
    expect(texts.map((blob) => blob.codec)).toEqual(['lz4', 'zstd', undefined])
    for (const blob of texts) expect(Buffer.from(await reader.read(blob)).toString()).toBe(puffin.text)
    expect(reader.footer.properties).toEqual({ 'created-by': 'generate.py' })
  })

  it('without blobs is read', async () => {
    expect((await open(Buffer.from(puffin.none, 'base64'))).footer.blobs).toEqual([])
  })

  it('is written so that it reads back, with a footer longer than the first request', async () => {
    const io = new InMemoryFileIO()
    const writer = await PuffinWriter.create(io, '/w.puffin')
    const contents = Array.from({ length: 200 }, (_, index) => Buffer.from(`blob ${index} `.repeat(index)))
    for (const [index, bytes] of contents.entries()) {
      await writer.add({
        type: 'text',
        fields: [index],
        snapshotId: 2n ** 62n,
        sequenceNumber: BigInt(index),
        properties: { index: String(index) },
        bytes,
        codec: index % 2 === 0 ? 'zstd' : undefined,
      })
    }
    const { sizeBytes } = await writer.close()
    expect(io.files.get('/w.puffin')!.length).toBe(sizeBytes)
    const reader = await PuffinReader.open(io, '/w.puffin', { sizeBytes })
    expect(reader.footer.properties['created-by']).toBe('icebridge')
    expect(reader.footer.blobs.map((blob) => [blob.fields[0], blob.snapshotId, blob.properties['index']])).toEqual(
      contents.map((_, index) => [index, 2n ** 62n, String(index)]),
    )
    for (const [index, blob] of reader.footer.blobs.entries()) {
      expect(Buffer.from(await reader.read(blob)).equals(contents[index]!)).toBe(true)
    }
  })

  it('refuses a blob that would decompress to more than allowed, and a codec that it does not know', async () => {
    const io = new InMemoryFileIO()
    io.files.set('/f.puffin', Buffer.from(puffin.plainFooter, 'base64'))
    const reader = await PuffinReader.open(io, '/f.puffin', { mostBlobBytes: 1000 })
    const [, lz4, zstd] = reader.footer.blobs
    await expect(reader.read(lz4!)).rejects.toMatchObject({ code: 'malformed-file', context: { file: '/f.puffin' } })
    await expect(reader.read(zstd!)).rejects.toMatchObject({ code: 'malformed-file' })
    await expect(reader.read({ ...zstd!, codec: 'lzma' })).rejects.toMatchObject({ code: 'unsupported-file' })
    await expect(reader.read({ ...zstd!, offset: -1n })).rejects.toMatchObject({ code: 'malformed-file' })
    await expect(reader.read({ ...zstd!, length: 2n ** 60n })).rejects.toMatchObject({ code: 'malformed-file' })
  })

  it('that is damaged gives an error that names it, or content, and never hangs', async () => {
    const random = seededRandom(5)
    let refused = 0
    for (const name of ['plainFooter', 'compressedFooter', 'none'] as const) {
      const whole = Buffer.from(puffin[name], 'base64')
      for (let round = 0; round < 400; round++) {
        const damaged = Buffer.from(whole)
        const near = random() < 0.5 ? Math.min(60, damaged.length) : damaged.length
        for (let hits = Math.floor(random() * 4); hits >= 0; hits--) {
          damaged[damaged.length - 1 - Math.floor(random() * near)] = Math.floor(random() * 256)
        }
        const cut = random() < 0.2 ? damaged.subarray(Math.floor(random() * damaged.length)) : damaged
        try {
          const reader = await open(cut)
          for (const blob of reader.footer.blobs) await reader.read(blob)
        } catch (error) {
          refused++
          expect(error).toMatchObject({ name: 'IcebergIoError', message: expect.stringContaining('/f.puffin') })
        }
      }
    }
    expect(refused).toBeGreaterThan(300)
  })
})
