import { describe, expect, it } from 'vitest'
import {
  createBranch,
  createTag,
  currentSchema,
  currentSnapshot,
  defaultSortOrder,
  defaultSpec,
  fastForward,
  formatTransform,
  formatType,
  type MetadataOutcome,
  parseTableMetadata,
  type PartitionSpecChanges,
  removeRef,
  replaceBranch,
  replaceTag,
  rollbackTo,
  rollbackToTime,
  type SchemaChanges,
  serializeTableMetadata,
  setCurrentSnapshot,
  type TableHandle,
  type TableMetadata,
  updateLocation,
  updatePartitionSpec,
  updateProperties,
  updateRefRetention,
  updateSchema,
  updateSortOrder,
  updateStatistics,
  upgradeFormatVersion,
} from '@icebridge/iceberg-core'
import { dataFile, events, Lake } from './lake.ts'

function committed(outcome: MetadataOutcome): TableMetadata {
  if (outcome.status !== 'committed') throw new Error(JSON.stringify(outcome, (_, v: unknown) => String(v)))
  return outcome.table.loaded.metadata
}

/** Appends `count` one-row files, each in a snapshot of its own. */
async function grow(lake: Lake, count: number): Promise<bigint[]> {
  const ids: bigint[] = []
  for (let n = 0; n < count; n++) {
    const table = await lake.table()
    const name = `${table.loaded.metadata.snapshots.length}`
    const after = await lake.append({ files: [dataFile(table, name, [{ id: BigInt(n) }])] })
    ids.push(currentSnapshot(after.loaded.metadata)!.snapshotId)
  }
  return ids
}

/** A lake whose table is of format version 1, without a uuid. */
async function version1(): Promise<Lake> {
  const lake = await Lake.create({
    partitionSpec: {
      specId: 0,
      fields: [{ sourceIds: [3], fieldId: 1000, name: 'name', transform: { kind: 'identity' } }],
    },
  })
  const { metadata } = (await lake.table()).loaded
  const text = serializeTableMetadata({ ...metadata, formatVersion: 1, tableUuid: '' })
  lake.io.files.set('/v1.metadata.json', new TextEncoder().encode(text))
  await lake.catalog.dropTable(lake.identifier)
  await lake.catalog.registerTable(lake.identifier, '/v1.metadata.json')
  return lake
}

describe('a change of metadata', () => {
  it('is made anew on what another writer has committed', async () => {
    const lake = await Lake.create()
    const stale = await lake.table()
    await grow(lake, 1)
    const metadata = committed(await updateProperties(stale, { set: { a: '1' } }, lake))
    expect(metadata.snapshots).toHaveLength(1)
    expect(metadata.properties).toMatchObject({ a: '1' })
  })

  it('is tried again after a conflict, with waits, up to the retries of the table', async () => {
    const lake = await Lake.create({ properties: { 'commit.retry.num-retries': '2' } })
    lake.catalog.faults.push('conflict', 'conflict')
    committed(await updateProperties(await lake.table(), { set: { a: '1' } }, lake))
    expect(lake.environment.sleeps).toHaveLength(2)
    lake.catalog.faults.push('conflict', 'conflict', 'conflict')
    const outcome = await updateProperties(await lake.table(), { set: { a: '2' } }, lake)
    expect(outcome).toMatchObject({ status: 'conflict', reason: 'another writer was quicker' })
    expect((await lake.table()).loaded.metadata.properties['a']).toBe('1')
  })

  it('is unknown when the answer was lost, and says what it asserted; asked again it finds itself done', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    lake.catalog.faults.push('lost-after-commit')
    const outcome = await updateProperties(table, { set: { a: '1' } }, lake)
    expect(outcome).toMatchObject({ status: 'unknown', asserted: { metadataLocation: table.loaded.metadataLocation } })
    const commits = lake.catalog.commits.length
    committed(await updateProperties(table, { set: { a: '1' } }, lake))
    expect(lake.catalog.commits).toHaveLength(commits)
  })

  it('throws what the catalog throws before a commit is sent', async () => {
    const lake = await Lake.create()
    lake.catalog.faults.push('throw')
    await expect(updateProperties(await lake.table(), { set: { a: '1' } }, lake)).rejects.toThrow(/cannot be reached/)
  })

  it('does not touch a table that was put in the place of another', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    await lake.catalog.dropTable(lake.identifier)
    await lake.catalog.createTable(lake.identifier, { schema: events })
    expect(await updateProperties(table, { set: { a: '1' } }, lake)).toMatchObject({
      status: 'conflict',
      reason: expect.stringContaining('was replaced') as string,
    })
  })

  it('stops when it is aborted', async () => {
    const lake = await Lake.create()
    const options = { environment: lake.environment, signal: AbortSignal.abort(new Error('enough')) }
    await expect(updateProperties(await lake.table(), { set: { a: '1' } }, options)).rejects.toThrow('enough')
  })
})

