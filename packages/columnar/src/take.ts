import { Data, DataType, makeData, Null } from 'apache-arrow'
import { ColumnarError } from './errors.ts'

type Indexed = Int32Array | BigInt64Array | Float32Array | Float64Array | Uint32Array | Uint8Array

/** The given rows of a column's data, copied, in the given order. Every row must be below the length. */
export function takeData(data: Data, rows: Uint32Array): Data {
  const { type } = data
  if (DataType.isNull(type)) return makeData({ type: new Null(), length: rows.length })
  const bitmap = takeBitmap(data, rows)
  if (DataType.isStruct(type)) {
    const children = data.children.map((child) => takeData(child, rows))
    return made(type, rows.length, bitmap, {}, children)
  }
  if (DataType.isList(type) || DataType.isMap(type)) {
    const { offsets, picked } = takeElements(data, rows)
    return made(
      type,
      rows.length,
      bitmap,
      { offsets },
      data.children.map((child) => takeData(child, picked)),
    )
  }
  if (DataType.isUtf8(type) || DataType.isBinary(type)) {
    return made(type, rows.length, bitmap, takeBytes(data, rows))
  }
  if (DataType.isBool(type))
    return made(type, rows.length, bitmap, { values: takeBits(data.values, data.offset, rows) })
  return made(type, rows.length, bitmap, { values: takeFixed(data.values as Indexed, data.stride, rows) })
}

interface Taken {
  readonly offsets?: Int32Array
  readonly values?: Indexed
}

function made(
  type: DataType,
  length: number,
  bitmap: { bits: Uint8Array; nulls: number } | undefined,
  taken: Taken,
  children: Data[] = [],
): Data {
  const buffers = [taken.offsets, taken.values, bitmap?.bits ?? new Uint8Array(0)]
  // Arrow declares the buffers as a tuple of the type's own arrays; these were copied from a column of that type.
  return new Data(type, 0, length, bitmap?.nulls ?? 0, buffers as unknown as Data['buffers'], children)
}

function takeBitmap(data: Data, rows: Uint32Array): { bits: Uint8Array; nulls: number } | undefined {
  const bits: Uint8Array | null | undefined = data.nullBitmap
  if (!(bits instanceof Uint8Array) || bits.length === 0 || data.nullCount <= 0) return undefined
  const taken = takeBits(bits, data.offset, rows)
  let valid = 0
  for (let index = 0; index < rows.length; index++) valid += ((taken[index >> 3] ?? 0) >> (index & 7)) & 1
  return { bits: taken, nulls: rows.length - valid }
}

function takeBits(bits: Uint8Array, offset: number, rows: Uint32Array): Uint8Array {
  const taken = new Uint8Array((rows.length + 7) >> 3)
  for (let index = 0; index < rows.length; index++) {
    const at = offset + (rows[index] ?? 0)
    const bit = ((bits[at >> 3] ?? 0) >> (at & 7)) & 1
    taken[index >> 3] = (taken[index >> 3] ?? 0) | (bit << (index & 7))
  }
  return taken
}

function takeFixed(values: Indexed, stride: number, rows: Uint32Array): Indexed {
  if (values instanceof BigInt64Array) return takeOne(values, new BigInt64Array(rows.length), rows)
  if (values instanceof Int32Array) return takeOne(values, new Int32Array(rows.length), rows)
  if (values instanceof Float64Array) return takeOne(values, new Float64Array(rows.length), rows)
  if (values instanceof Float32Array) return takeOne(values, new Float32Array(rows.length), rows)
  const target =
    values instanceof Uint32Array ? new Uint32Array(rows.length * stride) : new Uint8Array(rows.length * stride)
  let at = 0
  for (const row of rows) {
    const start = row * stride
    for (let index = 0; index < stride; index++) target[at++] = values[start + index] ?? 0
  }
  return target
}

function takeOne<A extends Int32Array | BigInt64Array | Float32Array | Float64Array>(
  from: A,
  to: A,
  rows: Uint32Array,
): A {
  for (let index = 0; index < rows.length; index++) to[index] = from[rows[index] ?? 0] as A[number] // rows are in range
  return to
}

function takeBytes(data: Data, rows: Uint32Array): Taken {
  const from: Int32Array = data.valueOffsets
  const bytes: Uint8Array = data.values
  const offsets = new Int32Array(rows.length + 1)
  let end = 0
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] ?? 0
    end += (from[row + 1] ?? 0) - (from[row] ?? 0)
    offsets[index + 1] = end
  }
  if (end > 0x7fff_ffff) throw new ColumnarError('batch-too-large', 'The rows taken of a column would pass 2 GiB')
  const values = new Uint8Array(end)
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] ?? 0
    const start = from[row] ?? 0
    const stop = from[row + 1] ?? 0
    let at = offsets[index] ?? 0
    if (stop - start > 32) values.set(bytes.subarray(start, stop), at)
    else for (let source = start; source < stop; source++) values[at++] = bytes[source] ?? 0
  }
  return { offsets, values }
}

function takeElements(data: Data, rows: Uint32Array): { offsets: Int32Array; picked: Uint32Array } {
  const from: Int32Array = data.valueOffsets
  const offsets = new Int32Array(rows.length + 1)
  let end = 0
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] ?? 0
    end += (from[row + 1] ?? 0) - (from[row] ?? 0)
    offsets[index + 1] = end
  }
  const picked = new Uint32Array(end)
  let at = 0
  for (const row of rows)
    for (let source = from[row] ?? 0; source < (from[row + 1] ?? 0); source++) picked[at++] = source
  return { offsets, picked }
}
