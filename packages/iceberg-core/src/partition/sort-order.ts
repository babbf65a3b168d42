import type { JsonObject } from '../json/json-value.ts'
import { type Transform, transformsEqual } from './transform.ts'

export interface SortField {
  readonly sourceIds: readonly number[]
  readonly transform: Transform
  readonly direction: 'asc' | 'desc'
  readonly nullOrder: 'nulls-first' | 'nulls-last'
  /** JSON members that this version does not know, kept on rewrite. */
  readonly unknownFields?: JsonObject
}

/** How rows are sorted within a file. Order id 0 is reserved for unsorted. @see https://iceberg.apache.org/spec/#sorting */
export interface SortOrder {
  readonly orderId: number
  readonly fields: readonly SortField[]
  /** JSON members that this version does not know, kept on rewrite. */
  readonly unknownFields?: JsonObject
}

/** The order of a table that declares none. */
export const unsorted: SortOrder = { orderId: 0, fields: [] }

/** Same fields in the same order, whatever the ids. */
export function sortOrdersEquivalent(a: SortOrder, b: SortOrder): boolean {
  return (
    a.fields.length === b.fields.length &&
    a.fields.every((field, index) => {
      const other = b.fields[index]
      return (
        other !== undefined &&
        field.direction === other.direction &&
        field.nullOrder === other.nullOrder &&
        field.sourceIds.length === other.sourceIds.length &&
        field.sourceIds.every((id, at) => id === other.sourceIds[at]) &&
        transformsEqual(field.transform, other.transform)
      )
    })
  )
}