describe('properties', () => {
  it('are set and removed, those of others stay, and nothing is committed without a change', async () => {
    const lake = await Lake.create({ properties: { keep: '1', gone: '1', same: '1' } })
    const table = await lake.table()
    const metadata = committed(
      await updateProperties(table, { set: { same: '1', b: '2' }, remove: ['gone', 'x'] }, lake),
    )
    expect(metadata.properties).toEqual({ keep: '1', same: '1', b: '2' })
    expect(lake.catalog.commits.at(-1)?.updates).toEqual([
      { action: 'set-properties', updates: { b: '2' } },
      { action: 'remove-properties', removals: ['gone'] },
    ])
    committed(await updateProperties(await lake.table(), { set: { b: '2' }, remove: ['gone'] }, lake))
    expect(lake.catalog.commits).toHaveLength(1)
  })

  it('are refused when they are none, or set and removed at once', async () => {
    const lake = await Lake.create()
    const table = await lake.table()
    await expect(updateProperties(table, { set: { 'format-version': '3' } }, lake)).rejects.toThrow(/no property/)
    await expect(updateProperties(table, { set: { a: '1' }, remove: ['a'] }, lake)).rejects.toThrow(/both/)
  })
})

describe('schema changes', () => {
  const change = async (lake: Lake, changes: SchemaChanges): Promise<TableMetadata> =>
    committed(await updateSchema(await lake.table(), changes, lake))
  const columns = (metadata: TableMetadata): string[] =>
    currentSchema(metadata).fields.map((field) => `${field.id} ${field.name} ${formatType(field.type)}`)
  const place = {
    kind: 'struct',
    fields: [
      { id: 90, name: 'lat', required: true, type: 'float' },
      { id: 91, name: 'lon', required: true, type: 'float' },
    ],
  } as const

  it('move columns first, before and after, nested ones too', async () => {
    const lake = await Lake.create()
    await change(lake, { addColumns: [{ name: 'place', type: place }] })
    const metadata = await change(lake, {
      renameColumns: [{ column: 'score', name: 'points' }],
      moveColumns: [
        { column: 'points', to: 'first' },
        { column: 'id', after: 'at' },
        { column: 'place', before: 'at' },
        { column: 'place.lon', to: 'first' },
      ],
    })
    expect(columns(metadata)).toEqual([
      '4 points double',
      '5 place struct<7: lon: float, 6: lat: float>',
      '2 at timestamptz',
      '1 id long',
      '3 name string',
    ])
    await expect(change(lake, { moveColumns: [{ column: 'place.lat', before: 'id' }] })).rejects.toThrow(/one struct/)
    await expect(change(lake, { moveColumns: [{ column: 'id', before: 'id' }] })).rejects.toThrow(/different fields/)
    await expect(change(lake, { moveColumns: [{ column: 'nope', to: 'first' }] })).rejects.toThrow(/no column nope/)
  })

  it('set and take away identifier fields', async () => {
    const lake = await Lake.create()
    expect(currentSchema(await change(lake, { identifierFields: ['id'] })).identifierFieldIds).toEqual([1])
    await expect(change(lake, { dropColumns: ['id'] })).rejects.toThrow(/used by the identifier fields/)
    await expect(change(lake, { identifierFields: ['name'] })).rejects.toThrow(/optional/)
    await expect(change(lake, { identifierFields: ['score'] })).rejects.toThrow(/floating/)
    const dropped = await change(lake, { dropColumns: ['id'], identifierFields: [] })
    expect(currentSchema(dropped).identifierFieldIds).toEqual([])
  })

  it('unite a schema by name: missing columns, wider types, optional ones, docs, at every depth', async () => {
    const lake = await Lake.create({ formatVersion: 3 })
    await change(lake, {
      addColumns: [
        { name: 'n', type: 'int' },
        { name: 'place', type: place },
        { name: 'tags', type: { kind: 'list', elementId: 0, elementRequired: true, element: 'int' } },
        { name: 'what', type: 'unknown' },
      ],
    })
    const union = {
      fields: [
        { id: 1, name: 'n', required: false, type: 'long', doc: 'wide' },
        { id: 2, name: 'id', required: false, type: 'int' },
        { id: 3, name: 'new', required: true, type: 'date' },
        {
          id: 4,
          name: 'place',
          required: false,
          type: {
            kind: 'struct',
            fields: [
              { id: 5, name: 'lat', required: false, type: 'double' },
              { id: 6, name: 'alt', required: false, type: 'float' },
            ],
          },
        },
        {
          id: 7,
          name: 'tags',
          required: false,
          type: { kind: 'list', elementId: 8, elementRequired: false, element: 'long' },
        },
        {
          id: 9,
          name: 'what',
          required: false,
          type: { kind: 'list', elementId: 1, elementRequired: false, element: 'int' },
        },
      ],
    } as const
    const metadata = await change(lake, { unionByName: union })
    expect(columns(metadata)).toEqual([
      '1 id long',
      '2 at timestamptz',
      '3 name string',
      '4 score double',
      '5 n long',
      '6 place struct<7: lat: double, 8: lon: float, 14: alt: float>',
      '9 tags list<long>',
      '11 what list<int>',
      '13 new date',
    ])
    expect(currentSchema(metadata).fields.map(({ required }) => required)).toEqual(Array(9).fill(false))
    expect(currentSchema(metadata).fields[4]?.doc).toBe('wide')
    expect(currentSchema(metadata).fields[6]?.type).toMatchObject({ elementRequired: false })
    expect(currentSchema(metadata).fields[5]?.type).toMatchObject({
      fields: [{ required: false }, { required: true }, {}],
    })
    const commits = lake.catalog.commits.length
    await change(lake, { unionByName: union })
    expect(lake.catalog.commits).toHaveLength(commits)
    await expect(
      change(lake, { unionByName: { fields: [{ id: 1, name: 'name', required: false, type: 'int' }] } }),
    ).rejects.toThrow(/column name is of type string and cannot also hold int/)
  })

  it('set defaults in version 3, and check that they are of the type', async () => {
    const lake = await Lake.create({ formatVersion: 3 })
    const metadata = await change(lake, {
      addColumns: [
        { name: 'd', type: 'date', required: true, initialDefault: '2020-02-29' },
        { name: 'p', type: place, initialDefault: {} },
      ],
      writeDefaults: [{ column: 'name', value: 'nobody' }],
    })
    expect(currentSchema(metadata).fields[4]).toMatchObject({
      initialDefault: '2020-02-29',
      writeDefault: '2020-02-29',
    })
    expect(currentSchema(metadata).fields[2]).toMatchObject({ writeDefault: 'nobody' })
    expect(
      currentSchema(await change(lake, { writeDefaults: [{ column: 'name', value: null }] })).fields[2],
    ).not.toHaveProperty('writeDefault')
    for (const [column, value] of [
      ['d', 7],
      ['score', 'x'],
      ['p', { '6': 1.5 }],
    ] as const) {
      await expect(change(lake, { writeDefaults: [{ column, value }] })).rejects.toThrow(/default of/)
    }
    await expect(change(lake, { writeDefaults: [{ column: 'd', value: null }] })).rejects.toThrow(/cannot do without/)
    await expect(
      change(lake, { addColumns: [{ name: 'v', type: { kind: 'variant' }, initialDefault: 1 }] }),
    ).rejects.toThrow(/no default but null/)
    const old = await Lake.create()
    await expect(change(old, { writeDefaults: [{ column: 'name', value: 'x' }] })).rejects.toThrow(/version 3/)
  })

  it('refuse what has no meaning in lists and maps instead of dropping it silently', async () => {
    const lake = await Lake.create()
    const map = { kind: 'map', keyId: 0, key: place, valueId: 0, valueRequired: true, value: 'int' } as const
    const list = {
      kind: 'list',
      elementId: 0,
      elementRequired: true,
      element: { kind: 'decimal', precision: 5, scale: 2 },
    } as const
    await change(lake, {
      addColumns: [
        { name: 'm', type: map },
        { name: 'l', type: list },
      ],
    })
    await expect(change(lake, { dropColumns: ['m.key'] })).rejects.toThrow(/in the key of a map/)
    await expect(change(lake, { dropColumns: ['m.key.lat'] })).rejects.toThrow(/in the key of a map/)
    await expect(change(lake, { dropColumns: ['l.element'] })).rejects.toThrow(/element of a list/)
    await expect(change(lake, { renameColumns: [{ column: 'm.value', name: 'v' }] })).rejects.toThrow(/value of a map/)
    await expect(change(lake, { addColumns: [{ name: 'x', parent: 'l', type: 'int' }] })).rejects.toThrow(/no struct/)
    const metadata = await change(lake, {
      updateTypes: [
        { column: 'm.value', type: 'long' },
        { column: 'l.element', type: { kind: 'decimal', precision: 9, scale: 2 } },
      ],
      makeOptional: ['m.value'],
    })
    expect(columns(metadata).slice(4)).toEqual([
      '5 m map<struct<8: lat: float, 9: lon: float>, long>',
      '10 l list<decimal(9, 2)>',
    ])
  })

  it('keep the name mapping and the properties of columns in step', async () => {
    const mapping = '[{"field-id":1,"names":["id"]},{"field-id":3,"names":["name","title"]},{"names":["ghost"]}]'
    const lake = await Lake.create({
      properties: {
        'schema.name-mapping.default': mapping,
        'write.metadata.metrics.column.name': 'full',
        'write.metadata.metrics.column.score': 'none',
        'write.metadata.metrics.default': 'counts',
      },
    })
    const metadata = await change(lake, {
      renameColumns: [{ column: 'name', name: 'label' }],
      dropColumns: ['score'],
      addColumns: [
        { name: 'name', type: 'int' },
        { name: 'ghost', type: place },
      ],
    })
    expect(JSON.parse(metadata.properties['schema.name-mapping.default'] ?? '')).toEqual([
      { 'field-id': 1, names: ['id'] },
      { 'field-id': 3, names: ['title', 'label'] },
      { names: [] },
      { 'field-id': 5, names: ['name'] },
      {
        'field-id': 6,
        names: ['ghost'],
        fields: [
          { 'field-id': 7, names: ['lat'] },
          { 'field-id': 8, names: ['lon'] },
        ],
      },
    ])
    expect(metadata.properties).toMatchObject({ 'write.metadata.metrics.column.label': 'full' })
    expect(metadata.properties).not.toHaveProperty(['write.metadata.metrics.column.score'])
    expect(metadata.properties).not.toHaveProperty(['write.metadata.metrics.column.name'])
  })

  it('are a conflict when the schema has moved on since', async () => {
    const lake = await Lake.create()
    const stale = await lake.table()
    await change(lake, { addColumns: [{ name: 'x', type: 'int' }] })
    expect(await updateSchema(stale, { dropColumns: ['name'] }, lake)).toMatchObject({
      status: 'conflict',
      reason: expect.stringContaining('schema is now 1') as string,
    })
  })
})

