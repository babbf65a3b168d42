import { describe, expect, it } from 'vitest'
import {
  createBranch,
  createTag,
  currentSnapshot,
  type DataFile,
  expireSnapshots,
  type ExpireOptions,
  type ExpireOutcome,
  type ExpireSnapshots,
  planScan,
  readManifest,
  readManifestList,
  rollbackTo,
  type Snapshot,
  type TableHandle,
  updatePartitionSpec,
  updateProperties,
  updateRefRetention,
  updateSchema,
  updateStatistics,
} from '@icebridge/iceberg-core'
import { dataFile, Lake } from './lake.ts'
import { Random } from './random.ts'
import { commitRaw, deletionVector, positionDeletes, type RawEntry } from './raw-snapshot.ts'

type Expired = Extract<ExpireOutcome, { readonly status: 'committed' }>

async function expire(lake: Lake, selection: ExpireSnapshots, options: Partial<ExpireOptions> = {}): Promise<Expired> {
  const outcome = await expireSnapshots(await lake.table(), selection, { environment: lake.environment, ...options })
  if (outcome.status !== 'committed') throw new Error(`expire: ${outcome.status}`)
  return outcome
}

/** A data file that is there. */
function stored(lake: Lake, table: TableHandle, path: string, id = 1n): DataFile {
  lake.io.files.set(path, new Uint8Array(1))
  return dataFile(table, path, [{ id }])
}

/** Appends one-file snapshots; the ids. */
async function grow(lake: Lake, ...paths: string[]): Promise<bigint[]> {
  const ids: bigint[] = []
  for (const path of paths) {
    const after = await lake.append({ files: [stored(lake, await lake.table(), path)] })
    ids.push(currentSnapshot(after.loaded.metadata)!.snapshotId)
  }
  return ids
}

async function liveEntries(lake: Lake): Promise<RawEntry[]> {
  const { metadata } = (await lake.table()).loaded
  const head = currentSnapshot(metadata)
  const entries: RawEntry[] = []
  for (const manifest of head === undefined ? [] : await readManifestList(lake.io, head, { metadata })) {
    for await (const { status, file, sequenceNumber, snapshotId } of readManifest(lake.io, manifest, { metadata })) {
      if (status !== 'deleted') entries.push({ status: 'existing', file, sequenceNumber, snapshotId })
    }
  }
  return entries
}

/** Everything that the table refers to, metadata files excepted. */
async function reachable(lake: Lake): Promise<Set<string>> {
  const { metadata } = (await lake.table()).loaded
  const paths = new Set<string>()
  for (const snapshot of metadata.snapshots) {
    paths.add(snapshot.manifestList)
    for (const manifest of await readManifestList(lake.io, snapshot, { metadata })) {
      paths.add(manifest.path)
      for await (const entry of readManifest(lake.io, manifest, { metadata })) {
        if (entry.status !== 'deleted') paths.add(entry.file.filePath)
      }
    }
  }
  return paths
}

const filesIn = (lake: Lake): string[] =>
  [...lake.io.files.keys()].filter((path) => !path.endsWith('.metadata.json')).sort()
const idsIn = async (lake: Lake): Promise<bigint[]> =>
  (await lake.table()).loaded.metadata.snapshots.map((snapshot: Snapshot) => snapshot.snapshotId)

