import { describe, expect, it } from 'vitest'
import {
  applyUpdates,
  checkRequirements,
  createTableMetadata,
  currentSchema,
  evolveSchema,
  formatType,
  parseNameMapping,
  type SchemaChanges,
  serializeNameMapping,
  type Snapshot,
  type TableMetadata,
  type TableRequirement,
  type TableUpdate,
  tableRequirementFromJson,
  tableRequirementToJson,
  tableUpdateFromJson,
  tableUpdateToJson,
  parseJsonLossless,
  stringifyJsonLossless,
  type Type,
} from '@icebridge/iceberg-core'
import { events } from './lake.ts'

const uuid = 'd20125c8-7284-442c-9aea-15fee620737c'

function table(formatVersion: 2 | 3 = 2): TableMetadata {
  return createTableMetadata({ schema: events, formatVersion }, { location: '/t', tableUuid: uuid, nowMs: 1000 })
}

function snapshot(id: bigint, sequenceNumber: bigint, parentSnapshotId?: bigint): Snapshot {
  const base = {
    snapshotId: id,
    sequenceNumber,
    timestampMs: 1000 + Number(sequenceNumber),
    manifestList: `/${id}.avro`,
  }
  const rest = { summary: { operation: 'append' }, operation: 'append' as const, schemaId: 0 }
  return { ...base, ...rest, ...(parentSnapshotId === undefined ? {} : { parentSnapshotId }) }
}

function commit(metadata: TableMetadata, updates: readonly TableUpdate[], nowMs = 2000): TableMetadata {
  return applyUpdates(metadata, updates, { nowMs, metadataLocation: '/base.metadata.json' })
}

const added = (id: bigint, sequenceNumber: bigint, parent?: bigint): TableUpdate[] => [
  { action: 'add-snapshot', snapshot: snapshot(id, sequenceNumber, parent) },
  { action: 'set-snapshot-ref', refName: 'main', type: 'branch', snapshotId: id },
]

describe('creating a table', () => {
  it('assigns ids afresh, columns before what is nested in them, and carries spec, order and identifiers along', () => {
    const metadata = createTableMetadata(
      {
        schema: {
          schemaId: 7,
          identifierFieldIds: [30],
          fields: [
            {
              id: 10,
              name: 's',
              required: false,
              type: { kind: 'struct', fields: [{ id: 20, name: 'x', required: false, type: 'int' }] },
            },
            { id: 30, name: 'id', required: true, type: 'long' },
            {
              id: 40,
              name: 'm',
              required: false,
              type: {
                kind: 'map',
                keyId: 41,
                key: 'string',
                valueId: 42,
                valueRequired: true,
                value: { kind: 'list', elementId: 43, elementRequired: true, element: 'int' },
              },
            },
          ],
        },
        partitionSpec: {
          specId: 3,
          fields: [{ sourceIds: [20], fieldId: 5, name: 'x_bucket', transform: { kind: 'bucket', buckets: 4 } }],
        },
        sortOrder: {
          orderId: 9,
          fields: [{ sourceIds: [30], transform: { kind: 'identity' }, direction: 'asc', nullOrder: 'nulls-first' }],
        },
      },
      { location: '/t', tableUuid: uuid, nowMs: 1 },
    )
    const schema = currentSchema(metadata)
    expect(schema.schemaId).toBe(0)
    expect(schema.fields.map((field) => field.id)).toEqual([1, 2, 3])
    expect(schema.fields[0]?.type).toMatchObject({ fields: [{ id: 4 }] })
    expect(schema.fields[2]?.type).toMatchObject({ keyId: 5, valueId: 6, value: { elementId: 7 } })
    expect(schema.identifierFieldIds).toEqual([2])
    expect(metadata.lastColumnId).toBe(7)
    expect(metadata.partitionSpecs).toEqual([
      {
        specId: 0,
        fields: [{ sourceIds: [4], fieldId: 1000, name: 'x_bucket', transform: { kind: 'bucket', buckets: 4 } }],
      },
    ])
    expect(metadata.lastPartitionId).toBe(1000)
    expect(metadata.sortOrders).toMatchObject([{ orderId: 1, fields: [{ sourceIds: [2] }] }])
  })

  it('refuses what cannot be a table, naming the column', () => {
    const create =
      (
        fields: readonly { name: string; type: Type; required?: boolean }[],
        identifierFieldIds: readonly number[] = [],
      ) =>
      () =>
        createTableMetadata(
          {
            schema: {
              schemaId: 0,
              identifierFieldIds,
              fields: fields.map((field, at) => ({ id: at + 1, required: false, ...field })),
            },
          },
          { location: '/t', tableUuid: uuid, nowMs: 1 },
        )
    expect(
      create([
        { name: 'a', type: 'int' },
        { name: 'a', type: 'int' },
      ]),
    ).toThrow(/column a is there twice/)
    expect(create([{ name: 'n', type: 'timestamp_ns' }])).toThrow(
      /column n has type timestamp_ns, which needs format version 3/,
    )
    expect(create([{ name: 'd', type: { kind: 'decimal', precision: 39, scale: 0 } }])).toThrow(
      /impossible type decimal\(39, 0\)/,
    )
    expect(create([{ name: 'f', type: 'double', required: true }], [1])).toThrow(/identifier field f is a floating/)
    expect(create([{ name: 'i', type: 'int' }], [1])).toThrow(/identifier field i is optional/)
    expect(create([{ name: '', type: 'int' }])).toThrow(/empty name/)
  })

  it('refuses partition fields that clash or do not take their column', () => {
    const spec = (name: string, sourceId: number, kind: 'day' | 'identity' | 'hour') => () =>
      createTableMetadata(
        {
          schema: events,
          partitionSpec: { specId: 0, fields: [{ sourceIds: [sourceId], fieldId: 0, name, transform: { kind } }] },
        },
        { location: '/t', tableUuid: uuid, nowMs: 1 },
      )
    expect(spec('name', 2, 'day')).toThrow(/has the name of a column/)
    expect(spec('x', 3, 'hour')).toThrow(/transform hour does not take column name of type string/)
    expect(spec('x', 99, 'identity')).toThrow(/no column with id 99/)
  })
})

