/**
 * An upsert into a table on disk, measured in a process of its own: `fill` makes the table, `ours` upserts into it, `arrow`
 * writes table and input as Arrow files for a peer; then rows, keys, and the folder.
 */
import { writeFileSync } from 'node:fs'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { append, openTable, type TableHandle } from '@icebridge/iceberg-core'
import { IcebergAppender, upsert } from '@icebridge/iceberg-io'
import { type RecordBatch, Table, tableToIPC } from 'apache-arrow'
import { wideBatches, wideSchema } from './wide-rows.ts'
import { peakKb } from './measure.ts'

const [leg = '', rowText = '', keyText = '', folder = ''] = process.argv.slice(2)
const rows = Number(rowText)
const keys = Number(keyText)
const identifier = { namespace: ['bench'], name: 'wide' }
/** Ten files, as ten appends make them. */
const FILES = 10

/** Nine tenths of the keys are spread over the table, under other values; one tenth is new. */
function input(): RecordBatch[] {
  const known = Math.floor(keys * 0.9)
  const step = Math.floor(rows / known)
  return wideBatches(keys, (row) => (row < known ? row * step + 1 : rows + row))
}

async function inLake<T>(run: (catalog: SqlCatalog, io: LocalFileIO) => Promise<T>): Promise<T> {
  const io = new LocalFileIO()
  await using catalog = await SqlCatalog.openSqlite({
    name: 'bench',
    path: `${folder}/catalog.db`,
    warehouse: folder,
    io,
    environment: systemEnvironment,
  })
  return await run(catalog, io)
}

async function fill(): Promise<void> {
  await inLake(async (catalog, io) => {
    await catalog.createNamespace(identifier.namespace)
    await catalog.createTable(identifier, { schema: wideSchema })
    let table: TableHandle = await openTable(catalog, identifier, io)
    const batches = wideBatches(rows)
    const each = Math.ceil(batches.length / FILES)
    for (let start = 0; start < batches.length; start += each) {
      await using appender = await IcebergAppender.open(table, { environment: systemEnvironment })
      for (const batch of batches.slice(start, start + each)) await appender.write(batch)
      const outcome = await append(table, { files: await appender.finish() }, { environment: systemEnvironment })
      if (outcome.status !== 'committed') throw new Error(`the append is ${outcome.status}`)
      table = outcome.table
    }
  })
  report({ rows, seconds: 0 })
}

async function ours(): Promise<void> {
  const batches = input()
  await inLake(async (catalog, io) => {
    const before = performance.now()
    const table = await openTable(catalog, identifier, io)
    const outcome = await upsert(table, batches, { keys: ['id'], environment: systemEnvironment })
    if (outcome.status !== 'committed') throw new Error(`the upsert is ${outcome.status}`)
    report({ rows: outcome.counts.inserted + outcome.counts.updated, seconds: (performance.now() - before) / 1000 })
  })
}

function report(measured: { readonly rows: number; readonly seconds: number }): void {
  const peakMb = Math.round(peakKb() / 1024)
  process.stdout.write(`${JSON.stringify({ ...measured, peakMb })}\n`)
}

switch (leg) {
  case 'fill':
    await fill()
    break
  case 'ours':
    await ours()
    break
  case 'arrow':
    writeFileSync(`${folder}/table.arrow`, tableToIPC(new Table(wideBatches(rows)), 'file'))
    writeFileSync(`${folder}/input.arrow`, tableToIPC(new Table(input()), 'file'))
    report({ rows, seconds: 0 })
    break
  default:
    throw new Error(`there is no leg ${leg}`)
}
