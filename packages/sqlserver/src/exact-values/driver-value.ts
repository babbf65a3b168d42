import type { ResultColumn } from '../session.ts'

/**
 * The driver's dates: a whole number of milliseconds, and the rest of the time in `nanosecondsDelta`, as a fraction of a second.
 * Connections use UTC, so no time zone has touched them.
 */
export interface DriverDate extends Date {
  readonly nanosecondsDelta?: number
}

/** 100 ns ticks past the millisecond, 0 to 9999. The driver divided them by 1e7; rounding undoes that exactly. */
export function subMillisecondTicks(date: DriverDate): number {
  const { nanosecondsDelta } = date
  return nanosecondsDelta === undefined ? 0 : Math.round(nanosecondsDelta * 10_000_000)
}

/**
 * Digits up to which the driver's division of a decimal by a power of ten can be undone: an integer below 10^15 divided by a power
 * of ten and multiplied again is off by less than 1/4, so rounding gives it back.
 */
export const EXACT_DIGITS = 15

/** Whether the column's decimals can be taken from the driver's numbers. */
export function hasExactDecimals(column: ResultColumn): boolean {
  return (column.precision ?? 38) <= EXACT_DIGITS
}

/** The unscaled value of a decimal of at most {@link EXACT_DIGITS} digits that the driver divided. */
export function unscaledOf(value: number, scale: number): number {
  return Math.round(value * 10 ** scale)
}