describe('partition spec changes', () => {
  const change = async (lake: Lake, changes: PartitionSpecChanges): Promise<TableMetadata> =>
    committed(await updatePartitionSpec(await lake.table(), changes, lake))
  const fields = (metadata: TableMetadata): string[] =>
    defaultSpec(metadata).fields.map((f) => `${f.fieldId} ${f.name} ${formatTransform(f.transform)}`)
  const day = { column: 'at', transform: { kind: 'day' } } as const
  const bucket = { column: 'id', transform: { kind: 'bucket', buckets: 16 } } as const

  it('add, rename and remove fields, and give a field that comes back its old id and name', async () => {
    const lake = await Lake.create()
    expect(fields(await change(lake, { addFields: [day, bucket] }))).toEqual([
      '1000 at_day day',
      '1001 id_bucket_16 bucket[16]',
    ])
    expect(fields(await change(lake, { removeFields: ['at_day'] }))).toEqual(['1001 id_bucket_16 bucket[16]'])
    expect(fields(await change(lake, { renameFields: [{ field: 'id_bucket_16', name: 'shard' }] }))).toEqual([
      '1001 shard bucket[16]',
    ])
    const back = await change(lake, { addFields: [day, { column: 'name', transform: { kind: 'truncate', width: 4 } }] })
    expect(fields(back)).toEqual(['1001 shard bucket[16]', '1000 at_day day', '1002 name_trunc_4 truncate[4]'])
    expect(back.partitionSpecs.map((spec) => spec.specId)).toEqual([0, 1, 2, 3, 4])
    expect(back.lastPartitionId).toBe(1002)
  })

  it('use a spec again that the table had before', async () => {
    const lake = await Lake.create()
    await change(lake, { addFields: [day] })
    const metadata = await change(lake, { removeFields: ['at_day'] })
    expect(metadata.defaultSpecId).toBe(0)
    expect(metadata.partitionSpecs).toHaveLength(2)
    expect((await change(lake, { addFields: [day] })).defaultSpecId).toBe(1)
    const commits = lake.catalog.commits.length
    await change(lake, { removeFields: ['at_day'], addFields: [day] })
    expect(lake.catalog.commits).toHaveLength(commits)
  })

  it('leave a void field in the place of a removed one in version 1', async () => {
    const lake = await version1()
    expect(fields(await change(lake, { removeFields: ['name'], addFields: [day] }))).toEqual([
      '1000 name void',
      '1001 at_day day',
    ])
    expect(fields(await change(lake, { addFields: [{ column: 'name', transform: { kind: 'identity' } }] }))).toEqual([
      '1000 name_1000 void',
      '1001 at_day day',
      '1002 name identity',
    ])
  })

  it('are refused when they make no sense', async () => {
    const lake = await Lake.create()
    await change(lake, { addFields: [day] })
    await expect(change(lake, { addFields: [day] })).rejects.toThrow(/at_day already is day of at/)
    await expect(change(lake, { addFields: [bucket, bucket] })).rejects.toThrow(/already is bucket/)
    await expect(change(lake, { removeFields: ['nope'] })).rejects.toThrow(/no field nope/)
    await expect(change(lake, { addFields: [{ ...bucket, name: 'at_day' }] })).rejects.toThrow(/twice/)
    await expect(change(lake, { addFields: [{ ...bucket, name: 'score' }] })).rejects.toThrow(/name of a column/)
    await expect(change(lake, { addFields: [{ ...day, column: 'name' }] })).rejects.toThrow(/does not take/)
    await expect(change(lake, { addFields: [{ ...day, column: 'gone' }] })).rejects.toThrow(/no column gone/)
    await expect(
      change(lake, { removeFields: ['at_day'], renameFields: [{ field: 'at_day', name: 'x' }] }),
    ).rejects.toThrow(/both removed and renamed/)
  })

  it('are a conflict when spec or schema have moved on since', async () => {
    const lake = await Lake.create()
    const stale = await lake.table()
    await change(lake, { addFields: [day] })
    expect(await updatePartitionSpec(stale, { addFields: [bucket] }, lake)).toMatchObject({ status: 'conflict' })
    const table = await lake.table()
    committed(await updateSchema(table, { dropColumns: ['score'] }, lake))
    expect(await updatePartitionSpec(table, { addFields: [bucket] }, lake)).toMatchObject({ status: 'conflict' })
  })
})

