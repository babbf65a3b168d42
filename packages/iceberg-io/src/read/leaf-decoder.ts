import { isUtf8 } from 'node:buffer'
import { formatType, type PrimitiveType } from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'
import { DecodeFault } from '../parquet/decode-fault.ts'
import type { DenseBytes, DenseFixed, DenseValues } from '../parquet/gather.ts'
import type { SchemaNode, TimeUnit } from '../parquet/schema-tree.ts'
import { bigEndianDecimals, byteArrayDecimals, integerDecimals } from './decimal-values.ts'

/** Values of an Arrow column, one after another, without nulls: `stride` elements each, with room to spread them. */
export type ColumnValues =
  | { readonly kind: 'boolean'; readonly values: Uint8Array }
  | { readonly kind: 'fixed'; readonly values: FixedArray; readonly stride: number }
  | { readonly kind: 'bytes'; readonly offsets: Int32Array; readonly values: Uint8Array }

export type FixedArray = Int32Array | BigInt64Array | Float32Array | Float64Array | Uint32Array | Uint8Array

/** Turns the values of a leaf into those of its column; may use their memory. @throws DecodeFault for a value out of range */
export type DecodeLeaf = (values: DenseValues) => ColumnValues

/**
 * How the values of a Parquet leaf become values of an Iceberg type, promotion included. Made once a file.
 *
 * @throws IcebergIoError `unsupported-file` when the stored type is neither the column's nor one that is promoted to it.
 * @see https://iceberg.apache.org/spec/#parquet
 * @see https://iceberg.apache.org/spec/#schema-evolution
 */
export function leafDecoder(type: PrimitiveType, leaf: SchemaNode, file: string): DecodeLeaf {
  const decode = decoderOf(type, leaf)
  if (decode !== undefined) return decode
  const column = leaf.path.join('.')
  throw new IcebergIoError(
    'unsupported-file',
    `${file}: column ${column} is stored as ${storedAs(leaf)}, which is not read as ${formatType(type)}`,
    {
      context: { file, column, stored: storedAs(leaf), type: formatType(type) },
      hint: 'The file was written for another type of this column; rewrite it, or leave the column out.',
    },
  )
}

function storedAs({ physical, annotation }: SchemaNode): string {
  return `${physical ?? 'a group'}${annotation === undefined ? '' : ` (${annotation.kind})`}`
}

function decoderOf(type: PrimitiveType, leaf: SchemaNode): DecodeLeaf | undefined {
  const { physical, annotation } = leaf
  switch (type) {
    case 'boolean':
      return physical === 'BOOLEAN' ? (values) => ({ kind: 'boolean', values: fixed(values).bytes }) : undefined
    case 'int':
      return physical === 'INT32' && isInteger(leaf) ? (isUnsigned(leaf, 32) ? unsigned32 : int32) : undefined
    case 'long':
      if (!isInteger(leaf)) return undefined
      if (physical === 'INT64') return isUnsigned(leaf, 64) ? unsigned64 : int64
      return physical === 'INT32' ? (isUnsigned(leaf, 32) ? unsigned32To64 : int32To64) : undefined
    case 'float':
      return physical === 'FLOAT' ? float32 : undefined
    case 'double':
      return physical === 'DOUBLE' ? float64 : physical === 'FLOAT' ? float32To64 : undefined
    case 'date':
      return physical === 'INT32' && (annotation === undefined || annotation.kind === 'date') ? int32 : undefined
    case 'time':
      return timeDecoder(leaf)
    case 'timestamp':
    case 'timestamptz':
      return timestampDecoder(leaf, 'MICROS')
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return timestampDecoder(leaf, 'NANOS')
    case 'string':
      return physical === 'BYTE_ARRAY' && isText(leaf) ? utf8 : undefined
    case 'binary':
      return physical === 'BYTE_ARRAY' ? bytes : physical === 'FIXED_LEN_BYTE_ARRAY' ? fixedToBytes : undefined
    case 'uuid':
      return fixedDecoder(leaf, 16)
    case 'unknown':
      return undefined
  }
  switch (type.kind) {
    case 'fixed':
      return fixedDecoder(leaf, type.length)
    case 'decimal':
      return decimalDecoder(leaf, type)
    case 'geometry':
    case 'geography':
      return physical === 'BYTE_ARRAY' ? bytes : undefined
    case 'variant':
      return undefined
  }
}

function isInteger({ annotation }: SchemaNode): boolean {
  return annotation === undefined || annotation.kind === 'integer'
}

function isUnsigned({ annotation }: SchemaNode, bits: number): boolean {
  return annotation?.kind === 'integer' && !annotation.signed && annotation.bits === bits
}

function isText({ annotation }: SchemaNode): boolean {
  const kind = annotation?.kind
  return kind === undefined || kind === 'string' || kind === 'enum' || kind === 'json'
}

