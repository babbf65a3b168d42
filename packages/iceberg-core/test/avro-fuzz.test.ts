import { describe, expect, it } from 'vitest'
import {
  currentSnapshot,
  isIcebergError,
  openTable,
  planScan,
  readManifest,
  readManifestList,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { type Codec, decode, encode } from './avro-container.ts'
import { dataFile, Lake } from './lake.ts'
import { Random } from './random.ts'

/** Numbers that Avro data may claim to hold: counts and lengths from nothing to beyond 64 bits. */
const varints = [
  '00',
  '01',
  '02',
  '7e',
  'fe01',
  'ffffffff0f',
  'feffffff0f',
  'feffffffffffffffff01',
  'ffffffffffffffffffffff',
]

/** Bytes changed, cut off, taken out, put in or repeated, a few times over. */
function mutate(random: Random, intact: Uint8Array): Uint8Array {
  let bytes = Buffer.from(intact)
  for (let edits = 1 + random.below(4); edits > 0 && bytes.length > 0; edits--) {
    const at = random.below(bytes.length)
    const after = Math.min(bytes.length, at + random.below(40))
    const piece = Buffer.from(random.pick(varints), 'hex')
    bytes = random.pick([
      () => Buffer.concat([bytes.subarray(0, at), Buffer.from([random.below(256)]), bytes.subarray(at + 1)]),
      () => Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + piece.length)]),
      () => Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]),
      () => Buffer.concat([bytes.subarray(0, after), bytes.subarray(at)]),
      () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(after)]),
      () => bytes.subarray(0, at),
    ])()
  }
  return new Uint8Array(bytes)
}

/** A part of a schema replaced by another part of it, or by something that is none. */
function mutateJson(random: Random, value: unknown, parts: readonly unknown[]): unknown {
  if (random.below(12) === 0)
    return random.pick([...parts, null, 0, 'x', 'long', [], {}, { type: 'record', fields: [] }])
  if (Array.isArray(value)) return value.map((item) => mutateJson(random, item, parts))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mutateJson(random, item, parts)]))
}

function partsOf(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [value]
  return [value, ...Object.values(value).flatMap(partsOf)]
}

async function written(formatVersion: 2 | 3) {
  const spec = {
    specId: 0,
    fields: [{ sourceIds: [3], fieldId: 1000, name: 'name', transform: { kind: 'identity' } as const }],
  }
  const lake = await Lake.create({ formatVersion, partitionSpec: spec })
  const table = await lake.table()
  const file = (n: number) => dataFile(table, `/data/${n}`, [{ id: BigInt(n), name: `n${n % 3}`, score: n }])
  await lake.append({ files: Array.from({ length: 5 }, (_, n) => ({ ...file(n), splitOffsets: [4n] })) })
  const after = await lake.append({ files: [file(9)] })
  const { metadata } = after.loaded
  const snapshot = currentSnapshot(metadata)!
  const [manifest] = await readManifestList(lake.io, snapshot, { metadata })
  return { lake, table: after, manifest: manifest!, snapshot }
}

async function drain(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of items) count++
  return count
}

/** Reads, and expects either success or an error that names the file and where in it. Gives whether it was refused. */
async function refused(read: () => Promise<unknown>, path: string): Promise<boolean> {
  const before = performance.now()
  try {
    await read()
    return false
  } catch (error) {
    if (!isIcebergError(error, 'malformed-manifest')) throw error
    expect(error.context).toMatchObject({ file: path, offset: expect.any(Number) })
    return true
  } finally {
    expect(performance.now() - before).toBeLessThan(5000)
  }
}