describe('the sort order', () => {
  it('is replaced, used again, and taken away', async () => {
    const lake = await Lake.create()
    const sort = async (...by: Parameters<typeof updateSortOrder>[1]): Promise<TableMetadata> =>
      committed(await updateSortOrder(await lake.table(), by, lake))
    const first = await sort(
      { column: 'at', direction: 'desc' },
      { column: 'id', transform: { kind: 'bucket', buckets: 4 } },
    )
    expect(defaultSortOrder(first)).toEqual({
      orderId: 1,
      fields: [
        { sourceIds: [2], transform: { kind: 'identity' }, direction: 'desc', nullOrder: 'nulls-last' },
        { sourceIds: [1], transform: { kind: 'bucket', buckets: 4 }, direction: 'asc', nullOrder: 'nulls-first' },
      ],
    })
    expect((await sort()).defaultSortOrderId).toBe(0)
    expect((await sort({ column: 'name' })).defaultSortOrderId).toBe(2)
    const again = await sort(
      { column: 'at', direction: 'desc' },
      { column: 'id', transform: { kind: 'bucket', buckets: 4 } },
    )
    expect(again.defaultSortOrderId).toBe(1)
    expect(again.sortOrders).toHaveLength(3)
    await expect(sort({ column: 'gone' })).rejects.toThrow(/no column gone/)
    await expect(sort({ column: 'name', transform: { kind: 'day' } })).rejects.toThrow(/does not take/)
  })
})

