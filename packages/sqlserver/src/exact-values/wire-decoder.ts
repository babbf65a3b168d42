import type { ColumnBuilder } from '@icebridge/columnar'
import { EPOCH_DAYS } from '../bulk-types/wire-value.ts'
import type { ResultColumn } from '../session.ts'
import type { ReadColumn } from '../sql.ts'
import { largeBytes, largeCharacters, largeText } from './large-value.ts'
import { decimalOf, integerOf, ticksPerUnit, timeUnits } from './raw-values.ts'

/** Where the driver's parser stands. */
export interface ParserPlace {
  readonly buffer: Buffer
  position: number
}

/**
 * Reads one value of a row from the bytes of the wire straight into a batch column. Gives where the next value begins; when not all
 * bytes have arrived, minus the length that the buffer must have. A large value takes what is there, moves the parser's position on
 * and is called again.
 *
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/ce3183a6-9d89-47e8-a02f-de5a1a1303de
 */
export type WireDecoder = (buffer: Buffer, at: number, parser: ParserPlace) => number

type Store = (buffer: Buffer, start: number, length: number) => void

const MS_PER_DAY = 86_400_000
const MICROS_PER_DAY = 86_400_000_000
/** Days around 1970 whose microseconds are safe integers. */
const SAFE_DAYS = 100_000
/** Days from 1900-01-01 to 1970-01-01. */
const DATETIME_EPOCH_DAYS = 25_567
const LARGE = 0xffff

/**
 * The decoder of a result column, chosen once a result; undefined for types that are left to the driver's own parser.
 */
export function wireDecoder(read: ReadColumn, column: ResultColumn, builder: ColumnBuilder): WireDecoder | undefined {
  const { name } = column.type
  switch (builder.kind) {
    case 'boolean':
      return sized(name, builder, { BitN: 0, Bit: 1 }, (buffer, at) => builder.append(buffer[at] !== 0))
    case 'int32':
      if (read.role === 'ns100' || read.role === 'offset') {
        if (Object.hasOwn(bytesBehindTime, name)) return momentPart(read.role, column, builder)
      }
      return sized(name, builder, integers, (buffer, at, length) =>
        builder.append(length === 4 ? buffer.readInt32LE(at) : smallInteger(buffer, at, length)),
      )
    case 'int64':
      return sized(name, builder, integers, (buffer, at, length) => {
        if (length === 8) builder.appendHalves(buffer.readInt32LE(at), buffer.readInt32LE(at + 4))
        else builder.appendNumber(smallInteger(buffer, at, length))
      })
    case 'float64':
      return sized(name, builder, { FloatN: 0, Float: 8, Real: 4 }, (buffer, at, length) =>
        builder.append(length === 8 ? buffer.readDoubleLE(at) : buffer.readFloatLE(at)),
      )
    case 'decimal':
      return decimals(name, column, builder)
    case 'date':
      return sized(name, builder, { Date: 0 }, (buffer, at) => builder.append(buffer.readUIntLE(at, 3) - EPOCH_DAYS))
    case 'time':
      return sized(name, builder, { Time: 0 }, (buffer, at, length) =>
        builder.appendNumber(micros(timeUnits(buffer, at, length), column.scale)),
      )
    case 'timestamp':
      return moments(name, column, builder)
    case 'uuid':
      return uuids(name, builder)
    case 'string':
      if (name === 'Xml' || (name === 'NVarChar' && column.dataLength === LARGE)) return largeText(builder)
      if (name === 'VarChar' && column.dataLength === LARGE) return largeCharacters(builder, column)
      if (read.within !== undefined && isShortBinary(name, column)) return hexadecimal(builder)
      if (name !== 'NVarChar' && name !== 'NChar') return undefined
      return short(builder, (buffer, at, length) => builder.appendUtf16(buffer, at, at + length))
    case 'binary':
      if (name === 'VarBinary' && column.dataLength === LARGE) return largeBytes(builder)
      if (!isShortBinary(name, column)) return undefined
      return short(builder, (buffer, at, length) => builder.appendSlice(buffer, at, at + length))
    default:
      return undefined
  }
}

/** Bytes of a value by the name of its wire type; 0 where a byte before the value says how many, 0 of them being NULL. */
type Sizes = Readonly<Record<string, number>>

const integers: Sizes = { IntN: 0, BigInt: 8, Int: 4, SmallInt: 2, TinyInt: 1 }

function sized(name: string, builder: ColumnBuilder, sizes: Sizes, store: Store): WireDecoder | undefined {
  const size = Object.hasOwn(sizes, name) ? sizes[name] : undefined
  if (size === undefined) return undefined
  if (size > 0) {
    return (buffer, at) => {
      const end = at + size
      if (end > buffer.length) return -end
      store(buffer, at, size)
      return end
    }
  }
  return (buffer, at) => {
    const length = buffer[at]
    if (length === undefined) return -(at + 1)
    if (length === 0) {
      builder.appendNull()
      return at + 1
    }
    const end = at + 1 + length
    if (end > buffer.length) return -end
    store(buffer, at + 1, length)
    return end
  }
}

/** Values behind a length of two bytes. */
function short(builder: ColumnBuilder, store: Store): WireDecoder {
  return (buffer, at) => {
    if (at + 2 > buffer.length) return -(at + 2)
    const length = buffer.readUInt16LE(at)
    if (length === LARGE) {
      builder.appendNull()
      return at + 2
    }
    const end = at + 2 + length
    if (end > buffer.length) return -end
    store(buffer, at + 2, length)
    return end
  }
}

