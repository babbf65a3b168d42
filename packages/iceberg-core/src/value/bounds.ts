/** Code points or bytes that a truncated bound keeps by default (`write.metadata.metrics.default` = `truncate(16)`). */
export const defaultBoundLength = 16

/** A lower bound of at most `length` code points: a prefix, never cut inside a code point. */
export function truncateStringLower(value: string, length: number): string {
  return value.slice(0, codePointEnd(value, length))
}

/**
 * An upper bound of at most `length` code points: the value itself when it is short enough, else the smallest such
 * string that is greater than every string with the prefix. `undefined` when there is none.
 */
export function truncateStringUpper(value: string, length: number): string | undefined {
  const end = codePointEnd(value, length)
  if (end === value.length) return value
  const points = Array.from(value.slice(0, end))
  for (let last = points.length - 1; last >= 0; last--) {
    const point = points[last]?.codePointAt(0) ?? 0
    // U+D7FF is followed by the surrogates, which are no characters.
    const next = point === 0xd7ff ? 0xe000 : point + 1
    if (next <= 0x10ffff) return points.slice(0, last).join('') + String.fromCodePoint(next)
  }
  return undefined
}

/** A lower bound of at most `length` bytes. */
export function truncateBytesLower(value: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(value.subarray(0, length))
}

/** An upper bound of at most `length` bytes, rounded up; `undefined` when all of them are 0xff. */
export function truncateBytesUpper(value: Uint8Array, length: number): Uint8Array | undefined {
  if (value.length <= length) return new Uint8Array(value)
  for (let last = length - 1; last >= 0; last--) {
    const byte = value[last] ?? 0
    if (byte === 0xff) continue
    const bound = new Uint8Array(value.subarray(0, last + 1))
    bound[last] = byte + 1
    return bound
  }
  return undefined
}

/** Index in UTF-16 code units at which the first `length` code points end. */
function codePointEnd(value: string, length: number): number {
  let at = 0
  for (let points = 0; points < length && at < value.length; points++) {
    at += (value.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
  }
  return at
}
