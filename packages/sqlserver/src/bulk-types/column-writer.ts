import type { ColumnView } from '@icebridge/columnar'
import type { BulkColumn } from '../bulk-target.ts'
import { SqlServerError } from '../errors.ts'
import { decimalPrecision, decimalScale, formatSqlType, fractionDigits, typeLength, type SqlType } from '../sql-type.ts'
import type { ByteSink } from './byte-sink.ts'
import type { RowBuffer } from './row-buffer.ts'
import { binaryChunks, LONG_BYTES, textParts, utf16Chunks } from './long-value.ts'
import { datetimeParts, smallDatetimeParts } from './text-value.ts'
import { wireType } from './wire-type.ts'
import * as wire from './wire-value.ts'

/** Writes the value of one row of a batch, without loss, or throws. */
export type CellWriter = (sink: RowBuffer, row: number) => void

/** The views of one batch that a column is written from. */
export interface CellSource {
  readonly value: ColumnView
  readonly ns100: ColumnView | undefined
  readonly offset: ColumnView | undefined
}

/** Why a value cannot be written. The caller adds the row. */
export class UnwritableValue extends Error {}

/** Refuses characters that the target's code page lacks. */
export type CharacterCheck = (text: string) => boolean

type Write = CellWriter
type ViewOf<Kind extends ColumnView['kind']> = Extract<ColumnView, { kind: Kind }>

/**
 * The one function that writes a column of a batch, chosen once a batch by the column's type and what the batch holds.
 *
 * @throws {SqlServerError} `unsupported-type` when batches of this kind cannot fill a column of the type.
 * @throws {UnwritableValue} through the returned function, for a value that the type cannot hold exactly.
 */
export function cellWriter(column: BulkColumn, source: CellSource, representable?: CharacterCheck): CellWriter {
  const { value: view } = source
  const write = valueWriter(column, source, representable)
  const { writeNull } = wireType(column.type)
  if (view.nullCount === 0) return write
  if (!column.nullable) {
    return (sink, row) => (view.isNull(row) ? refuse('is NULL and the column is NOT NULL') : write(sink, row))
  }
  return (sink, row) => (view.isNull(row) ? writeNull(sink) : write(sink, row))
}

function valueWriter(column: BulkColumn, source: CellSource, representable: CharacterCheck | undefined): Write {
  const { type } = column
  const { value: view } = source
  switch (type.name) {
    case 'bit':
      if (view.kind === 'boolean') return fixed(1, (sink, row) => sink.writeUInt8(view.value(row) ? 1 : 0))
      break
    case 'tinyint':
      if (isInteger(view)) return integer(view, 1, 0n, 255n, (sink, value) => sink.writeUInt8(value))
      break
    case 'smallint':
      if (isInteger(view)) return integer(view, 2, -32_768n, 32_767n, (sink, value) => sink.writeInt16LE(value))
      break
    case 'int':
      if (view.kind === 'int32') return fixed(4, (sink, row) => sink.writeInt32LE(view.value(row)))
      if (isInteger(view))
        return integer(view, 4, -2_147_483_648n, 2_147_483_647n, (sink, value) => sink.writeInt32LE(value))
      break
    case 'bigint':
      if (view.kind === 'int64') {
        const halves = halvesOf(view.values)
        return fixed(8, (sink, row) => {
          sink.writeInt32LE(halves[row * 2] ?? 0)
          sink.writeInt32LE(halves[row * 2 + 1] ?? 0)
        })
      }
      if (view.kind === 'int32') return fixed(8, (sink, row) => sink.writeBigInt64LE(BigInt(view.value(row))))
      break
    case 'decimal':
    case 'numeric': {
      const precision = decimalPrecision(type)
      const limit = 10n ** BigInt(precision)
      const unscaled = unscaledReader(view, decimalScale(type))
      if (unscaled === undefined) break
      const safeLimit = precision <= 15 ? 10 ** precision : Number.MAX_SAFE_INTEGER
      const words = view.kind === 'decimal' && view.scale === decimalScale(type) ? view.words : undefined
      return (sink, row) => {
        // Most values are numbers, of which no bigint need be made.
        const small = words === undefined ? undefined : safeUnscaled(words, row)
        if (small !== undefined && small < safeLimit && small > -safeLimit) {
          wire.writeSafeDecimal(sink, small, precision)
          return
        }
        const value = unscaled(row)
        if (value >= limit || value <= -limit) refuse(`has more than ${precision} digits`)
        wire.writeDecimal(sink, value, precision)
      }
    }
    case 'money':
    case 'smallmoney': {
      const unscaled = unscaledReader(view, 4)
      if (unscaled === undefined) break
      const [bits, write] =
        type.name === 'money' ? ([64, wire.writeMoney] as const) : ([32, wire.writeSmallMoney] as const)
      return (sink, row) => {
        const value = unscaled(row)
        if (BigInt.asIntN(bits, value) !== value) refuse('is out of range')
        write(sink, value)
      }
    }
    case 'real':
      if (view.kind === 'float32') return fixed(4, (sink, row) => sink.writeFloatLE(finite(view.value(row))))
      break
    case 'float':
      if (view.kind === 'float64' || view.kind === 'float32') {
        return fixed(8, (sink, row) => sink.writeDoubleLE(finite(view.value(row))))
      }
      break
    case 'date':
      if (view.kind === 'date') return (sink, row) => wire.writeDate(sink, inCalendar(view.value(row)))
      break
    case 'time': {
      if (view.kind !== 'time' && view.kind !== 'int64') break
      const scale = fractionDigits(type)
      const ns100 = smallReader(source.ns100)
      return (sink, row) => {
        const ticks = Number(view.value(row)) * 10 + ns100(row)
        if (ticks < 0 || ticks >= wire.TICKS_PER_DAY) refuse('is no time of day')
        wire.writeTime(sink, toScale(ticks, scale), scale)
      }
    }
    case 'datetime':
    case 'smalldatetime':
    case 'datetime2':
    case 'datetimeoffset':
      if (view.kind === 'timestamp') return momentWriter(type, view, source)
      break
    case 'char':
    case 'varchar':
    case 'nchar':
    case 'nvarchar':
    case 'text':
    case 'ntext':
    case 'xml':
    case 'json':
    case 'vector':
      if (view.kind === 'string') return textWriter(type, view, representable)
      break
    case 'binary':
    case 'varbinary':
    case 'image':
    case 'rowversion':
    case 'hierarchyid':
    case 'geography':
    case 'geometry':
      if (view.kind === 'binary' || view.kind === 'fixed' || view.kind === 'uuid') return bytesWriter(type, view)
      break
    case 'uniqueidentifier':
      if (view.kind === 'uuid' || (view.kind === 'fixed' && view.byteWidth === 16)) {
        const { values } = view
        return (sink, row) => wire.writeUuid(sink, values, row * 16)
      }
      break
    case 'sql_variant':
      break
  }
  throw new SqlServerError(
    'unsupported-type',
    `column ${column.name} of type ${formatSqlType(type)} cannot be bulk loaded from a batch column of ${view.kind}`,
    { context: { column: column.name, type: formatSqlType(type), kind: view.kind } },
  )
}

