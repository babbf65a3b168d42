import { createRequire } from 'node:module'
import type { Connection } from 'tedious'

/** The version of the driver whose inside this module knows. */
export const testedDriverVersion = '20.3.9'

/** A date and time as it stands on the wire: days since 0001-01-01, 100 ns ticks, and for a datetimeoffset the minutes of its offset. */
export class RawMoment {
  readonly days: number
  readonly ticks: number
  readonly offset: number

  constructor(days: number, ticks: number, offset: number) {
    this.days = days
    this.ticks = ticks
    this.offset = offset
  }
}

/** What the driver's parser returns: the value and where the next one begins. */
interface Parsed {
  readonly value: unknown
  readonly offset: number
}
interface Metadata {
  readonly type: { readonly name: string }
  readonly scale?: number
}
type ReadValue = (buffer: Buffer, offset: number, metadata: Metadata, options: Options) => Parsed
interface ValueParser {
  readValue: ReadValue
}

/** On the options object of a connection: the driver hands it to its parser with every value. */
const RAW = Symbol('icebridge.raw')
interface Options {
  [RAW]?: true
}

const load = createRequire(import.meta.url)
let installed = false

/** The installed driver's version. */
export function driverVersion(): string {
  return (load('tedious/package.json') as { version: string }).version
}

/** Wraps the parser's entry once a process. Connections that are not marked get what they always got. */
export function installRawValues(): void {
  if (installed) return
  // The row parser calls it through the module's exports, so a replacement there is seen.
  const parser = load('tedious/lib/value-parser.js') as ValueParser
  const original = parser.readValue
  parser.readValue = (buffer, offset, metadata, options) =>
    options[RAW] === true
      ? (readRaw(buffer, offset, metadata) ?? original(buffer, offset, metadata, options))
      : original(buffer, offset, metadata, options)
  installed = true
}

/** From now on the connection's values are raw: see {@link readRaw}. */
export function markRaw(connection: Connection): void {
  optionsOf(connection)[RAW] = true
}

/** Whether the connection's values are raw. */
export function isRaw(connection: Connection): boolean {
  return optionsOf(connection)[RAW] === true
}

function optionsOf(connection: Connection): Options {
  // Public in the driver's code, absent from its types.
  return (connection as unknown as { config: { options: Options } }).config.options
}

/**
 * Values that the driver would round, or wrap into something slow: decimals and money as their unscaled integers, bigint as a number
 * or bigint, datetime2 and datetimeoffset as {@link RawMoment}. Undefined for every other type, for NULL, and when the bytes have not
 * all arrived: the driver's own parser knows what to do then.
 */
function readRaw(buffer: Buffer, at: number, metadata: Metadata): Parsed | undefined {
  switch (metadata.type.name) {
    case 'DecimalN':
    case 'NumericN':
    case 'DateTime2':
    case 'DateTimeOffset':
    case 'IntN':
    case 'MoneyN':
      return readPrefixed(buffer, at, metadata)
    case 'BigInt':
      if (at + 8 > buffer.length) return undefined
      return { value: integerOf(buffer.readInt32LE(at + 4), buffer.readUInt32LE(at)), offset: at + 8 }
    case 'Money':
      if (at + 8 > buffer.length) return undefined
      return { value: integerOf(buffer.readInt32LE(at), buffer.readUInt32LE(at + 4)), offset: at + 8 }
    case 'SmallMoney':
      return at + 4 > buffer.length ? undefined : { value: buffer.readInt32LE(at), offset: at + 4 }
    default:
      return undefined
  }
}

/** Values behind a length of one byte. */
function readPrefixed(buffer: Buffer, at: number, { type, scale }: Metadata): Parsed | undefined {
  const length = buffer[at]
  if (length === undefined || length === 0) return undefined
  const start = at + 1
  const offset = start + length
  if (offset > buffer.length) return undefined
  switch (type.name) {
    case 'IntN':
      if (length !== 8) return undefined
      return { value: integerOf(buffer.readInt32LE(start + 4), buffer.readUInt32LE(start)), offset }
    case 'MoneyN':
      if (length === 4) return { value: buffer.readInt32LE(start), offset }
      return { value: integerOf(buffer.readInt32LE(start), buffer.readUInt32LE(start + 4)), offset }
    case 'DateTime2':
      return { value: moment(buffer, start, length - 3, scale, 0), offset }
    case 'DateTimeOffset':
      return { value: moment(buffer, start, length - 5, scale, buffer.readInt16LE(offset - 2)), offset }
    default:
      return { value: decimalOf(buffer, start, length), offset }
  }
}

/** High halves strictly within this, either way, make a safe integer with any low half: -2^53 itself is none. */
const SAFE_HIGH = 0x20_0000

/** The two's complement integer of two halves. */
export function integerOf(high: number, low: number): number | bigint {
  return high > -SAFE_HIGH && high < SAFE_HIGH ? high * 0x1_0000_0000 + low : (BigInt(high) << 32n) | BigInt(low)
}

/** The unscaled value of a decimal: a sign and 4 to 16 bytes. */
export function decimalOf(buffer: Buffer, at: number, length: number): number | bigint {
  const negative = buffer[at] === 0
  const low = buffer.readUInt32LE(at + 1)
  if (length === 5) return negative ? 0 - low : low
  const high = buffer.readUInt32LE(at + 5)
  if (length === 9 && high < SAFE_HIGH) {
    const value = high * 0x1_0000_0000 + low
    return negative ? 0 - value : value
  }
  let value = (BigInt(high) << 32n) | BigInt(low)
  if (length >= 13) value |= BigInt(buffer.readUInt32LE(at + 9)) << 64n
  if (length === 17) value |= BigInt(buffer.readUInt32LE(at + 13)) << 96n
  return negative ? -value : value
}

const tickFactors: readonly number[] = [10_000_000, 1_000_000, 100_000, 10_000, 1000, 100, 10, 1]

/** 100 ns ticks in one unit of the last digit of a scale, 7 when absent. */
export function ticksPerUnit(scale = 7): number {
  return tickFactors[scale] ?? 1
}

/** A time of day in units of its scale's last digit. */
export function timeUnits(buffer: Buffer, at: number, bytes: number): number {
  const low = buffer.readUIntLE(at, 3)
  if (bytes === 3) return low
  const units = low + (buffer[at + 3] ?? 0) * 0x100_0000
  return bytes === 4 ? units : units + (buffer[at + 4] ?? 0) * 0x1_0000_0000
}

function moment(buffer: Buffer, at: number, bytes: number, scale: number | undefined, offset: number): RawMoment {
  const ticks = timeUnits(buffer, at, bytes) * ticksPerUnit(scale)
  return new RawMoment(buffer.readUIntLE(at + bytes, 3), ticks, offset)
}
