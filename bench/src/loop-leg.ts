/** One leg of the loop, measured in a process of its own: `bare`, `bare-plain`, `extract` or `apply`, source, target, lake folder. */
import { strategyFor } from '@icebridge/change-detection'
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { planJournal } from '@icebridge/journal'
import { parseConnectionString, quoteName, SqlServer, type ReadQuery } from '@icebridge/sqlserver'
import { IncrementalSyncCoordinator } from '@icebridge/sync'
import mssql from 'mssql'
import { table } from './orders.ts'

const [leg = '', sourceText = '', targetText = '', folder = ''] = process.argv.slice(2)

async function measure(run: () => Promise<number>): Promise<void> {
  const before = performance.now()
  const rows = await run()
  const seconds = (performance.now() - before) / 1000
  process.stdout.write(
    `${JSON.stringify({ rows, seconds, peakMb: Math.round(process.resourceUsage().maxRSS / 1024) })}\n`,
  )
}

/** Rows of a query as the bare driver gives them, thrown away. */
async function bareStream(text: string, parameters: Readonly<Record<string, Buffer>>): Promise<number> {
  const { server, port = 1433, database, user = '', password = '' } = parseConnectionString(sourceText)
  const pool = await mssql.connect({ server, port, database, user, password, options: { encrypt: false } })
  try {
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
  } finally {
    await pool.close()
  }
}

/** The query that the extract leg runs for a first load. */
async function extractQuery(): Promise<ReadQuery> {
  await using source = await SqlServer.connect(parseConnectionString(sourceText))
  const definition = await source.describeTable(table)
  const strategy = strategyFor({ kind: 'auto' }, definition)
  const [row] = await source.query(strategy.upperBoundQuery(definition))
  const high = strategy.upperBound(row ?? {}, undefined)
  return strategy.changesQuery(definition, { low: undefined, high }, planJournal(definition).reads)
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
    await measure(() => bareStream(query.text, parameters))
    break
  }
  case 'bare-plain': {
    const names = ['id', 'big', 'name', 'amount', 'at', 'flag', 'rv'].map(quoteName).join(', ')
    await measure(() => bareStream(`SELECT ${names} FROM [dbo].[orders]`, {}))
    break
  }
  case 'extract':
  case 'apply': {
    await using source = await SqlServer.connect(parseConnectionString(sourceText))
    await using target = await SqlServer.connect(parseConnectionString(targetText))
    const io = new LocalFileIO()
    await using catalog = await SqlCatalog.openSqlite({
      name: 'icebridge',
      path: `${folder}/catalog.db`,
      warehouse: folder,
      io,
      environment: systemEnvironment,
    })
    const coordinator = new IncrementalSyncCoordinator({
      source: { name: 'bench', server: source },
      target: { name: 'target', server: target },
      lake: { catalog, io },
      environment: systemEnvironment,
    })
    await measure(async () => Number((await coordinator[leg]({ table })).rows))
    break
  }
  default:
    throw new Error(`there is no leg ${leg}`)
}
