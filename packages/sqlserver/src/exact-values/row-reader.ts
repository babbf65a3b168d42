import { createRequire } from 'node:module'
import type { ColumnBuilder } from '@icebridge/columnar'
import type { Connection } from 'tedious'
import type { ResultCell, ResultColumn } from '../session.ts'
import { codePageDecoder } from './code-page-text.ts'
import { columnDecoder, type Filled } from './column-decoder.ts'
import { RefusedValue } from './large-value.ts'
import { wireDecoder, type ParserPlace, type WireDecoder } from './wire-decoder.ts'
import type { TokenParser } from './wire-feed.ts'
import { WireWindow, type ArrivingParser } from './wire-window.ts'

/** The driver's parser of a token stream, as far as rows go. */
interface Parser extends TokenParser {
  readonly colMetadata: readonly ResultColumn[]
  readonly options: Options
}

/** The driver's state of a row that has not all arrived, or that it has to go on with; `left` is ours. */
interface RowState {
  columns: ResultCell[]
  plpReader: unknown
  /** How many columns went to builders, and which of all are NULL: the row may be one after the driver's own. */
  left?: { readonly at: number; readonly nulls: Uint8Array | undefined }
}
type ReadColumns = (this: RowState, parser: Parser, nulls: Uint8Array | undefined) => void
type AppendPending = (this: ArrivingParser & { readonly options: Options }) => boolean

/** Tokens that begin a row, without and with a bitmap of NULLs. */
export const ROW = 0xd1
export const NBCROW = 0xd2

const TARGET: unique symbol = Symbol('icebridge.rows')
interface Options {
  [TARGET]?: RowTarget
}

interface DriverParts {
  readonly readValue: (
    buffer: Buffer,
    at: number,
    column: ResultColumn,
    options: unknown,
  ) => { readonly value: unknown; readonly offset: number }
  readonly isLarge: (column: ResultColumn) => boolean
  readonly NotEnoughData: new (byteCount: number) => { readonly byteCount: number }
  readonly LargeReader: new (column: ResultColumn) => { read(parser: ParserPlace): unknown }
}

const load = createRequire(import.meta.url)
let driver: DriverParts | undefined

/** Wraps the driver's reader of rows once a process. Connections without a {@link RowTarget} get what they always got. */
export function installRowReader(): void {
  if (driver !== undefined) return
  const values = load('tedious/lib/value-parser.js') as {
    readonly readValue: DriverParts['readValue']
    readonly isPLPStream: (column: ResultColumn) => boolean | undefined
    readonly PLPReader: DriverParts['LargeReader']
  }
  const { NotEnoughDataError } = load('tedious/lib/token/helpers.js') as {
    readonly NotEnoughDataError: DriverParts['NotEnoughData']
  }
  const { prototype } = (
    load('tedious/lib/token/row-token-parser.js') as { ColumnValuesReader: { prototype: { readColumns: ReadColumns } } }
  ).ColumnValuesReader
  driver = {
    readValue: (...call) => values.readValue(...call),
    isLarge: (column) => values.isPLPStream(column) === true,
    NotEnoughData: NotEnoughDataError,
    LargeReader: values.PLPReader,
  }
  const original = prototype.readColumns
  prototype.readColumns = function readColumns(parser, nulls) {
    const target = parser.options[TARGET]
    if (target === undefined || target.refused !== undefined || !target.read(this, parser, nulls)) {
      original.call(this, parser, this.left === undefined ? nulls : this.left.nulls)
    }
  }
  const { prototype: whole } = load('tedious/lib/token/stream-parser.js') as {
    prototype: { appendPending: AppendPending }
  }
  const appendFresh = whole.appendPending
  whole.appendPending = function appendPending() {
    const window = this.options[TARGET]?.window
    return window === undefined ? appendFresh.call(this) : window.append(this) || appendFresh.call(this)
  }
}

/** Sends the rows of the running statement to a target; undefined, before the first row or after the last, ends that. */
export function readRowsInto(connection: Connection, target: RowTarget | undefined): void {
  // Public in the driver's code, absent from its types.
  const { options } = (connection as unknown as { config: { options: Options } }).config
  if (target === undefined) delete options[TARGET]
  else options[TARGET] = target
}

/** A value that could not be kept, and the column that it is of. */
export interface Refused {
  readonly error: unknown
  readonly index: number
  /** Bytes of the value on the wire, of one that came in parts. */
  readonly wireBytes: number | undefined
}

/**
 * Takes the values of rows from the wire to the builders of a batch, without a cell or a row in between. All rows that have arrived are
 * taken at once: the driver has an event, without cells, for the last of them only. After a value that cannot be kept the driver makes
 * cells again, for the rest of that row too.
 */
export class RowTarget {
  /** Set once, by the first value that cannot be kept. */
  refused: Refused | undefined
  /** Rises with whatever arrives of a row. */
  progress = 0
  /** The driver's parser of the message, once it has begun a row. */
  parser: TokenParser | undefined
  /** Where the bytes of the result are parsed; undefined when the driver keeps some of them while it waits for more. */
  window: WireWindow | undefined
  readonly #decoders: readonly WireDecoder[]
  /** By result column. */
  readonly #builders: readonly (readonly ColumnBuilder[])[]
  readonly #onRow: () => boolean

