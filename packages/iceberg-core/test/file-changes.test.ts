import { describe, expect, it } from 'vitest'
import {
  append,
  currentSnapshot,
  type DataFile,
  deleteFiles,
  eq,
  gt,
  isIcebergError,
  lt,
  overwrite,
  type PartitionSpec,
  planScan,
  replaceFiles,
  rowDelta,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { entriesOf, livePaths } from './entries.ts'
import { dataFile, Lake } from './lake.ts'
import { committed, errorOf } from './outcome.ts'
import { deletionVector, equalityDeletes, positionDeletes } from './raw-snapshot.ts'

const byName: PartitionSpec = {
  specId: 0,
  fields: [{ sourceIds: [3], fieldId: 1000, name: 'name', transform: { kind: 'identity' } }],
}

describe('overwrite', () => {
  it('marks removed files as deleted by the snapshot and keeps what it says of all others', async () => {
    const lake = await Lake.create()
    const empty = await lake.table()
    const [a, b, c] = ['a', 'b', 'c'].map((path) => dataFile(empty, path, [{ id: 1n }, { id: 2n }]))
    const first = await lake.append({ files: [a!, b!] })
    const before = await lake.append({ files: [c!] })
    const options = { environment: lake.environment }
    const { table, snapshot } = committed(
      await overwrite(before, { add: [dataFile(empty, 'a2', [{ id: 1n }])], remove: [a!] }, options),
    )
    const firstId = currentSnapshot(first.loaded.metadata)!.snapshotId
    expect(
      (await entriesOf(table)).map(({ path, status, snapshotId, sequenceNumber, fileSequenceNumber }) => [
        path,
        status,
        snapshotId,
        sequenceNumber,
        fileSequenceNumber,
      ]),
    ).toEqual([
      ['a2', 'added', snapshot.snapshotId, 3n, 3n],
      ['c', 'added', currentSnapshot(before.loaded.metadata)!.snapshotId, 2n, 2n],
      ['a', 'deleted', snapshot.snapshotId, 1n, 1n],
      ['b', 'existing', firstId, 1n, 1n],
    ])
    expect(snapshot.summary).toEqual({
      operation: 'overwrite',
      'added-data-files': '1',
      'deleted-data-files': '1',
      'added-records': '1',
      'deleted-records': '2',
      'added-files-size': '1000',
      'removed-files-size': '1000',
      'changed-partition-count': '1',
      'total-records': '5',
      'total-files-size': '3000',
      'total-data-files': '3',
      'total-delete-files': '0',
      'total-position-deletes': '0',
      'total-equality-deletes': '0',
    })
    // The next snapshot drops the entry of the deleted file when it rewrites the manifest, and carries it on until then.
    const after = committed(await overwrite(table, { remove: [b!] }, options))
    expect((await entriesOf(after.table)).map(({ path, status }) => `${path} ${status}`)).toEqual([
      'a2 added',
      'c added',
      'b deleted',
    ])
    expect(after.snapshot.operation).toBe('delete')
  })

  it('is an append when nothing is removed', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    const outcome = await overwrite(
      table,
      { add: [dataFile(table, 'a', [{ id: 1n }])] },
      { environment: lake.environment },
    )
    expect(committed(outcome).snapshot.operation).toBe('append')
  })

  it('reads only manifests that may hold the removed files', async () => {
    const lake = await Lake.create({ partitionSpec: byName })
    const empty = await lake.table()
    const files = ['a', 'b', 'c', 'd'].map((name) => dataFile(empty, `f-${name}`, [{ id: 1n, name }]))
    for (const file of files) await lake.append({ files: [file] })
    const before = await lake.table()
    const kept = (await entriesOf(before)).filter(({ path }) => path !== 'f-b').map(({ manifest }) => manifest.path)
    lake.io.calls.length = 0
    const { table } = committed(await overwrite(before, { remove: [files[1]!] }, { environment: lake.environment }))
    for (const path of kept) expect(lake.io.calls).not.toContain(`read ${path}`)
    expect((await entriesOf(table)).filter(({ path }) => path !== 'f-b').map(({ manifest }) => manifest.path)).toEqual(
      kept,
    )
    expect(await livePaths(table)).toEqual(['f-a', 'f-c', 'f-d'])
  })

  it('removes by filter what passes wholly, in every spec of the table', async () => {
    const lake = await Lake.create({ partitionSpec: byName })
    const empty = await lake.table()
    const files = [
      dataFile(empty, 'low', [
        { id: 1n, name: 'x' },
        { id: 5n, name: 'x' },
      ]),
      dataFile(empty, 'high', [{ id: 100n, name: 'x' }]),
      dataFile(empty, 'other', [{ id: 3n, name: 'y' }]),
    ]
    const before = await lake.append({ files })
    const { table, snapshot } = committed(
      await overwrite(
        before,
        { add: [dataFile(empty, 'new', [{ id: 1n, name: 'x' }])], where: lt('id', 10n) },
        {
          environment: lake.environment,
        },
      ),
    )
    expect(await livePaths(table)).toEqual(['high', 'new'])
    expect(snapshot.summary).toMatchObject({
      operation: 'overwrite',
      'deleted-data-files': '2',
      'changed-partition-count': '2',
    })
  })
})

