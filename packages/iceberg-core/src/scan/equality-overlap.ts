import { columnRange } from '../expression/metrics-evaluator.ts'
import { filterOrder } from '../expression/filter-order.ts'
import type { ValueRange } from '../expression/range.ts'
import type { DataFile } from '../manifest/data-file.ts'
import { sourceType } from '../manifest/partition-type.ts'
import type { TableMetadata } from '../metadata/table-metadata.ts'
import { isPrimitive, type PrimitiveType } from '../schema/type.ts'

/** A column that an equality delete compares, and what its delete file's metrics say of the values. */
interface ComparedColumn {
  readonly fieldId: number
  readonly type: PrimitiveType
  readonly deleted: ValueRange
}

/**
 * Tells which data files can hold a row that an equality delete file deletes, by the metrics of both. Columns are
 * compared by field id, dropped ones too; one without metrics on either side says nothing.
 */
export class EqualityOverlap {
  readonly #columns: readonly ComparedColumn[]

  constructor(metadata: TableMetadata, deleteFile: DataFile) {
    this.#columns = (deleteFile.equalityIds ?? []).flatMap((fieldId) => {
      const type = sourceType(metadata, fieldId)
      if (type === undefined || !isPrimitive(type)) return []
      return [{ fieldId, type, deleted: columnRange(deleteFile, { fieldId, type }) }]
    })
  }

  /** False only when no row of the data file can equal a deleted one. */
  mightDelete(file: DataFile): boolean {
    return this.#columns.every(({ fieldId, type, deleted }) =>
      mightShareValue(type, deleted, columnRange(file, { fieldId, type })),
    )
  }
}

/** Null equals null and NaN equals NaN here, so either side's word on them counts before the bounds do. */
function mightShareValue(type: PrimitiveType, deleted: ValueRange, live: ValueRange): boolean {
  if (deleted.hasNulls !== false && live.hasNulls !== false) return true
  if (deleted.onlyNulls === true || live.onlyNulls === true) return false
  const floating = type === 'float' || type === 'double'
  if (floating && deleted.hasNaNs !== false && live.hasNaNs !== false) return true
  if (deleted.lower !== undefined && live.upper !== undefined && filterOrder(type, deleted.lower, live.upper) > 0) {
    return false
  }
  return !(deleted.upper !== undefined && live.lower !== undefined && filterOrder(type, deleted.upper, live.lower) < 0)
}
