import { describe, expect, it } from 'vitest'
import {
  append,
  currentSnapshot,
  evolveSchema,
  isIcebergError,
  planScan,
  readManifest,
  readManifestList,
  serializeTableMetadata,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { dataFile, Lake } from './lake.ts'

async function manifestsOf(table: TableHandle) {
  const { metadata } = table.loaded
  return await readManifestList(table.io, currentSnapshot(metadata)!, { metadata })
}

describe('append', () => {
  it('commits a snapshot with summary, totals, schema id and sequence number', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    await lake.append({ files: [dataFile(table, 'a', [{ id: 1n }, { id: 2n }])] })
    const after = await lake.append({ files: [dataFile(table, 'b', [{ id: 3n }])], summary: { 'my.key': 'mine' } })
    const snapshot = currentSnapshot(after.loaded.metadata)
    expect(snapshot?.summary).toEqual({
      operation: 'append',
      'my.key': 'mine',
      'added-data-files': '1',
      'added-records': '1',
      'added-files-size': '1000',
      'changed-partition-count': '1',
      'total-records': '3',
      'total-files-size': '2000',
      'total-data-files': '2',
      'total-delete-files': '0',
      'total-position-deletes': '0',
      'total-equality-deletes': '0',
    })
    expect(snapshot).toMatchObject({ sequenceNumber: 2n, schemaId: 0, operation: 'append' })
    expect(snapshot?.snapshotId).toBeGreaterThan(0n)
    expect(after.loaded.metadata.refs['main']?.snapshotId).toBe(snapshot?.snapshotId)
    expect(after.loaded.metadata.snapshotLog).toHaveLength(2)
    expect(after.loaded.metadata.metadataLog).toHaveLength(2)
    expect(await lake.scan()).toEqual(['b', 'a'])
  })

  it('commits an empty append as a real snapshot', async () => {
    const lake = await Lake.create()
    const table = await lake.append({ files: [] })
    expect(currentSnapshot(table.loaded.metadata)?.summary).toMatchObject({
      'total-records': '0',
      'changed-partition-count': '0',
    })
    expect(await lake.scan()).toEqual([])
  })

  it('gives a snapshot an id that the table does not have', async () => {
    const lake = await Lake.create()
    const ids = [7n, 7n, 8n]
    const environment = {
      nowMs: () => lake.environment.nowMs(),
      uuid: () => lake.environment.uuid(),
      sleep: async () => Promise.resolve(),
      randomSnapshotId: () => ids.shift() ?? 0n,
    }
    for (let commit = 0; commit < 2; commit++) await append(await lake.table(), { files: [] }, { environment })
    expect((await lake.table()).loaded.metadata.snapshots.map(({ snapshotId }) => snapshotId)).toEqual([7n, 8n])
  })

  it('sets properties in the same commit, those of the attempt over the fixed ones', async () => {
    const lake = await Lake.create()
    const table = await lake.append({
      files: [],
      snapshotId: 42n,
      setProperties: { a: '1', b: '1' },
      properties: (attempt) => ({ b: `${attempt.snapshotId}/${attempt.parentSnapshotId ?? 'none'}` }),
    })
    expect(table.loaded.metadata.properties).toMatchObject({ a: '1', b: '42/none' })
    expect(lake.catalog.commits).toHaveLength(1)
  })

  it('evolves the schema in the same commit', async () => {
    const lake = await Lake.create()
    const before = await lake.table()
    const schemaUpdates = evolveSchema(before.loaded.metadata, { addColumns: [{ name: 'extra', type: 'int' }] })
    const table = await lake.append({ files: [], schemaUpdates })
    expect(currentSnapshot(table.loaded.metadata)?.schemaId).toBe(1)
    expect(table.loaded.metadata.lastColumnId).toBe(5)
  })

  it('refuses schema updates that were made for another schema', async () => {
    const lake = await Lake.create()
    const stale = await lake.table()
    const schemaUpdates = evolveSchema(stale.loaded.metadata, { addColumns: [{ name: 'extra', type: 'int' }] })
    await lake.append({ files: [], schemaUpdates })
    const outcome = await append(stale, { files: [], schemaUpdates }, { environment: lake.environment })
    expect(outcome).toMatchObject({ status: 'conflict', reason: expect.stringContaining('schema is now 1') as string })
  })

  it('never lets the clock of a late writer turn history back', async () => {
    const lake = await Lake.create()
    await lake.append({ files: [] })
    lake.environment.clockMs -= 3_600_000
    const table = await lake.append({ files: [] })
    const times = table.loaded.metadata.snapshotLog.map((entry) => entry.timestampMs)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(table.loaded.metadata.lastUpdatedMs).toBeGreaterThanOrEqual(times.at(-1)!)
  })

  it('refuses files that do not fit', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    const file = dataFile(table, 'a', [{ id: 1n }])
    const run = async (files: readonly (typeof file)[]): Promise<unknown> =>
      await append(table, { files }, { environment: lake.environment }).catch((error: unknown) => error)
    expect(isIcebergError(await run([file, file]), 'invalid-argument')).toBe(true)
    expect(isIcebergError(await run([{ ...file, content: 'position-deletes' }]), 'invalid-argument')).toBe(true)
    expect(isIcebergError(await run([{ ...file, partition: [1] }]), 'invalid-argument')).toBe(true)
    expect(isIcebergError(await run([{ ...file, specId: 9 }]), 'invalid-argument')).toBe(true)
    expect(lake.metadataFiles()).toEqual([])
    expect(lake.catalog.commits).toHaveLength(0)
  })

  it('does not write into a table of version 1', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    const text = serializeTableMetadata({ ...table.loaded.metadata, formatVersion: 1 })
    lake.io.files.set('/v1.metadata.json', new TextEncoder().encode(text))
    await lake.catalog.dropTable(lake.identifier)
    await lake.catalog.registerTable(lake.identifier, '/v1.metadata.json')
    await expect(lake.append({ files: [] })).rejects.toThrow(/format version 1/)
  })
})

