import { BatchBuilder } from '@icebridge/columnar'
import { Journal, layoutFor, planJournal, type Lake } from '@icebridge/journal'
import type { TableDefinition } from '@icebridge/sqlserver'

/** Appends one order to the journal of a table, and reads back what a new target would get. Returns the rows read. */
export async function journalExample(lake: Lake, table: TableDefinition): Promise<number> {
  const layout = layoutFor({ source: 'erp', table: table.table })
  const identifier = { namespace: layout.namespace, name: layout.journalName }
  const plan = planJournal(table)
  for (const problem of plan.problems) throw new Error(`${problem.message}. ${problem.hint}`)

  let journal = (await Journal.open(lake, identifier)) ?? (await Journal.create(lake, { layout, plan }))

  // Extract: rows that were read from the source, on top of the head that was read before them.
  const builder = new BatchBuilder(plan.reads.map((read) => read.field))
  for (const column of builder.columns) {
    if (column.kind === 'int32') column.append(1)
    else column.appendNull()
  }
  await using batch = await journal.beginBatch({
    base: await journal.head(),
    batchId: lake.environment.uuid(),
    mode: 'load',
  })
  await batch.write(builder.finish(), { op: 'upsert' })
  const commit = await batch.commit({ watermark: '0x00000000000007D1', strategy: 'rowversion' })
  if (commit.status === 'conflict') throw new Error(`another extractor was faster: ${commit.reason}`)

  // Apply: everything above the position that the target has; none here.
  journal = await journal.refresh()
  const read = await journal.readFrom(undefined)
  let rows = 0
  for await (const unit of read.units({ maxRows: 100_000 })) {
    for await (const rowsOfUnit of unit.batches) rows += rowsOfUnit.numRows
  }
  return rows
}
