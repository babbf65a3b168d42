// Extracts dbo.orders and prints each chunk that it has begun to read, until it ends or is killed.
// usage: extractor.mjs FOLDER CONFIG LOAD: the lake's folder, the source's configuration and the table's load options as JSON
import { join } from 'node:path'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment as environment } from '@icebridge/iceberg-catalog'
import { SqlServer } from '@icebridge/sqlserver'
import { IncrementalSyncCoordinator } from '@icebridge/sync'

const [folder, config, load] = process.argv.slice(2)
const io = new LocalFileIO()
const catalog = await SqlCatalog.openSqlite({
  name: 'icebridge',
  path: join(folder, 'catalog.db'),
  warehouse: folder,
  io,
  environment,
})
const server = await SqlServer.connect(JSON.parse(config))
const coordinator = new IncrementalSyncCoordinator({
  source: { name: 'erp', server },
  lake: { catalog, io },
  environment,
})
const table = { table: { schema: 'dbo', name: 'orders' }, load: JSON.parse(load) }
await coordinator.extract(table, { onProgress: ({ chunk }) => process.stdout.write(`${chunk}\n`) })
await server.close()
