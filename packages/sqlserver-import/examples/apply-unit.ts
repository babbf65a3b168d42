import { setTimeout } from 'node:timers/promises'
import { parseConnectionString, SqlServer } from '@icebridge/sqlserver'
import { SqlServerImporter } from '@icebridge/sqlserver-import'
import { testTableUuid, unitOfRows } from '@icebridge/sqlserver-import/testing'

await using target = await SqlServer.connect(parseConnectionString(process.env['ICEBRIDGE_EXAMPLE_SQLSERVER'] ?? ''))
await target.batch('CREATE TABLE [dbo].[import_example] ([id] int NOT NULL PRIMARY KEY, [name] nvarchar(20) NOT NULL)')

// In a program the source's definition and the units come from a journal, of @icebridge/journal.
const source = await target.describeTable({ schema: 'dbo', name: 'import_example' })
const unit = unitOfRows(
  source,
  [
    { op: 'upsert', values: { id: 1, name: 'ice' } },
    { op: 'upsert', values: { id: 2, name: 'bridge' } },
  ],
  { from: 1n },
)

const importer = new SqlServerImporter({
  target,
  environment: {
    nowMs: () => Date.now(),
    sleep: (ms, signal) => setTimeout(ms, undefined, signal === undefined ? {} : { signal }),
  },
})
await importer.prepare()

const plan = importer.plan(source, await target.describeTable(source.table))
for (const { column, message, hint } of plan.problems) throw new Error(`${column ?? 'table'}: ${message}. ${hint}`)

const tableKey = 'erp.dbo.import_example'
const result = await importer.apply(unit, plan, {
  tableKey,
  tableUuid: testTableUuid,
  position: await importer.position(tableKey),
  lakeLocation: '/lake',
  runId: 'example',
})
console.log(result.status, (await importer.position(tableKey))?.sequence) // applied 2n
