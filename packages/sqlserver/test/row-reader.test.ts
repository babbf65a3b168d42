import { createRequire } from 'node:module'
import { BatchBuilder, columnView, type ColumnField } from '@icebridge/columnar'
import type { ReadColumn } from '@icebridge/sqlserver'
import type { Connection } from 'tedious'
import { beforeAll, describe, expect, it } from 'vitest'
import { installRowReader, readRowsInto, RowTarget } from '../src/exact-values/row-reader.ts'

/** The driver's own parser of a token stream. */
interface Parser {
  write(chunk: Buffer): void
  read(): { readonly columns: readonly { readonly value: unknown }[] } | undefined
  end(): void
}
const DriverParser = createRequire(import.meta.url)('tedious/lib/token/stream-parser.js') as new (
  options: object,
  columns: readonly object[],
) => Parser

const types = [
  { colName: 'i', type: { name: 'IntN' }, dataLength: 4 },
  { colName: 's', type: { name: 'NVarChar' }, dataLength: 100 },
  { colName: 'm', type: { name: 'NVarChar' }, dataLength: 0xffff },
  { colName: 'v', type: { name: 'VarChar' }, dataLength: 0xffff, collation: { codepage: 'CP1252' } },
]
type Row = readonly [number | null, string | null, string | null, string | null]

const fields: readonly ColumnField[] = [
  { name: 'i', type: { kind: 'int32' }, nullable: true },
  ...['s', 'm', 'v'].map((name): ColumnField => ({ name, type: { kind: 'string' }, nullable: true })),
]
const reads = fields.map((field): ReadColumn => ({ name: field.name, role: 'value', field, expression: () => '' }))

/** A row token; with a bitmap, as a server sends it that has many NULLs to send. */
function token(row: readonly Row[number][], withBitmap: boolean): Buffer {
  const parts: Buffer[] = [
    withBitmap
      ? Buffer.of(
          0xd2,
          row.reduce<number>((bits, value, at) => bits | (value === null ? 1 << at : 0), 0),
        )
      : Buffer.of(0xd1),
  ]
  for (const [at, value] of row.entries()) {
    if (value === null) {
      if (!withBitmap)
        parts.push([Buffer.of(0), Buffer.of(0xff, 0xff), Buffer.alloc(8, 255), Buffer.alloc(8, 255)][at] ?? Buffer.of())
      continue
    }
    const bytes = typeof value === 'number' ? Buffer.alloc(4) : Buffer.from(value, at === 3 ? 'latin1' : 'utf16le')
    if (typeof value === 'number') bytes.writeInt32LE(value)
    if (at === 0) parts.push(Buffer.of(4), bytes)
    else if (at === 1) parts.push(uint(bytes.length, 2), bytes)
    else {
      const half = Math.min(bytes.length, 7)
      const chunks = [bytes.subarray(0, half), bytes.subarray(half)].filter(({ length }) => length > 0)
      parts.push(uint(bytes.length, 8), ...chunks.flatMap((chunk) => [uint(chunk.length, 4), chunk]), uint(0, 4))
    }
  }
  return Buffer.concat(parts)
}

function uint(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntLE(value, 0, Math.min(bytes, 6))
  return buffer
}

const rows: readonly Row[] = Array.from({ length: 40 }, (_, at): Row => [
  at % 7 === 3 ? null : at * 1_000_003,
  at % 5 === 2 ? null : `täxt ${at} 😀`.repeat(at % 3),
  at % 4 === 1 ? null : `long ${at} ß😀`.repeat(at % 6),
  at % 6 === 5 ? null : `code page é ${at}`.repeat(at % 2),
])

interface Read {
  readonly target: RowTarget
  readonly builder: BatchBuilder
  /** What the driver told of. */
  readonly events: (readonly unknown[])[]
  readonly values: () => (number | string | null)[][]
}

/** Reads tokens that arrive in packets of so many bytes; `columns` leaves out those at the end. */
function read(
  wire: Buffer,
  options: { readonly packet: number; readonly columns: number; readonly goOn?: () => boolean },
): Read {
  const builder = new BatchBuilder(fields.slice(0, options.columns))
  const connection = { config: { options: {} } }
  const result = { columns: types.slice(0, options.columns), builders: builder.columns }
  const target = new RowTarget(reads.slice(0, options.columns), result, options.goOn ?? (() => true))
  // Of a connection only its options are looked at.
  readRowsInto(connection as unknown as Connection, target)
  const parser = new DriverParser(connection.config.options, result.columns)
  const events: (readonly unknown[])[] = []
  for (let at = 0; at < wire.length; at += options.packet) {
    // Memory of its own that is gone afterwards, as a packet's.
    const chunk = Buffer.from(wire.subarray(at, at + options.packet))
    parser.write(chunk)
    for (let token = parser.read(); token !== undefined; token = parser.read()) {
      events.push(token.columns.map(({ value }) => value))
    }
  }
  parser.end()
  return {
    target,
    builder,
    events,
    values: () => {
      const batch = builder.finish()
      const views = builder.fields.map((_, index) => columnView(batch, index))
      return Array.from({ length: batch.numRows }, (_, row) =>
        views.map((view) => {
          if (view.kind !== 'int32' && view.kind !== 'string') throw new TypeError(view.kind)
          return view.isNull(row) ? null : view.value(row)
        }),
      )
    },
  }
}

beforeAll(() => installRowReader())

describe('rows from the wire', () => {
  /** Every third row with a bitmap, so that the two kinds follow each other in all ways. */
  const tokens = (columns: number): Buffer =>
    Buffer.concat(rows.map((row, at) => token(row.slice(0, columns), at % 3 !== 0)))

  it.each([1, 2, 3, 5, 7, 16, 61, 257, 1 << 20])(
    'are the same however they are cut into packets of %i bytes',
    (packet) => {
      for (const columns of [1, 2, 3, 4]) {
        const { values, target, events } = read(tokens(columns), { packet, columns })
        expect(values()).toEqual(rows.map((row) => row.slice(0, columns)))
        expect(target.refused).toBeUndefined()
        expect(events.every((cells) => cells.length === 0)).toBe(true)
      }
    },
  )

  it('are taken at once as far as they have arrived', () => {
    expect(read(tokens(3), { packet: 1 << 20, columns: 3 }).events).toHaveLength(1)
  })

  it('are taken one by one by whoever says so', () => {
    expect(read(tokens(3), { packet: 1 << 20, columns: 3, goOn: () => false }).events).toHaveLength(rows.length)
  })

  it.each([1, 5, 16, 1 << 20])(
    'go to the driver from a value on that cannot be kept, in packets of %i bytes',
    (packet) => {
      const bad: Row = [7, 'half \ud83d', 'after it '.repeat(9), 'é'.repeat(50)]
      for (const columns of [3, 4]) {
        for (const withBitmap of [false, true]) {
          const wire = [rows[0], rows[1], bad, rows[2], rows[3]].flatMap((row, at) =>
            row === undefined ? [] : [token(row.slice(0, columns), at === 2 ? withBitmap : !withBitmap)],
          )
          const { builder, target, events } = read(Buffer.concat(wire), { packet, columns })
          expect(target.refused).toMatchObject({ index: 1, error: { code: 'lone-surrogate' } })
          expect(builder.columns[0]?.length).toBe(3)
          const [refused, ...others] = events.filter(({ length }) => length > 0)
          expect(refused).toEqual([undefined, ...bad.slice(1, columns)])
          expect(others).toEqual([rows[2], rows[3]].map((row) => row?.slice(0, columns)))
        }
      }
    },
  )
})
