import { columnView, type ColumnView } from '@icebridge/columnar'
import type { RecordBatch } from 'apache-arrow'

/**
 * Gives each row of a batch as one line of JSON, exactly: decimals and 64-bit integers as strings, binary as base64,
 * dates and times as ISO 8601 with all digits, uuids as text, NaN and infinities as strings, -0.0 as `-0.0`.
 */
export function* ndjsonLines(batch: RecordBatch): Generator<string> {
  const columns = batch.schema.fields.map((field, index) => ({
    name: `${JSON.stringify(field.name)}:`,
    view: columnView(batch, index),
  }))
  for (let row = 0; row < batch.numRows; row++) {
    yield `{${columns.map(({ name, view }) => name + cellJson(view, row)).join(',')}}\n`
  }
}

function cellJson(view: ColumnView, row: number): string {
  if (view.isNull(row)) return 'null'
  switch (view.kind) {
    case 'boolean':
      return view.value(row) ? 'true' : 'false'
    case 'int32':
      return String(view.value(row))
    case 'int64':
      return `"${view.value(row)}"`
    case 'float32':
    case 'float64':
      return floatJson(view.value(row))
    case 'decimal':
      return `"${decimalText(view.value(row), view.scale)}"`
    case 'date':
      return `"${dateText(BigInt(view.value(row)))}"`
    case 'time':
      return `"${timeText(view.value(row))}"`
    case 'timestamp': {
      const { days, micros } = splitMicros(view.value(row))
      return `"${dateText(days)}T${timeText(micros)}${view.utc ? 'Z' : ''}"`
    }
    case 'string':
      return JSON.stringify(view.value(row))
    case 'binary':
    case 'fixed':
      return `"${Buffer.from(view.value(row)).toString('base64')}"`
    case 'uuid':
      return `"${uuidText(view.value(row))}"`
    case 'struct':
      return `{${view.fields.map((field, index) => `${JSON.stringify(view.names[index])}:${cellJson(field, row)}`).join(',')}}`
    case 'list':
      return `[${range(view.start(row), view.end(row), (at) => cellJson(view.element, at)).join(',')}]`
    case 'map':
      // Keys may be of any type, so a map is a list of pairs.
      return `[${range(view.start(row), view.end(row), (at) => `[${cellJson(view.key, at)},${cellJson(view.value, at)}]`).join(',')}]`
    default:
      return view satisfies never
  }
}

function range(start: number, end: number, make: (at: number) => string): string[] {
  return Array.from({ length: end - start }, (_, index) => make(start + index))
}

function floatJson(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`
  return Object.is(value, -0) ? '-0.0' : JSON.stringify(value)
}

/** An unscaled value with its point set: (-5n, 2) is `-0.05`. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale === 0) return unscaled.toString()
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

const microsPerDay = 86_400_000_000n

function splitMicros(micros: bigint): { readonly days: bigint; readonly micros: bigint } {
  const rest = ((micros % microsPerDay) + microsPerDay) % microsPerDay
  return { days: (micros - rest) / microsPerDay, micros: rest }
}

/** Microseconds since midnight as `hh:mm:ss.ffffff`. */
function timeText(micros: bigint): string {
  const seconds = micros / 1_000_000n
  const two = (value: bigint): string => value.toString().padStart(2, '0')
  const clock = `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`
  return `${clock}.${(micros % 1_000_000n).toString().padStart(6, '0')}`
}

/**
 * Days since 1970-01-01 as an ISO date of the proleptic Gregorian calendar, for years that JavaScript's Date cannot hold too.
 * @see https://howardhinnant.github.io/date_algorithms.html#civil_from_days
 */
function dateText(days: bigint): string {
  const shifted = days + 719_468n
  const era = (shifted >= 0n ? shifted : shifted - 146_096n) / 146_097n
  const dayOfEra = shifted - era * 146_097n
  const yearOfEra = (dayOfEra - dayOfEra / 1460n + dayOfEra / 36_524n - dayOfEra / 146_096n) / 365n
  const dayOfYear = dayOfEra - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n)
  const monthFromMarch = (5n * dayOfYear + 2n) / 153n
  const day = dayOfYear - (153n * monthFromMarch + 2n) / 5n + 1n
  const month = monthFromMarch < 10n ? monthFromMarch + 3n : monthFromMarch - 9n
  const year = yearOfEra + era * 400n + (month <= 2n ? 1n : 0n)
  const yearText =
    year >= 0n && year <= 9999n
      ? year.toString().padStart(4, '0')
      : `${year < 0n ? '-' : '+'}${(year < 0n ? -year : year).toString().padStart(6, '0')}`
  return `${yearText}-${month.toString().padStart(2, '0')}-${day.toString().padStart(2, '0')}`
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
