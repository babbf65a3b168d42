import type { JsonObject } from '../json/json-value.ts'
import { type Transform, transformsEqual } from './transform.ts'

/** One field of a partition spec. `fieldId` is at least 1000 and unique over all specs of a table. */
export interface PartitionField {
  /** Ids of the source columns; one for every transform of format versions 1 to 3 that is known here. */
  readonly sourceIds: readonly number[]
  readonly fieldId: number
  readonly name: string
  readonly transform: Transform
  /** JSON members that this version does not know, kept on rewrite. */
  readonly unknownFields?: JsonObject
}

/** How a table's files are partitioned. @see https://iceberg.apache.org/spec/#partitioning */
export interface PartitionSpec {
  readonly specId: number
  readonly fields: readonly PartitionField[]
  /** JSON members that this version does not know, kept on rewrite. */
  readonly unknownFields?: JsonObject
}

/** The spec of an unpartitioned table. */
export const unpartitioned: PartitionSpec = { specId: 0, fields: [] }

/** Partition field ids begin above this one. */
export const firstPartitionFieldId = 1000

/** Equal in the sense of the spec: same sources, transforms and names in the same order, whatever the ids. */
export function specsEquivalent(a: PartitionSpec, b: PartitionSpec): boolean {
  return (
    a.fields.length === b.fields.length &&
    a.fields.every((field, index) => {
      const other = b.fields[index]
      return other !== undefined && field.name === other.name && sameSource(field, other)
    })
  )
}

/** True when both fields derive the same value from the same columns. */
export function sameSource(a: PartitionField, b: PartitionField): boolean {
  return (
    a.sourceIds.length === b.sourceIds.length &&
    a.sourceIds.every((id, index) => id === b.sourceIds[index]) &&
    transformsEqual(a.transform, b.transform)
  )
}
