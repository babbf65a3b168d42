import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import {
  ancestorsOf,
  currentSchema,
  currentSnapshot,
  defaultSpec,
  isAncestor,
  isIcebergError,
  parseJsonLossless,
  parseTableMetadata,
  serializeTableMetadata,
  snapshotAsOf,
  snapshotByRef,
  stringifyJsonLossless,
  tableMetadataToJson,
  transformFunction,
  type JsonObject,
} from '@icebridge/iceberg-core'
import { id1, id2, v1, v2 } from './metadata-seeds.ts'

const text = (json: JsonObject): string => stringifyJsonLossless(json)
const without = (json: JsonObject, ...keys: string[]): JsonObject =>
  Object.fromEntries(Object.entries(json).filter(([key]) => !keys.includes(key)))
const codeOf = (run: () => unknown): string => {
  try {
    run()
    return 'nothing thrown'
  } catch (error) {
    return isIcebergError(error) ? `${error.code} ${String(error.context['field'] ?? '')}`.trim() : String(error)
  }
}

describe('metadata that is written again', () => {
  it('has every snapshot as its format version has it, though their texts are kept', () => {
    const read = parseTableMetadata(stringifyJsonLossless(v2))
    const older = { ...read, formatVersion: 1 as const }
    const sequenceNumbers = (text: string): unknown => {
      const { snapshots } = parseJsonLossless(text) as { readonly snapshots: readonly JsonObject[] }
      return snapshots.map((snapshot) => snapshot['sequence-number'])
    }
    expect(sequenceNumbers(serializeTableMetadata(older))).toEqual(read.snapshots.map(() => undefined))
    expect(sequenceNumbers(serializeTableMetadata(read))).toEqual([0, 1])
    expect(sequenceNumbers(serializeTableMetadata(older))).toEqual(read.snapshots.map(() => undefined))
    const text = serializeTableMetadata(read)
    expect(serializeTableMetadata(read)).toBe(text)
    expect(parseJsonLossless(text)).toEqual(parseJsonLossless(stringifyJsonLossless(tableMetadataToJson(read))))
  })
})

