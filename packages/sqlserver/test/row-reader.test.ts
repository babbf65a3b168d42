import { createRequire } from 'node:module'
import { BatchBuilder, columnView, type ColumnField } from '@icebridge/columnar'
import type { Connection } from 'tedious'
import { beforeAll, describe, expect, it } from 'vitest'
import { installRowReader, readRowsInto, RowTarget } from '../src/exact-values/row-reader.ts'
import { filledColumns, type ReadColumn } from '../src/sql.ts'
import { builtRows, fields, filled, type Row, rows, token, types, uint } from './row-tokens.ts'

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
  readonly events: readonly (readonly unknown[])[]
  readonly values: () => (number | string | null)[][]
}

/** Reads tokens that arrive in packets of so many bytes; `columns` leaves out those at the end. */
function read(
  wire: Buffer,
  options: { readonly packet: number; readonly columns: number; readonly goOn?: () => boolean },
): Read {
  const builder = new BatchBuilder(fields.slice(0, options.columns))
  const columns = types.slice(0, options.columns)
  const target = new RowTarget(columns, filled(builder), options.goOn ?? (() => true))
  const events = parse(wire, { packet: options.packet, columns, target })
  return {
    target,
    builder,
    events,
    values: () => builtRows(builder),
  }
}

/** Has the driver parse tokens into a target, and gives what it told of. */
function parse(
  wire: Buffer,
  {
    packet,
    columns,
    target,
  }: { readonly packet: number; readonly columns: readonly object[]; readonly target: RowTarget },
): readonly (readonly unknown[])[] {
  const connection = { config: { options: {} } }
  // Of a connection only its options are looked at.
  readRowsInto(connection as unknown as Connection, target)
  const parser = new DriverParser(connection.config.options, columns)
  const events: (readonly unknown[])[] = []
  for (let at = 0; at < wire.length; at += packet) {
    // Memory of its own that is gone afterwards, as a packet's.
    const chunk = Buffer.from(wire.subarray(at, at + packet))
    parser.write(chunk)
    for (let token = parser.read(); token !== undefined; token = parser.read()) {
      events.push(token.columns.map(({ value }) => value))
    }
  }
  parser.end()
  return events
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

  it.each([1, 3, 7, 1 << 20])('fill what stands within a value, in packets of %i bytes', (packet) => {
    const column = (name: string, field: ColumnField['type'], more: Partial<ReadColumn> = {}): ReadColumn => ({
      name,
      role: 'value',
      expression: () => name,
      field: { name, type: field, nullable: true },
      ...more,
    })
    const reads = [
      column('at', { kind: 'timestamp', utc: true }),
      column('offset', { kind: 'int32' }, { role: 'offset', within: 'at' }),
      column('ns100', { kind: 'int32' }, { role: 'ns100', within: 'at' }),
      column('of day', { kind: 'time' }),
      column('ns100 of day', { kind: 'int32' }, { role: 'ns100', within: 'of day' }),
      column('version', { kind: 'binary' }),
      column('text', { kind: 'string' }, { within: 'version' }),
      column('last', { kind: 'int32' }),
    ]
    const columns = [
      { colName: 'at', type: { name: 'DateTimeOffset' }, scale: 7 },
      { colName: 'of day', type: { name: 'Time' }, scale: 7 },
      { colName: 'version', type: { name: 'Binary' }, dataLength: 8 },
      { colName: 'last', type: { name: 'IntN' }, dataLength: 4 },
    ]
    const builder = new BatchBuilder(reads.map(({ field }) => field))
    const fills = filledColumns(reads).map((places) =>
      places.flatMap((place) => {
        const [read, own] = [reads[place], builder.columns[place]]
        return read === undefined || own === undefined ? [] : [{ read, builder: own }]
      }),
    )
    const target = new RowTarget(columns as never, fills, () => true) // of columns, what the driver would say
    // 1970-01-02 00:00:01.2345678 UTC, half an hour west; 03:25:45.6789012; 0x00AB...
    const day = uint(719_163, 3)
    const moment = Buffer.concat([Buffer.of(10), uint(12_345_678, 5), day, Buffer.of(0xe2, 0xff)])
    const ofDay = Buffer.concat([Buffer.of(5), uint(123_456_789_012, 5)])
    const version = Buffer.concat([uint(8, 2), Buffer.from('00ab0000000007d9', 'hex')])
    const last = Buffer.concat([Buffer.of(4), uint(77, 4)])
    const withValues = [Buffer.of(0xd1), moment, ofDay, version, last]
    const withBitmap = [Buffer.of(0xd2, 0b0111), last]
    const withNulls = [Buffer.of(0xd1), Buffer.of(0), Buffer.of(0), uint(0xffff, 2), last]
    const wire = Buffer.concat([...withValues, ...withBitmap, ...withNulls])
    expect(parse(wire, { packet, columns, target }).every((cells) => cells.length === 0)).toBe(true)
    expect(target.refused).toBeUndefined()
    const batch = builder.finish()
    const values = reads.map((_, index) => {
      const view = columnView(batch, index)
      return [0, 1, 2].map((row) => {
        if (view.isNull(row)) return null
        if (view.kind === 'binary') return Buffer.from(view.value(row)).toString('hex')
        return 'value' in view && typeof view.value === 'function' ? view.value(row) : undefined
      })
    })
    const none = [null, null]
    expect(values).toEqual([
      [86_401_234_567n, ...none],
      [-30, ...none],
      [8, ...none],
      [12_345_678_901n, ...none],
      [2, ...none],
      ['00ab0000000007d9', ...none],
      ['0x00AB0000000007D9', ...none],
      [77, 77, 77],
    ])
  })

  it('cannot fill what stands within a value that is not read', () => {
    const read: ReadColumn = {
      name: 'n',
      role: 'ns100',
      within: 'at',
      expression: () => '',
      field: { name: 'n', type: { kind: 'int32' }, nullable: true },
    }
    expect(() => filledColumns([read])).toThrow('n is within at, which is not read')
  })
})