describe('branches and tags', () => {
  it('are made, with retention, at main or anywhere', async () => {
    const lake = await Lake.create()
    const [first, second] = await grow(lake, 2)
    const table = await lake.table()
    committed(await createTag(table, { name: 'v1', at: { snapshotId: first! }, maxRefAgeMs: 5n }, lake))
    committed(await createBranch(table, { name: 'dev', minSnapshotsToKeep: 2, maxSnapshotAgeMs: 9n }, lake))
    const metadata = committed(await createBranch(table, { name: 'old', at: { ref: 'v1' } }, lake))
    expect(metadata.refs).toEqual({
      main: { snapshotId: second, type: 'branch' },
      v1: { snapshotId: first, type: 'tag', maxRefAgeMs: 5n },
      dev: { snapshotId: second, type: 'branch', minSnapshotsToKeep: 2, maxSnapshotAgeMs: 9n },
      old: { snapshotId: first, type: 'branch' },
    })
    await expect(createTag(table, { name: 'dev' }, lake)).rejects.toThrow(/already has a branch dev/)
    await expect(createTag(table, { name: 'x', at: { snapshotId: 1n } }, lake)).rejects.toThrow(/no snapshot 1/)
    await expect(createBranch(table, { name: 'x', minSnapshotsToKeep: 0 }, lake)).rejects.toThrow(/above 0/)
    await expect(createBranch(table, { name: 'x', at: { ref: 'nope' } }, lake)).rejects.toThrow(/no branch or tag nope/)
    await expect(createBranch(table, { name: 'main' }, lake)).rejects.toThrow(/first snapshot/)
  })

  it('are removed, main excepted, and not when they have moved', async () => {
    const lake = await Lake.create()
    const [first] = await grow(lake, 2)
    committed(await createTag(await lake.table(), { name: 't', at: { snapshotId: first! } }, lake))
    const table = await lake.table()
    await expect(removeRef(table, { name: 'main' }, lake)).rejects.toThrow(/cannot be removed/)
    committed(await replaceTag(table, { tag: 't', to: { ref: 'main' } }, lake))
    expect(await removeRef(table, { name: 't' }, lake)).toMatchObject({ status: 'conflict' })
    expect(committed(await removeRef(await lake.table(), { name: 't' }, lake)).refs).not.toHaveProperty('t')
    const commits = lake.catalog.commits.length
    committed(await removeRef(await lake.table(), { name: 't' }, lake))
    expect(lake.catalog.commits).toHaveLength(commits)
  })

  it('change their retention, also back to that of the table', async () => {
    const lake = await Lake.create()
    await grow(lake, 1)
    const set = async (change: Parameters<typeof updateRefRetention>[1]): Promise<TableMetadata> =>
      committed(await updateRefRetention(await lake.table(), change, lake))
    expect((await set({ name: 'main', minSnapshotsToKeep: 3, maxSnapshotAgeMs: 7n })).refs['main']).toMatchObject({
      minSnapshotsToKeep: 3,
      maxSnapshotAgeMs: 7n,
    })
    const cleared = await set({ name: 'main', minSnapshotsToKeep: null })
    expect(cleared.refs['main']).not.toHaveProperty('minSnapshotsToKeep')
    expect(cleared.refs['main']).toHaveProperty('maxSnapshotAgeMs', 7n)
    await expect(set({ name: 'main', maxRefAgeMs: 1n })).rejects.toThrow(/main never expires/)
    committed(await createTag(await lake.table(), { name: 't' }, lake))
    await expect(set({ name: 't', minSnapshotsToKeep: 1 })).rejects.toThrow(/only for branches/)
  })

  it('keep what other writers noted with them', async () => {
    const lake = await Lake.create()
    await grow(lake, 1)
    const table = await lake.table()
    const text = serializeTableMetadata({
      ...table.loaded.metadata,
      refs: { main: { ...table.loaded.metadata.refs['main']!, unknownFields: { note: 'kept' } } },
    })
    lake.io.files.set(table.loaded.metadataLocation, new TextEncoder().encode(text))
    await grow(lake, 1)
    expect((await lake.table()).loaded.metadata.refs['main']?.unknownFields).toEqual({ note: 'kept' })
  })

  it('fast-forward to a descendant only', async () => {
    const lake = await Lake.create()
    const [first, second] = await grow(lake, 2)
    committed(await createBranch(await lake.table(), { name: 'b', at: { snapshotId: first! } }, lake))
    const table = await lake.table()
    expect(committed(await fastForward(table, { branch: 'b', to: { ref: 'main' } }, lake)).refs['b']?.snapshotId).toBe(
      second,
    )
    const back = await fastForward(table, { branch: 'b', to: { snapshotId: first! } }, lake)
    expect(back).toMatchObject({ status: 'conflict', reason: expect.stringContaining('no ancestor') as string })
    committed(await createTag(table, { name: 't' }, lake))
    await expect(fastForward(table, { branch: 't', to: { ref: 'main' } }, lake)).rejects.toThrow(/a tag, not a branch/)
  })

  it('are replaced by any snapshot, unless somebody has moved them since', async () => {
    const lake = await Lake.create()
    const [first, second] = await grow(lake, 2)
    committed(await createBranch(await lake.table(), { name: 'b' }, lake))
    const table = await lake.table()
    expect(
      committed(await replaceBranch(table, { branch: 'b', to: { snapshotId: first! } }, lake)).refs['b']?.snapshotId,
    ).toBe(first)
    const late = await replaceBranch(table, { branch: 'b', to: { snapshotId: second! } }, lake)
    expect(late).toMatchObject({ status: 'conflict', reason: expect.stringContaining('b has moved') as string })
  })
})

