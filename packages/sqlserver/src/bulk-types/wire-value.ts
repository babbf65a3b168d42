import type { ByteSink, PartSink } from './byte-sink.ts'

/*
 * Values as they stand in a TDS row, each behind its length.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/ce3183a6-9d89-47e8-a02f-de5a1a1303de
 */

const LOW_64 = 0xffff_ffff_ffff_ffffn
/** Days from 0001-01-01 to 1970-01-01. */
export const EPOCH_DAYS = 719_162
/** Days from 1900-01-01, where datetime counts from, to 1970-01-01. */
const DATETIME_EPOCH_DAYS = 25_567
/** 100 ns ticks in a day. */
export const TICKS_PER_DAY = 864_000_000_000
const BIG_TICKS_PER_DAY = 864_000_000_000n

/** Bytes of a decimal's value without its length: a sign and 4 to 16 bytes. */
export function decimalBytes(precision: number): number {
  return precision <= 9 ? 5 : precision <= 19 ? 9 : precision <= 28 ? 13 : 17
}

/** A decimal from its unscaled value, which must fit the precision. */
export function writeDecimal(sink: ByteSink, unscaled: bigint, precision: number): void {
  const bytes = decimalBytes(precision)
  const magnitude = unscaled < 0n ? -unscaled : unscaled
  sink.writeUInt8(bytes)
  sink.writeUInt8(unscaled < 0n ? 0 : 1)
  if (bytes === 5) {
    sink.writeUInt32LE(Number(magnitude))
    return
  }
  sink.writeBigUInt64LE(magnitude & LOW_64)
  if (bytes === 13) sink.writeUInt32LE(Number(magnitude >> 64n))
  else if (bytes === 17) sink.writeBigUInt64LE(magnitude >> 64n)
}

/** A decimal from an unscaled value that is a safe integer and fits the precision. */
export function writeSafeDecimal(sink: ByteSink, unscaled: number, precision: number): void {
  const bytes = decimalBytes(precision)
  const magnitude = Math.abs(unscaled)
  sink.writeUInt8(bytes)
  sink.writeUInt8(unscaled < 0 ? 0 : 1)
  sink.writeUInt32LE(magnitude % 0x1_0000_0000)
  if (bytes > 5) sink.writeUInt32LE(Math.floor(magnitude / 0x1_0000_0000))
  for (let written = 9; written < bytes; written += 4) sink.writeUInt32LE(0)
}

/** money, in units of 1/10,000: the high half goes first. */
export function writeMoney(sink: ByteSink, unscaled: bigint): void {
  sink.writeUInt8(8)
  sink.writeInt32LE(Number(BigInt.asIntN(32, unscaled >> 32n)))
  sink.writeUInt32LE(Number(BigInt.asUintN(32, unscaled)))
}

export function writeSmallMoney(sink: ByteSink, unscaled: bigint): void {
  sink.writeUInt8(4)
  sink.writeInt32LE(Number(unscaled))
}

/** Bytes of a time of day with so many digits after the second. */
export function timeBytes(scale: number): number {
  return scale <= 2 ? 3 : scale <= 4 ? 4 : 5
}

/** 100 ns ticks in one unit of the scale's last digit. */
export function ticksPerUnit(scale: number): number {
  return 10 ** (7 - scale)
}

/** Ticks of 100 ns since midnight, a whole number of the scale's units, without a length. */
export function writeTicks(sink: ByteSink, ticks: number, scale: number): void {
  const units = ticks / ticksPerUnit(scale)
  const bytes = timeBytes(scale)
  if (bytes === 3) {
    sink.writeUInt24LE(units)
    return
  }
  sink.writeUInt32LE(units % 0x1_0000_0000)
  if (bytes === 5) sink.writeUInt8(Math.floor(units / 0x1_0000_0000))
}

export function writeTime(sink: ByteSink, ticks: number, scale: number): void {
  sink.writeUInt8(timeBytes(scale))
  writeTicks(sink, ticks, scale)
}

/** `days` since 1970-01-01. */
export function writeDate(sink: ByteSink, days: number): void {
  sink.writeUInt8(3)
  sink.writeUInt24LE(days + EPOCH_DAYS)
}

export function writeDatetime2(sink: ByteSink, days: number, ticks: number, scale: number): void {
  sink.writeUInt8(timeBytes(scale) + 3)
  writeTicks(sink, ticks, scale)
  sink.writeUInt24LE(days + EPOCH_DAYS)
}

