import {
  type PrimitiveType,
  type Schema,
  type SortOrder,
  transformFunction,
  transformResultType,
} from '@icebridge/iceberg-core'
import { selectColumns, takeRows } from '@icebridge/columnar'
import type { RecordBatch } from 'apache-arrow'
import { IcebergIoError } from '../errors.ts'
import { identityKeys, nullKeys, type SortKeys, transformedKeys } from './sort-keys.ts'
import { type SourceColumn, sourceColumn, sourceValue, sourceView } from './source-column.ts'

/** The keys of a batch's rows, one for each sort field. */
type RowKeys = readonly SortKeys[]

interface OrderedField {
  readonly keysOf: (batch: RecordBatch) => SortKeys
  /** 1 ascending, -1 descending. */
  readonly sign: number
  /** Order of a null against a value. */
  readonly nullSign: number
}

/** Whether the order has fields, and every transform is known and every source a column. */
export function canOrder(schema: Pick<Schema, 'fields'>, order: SortOrder): boolean {
  return (
    order.fields.length > 0 &&
    order.fields.every(
      (field) => field.transform.kind !== 'unknown' && sourceColumn(schema, field.sourceIds[0] ?? -1) !== undefined,
    )
  )
}

/**
 * The order that a table's sort order puts rows in.
 *
 * @see https://iceberg.apache.org/spec/#sorting
 */
export class RowOrder {
  readonly orderId: number
  readonly #fields: readonly OrderedField[]
  /** The columns that its sources are in. */
  readonly #columns = new Set<string>()

  /** @throws IcebergIoError `schema-mismatch` for a source that is no column; IcebergError `unsupported-transform`. */
  constructor(schema: Schema, order: SortOrder) {
    this.orderId = order.orderId
    this.#fields = order.fields.map((field) => {
      const source = sourceColumn(schema, field.sourceIds[0] ?? -1)
      if (source === undefined) {
        throw new IcebergIoError(
          'schema-mismatch',
          `sort order ${order.orderId} has a source that is not in the schema`,
          {
            context: { sortOrderId: order.orderId, sourceId: field.sourceIds[0] ?? -1 },
            hint: 'Replace the sort order before writing: its source column was dropped.',
          },
        )
      }
      this.#columns.add(source.names[0] ?? '')
      return {
        keysOf: keysOf(source, field.transform),
        sign: field.direction === 'asc' ? 1 : -1,
        nullSign: field.nullOrder === 'nulls-first' ? -1 : 1,
      }
    })
  }

  keys(batch: RecordBatch): RowKeys {
    return this.#fields.map((field) => field.keysOf(batch))
  }

  /** The keys of a batch's last row, in memory of their own. */
  lastKeys(batch: RecordBatch): RowKeys {
    const indexes = batch.schema.fields.flatMap(({ name }, index) => (this.#columns.has(name) ? [index] : []))
    return this.keys(takeRows(selectColumns(batch, indexes), Uint32Array.of(batch.numRows - 1)))
  }

  compare(keys: RowKeys, row: number, other: RowKeys, otherRow: number): number {
    for (let index = 0; index < this.#fields.length; index++) {
      const field = this.#fields[index]
      const own = keys[index]
      const others = other[index]
      if (field === undefined || own === undefined || others === undefined) continue
      const isNull = own.nulls[row] === 1
      if (isNull || others.nulls[otherRow] === 1) {
        if (others.nulls[otherRow] !== 1) return field.nullSign
        if (!isNull) return -field.nullSign
        continue
      }
      const order = own.compare(row, others, otherRow)
      if (order !== 0) return order * field.sign
    }
    return 0
  }

  /** The rows of a batch in order; rows that are equal keep theirs. */
  sort(batch: RecordBatch): Uint32Array {
    const keys = this.keys(batch)
    const prefixes = this.#prefixes(keys, batch.numRows)
    const rows = Uint32Array.from({ length: batch.numRows }, (_, row) => row)
    return rows.sort((a, b) => {
      const before = prefixes[a] ?? 0
      const after = prefixes[b] ?? 0
      if (before !== after) return before < after ? -1 : 1
      return this.compare(keys, a, keys, b) || a - b
    })
  }

  /** A number for each row that decides most comparisons: of the first field, in its direction, nulls at their end. */
  #prefixes(keys: RowKeys, rows: number): Float64Array {
    const prefixes = new Float64Array(rows)
    const [field] = this.#fields
    const [own] = keys
    if (field === undefined || own === undefined) return prefixes
    for (let row = 0; row < rows; row++) {
      prefixes[row] = own.nulls[row] === 1 ? field.nullSign * Infinity : own.prefix(row) * field.sign
    }
    return prefixes
  }
}

/** Follows the rows of one file and knows whether they were in order so far. */
export class OrderCheck {
  readonly #order: RowOrder
  /** The last row, in memory of its own: that of its batch may be used again. */
  #last: RowKeys | undefined
  #holds = true

  constructor(order: RowOrder) {
    this.#order = order
  }

  /** The id of the order when every row seen was in it. */
  get orderId(): number | undefined {
    return this.#holds ? this.#order.orderId : undefined
  }

  add(batch: RecordBatch): void {
    if (!this.#holds || batch.numRows === 0) return
    const order = this.#order
    const keys = order.keys(batch)
    if (this.#last !== undefined && order.compare(this.#last, 0, keys, 0) > 0) this.#holds = false
    for (let row = 1; row < batch.numRows && this.#holds; row++) {
      if (order.compare(keys, row - 1, keys, row) > 0) this.#holds = false
    }
    this.#last = this.#holds ? order.lastKeys(batch) : undefined
  }
}

function keysOf(
  source: SourceColumn,
  transform: SortOrder['fields'][number]['transform'],
): (batch: RecordBatch) => SortKeys {
  const apply = transformFunction(transform, source.type)
  const type = transformResultType(transform, source.type)
  return (batch) => {
    const view = sourceView(batch, source)
    if (view === undefined) return nullKeys(batch.numRows)
    // Only primitive sources have transforms.
    if (transform.kind === 'identity') return identityKeys(view, source.type as PrimitiveType, batch.numRows)
    return transformedKeys(view, {
      type,
      rows: batch.numRows,
      apply: (row) => apply(sourceValue(view.view, row)),
    })
  }
}
