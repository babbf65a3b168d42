import { describe, expect, it } from 'vitest'
import {
  type DataFile,
  type OrphanFiles,
  type RemoveOrphanFiles,
  type RemoveOrphanOptions,
  removeOrphanFiles,
  updateProperties,
  updateStatistics,
} from '@icebridge/iceberg-core'
import { dataFile, events, Lake } from './lake.ts'
import { commitRaw } from './raw-snapshot.ts'

const dayMs = 86_400_000

async function remove(
  lake: Lake,
  change: RemoveOrphanFiles = {},
  options: Partial<RemoveOrphanOptions> = {},
): Promise<OrphanFiles> {
  return await removeOrphanFiles(await lake.table(), change, { environment: lake.environment, ...options })
}

/** Puts a file there, four days old or as old as is said. */
function put(lake: Lake, path: string, ageMs = 4 * dayMs): string {
  lake.io.files.set(path, new Uint8Array(3))
  lake.io.modifiedMs.set(path, lake.environment.clockMs - ageMs)
  return path
}

/** A table at /warehouse/db/events with a snapshot, all of whose files are there and old. */
async function oldLake(): Promise<Lake> {
  const lake = await Lake.create()
  for (const name of ['a', 'b']) {
    const path = put(lake, `/warehouse/db/events/data/${name}.parquet`)
    await lake.append({ files: [dataFile(await lake.table(), path, [{ id: 1n }])] })
  }
  return lake
}

describe('orphan files', () => {
  it('are what no snapshot, no log and no statistics name, and nothing else', async () => {
    const lake = await oldLake()
    const snapshotId = (await lake.table()).loaded.metadata.currentSnapshotId!
    const statistics = put(lake, '/warehouse/db/events/metadata/s.puffin')
    const set = [{ snapshotId, path: statistics, fileSizeBytes: 3n, footerSizeBytes: 1n, blobs: [] }]
    await updateStatistics(await lake.table(), { set }, lake)
    const used = [...lake.io.files.keys()]
    const orphans = [
      '/warehouse/db/events/data/lost.parquet',
      '/warehouse/db/events/metadata/snap-1-0-x.avro',
      '/warehouse/db/events/_p=1/lost.parquet',
      '/warehouse/db/events/stray',
    ].map((path) => put(lake, path))
    const others = [
      '/warehouse/db/events/.hidden/x',
      '/warehouse/db/events/_SUCCESS',
      '/warehouse/db/events/metadata/version-hint.text',
      '/warehouse/db/events2/data/x',
    ].map((path) => put(lake, path))
    const young = put(lake, '/warehouse/db/events/data/young.parquet', 2 * dayMs)
    const seen: string[] = []
    const dry = await remove(lake, { dryRun: true, onOrphan: (file) => seen.push(file.path) })
    expect(dry).toMatchObject({ orphanCount: 4, orphanBytes: 12n, deletedCount: 0, failureCount: 0 })
    expect(seen.sort()).toEqual(orphans.toSorted())
    expect([...dry.orphans].sort()).toEqual(orphans.toSorted())
    expect((await remove(lake)).deletedCount).toBe(4)
    expect([...lake.io.files.keys()].sort()).toEqual([...used, ...others, young].sort())
    expect((await remove(lake, { olderThanMs: lake.environment.clockMs })).orphans).toEqual([young])
    expect(await lake.scan()).toHaveLength(2)
  })

  it('are found a few at a time all the same', async () => {
    const lake = await oldLake()
    for (let n = 0; n < 20; n++) put(lake, `/warehouse/db/events/data/lost-${n}`)
    const used = lake.io.files.size - 20
    expect((await remove(lake, {}, { maxPathsInMemory: 3, concurrency: 2 })).deletedCount).toBe(20)
    expect(lake.io.files.size).toBe(used)
  })

  it('are not the metadata files of a past that the log no longer reaches', async () => {
    const lake = await Lake.create({ properties: { 'write.metadata.previous-versions-max': '2' } })
    for (let n = 0; n < 9; n++) await updateProperties(await lake.table(), { set: { n: String(n) } }, lake)
    expect(lake.io.files.size).toBe(10)
    expect((await remove(lake)).orphanCount).toBe(0)
    // A commit that failed left one that nobody names.
    const { metadataLocation } = (await lake.table()).loaded
    const failed = metadataLocation.replace(/\/(\d+)-[^/]+\.metadata/, '/$1-failed.metadata')
    lake.io.files.set(failed, lake.io.files.get(metadataLocation)!)
    expect((await remove(lake)).orphans).toEqual([failed])
  })

  it('are not files that are committed while it looks', async () => {
    const lake = await oldLake()
    const late = put(lake, '/warehouse/db/events/data/late.parquet')
    const list = lake.io.list.bind(lake.io)
    let listings = 0
    lake.io.list = async function* (...args) {
      yield* list(...args)
      if (++listings === 2) await lake.append({ files: [dataFile(await lake.table(), late, [{ id: 3n }])] })
    }
    expect((await remove(lake)).orphanCount).toBe(0)
    expect(await lake.scan()).toContain(late)
  })

  it('are reported when they cannot be deleted', async () => {
    const lake = await oldLake()
    const lost = put(lake, '/warehouse/db/events/data/lost')
    put(lake, '/warehouse/db/events/data/lost2')
    lake.io.undeletable.add(lost)
    expect(await remove(lake)).toMatchObject({ orphanCount: 2, deletedCount: 1, failures: [{ path: lost }] })
  })

  it("are a store's temporary files when it says which they are", async () => {
    const lake = await oldLake()
    const temporary = put(lake, '/warehouse/db/events/data/.tmp-1')
    put(lake, '/warehouse/db/events/data/.keep')
    expect((await remove(lake, { isTemporary: (path) => path.includes('/.tmp-') })).orphans).toEqual([temporary])
  })
})

