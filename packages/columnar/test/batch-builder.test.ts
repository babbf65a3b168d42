import {
  BatchBuilder,
  ColumnarError,
  type ColumnField,
  columnFields,
  columnView,
  sliceBatch,
  takeRows,
} from '@icebridge/columnar'
import {
  appendPlain,
  batchOfRows,
  batchRows,
  EVERY_SCALAR,
  randomRows,
  seededRandom,
} from '@icebridge/columnar/testing'
import { Table, tableFromIPC, tableToIPC } from 'apache-arrow'
import { describe, expect, it } from 'vitest'

const nested: readonly ColumnField[] = [
  ...EVERY_SCALAR,
  {
    name: 's',
    nullable: true,
    type: {
      kind: 'struct',
      fields: [
        { name: 'a', type: { kind: 'int32' }, nullable: true },
        { name: 'b', type: { kind: 'string' }, nullable: false },
      ],
    },
  },
  {
    name: 'l',
    nullable: true,
    type: { kind: 'list', element: { name: 'element', type: { kind: 'string' }, nullable: true } },
  },
  {
    name: 'm',
    nullable: true,
    type: {
      kind: 'map',
      key: { name: 'key', type: { kind: 'string' }, nullable: false },
      value: { name: 'value', type: { kind: 'int64' }, nullable: true },
    },
  },
]

function builderOf(type: ColumnField['type'], nullable = true): BatchBuilder {
  return new BatchBuilder([{ name: 'c', type, nullable }], { initialRows: 1 })
}

function codeOf(run: () => void): string {
  try {
    run()
  } catch (error) {
    if (error instanceof ColumnarError) return error.code
    throw error
  }
  return 'no error'
}

