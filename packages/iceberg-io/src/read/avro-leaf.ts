import type { ColumnBuilder } from '@icebridge/columnar'
import {
  type AvroType,
  type Cursor,
  fromBigEndian,
  isJsonObject,
  type JsonValue,
  type Type,
  uuidToBytes,
} from '@icebridge/iceberg-core'

/**
 * How a value of an Avro type is appended to a column, promotion included; undefined when the stored type is neither the
 * column's nor one that is promoted to it.
 *
 * @see https://iceberg.apache.org/spec/#avro
 */
export function avroLeaf(
  avro: JsonValue,
  stored: AvroType,
  type: Type,
  builder: ColumnBuilder,
): ((cursor: Cursor) => void) | undefined {
  const name = stored.kind === 'primitive' ? stored.name : stored.kind
  const logical = logicalOf(avro, 'logicalType')
  switch (builder.kind) {
    case 'boolean':
      return name === 'boolean' ? (cursor) => builder.append(cursor.byte() !== 0) : undefined
    case 'int32':
      return name === 'int' && logical === undefined ? (cursor) => builder.append(cursor.int()) : undefined
    case 'int64':
      return (name === 'int' || name === 'long') && logical === undefined
        ? (cursor) => builder.append(cursor.long())
        : undefined
    case 'float32':
      return name === 'float' ? (cursor) => builder.append(cursor.view.getFloat32(cursor.skip(4), true)) : undefined
    case 'float64':
      if (name === 'float') return (cursor) => builder.append(cursor.view.getFloat32(cursor.skip(4), true))
      return name === 'double' ? (cursor) => builder.append(cursor.view.getFloat64(cursor.skip(8), true)) : undefined
    case 'date':
      return name === 'int' ? (cursor) => builder.append(cursor.int()) : undefined
    case 'time': {
      if (name === 'int' && logical === 'time-millis') return (cursor) => builder.append(cursor.long() * 1000n)
      const isTime = name === 'long' && (logical === undefined || logical === 'time-micros')
      return isTime ? (cursor) => builder.append(cursor.long()) : undefined
    }
    case 'timestamp':
    case 'timestamp_ns': {
      const to = builder.kind === 'timestamp' ? 'micros' : 'nanos'
      const scale = timestampScale(name, logical, to)
      return scale === undefined ? undefined : (cursor) => builder.append(scale(cursor.long()))
    }
    case 'decimal': {
      const scale = logicalOf(avro, 'scale')
      if (scale !== undefined && scale !== builder.scale) return undefined
      const bytes = rawBytes(stored)
      return bytes === undefined ? undefined : (cursor) => builder.append(fromBigEndian(bytes(cursor)))
    }
    case 'string': {
      if (name === 'string') return (cursor) => builder.append(cursor.text(cursor.length()))
      if (stored.kind !== 'enum') return undefined
      return (cursor) => {
        const symbol = stored.symbols[cursor.int()]
        if (typeof symbol !== 'string') throw new Error('an enum has no such symbol')
        builder.append(symbol)
      }
    }
    case 'uuid':
      if (name === 'string') {
        return (cursor) => {
          const bytes = uuidToBytes(cursor.text(cursor.length()))
          if (bytes === undefined) throw new Error('a text is no UUID')
          builder.append(bytes)
        }
      }
      return appendBytes(stored, builder)
    case 'binary':
      return appendBytes(stored, builder)
    case 'fixed':
      return appendBytes(stored, builder)
    default:
      return undefined
  }
}

function appendBytes(
  stored: AvroType,
  builder: Extract<ColumnBuilder, { kind: 'binary' | 'fixed' | 'uuid' }>,
): ((cursor: Cursor) => void) | undefined {
  const bytes = rawBytes(stored)
  return bytes === undefined ? undefined : (cursor) => builder.append(bytes(cursor))
}

function rawBytes(stored: AvroType): ((cursor: Cursor) => Uint8Array) | undefined {
  if (stored.kind === 'fixed') return (cursor) => cursor.copy(stored.size)
  return stored.kind === 'primitive' && stored.name === 'bytes' ? (cursor) => cursor.copy(cursor.length()) : undefined
}

function timestampScale(
  name: string,
  logical: JsonValue | undefined,
  to: 'micros' | 'nanos',
): ((value: bigint) => bigint) | undefined {
  const perMilli = to === 'micros' ? 1000n : 1_000_000n
  if (name === 'int') return logical === 'date' ? (days) => days * 86_400_000n * perMilli : undefined
  if (name !== 'long') return undefined
  switch (logical) {
    case undefined:
      return (value) => value
    case 'timestamp-millis':
    case 'local-timestamp-millis':
      return (value) => value * perMilli
    case 'timestamp-micros':
    case 'local-timestamp-micros':
      return to === 'micros' ? (value) => value : (value) => value * 1000n
    case 'timestamp-nanos':
    case 'local-timestamp-nanos':
      if (to === 'nanos') return (value) => value
      return (value) => (value % 1000n < 0n ? value / 1000n - 1n : value / 1000n)
    default:
      return undefined
  }
}

/** A member of a type that is written out; a type that is only named shows none. */
function logicalOf(avro: JsonValue, member: 'logicalType' | 'scale'): JsonValue | undefined {
  return isJsonObject(avro) ? avro[member] : undefined
}