describe('deleteFiles', () => {
  it('removes files by name and by filter, with the deletes that have nothing left to delete', async () => {
    const lake = await Lake.create({ partitionSpec: byName })
    const empty = await lake.table()
    const options = { environment: lake.environment }
    const files = ['x', 'y', 'z'].map((name) => dataFile(empty, `${name}.parquet`, [{ id: 1n, name }]))
    const [x, y] = files
    let table = await lake.append({ files })
    const deletes = [
      { ...positionDeletes(x!, 'dx'), referencedDataFile: 'x.parquet' },
      positionDeletes(y!, 'dy', ['y.parquet', 'y.parquet']),
      equalityDeletes(table, 'ez', [{ id: 1n, name: 'z' }]),
    ]
    table = committed(await rowDelta(table, { addDeletes: deletes }, options)).table
    table = committed(await deleteFiles(table, { remove: [x!] }, options)).table
    expect(await livePaths(table)).toEqual(['dy', 'ez', 'y.parquet', 'z.parquet'])
    const { table: after, snapshot } = committed(await deleteFiles(table, { where: eq('name', 'y') }, options))
    expect(await livePaths(after)).toEqual(['ez', 'z.parquet'])
    expect(snapshot.summary).toMatchObject({
      operation: 'delete',
      'deleted-data-files': '1',
      'removed-delete-files': '1',
      'removed-position-delete-files': '1',
      'removed-position-deletes': '1',
      'total-delete-files': '1',
      'total-equality-deletes': '1',
      'total-position-deletes': '0',
    })
    const last = committed(await deleteFiles(after, { where: eq('name', 'z') }, options))
    expect(await livePaths(last.table)).toEqual([])
  })

  it('names a file of which only some rows pass, and commits nothing', async () => {
    const lake = await Lake.create()
    const table = await lake.append({ files: [dataFile(await lake.table(), 'half', [{ id: 1n }, { id: 9n }])] })
    const error = await errorOf(deleteFiles(table, { where: gt('id', 5n) }, { environment: lake.environment }))
    expect(isIcebergError(error, 'invalid-argument')).toBe(true)
    expect(error).toMatchObject({ context: { file: 'half' }, message: expect.stringContaining('half') as string })
    expect(lake.metadataFiles()).toHaveLength(2)
    expect(await livePaths(await lake.table())).toEqual(['half'])
  })

  it('is a conflict for a file that is gone', async () => {
    const lake = await Lake.create()
    const a = dataFile(await lake.table(), 'a', [{ id: 1n }])
    const table = await lake.append({ files: [a] })
    const options = { environment: lake.environment }
    committed(await deleteFiles(table, { remove: [a] }, options))
    expect(await deleteFiles(table, { remove: [a] }, options)).toMatchObject({
      status: 'conflict',
      reason: expect.stringContaining('data file a') as string,
    })
  })
})