describe('which snapshots expire', () => {
  it('old ones beyond those to retain, five days and one by default', async () => {
    const lake = await Lake.create()
    const [first, second] = await grow(lake, '/a', '/b')
    lake.environment.clockMs += 432_000_000 - 1000
    const [third] = await grow(lake, '/c')
    expect((await expire(lake, {})).expiredSnapshotIds).toEqual([])
    lake.environment.clockMs += 2000
    expect((await expire(lake, {})).expiredSnapshotIds).toEqual([first, second])
    expect(await idsIn(lake)).toEqual([third])
    lake.environment.clockMs += 1e12
    expect((await expire(lake, {})).expiredSnapshotIds).toEqual([])
    expect(await lake.scan()).toEqual(['/c', '/b', '/a'])
  })

  it('as the properties of the table say', async () => {
    const lake = await Lake.create({
      properties: { 'history.expire.max-snapshot-age-ms': '1000', 'history.expire.min-snapshots-to-keep': '2' },
    })
    const [first] = await grow(lake, '/a', '/b', '/c')
    lake.environment.clockMs += 2000
    expect((await expire(lake, {})).expiredSnapshotIds).toEqual([first])
    expect((await expire(lake, { retainLast: 1 })).expiredSnapshotIds).toHaveLength(1)
    await updateProperties(await lake.table(), { set: { 'history.expire.min-snapshots-to-keep': 'few' } }, lake)
    await expect(expire(lake, {})).rejects.toThrow(/is few, which is no number/)
    await expect(expire(lake, { retainLast: 0 })).rejects.toThrow(/1 or more/)
  })

  it('as branches and tags say of themselves, and main never', async () => {
    const lake = await Lake.create()
    const [first, second, third, fourth] = await grow(lake, '/a', '/b', '/c', '/d')
    const at = (snapshotId: bigint | undefined) => ({ at: { snapshotId: snapshotId! } })
    await createTag(await lake.table(), { name: 'kept', ...at(first) }, lake)
    await createTag(await lake.table(), { name: 'short', ...at(second), maxRefAgeMs: 1000n }, lake)
    await createBranch(await lake.table(), { name: 'long', ...at(third), minSnapshotsToKeep: 2 }, lake)
    await updateRefRetention(await lake.table(), { name: 'main', maxSnapshotAgeMs: 1n }, lake)
    lake.environment.clockMs += 5000
    const { expiredRefs, expiredSnapshotIds } = await expire(lake, { olderThanMs: lake.environment.clockMs })
    expect(expiredRefs).toEqual(['short'])
    // The second is among the first two of the branch, though its tag has gone.
    expect(expiredSnapshotIds).toEqual([])
    expect(await idsIn(lake)).toEqual([first, second, third, fourth])
    await updateRefRetention(await lake.table(), { name: 'long', minSnapshotsToKeep: 1 }, lake)
    expect((await expire(lake, { olderThanMs: lake.environment.clockMs })).expiredSnapshotIds).toEqual([second])
    await updateProperties(await lake.table(), { set: { 'history.expire.max-ref-age-ms': '10' } }, lake)
    const all = await expire(lake, { olderThanMs: lake.environment.clockMs })
    expect([all.expiredRefs, all.expiredSnapshotIds]).toEqual([
      ['kept', 'long'],
      [first, third],
    ])
    expect(await idsIn(lake)).toEqual([fourth])
  })

  it('snapshots by id alone, unless a branch or tag names them', async () => {
    const lake = await Lake.create()
    const [first, second, third] = await grow(lake, '/a', '/b', '/c')
    lake.environment.clockMs += 1e12
    expect((await expire(lake, { snapshotIds: [second!, 77n] })).expiredSnapshotIds).toEqual([second])
    expect(await idsIn(lake)).toEqual([first, third])
    await expect(expire(lake, { snapshotIds: [third!] })).rejects.toThrow(/branch main names it/)
  })

  it('snapshots that no branch holds by their age alone', async () => {
    const lake = await Lake.create()
    const [first, second] = await grow(lake, '/a', '/b')
    await rollbackTo(await lake.table(), { snapshotId: first! }, lake)
    const cutoff = (await lake.table()).loaded.metadata.snapshots[1]!.timestampMs
    expect((await expire(lake, { olderThanMs: cutoff })).expiredSnapshotIds).toEqual([])
    expect((await expire(lake, { olderThanMs: cutoff + 1 })).expiredSnapshotIds).toEqual([second])
    expect(filesIn(lake)).toEqual([...(await reachable(lake))].sort())
  })
})

