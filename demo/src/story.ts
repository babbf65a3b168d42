import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import { openTable } from '@icebridge/iceberg-core'
import { IcebergReader } from '@icebridge/iceberg-io'
import { SqlServer, type SqlServerConfig } from '@icebridge/sqlserver'
import { IncrementalSyncCoordinator, type SyncResult } from '@icebridge/sync'
import { createShop, insertCustomers, insertLines, insertOrders, shopTables, updateOrders } from './shop.ts'

const customers = 100
const orders = { schema: 'sales', name: 'Orders' }

export interface StoryOptions {
  readonly source: SqlServerConfig
  readonly target: SqlServerConfig
  /** Folder of the lake: the SQLite catalog `catalog.db` and the tables' files. */
  readonly lakeFolder: string
  readonly say: (line: string) => void
}

/** What the story came to; `verified` is false when a single value differs anywhere. */
export interface StoryResult {
  readonly sourceRows: bigint
  readonly journalRows: bigint
  readonly targetRows: bigint
  readonly verified: boolean
}

/**
 * Syncs 1,000 orders, inserts 100 and updates 50, syncs again, compares source and target value by value, and reads the
 * journal as of its first snapshot.
 */
export async function tellStory(options: StoryOptions): Promise<StoryResult> {
  const { say } = options
  await using source = await SqlServer.connect(options.source)
  await using target = await SqlServer.connect(options.target)
  const io = new LocalFileIO()
  await using catalog = await SqlCatalog.openSqlite({
    name: 'icebridge',
    path: `${options.lakeFolder}/catalog.db`,
    warehouse: options.lakeFolder,
    io,
    environment: systemEnvironment,
  })
  const coordinator = new IncrementalSyncCoordinator({
    source: { name: 'shop', server: source },
    target: { name: 'warehouse', server: target },
    lake: { catalog, io },
    environment: systemEnvironment,
  })
  const syncAll = async (): Promise<Map<string, SyncResult>> => {
    const results = new Map<string, SyncResult>()
    for (const table of shopTables) {
      const result = await coordinator.sync({ table })
      results.set(table.name, result)
      say(`   ${describe(result)}`)
    }
    return results
  }

  say('1. A source with 1,000 orders, their customers and lines')
  await fillShop(source)
  say('2. First sync: everything goes to the lake and on to the target, whose tables are created from the lake')
  const first = await syncAll()

  say('3. The source changes: 100 new orders, 50 changed ones')
  for (const statement of [...insertOrders(1001, 1100, customers), updateOrders(1, 50)]) await source.batch(statement)
  say('4. Second sync: only what changed')
  await syncAll()
  say('5. Third sync: nothing changed, so nothing is read and nothing is committed')
  const third = await syncAll()
  let verified = [...third.values()].every((result) => result.status === 'unchanged')

  say('6. Source and target, compared value by value')
  let rows = { source: 0n, target: 0n }
  for (const table of shopTables) {
    const result = await coordinator.verify({ table })
    say(
      `   ${table.name}: ${result.sourceRows} rows × ${result.columns.length} columns ${result.status}` +
        (result.status === 'equal'
          ? ''
          : ` (missing ${result.missing}, extra ${result.extra}, different ${result.different})`),
    )
    if (result.status !== 'equal') verified = false
    if (table.name === orders.name) rows = { source: result.sourceRows, target: result.targetRows }
  }

  say('7. Back in time: the journal as of the first snapshot')
  const journal = await openTable(catalog, { namespace: ['shop_sales'], name: 'Orders__changes' }, io)
  const count = async (snapshotId?: bigint): Promise<bigint> => {
    let total = 0n
    const scan = new IcebergReader(journal).scan({
      columns: ['_sync_seq'],
      ...(snapshotId === undefined ? {} : { snapshotId }),
    })
    for await (const batch of scan) total += BigInt(batch.numRows)
    return total
  }
  const firstSnapshot = first.get(orders.name)?.extract?.snapshotId
  const before = await count(firstSnapshot)
  const now = await count()
  say(`   snapshot ${firstSnapshot}: ${before} rows; now: ${now} rows`)
  if (firstSnapshot === undefined || before !== 1000n) verified = false
  return { sourceRows: rows.source, journalRows: now, targetRows: rows.target, verified }
}

/** Creates the shop's tables with 1,000 orders. */
export async function fillShop(source: SqlServer): Promise<void> {
  const statements = [
    ...createShop,
    ...insertCustomers(1, customers),
    ...insertOrders(1, 1000, customers),
    ...insertLines(1, 1000),
  ]
  for (const statement of statements) await source.batch(statement)
}

function describe(result: SyncResult): string {
  const name = result.table.name
  const { extract, apply } = result
  if (result.status === 'unchanged') return `${name}: unchanged`
  const read = extract?.status === 'committed' ? `read ${extract.rows} → snapshot ${extract.snapshotId}` : 'read 0'
  const merged =
    apply === undefined ? '' : ` → inserted ${apply.inserted}, updated ${apply.updated}, unchanged ${apply.unchanged}`
  return `${name}: ${read}${merged}`
}
