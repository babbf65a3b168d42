import { strategyFor } from '@icebridge/change-detection'
import { sampleColumn, sampleTable } from '@icebridge/change-detection/testing'

/** Builds the query for the changes of a table since a watermark. */
export function example(): string {
  const table = sampleTable([
    { name: 'id', type: { name: 'int' } },
    { name: 'rv', type: { name: 'rowversion' } },
  ])
  const strategy = strategyFor({ kind: 'auto' }, table)
  const problems = strategy.validate(table)
  if (problems.length > 0) throw new Error(problems.map((problem) => problem.message).join('\n'))

  // In a program: the row that strategy.upperBoundQuery(table) gives.
  const answer = { bound: Uint8Array.of(0, 0, 0, 0, 0, 0, 0x07, 0xd1) }
  const low = '0x0000000000000001'
  const high = strategy.upperBound(answer, low)
  if (strategy.isEmpty(low, high)) return 'nothing to read'
  return strategy.changesQuery(table, { low, high }, [sampleColumn('id')]).text
}
