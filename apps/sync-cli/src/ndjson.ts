import { columnFields, columnView, type ColumnField, type ColumnView } from '@icebridge/columnar'
import { formatDate, formatDecimal, formatTime, formatTimestamp, uuidFromBytes } from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'

/** Gives the JSON of one column's value in a row. */
type CellWriter = (row: number) => string

/**
 * Gives each row of a batch as one line of JSON, exactly: decimals and 64-bit integers as strings, binary as base64,
 * dates and times as ISO 8601 with all digits, uuids as text, NaN and infinities as strings, -0.0 as `-0.0`. A map is a list
 * of pairs, since its keys may be of any type.
 */
export function* ndjsonLines(batch: RecordBatch): Generator<string> {
  const cells = columnFields(batch.schema).map((field, index) => member(field, columnView(batch, index)))
  for (let row = 0; row < batch.numRows; row++) yield `${object(cells, row)}\n`
}

function member(field: ColumnField, view: ColumnView): CellWriter {
  const name = `${JSON.stringify(field.name)}:`
  const write = cell(field, view)
  return (row) => name + write(row)
}

function object(members: readonly CellWriter[], row: number): string {
  let text = '{'
  for (const write of members) text += text.length === 1 ? write(row) : `,${write(row)}`
  return `${text}}`
}

function cell(field: ColumnField, view: ColumnView): CellWriter {
  const write = present(field, view)
  return view.nullCount === 0 ? write : (row) => (view.isNull(row) ? 'null' : write(row))
}

function present({ type }: ColumnField, view: ColumnView): CellWriter {
  switch (view.kind) {
    case 'boolean':
      return (row) => (view.value(row) ? 'true' : 'false')
    case 'int32':
      return (row) => String(view.value(row))
    case 'int64':
      return (row) => `"${view.value(row)}"`
    case 'float32':
    case 'float64':
      return (row) => float(view.value(row))
    case 'decimal':
      return (row) => `"${formatDecimal(view.value(row), view.scale)}"`
    case 'date':
      return (row) => `"${formatDate(view.value(row))}"`
    case 'time':
      return (row) => `"${formatTime(view.value(row), 6)}"`
    case 'timestamp':
    case 'timestamp_ns': {
      const digits = view.kind === 'timestamp' ? 6 : 9
      const zone = view.utc ? 'Z' : ''
      return (row) => `"${formatTimestamp(view.value(row), digits)}${zone}"`
    }
    case 'null':
      return () => 'null'
    case 'string':
      return (row) => JSON.stringify(view.value(row))
    case 'binary':
    case 'fixed':
      return (row) => `"${base64(view.value(row))}"`
    case 'uuid':
      return (row) => `"${uuidFromBytes(view.value(row))}"`
    case 'struct': {
      // columnView and columnFields read the same schema, so that the kinds agree; this tells the compiler.
      if (type.kind !== 'struct') throw new TypeError(`a struct view over a ${type.kind} column`)
      const members = type.fields.flatMap((child, index) => {
        const childView = view.fields[index]
        return childView === undefined ? [] : [member(child, childView)]
      })
      return (row) => object(members, row)
    }
    case 'list': {
      if (type.kind !== 'list') throw new TypeError(`a list view over a ${type.kind} column`)
      const element = cell(type.element, view.element)
      return (row) => `[${range(view.start(row), view.end(row), element).join(',')}]`
    }
    case 'map': {
      if (type.kind !== 'map') throw new TypeError(`a map view over a ${type.kind} column`)
      const key = cell(type.key, view.key)
      const value = cell(type.value, view.value)
      return (row) => `[${range(view.start(row), view.end(row), (at) => `[${key(at)},${value(at)}]`).join(',')}]`
    }
    default:
      return view satisfies never
  }
}

function range(start: number, end: number, make: CellWriter): string[] {
  return Array.from({ length: end - start }, (_, index) => make(start + index))
}

function float(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`
  return Object.is(value, -0) ? '-0.0' : String(value)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
