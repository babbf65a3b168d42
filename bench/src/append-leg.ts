/**
 * One append of the same batches, measured in a process of its own: `ours`, `duckdb`, or `arrow` (the batches as an Arrow
 * file for a peer, not measured); then the number of rows and the folder or file to write.
 */
import { writeFileSync } from 'node:fs'
import { columnView } from '@icebridge/columnar'
import {
  type DuckDBAppender,
  DuckDBDataChunk,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBTimestampValue,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { append, openTable } from '@icebridge/iceberg-core'
import { IcebergAppender } from '@icebridge/iceberg-io'
import { type RecordBatch, Table, tableToIPC } from 'apache-arrow'
import { wideBatches, wideSchema } from './wide-rows.ts'
import { peakKb } from './measure.ts'

const [leg = '', rowText = '', place = ''] = process.argv.slice(2)
const batches = wideBatches(Number(rowText))

function report(seconds: number, rows: number): void {
  process.stdout.write(`${JSON.stringify({ rows, seconds, peakMb: Math.round(peakKb() / 1024) })}\n`)
}

/** From batches in memory to a committed snapshot. */
async function ours(): Promise<void> {
  const io = new LocalFileIO()
  await using catalog = await SqlCatalog.openSqlite({
    name: 'bench',
    path: `${place}/catalog.db`,
    warehouse: place,
    io,
    environment: systemEnvironment,
  })
  const identifier = { namespace: ['bench'], name: 'wide' }
  await catalog.createNamespace(identifier.namespace)
  await catalog.createTable(identifier, { schema: wideSchema })
  const before = performance.now()
  const table = await openTable(catalog, identifier, io)
  await using appender = await IcebergAppender.open(table, { environment: systemEnvironment })
  for (const batch of batches) await appender.write(batch)
  const files = await appender.finish()
  const outcome = await append(table, { files }, { environment: systemEnvironment })
  if (outcome.status !== 'committed') throw new Error(`the append is ${outcome.status}`)
  report((performance.now() - before) / 1000, Number(files.reduce((sum, file) => sum + file.recordCount, 0n)))
}

/** From the same batches through data chunks into a DuckDB table, and that copied to a Parquet file. */
async function duckdb(): Promise<void> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  await connection.run(
    `CREATE TABLE wide (id BIGINT, quantity INTEGER, price DOUBLE, amount DECIMAL(18, 2), "at" TIMESTAMP, "day" DATE, reference VARCHAR, status VARCHAR)`,
  )
  const before = performance.now()
  const appender = await connection.createAppender('wide')
  const types = Array.from({ length: 8 }, (_, column) => appender.columnType(column))
  for (const batch of batches) appendChunks(appender, types, batch)
  appender.closeSync()
  await connection.run(`COPY wide TO '${place}/wide.parquet' (FORMAT parquet, COMPRESSION zstd)`)
  const seconds = (performance.now() - before) / 1000
  const counted = await connection.runAndReadAll(`SELECT count(*) FROM '${place}/wide.parquet'`)
  report(seconds, Number(counted.getRows()[0]?.[0]))
}

function appendChunks(appender: DuckDBAppender, types: readonly DuckDBType[], batch: RecordBatch): void {
  for (let start = 0; start < batch.numRows; start += 2048) {
    const rows = Math.min(2048, batch.numRows - start)
    const chunk = DuckDBDataChunk.create(types, rows)
    for (let column = 0; column < types.length; column++) {
      const vector = chunk.getColumnVector(column)
      const read = reader(batch, column)
      for (let row = 0; row < rows; row++) vector.setItem(row, read(start + row))
      vector.flush()
    }
    appender.appendDataChunk(chunk)
  }
}

function reader(batch: RecordBatch, column: number): (row: number) => DuckDBValue {
  const view = columnView(batch, column)
  switch (view.kind) {
    case 'int64':
    case 'int32':
    case 'float64':
    case 'string':
      return (row) => (view.isNull(row) ? null : view.value(row))
    case 'decimal':
      return (row) => (view.isNull(row) ? null : new DuckDBDecimalValue(view.value(row), 18, 2))
    case 'timestamp':
      return (row) => (view.isNull(row) ? null : new DuckDBTimestampValue(view.value(row)))
    case 'date':
      return (row) => (view.isNull(row) ? null : new DuckDBDateValue(view.value(row)))
    default:
      throw new TypeError(`no column of kind ${view.kind} is in the bench`)
  }
}

switch (leg) {
  case 'ours':
    await ours()
    break
  case 'duckdb':
    await duckdb()
    break
  case 'arrow':
    writeFileSync(place, tableToIPC(new Table(batches), 'file'))
    report(0, Number(rowText))
    break
  default:
    throw new Error(`there is no leg ${leg}`)
}