function fixed(values: DenseValues): DenseFixed {
  if (values.kind === 'fixed') return values
  throw new TypeError('values of a fixed width')
}

function strings(values: DenseValues): DenseBytes {
  if (values.kind === 'bytes') return values
  throw new TypeError('byte strings')
}

function int32(values: DenseValues): ColumnValues {
  return { kind: 'fixed', values: new Int32Array(fixed(values).bytes.buffer), stride: 1 }
}

function unsigned32(values: DenseValues): ColumnValues {
  const array = new Int32Array(fixed(values).bytes.buffer)
  if (array.subarray(0, values.count).some((value) => value < 0)) throw tooLarge('an unsigned value', 'an int')
  return { kind: 'fixed', values: array, stride: 1 }
}

function int64(values: DenseValues): ColumnValues {
  return { kind: 'fixed', values: new BigInt64Array(fixed(values).bytes.buffer), stride: 1 }
}

function unsigned64(values: DenseValues): ColumnValues {
  const halves = new Int32Array(fixed(values).bytes.buffer)
  for (let at = 0; at < values.count; at++) {
    if ((halves[at * 2 + 1] ?? 0) < 0) throw tooLarge('an unsigned value', 'a long')
  }
  return int64(values)
}

function int32To64(values: DenseValues): ColumnValues {
  return widen(values, (value) => value >> 31)
}

function unsigned32To64(values: DenseValues): ColumnValues {
  return widen(values, () => 0)
}

function widen(values: DenseValues, high: (value: number) => number): ColumnValues {
  const from = new Int32Array(fixed(values).bytes.buffer)
  const to = new BigInt64Array(from.length)
  const halves = new Int32Array(to.buffer)
  for (let at = 0; at < values.count; at++) {
    const value = from[at] ?? 0
    halves[at * 2] = value
    halves[at * 2 + 1] = high(value)
  }
  return { kind: 'fixed', values: to, stride: 1 }
}

function float32(values: DenseValues): ColumnValues {
  return { kind: 'fixed', values: new Float32Array(fixed(values).bytes.buffer), stride: 1 }
}

function float64(values: DenseValues): ColumnValues {
  return { kind: 'fixed', values: new Float64Array(fixed(values).bytes.buffer), stride: 1 }
}

function float32To64(values: DenseValues): ColumnValues {
  return { kind: 'fixed', values: Float64Array.from(new Float32Array(fixed(values).bytes.buffer)), stride: 1 }
}

const microsADay = 86_400_000_000n

function timeDecoder(leaf: SchemaNode): DecodeLeaf | undefined {
  const { physical, annotation } = leaf
  // Without an annotation the values are microseconds, as the spec stores them.
  const unit = annotation === undefined ? 'MICROS' : annotation.kind === 'time' ? annotation.unit : undefined
  if (unit === undefined || physical !== (unit === 'MILLIS' ? 'INT32' : 'INT64')) return undefined
  const scale = scaling(unit, 'MICROS')
  return (values) => {
    const column = scaled(physical === 'INT32' ? int32To64(values) : int64(values), values.count, scale)
    for (let at = 0; at < values.count; at++) {
      const value = column[at] ?? 0n
      if (value < 0n || value >= microsADay) throw new DecodeFault('malformed-file', 'a time is not within one day')
    }
    return { kind: 'fixed', values: column, stride: 1 }
  }
}

function timestampDecoder(leaf: SchemaNode, to: 'MICROS' | 'NANOS'): DecodeLeaf | undefined {
  const { physical, annotation } = leaf
  if (physical === 'INT96')
    return (values) => ({ kind: 'fixed', values: int96Timestamps(fixed(values), to), stride: 1 })
  if (physical === 'INT32' && annotation?.kind === 'date') {
    const perDay = to === 'MICROS' ? microsADay : microsADay * 1000n
    return (values) => scaledColumn(int32To64(values), values.count, { times: perDay, divide: 1n })
  }
  const unit = annotation === undefined ? 'MICROS' : annotation.kind === 'timestamp' ? annotation.unit : undefined
  if (unit === undefined || physical !== 'INT64') return undefined
  // Without an annotation the values are in the unit of the column's own type.
  const scale = scaling(annotation === undefined ? to : unit, to)
  return (values) => scaledColumn(int64(values), values.count, scale)
}

interface Scaling {
  readonly times: bigint
  readonly divide: bigint
}

function scaling(from: TimeUnit, to: 'MICROS' | 'NANOS'): Scaling {
  const nanos = { MILLIS: 1_000_000n, MICROS: 1000n, NANOS: 1n }
  return nanos[from] >= nanos[to]
    ? { times: nanos[from] / nanos[to], divide: 1n }
    : { times: 1n, divide: nanos[to] / nanos[from] }
}

