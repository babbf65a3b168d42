import { describe, expect, it } from 'vitest'
import { type DataFile, eq, type Expression, planScan, type PartitionSpec } from '@icebridge/iceberg-core'
import { dataFile, Lake } from './lake.ts'
import { commitRaw, deletionVector, equalityDeletes, positionDeletes, type RawEntry } from './raw-snapshot.ts'

const byName: PartitionSpec = {
  specId: 0,
  fields: [{ sourceIds: [3], fieldId: 1000, name: 'name', transform: { kind: 'identity' } }],
}

/** Paths of the delete files of each data file. */
async function planned(lake: Lake, filter?: Expression): Promise<Record<string, string[]>> {
  const deletes: Record<string, string[]> = {}
  for await (const task of planScan(await lake.table(), { filter })) {
    deletes[task.file.filePath] = task.deletes.map((file) => file.filePath)
  }
  return deletes
}

describe('equality deletes', () => {
  it('apply to files of earlier commits, not to those of the same one', async () => {
    const lake = await Lake.create()
    const table = await lake.append({ files: [dataFile(await lake.table(), 'old', [{ id: 1n }])] })
    await commitRaw(lake, {
      snapshotId: 2n,
      operation: 'overwrite',
      manifests: [
        [{ file: dataFile(table, 'same', [{ id: 1n }]) }],
        [{ file: equalityDeletes(table, 'e', [{ id: 1n }]) }],
      ],
    })
    await lake.append({ files: [dataFile(table, 'new', [{ id: 1n }])] })
    expect(await planned(lake)).toEqual({ old: ['e'], same: [], new: [] })
  })

  it('stay in their partition, unless they are of an unpartitioned spec', async () => {
    const lake = await Lake.create({ partitionSpec: byName })
    const table = await lake.table()
    const [a, b] = ['a', 'b'].map((name) => dataFile(table, name, [{ id: 1n, name }]))
    await lake.append({ files: [a!, b!] })
    await lake.catalog.commitTable(lake.identifier, {
      requirements: [],
      updates: [{ action: 'add-spec', spec: { specId: 1, fields: [] } }],
      base: table.loaded,
    })
    const inA = equalityDeletes(table, 'inA', [{ id: 1n, name: 'a' }])
    const everywhere = { ...equalityDeletes(table, 'everywhere', [{ id: 1n }]), specId: 1, partition: [] }
    await commitRaw(lake, {
      snapshotId: 2n,
      operation: 'delete',
      manifests: [[{ file: inA }], [{ file: everywhere }]],
    })
    expect(await planned(lake)).toEqual({ a: ['everywhere', 'inA'], b: ['everywhere'] })
    expect(await planned(lake, eq('name', 'b'))).toEqual({ b: ['everywhere'] })
  })

  it('are left out where bounds and null counts show that no row can be equal', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    await lake.append({
      files: [
        dataFile(table, 'low', [{ id: 1n, name: 'x', score: 1 }]),
        dataFile(table, 'high', [{ id: 100n, name: null, score: Number.NaN }]),
        { ...dataFile(table, 'unknown', [{ id: 1n }]), lowerBounds: new Map(), nullValueCounts: new Map() },
      ],
    })
    const deletes = [
      equalityDeletes(table, 'id-1', [{ id: 1n }], [1]),
      equalityDeletes(table, 'name-null', [{ name: null }], [3]),
      equalityDeletes(table, 'name-x', [{ name: 'x' }], [3]),
      equalityDeletes(table, 'nan', [{ score: Number.NaN }], [4]),
      equalityDeletes(table, 'both', [{ id: 1n, name: null }], [1, 3]),
    ]
    await commitRaw(lake, { snapshotId: 2n, operation: 'delete', manifests: [deletes.map((file) => ({ file }))] })
    expect(await planned(lake)).toEqual({
      low: ['id-1', 'name-x', 'nan'],
      high: ['name-null', 'nan'],
      unknown: ['id-1', 'name-null', 'name-x', 'nan', 'both'],
    })
  })

  it('without columns are an error that names the file', async () => {
    const lake = await Lake.create()
    const table = await lake.append({ files: [dataFile(await lake.table(), 'a', [{ id: 1n }])] })
    const { equalityIds: _, ...file } = equalityDeletes(table, 'e', [{ id: 1n }])
    await commitRaw(lake, { snapshotId: 2n, operation: 'delete', manifests: [[{ file }]] })
    await expect(planned(lake)).rejects.toMatchObject({ code: 'malformed-manifest', context: { file: 'e' } })
  })
})

