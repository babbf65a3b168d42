import type { JsonObject } from '@icebridge/iceberg-core'

export const id1 = 3051729675574597004n
export const id2 = 3055729675574597004n

export const v1: JsonObject = {
  'format-version': 1,
  'table-uuid': 'd20125c8-7284-442c-9aea-15fee620737c',
  location: 's3://bucket/test/location/',
  'last-updated-ms': 1602638573874,
  'last-column-id': 3,
  schema: {
    type: 'struct',
    fields: [
      { id: 1, name: 'x', required: true, type: 'long' },
      { id: 2, name: 'y', required: true, type: 'decimal(9,2)', doc: 'comment' },
      { id: 3, name: 'z', required: false, type: 'fixed[ 16 ]' },
    ],
  },
  'partition-spec': [{ name: 'x', transform: 'identity', 'source-id': 1 }],
  properties: {},
  'current-snapshot-id': -1,
  snapshots: [],
}

export const v2: JsonObject = {
  'format-version': 2,
  'table-uuid': '9c12d441-03fe-4693-9a96-a0705ddf69c1',
  location: 's3://bucket/test/location',
  'last-sequence-number': 34,
  'last-updated-ms': 1602638573590,
  'last-column-id': 3,
  'current-schema-id': 1,
  schemas: [
    { type: 'struct', 'schema-id': 0, fields: [{ id: 1, name: 'x', required: true, type: 'long' }] },
    {
      type: 'struct',
      'schema-id': 1,
      'identifier-field-ids': [1],
      fields: [
        { id: 1, name: 'x', required: true, type: 'long', 'column-tag': 'kept' },
        { id: 2, name: 'y', required: true, type: 'long', doc: 'comment' },
        {
          id: 3,
          name: 'z',
          required: false,
          type: {
            type: 'map',
            'key-id': 4,
            key: 'string',
            'value-id': 5,
            'value-required': false,
            value: { type: 'list', 'element-id': 6, 'element-required': true, element: 'uuid', sorted: true },
            'keys-sorted': true,
          },
        },
      ],
    },
  ],
  'default-spec-id': 0,
  'partition-specs': [
    {
      'spec-id': 0,
      fields: [{ name: 'x', transform: 'identity', 'source-id': 1, 'field-id': 1000, hint: 1 }],
      hint: 2,
    },
  ],
  'last-partition-id': 1000,
  'default-sort-order-id': 3,
  'sort-orders': [
    {
      'order-id': 3,
      fields: [
        { transform: 'identity', 'source-id': 2, direction: 'asc', 'null-order': 'nulls-first', collation: 'de' },
        { transform: 'bucket[4]', 'source-id': 3, direction: 'desc', 'null-order': 'nulls-last' },
      ],
    },
  ],
  properties: { 'read.split.target.size': '134217728' },
  'current-snapshot-id': id2,
  snapshots: [
    {
      'snapshot-id': id1,
      'timestamp-ms': 1515100955770,
      'sequence-number': 0,
      summary: { operation: 'append' },
      'manifest-list': 's3://a/b/1.avro',
    },
    {
      'snapshot-id': id2,
      'parent-snapshot-id': id1,
      'timestamp-ms': 1555100955770,
      'sequence-number': 1,
      summary: { operation: 'append' },
      'manifest-list': 's3://a/b/2.avro',
      'schema-id': 1,
      'made-by': 'someone',
    },
  ],
  'snapshot-log': [
    { 'snapshot-id': id1, 'timestamp-ms': 1515100955770 },
    { 'snapshot-id': id2, 'timestamp-ms': 1555100955770, 'made-by': 'someone' },
  ],
  'metadata-log': [{ 'metadata-file': 's3://bucket/.../v1.json', 'timestamp-ms': 1515100, size: 2n ** 60n }],
  refs: { test: { 'snapshot-id': id1, type: 'tag', 'max-ref-age-ms': 10000000, why: 'a test' } },
  statistics: [
    { 'snapshot-id': id1, 'statistics-path': 's3://s', 'file-size-in-bytes': 9007199254740993n, 'blob-metadata': [] },
  ],
  'partition-statistics': [{ 'snapshot-id': id1, 'statistics-path': 's3://p', 'file-size-in-bytes': 1 }],
  'x-unknown': { deep: [1, 9223372036854775807n] },
}

/** Version 3 with everything that only it has. */
const v3: JsonObject = {
  ...v2,
  'format-version': 3,
  'next-row-id': 9007199254740993n,
  'encryption-keys': [{ 'key-id': 'k', 'encrypted-key-metadata': 'AA==', properties: { a: 'b' } }],
  'current-schema-id': 0,
  schemas: [
    {
      type: 'struct',
      'schema-id': 0,
      fields: [
        { id: 1, name: 'x', required: true, type: 'long', 'initial-default': 7, 'write-default': 8 },
        { id: 2, name: 'v', required: false, type: 'variant' },
        { id: 3, name: 'g', required: false, type: 'geography(OGC:CRS84, karney)' },
        {
          id: 4,
          name: 's',
          required: false,
          type: { type: 'struct', fields: [{ id: 5, name: 'u', required: false, type: 'unknown' }], tagged: true },
        },
      ],
    },
  ],
}

export const metadataSeeds: readonly JsonObject[] = [v1, v2, v3]

export const nameMappingSeed =
  '[{"field-id":1,"names":["id","record_id"]},{"field-id":3,"names":["location"],"fields":[{"field-id":4,"names":["latitude","lat"]},{"names":[]}]}]'

/** Updates and requirements of the REST catalog, as they go over the wire. */
export const updateSeeds: readonly JsonObject[] = [
  { action: 'add-schema', schema: { type: 'struct', 'schema-id': 1, fields: [] } },
  {
    action: 'add-spec',
    spec: { 'spec-id': 1, fields: [{ name: 'x', transform: 'identity', 'source-id': 1, 'field-id': 1000 }] },
  },
  {
    action: 'add-snapshot',
    snapshot: {
      'snapshot-id': id1,
      'timestamp-ms': 5,
      'sequence-number': 1,
      'manifest-list': '/x',
      summary: { operation: 'append' },
    },
  },
  { action: 'set-snapshot-ref', 'ref-name': 'b', type: 'branch', 'snapshot-id': id1, 'max-ref-age-ms': 5 },
  { action: 'remove-snapshots', 'snapshot-ids': [id1, id2] },
  { action: 'set-properties', updates: { a: 'b' } },
  { action: 'set-statistics', 'snapshot-id': id1, statistics: { 'snapshot-id': id1 } },
  { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': id1 },
  { type: 'assert-current-schema-id', 'current-schema-id': 1 },
]
