import { damaged, type DecodeFault } from '../parquet/decode-fault.ts'
import type { LeafSlots } from '../parquet/leaf-reader.ts'
import type { Place } from './assemble.ts'
import type { FileColumn } from './file-columns.ts'
import { noNulls, type Nulls, nullsOf } from './validity.ts'

/**
 * One byte for each slot of a place: 1 where its definition level is at least `at`. Undefined when all are.
 *
 * @throws DecodeFault when the leaf has another number of slots.
 */
export function presentSlots(
  leaf: LeafSlots,
  { place, at }: { readonly place: Place; readonly at: number },
): Uint8Array | undefined {
  const { definition, repetition, slots } = leaf
  const { length } = place
  if (repetition === undefined && slots !== length) throw mismatch()
  if (definition === undefined) return undefined
  // Levels of 0 and 1 are what is asked for already.
  if (repetition === undefined && leaf.highest === 1 && at === 1) return definition
  const present = new Uint8Array(length)
  if (repetition === undefined) {
    for (let slot = 0; slot < slots; slot++) present[slot] = (definition[slot] ?? 0) >= at ? 1 : 0
    return present
  }
  let slot = 0
  for (let entry = 0; entry < slots; entry++) {
    const level = definition[entry] ?? 0
    if ((repetition[entry] ?? 0) > place.repetition || level < place.definition) continue
    present[slot++] = level >= at ? 1 : 0
  }
  if (slot !== length) throw mismatch()
  return present
}

/** The offsets and nulls of the lists or maps of a place, and the place of what they hold. @throws DecodeFault */
export function listSlots(
  leaf: LeafSlots,
  list: { readonly column: Extract<FileColumn, { kind: 'list' | 'map' }>; readonly place: Place },
): { readonly offsets: Int32Array; readonly nulls: Nulls; readonly inside: Place } {
  const { column, place } = list
  const { node, repeated } = column
  const offsets = new Int32Array(place.length + 1)
  const present = new Uint8Array(place.length)
  // A bare repeated field has no group of its own that could be null.
  const own = node === repeated ? place.parent : node.maxDefinition
  const filled = repeated.maxDefinition
  const level = repeated.maxRepetition
  const { definition, repetition, slots } = leaf
  if (repetition === undefined) throw new TypeError('a list has leaves that repeat')
  let slot = 0
  let elements = 0
  for (let entry = 0; entry < slots; entry++) {
    const defined = definition === undefined ? filled : (definition[entry] ?? 0)
    const repeats = repetition[entry] ?? 0
    if (repeats <= place.repetition && defined >= place.definition) {
      if (slot === place.length) throw mismatch()
      offsets[slot] = elements
      present[slot++] = defined >= own ? 1 : 0
    }
    if (repeats <= level && defined >= filled) elements++
  }
  if (slot !== place.length) throw mismatch()
  offsets[slot] = elements
  return {
    offsets,
    nulls: own <= place.definition ? noNulls : nullsOf(present),
    inside: { definition: filled, repetition: level, parent: filled, length: elements },
  }
}

export function mismatch(): DecodeFault {
  return damaged('the columns of a group differ in their number of values')
}