describe('damaged manifests and manifest lists', () => {
  for (const codec of ['null', 'deflate', 'zstandard', 'snappy'] as Codec[]) {
    it(
      `in codec ${codec} give an error with file and place, soon and within memory`,
      { timeout: 120_000 },
      async () => {
        const random = new Random(2026)
        for (const formatVersion of [2, 3] as const) {
          const { lake, table, manifest, snapshot } = await written(formatVersion)
          const { metadata } = table.loaded
          for (const path of [manifest.path, snapshot.manifestList]) {
            const { meta, records } = await decode(lake.io.files.get(path)!)
            const { 'avro.schema': schema, 'avro.codec': _, ...rest } = meta
            const intact = encode(JSON.parse(schema!), records, { codec, meta: rest })
            const read = async (): Promise<unknown> =>
              path === manifest.path
                ? await drain(readManifest(lake.io, manifest, { metadata }))
                : await readManifestList(lake.io, snapshot, { metadata })
            lake.io.files.set(path, intact)
            expect(await refused(read, path)).toBe(false)
            let count = 0
            for (let run = 0; run < 600; run++) {
              lake.io.files.set(path, mutate(random, intact))
              if (await refused(read, path)) count++
            }
            expect(count).toBeGreaterThan(200)
          }
        }
        // Far above what the few kilobytes need, far below what their counts and lengths claim.
        expect(process.memoryUsage.rss()).toBeLessThan(1 << 30)
      },
    )
  }

  it('with damaged Avro schemas give an error with file and place', { timeout: 120_000 }, async () => {
    const random = new Random(7)
    const { lake, table, manifest, snapshot } = await written(3)
    const { metadata } = table.loaded
    for (const path of [manifest.path, snapshot.manifestList]) {
      const { meta, records } = await decode(lake.io.files.get(path)!)
      const schema: unknown = JSON.parse(meta['avro.schema']!)
      const intact = encode(schema, records)
      const text = JSON.stringify(schema)
      const start = Buffer.from(intact).indexOf(text)
      const parts = partsOf(schema)
      const read = async (): Promise<unknown> =>
        path === manifest.path
          ? await drain(readManifest(lake.io, manifest, { metadata }))
          : await readManifestList(lake.io, snapshot, { metadata })
      let count = 0
      for (let run = 0; run < 1500; run++) {
        // Of the same length, so that what follows stays where it is.
        const changed = JSON.stringify(mutateJson(random, schema, parts)).padEnd(text.length)
        if (Buffer.byteLength(changed) > text.length) continue
        const bytes = Buffer.from(intact)
        bytes.write(changed, start)
        lake.io.files.set(path, new Uint8Array(bytes))
        if (await refused(read, path)) count++
      }
      expect(count).toBeGreaterThan(300)
      lake.io.files.set(path, intact)
    }
  })

  it('stop a scan, and name the file that is damaged', { timeout: 120_000 }, async () => {
    const random = new Random(11)
    const { lake, manifest, snapshot } = await written(2)
    for (const path of [manifest.path, snapshot.manifestList]) {
      const intact = lake.io.files.get(path)!
      let count = 0
      for (let run = 0; run < 300; run++) {
        lake.io.files.set(path, mutate(random, intact))
        const table: TableHandle = await openTable(lake.catalog, lake.identifier, lake.io)
        try {
          await drain(planScan(table))
        } catch (error) {
          // A list may name another file after the damage.
          if (!isIcebergError(error)) throw error
          expect(['malformed-manifest', 'malformed-metadata', 'not-found']).toContain(error.code)
          count++
        }
      }
      expect(count).toBeGreaterThan(100)
      lake.io.files.set(path, intact)
    }
  })

  it('whose data nests without end are refused', async () => {
    const { lake, table, manifest } = await written(2)
    const { meta, records } = await decode(lake.io.files.get(manifest.path)!)
    const schema = JSON.parse(meta['avro.schema']!) as { fields: unknown[] }
    const chain = { type: 'record', name: 'chain', fields: [{ name: 'next', type: ['null', 'chain'] }] }
    schema.fields.unshift({ name: 'chain', type: chain })
    const bytes = encode(schema, [{ ...(records[0] as object), chain: { next: null } }])
    // The record's first byte says that the chain ends: instead it goes on and on.
    const block = Buffer.from(bytes)
    const deep = Buffer.alloc(1 << 20, 2)
    const length = block.lastIndexOf(Buffer.alloc(16, 7))
    const start = block.indexOf(Buffer.alloc(16, 7)) + 16
    const damagedBlock = Buffer.concat([
      block.subarray(0, start),
      Buffer.from([2]),
      Buffer.from([0x80, 0x80, 0x80, 0x01]),
      deep,
      block.subarray(length),
    ])
    lake.io.files.set(manifest.path, new Uint8Array(damagedBlock))
    const read = (): Promise<number> => drain(readManifest(lake.io, manifest, { metadata: table.loaded.metadata }))
    expect(await refused(read, manifest.path)).toBe(true)
  })
})