describe('going back', () => {
  it('sets main to an ancestor and logs it; snapshots stay', async () => {
    const lake = await Lake.create()
    const [first, second, third] = await grow(lake, 3)
    const metadata = committed(await rollbackTo(await lake.table(), { snapshotId: first! }, lake))
    expect(metadata.currentSnapshotId).toBe(first)
    expect(metadata.snapshots).toHaveLength(3)
    expect(metadata.snapshotLog.map((entry) => entry.snapshotId)).toEqual([first, second, third, first])
    expect(await lake.scan()).toEqual(['0'])
    await expect(rollbackTo(await lake.table(), { snapshotId: third! }, lake)).rejects.toThrow(/no ancestor/)
    expect(
      committed(await setCurrentSnapshot(await lake.table(), { snapshotId: third! }, lake)).currentSnapshotId,
    ).toBe(third)
    expect(await lake.scan()).toEqual(['2', '1', '0'])
  })

  it('finds the newest ancestor of a time, inclusive', async () => {
    const lake = await Lake.create()
    const [first, second] = await grow(lake, 3)
    const table = await lake.table()
    const times = table.loaded.metadata.snapshots.map((snapshot) => snapshot.timestampMs)
    const to = async (timestampMs: number): Promise<bigint | undefined> =>
      committed(await rollbackToTime(await lake.table(), { timestampMs }, lake)).currentSnapshotId
    expect(await to(times[1]!)).toBe(second)
    expect(await to(times[1]! - 1)).toBe(first)
    await expect(to(times[0]! - 1)).rejects.toThrow(/no snapshot from/)
  })

  it('does not drop a snapshot that nobody had seen', async () => {
    const lake = await Lake.create()
    const [first] = await grow(lake, 2)
    const table = await lake.table()
    await grow(lake, 1)
    expect(await rollbackTo(table, { snapshotId: first! }, lake)).toMatchObject({
      status: 'conflict',
      reason: expect.stringContaining('main has moved') as string,
    })
    const seen = await lake.table()
    lake.catalog.beforeCommit = async () => {
      lake.catalog.beforeCommit = undefined
      await grow(lake, 1)
    }
    expect(await rollbackTo(seen, { snapshotId: first! }, lake)).toMatchObject({ status: 'conflict' })
    expect(await lake.scan()).toHaveLength(4)
  })

  it('gives a table without a head one', async () => {
    const lake = await Lake.create()
    const [first] = await grow(lake, 1)
    const table = await lake.table()
    const { currentSnapshotId: _, ...rest } = table.loaded.metadata
    const text = serializeTableMetadata({ ...rest, refs: {}, snapshotLog: [] })
    lake.io.files.set(table.loaded.metadataLocation, new TextEncoder().encode(text))
    const metadata = committed(await setCurrentSnapshot(await lake.table(), { snapshotId: first! }, lake))
    expect(metadata.refs['main']).toEqual({ snapshotId: first, type: 'branch' })
  })
})