describe('which files are deleted', () => {
  it('those that only expired snapshots refer to; what branches, tags and shared manifests hold stays', async () => {
    const lake = await Lake.create()
    const [first] = await grow(lake, '/a', '/b')
    await createTag(await lake.table(), { name: 'v1', at: { snapshotId: first! } }, lake)
    const entries = await liveEntries(lake)
    // A compaction: both files go, one takes their place.
    await commitRaw(lake, {
      snapshotId: 500n,
      operation: 'replace',
      manifests: [
        [
          { file: stored(lake, await lake.table(), '/ab') },
          ...entries.map((e) => ({ ...e, status: 'deleted' as const })),
        ],
      ],
      dropped: () => true,
    })
    const { deleted } = await expire(lake, { olderThanMs: lake.environment.clockMs })
    expect(deleted).toMatchObject({ dataFiles: 1, manifests: 1, manifestLists: 1, failureCount: 0 })
    expect(lake.io.files.has('/b')).toBe(false)
    expect(lake.io.files.has('/a')).toBe(true)
    expect(await lake.scan()).toEqual(['/ab'])
    expect(await lake.scan({ snapshotId: first! })).toEqual(['/a'])
    expect(filesIn(lake)).toEqual([...(await reachable(lake))].sort())
  })

  it('delete files and Puffin files too, but no Puffin file of which one vector is in use', async () => {
    const lake = await Lake.create({ formatVersion: 3 })
    const table = await lake.table()
    const [a, b] = [stored(lake, table, '/a'), stored(lake, table, '/b')]
    for (const path of ['/both.puffin', '/b2.puffin', '/old-deletes']) lake.io.files.set(path, new Uint8Array(1))
    await commitRaw(lake, { snapshotId: 1n, operation: 'append', manifests: [[{ file: a }, { file: b }]] })
    await commitRaw(lake, {
      snapshotId: 2n,
      operation: 'delete',
      manifests: [
        [
          { file: deletionVector(a, '/both.puffin') },
          { file: deletionVector(b, '/both.puffin', { offset: 44n }) },
          { file: positionDeletes(a, '/old-deletes') },
        ],
      ],
    })
    await commitRaw(lake, {
      snapshotId: 3n,
      operation: 'delete',
      manifests: [
        [
          { file: deletionVector(a, '/both.puffin'), status: 'existing', sequenceNumber: 2n, snapshotId: 2n },
          { file: deletionVector(b, '/b2.puffin') },
        ],
      ],
      dropped: (path) => path === '/raw/2-m0.avro',
    })
    const { deleted } = await expire(lake, { olderThanMs: lake.environment.clockMs })
    expect(deleted).toMatchObject({ dataFiles: 0, deleteFiles: 1, manifests: 1, manifestLists: 2 })
    expect(filesIn(lake)).toEqual([...(await reachable(lake))].sort())
  })

  it('statistics of expired snapshots, unless another snapshot has the same file', async () => {
    const lake = await Lake.create()
    const [first, second] = await grow(lake, '/a', '/b')
    const file = (snapshotId: bigint, path: string) => {
      lake.io.files.set(path, new Uint8Array(1))
      return { snapshotId, path, fileSizeBytes: 1n, footerSizeBytes: 1n, blobs: [] }
    }
    await updateStatistics(
      await lake.table(),
      { set: [file(first!, '/s1')], setPartition: [file(first!, '/p'), file(second!, '/p')] },
      lake,
    )
    const { deleted, table } = await expire(lake, { olderThanMs: lake.environment.clockMs })
    expect(deleted.statisticsFiles).toBe(1)
    expect([lake.io.files.has('/s1'), lake.io.files.has('/p')]).toEqual([false, true])
    expect(table.loaded.metadata.statistics).toEqual([])
  })

  it('a file that the table also names in another spelling stays', async () => {
    const lake = await Lake.create()
    const a = stored(lake, await lake.table(), '/t/a b%20c')
    await commitRaw(lake, { snapshotId: 1n, operation: 'append', manifests: [[{ file: a }]] })
    for (const [id, filePath] of [
      [2n, 'file:///t/a%20b%2520c'],
      [3n, 'file:/t/a b%20c'],
    ] as const) {
      const file = { ...a, filePath }
      await commitRaw(lake, { snapshotId: id, operation: 'overwrite', manifests: [[{ file }]], dropped: () => true })
      expect((await expire(lake, { olderThanMs: lake.environment.clockMs })).deleted.dataFiles).toBe(0)
      expect(lake.io.files.has('/t/a b%20c')).toBe(true)
    }
  })

  it('reads one list of those that stay where nothing was rewritten, and each file no more than it must', async () => {
    const lake = await Lake.create()
    await grow(lake, ...Array.from({ length: 30 }, (_, n) => `/f${n}`))
    lake.io.calls.length = 0
    const { deleted } = await expire(lake, { olderThanMs: lake.environment.clockMs, retainLast: 25 })
    expect(deleted).toMatchObject({ dataFiles: 0, manifests: 0, manifestLists: 5, failureCount: 0 })
    // The lists of the five that go, and of the one after them.
    expect(lake.io.calls.filter((call) => /^read .*snap-/.test(call))).toHaveLength(6)
    expect(lake.io.calls.filter((call) => /^read .*-m\d+\.avro/.test(call))).toEqual([])
  })

  it('only metadata, or nothing, when that is asked for', async () => {
    const lake = await Lake.create()
    const replaceAll = async (snapshotId: bigint, path: string): Promise<void> => {
      const file = stored(lake, await lake.table(), path)
      await commitRaw(lake, { snapshotId, operation: 'overwrite', manifests: [[{ file }]], dropped: () => true })
    }
    await replaceAll(1n, '/a')
    await replaceAll(2n, '/b')
    const before = lake.io.files.size
    await expire(lake, { olderThanMs: lake.environment.clockMs, deleteFiles: 'none' })
    expect(lake.io.files.size).toBe(before + 1) // the new metadata file
    await replaceAll(3n, '/c')
    const { deleted } = await expire(lake, { olderThanMs: lake.environment.clockMs, deleteFiles: 'metadata' })
    expect(deleted).toMatchObject({ dataFiles: 0, manifests: 1, manifestLists: 1 })
    expect(lake.io.files.has('/b')).toBe(true)
  })

  it('none at all before the commit is known to have landed', async () => {
    const lake = await Lake.create()
    await grow(lake, '/a', '/b')
    const before = filesIn(lake)
    for (const fault of ['lost-after-commit', 'lost-before-commit'] as const) {
      lake.catalog.faults.push(fault)
      const outcome = await expireSnapshots(await lake.table(), { retainLast: 1, olderThanMs: 1e15 }, lake)
      expect([outcome.status, filesIn(lake)]).toEqual([fault === 'lost-after-commit' ? 'unknown' : 'committed', before])
    }
  })

  it('refuses a table whose files others may use', async () => {
    const lake = await Lake.create({ properties: { 'gc.enabled': 'false' } })
    await grow(lake, '/a', '/b')
    await expect(expire(lake, {})).rejects.toThrow(/gc.enabled is false/)
  })
})

