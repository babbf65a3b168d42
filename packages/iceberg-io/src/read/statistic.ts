import { fromBigEndian, uuidFromBytes, type PrimitiveType, type Value } from '@icebridge/iceberg-core'
import type { SchemaNode, TimeUnit } from '../parquet/schema-tree.ts'

/**
 * A bound of a leaf's values as a value of the column's type; undefined when it says nothing for certain.
 * Bounds of the deprecated fields are in signed order, which is not that of strings and unsigned numbers.
 */
export function statisticOf(
  type: PrimitiveType,
  bytes: Uint8Array | undefined,
  at: { readonly leaf: SchemaNode; readonly deprecated: boolean },
): Value | undefined {
  const { leaf, deprecated } = at
  if (bytes === undefined) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (leaf.physical) {
    case 'BOOLEAN':
      return type === 'boolean' && bytes.length === 1 ? bytes[0] !== 0 : undefined
    case 'INT32':
    case 'INT64': {
      if (bytes.length !== (leaf.physical === 'INT32' ? 4 : 8)) return undefined
      const signed = leaf.annotation?.kind !== 'integer' || leaf.annotation.signed
      if (!signed && deprecated) return undefined
      const value = bytes.length === 4 ? BigInt(view.getInt32(0, true)) : view.getBigInt64(0, true)
      return integer(type, signed ? value : BigInt.asUintN(bytes.length * 8, value), leaf)
    }
    case 'FLOAT':
    case 'DOUBLE': {
      if ((type !== 'float' && type !== 'double') || bytes.length !== (leaf.physical === 'FLOAT' ? 4 : 8))
        return undefined
      const value = bytes.length === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true)
      return Number.isNaN(value) ? undefined : value
    }
    case 'BYTE_ARRAY':
    case 'FIXED_LEN_BYTE_ARRAY':
      return deprecated ? undefined : byteString(type, bytes)
    default:
      return undefined
  }
}

function integer(type: PrimitiveType, value: bigint, { annotation }: SchemaNode): Value | undefined {
  switch (type) {
    case 'int':
    case 'date':
      return Number(value)
    case 'long':
      return value
    case 'time':
      return scaled(value, annotation?.kind === 'time' ? annotation.unit : 'MICROS', 'MICROS')
    case 'timestamp':
    case 'timestamptz':
      return timestamp(value, annotation, 'MICROS')
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return timestamp(value, annotation, 'NANOS')
    default:
      return typeof type === 'object' && type.kind === 'decimal' ? value : undefined
  }
}

function timestamp(value: bigint, annotation: SchemaNode['annotation'], to: 'MICROS' | 'NANOS'): bigint | undefined {
  if (annotation?.kind === 'date') return value * (to === 'MICROS' ? 86_400_000_000n : 86_400_000_000_000n)
  return scaled(value, annotation?.kind === 'timestamp' ? annotation.unit : to, to)
}

function scaled(value: bigint, from: TimeUnit, to: 'MICROS' | 'NANOS'): bigint {
  const nanos = { MILLIS: 1_000_000n, MICROS: 1000n, NANOS: 1n }
  if (nanos[from] >= nanos[to]) return value * (nanos[from] / nanos[to])
  const divide = nanos[to] / nanos[from]
  // Both bounds are rounded as the values are: towards minus infinity.
  return value % divide < 0n ? value / divide - 1n : value / divide
}

function byteString(type: PrimitiveType, bytes: Uint8Array): Value | undefined {
  if (type === 'string') {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      // A bound may be cut inside a character.
      return undefined
    }
  }
  if (type === 'binary') return bytes
  if (type === 'uuid') return bytes.length === 16 ? uuidFromBytes(bytes) : undefined
  if (typeof type !== 'object') return undefined
  if (type.kind === 'fixed') return bytes.length === type.length ? bytes : undefined
  return type.kind === 'decimal' && bytes.length > 0 ? fromBigEndian(bytes) : undefined
}
