import { describe, expect, it } from 'vitest'
import {
  type DataFile,
  deleteFiles,
  eq,
  type Expression,
  overwrite,
  planChangelog,
  planIncrementalAppends,
  replaceFiles,
  rewriteManifests,
  rowDelta,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { dataFile, Lake } from './lake.ts'
import { commitRaw, deletionVector, positionDeletes, type RawEntry } from './raw-snapshot.ts'

interface Range {
  readonly fromExclusive?: bigint
  readonly toInclusive: bigint
  readonly filter?: Expression
}

/** Changes as `ordinal snapshot change file [deletes]`. */
async function changes(lake: Lake, range: Range): Promise<string[]> {
  const found: string[] = []
  for await (const task of planChangelog(await lake.table(), range)) {
    const deletes = task.deletes.length === 0 ? '' : ` but ${task.deletes.map((file) => file.filePath).join(' ')}`
    found.push(`${task.changeOrdinal} ${task.commitSnapshotId} ${task.change} ${task.file.filePath}${deletes}`)
  }
  return found
}

/** Two appended files: `a` by snapshot 1, `b` by snapshot 2. */
async function history(formatVersion: 2 | 3 = 2) {
  const lake = await Lake.create({ formatVersion })
  const table = await lake.table()
  const [a, b, c] = ['a', 'b', 'c'].map((path, at) => dataFile(table, path, [{ id: BigInt(at) }]))
  await lake.append({ files: [a!], snapshotId: 1n })
  await lake.append({ files: [b!], snapshotId: 2n })
  return { lake, a: a!, b: b!, c: c! }
}

const removed = (file: DataFile, sequenceNumber: bigint): RawEntry => ({ file, status: 'deleted', sequenceNumber })
const kept = (file: DataFile, sequenceNumber: bigint): RawEntry => ({
  file,
  status: 'existing',
  sequenceNumber,
  snapshotId: sequenceNumber,
})

describe('the changelog scan', () => {
  it('gives what appends, overwrites and deletes did, oldest first, and nothing for compactions', async () => {
    const { lake, a, b, c } = await history()
    await commitRaw(lake, {
      snapshotId: 3n,
      operation: 'overwrite',
      manifests: [[{ file: c }], [removed(a, 1n), kept(b, 2n)]],
      dropped: () => true,
    })
    await commitRaw(lake, {
      snapshotId: 4n,
      operation: 'replace',
      manifests: [[{ file: { ...b, filePath: 'bc' } }, removed(b, 2n), removed(c, 3n)]],
      dropped: () => true,
    })
    await commitRaw(lake, {
      snapshotId: 5n,
      operation: 'delete',
      manifests: [[removed({ ...b, filePath: 'bc' }, 4n)]],
      dropped: () => true,
      summary: { 'deleted-data-files': '1' },
    })
    expect(await changes(lake, { toInclusive: 5n })).toEqual([
      '0 1 insert a',
      '1 2 insert b',
      '2 3 insert c',
      '2 3 delete a',
      '3 5 delete bc',
    ])
    expect(await changes(lake, { fromExclusive: 2n, toInclusive: 3n })).toEqual(['0 3 insert c', '0 3 delete a'])
    expect(await changes(lake, { fromExclusive: 3n, toInclusive: 4n })).toEqual([])
    expect(await changes(lake, { fromExclusive: 5n, toInclusive: 5n })).toEqual([])
    expect(await changes(lake, { toInclusive: 5n, filter: eq('id', 0n) })).toEqual(['0 1 insert a', '2 3 delete a'])
  })

  it('reads back what the operations of this package did', async () => {
    const { lake, a, b, c } = await history()
    const options = { environment: lake.environment }
    const d = { ...c, filePath: 'd' }
    const steps = [
      (table: TableHandle) => overwrite(table, { add: [c], remove: [a], snapshotId: 3n }, options),
      (table: TableHandle) => replaceFiles(table, { add: [d], remove: [c], snapshotId: 4n }, options),
      (table: TableHandle) => deleteFiles(table, { remove: [b], snapshotId: 5n }, options),
      (table: TableHandle) => rewriteManifests(table, { snapshotId: 6n }, options),
      (table: TableHandle) => rowDelta(table, { add: [a], snapshotId: 7n }, options),
    ]
    for (const step of steps) expect((await step(await lake.table())).status).toBe('committed')
    const expected = ['0 3 insert c', '0 3 delete a', '1 5 delete b', '2 7 insert a']
    const found = await changes(lake, { fromExclusive: 2n, toInclusive: 7n })
    expect(found.toSorted()).toEqual(expected.toSorted())
    const last = await rowDelta(await lake.table(), { addDeletes: [positionDeletes(d, 'p')], snapshotId: 8n }, options)
    expect(last.status).toBe('committed')
    await expect(changes(lake, { fromExclusive: 2n, toInclusive: 8n })).rejects.toMatchObject({
      code: 'unsupported-changes',
      context: { snapshotId: 8n },
    })
  })

  it('attaches to a removed file the deletes that applied to it before, even when its parent has expired', async () => {
    const { lake, a, b, c } = await history()
    const p = positionDeletes(a, 'p')
    await commitRaw(lake, { snapshotId: 3n, operation: 'delete', manifests: [[{ file: p }]] })
    await lake.append({ files: [c], snapshotId: 4n })
    await commitRaw(lake, {
      snapshotId: 5n,
      operation: 'overwrite',
      manifests: [
        [removed(a, 1n), removed(b, 2n), removed(c, 4n), { file: { ...a, filePath: 'abc' } }],
        [removed(p, 3n)],
      ],
      dropped: () => true,
    })
    const expected = ['0 5 delete a but p', '0 5 delete b but p', '0 5 delete c', '0 5 insert abc']
    expect(await changes(lake, { fromExclusive: 4n, toInclusive: 5n })).toEqual(expected)
    const { loaded } = await lake.table()
    await lake.catalog.commitTable(lake.identifier, {
      requirements: [],
      updates: [{ action: 'remove-snapshots', snapshotIds: [1n, 2n, 3n, 4n] }],
      base: loaded,
    })
    expect(await changes(lake, { fromExclusive: 4n, toInclusive: 5n })).toEqual(expected)
  })

  it('names the snapshot that adds delete files, in a manifest of deletes or of data', async () => {
    for (const listedAs of [undefined, 'data'] as const) {
      const { lake, a } = await history(3)
      await commitRaw(lake, {
        snapshotId: 3n,
        operation: 'delete',
        manifests: [[{ file: deletionVector(a, 'dv') }]],
        ...(listedAs === undefined ? {} : { listedAs }),
      })
      await expect(changes(lake, { toInclusive: 3n })).rejects.toMatchObject({
        code: 'unsupported-changes',
        context: { snapshotId: 3n, operation: 'delete' },
      })
      expect(await changes(lake, { toInclusive: 2n })).toHaveLength(2)
    }
  })

  it('names the snapshot that takes back deletes from a file which stays', async () => {
    const { lake, a, b } = await history()
    const p = positionDeletes(a, 'p', ['a', 'a'])
    await commitRaw(lake, { snapshotId: 3n, operation: 'delete', manifests: [[{ file: p }]] })
    const withoutP = (path: string): boolean => path === '/raw/3-m0.avro'
    await commitRaw(lake, {
      snapshotId: 4n,
      operation: 'overwrite',
      manifests: [[{ file: b }], [removed(p, 3n)]],
      dropped: withoutP,
    })
    await expect(changes(lake, { fromExclusive: 3n, toInclusive: 4n })).rejects.toMatchObject({
      code: 'unsupported-changes',
      message: expect.stringContaining('takes back the deletes of p from a'),
      context: { snapshotId: 4n },
    })
  })

  it('names a snapshot that says it removed more than its manifests list, and one of an unknown operation', async () => {
    const { lake, a } = await history()
    await commitRaw(lake, {
      snapshotId: 3n,
      operation: 'delete',
      manifests: [[removed(a, 1n)]],
      dropped: () => true,
      summary: { 'deleted-data-files': '2' },
    })
    await expect(changes(lake, { fromExclusive: 2n, toInclusive: 3n })).rejects.toMatchObject({
      code: 'unsupported-changes',
      context: { snapshotId: 3n },
    })
    await commitRaw(lake, { snapshotId: 4n, operation: 'unheard-of', manifests: [] })
    await expect(changes(lake, { fromExclusive: 3n, toInclusive: 4n })).rejects.toMatchObject({
      code: 'unsupported-changes',
      context: { snapshotId: 4n, operation: 'unheard-of' },
    })
  })

  it('is refused where history is missing', async () => {
    const { lake } = await history()
    await expect(changes(lake, { fromExclusive: 99n, toInclusive: 2n })).rejects.toMatchObject({
      code: 'no-such-snapshot',
    })
    await expect(changes(lake, { toInclusive: 99n })).rejects.toMatchObject({ code: 'no-such-snapshot' })
  })
})

describe('the incremental append scan', () => {
  it('stops at an append that adds delete files', async () => {
    const { lake, a, c } = await history()
    await commitRaw(lake, {
      snapshotId: 3n,
      operation: 'append',
      manifests: [[{ file: c }], [{ file: positionDeletes(a, 'p') }]],
    })
    const read = async (): Promise<void> => {
      for await (const _ of planIncrementalAppends(await lake.table(), { toInclusive: 3n })) continue
    }
    await expect(read()).rejects.toMatchObject({ code: 'not-append-only', context: { snapshotId: 3n } })
  })
})