describe('when something goes wrong', () => {
  const twoOverwrites = async (): Promise<Lake> => {
    const lake = await Lake.create()
    for (const [id, path] of [
      [1n, '/a'],
      [2n, '/b'],
      [3n, '/c'],
    ] as const) {
      const file = stored(lake, await lake.table(), path)
      await commitRaw(lake, { snapshotId: id, operation: 'overwrite', manifests: [[{ file }]], dropped: () => true })
    }
    return lake
  }

  it('reports the file that cannot be deleted, and deletes the others', async () => {
    const lake = await twoOverwrites()
    lake.io.undeletable.add('/a')
    const { deleted, expiredSnapshotIds } = await expire(lake, { olderThanMs: lake.environment.clockMs })
    expect(expiredSnapshotIds).toEqual([1n, 2n])
    expect(deleted).toMatchObject({ dataFiles: 1, manifests: 2, manifestLists: 2, failureCount: 1 })
    expect(deleted.failures).toMatchObject([{ path: '/a', cause: { code: 'io' } }])
    expect(lake.io.files.has('/b')).toBe(false)
  })

  it('reports an expired manifest that is gone, and deletes what it can', async () => {
    const lake = await twoOverwrites()
    lake.io.files.delete('/raw/1-m0.avro')
    lake.io.files.delete('/raw/2-list.avro')
    const { deleted } = await expire(lake, { olderThanMs: lake.environment.clockMs })
    expect(deleted.failures.map(({ path }) => String(path)).sort()).toEqual(['/raw/1-m0.avro', '/raw/2-list.avro'])
    expect(lake.io.files.has('/c')).toBe(true)
  })

  it('deletes no data file and no manifest when what stays cannot be read', async () => {
    for (const missing of ['/raw/3-list.avro', '/raw/3-m0.avro']) {
      const lake = await twoOverwrites()
      lake.io.files.delete(missing)
      const { deleted } = await expire(lake, { olderThanMs: lake.environment.clockMs })
      expect(deleted).toMatchObject({ dataFiles: 0, manifests: 0, manifestLists: 0, failureCount: 1 })
      expect(deleted.failures).toMatchObject([{ cause: { code: 'not-found' } }])
      for (const path of ['/a', '/b', '/raw/1-m0.avro']) expect(lake.io.files.has(path)).toBe(true)
    }
  })

  it('reports an abort after the commit, and loses nothing that is in use', async () => {
    const lake = await twoOverwrites()
    const abort = new AbortController()
    const original = lake.catalog.commitTable.bind(lake.catalog)
    lake.catalog.commitTable = async (...args) => {
      const outcome = await original(...args)
      abort.abort(new Error('enough'))
      return outcome
    }
    const { deleted } = await expire(lake, { olderThanMs: lake.environment.clockMs }, { signal: abort.signal })
    expect(deleted.failureCount).toBeGreaterThan(0)
    expect(lake.io.files.has('/a')).toBe(true)
  })

  it('starts again when a branch moves or a tag is given while it commits', async () => {
    const lake = await twoOverwrites()
    lake.catalog.beforeCommit = async () => {
      lake.catalog.beforeCommit = undefined
      await createTag(await lake.table(), { name: 'late', at: { snapshotId: 1n } }, lake)
    }
    expect((await expire(lake, { olderThanMs: lake.environment.clockMs })).expiredSnapshotIds).toEqual([2n])
    lake.catalog.beforeCommit = async () => {
      lake.catalog.beforeCommit = undefined
      await rollbackTo(await lake.table(), { snapshotId: 1n }, lake).catch(() => undefined)
      await createBranch(await lake.table(), { name: 'b', at: { snapshotId: 3n } }, lake)
    }
    await expire(lake, { olderThanMs: lake.environment.clockMs })
    expect(await idsIn(lake)).toEqual([1n, 3n])
    expect(filesIn(lake).filter((path) => path.length === 2)).toEqual(['/a', '/c'])
  })
})

