import { type Data, type DataType, makeData } from 'apache-arrow'
import type { LeafSlots } from '../parquet/leaf-reader.ts'
import type { SchemaNode } from '../parquet/schema-tree.ts'
import type { Place } from './assemble.ts'
import type { ColumnValues, DecodeLeaf } from './leaf-decoder.ts'
import { mismatch, presentSlots } from './slots.ts'
import { noNulls, packBits, spread, spreadOffsets } from './validity.ts'

/** The Arrow data of a leaf in the slots of a place. @throws DecodeFault */
export function leafData(
  slots: LeafSlots,
  column: { readonly leaf: SchemaNode; readonly place: Place; readonly type: DataType; readonly decode: DecodeLeaf },
): Data {
  const { leaf, place, type, decode } = column
  const { length } = place
  const present = presentSlots(slots, { place, at: leaf.maxDefinition })
  if (present === undefined && slots.slots !== length) throw mismatch()
  const values = decode(slots.values)
  const { count } = slots.values
  if (present !== undefined) spreadValues(values, present, count)
  const nulls = present === undefined ? noNulls : { nullCount: length - count, bitmap: packBits(present) }
  return makeData({
    type,
    length,
    nullCount: nulls.nullCount,
    nullBitmap: nulls.bitmap,
    ...buffersOf(values, length),
  } as Parameters<typeof makeData>[0])
}

function spreadValues(values: ColumnValues, present: Uint8Array, count: number): void {
  if (values.kind === 'bytes') spreadOffsets(values.offsets, present, count)
  else if (values.kind === 'boolean') spread(values.values, 1, present, count)
  else if (values.values instanceof Uint8Array) spread(values.values, values.stride, present, count)
  else {
    // Moved as 32-bit words, which keeps every bit of a float.
    const { buffer, byteLength, BYTES_PER_ELEMENT: size } = values.values
    spread(new Int32Array(buffer, 0, byteLength >> 2), (values.stride * size) >> 2, present, count)
  }
}

function buffersOf(values: ColumnValues, length: number): object {
  switch (values.kind) {
    case 'boolean':
      return { data: packBits(values.values.subarray(0, length)) }
    case 'fixed':
      return { data: values.values.subarray(0, length * values.stride) }
    case 'bytes':
      return { valueOffsets: values.offsets.subarray(0, length + 1), data: values.values }
  }
}
