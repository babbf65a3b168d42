import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment as environment } from '@icebridge/iceberg-catalog'
import { Journal, layoutFor, planJournal } from '@icebridge/journal'
import { parseConnectionString, quoteTable, selectList, SqlServer } from '@icebridge/sqlserver'

await using source = await SqlServer.connect(parseConnectionString(process.env['ICEBRIDGE_EXAMPLE_SQLSERVER'] ?? ''))
await source.batch('CREATE TABLE [dbo].[journal_example] ([id] int NOT NULL PRIMARY KEY, [price] decimal(38,10) NULL)')
await source.batch('INSERT INTO [dbo].[journal_example] ([id], [price]) VALUES (1, 0.1), (2, NULL)')
const table = await source.describeTable({ schema: 'dbo', name: 'journal_example' })

const folder = await mkdtemp(join(tmpdir(), 'lake-'))
const io = new LocalFileIO()
const path = join(folder, 'catalog.db')
await using catalog = await SqlCatalog.openSqlite({ name: 'icebridge', path, warehouse: folder, io, environment })
const lake = { catalog, io, environment }

const layout = layoutFor({ source: 'erp', table: table.table })
const plan = planJournal(table)
for (const { message, hint } of plan.problems) throw new Error(`${message}. ${hint}`)
const identifier = { namespace: layout.namespace, name: layout.journalName }
let journal = (await Journal.open(lake, identifier)) ?? (await Journal.create(lake, { layout, plan }))

// Extract: rows that are read from the source, on top of the head that was read before them.
const base = await journal.head()
await using batch = await journal.beginBatch({ base, batchId: environment.uuid(), mode: 'load' })
const text = `SELECT ${selectList(plan.reads, '[t]')} FROM ${quoteTable(table.table)} AS [t]`
const query = { text, columns: plan.reads }
for await (const rows of source.stream(query)) await batch.write(rows, { op: 'upsert' })
const commit = await batch.commit({ watermark: '0x00000000000007D1', strategy: 'rowversion' })
if (commit.status === 'conflict') throw new Error(`another extractor was faster: ${commit.reason}`)

// Apply: everything above the position that the target has; none here.
journal = await journal.refresh()
const read = await journal.readFrom(undefined)
for await (const unit of read.units({ maxRows: 100_000 })) {
  console.log(unit.rows, unit.sequence) // 2 { from: 1n, to: 2n }
}
