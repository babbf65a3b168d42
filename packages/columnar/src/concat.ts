import { Data, DataType, type RecordBatch } from 'apache-arrow'
import { batchOf } from './batch.ts'
import { ColumnarError } from './errors.ts'

/**
 * The rows of all batches one after the other, copied into memory of their own; a single batch is given as it is.
 *
 * @throws ColumnarError 'length-mismatch' when the batches differ in their columns, 'batch-too-large' when a column of strings
 * or lists would pass 2 GiB, 'out-of-range' for no batch at all.
 */
export function concatBatches(batches: readonly RecordBatch[]): RecordBatch {
  const [first, ...others] = batches
  if (first === undefined) throw new ColumnarError('out-of-range', 'There is no batch to take the columns of')
  if (others.length === 0) return first
  for (const other of others) {
    const same =
      other.schema.fields.length === first.schema.fields.length &&
      other.schema.fields.every((field, index) => {
        const expected = first.schema.fields[index]
        return field.name === expected?.name && String(field.type) === String(expected.type)
      })
    if (!same) throw new ColumnarError('length-mismatch', 'The batches do not have the same columns')
  }
  const rows = batches.reduce((sum, batch) => sum + batch.numRows, 0)
  return batchOf(
    first.schema,
    rows,
    first.schema.fields.map((_, index) => concatData(batches.flatMap((batch) => batch.data.children[index] ?? []))),
  )
}

type Values = Int32Array | BigInt64Array | Float32Array | Float64Array | Uint32Array | Uint8Array

/** Columns of one type, one after the other. */
function concatData(parts: readonly Data[]): Data {
  const type = (parts[0] as Data).type // there is at least one part
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const bitmap = concatValidity(parts, length)
  let offsets: Int32Array | undefined
  let values: Values | undefined
  let children: Data[] = []
  if (DataType.isStruct(type)) {
    children = childrenOf(parts, (child) => child)
  } else if (DataType.isList(type) || DataType.isMap(type)) {
    offsets = concatOffsets(parts, length)
    children = childrenOf(parts, (child, part) => {
      const [start, end] = extent(part)
      return child.slice(start, end - start)
    })
  } else if (DataType.isUtf8(type) || DataType.isBinary(type)) {
    offsets = concatOffsets(parts, length)
    values = joined(
      parts.map((part) => {
        const bytes: Uint8Array = part.values
        return bytes.subarray(...extent(part))
      }),
      new Uint8Array(offsets[length] ?? 0),
    )
  } else if (DataType.isBool(type)) {
    values = concatBits(parts, length, (part) => part.values)
  } else if (!DataType.isNull(type)) {
    values = concatFixed(parts, length)
  }
  const buffers = [offsets, values, bitmap?.bits ?? new Uint8Array(0)]
  // Arrow declares the buffers as a tuple of the type's own arrays; these were copied from columns of that type.
  return new Data(type, 0, length, bitmap?.nulls ?? 0, buffers as unknown as Data['buffers'], children)
}

function childrenOf(parts: readonly Data[], slice: (child: Data, part: Data) => Data): Data[] {
  const count = parts[0]?.children.length ?? 0
  return Array.from({ length: count }, (_, index) =>
    concatData(
      parts.flatMap((part) => {
        const child: Data | undefined = part.children[index]
        return child === undefined ? [] : [slice(child, part)]
      }),
    ),
  )
}

/** Where a part's elements begin and end in its child or bytes. */
function extent(part: Data): [number, number] {
  const offsets: Int32Array = part.valueOffsets
  return [offsets[0] ?? 0, offsets[part.length] ?? 0]
}

function concatOffsets(parts: readonly Data[], length: number): Int32Array {
  const offsets = new Int32Array(length + 1)
  let at = 0
  let end = 0
  for (const part of parts) {
    const own: Int32Array = part.valueOffsets
    const [start, stop] = extent(part)
    if (end + stop - start > 0x7fff_ffff) {
      throw new ColumnarError('batch-too-large', 'The batches together would pass 2 GiB in a column')
    }
    for (let row = 0; row < part.length; row++) offsets[at + row] = (own[row] ?? 0) - start + end
    at += part.length
    end += stop - start
  }
  offsets[length] = end
  return offsets
}

function concatFixed(parts: readonly Data[], length: number): Values {
  const stride = parts[0]?.stride ?? 1
  const own = parts.map((part): Values => part.values.subarray(0, part.length * stride))
  const [first] = own
  // Every part has the arrays of one type.
  const Type = (first?.constructor ?? Uint8Array) as new (length: number) => Values
  return joined(own, new Type(length * stride))
}

function joined<V extends Values>(parts: readonly V[], into: V): V {
  let at = 0
  for (const part of parts) {
    into.set(part as never, at) // the arrays are of one type
    at += part.length
  }
  return into
}

function concatValidity(parts: readonly Data[], length: number): { bits: Uint8Array; nulls: number } | undefined {
  const nulls = parts.reduce((sum, part) => sum + (validityOf(part) === undefined ? 0 : part.nullCount), 0)
  if (nulls === 0) return undefined
  return { bits: concatBits(parts, length, validityOf), nulls }
}

function validityOf(part: Data): Uint8Array | undefined {
  const bits: Uint8Array | null | undefined = part.nullBitmap
  return bits instanceof Uint8Array && bits.length > 0 && part.nullCount > 0 ? bits : undefined
}

/** Bits from each part's own offset on; a part without any has all of them set. */
function concatBits(
  parts: readonly Data[],
  length: number,
  bitsOf: (part: Data) => Uint8Array | undefined,
): Uint8Array {
  const into = new Uint8Array((length + 7) >> 3)
  let to = 0
  for (const part of parts) {
    const bits = bitsOf(part)
    for (let row = 0; row < part.length; row++, to++) {
      const from = part.offset + row
      const bit = bits === undefined ? 1 : ((bits[from >> 3] ?? 0) >> (from & 7)) & 1
      into[to >> 3] = (into[to >> 3] ?? 0) | (bit << (to & 7))
    }
  }
  return into
}
