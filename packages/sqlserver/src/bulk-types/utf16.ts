/** Where UTF-8 bytes begin and end. */
export interface ByteSpan {
  readonly start: number
  readonly end: number
}

/**
 * Writes UTF-8 bytes as UTF-16, little-endian, from `at` on, where there is room for two bytes each. Gives where it ends, or -1 when the
 * bytes are not well formed. No string is made of them, which is faster up to some fifty bytes.
 *
 * @see https://www.unicode.org/versions/Unicode16.0.0/core-spec/chapter-3/#G27288
 */
export function writeUtf16(source: Uint8Array, span: ByteSpan, target: Uint8Array, at: number): number {
  const { end } = span
  let from = span.start
  let to = at
  while (from < end) {
    let code = source[from++] ?? 0
    if (code >= 0x80) {
      if (code < 0xe0) {
        const second = from < end ? (source[from++] ?? 0) : 0
        if (code < 0xc2 || (second & 0xc0) !== 0x80) return -1
        code = ((code & 0x1f) << 6) | (second & 0x3f)
      } else if (code < 0xf0) {
        if (end - from < 2) return -1
        const second = source[from++] ?? 0
        const third = source[from++] ?? 0
        if ((second & 0xc0) !== 0x80 || (third & 0xc0) !== 0x80) return -1
        code = ((code & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f)
        if (code < 0x800 || (code >= 0xd800 && code <= 0xdfff)) return -1
      } else {
        if (end - from < 3) return -1
        const second = source[from++] ?? 0
        const third = source[from++] ?? 0
        const fourth = source[from++] ?? 0
        if ((second & 0xc0) !== 0x80 || (third & 0xc0) !== 0x80 || (fourth & 0xc0) !== 0x80) return -1
        code = ((code & 0x0f) << 18) | ((second & 0x3f) << 12) | ((third & 0x3f) << 6) | (fourth & 0x3f)
        if (code < 0x1_0000 || code > 0x10_ffff) return -1
        code -= 0x1_0000
        const high = 0xd800 | (code >>> 10)
        target[to] = high
        target[to + 1] = high >>> 8
        to += 2
        code = 0xdc00 | (code & 0x3ff)
      }
    }
    target[to] = code
    target[to + 1] = code >>> 8
    to += 2
  }
  return to
}