describe('BatchBuilder', () => {
  it('gives back exactly the values of every type that were appended, nulls included', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const rows = randomRows(nested, 97, seededRandom(seed))
      expect(batchRows(batchOfRows(nested, rows))).toStrictEqual(rows)
    }
  })

  it('makes batches that survive the Arrow IPC format', () => {
    const rows = randomRows(nested, 50, seededRandom(7))
    const table = tableFromIPC(tableToIPC(new Table(batchOfRows(nested, rows))))
    expect(table.batches.flatMap((batch) => batchRows(batch))).toStrictEqual(rows)
  })

  it('starts again empty after finish, and the finished batch keeps its values', () => {
    const builder = new BatchBuilder(nested, { initialRows: 2 })
    const batches = [11, 3, 40].map((count) => {
      const rows = randomRows(nested, count, seededRandom(count))
      return { rows, batch: fill(builder, rows) }
    })
    expect(builder.rowCount).toBe(0)
    for (const { rows, batch } of batches) expect(batchRows(batch)).toStrictEqual(rows)
  })

  it('finishes an empty batch with its schema', () => {
    const batch = new BatchBuilder(nested).finish()
    expect(batch.numRows).toBe(0)
    expect(batchRows(batch)).toEqual([])
    expect(batch.schema.fields.map((field) => field.name)).toEqual(nested.map((field) => field.name))
  })

  it('counts rows and bytes as they are appended', () => {
    const builder = builderOf({ kind: 'string' })
    const [column] = builder.columns
    if (column?.kind !== 'string') throw new Error('not a string builder')
    column.append('abcd')
    column.append('€')
    expect(builder.rowCount).toBe(2)
    expect(builder.byteSize).toBe(4 + 3 + 2 * 4)
  })

  it('keeps values beyond 64 bits and on both sides of every word boundary of a decimal', () => {
    const values = [0n, 2n ** 31n, 2n ** 32n, 2n ** 63n, 2n ** 63n - 1n, 2n ** 64n, 2n ** 96n, 10n ** 38n - 1n]
    const both = values.flatMap((value) => [value, -value, value - 1n, 1n - value]).map((value) => [value])
    const fields: ColumnField[] = [{ name: 'd', type: { kind: 'decimal', precision: 38, scale: 0 }, nullable: false }]
    expect(batchRows(batchOfRows(fields, both))).toStrictEqual(both)
  })

  it('parses decimal text exactly, and refuses what it would have to round', () => {
    const builder = builderOf({ kind: 'decimal', precision: 20, scale: 4 })
    const [column] = builder.columns
    if (column?.kind !== 'decimal') throw new Error('not a decimal builder')
    for (const text of [
      '0',
      '-0.0001',
      '+1.5',
      '.5',
      '7.',
      '9999999999999999.9999',
      '-1234567890123456.7800000',
      '42.10000',
    ]) {
      column.appendText(text)
    }
    for (const bad of ['', '-', '.', '1e5', '1.2.3', ' 1', '0x1', 'NaN']) {
      expect(codeOf(() => column.appendText(bad))).toBe('malformed-decimal')
    }
    for (const big of ['0.00001', '12345678901234567', '99999999999999999.0']) {
      expect(codeOf(() => column.appendText(big))).toBe('decimal-overflow')
    }
    const unscaled = [0n, -1n, 15_000n, 5_000n, 70_000n, 99999999999999999999n, -12345678901234567800n, 421_000n]
    expect(batchRows(builder.finish())).toStrictEqual(unscaled.map((value) => [value]))
  })

  it('appends safe integers as numbers just as it appends them as bigints', () => {
    const values = [0, -1, 1, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]
    for (const type of [
      { kind: 'int64' },
      { kind: 'decimal', precision: 38, scale: 2 },
      { kind: 'timestamp', utc: true },
    ] as const) {
      const builder = builderOf(type)
      const [column] = builder.columns
      if (column?.kind !== 'int64' && column?.kind !== 'decimal' && column?.kind !== 'timestamp')
        throw new Error('wrong kind')
      for (const value of values) column.appendNumber(value)
      expect(batchRows(builder.finish())).toStrictEqual(values.map((value) => [BigInt(value)]))
    }
  })

  it('refuses a value outside the type, naming column and row but not the value', () => {
    const cases: [ColumnField['type'], unknown, string][] = [
      [{ kind: 'int32' }, 2 ** 31, 'out-of-range'],
      [{ kind: 'int32' }, 1.5, 'out-of-range'],
      [{ kind: 'int64' }, 2n ** 63n, 'out-of-range'],
      [{ kind: 'int64' }, 5, 'out-of-range'],
      [{ kind: 'timestamp', utc: false }, -(2n ** 63n) - 1n, 'out-of-range'],
      [{ kind: 'time' }, 86_400_000_000n, 'out-of-range'],
      [{ kind: 'time' }, -1n, 'out-of-range'],
      [{ kind: 'decimal', precision: 5, scale: 2 }, 100_000n, 'decimal-overflow'],
      [{ kind: 'fixed', length: 4 }, new Uint8Array(3), 'wrong-length'],
      [{ kind: 'uuid' }, new Uint8Array(15), 'wrong-length'],
      [{ kind: 'string' }, 'ab\ud800', 'lone-surrogate'],
      [{ kind: 'string' }, `${'x'.repeat(100)}\udc00`, 'lone-surrogate'],
      [{ kind: 'string' }, 12, 'wrong-value-type'],
      [{ kind: 'boolean' }, 1, 'wrong-value-type'],
      [{ kind: 'float64' }, '1', 'wrong-value-type'],
      [{ kind: 'binary' }, 'x', 'wrong-value-type'],
    ]
    for (const [type, value, code] of cases) {
      const builder = builderOf(type)
      const column = builder.columns[0]!
      column.appendNull()
      const append = column.append.bind(column) as (value: unknown) => void
      expect(
        codeOf(() => append(value)),
        `${type.kind} ${code}`,
      ).toBe(code)
      expect(() => append(value)).toThrow(expect.objectContaining({ context: { column: 'c', row: 1 } }))
      expect(builder.rowCount, 'a refused value is not half appended').toBe(1)
    }
  })

  it('replaces lone surrogates when that is declared', () => {
    const builder = new BatchBuilder([{ name: 'c', type: { kind: 'string' }, nullable: true }], {
      loneSurrogates: 'replace',
    })
    const [column] = builder.columns
    if (column?.kind !== 'string') throw new Error('not a string builder')
    column.append('a\ud800b')
    column.append(`${'x'.repeat(40)}\udc00`)
    expect(batchRows(builder.finish())).toEqual([['a\ufffdb'], [`${'x'.repeat(40)}\ufffd`]])
  })

  it('takes text that is UTF-8 already, and refuses bytes that are not', () => {
    const builder = builderOf({ kind: 'string' })
    const [column] = builder.columns
    if (column?.kind !== 'string') throw new Error('not a string builder')
    column.appendUtf8(Buffer.from('\ufeffhé'))
    expect(codeOf(() => column.appendUtf8(new Uint8Array([0xff])))).toBe('malformed-utf8')
    expect(batchRows(builder.finish())).toEqual([['\ufeffhé']])
  })

  it('refuses nulls in a required column, at the top and nested', () => {
    const required = builderOf({ kind: 'int32' }, false)
    required.columns[0]!.appendNull()
    expect(codeOf(() => required.finish())).toBe('null-in-required')
    const struct = (value: [number | null] | null): string =>
      codeOf(() =>
        batchOfRows(
          [
            {
              name: 's',
              nullable: true,
              type: { kind: 'struct', fields: [{ name: 'a', type: { kind: 'int32' }, nullable: false }] },
            },
          ],
          [[value]],
        ),
      )
    expect(struct([null])).toBe('null-in-required')
    expect(struct(null), 'the children of a null struct hold nothing').toBe('no error')
    const list = (): void => {
      batchOfRows(
        [
          {
            name: 'l',
            nullable: true,
            type: { kind: 'list', element: { name: 'e', type: { kind: 'int32' }, nullable: false } },
          },
        ],
        [[[1, null]]],
      )
    }
    expect(codeOf(list)).toBe('null-in-required')
  })

  it('refuses columns of different lengths', () => {
    const builder = new BatchBuilder([
      { name: 'a', type: { kind: 'int32' }, nullable: true },
      { name: 'b', type: { kind: 'int32' }, nullable: true },
    ])
    builder.columns[0]!.appendNull()
    expect(codeOf(() => builder.finish())).toBe('length-mismatch')
  })

  it('reads a timestamp at the end of year 9999 to the microsecond', () => {
    const builder = builderOf({ kind: 'timestamp', utc: true })
    const [column] = builder.columns
    if (column?.kind !== 'timestamp') throw new Error('not a timestamp builder')
    column.append(253_402_300_799_999_999n)
    const view = columnView(builder.finish(), 0)
    expect(view.kind === 'timestamp' && view.value(0)).toBe(253_402_300_799_999_999n)
  })
})

