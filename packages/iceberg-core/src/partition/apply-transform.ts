import { IcebergError } from '../errors.ts'
import { formatType } from '../schema/type-json.ts'
import { isPrimitive, type PrimitiveType, type Type } from '../schema/type.ts'
import { truncateBytesLower, truncateStringLower } from '../value/bounds.ts'
import { civilFromDays, floorDiv } from '../value/calendar.ts'
import { minimalBigEndian } from '../value/decimal.ts'
import { singleValueToBytes } from '../value/single-value.ts'
import type { PartitionValue, Value } from '../value/value.ts'
import { murmur3 } from './murmur3.ts'
import { formatTransform, type Transform } from './transform.ts'

/**
 * The type of a transform's results. `day` gives `date`, which is stored like the `int` of the spec and is what every
 * engine writes.
 *
 * @throws IcebergError `unsupported-transform` when the transform does not take the source type.
 * @see https://iceberg.apache.org/spec/#partition-transforms
 */
export function transformResultType(transform: Transform, source: Type): PrimitiveType {
  if (!acceptsSource(transform, source)) {
    throw new IcebergError(
      'unsupported-transform',
      `transform ${formatTransform(transform)} does not take a source of type ${formatType(source)}`,
      { context: { transform: formatTransform(transform), type: formatType(source) } },
    )
  }
  // acceptsSource holds only for primitive sources.
  const type = source as PrimitiveType
  switch (transform.kind) {
    case 'identity':
    case 'truncate':
    case 'void':
      return type
    case 'day':
      return 'date'
    case 'bucket':
    case 'year':
    case 'month':
    case 'hour':
      return 'int'
    case 'unknown':
      return 'string'
  }
}

/** True when the transform takes a source of that type. */
export function acceptsSource(transform: Transform, source: Type): boolean {
  if (!isPrimitive(source)) return false
  const kind = typeof source === 'string' ? source : source.kind
  switch (transform.kind) {
    case 'identity':
      return kind !== 'geometry' && kind !== 'geography' && kind !== 'variant'
    case 'void':
    case 'unknown':
      return true
    case 'bucket':
      return bucketSources.has(kind)
    case 'truncate':
      return ['int', 'long', 'decimal', 'string', 'binary'].includes(kind)
    case 'year':
    case 'month':
    case 'day':
      return kind === 'date' || kind.startsWith('timestamp')
    case 'hour':
      return kind.startsWith('timestamp')
  }
}

const bucketSources: ReadonlySet<string> = new Set([
  'int',
  'long',
  'decimal',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'timestamp_ns',
  'timestamptz_ns',
  'string',
  'uuid',
  'fixed',
  'binary',
])

/**
 * A function that applies the transform to values of the source type; null gives null.
 *
 * @throws IcebergError `unsupported-transform` for an unknown transform or one that does not take the source type.
 */
export function transformFunction(transform: Transform, source: Type): (value: PartitionValue) => PartitionValue {
  transformResultType(transform, source)
  const type = source as PrimitiveType // transformResultType has refused the others
  if (transform.kind === 'unknown') {
    throw new IcebergError('unsupported-transform', `transform ${transform.text} is not known`, {
      context: { transform: transform.text },
      hint: 'Tables with unknown transforms can be read, but not written. Use a newer version of this package.',
    })
  }
  if (transform.kind === 'void') return () => null
  const apply = nonNullFunction(transform, type)
  return (value) => (value === null ? null : apply(value))
}

/** The transform of one value. For many values of a column take {@link transformFunction} once. */
export function applyTransform(transform: Transform, source: Type, value: PartitionValue): PartitionValue {
  return transformFunction(transform, source)(value)
}

/** The hash of Appendix B, before bucketing. */
export function bucketHash(type: PrimitiveType, value: Value): number {
  if (typeof value === 'number') return murmur3(singleValueToBytes('long', BigInt(value)))
  if (typeof value !== 'bigint') return murmur3(singleValueToBytes(type, value))
  if (typeof type !== 'string') return murmur3(minimalBigEndian(value))
  const nanos = type === 'timestamp_ns' || type === 'timestamptz_ns'
  return murmur3(singleValueToBytes('long', nanos ? floorDiv(value, 1000n) : value))
}

function nonNullFunction(
  transform: Exclude<Transform, { kind: 'unknown' }>,
  type: PrimitiveType,
): (value: Value) => Value {
  switch (transform.kind) {
    case 'identity':
    case 'void':
      return (value) => value
    case 'bucket':
      return (value) => (bucketHash(type, value) & 0x7fffffff) % transform.buckets
    case 'truncate':
      return (value) => truncate(type, value, transform.width)
    case 'year':
      return (value) => civilFromDays(daysOf(type, value)).year - 1970
    case 'month':
      return (value) => {
        const { year, month } = civilFromDays(daysOf(type, value))
        return (year - 1970) * 12 + month - 1
      }
    case 'day':
      return (value) => daysOf(type, value)
    case 'hour':
      return (value) => Number(floorDiv(value as bigint, unitsADay(type) / 24n)) // hour takes only timestamps
  }
}

/** At the very low end of `int` and `long` the result wraps around, as it does in every other implementation. */
function truncate(type: PrimitiveType, value: Value, width: number): Value {
  if (typeof value === 'number') return (value - (((value % width) + width) % width)) | 0
  if (typeof value === 'bigint') {
    const truncated = floorDiv(value, BigInt(width)) * BigInt(width)
    return type === 'long' ? BigInt.asIntN(64, truncated) : truncated
  }
  if (typeof value === 'string') return truncateStringLower(value, width)
  return truncateBytesLower(value as Uint8Array, width) // no other value passes acceptsSource
}

function daysOf(type: PrimitiveType, value: Value): number {
  return typeof value === 'number' ? value : Number(floorDiv(value as bigint, unitsADay(type))) // a date or a timestamp
}

function unitsADay(type: PrimitiveType): bigint {
  return type === 'timestamp_ns' || type === 'timestamptz_ns' ? 86_400_000_000_000n : 86_400_000_000n
}