function isShortBinary(name: string, { dataLength }: ResultColumn): boolean {
  return name === 'Binary' || (name === 'VarBinary' && dataLength !== LARGE)
}

const digits = Buffer.from('0123456789ABCDEF')

/** The text of binary values. */
function hexadecimal(builder: BuilderOf<'string'>): WireDecoder {
  let text = Buffer.from('0x')
  return short(builder, (buffer, at, length) => {
    if (text.length < 2 + length * 2) text = Buffer.concat([text, Buffer.alloc(length * 2)])
    for (let index = 0, to = 2; index < length; index += 1) {
      const byte = buffer[at + index] ?? 0
      text[to++] = digits[byte >> 4] ?? 0
      text[to++] = digits[byte & 15] ?? 0
    }
    builder.appendAscii(text, 0, 2 + length * 2)
  })
}

function smallInteger(buffer: Buffer, at: number, length: number): number {
  switch (length) {
    case 1:
      return buffer.readUInt8(at)
    case 2:
      return buffer.readInt16LE(at)
    case 4:
      return buffer.readInt32LE(at)
    default:
      return Number(integerOf(buffer.readInt32LE(at + 4), buffer.readUInt32LE(at)))
  }
}

type BuilderOf<Kind extends ColumnBuilder['kind']> = Extract<ColumnBuilder, { kind: Kind }>

function decimals(name: string, column: ResultColumn, builder: BuilderOf<'decimal'>): WireDecoder | undefined {
  const append = (value: number | bigint): void =>
    typeof value === 'number' ? builder.appendNumber(value) : builder.append(value)
  if (name === 'DecimalN' || name === 'NumericN') {
    if (column.scale !== builder.scale) return undefined
    return sized(name, builder, { [name]: 0 }, (buffer, at, length) => append(decimalOf(buffer, at, length)))
  }
  if (builder.scale !== 4) return undefined
  return sized(name, builder, { MoneyN: 0, Money: 8, SmallMoney: 4 }, (buffer, at, length) =>
    append(length === 4 ? buffer.readInt32LE(at) : integerOf(buffer.readInt32LE(at), buffer.readUInt32LE(at + 4))),
  )
}

function moments(name: string, column: ResultColumn, builder: BuilderOf<'timestamp'>): WireDecoder | undefined {
  const append = (day: number, ofDay: number): void => {
    if (day < SAFE_DAYS && day > -SAFE_DAYS) builder.appendNumber(day * MICROS_PER_DAY + ofDay)
    else builder.append(BigInt(day) * BigInt(MICROS_PER_DAY) + BigInt(ofDay))
  }
  const { scale } = column
  switch (name) {
    case 'DateTime2':
    case 'DateTimeOffset': {
      const behind = name === 'DateTime2' ? 3 : 5
      return sized(name, builder, { [name]: 0 }, (buffer, at, length) =>
        append(
          buffer.readUIntLE(at + length - behind, 3) - EPOCH_DAYS,
          micros(timeUnits(buffer, at, length - behind), scale),
        ),
      )
    }
    case 'DateTime':
    case 'SmallDateTime':
    case 'DateTimeN':
      return sized(name, builder, { DateTimeN: 0, DateTime: 8, SmallDateTime: 4 }, (buffer, at, length) => {
        if (length === 4) {
          append(buffer.readUInt16LE(at) - DATETIME_EPOCH_DAYS, buffer.readUInt16LE(at + 2) * 60_000_000)
          return
        }
        // 1/300 s, as the milliseconds that SQL Server shows.
        const ms = Math.round((buffer.readInt32LE(at + 4) * 10) / 3)
        const days = buffer.readInt32LE(at) - DATETIME_EPOCH_DAYS
        append(ms === MS_PER_DAY ? days + 1 : days, ms === MS_PER_DAY ? 0 : ms * 1000)
      })
    default:
      return undefined
  }
}

/** Bytes of the date and the offset, which follow the time of day. */
const bytesBehindTime: Readonly<Record<string, number>> = { Time: 0, DateTime2: 3, DateTimeOffset: 5 }

/** What of a date and time the batch's timestamp does not hold, and of a time the batch's time. */
function momentPart(
  role: 'ns100' | 'offset',
  column: ResultColumn,
  builder: BuilderOf<'int32'>,
): WireDecoder | undefined {
  const { name } = column.type
  const behind = bytesBehindTime[name] ?? 0
  if (role === 'offset') {
    if (name !== 'DateTimeOffset') return undefined
    return sized(name, builder, { [name]: 0 }, (buffer, at, length) =>
      builder.append(buffer.readInt16LE(at + length - 2)),
    )
  }
  const factor = ticksPerUnit(column.scale)
  return sized(name, builder, { [name]: 0 }, (buffer, at, length) =>
    builder.append((timeUnits(buffer, at, length - behind) * factor) % 10),
  )
}

function micros(units: number, scale: number | undefined): number {
  return Math.floor((units * ticksPerUnit(scale)) / 10)
}

/** On the wire the first three fields are little-endian. */
const uuidOrder = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]

function uuids(name: string, builder: BuilderOf<'uuid'>): WireDecoder | undefined {
  const bytes = new Uint8Array(16)
  return sized(name, builder, { UniqueIdentifier: 0 }, (buffer, at) => {
    for (let index = 0; index < 16; index += 1) bytes[index] = buffer[at + (uuidOrder[index] ?? 0)] ?? 0
    builder.append(bytes)
  })
}