describe('rowDelta', () => {
  it('adds rows and deletes, each in manifests of their own', async () => {
    const lake = await Lake.create()
    const a = dataFile(await lake.table(), 'a', [{ id: 1n }])
    const before = await lake.append({ files: [a] })
    const { table, snapshot } = committed(
      await rowDelta(
        before,
        {
          add: [dataFile(before, 'b', [{ id: 1n }])],
          addDeletes: [positionDeletes(a, 'p'), equalityDeletes(before, 'e', [{ id: 4n }, { id: 5n }])],
        },
        { environment: lake.environment },
      ),
    )
    expect((await entriesOf(table)).map(({ path, manifest }) => `${path} ${manifest.content}`)).toEqual([
      'b data',
      'a data',
      'p deletes',
      'e deletes',
    ])
    expect(snapshot.summary).toMatchObject({
      operation: 'overwrite',
      'added-delete-files': '2',
      'added-position-delete-files': '1',
      'added-equality-delete-files': '1',
      'added-position-deletes': '1',
      'added-equality-deletes': '2',
      'total-delete-files': '2',
    })
    const tasks: Record<string, string[]> = {}
    for await (const task of planScan(table)) tasks[task.file.filePath] = task.deletes.map((file) => file.filePath)
    expect(tasks).toEqual({ a: ['p'], b: ['p'] })
  })

  it('is a delete without new rows and an append without deletes', async () => {
    const lake = await Lake.create()
    const a = dataFile(await lake.table(), 'a', [{ id: 1n }])
    const options = { environment: lake.environment }
    const first = committed(await rowDelta(await lake.table(), { add: [a] }, options))
    expect(first.snapshot.operation).toBe('append')
    const second = committed(await rowDelta(first.table, { addDeletes: [positionDeletes(a, 'p')] }, options))
    expect(second.snapshot.operation).toBe('delete')
    const third = committed(await rowDelta(second.table, { removeDeletes: [positionDeletes(a, 'p')] }, options))
    expect(third.snapshot.operation).toBe('overwrite')
    expect(await livePaths(third.table)).toEqual(['a'])
  })

  it('takes deletion vectors in version 3 only, and position deletes before it only', async () => {
    const a = (table: TableHandle): DataFile => dataFile(table, 'a', [{ id: 1n }])
    const v2 = await Lake.create()
    const v3 = await Lake.create({ formatVersion: 3 })
    for (const [lake, bad] of [
      [v2, deletionVector],
      [v3, positionDeletes],
    ] as const) {
      const table = await lake.append({ files: [a(await lake.table())] })
      const error = await errorOf(
        rowDelta(table, { addDeletes: [bad(a(table), 'd')] }, { environment: lake.environment }),
      )
      expect(isIcebergError(error, 'invalid-argument')).toBe(true)
      expect(String(error)).toMatch(/deletion vector/)
    }
    const table = await v3.table()
    const { contentOffset: _, ...incomplete } = deletionVector(a(table), 'd')
    expect(
      String(await errorOf(rowDelta(table, { addDeletes: [incomplete] }, { environment: v3.environment }))),
    ).toMatch(/without referencedDataFile, contentOffset/)
  })

  it('wants the old deletion vector removed where a data file gets a new one', async () => {
    const lake = await Lake.create({ formatVersion: 3 })
    const options = { environment: lake.environment }
    const empty = await lake.table()
    const [a, b] = ['a', 'b'].map((path) => dataFile(empty, path, [{ id: 1n }, { id: 2n }]))
    const before = await lake.append({ files: [a!, b!] })
    // Two vectors in one Puffin file.
    const [va, vb] = [deletionVector(a!, 'v1'), deletionVector(b!, 'v1', { offset: 44n })]
    const first = committed(await rowDelta(before, { addDeletes: [va, vb] }, options))
    expect(first.snapshot.summary).toMatchObject({
      'added-dvs': '2',
      'added-delete-files': '2',
      'added-files-size': '80',
      'added-position-deletes': '2',
    })
    const next = deletionVector(a!, 'v2')
    const refused = await rowDelta(first.table, { addDeletes: [next] }, options)
    expect(refused).toMatchObject({
      status: 'conflict',
      reason: expect.stringContaining('already has deletes in v1') as string,
    })
    const second = committed(await rowDelta(first.table, { addDeletes: [next], removeDeletes: [va] }, options))
    expect(
      (await entriesOf(second.table)).map(({ path, status, file }) => [path, status, file.referencedDataFile]),
    ).toEqual([
      ['a', 'added', undefined],
      ['b', 'added', undefined],
      ['v2', 'added', 'a'],
      ['v1', 'deleted', 'a'],
      ['v1', 'existing', 'b'],
    ])
    expect(second.snapshot.operation).toBe('delete')
    expect(second.snapshot.summary).toMatchObject({ 'added-dvs': '1', 'removed-dvs': '1', 'total-delete-files': '2' })
  })

  it('wants position deletes for the data file alone taken into its deletion vector after an upgrade', async () => {
    const lake = await Lake.create()
    const options = { environment: lake.environment }
    const a = dataFile(await lake.table(), 'a', [{ id: 1n }])
    const b = dataFile(await lake.table(), 'b', [{ id: 1n }])
    const p = { ...positionDeletes(a, 'p'), referencedDataFile: 'a' }
    const shared = positionDeletes(a, 'shared')
    const before = await lake.append({ files: [a, b] })
    const deleted = committed(await rowDelta(before, { addDeletes: [p, shared] }, options)).table
    await lake.catalog.commitTable(lake.identifier, {
      requirements: [],
      updates: [{ action: 'upgrade-format-version', formatVersion: 3 }],
      base: deleted.loaded,
    })
    const table = await lake.table()
    const vector = deletionVector(a, 'v')
    expect(await rowDelta(table, { addDeletes: [vector] }, options)).toMatchObject({ status: 'conflict' })
    const after = committed(await rowDelta(table, { addDeletes: [vector], removeDeletes: [p] }, options))
    expect(await livePaths(after.table)).toEqual(['a', 'b', 'shared', 'v'])
  })

  it('refuses what contradicts itself', async () => {
    const lake = await Lake.create({ formatVersion: 3 })
    const a = dataFile(await lake.table(), 'a', [{ id: 1n }])
    const table = await lake.append({ files: [a] })
    const run = async (commit: Parameters<typeof rowDelta>[1]): Promise<string> =>
      String(await errorOf(rowDelta(table, commit, { environment: lake.environment })))
    expect(await run({ remove: [a], addDeletes: [deletionVector(a, 'v')] })).toMatch(/which the same commit removes/)
    expect(await run({ addDeletes: [deletionVector(a, 'v'), deletionVector(a, 'w')] })).toMatch(
      /second deletion vector/,
    )
    expect(await run({ add: [a], remove: [a] })).toMatch(/both added and removed/)
    expect(await run({ add: [deletionVector(a, 'v')] })).toMatch(/not a data file/)
    expect(await run({ addDeletes: [a] })).toMatch(/not a delete file/)
    const { equalityIds: _, ...keyless } = equalityDeletes(table, 'e', [{ id: 1n }])
    expect(await run({ addDeletes: [keyless] })).toMatch(/without equalityIds/)
    expect(lake.catalog.commits).toHaveLength(1)
  })
})

