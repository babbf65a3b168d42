import { BatchBuilder } from '@icebridge/columnar'
import type { SqlServer } from '@icebridge/sqlserver'
import type { RecordBatch } from 'apache-arrow'

/** The shape of the loop bench: int, bigint, nvarchar(20), decimal(18,2), datetime2(7), bit, and the rowversion that changes are found by. */
export const table = { schema: 'dbo', name: 'orders' }

const create = `CREATE TABLE [dbo].[orders] (
  [id] int NOT NULL PRIMARY KEY,
  [big] bigint NOT NULL,
  [name] nvarchar(20) NOT NULL,
  [amount] decimal(18,2) NOT NULL,
  [at] datetime2(7) NOT NULL,
  [flag] bit NOT NULL,
  [rv] rowversion NOT NULL
);`

/** Creates the table and fills it with `rows` rows. */
export async function fill(server: SqlServer, rows: number): Promise<void> {
  await server.batch(create)
  await server.bulkLoad(
    {
      table: '[dbo].[orders]',
      columns: [
        { name: 'id', type: { name: 'int' }, nullable: false, from: { value: 'id' } },
        { name: 'big', type: { name: 'bigint' }, nullable: false, from: { value: 'big' } },
        { name: 'name', type: { name: 'nvarchar', length: 20 }, nullable: false, from: { value: 'name' } },
        {
          name: 'amount',
          type: { name: 'decimal', precision: 18, scale: 2 },
          nullable: false,
          from: { value: 'amount' },
        },
        { name: 'at', type: { name: 'datetime2', scale: 7 }, nullable: false, from: { value: 'at', ns100: 'ns100' } },
        { name: 'flag', type: { name: 'bit' }, nullable: false, from: { value: 'flag' } },
      ],
      options: {},
    },
    batches(rows),
    {},
  )
}

async function* batches(rows: number): AsyncGenerator<RecordBatch> {
  const builder = new BatchBuilder([
    { name: 'id', type: { kind: 'int32' }, nullable: false },
    { name: 'big', type: { kind: 'int64' }, nullable: false },
    { name: 'name', type: { kind: 'string' }, nullable: false },
    { name: 'amount', type: { kind: 'decimal', precision: 18, scale: 2 }, nullable: false },
    { name: 'at', type: { kind: 'timestamp', utc: false }, nullable: false },
    { name: 'ns100', type: { kind: 'int32' }, nullable: false },
    { name: 'flag', type: { kind: 'boolean' }, nullable: false },
  ])
  const [id, big, name, amount, at, ns100, flag] = builder.columns
  for (let row = 0; row < rows; row++) {
    if (id?.kind === 'int32') id.append(row)
    if (big?.kind === 'int64') big.append(9_007_199_254_740_993n + BigInt(row))
    if (name?.kind === 'string') name.append(`customer ${row % 100_000}`)
    if (amount?.kind === 'decimal') amount.append(BigInt(row) * 17n)
    if (at?.kind === 'timestamp') at.append(1_767_225_600_000_000n + BigInt(row))
    if (ns100?.kind === 'int32') ns100.append(row % 10)
    if (flag?.kind === 'boolean') flag.append(row % 3 === 0)
    if (builder.rowCount === 16_384) yield builder.finish()
  }
  if (builder.rowCount > 0) yield builder.finish()
}
