/** Proleptic Gregorian calendar over days since 1970-01-01, exact for every year that an `int` of days can name. */

export interface CivilDate {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  /** 1 to 31. */
  readonly day: number
}

/** @see https://howardhinnant.github.io/date_algorithms.html */
export function civilFromDays(days: number): CivilDate {
  const shifted = days + 719468
  const era = Math.floor(shifted / 146097)
  const dayOfEra = shifted - era * 146097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthPrime = Math.floor((5 * dayOfYear + 2) / 153)
  const month = monthPrime < 10 ? monthPrime + 3 : monthPrime - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthPrime + 2) / 5) + 1,
  }
}

export function daysFromCivil(date: CivilDate): number {
  const year = date.month <= 2 ? date.year - 1 : date.year
  const era = Math.floor(year / 400)
  const yearOfEra = year - era * 400
  const dayOfYear = Math.floor((153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5) + date.day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146097 + dayOfEra - 719468
}

/** Division that rounds towards minus infinity. */
export function floorDiv(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}

const secondsADay = 86_400n

/** `2017-11-16`; years beyond 9999 with a sign, as ISO 8601 has it. */
export function formatDate(days: number): string {
  const { year, month, day } = civilFromDays(days)
  return `${formatYear(year)}-${pad(month, 2)}-${pad(day, 2)}`
}

/** `22:31:08.123456` for a count of 10^-`digits` seconds since midnight. */
export function formatTime(units: bigint, digits: 6 | 9): string {
  const perSecond = 10n ** BigInt(digits)
  const seconds = units / perSecond
  const clock = `${pad(seconds / 3600n, 2)}:${pad((seconds / 60n) % 60n, 2)}:${pad(seconds % 60n, 2)}`
  return `${clock}.${pad(units % perSecond, digits)}`
}

/** `2017-11-16T22:31:08.123456` for a count of 10^-`digits` seconds since 1970-01-01. */
export function formatTimestamp(units: bigint, digits: 6 | 9): string {
  const perDay = secondsADay * 10n ** BigInt(digits)
  const days = floorDiv(units, perDay)
  return `${formatDate(Number(days))}T${formatTime(units - days * perDay, digits)}`
}

/** Days since 1970-01-01 of `2017-11-16`; `undefined` for anything that is not a date. */
export function parseDate(text: string): number | undefined {
  const match = /^([+-]\d{4,6}|\d{4})-(\d{2})-(\d{2})$/.exec(text)
  if (match === null) return undefined
  const date = { year: Number(match[1]), month: Number(match[2]), day: Number(match[3]) }
  const days = daysFromCivil(date)
  const back = civilFromDays(days)
  return back.year === date.year && back.month === date.month && back.day === date.day ? days : undefined
}

/** 10^-`digits` seconds since midnight of `22:31`, `22:31:08` or `22:31:08.123`; `undefined` when it would not be exact. */
export function parseTime(text: string, digits: 6 | 9): bigint | undefined {
  const match = /^(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?$/.exec(text)
  if (match === null) return undefined
  const [hours, minutes, seconds] = [BigInt(match[1] ?? 0), BigInt(match[2] ?? 0), BigInt(match[3] ?? 0)]
  const fraction = (match[4] ?? '').padEnd(digits, '0')
  if (hours > 23n || minutes > 59n || seconds > 59n || /[^0]/.test(fraction.slice(digits))) return undefined
  return (hours * 3600n + minutes * 60n + seconds) * 10n ** BigInt(digits) + BigInt(fraction.slice(0, digits))
}

/**
 * 10^-`digits` seconds since 1970-01-01 of an ISO timestamp. With `zoned` an offset (`Z`, `+01:00`) is needed and
 * taken off; without, none is allowed.
 */
export function parseTimestamp(text: string, digits: 6 | 9, zoned: boolean): bigint | undefined {
  const match = /^(.+?)[T ]([\d:.]+)(Z|z|[+-]\d{2}:\d{2})?$/.exec(text)
  if (match === null || (match[3] !== undefined) !== zoned) return undefined
  const days = parseDate(match[1] ?? '')
  const time = parseTime(match[2] ?? '', digits)
  if (days === undefined || time === undefined) return undefined
  const offsetSeconds = parseOffset(match[3])
  const perSecond = 10n ** BigInt(digits)
  return (BigInt(days) * secondsADay - offsetSeconds) * perSecond + time
}

function parseOffset(offset: string | undefined): bigint {
  if (offset === undefined || offset === 'Z' || offset === 'z') return 0n
  const seconds = BigInt(offset.slice(1, 3)) * 3600n + BigInt(offset.slice(4, 6)) * 60n
  return offset.startsWith('-') ? -seconds : seconds
}

function formatYear(year: number): string {
  if (year >= 0 && year <= 9999) return pad(year, 4)
  return `${year < 0 ? '-' : '+'}${pad(Math.abs(year), year < -9999 || year > 9999 ? 5 : 4)}`
}

function pad(value: number | bigint, width: number): string {
  return String(value).padStart(width, '0')
}