describe('applying updates', () => {
  it('moves main, the snapshot log, the sequence number and the metadata log', () => {
    const metadata = commit(commit(table(), added(1n, 1n)), added(2n, 2n, 1n), 3000)
    expect(metadata.currentSnapshotId).toBe(2n)
    expect(metadata.lastSequenceNumber).toBe(2n)
    expect(metadata.snapshotLog).toEqual([
      { timestampMs: 1001, snapshotId: 1n },
      { timestampMs: 1002, snapshotId: 2n },
    ])
    expect(metadata.metadataLog).toEqual([
      { timestampMs: 1000, metadataFile: '/base.metadata.json' },
      { timestampMs: 2000, metadataFile: '/base.metadata.json' },
    ])
    expect(metadata.lastUpdatedMs).toBe(3000)
  })

  it('keeps as many metadata log entries as the property says', () => {
    let metadata = commit(table(), [
      { action: 'set-properties', updates: { 'write.metadata.previous-versions-max': '3' } },
    ])
    for (let n = 0; n < 6; n++)
      metadata = commit(metadata, [{ action: 'set-properties', updates: { n: String(n) } }], 3000 + n)
    expect(metadata.metadataLog.map((entry) => entry.timestampMs)).toEqual([3002, 3003, 3004])
  })

  it('never goes back in time', () => {
    expect(commit(commit(table(), [], 5000), [], 1).lastUpdatedMs).toBe(5000)
  })

  it('drops heads from the log that the same commit has replaced', () => {
    const metadata = commit(table(), [...added(1n, 1n), ...added(2n, 2n, 1n)])
    expect(metadata.snapshotLog.map((entry) => entry.snapshotId)).toEqual([2n])
  })

  it('drops log entries and statistics of removed snapshots, and the log before a gap', () => {
    let metadata = table()
    for (let n = 1n; n <= 4n; n++) metadata = commit(metadata, added(n, n, n === 1n ? undefined : n - 1n))
    metadata = commit(metadata, [
      { action: 'set-snapshot-ref', refName: 'tag', type: 'tag', snapshotId: 2n },
      { action: 'set-statistics', snapshotId: 2n, statistics: { 'snapshot-id': 2, 'statistics-path': '/s' } },
      { action: 'set-statistics', snapshotId: 4n, statistics: { 'snapshot-id': 4, 'statistics-path': '/s4' } },
      { action: 'remove-snapshot-ref', refName: 'tag' },
      { action: 'remove-snapshots', snapshotIds: [2n] },
    ])
    expect(metadata.snapshotLog.map((entry) => entry.snapshotId)).toEqual([3n, 4n])
    expect(Object.keys(metadata.refs)).toEqual(['main'])
    expect(metadata.statistics).toEqual([{ 'snapshot-id': 4, 'statistics-path': '/s4' }])
  })

  it('never removes a snapshot that a branch or tag names', () => {
    const metadata = commit(commit(table(), added(1n, 1n)), [
      ...added(2n, 2n, 1n),
      { action: 'set-snapshot-ref', refName: 'tag', type: 'tag', snapshotId: 1n },
    ])
    for (const [snapshotId, name] of [
      [1n, /tag tag names it/],
      [2n, /branch main names it/],
    ] as const) {
      expect(() => commit(metadata, [{ action: 'remove-snapshots', snapshotIds: [snapshotId] }])).toThrow(name)
    }
  })

  it('logs a rollback as a new head', () => {
    let metadata = commit(commit(table(), added(1n, 1n)), added(2n, 2n, 1n))
    metadata = commit(metadata, [{ action: 'set-snapshot-ref', refName: 'main', type: 'branch', snapshotId: 1n }], 9000)
    expect(metadata.currentSnapshotId).toBe(1n)
    expect(metadata.snapshotLog.at(-1)).toEqual({ timestampMs: 9000, snapshotId: 1n })
  })

  it('reuses equal schemas, specs and orders, and numbers new ones', () => {
    const spec = {
      specId: 0,
      fields: [{ sourceIds: [2], fieldId: 1000, name: 'd', transform: { kind: 'day' as const } }],
    }
    const metadata = commit(table(), [
      { action: 'add-schema', schema: { ...events, schemaId: 55 } },
      { action: 'set-current-schema', schemaId: -1 },
      { action: 'add-spec', spec },
      { action: 'add-spec', spec },
      { action: 'set-default-spec', specId: -1 },
      {
        action: 'add-sort-order',
        sortOrder: {
          orderId: 0,
          fields: [{ sourceIds: [1], transform: { kind: 'identity' }, direction: 'asc', nullOrder: 'nulls-first' }],
        },
      },
      { action: 'set-default-sort-order', sortOrderId: -1 },
    ])
    expect(metadata.schemas).toHaveLength(1)
    expect(metadata.partitionSpecs.map((one) => one.specId)).toEqual([0, 1])
    expect([metadata.defaultSpecId, metadata.lastPartitionId, metadata.defaultSortOrderId]).toEqual([1, 1000, 1])
  })

  it('upgrades the format and sets up row ids', () => {
    const metadata = commit(table(), [{ action: 'upgrade-format-version', formatVersion: 3 }])
    expect(metadata).toMatchObject({ formatVersion: 3, nextRowId: 0n })
    expect(() => commit(metadata, [{ action: 'upgrade-format-version', formatVersion: 2 }])).toThrow(/cannot go back/)
    expect(() => commit(metadata, added(1n, 1n))).toThrow(/first-row-id/)
    const withIds = { ...snapshot(1n, 1n), firstRowId: 0n, addedRows: 10n }
    expect(commit(metadata, [{ action: 'add-snapshot', snapshot: withIds }]).nextRowId).toBe(10n)
  })

  it('refuses what does not fit the table', () => {
    const metadata = commit(table(), added(1n, 1n))
    const cases: readonly [TableUpdate, RegExp][] = [
      [{ action: 'add-snapshot', snapshot: snapshot(1n, 2n, 1n) }, /already in the table/],
      [{ action: 'add-snapshot', snapshot: snapshot(2n, 1n, 1n) }, /not above/],
      [{ action: 'set-snapshot-ref', refName: 'main', type: 'branch', snapshotId: 9n }, /not in the table/],
      [{ action: 'set-snapshot-ref', refName: 'main', type: 'tag', snapshotId: 1n }, /cannot become a tag/],
      [{ action: 'set-current-schema', schemaId: 4 }, /no schema 4/],
      [{ action: 'set-current-schema', schemaId: -1 }, /no schema added in this commit/],
      [{ action: 'assign-uuid', uuid: uuid.replace('d', 'e') }, /cannot be changed/],
      [{ action: 'remove-schemas', schemaIds: [0] }, /current schema/],
      [{ action: 'remove-partition-specs', specIds: [0] }, /default partition spec/],
    ]
    for (const [update, message] of cases) expect(() => commit(metadata, [update])).toThrow(message)
  })
})

