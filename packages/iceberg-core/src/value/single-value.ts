import { IcebergError } from '../errors.ts'
import { formatPrimitiveType } from '../schema/type-json.ts'
import type { PrimitiveType } from '../schema/type.ts'
import { fromBigEndian, minimalBigEndian } from './decimal.ts'
import { uuidFromBytes, uuidToBytes } from './uuid.ts'
import type { Value } from './value.ts'

const utf8Encoder = new TextEncoder()
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The binary form of a single value, as bounds and partition summaries hold it.
 *
 * @throws IcebergError `invalid-argument` for a value that is not one of the type, `unsupported-type` for `unknown`.
 * @see https://iceberg.apache.org/spec/#binary-single-value-serialization
 */
export function singleValueToBytes(type: PrimitiveType, value: Value): Uint8Array {
  if (typeof type === 'string') {
    switch (type) {
      case 'boolean':
        if (typeof value === 'boolean') return Uint8Array.of(value ? 1 : 0)
        break
      case 'int':
      case 'date':
        if (typeof value === 'number' && (value | 0) === value)
          return encode(4, (view) => view.setInt32(0, value, true))
        break
      case 'long':
      case 'time':
      case 'timestamp':
      case 'timestamptz':
      case 'timestamp_ns':
      case 'timestamptz_ns':
        if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) {
          return encode(8, (view) => view.setBigInt64(0, value, true))
        }
        break
      case 'float':
        if (typeof value === 'number') return encode(4, (view) => view.setFloat32(0, value, true))
        break
      case 'double':
        if (typeof value === 'number') return encode(8, (view) => view.setFloat64(0, value, true))
        break
      case 'string':
        if (typeof value === 'string' && value.isWellFormed()) return utf8Encoder.encode(value)
        break
      case 'uuid': {
        const bytes = typeof value === 'string' ? uuidToBytes(value) : undefined
        if (bytes !== undefined) return bytes
        break
      }
      case 'binary':
        if (value instanceof Uint8Array) return new Uint8Array(value)
        break
      case 'unknown':
        throw new IcebergError('unsupported-type', 'values of type unknown have no binary form')
    }
    throw notOfType(type)
  }
  switch (type.kind) {
    case 'decimal':
      if (typeof value === 'bigint') return minimalBigEndian(value)
      break
    case 'fixed':
      if (value instanceof Uint8Array && value.length === type.length) return new Uint8Array(value)
      break
    case 'variant':
    case 'geometry':
    case 'geography':
      if (value instanceof Uint8Array) return new Uint8Array(value)
  }
  throw notOfType(type)
}

/**
 * The value of a binary form. Bounds written before a type promotion are understood: 4 bytes for a `long`, `double` or
 * timestamp are an `int`, a `float` or a `date`.
 *
 * @throws IcebergError `malformed-manifest` when the bytes cannot be of that type.
 * @see https://iceberg.apache.org/spec/#schema-evolution
 */
export function singleValueFromBytes(type: PrimitiveType, bytes: Uint8Array): Value {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const size = bytes.length
  if (typeof type === 'string') {
    switch (type) {
      case 'boolean':
        if (size === 1) return view.getUint8(0) !== 0
        break
      case 'int':
      case 'date':
        if (size === 4) return view.getInt32(0, true)
        break
      case 'long':
      case 'time':
        if (size === 8) return view.getBigInt64(0, true)
        if (size === 4) return BigInt(view.getInt32(0, true))
        break
      case 'timestamp':
      case 'timestamptz':
        if (size === 8) return view.getBigInt64(0, true)
        if (size === 4) return BigInt(view.getInt32(0, true)) * 86_400_000_000n
        break
      case 'timestamp_ns':
      case 'timestamptz_ns':
        if (size === 8) return view.getBigInt64(0, true)
        if (size === 4) return BigInt(view.getInt32(0, true)) * 86_400_000_000_000n
        break
      case 'float':
        if (size === 4) return view.getFloat32(0, true)
        break
      case 'double':
        if (size === 8) return view.getFloat64(0, true)
        if (size === 4) return view.getFloat32(0, true)
        break
      case 'string':
        return decodeUtf8(bytes)
      case 'uuid':
        if (size === 16) return uuidFromBytes(bytes)
        break
      case 'binary':
        return bytes
      case 'unknown':
        break
    }
    throw notTheBytesOf(type, size)
  }
  switch (type.kind) {
    case 'decimal':
      if (size > 0) return fromBigEndian(bytes)
      break
    case 'fixed':
    case 'variant':
    case 'geometry':
    case 'geography':
      return bytes
  }
  throw notTheBytesOf(type, size)
}

function encode(size: number, write: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size)
  write(new DataView(bytes.buffer))
  return bytes
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8Decoder.decode(bytes)
  } catch (cause) {
    throw new IcebergError('malformed-manifest', 'a string value is not valid UTF-8', { cause })
  }
}

function notOfType(type: PrimitiveType): IcebergError {
  return new IcebergError('invalid-argument', `the value is not one of type ${formatPrimitiveType(type)}`, {
    context: { type: formatPrimitiveType(type) },
  })
}

function notTheBytesOf(type: PrimitiveType, size: number): IcebergError {
  return new IcebergError(
    'malformed-manifest',
    `${size} bytes cannot be a value of type ${formatPrimitiveType(type)}`,
    {
      context: { type: formatPrimitiveType(type), size },
    },
  )
}
