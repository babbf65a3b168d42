/** Days since 1970-01-01, and 100 ns ticks since midnight. */
export interface Moment {
  readonly days: number
  readonly ticks: number
  /** Minutes east of UTC; days and ticks are UTC then. */
  readonly offset?: number
}

const MS_PER_DAY = 86_400_000
const TICKS_PER_DAY = 864_000_000_000

/** `YYYY-MM-DD`; undefined when it is no date of the years 1 to 9999. */
export function parseDate(text: string): number | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text)
  if (match === null) return undefined
  return dayNumber(Number(match[1]), Number(match[2]), Number(match[3]))
}

/** `hh:mm[:ss[.fffffff]]` in ticks; undefined when it is no time of day. */
export function parseTime(text: string): number | undefined {
  const match = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?$/.exec(text)
  if (match === null) return undefined
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)]
  if (hour > 23 || minute > 59 || second > 59) return undefined
  return ((hour * 60 + minute) * 60 + second) * 10_000_000 + Number((match[4] ?? '').padEnd(7, '0'))
}

/** A date and time joined by `T` or a space, with an offset if `withOffset`. Undefined when it is none. */
export function parseMoment(text: string, withOffset: boolean): Moment | undefined {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,7})?)?))?\s?(?:(Z)|([+-])(\d\d):(\d\d))?$/.exec(
    text,
  )
  if (match === null) return undefined
  const days = parseDate(match[1] ?? '')
  const ticks = match[2] === undefined ? 0 : parseTime(match[2])
  if (days === undefined || ticks === undefined) return undefined
  const hasOffset = match[3] !== undefined || match[4] !== undefined
  if (hasOffset !== withOffset) return undefined
  if (!withOffset) return { days, ticks }
  const minutes = Number(match[5] ?? 0) * 60 + Number(match[6] ?? 0)
  if (minutes > 840 || Number(match[6] ?? 0) > 59) return undefined
  const offset = match[4] === '-' ? 0 - minutes : minutes
  const local = ticks - offset * 600_000_000
  const carry = Math.floor(local / TICKS_PER_DAY)
  return { days: days + carry, ticks: local - carry * TICKS_PER_DAY, offset }
}

/** `YYYY-MM-DD` of a day number. */
export function formatDate(days: number): string {
  const date = new Date(days * MS_PER_DAY)
  return `${digits(date.getUTCFullYear(), 4)}-${digits(date.getUTCMonth() + 1, 2)}-${digits(date.getUTCDate(), 2)}`
}

/** `hh:mm:ss` and as many digits as the scale has. */
export function formatTime(ticks: number, scale: number): string {
  const seconds = Math.floor(ticks / 10_000_000)
  const fraction = digits(ticks % 10_000_000, 7).slice(0, scale)
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map((each) => digits(each, 2))
  return clock.join(':') + (scale === 0 ? '' : `.${fraction}`)
}

/** `YYYY-MM-DDThh:mm:ss[.f…]`. */
export function formatMoment(days: number, ticks: number, scale: number): string {
  return `${formatDate(days)}T${formatTime(ticks, scale)}`
}

/** The local time of the offset, followed by `+hh:mm`. */
export function formatMomentWithOffset({ days, ticks, offset = 0 }: Moment, scale: number): string {
  const local = ticks + offset * 600_000_000
  const carry = Math.floor(local / TICKS_PER_DAY)
  const minutes = Math.abs(offset)
  const zone = `${offset < 0 ? '-' : '+'}${digits(Math.floor(minutes / 60), 2)}:${digits(minutes % 60, 2)}`
  return formatMoment(days + carry, local - carry * TICKS_PER_DAY, scale) + zone
}

function dayNumber(year: number, month: number, day: number): number | undefined {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  const real = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return real && year >= 1 ? date.getTime() / MS_PER_DAY : undefined
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0')
}