describe('replaceFiles', () => {
  it('keeps the data sequence number when told, so that later equality deletes still apply', async () => {
    const lake = await Lake.create({ properties: { 'commit.manifest.min-count-to-merge': '2' } })
    const options = { environment: lake.environment }
    const empty = await lake.table()
    const [a, b] = ['a', 'b'].map((path) => dataFile(empty, path, [{ id: 1n }]))
    await lake.append({ files: [a!] })
    const read = await lake.append({ files: [b!] })
    const dataSequenceNumber = read.loaded.metadata.lastSequenceNumber
    committed(await rowDelta(read, { addDeletes: [equalityDeletes(read, 'e', [{ id: 1n }])] }, options))
    const c = dataFile(empty, 'c', [{ id: 1n }, { id: 1n }])
    const { table, snapshot } = committed(
      await replaceFiles(read, { remove: [a!, b!], add: [c], dataSequenceNumber }, options),
    )
    expect(snapshot.operation).toBe('replace')
    const entry = (await entriesOf(table)).find(({ path }) => path === 'c')
    expect(entry).toMatchObject({ status: 'added', sequenceNumber: 2n, fileSequenceNumber: 4n })
    expect(entry?.manifest.minSequenceNumber).toBe(2n)
    const tasks: string[][] = []
    for await (const task of planScan(table))
      tasks.push([task.file.filePath, ...task.deletes.map((one) => one.filePath)])
    expect(tasks).toEqual([['c', 'e']])
  })

  it('takes away deletes for removed files alone, and old ones where it rewrites a manifest', async () => {
    const lake = await Lake.create()
    const options = { environment: lake.environment }
    const empty = await lake.table()
    const [a, b] = ['a', 'b'].map((path) => dataFile(empty, path, [{ id: 1n }]))
    let table = await lake.append({ files: [a!] })
    const own = { ...positionDeletes(a!, 'own'), referencedDataFile: 'a' }
    const deletes = [own, positionDeletes(a!, 'any'), equalityDeletes(table, 'old', [{ id: 1n }])]
    table = committed(await rowDelta(table, { addDeletes: deletes }, options)).table
    table = await lake.append({ files: [b!] })
    const { snapshot, table: after } = committed(
      await replaceFiles(table, { remove: [a!], add: [dataFile(empty, 'a2', [{ id: 1n }])] }, options),
    )
    // b is of sequence number 3: nothing is left that the deletes of number 2 could apply to.
    expect(await livePaths(after)).toEqual(['a2', 'b'])
    expect(snapshot.summary).toMatchObject({ 'removed-delete-files': '3', 'total-delete-files': '0' })
  })

  it('refuses a replacement of nothing, and equality deletes', async () => {
    const lake = await Lake.create()
    const a = dataFile(await lake.table(), 'a', [{ id: 1n }])
    const table = await lake.append({ files: [a] })
    const run = async (commit: Parameters<typeof replaceFiles>[1]): Promise<string> =>
      String(await errorOf(replaceFiles(table, commit, { environment: lake.environment })))
    expect(await run({})).toMatch(/replaces no files/)
    expect(await run({ add: [dataFile(table, 'b', [])], removeDeletes: [positionDeletes(a, 'p')] })).toMatch(
      /without removing any/,
    )
    expect(
      await run({ removeDeletes: [positionDeletes(a, 'p')], addDeletes: [equalityDeletes(table, 'e', [{ id: 1n }])] }),
    ).toMatch(/equality deletes/)
    expect(await run({ remove: [a], add: [dataFile(table, 'b', [])], dataSequenceNumber: 2n })).toMatch(/last one is 1/)
  })
})

