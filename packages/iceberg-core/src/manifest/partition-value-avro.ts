import { IcebergError } from '../errors.ts'
import type { PrimitiveType } from '../schema/type.ts'
import { bigEndian, decimalByteLength, fromBigEndian } from '../value/decimal.ts'
import { uuidFromBytes, uuidToBytes } from '../value/uuid.ts'
import type { PartitionValue } from '../value/value.ts'
import type { PartitionFieldType } from './partition-type.ts'

/** A partition value as the Avro encoder takes it. @throws IcebergError `invalid-argument` when it is not of the type. */
export function partitionValueToAvro(type: PartitionFieldType, value: PartitionValue): unknown {
  if (value === null) return null
  if (type === undefined) {
    throw new IcebergError('invalid-argument', 'a partition value was given for a field that cannot be written')
  }
  const encoded = encode(type, value)
  if (encoded === undefined) {
    const expected = typeof type === 'string' ? type : type.kind
    throw new IcebergError('invalid-argument', `a partition value is not of type ${expected}`, {
      context: { type: expected },
    })
  }
  return encoded
}

/**
 * A partition value from Avro. A value written before its column was promoted takes the new type; without a type it is
 * what Avro says.
 */
export function partitionValueFromAvro(type: PartitionFieldType, value: unknown): PartitionValue {
  if (value === null || value === undefined) return null
  if (type === undefined) return isPlain(value) ? value : null
  const decoded = decode(type, value)
  if (decoded === undefined) {
    const expected = typeof type === 'string' ? type : type.kind
    throw new IcebergError('malformed-manifest', `a partition value is not of type ${expected}`)
  }
  return decoded
}

function encode(type: PrimitiveType, value: Exclude<PartitionValue, null>): unknown {
  if (typeof type !== 'string') {
    if (type.kind === 'decimal' && typeof value === 'bigint') {
      return Buffer.from(bigEndian(value, decimalByteLength(type.precision)))
    }
    return type.kind === 'fixed' && value instanceof Uint8Array ? Buffer.from(value) : undefined
  }
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'int':
    case 'date':
    case 'float':
    case 'double':
      return typeof value === 'number' ? value : undefined
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return typeof value === 'bigint' ? value : undefined
    case 'string':
      return typeof value === 'string' ? value : undefined
    case 'uuid': {
      const bytes = typeof value === 'string' ? uuidToBytes(value) : undefined
      return bytes === undefined ? undefined : Buffer.from(bytes)
    }
    case 'binary':
      return value instanceof Uint8Array ? Buffer.from(value) : undefined
    case 'unknown':
      return undefined
  }
}

function decode(type: PrimitiveType, value: unknown): PartitionValue | undefined {
  if (typeof type !== 'string') {
    if (type.kind === 'decimal') return value instanceof Uint8Array ? fromBigEndian(value) : undefined
    return value instanceof Uint8Array ? value : undefined
  }
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'int':
    case 'date':
    case 'float':
    case 'double':
      return typeof value === 'number' ? value : undefined
    case 'long':
    case 'time':
      return typeof value === 'number' ? BigInt(value) : typeof value === 'bigint' ? value : undefined
    case 'timestamp':
    case 'timestamptz':
      return typeof value === 'number' ? BigInt(value) * 86_400_000_000n : typeof value === 'bigint' ? value : undefined
    case 'timestamp_ns':
    case 'timestamptz_ns':
      if (typeof value === 'number') return BigInt(value) * 86_400_000_000_000n
      return typeof value === 'bigint' ? value : undefined
    case 'string':
      return typeof value === 'string' ? value : undefined
    case 'uuid':
      if (typeof value === 'string') return value.toLowerCase()
      return value instanceof Uint8Array && value.length === 16 ? uuidFromBytes(value) : undefined
    case 'binary':
      return value instanceof Uint8Array ? value : undefined
    case 'unknown':
      return null
  }
}

function isPlain(value: unknown): value is Exclude<PartitionValue, null> {
  return ['boolean', 'number', 'bigint', 'string'].includes(typeof value) || value instanceof Uint8Array
}