describe('requirements', () => {
  const metadata = commit(table(), added(1n, 1n))
  const cases: readonly [TableRequirement, boolean][] = [
    [{ type: 'assert-create' }, false],
    [{ type: 'assert-table-uuid', uuid: uuid.toUpperCase() }, true],
    [{ type: 'assert-table-uuid', uuid: 'x' }, false],
    [{ type: 'assert-ref-snapshot-id', ref: 'main', snapshotId: 1n }, true],
    [{ type: 'assert-ref-snapshot-id', ref: 'main', snapshotId: undefined }, false],
    [{ type: 'assert-ref-snapshot-id', ref: 'other', snapshotId: undefined }, true],
    [{ type: 'assert-ref-snapshot-id', ref: 'toString', snapshotId: undefined }, true],
    [{ type: 'assert-last-assigned-field-id', lastAssignedFieldId: 4 }, true],
    [{ type: 'assert-current-schema-id', currentSchemaId: 1 }, false],
    [{ type: 'assert-last-assigned-partition-id', lastAssignedPartitionId: 999 }, true],
    [{ type: 'assert-default-spec-id', defaultSpecId: 0 }, true],
    [{ type: 'assert-default-sort-order-id', defaultSortOrderId: 1 }, false],
  ]
  it('hold or give the reason', () => {
    for (const [requirement, holds] of cases)
      expect([requirement, checkRequirements(metadata, [requirement]) === undefined]).toEqual([requirement, holds])
    expect(checkRequirements(undefined, [{ type: 'assert-create' }])).toBeUndefined()
    expect(checkRequirements(undefined, [{ type: 'assert-table-uuid', uuid }])).toBe('the table does not exist')
  })

  it('have the wire form of the REST catalog', () => {
    expect(tableRequirementToJson({ type: 'assert-ref-snapshot-id', ref: 'main', snapshotId: undefined })).toEqual({
      type: 'assert-ref-snapshot-id',
      ref: 'main',
      'snapshot-id': null,
    })
    for (const [requirement] of cases)
      expect(tableRequirementFromJson(tableRequirementToJson(requirement))).toEqual(requirement)
    expect(() => tableRequirementFromJson({ type: 'assert-weather' })).toThrow(/assert-weather/)
  })
})