function fill(builder: BatchBuilder, rows: ReturnType<typeof randomRows>): ReturnType<BatchBuilder['finish']> {
  for (const row of rows)
    for (const [index, column] of builder.columns.entries()) appendPlain(column, row[index] ?? null)
  return builder.finish()
}

describe('nanoseconds and nulls', () => {
  it('keeps every nanosecond of a 64-bit timestamp, and the zone', () => {
    const values = [-(2n ** 63n), -1n, 0n, 1_700_000_000_123_456_789n, 2n ** 63n - 1n, null]
    const fields: ColumnField[] = [
      { name: 'wall', nullable: true, type: { kind: 'timestamp_ns', utc: false } },
      { name: 'instant', nullable: true, type: { kind: 'timestamp_ns', utc: true } },
    ]
    const rows = values.map((value) => [value, value])
    const batch = batchOfRows(fields, rows)
    expect(batch.schema.fields.map((field) => field.type.toString())).toEqual([
      'Timestamp<NANOSECOND>',
      'Timestamp<NANOSECOND, UTC>',
    ])
    expect(batchRows(batch)).toEqual(rows)
    expect(columnFields(batch.schema)).toEqual(fields)
  })

  it('makes batches of rows without any column', () => {
    const batch = new BatchBuilder([]).finish(3)
    expect([batch.numRows, batch.numCols]).toEqual([3, 0])
    expect(batchRows(batch)).toEqual([[], [], []])
  })

  it('holds a column of nulls through slices and gathers', () => {
    const fields: ColumnField[] = [{ name: 'nothing', nullable: true, type: { kind: 'null' } }]
    const batch = batchOfRows(fields, [[null], [null], [null]])
    expect(columnFields(batch.schema)).toEqual(fields)
    expect(batchRows(sliceBatch(batch, 1, 3))).toEqual([[null], [null]])
    expect(batchRows(takeRows(batch, Uint32Array.of(2, 0)))).toEqual([[null], [null]])
  })
})
