import type { ColumnBuilder } from '@icebridge/columnar'
import { formatType, fromBigEndian, type PrimitiveType } from '@icebridge/iceberg-core'
import type { SchemaElement } from 'hyparquet'
import { IcebergIoError } from '../errors.ts'

/** Appends one raw value of a leaf to its column. */
export type AppendRaw = (raw: unknown) => void

/** Microseconds in a unit of time of the file, as a fraction. */
interface TimeUnit {
  readonly times: bigint
  readonly divide: bigint
}

/**
 * How raw values of a Parquet column become values of an Iceberg type, promotion included. Made once a column.
 *
 * @throws IcebergIoError `unsupported-file` when the stored type is neither the column's nor one that is promoted to it.
 * @see https://iceberg.apache.org/spec/#parquet
 */
export function leafDecoder(
  type: PrimitiveType,
  element: SchemaElement,
  builder: ColumnBuilder,
  where: { readonly file: string; readonly column: string },
): AppendRaw {
  const refuse = (): IcebergIoError =>
    new IcebergIoError(
      'unsupported-file',
      `${where.file}: column ${where.column} is stored as ${element.type ?? 'a group'}${element.converted_type === undefined ? '' : ` (${element.converted_type})`}, which is not read as ${formatType(type)}`,
      { context: { ...where, stored: String(element.type), type: formatType(type) } },
    )
  // The casts below state what hyparquet gives for the physical type that was tested beside them.
  const physical = element.type
  switch (builder.kind) {
    case 'boolean':
      if (physical !== 'BOOLEAN') throw refuse()
      return (raw) => builder.append(raw as boolean)
    case 'int32':
      if (physical !== 'INT32') throw refuse()
      return (raw) => builder.append(raw as number)
    case 'int64':
      if (physical === 'INT64') return (raw) => builder.append(raw as bigint)
      if (physical !== 'INT32') throw refuse()
      return isUnsigned(element)
        ? (raw) => builder.append(BigInt((raw as number) >>> 0))
        : (raw) => builder.append(BigInt(raw as number))
    case 'float32':
      if (physical !== 'FLOAT') throw refuse()
      return (raw) => builder.append(raw as number)
    case 'float64':
      if (physical !== 'FLOAT' && physical !== 'DOUBLE') throw refuse()
      return (raw) => builder.append(raw as number)
    case 'date':
      if (physical !== 'INT32') throw refuse()
      return (raw) => builder.append(raw as number)
    case 'time':
    case 'timestamp': {
      if (physical === 'INT96') return (raw) => builder.append(floorDivide(int96Nanos(raw as bigint), 1000n))
      const unit = timeUnit(element)
      if (unit === undefined || (physical !== 'INT32' && physical !== 'INT64')) throw refuse()
      if (unit.times === 1n && unit.divide === 1n) return (raw) => builder.append(raw as bigint)
      return (raw) => builder.append(floorDivide(BigInt(raw as number | bigint) * unit.times, unit.divide))
    }
    case 'decimal':
      if ((element.scale ?? 0) !== builder.scale) throw refuse()
      if (physical === 'INT32' || physical === 'INT64') return (raw) => builder.append(BigInt(raw as number | bigint))
      if (physical !== 'BYTE_ARRAY' && physical !== 'FIXED_LEN_BYTE_ARRAY') throw refuse()
      return (raw) => builder.append(fromBigEndian(raw as Uint8Array))
    case 'string':
      if (physical !== 'BYTE_ARRAY') throw refuse()
      return (raw) => builder.appendUtf8(raw as Uint8Array)
    case 'binary':
      if (physical !== 'BYTE_ARRAY' && physical !== 'FIXED_LEN_BYTE_ARRAY') throw refuse()
      return (raw) => builder.append(raw as Uint8Array)
    case 'fixed':
    case 'uuid':
      if (physical !== 'FIXED_LEN_BYTE_ARRAY') throw refuse()
      return (raw) => builder.append(raw as Uint8Array)
    case 'timestamp_ns':
    case 'null':
    case 'struct':
    case 'list':
    case 'map':
      throw refuse()
    default:
      return builder satisfies never
  }
}

function isUnsigned(element: SchemaElement): boolean {
  const logical = element.logical_type
  return (
    element.converted_type === 'UINT_32' || (logical?.type === 'INTEGER' && 'isSigned' in logical && !logical.isSigned)
  )
}

/** Without a logical type the values are microseconds, as the spec stores them. */
function timeUnit(element: SchemaElement): TimeUnit | undefined {
  const logical = element.logical_type
  const unit = logical !== undefined && 'unit' in logical ? logical.unit : undefined
  const name = unit ?? /(MILLIS|MICROS)$/.exec(element.converted_type ?? 'MICROS')?.[1]
  switch (name) {
    case 'MILLIS':
      return { times: 1000n, divide: 1n }
    case 'MICROS':
      return { times: 1n, divide: 1n }
    case 'NANOS':
      return { times: 1n, divide: 1000n }
    default:
      return undefined
  }
}

/** Julian day in the high 32 bits, nanoseconds of the day in the low 64. */
function int96Nanos(value: bigint): bigint {
  return ((value >> 64n) - 2_440_588n) * 86_400_000_000_000n + BigInt.asUintN(64, value)
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  return value % divisor < 0n ? quotient - 1n : quotient
}
