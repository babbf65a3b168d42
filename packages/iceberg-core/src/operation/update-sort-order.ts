import { IcebergError } from '../errors.ts'
import { checkOrder } from '../metadata/create-table-metadata.ts'
import { currentSchema, defaultSortOrder, type TableMetadata } from '../metadata/table-metadata.ts'
import { type SortOrder, sortOrdersEquivalent } from '../partition/sort-order.ts'
import type { Transform } from '../partition/transform.ts'
import { findFieldByName } from '../schema/schema.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { commitMetadata, type MetadataCommitOptions, type MetadataOutcome } from './commit-metadata.ts'

export interface SortBy {
  /** Dotted path. */
  readonly column: string
  /** `identity` when absent. */
  readonly transform?: Transform | undefined
  /** `asc` when absent. */
  readonly direction?: 'asc' | 'desc' | undefined
  /** First when ascending, last when descending, when absent. */
  readonly nullOrder?: 'nulls-first' | 'nulls-last' | undefined
}

/**
 * Replaces the table's sort order; an empty list makes it unsorted. An order that the table had before is used again.
 * A conflict when the schema or the order has changed since `table` was loaded.
 *
 * @throws IcebergError `no-such-column`, `unsupported-transform`, `invalid-argument`.
 * @see https://iceberg.apache.org/spec/#sorting
 */
export async function updateSortOrder(
  table: TableHandle,
  sortBy: readonly SortBy[],
  options: MetadataCommitOptions,
): Promise<MetadataOutcome> {
  const base = table.loaded.metadata
  return await commitMetadata(
    table,
    (head) => {
      if (head.currentSchemaId !== base.currentSchemaId) {
        return {
          refused: `the table's schema is now ${head.currentSchemaId}, the order was made for ${base.currentSchemaId}`,
        }
      }
      if (head.defaultSortOrderId !== base.defaultSortOrderId) {
        return { refused: `the table's sort order is now ${head.defaultSortOrderId}, not ${base.defaultSortOrderId}` }
      }
      const sortOrder = orderFor(head, sortBy)
      if (sortOrdersEquivalent(sortOrder, defaultSortOrder(head))) return { updates: [] }
      return {
        updates: [
          { action: 'add-sort-order', sortOrder },
          { action: 'set-default-sort-order', sortOrderId: -1 },
        ],
        requirements: [
          { type: 'assert-current-schema-id', currentSchemaId: head.currentSchemaId },
          { type: 'assert-default-sort-order-id', defaultSortOrderId: head.defaultSortOrderId },
        ],
      }
    },
    options,
  )
}

function orderFor(metadata: TableMetadata, sortBy: readonly SortBy[]): SortOrder {
  const schema = currentSchema(metadata)
  const fields = sortBy.map(({ column, transform, direction = 'asc', nullOrder }) => {
    const source = findFieldByName(schema, column)
    if (source === undefined) {
      throw new IcebergError('no-such-column', `the schema has no column ${column} to sort by`, { context: { column } })
    }
    return {
      sourceIds: [source.id],
      transform: transform ?? { kind: 'identity' as const },
      direction,
      nullOrder: nullOrder ?? (direction === 'asc' ? 'nulls-first' : 'nulls-last'),
    }
  })
  const used = metadata.sortOrders.map((order) => order.orderId)
  const order: SortOrder = { orderId: fields.length === 0 ? 0 : Math.max(0, ...used) + 1, fields }
  checkOrder(order, schema)
  return order
}