describe('updates on the wire', () => {
  const updates: readonly TableUpdate[] = [
    { action: 'assign-uuid', uuid },
    { action: 'upgrade-format-version', formatVersion: 3 },
    { action: 'add-schema', schema: events },
    { action: 'set-current-schema', schemaId: -1 },
    {
      action: 'add-spec',
      spec: { specId: 1, fields: [{ sourceIds: [2], fieldId: 1000, name: 'd', transform: { kind: 'day' } }] },
    },
    { action: 'set-default-spec', specId: 1 },
    { action: 'add-sort-order', sortOrder: { orderId: 1, fields: [] } },
    { action: 'set-default-sort-order', sortOrderId: 1 },
    { action: 'add-snapshot', snapshot: { ...snapshot(2n ** 62n, 1n, 3n), firstRowId: 0n, addedRows: 5n } },
    {
      action: 'set-snapshot-ref',
      refName: 'b',
      type: 'branch',
      snapshotId: 2n ** 62n,
      minSnapshotsToKeep: 2,
      maxSnapshotAgeMs: 5n,
    },
    { action: 'remove-snapshots', snapshotIds: [2n ** 62n] },
    { action: 'remove-snapshot-ref', refName: 'b' },
    { action: 'set-location', location: '/x' },
    { action: 'set-properties', updates: { a: 'b' } },
    { action: 'remove-properties', removals: ['a'] },
    { action: 'set-statistics', snapshotId: 1n, statistics: { 'snapshot-id': 1 } },
    { action: 'remove-statistics', snapshotId: 1n },
    { action: 'set-partition-statistics', partitionStatistics: { 'snapshot-id': 1 } },
    { action: 'remove-partition-statistics', snapshotId: 1n },
    { action: 'remove-partition-specs', specIds: [1] },
    { action: 'remove-schemas', schemaIds: [1] },
    { action: 'add-encryption-key', encryptionKey: { 'key-id': 'k' } },
    { action: 'remove-encryption-key', keyId: 'k' },
  ]
  it('come back as they went', () => {
    for (const update of updates) {
      const text = stringifyJsonLossless(tableUpdateToJson(update))
      expect(tableUpdateFromJson(parseJsonLossless(text))).toEqual(update)
    }
    expect(() => tableUpdateFromJson({ action: 'set-weather' })).toThrow(/set-weather/)
  })
})