describe('reading table metadata', () => {
  it('reads a version 1 table that has only schema and partition-spec', () => {
    const metadata = parseTableMetadata(text(v1))
    expect(metadata.formatVersion).toBe(1)
    expect(metadata.location).toBe('s3://bucket/test/location')
    expect(currentSchema(metadata).schemaId).toBe(0)
    expect(currentSchema(metadata).fields.map((field) => field.type)).toEqual([
      'long',
      { kind: 'decimal', precision: 9, scale: 2 },
      { kind: 'fixed', length: 16 },
    ])
    expect(defaultSpec(metadata)).toEqual({
      specId: 0,
      fields: [{ sourceIds: [1], fieldId: 1000, name: 'x', transform: { kind: 'identity' } }],
    })
    expect(metadata.lastPartitionId).toBe(1000)
    expect(metadata.sortOrders).toEqual([{ orderId: 0, fields: [] }])
    expect(metadata.lastSequenceNumber).toBe(0n)
    expect(currentSnapshot(metadata)).toBeUndefined()
  })

  it('takes a current snapshot id that is absent, null or -1 for none', () => {
    const empty = { ...v2, snapshots: [], 'snapshot-log': [], refs: {}, statistics: [], 'partition-statistics': [] }
    for (const json of [
      without(empty, 'current-snapshot-id'),
      { ...empty, 'current-snapshot-id': null },
      { ...empty, 'current-snapshot-id': -1 },
    ]) {
      const metadata = parseTableMetadata(text(json))
      expect(currentSnapshot(metadata)).toBeUndefined()
      expect(serializeTableMetadata(metadata)).not.toContain('current-snapshot-id')
    }
  })

  it('reads the metadata of version 2 with everything in it', () => {
    const metadata = parseTableMetadata(text(v2))
    expect(metadata.currentSnapshotId).toBe(id2)
    expect(metadata.lastSequenceNumber).toBe(34n)
    expect(currentSnapshot(metadata)?.schemaId).toBe(1)
    expect(metadata.sortOrders[0]?.fields[1]).toEqual({
      transform: { kind: 'bucket', buckets: 4 },
      sourceIds: [3],
      direction: 'desc',
      nullOrder: 'nulls-last',
    })
    expect(snapshotByRef(metadata, 'test')?.snapshotId).toBe(id1)
    expect(snapshotByRef(metadata, 'main')?.snapshotId).toBe(id2)
    expect(snapshotByRef(metadata, 'constructor')).toBeUndefined()
  })

  it('reads what writers of version 1 to 3 have left out or written as null', () => {
    const schemas = [
      { type: 'struct', 'schema-id': 0, fields: [{ id: 7, name: 'x', required: true, type: 'long' }] },
      { type: 'struct', 'schema-id': 4, fields: [{ id: 7, name: 'y', required: true, type: 'long' }] },
    ]
    // Both the old and the new fields: the new ones say what there is, the old schema which one is current.
    const both = {
      ...without(v1, 'last-column-id'),
      schemas,
      schema: schemas[1]!,
      'partition-specs': [
        { 'spec-id': 2, fields: [] },
        { 'spec-id': 3, fields: [{ name: 'p', transform: 'bucket[4]', 'source-id': 7 }] },
      ],
    }
    const read = parseTableMetadata(text(both))
    expect(read).toMatchObject({ currentSchemaId: 4, defaultSpecId: 3, lastPartitionId: 1000, lastColumnId: 7 })
    const nulls = Object.fromEntries(
      ['snapshots', 'snapshot-log', 'metadata-log', 'refs', 'sort-orders', 'properties', 'statistics', 'schemas'].map(
        (name) => [name, null],
      ),
    )
    expect(parseTableMetadata(text({ ...v1, ...nulls }))).toEqual(parseTableMetadata(text(v1)))
    const parented = {
      ...v1,
      'current-snapshot-id': 1,
      snapshots: [
        { 'snapshot-id': 1, 'parent-snapshot-id': -1, 'timestamp-ms': 5, 'manifest-list': '/l', summary: null },
      ],
    }
    expect(currentSnapshot(parseTableMetadata(text(parented)))?.parentSnapshotId).toBeUndefined()
    // A table of version 3 that says nothing of row ids starts them at 0.
    const { nextRowId } = parseTableMetadata(text({ ...v2, 'format-version': 3 }))
    expect(nextRowId).toBe(0n)
  })

  it('reads gzip-compressed metadata', () => {
    expect(parseTableMetadata(gzipSync(text(v2)))).toEqual(parseTableMetadata(text(v2)))
  })

  it('finds the head in refs when current-snapshot-id is missing', () => {
    const json = { ...without(v2, 'current-snapshot-id'), refs: { main: { 'snapshot-id': id2, type: 'branch' } } }
    expect(parseTableMetadata(text(json)).currentSnapshotId).toBe(id2)
  })

  it('reads a version 1 snapshot that lists its manifests inline', () => {
    const json = {
      ...v1,
      'current-snapshot-id': 1,
      snapshots: [{ 'snapshot-id': 1, 'timestamp-ms': 5, manifests: ['a.avro'] }],
    }
    const snapshot = currentSnapshot(parseTableMetadata(text(json)))
    expect(snapshot?.manifests).toEqual(['a.avro'])
    expect(snapshot?.operation).toBe('unknown')
    expect(snapshot?.sequenceNumber).toBe(0n)
  })

  it('reads version 3 with row ids, defaults, encryption keys and its own types', () => {
    const fields = [
      'unknown',
      'variant',
      'geometry',
      'geometry(srid:4326)',
      'geography(OGC:CRS84, karney)',
      'timestamp_ns',
      'timestamptz_ns',
    ].map((type, index) => ({ id: index + 1, name: `c${index}`, required: false, type }))
    const json = {
      ...without(v2, 'statistics'),
      'format-version': 3,
      'next-row-id': 9007199254740993n,
      'encryption-keys': [{ 'key-id': 'k', 'encrypted-key-metadata': 'AA==' }],
      'current-schema-id': 0,
      schemas: [
        {
          type: 'struct',
          'schema-id': 0,
          fields: [
            ...fields,
            { id: 8, name: 'd', required: true, type: 'int', 'initial-default': 7, 'write-default': 8 },
          ],
        },
      ],
    }
    const metadata = parseTableMetadata(text(json))
    expect(metadata.nextRowId).toBe(9007199254740993n)
    expect(currentSchema(metadata).fields[4]?.type).toEqual({
      kind: 'geography',
      crs: 'OGC:CRS84',
      algorithm: 'karney',
    })
    expect(currentSchema(metadata).fields[7]).toMatchObject({ initialDefault: 7, writeDefault: 8 })
    expect(parseTableMetadata(serializeTableMetadata(metadata))).toEqual(metadata)
  })
})

describe('a transform of several columns', () => {
  it('is unknown whatever its name, kept, and not written by', () => {
    const several = { 'source-ids': [1, 2], transform: 'bucket[4]' }
    const json = {
      ...v2,
      'partition-specs': [{ 'spec-id': 0, fields: [{ ...several, 'field-id': 1000, name: 'both' }] }],
      'default-spec-id': 0,
      'sort-orders': [{ 'order-id': 1, fields: [{ ...several, direction: 'asc', 'null-order': 'nulls-first' }] }],
      'default-sort-order-id': 1,
    }
    const metadata = parseTableMetadata(text(json))
    const [field] = defaultSpec(metadata).fields
    expect(field).toMatchObject({ sourceIds: [1, 2], transform: { kind: 'unknown', text: 'bucket[4]' } })
    expect(() => transformFunction(field!.transform, 'long')).toThrow(
      expect.objectContaining({ code: 'unsupported-transform' }),
    )
    const written = parseJsonLossless(serializeTableMetadata(metadata)) as typeof json
    expect(written['partition-specs']).toEqual(json['partition-specs'])
    expect(written['sort-orders']).toEqual(json['sort-orders'])
  })
})