describe('upgrading in place', () => {
  it('takes a table from version 1 over 2 to 3, and gives it a uuid and row ids', async () => {
    const lake = await version1()
    expect((await lake.table()).loaded.metadata.tableUuid).toBe('')
    const second = committed(await upgradeFormatVersion(await lake.table(), { formatVersion: 2 }, lake))
    expect(second.formatVersion).toBe(2)
    expect(second.tableUuid).toMatch(/^[0-9a-f-]{36}$/)
    expect(second.nextRowId).toBeUndefined()
    await grow(lake, 1)
    const third = committed(await upgradeFormatVersion(await lake.table(), { formatVersion: 3 }, lake))
    expect(third.nextRowId).toBe(0n)
    expect(currentSnapshot(third)?.firstRowId).toBeUndefined()
    await grow(lake, 1)
    const { metadata } = (await lake.table()).loaded
    expect(currentSnapshot(metadata)).toMatchObject({ firstRowId: 0n })
    // The row that was there before the upgrade gets an id with the first snapshot after it.
    expect(metadata.nextRowId).toBe(2n)
    expect(parseTableMetadata(serializeTableMetadata(metadata))).toEqual(metadata)
  })

  it('does nothing at the same version and never goes back', async () => {
    const lake = await Lake.create()
    const table: TableHandle = await lake.table()
    committed(await upgradeFormatVersion(table, { formatVersion: 2 }, lake))
    expect(lake.catalog.commits).toHaveLength(0)
    await expect(upgradeFormatVersion(table, { formatVersion: 1 }, lake)).rejects.toThrow(/cannot be upgraded to 1/)
  })
})