describe('schema evolution', () => {
  const evolve = (changes: SchemaChanges, metadata = table()): TableMetadata =>
    commit(metadata, evolveSchema(metadata, changes))
  const fields = (metadata: TableMetadata): string[] =>
    currentSchema(metadata).fields.map((field) => `${field.id} ${field.name} ${formatType(field.type)}`)

  it('adds, renames, widens, documents and drops columns, and never uses an id twice', () => {
    let metadata = evolve({ addColumns: [{ name: 'n', type: 'int', doc: 'a number' }] })
    metadata = evolve(
      {
        dropColumns: ['score'],
        renameColumns: [{ column: 'name', name: 'title' }],
        updateTypes: [{ column: 'n', type: 'long' }],
      },
      metadata,
    )
    metadata = evolve(
      {
        addColumns: [{ name: 'score', type: 'string' }],
        documentColumns: [{ column: 'id', doc: 'key' }],
        makeOptional: ['id'],
      },
      metadata,
    )
    expect(fields(metadata)).toEqual(['1 id long', '2 at timestamptz', '3 title string', '5 n long', '6 score string'])
    expect(currentSchema(metadata).fields[0]).toMatchObject({ doc: 'key', required: false })
    expect(metadata.schemas.map((schema) => schema.schemaId)).toEqual([0, 1, 2, 3])
    expect(metadata.lastColumnId).toBe(6)
  })

  it('adds columns with nested fields, and into structs', () => {
    let metadata = evolve({
      addColumns: [
        { name: 's', type: { kind: 'struct', fields: [{ id: 0, name: 'x', required: false, type: 'int' }] } },
      ],
    })
    metadata = evolve(
      { addColumns: [{ name: 'y', parent: 's', type: 'int' }], updateTypes: [{ column: 's.x', type: 'long' }] },
      metadata,
    )
    expect(currentSchema(metadata).fields[4]).toMatchObject({
      id: 5,
      type: {
        fields: [
          { id: 6, name: 'x', type: 'long' },
          { id: 7, name: 'y' },
        ],
      },
    })
  })

  it('gives no updates when nothing changes', () => {
    expect(evolveSchema(table(), {})).toEqual([])
  })

  it('refuses what would make old files unreadable', () => {
    expect(() => evolve({ updateTypes: [{ column: 'id', type: 'int' }] })).toThrow(/cannot change from long to int/)
    expect(() => evolve({ updateTypes: [{ column: 'name', type: 'binary' }] })).toThrow(/cannot change/)
    expect(() => evolve({ addColumns: [{ name: 'must', type: 'int', required: true }] })).toThrow(/without a default/)
    expect(() => evolve({ addColumns: [{ name: 'id', type: 'int' }] })).toThrow(/twice/)
    expect(() => evolve({ dropColumns: ['gone'] })).toThrow(/no column gone/)
    const partitioned = createTableMetadata(
      {
        schema: events,
        partitionSpec: {
          specId: 0,
          fields: [{ sourceIds: [3], fieldId: 0, name: 'name', transform: { kind: 'identity' } }],
        },
      },
      { location: '/t', tableUuid: uuid, nowMs: 1 },
    )
    expect(() => evolve({ dropColumns: ['name'] }, partitioned)).toThrow(/used by the default partition spec/)
  })

  it('adds a required column with a default in version 3', () => {
    const metadata = evolve(
      { addColumns: [{ name: 'must', type: 'int', required: true, initialDefault: 7 }] },
      table(3),
    )
    expect(currentSchema(metadata).fields[4]).toMatchObject({ required: true, initialDefault: 7, writeDefault: 7 })
  })
})

describe('a name mapping', () => {
  it('is read and written as the spec has it', () => {
    const text =
      '[{"field-id":1,"names":["id","record_id"]},{"field-id":3,"names":["location"],"fields":[{"field-id":4,"names":["latitude","lat"]},{"names":["x"]}]}]'
    expect(serializeNameMapping(parseNameMapping(text))).toBe(text)
    expect(() => parseNameMapping('{"field-id":1}')).toThrow(/list/)
  })
})