describe('row lineage', () => {
  it('is kept by files that stay and assigned to files that come', async () => {
    const lake = await Lake.create({ formatVersion: 3, properties: { 'commit.manifest.min-count-to-merge': '2' } })
    const options = { environment: lake.environment }
    const empty = await lake.table()
    const file = (path: string, rows: number): DataFile =>
      dataFile(
        empty,
        path,
        Array.from({ length: rows }, (_, id) => ({ id: BigInt(id) })),
      )
    let table = await lake.append({ files: [file('a', 2), file('b', 3)] })
    table = committed(await overwrite(table, { remove: [file('a', 2)], add: [file('c', 4)] }, options)).table
    table = committed(await replaceFiles(table, { remove: [file('c', 4)], add: [file('d', 4)] }, options)).table
    const ids = Object.fromEntries((await entriesOf(table)).map(({ path, file: { firstRowId } }) => [path, firstRowId]))
    expect(ids).toEqual({ b: 2n, c: 5n, d: 9n })
    expect(currentSnapshot(table.loaded.metadata)).toMatchObject({ firstRowId: 9n, addedRows: 4n })
    expect(table.loaded.metadata.nextRowId).toBe(13n)
  })
})

describe('branches', () => {
  it('are written to without touching main, and start at its head', async () => {
    const lake = await Lake.create()
    const options = { environment: lake.environment }
    const empty = await lake.table()
    const a = dataFile(empty, 'a', [{ id: 1n }])
    await lake.append({ files: [a] })
    const first = committed(
      await append(await lake.table(), { files: [dataFile(empty, 'b', [{ id: 1n }])], branch: 'audit' }, options),
    )
    expect(await livePaths(first.table, 'audit')).toEqual(['a', 'b'])
    expect(await livePaths(first.table)).toEqual(['a'])
    await lake.catalog.commitTable(lake.identifier, {
      requirements: [],
      updates: [
        {
          action: 'set-snapshot-ref',
          refName: 'audit',
          type: 'branch',
          snapshotId: first.snapshot.snapshotId,
          maxRefAgeMs: 5n,
        },
      ],
      base: first.table.loaded,
    })
    const second = committed(await overwrite(await lake.table(), { remove: [a], branch: 'audit' }, options))
    expect(await livePaths(second.table, 'audit')).toEqual(['b'])
    expect(await livePaths(second.table)).toEqual(['a'])
    expect(second.table.loaded.metadata.refs['audit']).toMatchObject({ maxRefAgeMs: 5n })
    expect(second.snapshot.parentSnapshotId).toBe(first.snapshot.snapshotId)
  })

  it('never lose a sequence number to a commit on another one', async () => {
    const lake = await Lake.create()
    const options = { environment: lake.environment }
    const mine = await lake.append({ files: [] })
    let raced = false
    lake.catalog.beforeCommit = async () => {
      if (raced) return
      raced = true
      await lake.append({ files: [dataFile(mine, 'theirs', [{ id: 1n }])] })
    }
    const outcome = committed(
      await append(mine, { files: [dataFile(mine, 'mine', [{ id: 1n }])], branch: 'audit' }, options),
    )
    // The branch was made at the head of main, which has moved on before it was there.
    expect(await livePaths(outcome.table, 'audit')).toEqual(['mine', 'theirs'])
    expect(outcome.snapshot.sequenceNumber).toBe(3n)
    raced = false
    const again = committed(
      await append(mine, { files: [dataFile(mine, 'more', [{ id: 1n }])], branch: 'audit' }, options),
    )
    expect(await livePaths(again.table, 'audit')).toEqual(['mine', 'more', 'theirs'])
    expect(again.snapshot.sequenceNumber).toBe(5n)
  })

  it('cannot be tags', async () => {
    const lake = await Lake.create()
    const table = await lake.append({ files: [] })
    await lake.catalog.commitTable(lake.identifier, {
      requirements: [],
      updates: [
        {
          action: 'set-snapshot-ref',
          refName: 'v1',
          type: 'tag',
          snapshotId: table.loaded.metadata.currentSnapshotId!,
        },
      ],
      base: table.loaded,
    })
    const error = await errorOf(
      append(await lake.table(), { files: [], branch: 'v1' }, { environment: lake.environment }),
    )
    expect(isIcebergError(error, 'invalid-argument')).toBe(true)
  })
})