describe('location and statistics', () => {
  it('moves new files, and leaves old ones where they are', async () => {
    const lake = await Lake.create()
    await grow(lake, 1)
    committed(await updateLocation(await lake.table(), { location: '/elsewhere/' }, lake))
    await grow(lake, 1)
    const { metadata, metadataLocation } = (await lake.table()).loaded
    expect(metadata.location).toBe('/elsewhere')
    expect(metadataLocation).toMatch(/^\/elsewhere\/metadata\//)
    expect(currentSnapshot(metadata)?.manifestList).toMatch(/^\/elsewhere\/metadata\//)
    expect(await lake.scan()).toEqual(['1', '0'])
  })

  it('registers and removes statistics files in the form of the spec', async () => {
    const lake = await Lake.create()
    const [snapshotId] = await grow(lake, 1)
    const blob = { type: 'apache-datasketches-theta-v1', snapshotId: snapshotId!, sequenceNumber: 1n, fields: [1] }
    const metadata = committed(
      await updateStatistics(
        await lake.table(),
        {
          set: [
            { snapshotId: snapshotId!, path: '/s.puffin', fileSizeBytes: 100n, footerSizeBytes: 40n, blobs: [blob] },
          ],
          setPartition: [{ snapshotId: snapshotId!, path: '/p.parquet', fileSizeBytes: 50n }],
        },
        lake,
      ),
    )
    expect(metadata.statistics).toEqual([
      {
        'snapshot-id': snapshotId,
        'statistics-path': '/s.puffin',
        'file-size-in-bytes': 100n,
        'file-footer-size-in-bytes': 40n,
        'blob-metadata': [
          { type: 'apache-datasketches-theta-v1', 'snapshot-id': snapshotId, 'sequence-number': 1n, fields: [1] },
        ],
      },
    ])
    const removed = committed(
      await updateStatistics(await lake.table(), { remove: [snapshotId!, 5n], removePartition: [snapshotId!] }, lake),
    )
    expect([removed.statistics, removed.partitionStatistics]).toEqual([[], []])
    await expect(
      updateStatistics(await lake.table(), { setPartition: [{ snapshotId: 5n, path: '/p', fileSizeBytes: 1n }] }, lake),
    ).rejects.toThrow(/no snapshot 5/)
  })
})
