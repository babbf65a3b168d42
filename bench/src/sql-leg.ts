/**
 * One leg of the loop or its peer, measured in a process of its own. Arguments: the leg (`bare`, `bare-plain`, `extract`,
 * `extract-converted`, `one-stream`, `one-connection`, `two-connections`, `bulk`, `apply`), the shape, the source, the target, the lake's folder. The last line is a {@link Measured}.
 */
import { strategyFor } from '@icebridge/change-detection'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { planJournal } from '@icebridge/journal'
import { parseConnectionString, quoteName, SqlServer, useExactValues, type ReadQuery } from '@icebridge/sqlserver'
import { IncrementalSyncCoordinator, type LoadOptions } from '@icebridge/sync'
import mssql from 'mssql'
import { measure } from './measure.ts'
import { createBare, shape as shapeNamed, table } from './shapes.ts'

const [leg = '', shapeName = '', sourceText = '', targetText = '', folder = ''] = process.argv.slice(2)
const shape = shapeNamed(shapeName)

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

/** Rows of a query as the bare driver gives them, thrown away. */
async function bareStream(text: string, parameters: Readonly<Record<string, Buffer>>): Promise<void> {
  const pool = await openPool(sourceText)
  try {
    await measure(async () => {
      const request = pool.request()
      request.arrayRowMode = true
      request.stream = true
      for (const [name, value] of Object.entries(parameters)) request.input(name, mssql.Binary, value)
      let rows = 0
      request.on('row', () => (rows += 1))
      const done = new Promise<void>((resolve, reject) => {
        request.on('done', () => resolve())
        request.on('error', reject)
      })
      await request.query(text)
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

/** The driver's own bulk load of the rows from an array in memory, into a new table that is dropped again. */
async function bareBulk(): Promise<void> {
  const pool = await openPool(targetText)
  const name = 'bare'
  const { columns } = shape
  try {
    await pool.request().batch(createBare(name, shape))
    const bulk = new mssql.Table(`[dbo].[${name}]`)
    bulk.create = false
    for (const column of columns) bulk.columns.add(column.name, column.driverType, { nullable: false })
    for (let row = 0; row < shape.rows; row++) {
      bulk.rows.push(columns.map((column) => column.plain(row)) as mssql.IRow)
    }
    await measure(async () => (await pool.request().bulk(bulk)).rowsAffected)
    await pool.request().batch(`DROP TABLE [dbo].[${name}];`)
  } finally {
    await pool.close()
  }
}

/** `load` says how the rows are read; by default as the coordinator does. */
async function runLeg(name: 'extract' | 'apply', load?: LoadOptions): Promise<void> {
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
  await measure(async () => Number((await coordinator[name]({ table, ...(load === undefined ? {} : { load }) })).rows))
}

switch (leg) {
  case 'bare': {
    const query = await extractQuery()
    const parameters = Object.fromEntries(
      (query.parameters ?? []).map(({ name, value }) => {
        if (!(value instanceof Uint8Array)) throw new TypeError('a rowversion bound is binary')
        return [name, Buffer.from(value)]
      }),
    )
    await bareStream(query.text, parameters)
    break
  }
  case 'bare-plain': {
    const names = [...shape.columns.map(({ name }) => name), 'rv'].map(quoteName).join(', ')
    await bareStream(`SELECT ${names} FROM [dbo].[rows]`, {})
    break
  }
  case 'bulk':
    await bareBulk()
    break
  case 'extract':
  case 'apply':
    await runLeg(leg)
    break
  case 'extract-converted':
    useExactValues('convert')
    await runLeg('extract')
    break
  case 'one-stream':
    await runLeg('extract', { chunkRows: 0 })
    break
  case 'one-connection':
    await runLeg('extract', { connections: 1 })
    break
  case 'two-connections':
    await runLeg('extract', { connections: 2 })
    break
  default:
    throw new Error(`there is no leg ${leg}`)
}
