import type { FileMetrics } from '../manifest/entry-reader.ts'
import type { BoundExpression, ColumnTerm } from './bind.ts'
import { evaluate } from './predicate.ts'
import { decodeBounds, rangeMightMatch, type ValueRange } from './range.ts'

/** False only when the file's metrics show that no row of it passes the filter. */
export function fileMightMatch(filter: BoundExpression, file: FileMetrics): boolean {
  if (file.recordCount === 0n) return false
  return evaluate(filter, (test) => rangeMightMatch(test, columnRange(file, test.term)))
}

/** What a file's metrics say of the values of a column. */
export function columnRange(file: FileMetrics, term: Pick<ColumnTerm, 'fieldId' | 'type'>): ValueRange {
  const { fieldId, type } = term
  const values = file.valueCounts?.get(fieldId)
  const nulls = file.nullValueCounts?.get(fieldId)
  const nans = file.nanValueCounts?.get(fieldId)
  return {
    hasNulls: nulls === undefined ? undefined : nulls > 0n,
    onlyNulls: nulls === undefined || values === undefined ? undefined : nulls === values,
    hasNaNs: nans === undefined ? undefined : nans > 0n,
    onlyNaNs: nans === undefined || values === undefined ? undefined : values > 0n && nans === values,
    ...decodeBounds(type, file.lowerBounds?.get(fieldId), file.upperBounds?.get(fieldId)),
  }
}