describe('position deletes', () => {
  it('apply to files of the same and of earlier commits in their partition', async () => {
    const lake = await Lake.create({ partitionSpec: byName })
    const table = await lake.table()
    const [a, b, same, later] = ['a', 'b', 'same', 'later'].map((path) =>
      dataFile(table, path, [{ id: 1n, name: path === 'b' ? 'b' : 'a' }]),
    )
    await lake.append({ files: [a!, b!] })
    await commitRaw(lake, {
      snapshotId: 2n,
      operation: 'overwrite',
      manifests: [[{ file: same! }], [{ file: positionDeletes(a!, 'p') }]],
    })
    await lake.append({ files: [later!] })
    expect(await planned(lake)).toEqual({ a: ['p'], b: [], same: ['p'], later: [] })
  })

  it('are found by the file that they refer to, or by the bounds of their paths', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    const [a, b, c] = ['/data/a.parquet', '/data/b.parquet', '/data/c.parquet'].map((path) =>
      dataFile(table, path, [{ id: 1n }]),
    )
    await lake.append({ files: [a!, b!, c!] })
    const entries: RawEntry[] = [
      { file: { ...positionDeletes(a!, 'refers-to-a'), referencedDataFile: a!.filePath } },
      { file: positionDeletes(a!, 'bounds-b', [b!.filePath, b!.filePath]) },
      { file: positionDeletes(a!, 'bounds-b-to-c', [b!.filePath, c!.filePath]) },
      { file: positionDeletes(a!, 'cut-off', ['/data/', '/data/']) },
      { file: positionDeletes(a!, 'elsewhere', ['/other/a.parquet', '/other/b.parquet']) },
    ]
    await commitRaw(lake, { snapshotId: 2n, operation: 'delete', manifests: [entries] })
    expect(await planned(lake)).toEqual({
      '/data/a.parquet': ['cut-off', 'refers-to-a'],
      '/data/b.parquet': ['bounds-b-to-c', 'cut-off', 'bounds-b'],
      '/data/c.parquet': ['bounds-b-to-c', 'cut-off'],
    })
  })
})

describe('deletion vectors', () => {
  it('take the place of position deletes, but not of equality deletes', async () => {
    const lake = await Lake.create({ formatVersion: 3 })
    const table = await lake.table()
    const [a, b] = ['a', 'b'].map((path) => dataFile(table, path, [{ id: 1n }]))
    await lake.append({ files: [a!, b!] })
    await commitRaw(lake, {
      snapshotId: 2n,
      operation: 'delete',
      manifests: [
        [
          { file: positionDeletes(a!, 'p') },
          { file: { ...positionDeletes(a!, 'q'), referencedDataFile: 'a' } },
          { file: equalityDeletes(table, 'e', [{ id: 1n }]) },
          { file: deletionVector(a!, 'dv') },
        ],
      ],
    })
    expect(await planned(lake)).toEqual({ a: ['e', 'dv'], b: ['e', 'p'] })
  })

  it('that are older than the data file do not apply to it', async () => {
    const lake = await Lake.create({ formatVersion: 3 })
    const a = dataFile(await lake.table(), 'a', [{ id: 1n }])
    await commitRaw(lake, {
      snapshotId: 1n,
      operation: 'overwrite',
      manifests: [[{ file: deletionVector(a, 'old') }]],
    })
    await lake.append({ files: [a] })
    expect(await planned(lake)).toEqual({ a: [] })
  })

  it('must say which file they are for and where they are, and be alone', async () => {
    const faults: readonly [(file: DataFile) => DataFile[], object][] = [
      [(a) => [{ ...deletionVector(a, 'dv'), referencedDataFile: undefined! }], { file: 'dv' }],
      [(a) => [{ ...deletionVector(a, 'dv'), contentOffset: undefined! }], { file: 'dv' }],
      [(a) => [{ ...deletionVector(a, 'dv'), contentSizeBytes: undefined! }], { file: 'dv' }],
      [(a) => [deletionVector(a, 'dv1'), deletionVector(a, 'dv2')], { file: 'a', vectors: 'dv1, dv2' }],
    ]
    for (const [vectors, context] of faults) {
      const lake = await Lake.create({ formatVersion: 3 })
      const a = dataFile(await lake.table(), 'a', [{ id: 1n }])
      await lake.append({ files: [a] })
      const manifests = [vectors(a).map((file) => ({ file }))]
      await commitRaw(lake, { snapshotId: 2n, operation: 'delete', manifests })
      await expect(planned(lake)).rejects.toMatchObject({ code: 'malformed-manifest', context })
    }
  })
})