describe('append against others', () => {
  it('rebases on another writer: a new manifest list, the same manifest', async () => {
    const lake = await Lake.create()
    const mine = await lake.table()
    let raced = false
    lake.catalog.beforeCommit = async () => {
      if (raced) return
      raced = true
      await lake.append({ files: [dataFile(mine, 'theirs', [{ id: 1n }])] })
    }
    const outcome = await append(
      mine,
      { files: [dataFile(mine, 'mine', [{ id: 2n }])], snapshotId: 7n },
      { environment: lake.environment },
    )
    expect(outcome).toMatchObject({ status: 'committed', snapshot: { snapshotId: 7n, sequenceNumber: 2n } })
    expect(await lake.scan()).toEqual(['mine', 'theirs'])
    expect(lake.environment.sleeps).toHaveLength(1)
    const created = lake.io.calls.filter((call) => call.startsWith('create') && call.includes('.avro'))
    expect(created.filter((call) => call.includes('-m'))).toHaveLength(2)
    expect(created.filter((call) => call.includes('snap-7-'))).toHaveLength(2)
    expect(lake.metadataFiles().filter((path) => path.includes('snap-7-'))).toHaveLength(1)
  })

  it('asks the precondition before every attempt and leaves nothing behind when it objects', async () => {
    const lake = await Lake.create()
    const mine = await lake.table()
    const heads: (bigint | undefined)[] = []
    let raced = false
    lake.catalog.beforeCommit = async () => {
      if (raced) return
      raced = true
      await lake.append({ files: [], snapshotId: 5n })
    }
    const outcome = await append(
      mine,
      {
        files: [dataFile(mine, 'mine', [{ id: 2n }])],
        snapshotId: 7n,
        precondition: (head) => {
          heads.push(head.currentSnapshotId)
          return head.currentSnapshotId === undefined ? undefined : 'somebody was here'
        },
      },
      { environment: lake.environment },
    )
    expect(outcome).toMatchObject({ status: 'conflict', reason: 'somebody was here' })
    expect(heads).toEqual([undefined, 5n])
    expect(lake.metadataFiles().filter((path) => !path.includes('snap-5-'))).toEqual([])
  })

  it('sees a stale handle through the refreshed head, not through its own', async () => {
    const lake = await Lake.create()
    const stale = await lake.table()
    await lake.append({ files: [], snapshotId: 5n })
    const seen: unknown[] = []
    await append(
      stale,
      { files: [], precondition: (head) => void seen.push(head.currentSnapshotId) as undefined },
      { environment: lake.environment },
    )
    expect(seen).toEqual([5n])
  })

  it('gives up after the retries of the table properties, and cleans up', async () => {
    const lake = await Lake.create({
      properties: {
        'commit.retry.num-retries': '2',
        'commit.retry.min-wait-ms': '100',
        'commit.retry.max-wait-ms': '150',
      },
    })
    lake.catalog.faults.push('conflict', 'conflict', 'conflict')
    const table = await lake.table()
    const outcome = await append(
      table,
      { files: [dataFile(table, 'a', [{ id: 1n }])] },
      { environment: lake.environment },
    )
    expect(outcome).toMatchObject({ status: 'conflict', reason: 'another writer was quicker' })
    expect(lake.catalog.commits).toHaveLength(3)
    expect(lake.environment.sleeps).toHaveLength(2)
    expect(lake.environment.sleeps.every((ms) => ms >= 50 && ms <= 150)).toBe(true)
    expect(lake.metadataFiles()).toEqual([])
  })

  it('gives up when the total time of the table properties has passed, however many retries are left', async () => {
    const lake = await Lake.create({
      properties: { 'commit.retry.num-retries': '100', 'commit.retry.total-timeout-ms': '60000' },
    })
    lake.catalog.faults.push('conflict', 'conflict', 'conflict', 'conflict')
    const { environment } = lake
    const outcome = await append(
      await lake.table(),
      { files: [] },
      {
        environment: {
          nowMs: () => environment.nowMs(),
          uuid: () => environment.uuid(),
          sleep: async () => void (environment.clockMs += 25_000),
        },
      },
    )
    expect(outcome.status).toBe('conflict')
    // At 0, 25, 50 and 75 seconds; the last of them is past the time.
    expect(lake.catalog.commits).toHaveLength(4)
  })

  it('loses nothing when many writers append at once', { timeout: 60_000 }, async () => {
    const lake = await Lake.create({
      properties: { 'commit.retry.num-retries': '100', 'commit.manifest.min-count-to-merge': '5' },
    })
    const table = await lake.table()
    await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        for (let n = 0; n < 5; n++) await lake.append({ files: [dataFile(table, `${writer}-${n}`, [{ id: 1n }])] })
      }),
    )
    expect((await lake.scan()).toSorted()).toEqual(
      Array.from({ length: 40 }, (_, at) => `${Math.floor(at / 5)}-${at % 5}`).toSorted(),
    )
    const after = await lake.table()
    expect(after.loaded.metadata.snapshots).toHaveLength(40)
    expect(currentSnapshot(after.loaded.metadata)?.summary['total-records']).toBe('40')
  })

  it('stops for a table that was dropped and made again', async () => {
    const lake = await Lake.create()
    const mine = await lake.table()
    await lake.catalog.dropTable(lake.identifier)
    await lake.catalog.createTable(lake.identifier, { schema: { schemaId: 0, fields: [], identifierFieldIds: [] } })
    const outcome = await append(mine, { files: [] }, { environment: lake.environment })
    expect(outcome).toMatchObject({ status: 'conflict', reason: expect.stringContaining('replaced') as string })
  })
})

