import { createRequire } from 'node:module'
import { BatchBuilder } from '@icebridge/columnar'
import type { Connection } from 'tedious'
import { beforeAll, describe, expect, it } from 'vitest'
import { installRowReader, readRowsInto, RowTarget } from '../src/exact-values/row-reader.ts'
import { builtRows, fields, reads, type Row, rows, token, types } from './row-tokens.ts'

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
    values: () => builtRows(builder),
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
