import { type ColumnView, takeRows } from '@icebridge/columnar'
import {
  type PartitionSpec,
  type PartitionValue,
  type Schema,
  transformFunction,
  type Type,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { IcebergIoError } from '../errors.ts'
import { isRepeated } from './byte-buffer.ts'
import { type SourceColumn, sourceColumn, sourceValue, sourceView } from './source-column.ts'

/** The rows of a batch that belong to one partition. */
export interface PartitionedBatch {
  /** Equal for equal partition values, and only for them. */
  readonly key: string
  readonly values: readonly PartitionValue[]
  readonly batch: RecordBatch
}

/** Cuts batches by partition. Rows with equal sources as the row before cost one comparison, or none if all of a batch are. */
export class Partitioner {
  /** Type of each field's source column. */
  readonly sources: readonly Type[]
  readonly #fields: readonly PartitionSource[]

  /** @throws IcebergError `unsupported-transform`; IcebergIoError `schema-mismatch` for a source that is no column. */
  constructor(schema: Schema, spec: PartitionSpec) {
    this.#fields = spec.fields.map((field) => {
      const source = sourceColumn(schema, field.sourceIds[0] ?? -1)
      // Null for every row, whatever the column is, and when there is none any more.
      if (field.transform.kind === 'void') return { type: source?.type ?? 'unknown', names: [], apply: () => null }
      if (source === undefined) {
        throw new IcebergIoError(
          'schema-mismatch',
          `partition field ${field.name} has a source that is not in the schema`,
          {
            context: { partitionField: field.name, sourceId: field.sourceIds[0] ?? -1 },
            hint: 'Evolve the partition spec before writing: its source column was dropped.',
          },
        )
      }
      return { ...source, apply: transformFunction(field.transform, source.type) }
    })
    this.sources = this.#fields.map((field) => field.type)
  }

  /** The batch by partition, in order of first appearance, rows in their order. Empty batches have no partition. */
  split(batch: RecordBatch): PartitionedBatch[] {
    if (batch.numRows === 0) return []
    const readers = this.#fields.map((field) => sourceReader(batch, field))
    if (readers.every((reader) => reader.isConstant)) {
      const values = readers.map((reader) => reader.partitionValue(0))
      return [{ key: keyOf(values), values, batch }]
    }
    const found = new Map<string, Group>()
    const groups: Group[] = []
    const groupOf = new Int32Array(batch.numRows)
    let current: Group | undefined
    for (let row = 0; row < batch.numRows; row++) {
      if (current === undefined || !sameAsBefore(readers, row)) {
        const values = readers.map((reader) => reader.partitionValue(row))
        const key = keyOf(values)
        current = found.get(key)
        if (current === undefined) {
          current = { index: groups.length, key, values, rows: 0 }
          found.set(key, current)
          groups.push(current)
        }
      }
      groupOf[row] = current.index
      current.rows++
    }
    if (groups.length === 1) return groups.map(({ key, values }) => ({ key, values, batch }))
    return groups.map(({ index, key, values, rows }) => {
      const taken = new Uint32Array(rows)
      let to = 0
      for (let row = 0; row < batch.numRows; row++) if (groupOf[row] === index) taken[to++] = row
      return { key, values, batch: takeRows(batch, taken) }
    })
  }
}

interface PartitionSource extends SourceColumn {
  readonly apply: (value: PartitionValue) => PartitionValue
}

interface Group {
  readonly index: number
  readonly key: string
  readonly values: readonly PartitionValue[]
  rows: number
}

interface SourceReader {
  /** True when all rows are known to have the same source value. */
  readonly isConstant: boolean
  /** True when the row has the same source value as the one before it. */
  readonly same: (row: number) => boolean
  readonly partitionValue: (row: number) => PartitionValue
}

function sameAsBefore(readers: readonly SourceReader[], row: number): boolean {
  for (const reader of readers) if (!reader.same(row)) return false
  return true
}

function sourceReader(batch: RecordBatch, source: PartitionSource): SourceReader {
  const found = source.names.length === 0 ? undefined : sourceView(batch, source)
  if (found === undefined) {
    const value = source.apply(null)
    return { isConstant: true, same: () => true, partitionValue: () => value }
  }
  const { view, isNull } = found
  const equal = equality(view)
  return {
    isConstant: source.names.length === 1 && isConstant(view, batch.numRows),
    same: (row) => {
      const nothing = isNull(row)
      return nothing === isNull(row - 1) && (nothing || equal(row))
    },
    partitionValue: (row) => source.apply(isNull(row) ? null : sourceValue(view, row)),
  }
}

/** Whether all rows have the same bits, where that shows at once. */
function isConstant(view: ColumnView, rows: number): boolean {
  switch (view.kind) {
    case 'int32':
    case 'int64':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'timestamp_ns': {
      if (view.nullCount > 0) return false
      const { buffer, byteOffset, BYTES_PER_ELEMENT: width } = view.values
      return isRepeated(new Uint8Array(buffer, byteOffset, rows * width), width)
    }
    default:
      return false
  }
}

/** Whether a row's bits are those of the row before. */
function equality(view: ColumnView): (row: number) => boolean {
  switch (view.kind) {
    case 'int64':
    case 'time':
    case 'timestamp':
    case 'timestamp_ns': {
      const { values } = view
      const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
      return (row) => halves[row * 2] === halves[row * 2 - 2] && halves[row * 2 + 1] === halves[row * 2 - 1]
    }
    case 'string':
    case 'binary':
      return (row) => Buffer.compare(view.bytes(row), view.bytes(row - 1)) === 0
    case 'fixed':
    case 'uuid':
      return (row) => Buffer.compare(view.value(row), view.value(row - 1)) === 0
    case 'boolean':
    case 'int32':
    case 'date':
    case 'float32':
    case 'float64':
    case 'decimal':
      return (row) => Object.is(view.value(row), view.value(row - 1))
    case 'null':
      return () => true
    case 'struct':
    case 'list':
    case 'map':
      return () => false
  }
}

function keyOf(values: readonly PartitionValue[]): string {
  return JSON.stringify(
    values.map((value) => {
      if (value instanceof Uint8Array) return ['bytes', Buffer.from(value).toString('hex')]
      // -0 and NaN have no JSON of their own.
      return [typeof value, Object.is(value, -0) ? '-0' : String(value)]
    }),
  )
}
