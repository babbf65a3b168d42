import { damaged, unsupported } from './decode-fault.ts'
import { decodeDelta32, decodeDelta64 } from './delta.ts'
import type { Encoding } from './page-header.ts'
import { decodeHybrid } from './rle.ts'
import type { SchemaNode } from './schema-tree.ts'

/** Values of one width: value `i` is the bytes from `i * width` on, little-endian as they are stored. */
export interface FixedValues {
  readonly kind: 'fixed'
  readonly bytes: Uint8Array
  readonly count: number
}

/** Byte strings: value `i` is the bytes from `starts[i]` to `ends[i]`. */
export interface ByteValues {
  readonly kind: 'bytes'
  readonly bytes: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly count: number
}

/** Places in a dictionary, each within it. */
export interface IndexValues {
  readonly kind: 'index'
  readonly indexes: Int32Array
  readonly dictionary: FixedValues | ByteValues
  readonly count: number
}

/** The values of a page that are there, without nulls. Booleans have one byte each. */
export type PageValues = FixedValues | ByteValues | IndexValues

/** Bytes of one value in {@link FixedValues}; 0 for byte strings. */
export function valueWidth(leaf: SchemaNode): number {
  switch (leaf.physical) {
    case 'BOOLEAN':
      return 1
    case 'INT32':
    case 'FLOAT':
      return 4
    case 'INT64':
    case 'DOUBLE':
      return 8
    case 'INT96':
      return 12
    case 'FIXED_LEN_BYTE_ARRAY':
      return leaf.width
    default:
      return 0
  }
}

/** @throws DecodeFault when the bytes are not `count` values of the encoding. */
export function decodeValues(
  bytes: Uint8Array,
  page: {
    readonly leaf: SchemaNode
    readonly encoding: Encoding
    readonly count: number
    readonly dictionary: FixedValues | ByteValues | undefined
  },
): PageValues {
  const { leaf, encoding, count, dictionary } = page
  if (count === 0) return empty(leaf)
  const { physical } = leaf
  switch (encoding) {
    case 'plain':
      return decodePlain(bytes, leaf, count)
    case 'dictionary':
      return decodeIndexes(bytes, dictionary, count)
    case 'rle':
      if (physical === 'BOOLEAN') return decodeRleBooleans(bytes, count)
      break
    case 'delta-binary-packed':
      if (physical === 'INT32') return fixedOf(decodeDelta32(bytes, count).values, count)
      if (physical === 'INT64') return fixedOf(decodeDelta64(bytes, count).values, count)
      break
    case 'delta-length-byte-array':
      if (physical === 'BYTE_ARRAY') return decodeDeltaLength(bytes, count)
      break
    case 'delta-byte-array':
      if (physical === 'BYTE_ARRAY') return decodeDeltaStrings(bytes, count)
      if (physical === 'FIXED_LEN_BYTE_ARRAY') return fixedFrom(decodeDeltaStrings(bytes, count), leaf.width)
      break
    case 'byte-stream-split':
      if (physical !== 'BYTE_ARRAY' && physical !== 'BOOLEAN') return decodeSplit(bytes, valueWidth(leaf), count)
      break
    case 'bit-packed':
  }
  throw unsupported(`${physical} values encoded as ${encoding} are not read`)
}

function empty(leaf: SchemaNode): PageValues {
  const bytes = new Uint8Array(0)
  if (leaf.physical !== 'BYTE_ARRAY') return { kind: 'fixed', bytes, count: 0 }
  return { kind: 'bytes', bytes, starts: new Int32Array(0), ends: new Int32Array(0), count: 0 }
}

/** @throws DecodeFault */
export function decodePlain(bytes: Uint8Array, leaf: SchemaNode, count: number): FixedValues | ByteValues {
  if (leaf.physical === 'BOOLEAN') return plainBooleans(bytes, count)
  if (leaf.physical === 'BYTE_ARRAY') return plainBytes(bytes, count)
  const size = valueWidth(leaf) * count
  if (size > bytes.length) throw damaged(`a page has ${bytes.length} bytes for ${count} values`)
  return { kind: 'fixed', bytes: bytes.subarray(0, size), count }
}

function plainBooleans(bytes: Uint8Array, count: number): FixedValues {
  if ((count + 7) >> 3 > bytes.length) throw damaged(`a page has ${bytes.length} bytes for ${count} booleans`)
  const values = new Uint8Array(count)
  for (let index = 0; index < count; index++) values[index] = ((bytes[index >> 3] ?? 0) >> (index & 7)) & 1
  return { kind: 'fixed', bytes: values, count }
}

function plainBytes(bytes: Uint8Array, count: number): ByteValues {
  if (count * 4 > bytes.length) throw damaged(`a page has ${bytes.length} bytes for ${count} byte strings`)
  const starts = new Int32Array(count)
  const ends = new Int32Array(count)
  const size = bytes.length
  let at = 0
  for (let index = 0; index < count; index++) {
    if (at + 4 > size) throw damaged('the byte strings of a page end too early')
    const length =
      ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>>
      0
    at += 4
    if (length > size - at) throw damaged('the byte strings of a page end too early')
    starts[index] = at
    at += length
    ends[index] = at
  }
  return { kind: 'bytes', bytes, starts, ends, count }
}

