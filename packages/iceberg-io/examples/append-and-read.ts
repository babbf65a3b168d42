import { BatchBuilder, columnView } from '@icebridge/columnar'
import { append, openTable } from '@icebridge/iceberg-core'
import { InMemoryCatalog, InMemoryFileIO, TestEnvironment } from '@icebridge/iceberg-core/testing'
import { columnFieldsOf, IcebergAppender, IcebergReader } from '@icebridge/iceberg-io'

// Any catalog and any store do; these ones are in memory.
const environment = new TestEnvironment()
const io = new InMemoryFileIO()
const catalog = new InMemoryCatalog({ io, environment })
const orders = { namespace: ['shop'], name: 'orders' }
await catalog.createNamespace(orders.namespace)
await catalog.createTable(orders, {
  schema: {
    schemaId: 0,
    identifierFieldIds: [],
    fields: [
      { id: 1, name: 'id', required: true, type: 'long' },
      { id: 2, name: 'total', required: false, type: { kind: 'decimal', precision: 38, scale: 10 } },
    ],
  },
})
const table = await openTable(catalog, orders, io)

await using appender = await IcebergAppender.open(table, { environment })
const builder = new BatchBuilder(columnFieldsOf(appender.schema))
const [id, total] = builder.columns
if (id?.kind !== 'int64' || total?.kind !== 'decimal') throw new Error('unexpected columns')
id.append(9_007_199_254_740_993n)
total.appendText('1234567890.0123456789')
await appender.write(builder.finish())

const outcome = await append(table, { files: await appender.finish() }, { environment })
if (outcome.status !== 'committed') throw new Error(`not committed: ${outcome.status}`)

for await (const batch of new IcebergReader(outcome.table).scan({ columns: ['id'] })) {
  const ids = columnView(batch, 0)
  if (ids.kind !== 'int64') throw new Error('unexpected column')
  for (let row = 0; row < ids.length; row++) console.log(ids.value(row)) // 9007199254740993n
}
