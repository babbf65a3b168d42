import type { Type } from '../schema/type.ts'
import { formatDate, formatTime, formatTimestamp } from '../value/calendar.ts'
import { formatDecimal } from '../value/decimal.ts'
import type { PartitionValue } from '../value/value.ts'
import type { PartitionSpec } from './partition-spec.ts'
import type { Transform } from './transform.ts'

/** The folder of a partition below the data folder, as Iceberg names it: `name=value/name=value`; '' without fields. */
export function partitionPath(
  spec: PartitionSpec,
  sources: readonly (Type | undefined)[],
  values: readonly PartitionValue[],
): string {
  return spec.fields
    .map((field, index) => {
      const value = values[index] ?? null
      const source = sources[index]
      const text = value === null || source === undefined ? 'null' : humanValue(field.transform, source, value)
      return `${escape(field.name)}=${escape(text)}`
    })
    .join('/')
}

function humanValue(transform: Transform, source: Type, value: Exclude<PartitionValue, null>): string {
  const number = Number(value)
  switch (transform.kind) {
    case 'year':
      return year(1970 + number)
    case 'month':
      return `${year(1970 + Math.floor(number / 12))}-${two((((number % 12) + 12) % 12) + 1)}`
    case 'day':
      return formatDate(number)
    case 'hour':
      return `${formatDate(Math.floor(number / 24))}-${two(((number % 24) + 24) % 24)}`
    case 'bucket':
      return String(number)
    case 'identity':
    case 'truncate':
    case 'void':
    case 'unknown':
      return humanPrimitive(source, value)
  }
}

function humanPrimitive(type: Type, value: Exclude<PartitionValue, null>): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value === 'bigint') {
    if (typeof type !== 'string') return type.kind === 'decimal' ? formatDecimal(value, type.scale) : String(value)
    if (type === 'time') return shortTime(formatTime(value, 6))
    if (type === 'timestamp') return shortTime(formatTimestamp(value, 6))
    if (type === 'timestamptz') return `${shortTime(formatTimestamp(value, 6))}Z`
    if (type === 'timestamp_ns') return shortTime(formatTimestamp(value, 9))
    if (type === 'timestamptz_ns') return `${shortTime(formatTimestamp(value, 9))}Z`
  }
  if (type === 'date') return formatDate(Number(value))
  return String(value)
}

/** A fraction of zero, three, six or nine digits, whichever says it all. */
function shortSeconds(text: string): string {
  return text.replace(/\.(\d+)$/, (_, digits: string) => {
    const needed = Math.ceil(digits.replace(/0+$/, '').length / 3) * 3
    return needed === 0 ? '' : `.${digits.slice(0, needed)}`
  })
}

/** Local times without seconds say no more than hours and minutes. */
function shortTime(text: string): string {
  return shortSeconds(text).replace(/(\d{2}:\d{2}):00$/, '$1')
}

/** Java's URLEncoder, which every Iceberg writer follows. */
function escape(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}

function year(value: number): string {
  return value < 0 ? `-${String(-value).padStart(4, '0')}` : String(value).padStart(4, '0')
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
