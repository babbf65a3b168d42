// Appends `count` files of one row each to the table n.t, one snapshot each, and prints each snapshot's id once it is committed.
// usage: appender.mjs PLACE PREFIX COUNT: the folder of a SQLite catalog, the URL of a PostgreSQL one, or that of a REST catalog
import { parquetWriteBuffer } from 'hyparquet-writer'
import { append, openTable } from '@icebridge/iceberg-core'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { openPostgresCatalog } from '@icebridge/iceberg-catalog/postgres'
import { RestCatalog } from '@icebridge/iceberg-catalog/rest'

const [place, prefix, count] = process.argv.slice(2)
const io = new LocalFileIO()
const environment = systemEnvironment
const options = { name: 'lake', io, environment }
const catalog = place.startsWith('http')
  ? await RestCatalog.open({ ...options, uri: place })
  : place.startsWith('postgres')
    ? await openPostgresCatalog({ ...options, url: place, warehouse: '/never/used' })
    : await SqlCatalog.openSqlite({ ...options, path: `${place}/catalog.db`, warehouse: `${place}/warehouse` })
let table = await openTable(catalog, { namespace: ['n'], name: 't' }, io)
for (let index = 0; index < Number(count); index++) {
  const filePath = `${table.loaded.metadata.location}/data/${prefix}-${index}.parquet`
  const bytes = new Uint8Array(
    parquetWriteBuffer({
      columnData: [{ name: 'name', data: [`${prefix}-${index}`], type: 'STRING' }],
    }),
  )
  const writer = await io.create(filePath)
  await writer.write(bytes)
  await writer.close()
  const file = {
    content: 'data',
    filePath,
    fileFormat: 'parquet',
    partition: [],
    recordCount: 1n,
    fileSizeBytes: BigInt(bytes.length),
    specId: 0,
  }
  const outcome = await append(
    table,
    { files: [file] },
    { environment, retries: { retries: 1000, minWaitMs: 20, maxWaitMs: 500 } },
  )
  if (outcome.status !== 'committed') throw new Error(`${outcome.status} ${outcome.reason ?? outcome.cause}`)
  table = outcome.table
  process.stdout.write(`${outcome.snapshot.snapshotId}\n`)
}
await catalog[Symbol.asyncDispose]()
