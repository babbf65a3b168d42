import { strategyFor } from '@icebridge/change-detection'
import { sampleColumn, sampleTable } from '@icebridge/change-detection/testing'

// In a program: await source.describeTable({ schema: 'dbo', name: 'orders' }), of @icebridge/sqlserver.
const table = sampleTable([
  { name: 'id', type: { name: 'int' } },
  { name: 'rv', type: { name: 'rowversion' } },
])
const strategy = strategyFor({ kind: 'auto' }, table)
for (const problem of strategy.validate(table)) throw new Error(`${problem.message}. ${problem.hint}`)

// First the upper bound, in autocommit: const [row] = await source.query(strategy.upperBoundQuery(table)).
const row = { bound: Uint8Array.of(0, 0, 0, 0, 0, 0, 0x07, 0xd1) }
const low = '0x0000000000000001' // where the last run ended
const high = strategy.upperBound(row, low)

if (!strategy.isEmpty(low, high)) {
  // Then the rows in between: source.stream(query). In a program the columns are table.columns.flatMap(readColumns).
  const query = strategy.changesQuery(table, { low, high }, [sampleColumn('id')])
  console.log(query.text)
}