function scaledColumn(column: ColumnValues, count: number, scale: Scaling): ColumnValues {
  return { kind: 'fixed', values: scaled(column, count, scale), stride: 1 }
}

/** In place; a division rounds towards minus infinity. */
function scaled(column: ColumnValues, count: number, { times, divide }: Scaling): BigInt64Array {
  if (column.kind !== 'fixed' || !(column.values instanceof BigInt64Array)) throw new TypeError('64-bit values')
  const { values } = column
  if (times === 1n && divide === 1n) return values
  for (let at = 0; at < count; at++) {
    const value = values[at] ?? 0n
    if (times !== 1n) {
      const product = value * times
      if (BigInt.asIntN(64, product) !== product) throw tooLarge('a timestamp', '64 bits of its unit')
      values[at] = product
    } else {
      const quotient = value / divide
      values[at] = value % divide < 0n ? quotient - 1n : quotient
    }
  }
  return values
}

/** Nanoseconds of the day, then the Julian day. */
function int96Timestamps({ bytes, count }: DenseFixed, to: 'MICROS' | 'NANOS'): BigInt64Array {
  const view = new DataView(bytes.buffer)
  const values = new BigInt64Array(Math.floor(bytes.length / 12))
  const [perDay, divide] = to === 'MICROS' ? [microsADay, 1000n] : [microsADay * 1000n, 1n]
  for (let at = 0; at < count; at++) {
    const nanos = view.getBigInt64(at * 12, true)
    const days = BigInt(view.getInt32(at * 12 + 8, true)) - 2_440_588n
    const quotient = nanos / divide
    const value = days * perDay + (nanos % divide < 0n ? quotient - 1n : quotient)
    if (BigInt.asIntN(64, value) !== value) throw tooLarge('a timestamp', '64 bits of its unit')
    values[at] = value
  }
  return values
}

function utf8(values: DenseValues): ColumnValues {
  const { offsets, bytes: text, count } = strings(values)
  if (!isUtf8(text)) throw new DecodeFault('malformed-file', 'a string is not valid UTF-8')
  // Valid as a whole, yet a string must not begin inside a character.
  for (let at = 0; at < count; at++) {
    if (((text[offsets[at] ?? 0] ?? 0) & 0xc0) === 0x80)
      throw new DecodeFault('malformed-file', 'a string is not valid UTF-8')
  }
  return { kind: 'bytes', offsets, values: text }
}

function bytes(values: DenseValues): ColumnValues {
  const { offsets, bytes: data } = strings(values)
  return { kind: 'bytes', offsets, values: data }
}

function fixedToBytes(values: DenseValues): ColumnValues {
  const { bytes: data, width, count } = fixed(values)
  const slots = width === 0 ? count : Math.floor(data.length / width)
  const offsets = new Int32Array(slots + 1)
  for (let at = 0; at <= count; at++) offsets[at] = at * width
  return { kind: 'bytes', offsets, values: data.subarray(0, count * width) }
}

function fixedDecoder(leaf: SchemaNode, length: number): DecodeLeaf | undefined {
  if (leaf.physical === 'FIXED_LEN_BYTE_ARRAY' && leaf.width === length) {
    return (values) => ({ kind: 'fixed', values: fixed(values).bytes, stride: length })
  }
  if (leaf.physical !== 'BYTE_ARRAY' || leaf.annotation !== undefined) return undefined
  return (values) => {
    const { offsets, bytes: data, count } = strings(values)
    for (let at = 0; at <= count; at++) {
      if (offsets[at] !== at * length) {
        throw new DecodeFault('malformed-file', `a value of ${length} bytes has another length`)
      }
    }
    const room = new Uint8Array((offsets.length - 1) * length)
    room.set(data)
    return { kind: 'fixed', values: room, stride: length }
  }
}

function decimalDecoder(
  leaf: SchemaNode,
  type: { readonly precision: number; readonly scale: number },
): DecodeLeaf | undefined {
  const { physical, annotation } = leaf
  const scale = annotation?.kind === 'decimal' ? annotation.scale : 0
  if (scale !== type.scale || (annotation !== undefined && annotation.kind !== 'decimal')) return undefined
  const { precision } = type
  switch (physical) {
    case 'INT32':
    case 'INT64':
      return (values) => ({ kind: 'fixed', values: integerDecimals(fixed(values), precision), stride: 4 })
    case 'FIXED_LEN_BYTE_ARRAY':
      return (values) => ({ kind: 'fixed', values: bigEndianDecimals(fixed(values), precision), stride: 4 })
    case 'BYTE_ARRAY':
      return (values) => ({ kind: 'fixed', values: byteArrayDecimals(strings(values), precision), stride: 4 })
    default:
      return undefined
  }
}

function tooLarge(what: string, than: string): DecodeFault {
  return new DecodeFault('unsupported-file', `${what} does not fit ${than}`)
}