describe('a file that metadata spells otherwise', () => {
  async function spelled(location: string, spelling: (path: string) => string): Promise<Lake> {
    const lake = await Lake.create({ location })
    const path = put(lake, `${location}/data/x y.parquet`)
    const file: DataFile = { ...dataFile(await lake.table(), path, [{ id: 1n }]), filePath: spelling(path) }
    await commitRaw(lake, { snapshotId: 1n, operation: 'append', manifests: [[{ file }]] })
    return lake
  }

  it('is known under equal schemes, as a URI and percent-encoded', async () => {
    for (const [location, spelling] of [
      ['s3://bucket/t', (path: string) => path.replace('s3:', 's3a:')],
      ['/lake/t', (path: string) => `file://${path}`],
      ['/lake/t', (path: string) => `file:${path.replace(' ', '%20')}`],
      [
        'abfss://c@acc.dfs.core.windows.net/t',
        (path: string) => path.replace('abfss', 'wasbs').replace('.dfs.', '.blob.'),
      ],
    ] as const) {
      expect([location, (await remove(await spelled(location, spelling))).orphanCount]).toEqual([location, 0])
    }
  })

  it('is an error under another root, unless it is to be kept or deleted', async () => {
    for (const [location, spelling] of [
      ['s3://bucket/t', (path: string) => path.replace('bucket', 'other')],
      ['/link/t', (path: string) => path.replace('/link', '/mnt/disk')],
      ['hdfs://old:8020/t', (path: string) => path.replace('old:8020', 'new:8020')],
    ] as const) {
      const lake = await spelled(location, spelling)
      await expect(remove(lake)).rejects.toThrow(/differ in what they begin with/)
      expect(lake.io.files.has(`${location}/data/x y.parquet`)).toBe(true)
      expect((await remove(lake, { prefixMismatch: 'keep' })).orphanCount).toBe(0)
      expect((await remove(lake, { prefixMismatch: 'delete' })).deletedCount).toBe(1)
    }
  })

  it('is no mismatch when it is another file of the table that ends alike', async () => {
    const lake = await Lake.create()
    const live = put(lake, '/warehouse/db/events/old/data/x')
    await lake.append({ files: [dataFile(await lake.table(), live, [{ id: 1n }])] })
    const orphan = put(lake, '/warehouse/db/events/data/x')
    expect((await remove(lake)).orphans).toEqual([orphan])
    const inside = put(lake, '/warehouse/db/events/data/sub/x')
    const found = await remove(lake, { location: '/warehouse/db/events/data/sub' })
    expect(found.orphans).toEqual([inside])
  })
})

describe('nothing is deleted', () => {
  it('when another table lives under the location', async () => {
    const lake = await oldLake()
    const lost = put(lake, '/warehouse/db/events/data/lost')
    await lake.catalog.createTable(
      { namespace: ['db'], name: 'inner' },
      { schema: events, location: '/warehouse/db/events/inner' },
    )
    await expect(remove(lake)).rejects.toThrow(/also holds another table/)
    expect(lake.io.files.has(lost)).toBe(true)
    expect((await remove(lake, { location: '/warehouse/db/events/data' })).orphans).toEqual([lost])
  })

  it('when a metadata file cannot be read', async () => {
    const lake = await oldLake()
    const broken = put(lake, '/warehouse/db/events/metadata/00009-x.metadata.json')
    await expect(remove(lake)).rejects.toThrow(/nobody knows whose/)
    expect(lake.io.files.has(broken)).toBe(true)
  })

  it('when a manifest of the table cannot be read', async () => {
    const lake = await oldLake()
    const lost = put(lake, '/warehouse/db/events/data/lost')
    for (const path of lake.metadataFiles().filter((name) => name.includes('-m0'))) lake.io.files.delete(path)
    await expect(remove(lake)).rejects.toMatchObject({ code: 'not-found' })
    expect(lake.io.files.has(lost)).toBe(true)
  })

  it('when the table shares its files, or the location is a whole disk', async () => {
    const lake = await oldLake()
    await expect(remove(lake, { location: '/' })).rejects.toThrow(/no folder/)
    await expect(remove(lake, { location: 's3://' })).rejects.toThrow(/no folder/)
    await updateProperties(await lake.table(), { set: { 'gc.enabled': 'false' } }, lake)
    await expect(remove(lake)).rejects.toThrow(/gc.enabled is false/)
  })
})
