/** Matches shorter than this are not worth a token. */
const MIN_MATCH = 4
/** A block ends in at least five literals, and its last match starts twelve bytes before the end. */
const LAST_LITERALS = 5
const MATCH_LIMIT = 12
const MAX_DISTANCE = 0xffff
const HASH_BITS = 14

/**
 * Compresses bytes to one LZ4 block, as Parquet's LZ4_RAW holds it.
 *
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 */
export function lz4Compress(input: Uint8Array): Uint8Array {
  const out = new Uint8Array(input.length + Math.ceil(input.length / 255) + 16)
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  // Position + 1 of the last four bytes with that hash.
  const seen = new Int32Array(1 << HASH_BITS)
  let to = 0
  let anchor = 0
  let at = 0
  while (at < input.length - MATCH_LIMIT) {
    const sequence = view.getUint32(at, true)
    const slot = Math.imul(sequence, 0x9e37_79b1) >>> (32 - HASH_BITS)
    const candidate = (seen[slot] ?? 0) - 1
    seen[slot] = at + 1
    if (candidate < 0 || at - candidate > MAX_DISTANCE || view.getUint32(candidate, true) !== sequence) {
      at++
      continue
    }
    let end = at + MIN_MATCH
    for (let from = candidate + MIN_MATCH; end < input.length - LAST_LITERALS && input[end] === input[from]; from++)
      end++
    const match = end - at - MIN_MATCH
    to = putToken(out, to, input.subarray(anchor, at), match)
    out[to++] = (at - candidate) & 0xff
    out[to++] = (at - candidate) >>> 8
    if (match >= 15) to = putLength(out, to, match - 15)
    anchor = at = end
  }
  return out.subarray(0, putToken(out, to, input.subarray(anchor), 0))
}

/** The token, the literals' length where it does not fit, and the literals. */
function putToken(out: Uint8Array, start: number, literals: Uint8Array, match: number): number {
  let to = start
  out[to++] = (Math.min(literals.length, 15) << 4) | Math.min(match, 15)
  if (literals.length >= 15) to = putLength(out, to, literals.length - 15)
  out.set(literals, to)
  return to + literals.length
}

function putLength(out: Uint8Array, start: number, length: number): number {
  let to = start
  let rest = length
  for (; rest >= 255; rest -= 255) out[to++] = 255
  out[to++] = rest
  return to
}
