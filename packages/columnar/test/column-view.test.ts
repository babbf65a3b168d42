import {
  ColumnarError,
  columnFields,
  type ColumnField,
  columnView,
  arrowSchema,
  selectColumns,
  sliceBatch,
  takeRows,
} from '@icebridge/columnar'
import { batchOfRows, batchRows, EVERY_SCALAR, randomRows, seededRandom } from '@icebridge/columnar/testing'
import {
  Binary,
  Bool,
  Field,
  FixedSizeBinary,
  Int16,
  Int32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  Timestamp,
  TimestampMicrosecond,
  TimeUnit,
  Utf8,
} from 'apache-arrow'
import { describe, expect, it } from 'vitest'

const fields: readonly ColumnField[] = [
  ...EVERY_SCALAR,
  {
    name: 'l',
    nullable: true,
    type: {
      kind: 'list',
      element: {
        name: 'element',
        nullable: true,
        type: { kind: 'struct', fields: [{ name: 'x', type: { kind: 'boolean' }, nullable: true }] },
      },
    },
  },
  {
    name: 'm',
    nullable: true,
    type: {
      kind: 'map',
      key: { name: 'key', type: { kind: 'int32' }, nullable: false },
      value: { name: 'value', type: { kind: 'string' }, nullable: true },
    },
  },
  {
    name: 's',
    nullable: true,
    type: { kind: 'struct', fields: [{ name: 'f', type: { kind: 'float32' }, nullable: true }] },
  },
]

describe('slices, selections and gathers', () => {
  it('reads slices, and slices of slices, as the rows they stand for', () => {
    const random = seededRandom(11)
    for (let round = 0; round < 30; round++) {
      const rows = randomRows(fields, 60, random)
      const batch = batchOfRows(fields, rows)
      const start = Math.floor(random() * 60)
      const end = start + Math.floor(random() * (61 - start))
      const slice = sliceBatch(batch, start, end)
      expect(batchRows(slice)).toStrictEqual(rows.slice(start, end))
      const inner = Math.floor(random() * (end - start + 1))
      expect(batchRows(sliceBatch(slice, inner, end - start))).toStrictEqual(rows.slice(start + inner, end))
    }
  })

  it('takes rows in any order, with repeats, of a sliced batch', () => {
    const random = seededRandom(3)
    const rows = randomRows(fields, 80, random)
    const slice = sliceBatch(batchOfRows(fields, rows), 5, 70)
    const picks = Uint32Array.from({ length: 200 }, () => Math.floor(random() * 65))
    expect(batchRows(takeRows(slice, picks))).toStrictEqual([...picks].map((row) => rows[5 + row]))
    expect(takeRows(slice, new Uint32Array(0)).numRows).toBe(0)
  })

  it('selects columns in the given order and keeps the row count', () => {
    const rows = randomRows(fields, 9, seededRandom(5))
    const batch = sliceBatch(batchOfRows(fields, rows), 2, 9)
    expect(batchRows(selectColumns(batch, [4, 0]))).toStrictEqual(rows.slice(2).map((row) => [row[4], row[0]]))
    expect(selectColumns(batch, []).numRows).toBe(7)
  })

  it('refuses rows and columns that are not there', () => {
    const batch = batchOfRows(fields, randomRows(fields, 3, seededRandom(1)))
    for (const run of [
      () => sliceBatch(batch, 1, 4),
      () => sliceBatch(batch, -1, 2),
      () => takeRows(batch, new Uint32Array([3])),
      () => selectColumns(batch, [99]),
      () => columnView(batch, 99),
    ]) {
      expect(run).toThrow(expect.objectContaining({ code: 'out-of-range' }))
    }
  })

  it('reads slices that went through the Arrow IPC format', () => {
    const rows = randomRows(fields, 40, seededRandom(8))
    const slice = sliceBatch(batchOfRows(fields, rows), 3, 33)
    const [batch] = tableFromIPC(tableToIPC(new Table(slice))).batches
    expect(batch === undefined ? [] : batchRows(batch)).toStrictEqual(rows.slice(3, 33))
  })
})