function fixed(bytes: number, write: Write): Write {
  return (sink, row) => {
    sink.writeUInt8(bytes)
    write(sink, row)
  }
}

function isInteger(view: ColumnView): view is ViewOf<'int32' | 'int64'> {
  return view.kind === 'int32' || view.kind === 'int64'
}

function integer(
  view: ViewOf<'int32' | 'int64'>,
  bytes: number,
  low: bigint,
  high: bigint,
  write: (sink: ByteSink, value: number) => void,
): Write {
  return (sink, row) => {
    const value = view.value(row)
    if (value < low || value > high) refuse('is out of range')
    sink.writeUInt8(bytes)
    write(sink, Number(value))
  }
}

/** The unscaled value at another scale; digits that would be lost are refused. */
function unscaledReader(view: ColumnView, scale: number): ((row: number) => bigint) | undefined {
  if (isInteger(view)) {
    const factor = 10n ** BigInt(scale)
    return (row) => BigInt(view.value(row)) * factor
  }
  if (view.kind !== 'decimal') return undefined
  if (view.scale === scale) return (row) => view.value(row)
  if (view.scale < scale) {
    const factor = 10n ** BigInt(scale - view.scale)
    return (row) => view.value(row) * factor
  }
  const divisor = 10n ** BigInt(view.scale - scale)
  return (row) => {
    const value = view.value(row)
    if (value % divisor !== 0n) refuse(`has more than ${scale} digits after the point`)
    return value / divisor
  }
}

/** A decimal's unscaled value if it is less than 2^53 either way. */
function safeUnscaled(words: Uint32Array, row: number): number | undefined {
  const at = row * 4
  const high = (words[at + 1] ?? 0) | 0
  const extension = high < 0 ? 0xffff_ffff : 0
  if (words[at + 2] !== extension || words[at + 3] !== extension) return undefined
  return high > -SAFE_HIGH && high < SAFE_HIGH ? high * 0x1_0000_0000 + (words[at] ?? 0) : undefined
}

/** High halves strictly within this, either way, make a safe integer with any low half. */
const SAFE_HIGH = 0x20_0000

function halvesOf(values: BigInt64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2)
}

/** A companion: 0 where there is none, and where it is NULL. */
function smallReader(view: ColumnView | undefined): (row: number) => number {
  if (view === undefined) return () => 0
  if (!isInteger(view)) {
    throw new SqlServerError('unsupported-type', `a companion column holds ${view.kind} instead of integers`)
  }
  if (view.kind === 'int32' && view.nullCount === 0) return (row) => view.value(row)
  return (row) => (view.isNull(row) ? 0 : Number(view.value(row)))
}

