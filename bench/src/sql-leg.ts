/**
 * One leg of the loop or its peer, measured in a process of its own. Arguments: the leg (those of the switch below), the shape, the source,
 * the target, the lake's folder. The last line is a {@link Measured}.
 */
import { createHash } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { strategyFor } from '@icebridge/change-detection'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { planJournal } from '@icebridge/journal'
import { parseConnectionString, quoteName, SqlServer, useExactValues, type ReadQuery } from '@icebridge/sqlserver'
import { IncrementalSyncCoordinator, type TableSync } from '@icebridge/sync'
import mssql from 'mssql'
import { bareBulk, bareMerge, ownBulk } from './bulk-legs.ts'
import { encodeHere, encodeInWorker, startWorker } from './encode-legs.ts'
import { measure } from './measure.ts'
import { createWideTarget, shape as shapeNamed, table, wideSeed, wideTimes } from './shapes.ts'

const [leg = '', shapeName = '', sourceText = '', targetText = '', folder = ''] = process.argv.slice(2)
const shape = shapeNamed(shapeName)
/** Of a load whose chunks are read over one connection or two. */
const CHUNKS = 6
/** As the command does. */
const YOUNG = '--semi-space-growth-factor=1'

async function openPool(text: string): Promise<mssql.ConnectionPool> {
  const {
    server,
    port = 1433,
    database,
    user = '',
    password = '',
    encrypt = true,
    trustServerCertificate = false,
  } = parseConnectionString(text)
  const options = { encrypt, trustServerCertificate }
  return await mssql.connect({ server, port, database, user, password, options, requestTimeout: 0 })
}

/** The table's rows as the bare driver gives them, thrown away. */
async function bareStream(): Promise<void> {
  const names = [...shape.columns.map(({ name }) => name), 'rv'].map(quoteName).join(', ')
  const pool = await openPool(sourceText)
  try {
    await measure(async () => {
      const request = pool.request()
      request.arrayRowMode = true
      request.stream = true
      let rows = 0
      request.on('row', () => (rows += 1))
      const done = new Promise<void>((resolve, reject) => {
        request.on('done', () => resolve())
        request.on('error', reject)
      })
      await request.query(`SELECT ${names} FROM [dbo].[rows]`)
      await done
      return rows
    })
  } finally {
    await pool.close()
  }
}

/** The query that the extract leg runs for a first load in one stream. */
async function extractQuery(): Promise<ReadQuery> {
  await using source = await SqlServer.connect(parseConnectionString(sourceText))
  const definition = await source.describeTable(table)
  const strategy = strategyFor({ kind: 'auto' }, definition)
  const [row] = await source.query(strategy.upperBoundQuery(definition))
  const high = strategy.upperBound(row ?? {}, undefined)
  return strategy.changesQuery(definition, { low: undefined, high }, planJournal(definition).reads)
}

async function withPool(run: (pool: mssql.ConnectionPool) => Promise<void>): Promise<void> {
  const pool = await openPool(targetText)
  try {
    await run(pool)
  } finally {
    await pool.close()
  }
}

async function ownLoad(options: Parameters<typeof ownBulk>[2]): Promise<void> {
  await using target = await SqlServer.connect(parseConnectionString(targetText))
  await ownBulk(target, shape, options)
}

/** With the settings of the table that are named, else as the coordinator does by default. */
async function runLeg(name: 'extract' | 'apply', settings?: Omit<TableSync, 'table'>): Promise<void> {
  setFlagsFromString(YOUNG)
  await using source = await SqlServer.connect(parseConnectionString(sourceText))
  await using target = await SqlServer.connect(parseConnectionString(targetText))
  const io = new LocalFileIO()
  const environment = systemEnvironment
  const place = { name: 'icebridge', path: `${folder}/catalog.db`, warehouse: folder, io, environment }
  await using catalog = await SqlCatalog.openSqlite(place)
  const coordinator = new IncrementalSyncCoordinator({
    source: { name: 'bench', server: source },
    target: { name: 'target', server: target },
    lake: { catalog, io },
    environment,
  })
  if (name === 'apply' && shape.rowMegabytes !== undefined) await target.batch(createWideTarget)
  await measure(async () => Number((await coordinator[name]({ table, ...settings })).rows))
}

/** The rows of the wide shape in its target, which has digests of their texts. */
async function checkWide(megabytes: number): Promise<void> {
  await using target = await SqlServer.connect(parseConnectionString(targetText))
  const rows = await target.query({ text: 'SELECT [id], [body] FROM [dbo].[rows]' })
  const expected = Array.from({ length: 4 }, (_, row) => digestOf(wideSeed(row), wideTimes(megabytes)))
  const bad = rows.filter(({ id, body }) => body !== expected[Number(id) % 4])
  if (rows.length !== shape.rows || bad.length > 0) {
    throw new Error(`${bad.length} of ${rows.length} rows in the target are not the source's ${shape.rows}`)
  }
}

function digestOf(seed: string, times: number): string {
  const hash = createHash('sha256')
  for (let time = 0; time < times; time++) hash.update(seed, 'utf8')
  return `${seed.length * times} ${hash.digest('hex')}`
}

switch (leg) {
  case 'bare':
    await bareStream()
    break
  case 'bulk':
    await withPool((pool) => bareBulk(pool, shape))
    break
  case 'bulk-merge':
    await withPool((pool) => bareMerge(pool, shape, 'all'))
    break
  case 'bulk-merge-updated':
    await withPool((pool) => bareMerge(pool, shape, 'updated'))
    break
  case 'own-bulk':
    await ownLoad({ lockTable: true, checkConstraints: true })
    break
  case 'own-bulk-row-locks':
    await ownLoad({ checkConstraints: true })
    break
  case 'own-bulk-unchecked':
    await ownLoad({ lockTable: true })
    break
  case 'own-bulk-ordered':
    await ownLoad({ lockTable: true, checkConstraints: true, order: [{ column: 'id', direction: 'ASC' }] })
    break
  case 'own-bulk-batches':
    await ownLoad({ lockTable: true, checkConstraints: true, batchRows: 102_400 })
    break
  case 'apply-staged':
    await runLeg('apply', { target: { schema: 'dbo', name: 'staged' }, straightLoad: 'never' })
    break
  case 'extract':
    await runLeg(leg)
    break
  case 'apply':
    await runLeg(leg)
    if (shape.rowMegabytes !== undefined) await checkWide(shape.rowMegabytes)
    break
  case 'extract-converted':
    useExactValues('convert')
    await runLeg('extract')
    break
  case 'encode-here': {
    setFlagsFromString(YOUNG)
    const query = await extractQuery()
    await using source = await SqlServer.connect(parseConnectionString(sourceText))
    await measure(() => encodeHere(source, query, folder))
    break
  }
  case 'encode-in-worker': {
    setFlagsFromString(YOUNG)
    const query = await extractQuery()
    await using source = await SqlServer.connect(parseConnectionString(sourceText))
    const worker = await startWorker(query, folder)
    await measure(() => encodeInWorker(source, query, worker))
    break
  }
  case 'one-stream':
    await runLeg('extract', { load: { chunkRows: 0 } })
    break
  case 'one-connection':
    await runLeg('extract', { load: { connections: 1, chunkRows: Math.ceil(shape.rows / CHUNKS) } })
    break
  case 'two-connections':
    await runLeg('extract', { load: { connections: 2, chunkRows: Math.ceil(shape.rows / CHUNKS) } })
    break
  default:
    throw new Error(`there is no leg ${leg}`)
}