describe('append with an answer that is lost', () => {
  it('says what it asserted, deletes nothing, and finds its snapshot when asked again', async () => {
    const lake = await Lake.create()
    const before = await lake.append({ files: [] })
    const head = currentSnapshot(before.loaded.metadata)!.snapshotId
    lake.catalog.faults.push('lost-after-commit')
    const commit = { files: [dataFile(before, 'a', [{ id: 1n }])], snapshotId: 99n }
    const first = await append(before, commit, { environment: lake.environment })
    expect(first).toMatchObject({ status: 'unknown', snapshotId: 99n, asserted: head })
    const again = await append(await lake.table(), commit, { environment: lake.environment })
    expect(again).toMatchObject({ status: 'committed', snapshot: { snapshotId: 99n } })
    expect(await lake.scan()).toEqual(['a'])
    expect((await lake.table()).loaded.metadata.snapshots).toHaveLength(2)
  })

  it('commits the same snapshot when the lost request did not land', async () => {
    const lake = await Lake.create()
    lake.catalog.faults.push('lost-before-commit')
    const table = await lake.table()
    const commit = { files: [dataFile(table, 'a', [{ id: 1n }])], snapshotId: 99n }
    const first = await append(table, commit, { environment: lake.environment })
    expect(first).toMatchObject({ status: 'unknown', asserted: undefined })
    expect(lake.metadataFiles()).toHaveLength(2)
    const again = await append(await lake.table(), commit, { environment: lake.environment })
    expect(again.status).toBe('committed')
    expect(await lake.scan()).toEqual(['a'])
  })

  it('passes on an error of the catalog and leaves nothing behind', async () => {
    const lake = await Lake.create()
    lake.catalog.faults.push('throw')
    await expect(append(await lake.table(), { files: [] }, { environment: lake.environment })).rejects.toThrow(
      /cannot be reached/,
    )
    expect(lake.metadataFiles()).toEqual([])
  })

  it('throws the reason of an abort and leaves nothing behind', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    const abort = new AbortController()
    const commit = {
      files: [dataFile(table, 'a', [{ id: 1n }])],
      precondition: () => {
        abort.abort(new Error('stop'))
        return undefined
      },
    }
    await expect(append(table, commit, { environment: lake.environment, signal: abort.signal })).rejects.toThrow('stop')
    expect(lake.metadataFiles()).toEqual([])
    expect(lake.catalog.commits).toHaveLength(0)
  })
})

