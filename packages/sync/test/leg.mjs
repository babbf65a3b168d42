// Runs one leg for a table of dbo and prints {"rows":N,"peakMb":N}: the rows, and the peak of this process' resident memory.
// usage: leg.mjs LEG FOLDER SOURCE TARGET TABLE: extract or apply, the lake's folder, the two configurations as JSON, the table's name
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment as environment } from '@icebridge/iceberg-catalog'
import { SqlServer } from '@icebridge/sqlserver'
import { IncrementalSyncCoordinator } from '@icebridge/sync'

const [leg, folder, sourceConfig, targetConfig, name] = process.argv.slice(2)
const io = new LocalFileIO()
const catalog = await SqlCatalog.openSqlite({
  name: 'icebridge',
  path: join(folder, 'catalog.db'),
  warehouse: folder,
  io,
  environment,
})
const source = await SqlServer.connect(JSON.parse(sourceConfig))
const target = await SqlServer.connect(JSON.parse(targetConfig))
const coordinator = new IncrementalSyncCoordinator({
  source: { name: 'erp', server: source },
  target: { name: 'dwh', server: target },
  lake: { catalog, io },
  environment,
})
const { rows } = await coordinator[leg]({ table: { schema: 'dbo', name } })
await source.close()
await target.close()
// What ru_maxrss says of a process on Linux begins with what the process had that started it.
const [, peakKb] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
process.stdout.write(JSON.stringify({ rows: Number(rows), peakMb: Number(peakKb) / 1024 }))
