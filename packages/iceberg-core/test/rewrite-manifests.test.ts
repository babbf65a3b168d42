import { describe, expect, it } from 'vitest'
import {
  append,
  cherryPick,
  deleteFiles,
  isIcebergError,
  type PartitionSpec,
  rewriteManifests,
  rowDelta,
} from '@icebridge/iceberg-core'
import { entriesOf, livePaths } from './entries.ts'
import { dataFile, Lake } from './lake.ts'
import { committed, errorOf } from './outcome.ts'
import { equalityDeletes } from './raw-snapshot.ts'

const byName: PartitionSpec = {
  specId: 0,
  fields: [{ sourceIds: [3], fieldId: 1000, name: 'name', transform: { kind: 'identity' } }],
}

describe('rewriting manifests', () => {
  it('puts files of a partition together and changes nothing else', async () => {
    const lake = await Lake.create({ formatVersion: 3, partitionSpec: byName })
    const options = { environment: lake.environment }
    const empty = await lake.table()
    const rows = (name: string, count: number) => Array.from({ length: count }, (_, id) => ({ id: BigInt(id), name }))
    for (let n = 0; n < 4; n++) {
      await lake.append({
        files: ['b', 'a', 'c'].map((name) => dataFile(empty, `${name}${n}`, rows(name, n + 1))),
      })
    }
    const gone = dataFile(empty, 'c3', rows('c', 4))
    let table = committed(await deleteFiles(await lake.table(), { remove: [gone] }, options)).table
    const deletes = [equalityDeletes(table, 'e', [{ id: 1n, name: 'a' }])]
    table = committed(
      await rowDelta(table, { addDeletes: deletes, validation: { isolation: 'snapshot' } }, options),
    ).table
    const before = await entriesOf(table)
    const { table: after, snapshot } = committed(await rewriteManifests(table, { targetBytes: 5000 }, options))
    const entries = await entriesOf(after)
    const facts = (list: typeof before): unknown[] =>
      list
        .filter(({ status }) => status !== 'deleted')
        .map(({ path, snapshotId, sequenceNumber, fileSequenceNumber, file }) => [
          path,
          snapshotId,
          sequenceNumber,
          fileSequenceNumber,
          file.firstRowId,
          file.partition,
          file.recordCount,
        ])
        .toSorted((a, b) => String(a[0]).localeCompare(String(b[0])))
    expect(facts(entries)).toEqual(facts(before))
    expect(entries.every(({ status }) => status === 'existing')).toBe(true)
    const manifests = Map.groupBy(entries, ({ manifest }) => manifest.path)
    const partitions = [...manifests.values()].map((list) => [...new Set(list.map(({ file }) => file.partition[0]))])
    // In order, each partition in one manifest: a file that looks for one finds it in one.
    expect(partitions.flat()).toEqual(['a', 'b', 'c', 'a'])
    expect(snapshot.operation).toBe('replace')
    expect(snapshot.summary).toMatchObject({
      'manifests-created': String(manifests.size),
      'manifests-kept': '0',
      'manifests-replaced': String(new Set(before.map(({ manifest }) => manifest.path)).size),
      'entries-processed': '12',
      'total-data-files': '11',
      'total-delete-files': '1',
      'changed-partition-count': '0',
    })
    expect(after.loaded.metadata.nextRowId).toBe(table.loaded.metadata.nextRowId)
  })

  it('splits at the target size', { timeout: 60_000 }, async () => {
    const lake = await Lake.create({ properties: { 'write.manifest.compression-codec': 'uncompressed' } })
    const options = { environment: lake.environment }
    const empty = await lake.table()
    const files = Array.from({ length: 3000 }, (_, n) => dataFile(empty, `f${n}`, [{ id: BigInt(n) }]))
    await lake.append({ files })
    const { table } = committed(await rewriteManifests(await lake.table(), { targetBytes: 80_000 }, options))
    const entries = await entriesOf(table)
    const sizes = new Map(entries.map(({ manifest }) => [manifest.path, manifest.lengthBytes]))
    expect(sizes.size).toBeGreaterThan(2)
    for (const size of sizes.values()) expect(size).toBeLessThan(160_000n)
    expect(new Set(entries.map(({ path }) => path)).size).toBe(3000)
  })

  it('keeps what others add meanwhile, and begins anew when they took away what it had read', async () => {
    const lake = await Lake.create()
    const options = { environment: lake.environment }
    const empty = await lake.table()
    const [a, b] = ['a', 'b'].map((path) => dataFile(empty, path, [{ id: 1n }]))
    await lake.append({ files: [a!] })
    const table = await lake.append({ files: [b!] })
    let round = 0
    lake.catalog.beforeCommit = async () => {
      round++
      if (round === 1) await lake.append({ files: [dataFile(empty, 'c', [{ id: 1n }])] })
      if (round === 3) committed(await deleteFiles(await lake.table(), { remove: [a!] }, options))
    }
    lake.io.calls.length = 0
    const { table: after, snapshot } = committed(await rewriteManifests(table, {}, options))
    expect((await entriesOf(after)).map(({ path, status }) => `${path} ${status}`)).toEqual([
      'c existing',
      'b existing',
    ])
    expect(snapshot.summary).toMatchObject({
      'manifests-created': '1',
      'manifests-replaced': '2',
      'manifests-kept': '0',
    })
    // One manifest each for c and the removal of a, and two of ours: the second attempt used the first one again.
    expect(lake.io.calls.filter((call) => /^create .*-m\d+\.avro$/.test(call))).toHaveLength(4)
  })

  it('rewrites only what is selected, clustered as asked', async () => {
    const lake = await Lake.create()
    const options = { environment: lake.environment }
    const empty = await lake.table()
    for (const path of ['a1', 'b1', 'a2', 'b2']) await lake.append({ files: [dataFile(empty, path, [{ id: 1n }])] })
    const { table } = committed(
      await rewriteManifests(
        await lake.table(),
        {
          select: ({ sequenceNumber }) => sequenceNumber < 4n,
          clusterBy: ({ filePath }) => filePath.slice(0, 1),
          targetBytes: 8000,
        },
        options,
      ),
    )
    const manifests = Map.groupBy(await entriesOf(table), ({ manifest }) => manifest.path)
    expect([...manifests.values()].map((list) => list.map(({ path }) => path))).toEqual([['a2', 'a1'], ['b1'], ['b2']])
  })
})