  /**
   * @param fills of each result column the batch columns that it fills.
   * @param onRow is called when a row is in the builders; the next one is taken if it gives true. It does not throw.
   */
  constructor(columns: readonly ResultColumn[], fills: readonly (readonly Filled[])[], onRow: () => boolean) {
    this.#builders = fills.map((filled) => filled.map(({ builder }) => builder))
    this.#onRow = onRow
    let keepsBytes = false
    this.#decoders = columns.map((column, index) => {
      const filled = fills[index] ?? []
      const viaDriver = (): WireDecoder => driverDecoder(filled, column)
      const decoder = filledDecoder(filled, column, viaDriver)
      if (decoder === undefined && parts().isLarge(column)) keepsBytes = true
      return decoder ?? viaDriver()
    })
    this.window = keepsBytes ? undefined : new WireWindow()
  }

  /** False when the driver shall go on with the row. */
  read(row: RowState, parser: Parser, given: Uint8Array | undefined): boolean {
    this.progress += 1
    this.parser = parser
    const { left } = row
    let nulls = left === undefined ? given : left.nulls
    let at = left?.at ?? 0
    for (;;) {
      if (!this.#readRow(row, parser, { at, nulls })) return false
      if (!this.#onRow()) return true
      const { buffer, position } = parser
      const token = buffer[position]
      if (token === ROW) {
        nulls = undefined
        parser.position += 1
      } else if (token === NBCROW) {
        const end = position + 1 + ((this.#decoders.length + 7) >> 3)
        if (end > buffer.length) return true
        nulls = buffer.subarray(position + 1, end)
        parser.position = end
      } else {
        return true
      }
      at = 0
    }
  }

  #readRow(
    row: RowState,
    parser: Parser,
    { at, nulls }: { readonly at: number; readonly nulls: Uint8Array | undefined },
  ): boolean {
    const decoders = this.#decoders
    let index = at
    try {
      for (; index < decoders.length; index += 1) {
        if (nulls !== undefined && ((nulls[index >> 3] ?? 0) & (1 << (index & 7))) !== 0) {
          for (const builder of this.#builders[index] ?? []) builder.appendNull()
          continue
        }
        const next = (decoders[index] as WireDecoder)(parser.buffer, parser.position, parser) // index is below the length
        if (next < 0) throw new (parts().NotEnoughData)(-next)
        parser.position = next
      }
    } catch (error) {
      // A copy: the bitmap stands in the parser's buffer, which is filled again.
      row.left = { at: index, nulls: nulls === undefined ? undefined : Uint8Array.from(nulls) }
      if (error instanceof parts().NotEnoughData) throw error
      this.#refuse(error, index, row, parser)
      return false
    }
    return true
  }

  #refuse(error: unknown, index: number, row: RowState, parser: Parser): void {
    const isRead = error instanceof RefusedValue
    if (isRead) parser.position = error.position
    this.refused = isRead
      ? { error: error.cause, index, wireBytes: error.bytes }
      : { error, index, wireBytes: undefined }
    this.window = undefined
    row.columns = Array.from({ length: isRead ? index + 1 : index }, () => ({ value: undefined }))
  }
}

/** Of all batch columns that a result column fills; undefined when one of them is left to the driver's own parser. */
function filledDecoder(
  fills: readonly Filled[],
  column: ResultColumn,
  viaDriver: () => WireDecoder,
): WireDecoder | undefined {
  const [first, ...more] = fills.map(
    ({ read, builder }) => wireDecoder(read, column, builder) ?? asciiDecoder(column, builder, viaDriver),
  )
  if (first === undefined || more.length === 0) return first
  const others = more.flatMap((decoder) => decoder ?? [])
  if (others.length < more.length) return undefined
  return (buffer, at, parser) => {
    const end = first(buffer, at, parser)
    if (end >= 0) for (const decoder of others) decoder(buffer, at, parser)
    return end
  }
}

/** Text of code pages: what is ASCII needs no table. */
function asciiDecoder(
  column: ResultColumn,
  builder: ColumnBuilder,
  viaDriver: () => WireDecoder,
): WireDecoder | undefined {
  const { name } = column.type
  if (builder.kind !== 'string' || (name !== 'VarChar' && name !== 'Char') || parts().isLarge(column)) return undefined
  const other = viaDriver()
  return (buffer, at, parser) => {
    if (at + 2 > buffer.length) return -(at + 2)
    const length = buffer.readUInt16LE(at)
    const end = at + 2 + length
    if (length === 0xffff || end > buffer.length) return other(buffer, at, parser)
    if (!builder.appendAscii(buffer, at + 2, end)) {
      const decoder = codePageDecoder(column)
      builder.append(decoder.write(buffer.subarray(at + 2, end)) + (decoder.end() ?? ''))
    }
    return end
  }
}

/** By way of the driver's own parser, for types that have no decoder of ours. */
function driverDecoder(fills: readonly Filled[], column: ResultColumn): WireDecoder {
  const { readValue, isLarge, LargeReader } = parts()
  const append = columnDecoder(fills, column, true)
  if (!isLarge(column)) {
    return (buffer, at, parser) => {
      const { value, offset } = readValue(buffer, at, column, (parser as Parser).options) // the driver's own
      append(value)
      return offset
    }
  }
  let reader: InstanceType<typeof LargeReader> | undefined
  return (_buffer, _at, parser) => {
    reader ??= new LargeReader(column)
    const value = reader.read(parser)
    reader = undefined
    try {
      append(value)
    } catch (error) {
      throw new RefusedValue(error, parser.position, undefined)
    }
    return parser.position
  }
}

function parts(): DriverParts {
  if (driver === undefined) throw new TypeError('the reader of rows is not installed')
  return driver
}