describe('a delete manifest', () => {
  it('that the list calls one of data is found by the counts of the summary, or where those are missing', async () => {
    for (const summary of [{ 'total-delete-files': '1' }, {}]) {
      const lake = await Lake.create()
      const table = await lake.append({ files: [dataFile(await lake.table(), 'a', [{ id: 1n }])] })
      await commitRaw(lake, {
        snapshotId: 2n,
        operation: 'delete',
        manifests: [[{ file: equalityDeletes(table, 'e', [{ id: 1n }]) }]],
        listedAs: 'data',
        summary,
      })
      expect(await planned(lake)).toEqual({ a: ['e'] })
    }
  })

  it('that nothing gives away in time is an error, never rows that should be gone', async () => {
    const lake = await Lake.create()
    const table = await lake.append({ files: [dataFile(await lake.table(), 'a', [{ id: 1n }])] })
    await commitRaw(lake, {
      snapshotId: 2n,
      operation: 'delete',
      manifests: [[{ file: equalityDeletes(table, 'e', [{ id: 1n }]) }]],
      listedAs: 'data',
      summary: { 'total-delete-files': '0' },
    })
    await expect(planned(lake)).rejects.toMatchObject({
      code: 'malformed-manifest',
      context: { file: '/raw/2-m0.avro', entry: 'e' },
    })
  })

  it('of removed deletes is not applied', async () => {
    const lake = await Lake.create()
    const table = await lake.append({ files: [dataFile(await lake.table(), 'a', [{ id: 1n }])] })
    const file = equalityDeletes(table, 'e', [{ id: 1n }])
    await commitRaw(lake, { snapshotId: 2n, operation: 'delete', manifests: [[{ file }]] })
    await commitRaw(lake, {
      snapshotId: 3n,
      operation: 'replace',
      manifests: [[{ file, status: 'deleted', sequenceNumber: 2n }]],
      dropped: (path) => path === '/raw/2-m0.avro',
    })
    expect(await planned(lake)).toEqual({ a: [] })
  })

  it('is not opened when its partitions cannot match the filter', async () => {
    const lake = await Lake.create({ partitionSpec: byName })
    const table = await lake.table()
    const [a, b] = ['a', 'b'].map((name) => dataFile(table, name, [{ id: 1n, name }]))
    await lake.append({ files: [a!, b!] })
    await commitRaw(lake, {
      snapshotId: 2n,
      operation: 'delete',
      manifests: [[{ file: positionDeletes(a!, 'p') }]],
      summary: { 'total-delete-files': '1' },
    })
    lake.io.calls.length = 0
    expect(await planned(lake, eq('name', 'b'))).toEqual({ b: [] })
    expect(lake.io.calls).not.toContain('read /raw/2-m0.avro')
  })
})
