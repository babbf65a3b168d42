import { quoteTable, readColumns, SqlServer, type SqlServerConfig, type TableName } from '@icebridge/sqlserver'

/** Copies the rows of a table into a table of the same shape on another server, exactly. Gives the number of rows. */
export async function copyTable(from: SqlServerConfig, to: SqlServerConfig, table: TableName): Promise<bigint> {
  await using source = await SqlServer.connect(from)
  await using target = await SqlServer.connect(to)

  const { columns } = await source.describeTable(table)
  const reads = columns.flatMap((column) => [...readColumns(column)])
  const list = reads.map((read) => read.expression('[t]')).join(', ')
  const batches = source.stream({ text: `SELECT ${list} FROM ${quoteTable(table)} AS [t]`, columns: reads })

  const { rows } = await target.bulkLoad(
    {
      table: quoteTable(table),
      columns: columns.map(({ name, type, nullable }) => ({
        name,
        type,
        nullable,
        from: { value: name, ...companions(name, reads) },
      })),
      options: { lockTable: true },
    },
    batches,
  )
  return rows
}

/** The batch columns that hold what the value's own type cannot: the 100 ns digit and the offset. */
function companions(name: string, reads: readonly { readonly name: string }[]): { ns100?: string; offset?: string } {
  const has = (companion: string): boolean => reads.some((read) => read.name === companion)
  const ns100 = `_sync_ns100_${name}`
  const offset = `_sync_offset_${name}`
  return { ...(has(ns100) ? { ns100 } : {}), ...(has(offset) ? { offset } : {}) }
}