describe('manifests of an append', () => {
  it('are merged when there are enough of them, and keep sequence numbers and snapshot ids', async () => {
    const lake = await Lake.create({ properties: { 'commit.manifest.min-count-to-merge': '3' } })
    const table = await lake.table()
    const snapshots: bigint[] = []
    for (let n = 1; n <= 3; n++) {
      const after = await lake.append({ files: [dataFile(table, `f${n}`, [{ id: 1n }])] })
      snapshots.push(currentSnapshot(after.loaded.metadata)!.snapshotId)
    }
    const after = await lake.table()
    const manifests = await manifestsOf(after)
    expect(manifests).toHaveLength(1)
    expect(manifests[0]).toMatchObject({
      addedFilesCount: 1,
      existingFilesCount: 2,
      sequenceNumber: 3n,
      minSequenceNumber: 1n,
    })
    const entries = []
    for await (const entry of readManifest(after.io, manifests[0]!, { metadata: after.loaded.metadata }))
      entries.push(entry)
    expect(
      entries.map((entry) => [
        entry.file.filePath,
        entry.status,
        entry.sequenceNumber,
        entry.fileSequenceNumber,
        entry.snapshotId,
      ]),
    ).toEqual([
      ['f3', 'added', 3n, 3n, snapshots[2]],
      ['f2', 'existing', 2n, 2n, snapshots[1]],
      ['f1', 'existing', 1n, 1n, snapshots[0]],
    ])
    // The manifest of f3 alone went into the merged one and is gone; those of earlier snapshots are still theirs.
    expect(lake.metadataFiles().filter((path) => path.includes('-m'))).toHaveLength(3)
  })

  it('stay few while snapshots become many', async () => {
    const lake = await Lake.create({ properties: { 'commit.manifest.min-count-to-merge': '10' } })
    const table = await lake.table()
    for (let n = 0; n < 60; n++) await lake.append({ files: [dataFile(table, `f${n}`, [{ id: BigInt(n) }])] })
    expect((await manifestsOf(await lake.table())).length).toBeLessThanOrEqual(10)
    expect(await lake.scan()).toHaveLength(60)
  })

  it('give every row its own id in version 3, through merges too', async () => {
    const lake = await Lake.create({ formatVersion: 3, properties: { 'commit.manifest.min-count-to-merge': '2' } })
    const table = await lake.table()
    await lake.append({ files: [dataFile(table, 'a', [{ id: 1n }, { id: 2n }]), dataFile(table, 'b', [{ id: 3n }])] })
    await lake.append({ files: [dataFile(table, 'c', [{ id: 4n }])] })
    const after = await lake.append({ files: [dataFile(table, 'd', [{ id: 5n }])] })
    const ids: Record<string, bigint | undefined> = {}
    for await (const { file } of planScan(after)) ids[file.filePath] = file.firstRowId
    expect(ids).toEqual({ a: 0n, b: 2n, c: 3n, d: 4n })
    expect(after.loaded.metadata.nextRowId).toBe(5n)
    expect(currentSnapshot(after.loaded.metadata)).toMatchObject({ firstRowId: 4n, addedRows: 1n })
  })
})
