/** Date and time arithmetic in doubles: exact, and many times faster than bigint division on the path of a million rows. */

const TICKS_PER_DAY = 864_000_000_000
const DAY_HIGH = Math.floor(TICKS_PER_DAY / 2 ** 32)
const DAY_LOW = TICKS_PER_DAY - DAY_HIGH * 2 ** 32
const scratch = new DataView(new ArrayBuffer(8))

/** Days and ticks within the day of the last `splitTicks`; plain fields, so that a row allocates nothing. */
export const split = { days: 0, ticks: 0 }

/** Splits 100 ns ticks since 0001-01-01 (0 to year 9999) into days and the ticks left. */
export function splitTicks(value: bigint): void {
  scratch.setBigInt64(0, value)
  const high = scratch.getInt32(0)
  const low = scratch.getUint32(4)
  let days = Math.floor((high * 2 ** 32 + low) / TICKS_PER_DAY)
  // The quotient may be off by one; each product below stays under 2^53, so the remainder is exact and corrects it.
  let ticks = (high - days * DAY_HIGH) * 2 ** 32 + (low - days * DAY_LOW)
  if (ticks < 0) {
    days--
    ticks += TICKS_PER_DAY
  } else if (ticks >= TICKS_PER_DAY) {
    days++
    ticks -= TICKS_PER_DAY
  }
  split.days = days
  split.ticks = ticks
}

export function joinTicks(days: number, ticks: number): bigint {
  return BigInt(days) * 864_000_000_000n + BigInt(ticks)
}

/** 100 ns ticks of one unit of a time of this scale (0 to 7). */
export function ticksPerUnit(scale: number): number {
  return 10 ** (7 - scale)
}

/** Bytes of a time of this scale on the wire. @see [MS-TDS] 2.2.5.4.2 */
export function timeLength(scale: number): 3 | 4 | 5 {
  return scale <= 2 ? 3 : scale <= 4 ? 4 : 5
}