describe('a staged snapshot', () => {
  it('is in the table and on no branch', async () => {
    const lake = await Lake.create()
    const table = await lake.append({ files: [] })
    const staged = committed(
      await append(
        table,
        { files: [dataFile(table, 'a', [{ id: 1n }])], stageOnly: true },
        { environment: lake.environment },
      ),
    )
    expect(await lake.scan()).toEqual([])
    expect(await lake.scan({ snapshotId: staged.snapshot.snapshotId })).toEqual(['a'])
  })
})

describe('a summary', () => {
  it('has the changes of each partition when the table asks for so many', async () => {
    const lake = await Lake.create({ partitionSpec: byName, properties: { 'write.summary.partition-limit': '2' } })
    const options = { environment: lake.environment }
    const empty = await lake.table()
    const [a, b, c] = ['a b', 'b', 'c'].map((name) => dataFile(empty, name, [{ id: 1n, name }]))
    const few = await lake.append({ files: [a!, b!] })
    expect(currentSnapshot(few.loaded.metadata)?.summary).toMatchObject({
      'partition-summaries-included': 'true',
      'partitions.name=a+b': 'added-data-files=1,added-records=1,added-files-size=1000',
      'partitions.name=b': 'added-data-files=1,added-records=1,added-files-size=1000',
    })
    const { snapshot } = committed(await overwrite(few, { remove: [a!], add: [c!] }, options))
    expect(snapshot.summary).toMatchObject({
      'partitions.name=a+b': 'deleted-data-files=1,deleted-records=1,removed-files-size=1000',
      'partitions.name=c': 'added-data-files=1,added-records=1,added-files-size=1000',
    })
    const files = ['d', 'e', 'f'].map((name) => dataFile(empty, name, [{ id: 1n, name }]))
    const many = currentSnapshot((await lake.append({ files })).loaded.metadata)!.summary
    expect(Object.keys(many).filter((field) => field.startsWith('partition'))).toEqual([])
    expect(many['changed-partition-count']).toBe('3')
  })
})

