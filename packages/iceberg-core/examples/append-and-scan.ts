import {
  append,
  and,
  currentSchema,
  type DataFile,
  gteq,
  lt,
  openTable,
  planScan,
  singleValueToBytes,
} from '@icebridge/iceberg-core'
import { InMemoryCatalog, InMemoryFileIO, TestEnvironment } from '@icebridge/iceberg-core/testing'

// Makes a table, registers two data files in one snapshot, and plans a scan that needs only one of them.
const environment = new TestEnvironment() // a real one has the clock and random UUIDs
const io = new InMemoryFileIO()
const catalog = new InMemoryCatalog({ io, environment })
await catalog.createNamespace(['shop'])
const identifier = { namespace: ['shop'], name: 'orders' }
await catalog.createTable(identifier, {
  schema: { schemaId: 0, identifierFieldIds: [], fields: [{ id: 1, name: 'id', required: true, type: 'long' }] },
})

const table = await openTable(catalog, identifier, io)
const idColumn = currentSchema(table.loaded.metadata).fields[0]?.id ?? 0
const file = (filePath: string, lowest: bigint, highest: bigint): DataFile => ({
  content: 'data',
  filePath,
  fileFormat: 'parquet',
  specId: 0,
  partition: [],
  recordCount: highest - lowest + 1n,
  fileSizeBytes: 4096n,
  lowerBounds: new Map([[idColumn, singleValueToBytes('long', lowest)]]),
  upperBounds: new Map([[idColumn, singleValueToBytes('long', highest)]]),
})
const outcome = await append(
  table,
  { files: [file('/a.parquet', 1n, 9n), file('/b.parquet', 10n, 19n)] },
  { environment },
)
if (outcome.status !== 'committed') throw new Error(outcome.status)

const paths: string[] = []
for await (const task of planScan(outcome.table, { filter: and(gteq('id', 12), lt('id', 15)) })) {
  paths.push(task.file.filePath)
}
console.log(paths) // [ '/b.parquet' ]
