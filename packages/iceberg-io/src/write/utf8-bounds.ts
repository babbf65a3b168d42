/** Where the first `count` characters (code points) of UTF-8 text end, or all of them if there are fewer. */
export function charactersEnd(utf8: Uint8Array, count: number): number {
  let end = 0
  for (let left = count; left > 0 && end < utf8.length; left -= 1) {
    end += 1
    while (isContinuation(utf8, end)) end += 1
  }
  return end
}

/**
 * The smallest text that is above every text beginning with the characters from `start` (inclusive) to `end` (exclusive) and is no longer
 * than they are, in characters: the last of them that can be is raised. Undefined when none can, or there is none.
 */
export function raisedText(utf8: Uint8Array, start: number, end: number): Uint8Array | undefined {
  for (let last = end; last > start;) {
    const next = last
    last -= 1
    while (last > start && isContinuation(utf8, last)) last -= 1
    const point = Buffer.from(utf8.buffer, utf8.byteOffset + last, next - last)
      .toString('utf8')
      .codePointAt(0)
    if (point === undefined || point === 0x10ffff) continue
    // U+D7FF is followed by the surrogates, which are no characters.
    const raised = String.fromCodePoint(point === 0xd7ff ? 0xe000 : point + 1)
    return Buffer.concat([utf8.subarray(start, last), Buffer.from(raised)])
  }
  return undefined
}

function isContinuation(utf8: Uint8Array, at: number): boolean {
  return ((utf8[at] ?? 0) & 0xc0) === 0x80
}
