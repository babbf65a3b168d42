/**
 * One Parquet file of one column, written or read, measured in a process of its own. Arguments: `write` or `read`, `ours` or `duckdb`,
 * the type, the number of rows, the file. DuckDB writes what stands in a table in memory, and its chunks are read without a look at
 * a value. The last line is what was measured and the bytes of the rows in memory.
 */
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { LocalFileIO } from '@icebridge/fileio'
import { readParquet, writeParquet } from '@icebridge/iceberg-io'
import { measure } from './measure.ts'
import { batchesOf, parquetTypes, schemaOf } from './parquet-types.ts'

const [action = '', who = '', name = '', rowText = '', path = ''] = process.argv.slice(2)
const rows = Number(rowText)
const type = parquetTypes[name]
if (type === undefined) throw new Error(`there is no type ${name}`)
const io = new LocalFileIO()

async function duckdb(): Promise<DuckDBConnection> {
  return await (await DuckDBInstance.create(':memory:')).connect()
}

switch (`${who} ${action}`) {
  case 'ours write': {
    const { batches } = batchesOf(type, rows)
    await measure(async () => (await writeParquet(io, path, batches, { schema: schemaOf(type) })).rowCount)
    break
  }
  case 'ours read':
    await measure(async () => {
      let count = 0
      for await (const batch of readParquet(io, path, { fields: schemaOf(type).fields })) count += batch.numRows
      return count
    })
    break
  case 'duckdb write': {
    const connection = await duckdb()
    await connection.run(`CREATE TABLE t AS SELECT ${type.duckdb} AS v FROM range(${rows}) AS r(i)`)
    await measure(async () => {
      await connection.run(`COPY t TO '${path}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`)
      return rows
    })
    break
  }
  case 'duckdb read': {
    const connection = await duckdb()
    await measure(async () => {
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
    process.stdout.write(`${JSON.stringify({ bytes })}\n`)
    break
  }
  default:
    throw new Error(`there is no leg ${who} ${action}`)
}
