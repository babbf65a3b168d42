/**
 * One Parquet file of one column, written or read {@link passes} times after once to warm up, measured in a process of its own.
 * Arguments: `write` or `read`, `ours` or `duckdb`, the type, the number of rows, the file. DuckDB writes what stands in a table in
 * memory, and its chunks are read without a look at a value. The last line is what was measured.
 */
import { rmSync } from 'node:fs'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { LocalFileIO } from '@icebridge/fileio'
import { readParquet, writeParquet } from '@icebridge/iceberg-io'
import { measure } from './measure.ts'
import { batchesOf, parquetTypes, schemaOf } from './parquet-types.ts'

const passes = 5

const [action = '', who = '', name = '', rowText = '', path = ''] = process.argv.slice(2)
const rows = Number(rowText)
const type = parquetTypes[name]
if (type === undefined) throw new Error(`there is no type ${name}`)
const io = new LocalFileIO()

/** Measures the passes; a file that a pass would write again is taken away before. */
async function repeated(run: () => Promise<number>): Promise<void> {
  const pass = async (): Promise<number> => {
    if (action === 'write') rmSync(path, { force: true })
    return await run()
  }
  await pass()
  await measure(async () => {
    let count = 0
    for (let done = 0; done < passes; done++) count += await pass()
    return count
  })
}

async function duckdb(): Promise<DuckDBConnection> {
  return await (await DuckDBInstance.create(':memory:')).connect()
}

switch (`${who} ${action}`) {
  case 'ours write': {
    const { batches } = batchesOf(type, rows)
    const properties = type.deltas === true ? { 'write.parquet.delta-encoding-enabled': 'true' } : {}
    await repeated(async () => (await writeParquet(io, path, batches, { schema: schemaOf(type), properties })).rowCount)
    break
  }
  case 'ours read':
    await repeated(async () => {
      let count = 0
      for await (const batch of readParquet(io, path, { fields: schemaOf(type).fields })) count += batch.numRows
      return count
    })
    break
  case 'duckdb write': {
    const connection = await duckdb()
    await connection.run(`CREATE TABLE t AS SELECT ${type.duckdb} AS v FROM range(${rows}) AS r(i)`)
    await repeated(async () => {
      await connection.run(
        `COPY t TO '${path}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION ${type.deltas === true ? 'V2' : 'V1'})`,
      )
      return rows
    })
    break
  }
  case 'duckdb read': {
    const connection = await duckdb()
    await repeated(async () => {
      const result = await connection.stream(`SELECT v FROM read_parquet('${path}')`)
      let count = 0
      for (;;) {
        const chunk = await result.fetchChunk()
        if (chunk === null || chunk.rowCount === 0) return count
        chunk.getColumnVector(0)
        count += chunk.rowCount
      }
    })
    break
  }
  case 'ours size': {
    const { bytes } = batchesOf(type, rows)
    process.stdout.write(`${JSON.stringify({ bytes: bytes * passes, rows: rows * passes })}\n`)
    break
  }
  default:
    throw new Error(`there is no leg ${who} ${action}`)
}