function momentWriter(type: SqlType, view: ViewOf<'timestamp'>, source: CellSource): Write {
  const ns100 = smallReader(source.ns100)
  const halves = halvesOf(view.values)
  const split = (row: number): readonly [days: number, ticks: number] => {
    const digit = ns100(row)
    if (digit < 0 || digit > 9) refuse('has a 100 ns digit that is not 0 to 9')
    const high = halves[row * 2 + 1] ?? 0
    const parts =
      high > -SAFE_HIGH && high < SAFE_HIGH
        ? wire.splitSafeMicros(high * 0x1_0000_0000 + ((halves[row * 2] ?? 0) >>> 0), digit)
        : wire.splitMicros(view.value(row), digit)
    inCalendar(parts[0])
    return parts
  }
  switch (type.name) {
    case 'datetime':
      return (sink, row) => {
        const parts = datetimeParts(...split(row)) ?? refuse('is before 1753-01-01, where datetime begins')
        wire.writeDatetime(sink, ...parts)
      }
    case 'smalldatetime':
      return (sink, row) => {
        const parts = smallDatetimeParts(...split(row)) ?? refuse('is no whole minute from 1900-01-01 to 2079-06-06')
        wire.writeSmallDatetime(sink, ...parts)
      }
    case 'datetimeoffset': {
      const scale = fractionDigits(type)
      const offset = smallReader(source.offset)
      return (sink, row) => {
        const minutes = offset(row)
        if (minutes < -840 || minutes > 840) refuse('has an offset beyond 14 hours')
        const [days, ticks] = split(row)
        wire.writeDatetimeoffset(sink, days, toScale(ticks, scale), scale, minutes)
      }
    }
    default: {
      const scale = fractionDigits(type)
      return (sink, row) => {
        const [days, ticks] = split(row)
        wire.writeDatetime2(sink, days, toScale(ticks, scale), scale)
      }
    }
  }
}

function textWriter(type: SqlType, view: ViewOf<'string'>, representable: CharacterCheck | undefined): Write {
  const { large } = wireType(type)
  const limit = type.name.endsWith('char') ? typeLength(type) : Infinity
  const { data, offsets } = view
  return (sink, row) => {
    const start = offsets[row] ?? 0
    const end = offsets[row + 1] ?? 0
    // Every code page holds ASCII.
    if (end - start <= SHORT && (representable === undefined || isAscii(data, start, end))) {
      const units = sink.writeUtf8(data, { start, end }, large)
      if (units > limit) refuse(`is longer than ${limit} characters`)
      if (units >= 0) return
    }
    if (large && end - start >= LONG_BYTES) {
      const utf8 = data.subarray(start, end)
      // Before anything of the row is sent.
      if (representable !== undefined) {
        for (const part of textParts(utf8)) if (!representable(part)) refuse(unrepresentable)
      }
      wire.writeInChunks(sink, utf16Chunks(utf8))
      return
    }
    const text = view.value(row)
    if (text.length > limit) refuse(`is longer than ${limit} characters`)
    // As long as its bytes means ASCII.
    if (representable !== undefined && text.length !== end - start && !representable(text)) {
      refuse(unrepresentable)
    }
    wire.writeText(sink, text, large)
  }
}

const unrepresentable = "has a character that the code page of the column's collation lacks"

/** Longer text goes through the platform, which costs two calls but runs many characters at a time. */
const SHORT = 48

function isAscii(data: Uint8Array, start: number, end: number): boolean {
  let all = 0
  for (let index = start; index < end; index += 1) all |= data[index] ?? 0
  return all < 0x80
}

function bytesWriter(type: SqlType, view: ViewOf<'binary' | 'fixed' | 'uuid'>): Write {
  const { large } = wireType(type)
  const limit =
    type.name === 'rowversion'
      ? 8
      : type.name === 'hierarchyid'
        ? 892
        : type.name.endsWith('binary')
          ? typeLength(type)
          : Infinity
  const writeRange = (sink: RowBuffer, source: Buffer, start: number, end: number): void => {
    const length = end - start
    if (length > limit) refuse(`is longer than ${limit} bytes`)
    if (large && length >= LONG_BYTES) {
      wire.writeInChunks(sink, binaryChunks(source.subarray(start, end)))
      return
    }
    if (large) wire.writeLargeHeader(sink, length)
    else sink.writeUInt16LE(length)
    sink.writeRange(source, start, end)
    if (large && length > 0) sink.writeUInt32LE(0)
  }
  if (view.kind === 'binary') {
    const source = bufferOf(view.data)
    const { offsets } = view
    return (sink, row) => writeRange(sink, source, offsets[row] ?? 0, offsets[row + 1] ?? 0)
  }
  const source = bufferOf(view.values)
  const { byteWidth } = view
  return (sink, row) => writeRange(sink, source, row * byteWidth, (row + 1) * byteWidth)
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : refuse('is not a finite number, which SQL Server cannot hold')
}

/** 0001-01-01 to 9999-12-31. */
function inCalendar(days: number): number {
  return days >= -wire.EPOCH_DAYS && days <= 2_932_896 ? days : refuse('is outside the years 1 to 9999')
}

function toScale(ticks: number, scale: number): number {
  return ticks % wire.ticksPerUnit(scale) === 0 ? ticks : refuse(`has more than ${scale} digits after the second`)
}

function refuse(why: string): never {
  throw new UnwritableValue(why)
}
