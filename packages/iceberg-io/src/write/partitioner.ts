import { type ColumnView, columnView, takeRows } from '@icebridge/columnar'
import {
  type PartitionSpec,
  type PartitionValue,
  type Schema,
  transformFunction,
  type Type,
  uuidFromBytes,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { IcebergIoError } from '../errors.ts'

/** The rows of a batch that belong to one partition. */
export interface PartitionedBatch {
  /** Equal for equal partition values, and only for them. */
  readonly key: string
  readonly values: readonly PartitionValue[]
  readonly batch: RecordBatch
}

/** Cuts batches by partition. Rows with equal sources as the row before cost one comparison. */
export class Partitioner {
  /** Type of each field's source column. */
  readonly sources: readonly Type[]
  readonly #fields: readonly PartitionSource[]

  /** @throws IcebergError `unsupported-transform`; IcebergIoError `schema-mismatch` for a source that is no column. */
  constructor(schema: Schema, spec: PartitionSpec) {
    this.#fields = spec.fields.map((field) => {
      const path = pathTo(schema.fields, field.sourceIds[0] ?? -1)
      const source = path?.at(-1)
      if (path === undefined || source === undefined) {
        throw new IcebergIoError(
          'schema-mismatch',
          `partition field ${field.name} has a source that is not in the schema`,
          {
            context: { partitionField: field.name, sourceId: field.sourceIds[0] ?? -1 },
            hint: 'Evolve the partition spec before writing: its source column was dropped.',
          },
        )
      }
      const names = path.map((step) => step.name)
      return { names, type: source.type, apply: transformFunction(field.transform, source.type) }
    })
    this.sources = this.#fields.map((field) => field.type)
  }

  /** The batch by partition, in order of first appearance, rows in their order. Empty batches have no partition. */
  split(batch: RecordBatch): PartitionedBatch[] {
    if (batch.numRows === 0) return []
    const readers = this.#fields.map((field) => sourceReader(batch, field))
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

interface PartitionSource {
  readonly names: readonly string[]
  readonly type: Type
  readonly apply: (value: PartitionValue) => PartitionValue
}

interface Group {
  readonly index: number
  readonly key: string
  readonly values: readonly PartitionValue[]
  rows: number
}

interface SourceReader {
  /** True when the row has the same source value as the one before it. */
  readonly same: (row: number) => boolean
  readonly partitionValue: (row: number) => PartitionValue
}

function sameAsBefore(readers: readonly SourceReader[], row: number): boolean {
  for (const reader of readers) if (!reader.same(row)) return false
  return true
}

function sourceReader(batch: RecordBatch, source: PartitionSource): SourceReader {
  const views: ColumnView[] = []
  const [column = '', ...inside] = source.names
  const index = batch.schema.fields.findIndex((field) => field.name === column)
  if (index >= 0) {
    let field = batch.schema.fields[index]
    views.push(columnView(batch, index))
    for (const name of inside) {
      const parent = views.at(-1)
      const at = field?.type.children.findIndex((child: { name: string }) => child.name === name) ?? -1
      const child = parent?.kind === 'struct' ? parent.fields[at] : undefined
      if (child === undefined) break
      field = field?.type.children[at]
      views.push(child)
    }
  }
  const view = views.at(-1)
  // A source that the batch does not have is null in every row.
  if (view === undefined || views.length !== source.names.length) {
    const value = source.apply(null)
    return { same: () => true, partitionValue: () => value }
  }
  const isNull = (row: number): boolean => views.some((step) => step.isNull(row))
  const equal = equality(view)
  return {
    same: (row) => {
      const nothing = isNull(row)
      return nothing === isNull(row - 1) && (nothing || equal(row))
    },
    partitionValue: (row) => source.apply(isNull(row) ? null : valueOf(view, row)),
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

function valueOf(view: ColumnView, row: number): PartitionValue {
  switch (view.kind) {
    case 'uuid':
      return uuidFromBytes(view.value(row))
    case 'binary':
    case 'fixed':
      return view.value(row).slice()
    case 'struct':
    case 'list':
    case 'map':
      throw new TypeError('a nested column is no source of a partition')
    case 'boolean':
    case 'int32':
    case 'int64':
    case 'float32':
    case 'float64':
    case 'decimal':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'timestamp_ns':
    case 'string':
    case 'null':
      return view.value(row)
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

interface Step {
  readonly id: number
  readonly name: string
  readonly type: Type
}

/** The fields from a column down to the one with that id, through structs only. */
function pathTo(fields: readonly Step[], id: number): readonly Step[] | undefined {
  for (const field of fields) {
    if (field.id === id) return [field]
    if (typeof field.type === 'string' || field.type.kind !== 'struct') continue
    const rest = pathTo(field.type.fields, id)
    if (rest !== undefined) return [field, ...rest]
  }
  return undefined
}