/** `days` and `ticks` in UTC; the offset in minutes stands beside them. */
export function writeDatetimeoffset(
  sink: ByteSink,
  days: number,
  ticks: number,
  scale: number,
  offsetMinutes: number,
): void {
  sink.writeUInt8(timeBytes(scale) + 5)
  writeTicks(sink, ticks, scale)
  sink.writeUInt24LE(days + EPOCH_DAYS)
  sink.writeInt16LE(offsetMinutes)
}

/** datetime: whole 1/300 seconds since midnight. */
export function writeDatetime(sink: ByteSink, days: number, threeHundredths: number): void {
  sink.writeUInt8(8)
  sink.writeInt32LE(days + DATETIME_EPOCH_DAYS)
  sink.writeInt32LE(threeHundredths)
}

export function writeSmallDatetime(sink: ByteSink, days: number, minutes: number): void {
  sink.writeUInt8(4)
  sink.writeUInt16LE(days + DATETIME_EPOCH_DAYS)
  sink.writeUInt16LE(minutes)
}

/** The 16 bytes from `start` on, in text order; the wire has the first three fields little-endian. */
export function writeUuid(sink: ByteSink, bytes: Uint8Array, start = 0): void {
  sink.writeUInt8(16)
  for (const at of uuidOrder) sink.writeUInt8(bytes[start + at] ?? 0)
}

/** Where each byte on the wire stands in the text. The order is its own inverse. */
export const uuidOrder: readonly number[] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]

/** Text of at most 4,000 UTF-16 code units behind a two-byte length, or of any length in one chunk. */
export function writeText(sink: ByteSink, text: string, large: boolean): void {
  const bytes = text.length * 2
  if (large) writeLargeHeader(sink, bytes)
  else sink.writeUInt16LE(bytes)
  if (bytes > 0) sink.writeString(text, 'ucs2')
  if (large && bytes > 0) sink.writeUInt32LE(0)
}

export function writeBytes(sink: ByteSink, bytes: Uint8Array, large: boolean): void {
  if (large) writeLargeHeader(sink, bytes.length)
  else sink.writeUInt16LE(bytes.length)
  if (bytes.length > 0) {
    // Above a chunk the driver keeps the buffer instead of copying it; the batch under it does not change.
    sink.writeBuffer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  }
  if (large && bytes.length > 0) sink.writeUInt32LE(0)
}

/** Bytes of {@link writeLargeHeader}. */
export const LARGE_HEADER = 12

/**
 * A long value in chunks that are made while they are sent: a length that is not said, the chunks, each behind its own length, and an
 * empty one.
 *
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/84d5c4a2-3ea8-46f3-8ed3-a4f9d9cd6bd0 UNKNOWN_PLP_LEN
 */
export function writeInChunks(sink: PartSink, chunks: Iterable<Buffer>): void {
  sink.writeBigUInt64LE(LOW_64 - 1n)
  sink.writeParts(chunks)
  sink.writeUInt32LE(0)
}

/** PLP: the whole length, then one chunk, then an empty one. */
export function writeLargeHeader(sink: ByteSink, bytes: number): void {
  sink.writeUInt32LE(bytes % 0x1_0000_0000)
  sink.writeUInt32LE(Math.floor(bytes / 0x1_0000_0000))
  sink.writeUInt32LE(bytes)
}

/** NULL of a type whose values stand behind two bytes, or are large. */
export function writeLongNull(sink: ByteSink, large: boolean): void {
  if (large) sink.writeBigUInt64LE(LOW_64)
  else sink.writeUInt16LE(0xffff)
}

/** {@link splitMicros} of a safe integer. */
export function splitSafeMicros(micros: number, ns100: number): readonly [days: number, ticks: number] {
  const days = Math.floor(micros / 86_400_000_000)
  return [days, (micros - days * 86_400_000_000) * 10 + ns100]
}

/** Splits microseconds since 1970-01-01 into days and 100 ns ticks of the day, rounding down before 1970. */
export function splitMicros(micros: bigint, ns100: number): readonly [days: number, ticks: number] {
  if (micros > -MAX_SAFE_MICROS && micros < MAX_SAFE_MICROS) return splitSafeMicros(Number(micros), ns100)
  const ticks = micros * 10n
  let rest = ticks % BIG_TICKS_PER_DAY
  if (rest < 0n) rest += BIG_TICKS_PER_DAY
  return [Number((ticks - rest) / BIG_TICKS_PER_DAY), Number(rest) + ns100]
}

const MAX_SAFE_MICROS = BigInt(Number.MAX_SAFE_INTEGER)