describe('cherry-picking', () => {
  it('adds the files of a staged append to the branch, once', async () => {
    const lake = await Lake.create({ formatVersion: 3 })
    const options = { environment: lake.environment }
    const table = await lake.append({ files: [] })
    const files = [dataFile(table, 'staged', [{ id: 1n }])]
    const staged = committed(await append(table, { files, stageOnly: true, summary: { 'wap.id': 'w1' } }, options))
    await lake.append({ files: [dataFile(table, 'theirs', [{ id: 1n }, { id: 2n }])] })
    const sourceSnapshotId = staged.snapshot.snapshotId
    const picked = committed(await cherryPick(await lake.table(), { sourceSnapshotId }, options))
    expect(await livePaths(picked.table)).toEqual(['staged', 'theirs'])
    expect(picked.snapshot.summary).toMatchObject({
      operation: 'append',
      'source-snapshot-id': String(sourceSnapshotId),
      'published-wap-id': 'w1',
      'total-records': '3',
    })
    // Rows get ids of their own: those of the staged snapshot may be seen on another branch.
    const ids = (await entriesOf(picked.table)).map(({ path, file }) => [path, file.firstRowId])
    expect(ids).toEqual([
      ['staged', 3n],
      ['theirs', 1n],
    ])
    expect(await cherryPick(await lake.table(), { sourceSnapshotId }, options)).toMatchObject({
      status: 'conflict',
      reason: expect.stringContaining('already picked') as string,
    })
  })

  it('refuses what the branch has and what is no append', async () => {
    const lake = await Lake.create()
    const options = { environment: lake.environment }
    const a = dataFile(await lake.table(), 'a', [{ id: 1n }])
    const table = await lake.append({ files: [a] })
    const own = { sourceSnapshotId: table.loaded.metadata.currentSnapshotId! }
    expect(await cherryPick(table, own, options)).toMatchObject({ status: 'conflict' })
    const staged = committed(await deleteFiles(table, { remove: [a], stageOnly: true }, options))
    const error = await errorOf(cherryPick(staged.table, { sourceSnapshotId: staged.snapshot.snapshotId }, options))
    expect(isIcebergError(error, 'unsupported-operation')).toBe(true)
    expect(
      isIcebergError(await errorOf(cherryPick(table, { sourceSnapshotId: 5n }, options)), 'no-such-snapshot'),
    ).toBe(true)
  })
})
