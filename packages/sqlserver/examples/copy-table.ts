import { parseConnectionString, quoteTable, readColumns, selectList, SqlServer } from '@icebridge/sqlserver'

await using server = await SqlServer.connect(parseConnectionString(process.env['ICEBRIDGE_EXAMPLE_SQLSERVER'] ?? ''))
const from = { schema: 'dbo', name: 'prices' }
const to = { schema: 'dbo', name: 'prices copy' }
for (const table of [from, to]) {
  await server.batch(
    `CREATE TABLE ${quoteTable(table)} ([id] int NOT NULL PRIMARY KEY, [price] decimal(38,10) NULL, [at] datetime2(7) NULL)`,
  )
}
await server.batch(
  "INSERT INTO [dbo].[prices] ([id], [price], [at]) VALUES (1, '1234567890.0123456789', '2024-02-29T12:34:56.1234567')",
)

// Read: one column of the batch for each value, and companions for what its type cannot hold.
const { columns } = await server.describeTable(from)
const reads = columns.flatMap((column) => readColumns(column))
const text = `SELECT ${selectList(reads, '[t]')} FROM ${quoteTable(from)} AS [t]`
const batches = server.stream({ text, columns: reads })

// Load: each column from the batch columns that were read for it.
const companion = (name: string): string | undefined => reads.find((read) => read.name === name)?.name
const { rows } = await server.bulkLoad(
  {
    table: quoteTable(to),
    columns: columns.map(({ name, type, nullable }) => {
      const ns100 = companion(`_sync_ns100_${name}`)
      return { name, type, nullable, from: { value: name, ...(ns100 === undefined ? {} : { ns100 }) } }
    }),
    options: { lockTable: true },
  },
  batches,
)

const [copy] = await server.query<{ price: string; at: string }>({
  text: 'SELECT CONVERT(varchar(41), [price]) AS [price], CONVERT(varchar(33), [at], 126) AS [at] FROM [dbo].[prices copy]',
})
console.log(rows, copy?.price, copy?.at) // 1n 1234567890.0123456789 2024-02-29T12:34:56.1234567
