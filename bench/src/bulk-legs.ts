/** Loads that the apply leg is measured beside: the driver's own, and what the loader does with rows that are in memory already. */
import { quoteName, type BulkOptions, type SqlServer } from '@icebridge/sqlserver'
import type { RecordBatch } from 'apache-arrow'
import mssql from 'mssql'
import { measure } from './measure.ts'
import { batches, createBare, isUpdated, targetColumns, type Shape } from './shapes.ts'

/** The driver's own bulk load of the rows from an array in memory, into a new table that is dropped again. */
export async function bareBulk(pool: mssql.ConnectionPool, shape: Shape): Promise<void> {
  const rows = rowsInMemory('[dbo].[bare]', shape, () => true)
  await pool.request().batch(createBare('bare', shape))
  await measure(async () => (await pool.request().bulk(rows)).rowsAffected)
  await pool.request().batch('DROP TABLE [dbo].[bare];')
}

/**
 * What somebody would write by hand in place of a staged unit: in one transaction, a bulk load of an array into a temporary table and
 * a MERGE of it, without a look at whether a row differs. All rows into an empty table, or a tenth of them into one that has all.
 */
export async function bareMerge(pool: mssql.ConnectionPool, shape: Shape, which: 'all' | 'updated'): Promise<void> {
  await pool.request().batch(createBare('merged', shape))
  if (which === 'updated') await pool.request().bulk(rowsInMemory('[dbo].[merged]', shape, () => true))
  const stage = rowsInMemory('#stage', shape, which === 'all' ? () => true : isUpdated)
  const names = targetColumns(shape).map(({ name }) => quoteName(name))
  const transaction = new mssql.Transaction(pool)
  await measure(async () => {
    await transaction.begin()
    await transaction.request().batch(createBare('#stage', shape))
    await transaction.request().bulk(stage)
    const merged = await transaction.request().batch(
      [
        'MERGE [dbo].[merged] WITH (HOLDLOCK) AS t USING #stage AS s ON t.[id] = s.[id]',
        `WHEN MATCHED THEN UPDATE SET ${names
          .filter((name) => name !== '[id]')
          .map((name) => `t.${name} = s.${name}`)
          .join(', ')}`,
        `WHEN NOT MATCHED BY TARGET THEN INSERT (${names.join(', ')}) VALUES (${names.map((name) => `s.${name}`).join(', ')});`,
      ].join('\n'),
    )
    await transaction.commit()
    return merged.rowsAffected[0] ?? 0
  })
  await pool.request().batch('DROP TABLE [dbo].[merged];')
}

/** The loader's own bulk load of batches in memory, into a new table that is dropped again. */
export async function ownBulk(
  server: SqlServer,
  shape: Shape,
  options: BulkOptions & { readonly batchRows?: number },
): Promise<void> {
  const held: RecordBatch[] = []
  for await (const batch of batches(targetColumns(shape), shape.rows, 8192)) held.push(batch)
  await server.batch(createBare('own', shape))
  const target = {
    table: '[dbo].[own]',
    columns: targetColumns(shape).map(({ name, type, from }) => ({ name, type, nullable: false, from })),
    options,
  }
  const { batchRows } = options
  await measure(async () => {
    const { rows } = await server.bulkLoad(target, fromArray(held), batchRows === undefined ? {} : { batchRows })
    return Number(rows)
  })
  await server.batch('DROP TABLE [dbo].[own];')
}

async function* fromArray<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values
}

function rowsInMemory(table: string, shape: Shape, wanted: (row: number) => boolean): mssql.Table {
  const columns = targetColumns(shape)
  const bulk = new mssql.Table(table)
  bulk.create = false
  for (const column of columns) bulk.columns.add(column.name, column.driverType, { nullable: false })
  for (let row = 0; row < shape.rows; row++) {
    if (wanted(row)) bulk.rows.push(columns.map((column) => column.plain(row)) as mssql.IRow)
  }
  return bulk
}