describe('unused specs and schemas', () => {
  it('go when that is asked for, but not those that retained snapshots need', async () => {
    const lake = await Lake.create()
    await grow(lake, '/a')
    await updatePartitionSpec(
      await lake.table(),
      { addFields: [{ column: 'name', transform: { kind: 'identity' } }] },
      lake,
    )
    await updateSchema(await lake.table(), { addColumns: [{ name: 'x', type: 'int' }] }, lake)
    await grow(lake, '/b')
    await updatePartitionSpec(await lake.table(), { removeFields: ['name'] }, lake)
    await updateSchema(await lake.table(), { dropColumns: ['name'] }, lake)
    await updateSchema(await lake.table(), { dropColumns: ['x'] }, lake)
    const ids = async () => {
      const { metadata } = (await lake.table()).loaded
      return [metadata.schemas.map((schema) => schema.schemaId), metadata.partitionSpecs.map((spec) => spec.specId)]
    }
    expect(await ids()).toEqual([
      [0, 1, 2, 3],
      [0, 1],
    ])
    await expire(lake, { olderThanMs: lake.environment.clockMs, removeUnusedMetadata: true })
    // Schema 2 was never written with. 0 and 1 have the column that spec 1 partitions by, which 3 has not.
    expect(await ids()).toEqual([
      [0, 1, 3],
      [0, 1],
    ])
    expect(await lake.scan()).toEqual(['/b', '/a'])
    const file = stored(lake, await lake.table(), '/c')
    await commitRaw(lake, { snapshotId: 9n, operation: 'overwrite', manifests: [[{ file }]], dropped: () => true })
    await expire(lake, { olderThanMs: lake.environment.clockMs, removeUnusedMetadata: true })
    expect(await ids()).toEqual([[3], [0]])
  })
})

