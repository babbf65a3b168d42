/**
 * One scan, measured in a process of its own: `ours`, `duckdb-values` (its chunks as JavaScript values) or `duckdb-vectors` (its
 * chunks as they come, no value looked at); or `table`, which makes the table (not measured). Then the number of rows, the
 * folder, and the columns, by default all.
 */
import { DuckDBInstance } from '@duckdb/node-api'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { append, openTable } from '@icebridge/iceberg-core'
import { IcebergAppender, IcebergReader } from '@icebridge/iceberg-io'
import { wideBatches, wideSchema } from './wide-rows.ts'
import { peakKb } from './measure.ts'

const [leg = '', rowText = '', place = '', ...columns] = process.argv.slice(2)
const identifier = { namespace: ['bench'], name: 'wide' }
const io = new LocalFileIO()

function report(seconds: number, rows: number): void {
  process.stdout.write(`${JSON.stringify({ rows, seconds, peakMb: Math.round(peakKb() / 1024) })}\n`)
}

function openCatalog(): Promise<SqlCatalog> {
  const environment = systemEnvironment
  return SqlCatalog.openSqlite({ name: 'bench', path: `${place}/catalog.db`, warehouse: place, io, environment })
}

async function makeTable(): Promise<void> {
  await using catalog = await openCatalog()
  await catalog.createNamespace(identifier.namespace)
  await catalog.createTable(identifier, { schema: wideSchema })
  const table = await openTable(catalog, identifier, io)
  await using appender = await IcebergAppender.open(table, { environment: systemEnvironment })
  for (const batch of wideBatches(Number(rowText))) await appender.write(batch)
  const outcome = await append(table, { files: await appender.finish() }, { environment: systemEnvironment })
  if (outcome.status !== 'committed') throw new Error(`the append is ${outcome.status}`)
  report(0, Number(rowText))
}

/** From opening the table to its last batch. */
async function ours(): Promise<void> {
  await using catalog = await openCatalog()
  const before = performance.now()
  const table = await openTable(catalog, identifier, io)
  let rows = 0
  const options = columns.length === 0 ? {} : { columns }
  for await (const batch of new IcebergReader(table).scan(options)) rows += batch.numRows
  report((performance.now() - before) / 1000, rows)
}

/** The same Parquet files. */
async function duckdb(values: boolean): Promise<void> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const list = columns.length === 0 ? '*' : columns.map((column) => `"${column}"`).join(', ')
  const before = performance.now()
  const result = await connection.stream(`SELECT ${list} FROM read_parquet('${place}/bench/wide/data/**/*.parquet')`)
  let rows = 0
  for (;;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) break
    if (values) chunk.getColumns()
    else for (let column = 0; column < chunk.columnCount; column++) chunk.getColumnVector(column)
    rows += chunk.rowCount
  }
  report((performance.now() - before) / 1000, rows)
}

switch (leg) {
  case 'table':
    await makeTable()
    break
  case 'ours':
    await ours()
    break
  case 'duckdb-values':
  case 'duckdb-vectors':
    await duckdb(leg === 'duckdb-values')
    break
  default:
    throw new Error(`there is no leg ${leg}`)
}
