import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { openTable } from '@icebridge/iceberg-core'

const lake = await mkdtemp(join(tmpdir(), 'lake-'))
const io = new LocalFileIO()
await using catalog = await SqlCatalog.openSqlite({
  name: 'lake',
  path: join(lake, 'catalog.db'),
  warehouse: lake,
  io,
  environment: systemEnvironment,
})

const orders = { namespace: ['shop'], name: 'orders' }
await catalog.createNamespace(orders.namespace)
await catalog.createTable(orders, {
  schema: { schemaId: 0, identifierFieldIds: [], fields: [{ id: 1, name: 'id', required: true, type: 'long' }] },
})

const table = await openTable(catalog, orders, io)
console.log(table.loaded.metadata.location.slice(lake.length)) // /shop/orders
