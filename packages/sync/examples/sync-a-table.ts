import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { parseConnectionString, SqlServer } from '@icebridge/sqlserver'
import { IncrementalSyncCoordinator } from '@icebridge/sync'

const config = parseConnectionString(process.env['ICEBRIDGE_EXAMPLE_SQLSERVER'] ?? '')
await using server = await SqlServer.connect(config)
await server.batch(`
  CREATE TABLE [dbo].[sync_example] ([id] int NOT NULL PRIMARY KEY, [total] decimal(38,10) NULL, [rv] rowversion NOT NULL);
  INSERT INTO [dbo].[sync_example] ([id], [total]) VALUES (1, 0.1), (2, NULL);`)

// The lake: a SQLite catalog and a folder.
const folder = mkdtempSync(join(tmpdir(), 'lake-'))
const io = new LocalFileIO()
await using catalog = await SqlCatalog.openSqlite({
  name: 'icebridge',
  path: join(folder, 'catalog.db'),
  warehouse: folder,
  io,
  environment: systemEnvironment,
})

// Source and target are two databases as a rule; here they are one, so the target table has a name of its own.
const coordinator = new IncrementalSyncCoordinator({
  source: { name: 'erp', server },
  target: { name: 'dwh', server },
  lake: { catalog, io },
  environment: systemEnvironment,
})
const table = {
  table: { schema: 'dbo', name: 'sync_example' },
  target: { schema: 'dbo', name: 'sync_example_copy' },
}

const first = await coordinator.sync(table)
console.log(first.status, first.extract?.rows, first.apply?.inserted) // changed 2n 2n

const second = await coordinator.sync(table)
console.log(second.status) // unchanged

const { status, sourceRows } = await coordinator.verify(table)
console.log(status, sourceRows) // equal 2n