function decodeIndexes(
  bytes: Uint8Array,
  dictionary: FixedValues | ByteValues | undefined,
  count: number,
): IndexValues {
  if (dictionary === undefined) throw damaged('a page refers to a dictionary that is not there')
  const indexes = new Int32Array(count)
  decodeHybrid(bytes.subarray(1), bytes[0] ?? 0, indexes)
  const size = dictionary.count
  let highest = 0
  let signs = 0
  for (let at = 0; at < count; at++) {
    const index = indexes[at] ?? 0
    signs |= index
    if (index > highest) highest = index
  }
  if (signs < 0 || highest >= size) throw damaged(`a page refers to an entry that its dictionary of ${size} has not`)
  return { kind: 'index', indexes, dictionary, count }
}

function decodeRleBooleans(bytes: Uint8Array, count: number): FixedValues {
  if (bytes.length < 4) throw damaged('the booleans of a page end too early')
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true)
  if (size > bytes.length - 4) throw damaged('the booleans of a page end too early')
  const values = new Uint8Array(count)
  decodeHybrid(bytes.subarray(4, 4 + size), 1, values)
  for (let index = 0; index < count; index++) values[index] = (values[index] ?? 0) & 1
  return { kind: 'fixed', bytes: values, count }
}

function fixedOf(values: Int32Array | BigInt64Array, count: number): FixedValues {
  return { kind: 'fixed', bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength), count }
}

function decodeDeltaLength(bytes: Uint8Array, count: number): ByteValues {
  const { values: lengths, end: dataStart } = decodeDelta32(bytes, count)
  const starts = new Int32Array(count)
  const ends = new Int32Array(count)
  let at = dataStart
  for (let index = 0; index < count; index++) {
    const length = lengths[index] ?? 0
    if (length < 0 || length > bytes.length - at) throw damaged('the byte strings of a page end too early')
    starts[index] = at
    at += length
    ends[index] = at
  }
  return { kind: 'bytes', bytes, starts, ends, count }
}

/** Most bytes that the strings of one page may unfold to: each repeats a prefix of the one before. */
const mostUnfolded = 1 << 30

function decodeDeltaStrings(bytes: Uint8Array, count: number): ByteValues {
  const prefixes = decodeDelta32(bytes, count)
  const suffixes = decodeDeltaLength(bytes.subarray(prefixes.end), count)
  let size = 0
  let previous = 0
  for (let index = 0; index < count; index++) {
    const prefix = prefixes.values[index] ?? 0
    if (prefix < 0 || prefix > previous) throw damaged('a byte string repeats more than there is before it')
    previous = prefix + (suffixes.ends[index] ?? 0) - (suffixes.starts[index] ?? 0)
    size += previous
  }
  if (size > mostUnfolded) throw unsupported(`a page of ${size} bytes of strings is not read`)
  const unfolded = new Uint8Array(size)
  const starts = new Int32Array(count)
  const ends = new Int32Array(count)
  let at = 0
  let before = 0
  for (let index = 0; index < count; index++) {
    starts[index] = at
    const prefix = prefixes.values[index] ?? 0
    unfolded.copyWithin(at, before, before + prefix)
    unfolded.set(suffixes.bytes.subarray(suffixes.starts[index], suffixes.ends[index]), at + prefix)
    before = at
    at += prefix + (suffixes.ends[index] ?? 0) - (suffixes.starts[index] ?? 0)
    ends[index] = at
  }
  return { kind: 'bytes', bytes: unfolded, starts, ends, count }
}

function fixedFrom(values: ByteValues, width: number): FixedValues {
  const { count, starts, ends, bytes } = values
  for (let index = 0; index < count; index++) {
    if ((ends[index] ?? 0) - (starts[index] ?? 0) !== width) throw damaged('a value of fixed length has another length')
  }
  // The strings follow on one another.
  return { kind: 'fixed', bytes: bytes.subarray(0, count * width), count }
}

function decodeSplit(bytes: Uint8Array, width: number, count: number): FixedValues {
  if (bytes.length < width * count) throw damaged(`a page has ${bytes.length} bytes for ${count} values`)
  // Each stream holds one byte of every value; padding beyond the values would shift the streams.
  const stream = width === 0 ? 0 : Math.floor(bytes.length / width)
  if (stream * width !== bytes.length || stream !== count)
    throw damaged('the byte streams of a page are of another length than its values')
  const values = new Uint8Array(width * count)
  for (let byte = 0; byte < width; byte++) {
    const start = byte * stream
    for (let index = 0, at = byte; index < count; index++, at += width) values[at] = bytes[start + index] ?? 0
  }
  return { kind: 'fixed', bytes: values, count }
}