describe('writing table metadata', () => {
  it('keeps unknown fields, statistics and 64-bit numbers at every level', () => {
    const written = parseJsonLossless(serializeTableMetadata(parseTableMetadata(text(v2)))) as JsonObject
    expect(written).toEqual({
      ...v2,
      refs: {
        main: { 'snapshot-id': id2, type: 'branch' },
        test: { 'snapshot-id': id1, type: 'tag', 'max-ref-age-ms': 10000000, why: 'a test' },
      },
    })
  })

  it('writes version 1 with both old and new fields', () => {
    const written = parseJsonLossless(serializeTableMetadata(parseTableMetadata(text(v1)))) as JsonObject
    expect(written['schema']).toMatchObject({ type: 'struct', 'schema-id': 0 })
    expect(written['partition-spec']).toEqual([{ 'source-id': 1, 'field-id': 1000, name: 'x', transform: 'identity' }])
    expect(written).not.toHaveProperty('last-sequence-number')
    expect(parseTableMetadata(text(written))).toEqual(parseTableMetadata(text(v1)))
  })
})

describe('damaged metadata', () => {
  const cases: readonly [string, JsonObject, string][] = [
    ['no location', without(v2, 'location'), 'malformed-metadata location'],
    ['a location that is a number', { ...v2, location: 5 }, 'malformed-metadata location'],
    ['no schemas', without(v2, 'schemas'), 'malformed-metadata schemas'],
    ['a current schema that is not there', { ...v2, 'current-schema-id': 9 }, 'malformed-metadata current-schema-id'],
    [
      'a current snapshot that is not there',
      { ...v2, 'current-snapshot-id': 5 },
      'malformed-metadata current-snapshot-id',
    ],
    ['a default spec that is not there', { ...v2, 'default-spec-id': 5 }, 'malformed-metadata default-spec-id'],
    [
      'a sort order that is not there',
      { ...v2, 'default-sort-order-id': 5 },
      'malformed-metadata default-sort-order-id',
    ],
    ['no uuid in version 2', without(v2, 'table-uuid'), 'malformed-metadata table-uuid'],
    [
      'main and the current snapshot at odds',
      { ...v2, refs: { main: { 'snapshot-id': id1, type: 'branch' } } },
      'malformed-metadata current-snapshot-id',
    ],
    [
      'a type from the future',
      { ...v1, schema: { fields: [{ id: 1, name: 'x', required: true, type: 'hologram' }] } },
      'unsupported-type schema.fields[0].type',
    ],
    [
      'a snapshot without an id',
      { ...v2, snapshots: [{ 'timestamp-ms': 1, 'manifest-list': 'x' }] },
      'malformed-metadata snapshots[0].snapshot-id',
    ],
    ['an id beyond 64 bits', { ...v2, 'last-sequence-number': 2n ** 64n }, 'malformed-metadata last-sequence-number'],
  ]
  for (const [what, json, expected] of cases) {
    it(`names the field for ${what}`, () => {
      expect(codeOf(() => parseTableMetadata(text(json)))).toBe(expected)
    })
  }

  it('refuses a format version that it does not know', () => {
    expect(codeOf(() => parseTableMetadata(text({ ...v2, 'format-version': 4 })))).toBe('unsupported-format-version')
  })

  it('names the file when the text is cut short', () => {
    const cut = text(v2).slice(0, 200)
    expect(() => parseTableMetadata(cut, { file: '/lake/v1.metadata.json' })).toThrow(/\/lake\/v1\.metadata\.json/)
    expect(codeOf(() => parseTableMetadata(gzipSync(text(v2)).subarray(0, 50)))).toBe('malformed-metadata')
  })
})

describe('history', () => {
  const metadata = parseTableMetadata(text(v2))

  it('answers time travel from the snapshot log, inclusive', () => {
    expect(snapshotAsOf(metadata, 1515100955769)).toBeUndefined()
    expect(snapshotAsOf(metadata, 1515100955770)?.snapshotId).toBe(id1)
    expect(snapshotAsOf(metadata, 1555100955769)?.snapshotId).toBe(id1)
    expect(snapshotAsOf(metadata, Number.MAX_SAFE_INTEGER)?.snapshotId).toBe(id2)
  })

  it('follows the log over parentage after a rollback', () => {
    const rolledBack = {
      ...metadata,
      currentSnapshotId: id1,
      snapshotLog: [...metadata.snapshotLog, { timestampMs: 1600000000000, snapshotId: id1 }],
    }
    expect(snapshotAsOf(rolledBack, 1600000000000)?.snapshotId).toBe(id1)
    expect(snapshotAsOf(rolledBack, 1599999999999)?.snapshotId).toBe(id2)
  })

  it('lists ancestors newest first, and ends where they expired', () => {
    expect(ancestorsOf(metadata, id2).map((snapshot) => snapshot.snapshotId)).toEqual([id2, id1])
    expect(isAncestor(metadata, id1, id2)).toBe(true)
    expect(isAncestor(metadata, id2, id1)).toBe(false)
    const expired = { ...metadata, snapshots: metadata.snapshots.slice(1) }
    expect(ancestorsOf(expired, id2).map((snapshot) => snapshot.snapshotId)).toEqual([id2])
  })
})