describe('columnView over batches made by other code', () => {
  it('reads data with an offset, a bitmap shorter than the rows allow, and an unknown null count', () => {
    const schema = new Schema([
      new Field('i', new Int32(), true),
      new Field('b', new Bool(), true),
      new Field('s', new Utf8(), true),
      new Field('f', new FixedSizeBinary(2), true),
    ])
    const children = [
      makeData({
        type: new Int32(),
        offset: 3,
        length: 2,
        nullBitmap: new Uint8Array([0b01000]),
        data: new Int32Array([7, 8]),
      }),
      makeData({ type: new Bool(), offset: 9, length: 2, nullCount: 0, data: new Uint8Array([0, 0b100]) }),
      makeData({
        type: new Utf8(),
        length: 2,
        nullCount: 0,
        valueOffsets: new Int32Array([2, 3, 5]),
        data: Buffer.from('xxabcyy'),
      }),
      makeData({ type: new FixedSizeBinary(2), length: 2, nullCount: 0, data: new Uint8Array([1, 2, 3, 4]) }),
    ]
    const batch = new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: 2, children }))
    expect(batchRows(batch)).toEqual([
      [7, false, 'a', '0102'],
      [null, true, 'bc', '0304'],
    ])
    expect(columnView(batch, 0).nullCount).toBe(1)
  })

  it('reads an empty column without an offset buffer', () => {
    const schema = new Schema([new Field('s', new Binary(), true)])
    const child = makeData({ type: new Binary(), length: 0, nullCount: 0, valueOffsets: new Int32Array(0) })
    const batch = new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: 0, children: [child] }))
    expect(columnView(batch, 0).length).toBe(0)
  })

  it('hands out bytes and arrays without copying them', () => {
    const batch = batchOfRows([{ name: 's', type: { kind: 'string' }, nullable: true }], [['abc'], ['de']])
    const view = columnView(batch, 0)
    if (view.kind !== 'string') throw new Error('not a string')
    expect(view.bytes(1).buffer).toBe(view.data.buffer)
    expect([...view.offsets]).toEqual([0, 3, 5])
  })
})

describe('arrowSchema and columnFields', () => {
  it('are inverse to each other, with field ids, metadata and nested fields', () => {
    const all: readonly ColumnField[] = [
      ...fields,
      { name: 'x', type: { kind: 'int32' }, nullable: false, metadata: new Map([['k', 'v']]) },
    ]
    expect(columnFields(arrowSchema(all))).toEqual(all)
  })

  it('mark a uuid by its extension name and keep the field id where Parquet tools look for it', () => {
    const field = arrowSchema([{ name: 'u', type: { kind: 'uuid' }, nullable: true, fieldId: 12 }]).fields[0]!
    expect(field.metadata.get('ARROW:extension:name')).toBe('arrow.uuid')
    expect(field.metadata.get('PARQUET:field_id')).toBe('12')
  })

  it('read a timestamp with any time zone as an instant', () => {
    const schema = new Schema([new Field('t', new TimestampMicrosecond('Europe/Oslo'), true)])
    expect(columnFields(schema)[0]?.type).toEqual({ kind: 'timestamp', utc: true })
  })

  it('refuse an Arrow type outside the contract, naming the field', () => {
    const inner = new Field('inner', new Int16(), true)
    for (const [field, path] of [
      [inner, 'inner'],
      [new Field('outer', new Struct([inner]), true), 'outer.inner'],
      [new Field('millis', new Timestamp(TimeUnit.MILLISECOND), true), 'millis'],
    ] as const) {
      expect(() => columnFields(new Schema([field]))).toThrow(ColumnarError)
      expect(() => columnFields(new Schema([field]))).toThrow(
        expect.objectContaining({ code: 'unsupported-type', context: expect.objectContaining({ column: path }) }),
      )
    }
  })

  it('refuse a decimal that Decimal128 cannot hold', () => {
    for (const [precision, scale] of [
      [0, 0],
      [39, 0],
      [10, 11],
      [10, -1],
    ] as const) {
      expect(() => arrowSchema([{ name: 'd', type: { kind: 'decimal', precision, scale }, nullable: true }])).toThrow(
        expect.objectContaining({ code: 'invalid-type' }),
      )
    }
  })
})