describe('random histories', () => {
  it('leave exactly what is reachable, and every retained snapshot as it was', async () => {
    for (let seed = 1; seed <= 25; seed++) {
      const random = new Random(seed)
      const lake = await Lake.create()
      let nextId = 1n
      let files = 0
      const step = async (): Promise<void> => {
        const table = await lake.table()
        const entries = await liveEntries(lake)
        const fresh = (): RawEntry => ({ file: stored(lake, table, `/data/${files++}`) })
        const { snapshots } = table.loaded.metadata
        const commit = async (operation: string, manifests: RawEntry[][], dropped: (path: string) => boolean) => {
          const nonEmpty = manifests.filter((entries) => entries.length > 0)
          await commitRaw(lake, { snapshotId: nextId++, operation, manifests: nonEmpty, dropped })
        }
        switch (random.below(7)) {
          case 0:
          case 1:
            return await commit('append', [Array.from({ length: 1 + random.below(3) }, fresh)], () => false)
          case 2: {
            // Rewrites all manifests into two.
            const half = random.below(entries.length + 1)
            return await commit('replace', [entries.slice(0, half), entries.slice(half)], () => true)
          }
          case 3: {
            const changed = entries.map((entry) =>
              random.below(2) === 0 ? entry : { ...entry, status: 'deleted' as const },
            )
            return await commit('overwrite', [[fresh(), ...changed]], () => true)
          }
          case 4:
            if (snapshots.length === 0) return
            await createTag(table, { name: `t${nextId++}`, at: random.pick(snapshots) }, lake)
            return
          case 5:
            if (snapshots.length === 0) return
            await createBranch(
              table,
              { name: `b${nextId++}`, at: random.pick(snapshots), minSnapshotsToKeep: 1 + random.below(3) },
              lake,
            )
            return
          default: {
            if (snapshots.length === 0) return
            await rollbackTo(table, { snapshotId: random.pick(snapshots).snapshotId }, lake).catch(() => undefined)
          }
        }
      }
      const contents = async (): Promise<Map<bigint, string[]>> => {
        const table = await lake.table()
        const map = new Map<bigint, string[]>()
        for (const { snapshotId } of table.loaded.metadata.snapshots) {
          const paths: string[] = []
          for await (const task of planScan(table, { snapshotId })) paths.push(task.file.filePath)
          map.set(snapshotId, paths.sort())
        }
        return map
      }
      for (let round = 0; round < 3; round++) {
        const steps = 2 + random.below(8)
        for (let n = 0; n < steps; n++) await step()
        const before = await contents()
        const { metadata } = (await lake.table()).loaded
        const cutoff =
          metadata.snapshots.length === 0 ? 0 : random.pick(metadata.snapshots).timestampMs + random.below(3)
        const options = { maxPathsInMemory: 1 + random.below(6), concurrency: 1 + random.below(4) }
        const { deleted } = await expire(lake, { olderThanMs: cutoff, retainLast: 1 + random.below(3) }, options)
        expect([seed, deleted.failures]).toEqual([seed, []])
        const after = await contents()
        for (const [id, paths] of after) expect([seed, id, paths]).toEqual([seed, id, before.get(id)])
        expect([seed, filesIn(lake)]).toEqual([seed, [...(await reachable(lake))].sort()])
      }
    }
  }, 60_000)
})
