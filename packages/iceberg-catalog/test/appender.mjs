// Appends `count` files to the table n.t, one snapshot each, and prints each snapshot's id once it is committed.
import { append, openTable } from '@icebridge/iceberg-core'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'

const [folder, prefix, count] = process.argv.slice(2)
const io = new LocalFileIO()
const catalog = await SqlCatalog.openSqlite({
  name: 'lake',
  path: `${folder}/catalog.db`,
  warehouse: `${folder}/warehouse`,
  io,
  environment: systemEnvironment,
})
for (let index = 0; index < Number(count); index++) {
  const table = await openTable(catalog, { namespace: ['n'], name: 't' }, io)
  const file = {
    content: 'data',
    filePath: `${table.loaded.metadata.location}/data/${prefix}-${index}.parquet`,
    fileFormat: 'parquet',
    partition: [],
    recordCount: 1n,
    fileSizeBytes: 100n,
    specId: 0,
  }
  const outcome = await append(
    table,
    { files: [file] },
    { environment: systemEnvironment, retries: { retries: 1000, minWaitMs: 5, maxWaitMs: 200 } },
  )
  if (outcome.status !== 'committed') throw new Error(`${outcome.status} ${outcome.reason ?? outcome.cause}`)
  process.stdout.write(`${outcome.snapshot.snapshotId}\n`)
}
await catalog[Symbol.asyncDispose]()
