import { columnView, type ColumnView } from '@icebridge/columnar'
import type { RecordBatch } from 'apache-arrow'
import { formatDate, formatMoment, formatTime } from '../exact-values/temporal-text.ts'
import { splitMicros } from './wire-value.ts'

/**
 * A row by its key, as a message names it: `row with id = 7, line = 2`. Undefined when the batch lacks a column of the key.
 * Values are for people: long ones are cut, and the 100 ns digit and the offset of a time are left out.
 */
export function describeRow(batch: RecordBatch, row: number, key: readonly string[]): string | undefined {
  const parts: string[] = []
  for (const name of key) {
    const index = batch.schema.fields.findIndex((field) => field.name === name)
    if (index === -1) return undefined
    const view = columnView(batch, index)
    const text = view.isNull(row) ? 'NULL' : cellText(view, row)
    parts.push(`${name} = ${text.toWellFormed().slice(0, 80)}`)
  }
  return parts.length === 0 ? undefined : `row with ${parts.join(', ')}`
}

function cellText(view: ColumnView, row: number): string {
  switch (view.kind) {
    case 'decimal':
      return decimalText(view.value(row), view.scale)
    case 'date':
      return formatDate(view.value(row))
    case 'time':
      return formatTime(Number(view.value(row)) * 10, 6)
    case 'timestamp': {
      const [days, ticks] = splitMicros(view.value(row), 0)
      return formatMoment(days, ticks, 6)
    }
    case 'binary':
    case 'fixed':
      return `0x${Buffer.from(view.value(row)).toString('hex')}`
    case 'uuid':
      return Buffer.from(view.value(row))
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    case 'boolean':
    case 'int32':
    case 'int64':
    case 'float32':
    case 'float64':
    case 'timestamp_ns':
    case 'string':
      return String(view.value(row))
    case 'null':
    case 'struct':
    case 'list':
    case 'map':
      return '?'
    default:
      return view satisfies never
  }
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  return `${unscaled < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(digits.length - scale)}`}`
}
