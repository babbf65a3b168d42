/** Which slots hold a value, as Arrow has it. Without nulls there is no bitmap. */
export interface Nulls {
  readonly nullCount: number
  readonly bitmap: Uint8Array | undefined
}

export const noNulls: Nulls = { nullCount: 0, bitmap: undefined }

/** `present` has one byte a slot: 1 for a value, 0 for null. */
export function nullsOf(present: Uint8Array): Nulls {
  let valid = 0
  for (let slot = 0; slot < present.length; slot++) valid += present[slot] ?? 0
  return valid === present.length ? noNulls : { nullCount: present.length - valid, bitmap: packBits(present) }
}

/** Bytes of 0 and 1 as bits, least significant first. */
export function packBits(bytes: Uint8Array): Uint8Array {
  const slots = bytes.length
  const bits = new Uint8Array((slots + 7) >> 3)
  let slot = 0
  for (let byte = 0; slot + 8 <= slots; byte++, slot += 8) {
    bits[byte] =
      (bytes[slot] ?? 0) |
      ((bytes[slot + 1] ?? 0) << 1) |
      ((bytes[slot + 2] ?? 0) << 2) |
      ((bytes[slot + 3] ?? 0) << 3) |
      ((bytes[slot + 4] ?? 0) << 4) |
      ((bytes[slot + 5] ?? 0) << 5) |
      ((bytes[slot + 6] ?? 0) << 6) |
      ((bytes[slot + 7] ?? 0) << 7)
  }
  for (; slot < slots; slot++) bits[slot >> 3] = (bits[slot >> 3] ?? 0) | ((bytes[slot] ?? 0) << (slot & 7))
  return bits
}

/**
 * Moves `count` values, one after another at the start of `words`, to the slots that are present; the others become zero. A
 * value is `stride` words; there is room for all slots.
 */
export function spread(words: Int32Array | Uint8Array, stride: number, present: Uint8Array, count: number): void {
  let from = count - 1
  // From the end on, and done as soon as every value left is in its slot.
  if (stride === 1) {
    for (let slot = present.length - 1; slot > from; slot--) {
      words[slot] = present[slot] === 1 ? (words[from--] ?? 0) : 0
    }
    return
  }
  for (let slot = present.length - 1; slot > from; slot--) {
    const to = slot * stride
    if (present[slot] === 1) {
      for (let word = 0, source = from * stride; word < stride; word++) words[to + word] = words[source + word] ?? 0
      from--
    } else for (let word = 0; word < stride; word++) words[to + word] = 0
  }
}

/** The same for the offsets of byte strings: an absent slot is empty. */
export function spreadOffsets(offsets: Int32Array, present: Uint8Array, count: number): void {
  let from = count
  offsets[present.length] = offsets[count] ?? 0
  for (let slot = present.length - 1; slot >= 0; slot--) {
    if (present[slot] === 1) from--
    if (from === slot) return
    offsets[slot] = offsets[from] ?? 0
  }
}