describe('a fast append', () => {
  it('leaves every manifest as it is', async () => {
    const lake = await Lake.create({ properties: { 'commit.manifest.min-count-to-merge': '2' } })
    const options = { environment: lake.environment }
    for (const path of ['a', 'b', 'c']) {
      const table = await lake.table()
      committed(await append(table, { files: [dataFile(table, path, [{ id: 1n }])], merge: false }, options))
    }
    const manifests = (await entriesOf(await lake.table())).map(
      ({ path, manifest }) => `${path} ${manifest.sequenceNumber}`,
    )
    expect(manifests).toEqual(['c 3', 'b 2', 'a 1'])
  })
})

describe('manifests and manifest lists', () => {
  it('are compressed as the table says', async () => {
    for (const [properties, codec] of [
      [{}, 'deflate'],
      [{ 'write.avro.compression-codec': 'zstd' }, 'zstandard'],
      [{ 'write.avro.compression-codec': 'zstd', 'write.manifest.compression-codec': 'uncompressed' }, 'null'],
      [{ 'write.manifest.compression-codec': 'snappy' }, 'deflate'],
      [{ 'write.avro.compression-codec': 'lz4' }, 'deflate'],
    ] as const) {
      const lake = await Lake.create({ properties })
      const table = await lake.append({ files: [dataFile(await lake.table(), 'a', [{ id: 1n }])] })
      expect(await livePaths(table)).toEqual(['a'])
      expect(lake.metadataFiles()).toHaveLength(2)
      for (const path of lake.metadataFiles()) {
        expect(Buffer.from(lake.io.files.get(path)!).toString('latin1')).toMatch(
          new RegExp(`avro\\.codec.${codec}`, 's'),
        )
      }
    }
    const lake = await Lake.create({ properties: { 'write.manifest.compression-codec': 'brotli' } })
    const error = await errorOf(append(await lake.table(), { files: [] }, { environment: lake.environment }))
    expect(String(error)).toMatch(/write\.manifest\.compression-codec names the unknown codec brotli/)
  })
})
