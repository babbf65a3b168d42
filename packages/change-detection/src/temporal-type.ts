import type { SqlType } from '@icebridge/sqlserver'
import { ChangeDetectionError } from './errors.ts'

/** 100 ns units since 0001-01-01T00:00: what the finest of SQL Server's types counts. */
export type Ticks = bigint

const SECOND = 10_000_000n
const MINUTE = 60n * SECOND
const DAY = 86_400n * SECOND
/** Seconds from 0001-01-01 to 1970-01-01. */
const UNIX_SECONDS = 62_135_596_800n

/** The column types that say when a row changed. */
export type TemporalTypeName = 'date' | 'smalldatetime' | 'datetime' | 'datetime2' | 'datetimeoffset'

export function isTemporal(name: string): name is TemporalTypeName {
  return ['date', 'smalldatetime', 'datetime', 'datetime2', 'datetimeoffset'].includes(name)
}

/**
 * The greatest value of the type at or before `ticks`: what a bound must be, since a row may carry any value that its type can
 * hold. A `datetime` counts 1/300 s.
 */
export function floorTo(type: SqlType, ticks: Ticks): Ticks {
  if (type.name === 'datetime') return ticksOfThirds(thirdsBefore(ticks))
  const tick = type.name === 'date' ? DAY : type.name === 'smalldatetime' ? MINUTE : 10n ** BigInt(7 - scaleOf(type))
  return ticks - (ticks % tick)
}

/** How many 1/300 s have passed at `ticks`. */
export function thirdsBefore(ticks: Ticks): bigint {
  return (ticks * 3n) / 100_000n
}

/** The 1/300 s nearest to `ticks`: what a `datetime`'s text stands for, .003 for the first and .007 for the second. */
export function nearestThirds(ticks: Ticks): bigint {
  return (ticks * 3n + 50_000n) / 100_000n
}

/** The instant of a number of 1/300 s, cut to 100 ns: no other type holds an earlier value for it. */
export function ticksOfThirds(thirds: bigint): Ticks {
  return (thirds * 100_000n) / 3n
}

/** The type's value for a position that was written down: as {@link floorTo}, but .003 and .007 are a `datetime`'s own values. */
export function valueOf(type: SqlType, ticks: Ticks): Ticks {
  return type.name === 'datetime' ? ticksOfThirds(nearestThirds(ticks)) : floorTo(type, ticks)
}

/** The position of `ticks` in a column of the type: fixed width, seven digits, UTC with its offset for `datetimeoffset`. */
export function watermarkText(type: SqlType, ticks: Ticks): string {
  if (type.name === 'datetime') return `${datetimeText(ticks)}0000`
  return type.name === 'datetimeoffset' ? `${formatTicks(ticks)}+00:00` : formatTicks(ticks)
}

/** The text of `ticks` as a parameter of the type. `ticks` must be a value that the type can hold. */
export function parameterText(type: SqlType, ticks: Ticks): string {
  const text = formatTicks(ticks)
  if (type.name === 'date') return text.slice(0, 10)
  if (type.name === 'smalldatetime') return text.slice(0, 19)
  if (type.name === 'datetime') return datetimeText(ticks)
  const scale = scaleOf(type)
  const digits = text.slice(0, scale === 0 ? 19 : 20 + scale)
  return type.name === 'datetimeoffset' ? `${digits}+00:00` : digits
}

/** `YYYY-MM-DDThh:mm:ss.fffffff` */
export function formatTicks(ticks: Ticks): string {
  const seconds = ticks / SECOND - UNIX_SECONDS
  const fraction = String(ticks % SECOND).padStart(7, '0')
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}`
}

/** Reads a date, or a date and time with up to seven digits and an optional offset, which is applied. */
export function parseTicks(text: string): Ticks | undefined {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?)?(?:(Z)|([+-])(\d\d):(\d\d))?$/.exec(text)
  if (match === null) return undefined
  const [, day, time = '00:00:00', fraction = '', , sign, hours = '0', minutes = '0'] = match
  const milliseconds = Date.parse(`${day}T${time}Z`)
  if (Number.isNaN(milliseconds) || !new Date(milliseconds).toISOString().startsWith(`${day}T${time}`)) return undefined
  const offset = (BigInt(hours) * 60n + BigInt(minutes)) * MINUTE
  const ticks = (BigInt(milliseconds / 1000) + UNIX_SECONDS) * SECOND + BigInt(fraction.padEnd(7, '0'))
  const utc = sign === undefined ? ticks : sign === '+' ? ticks - offset : ticks + offset
  return utc < 0n ? undefined : utc
}

/** Digits after the second, 7 when the type does not say. */
function scaleOf(type: SqlType): number {
  const scale = type.scale ?? 7
  if (Number.isInteger(scale) && scale >= 0 && scale <= 7) return scale
  throw new ChangeDetectionError('invalid-argument', `${type.name}(${scale}) is not a type of SQL Server`)
}

/** A `datetime` shows its 1/300 s as milliseconds: .000, .003 and .007. */
function datetimeText(ticks: Ticks): string {
  const thirds = nearestThirds(ticks)
  const milliseconds = (thirds % 3n) * 10n + 1n
  return formatTicks((thirds / 3n) * 100_000n + (milliseconds / 3n) * 10_000n).slice(0, 23)
}
