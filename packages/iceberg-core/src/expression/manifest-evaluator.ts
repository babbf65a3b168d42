import type { FieldSummary, ManifestFile } from '../manifest/manifest-file.ts'
import type { PartitionValue } from '../value/value.ts'
import { evaluate, testValue } from './predicate.ts'
import type { PartitionPredicate, PartitionTerm } from './project.ts'
import { decodeBounds, rangeMightMatch, type ValueRange } from './range.ts'

/** False only when the manifest's partition summaries show that none of its files can match. */
export function manifestMightMatch(filter: PartitionPredicate, manifest: ManifestFile): boolean {
  const { partitions } = manifest
  if (partitions === undefined) return filter.op !== 'false'
  return evaluate(filter, (test) => {
    const summary = partitions[test.term.position]
    return summary === undefined || rangeMightMatch(test, summaryRange(summary, test.term))
  })
}

/** Whether a partition tuple passes a projected filter. */
export function partitionMatches(filter: PartitionPredicate, partition: readonly PartitionValue[]): boolean {
  return evaluate(filter, (test) => testValue(test, partition[test.term.position] ?? null))
}

function summaryRange(summary: FieldSummary, term: PartitionTerm): ValueRange {
  const { type } = term
  const noBounds = summary.lowerBound === undefined && summary.upperBound === undefined
  const floating = type === 'float' || type === 'double'
  return {
    hasNulls: summary.containsNull,
    // Without bounds every value is null or NaN; without a word on NaN in a floating-point field it may be either.
    onlyNulls: summary.containsNull && noBounds && (!floating || summary.containsNaN === false),
    hasNaNs: summary.containsNaN,
    onlyNaNs: summary.containsNaN === true && !summary.containsNull && noBounds,
    ...decodeBounds(type, summary.lowerBound, summary.upperBound),
  }
}
