/**
 * Many small appends to one table, each commit measured, in a process of its own: `expire` (snapshots beyond 100 expire
 * every ten commits, not measured) or `keep` (all of them stay); then the number of commits and the folder to write. The
 * last ones take turns with the first ones of a fresh table, so that both are measured in the same process at the same time.
 */
import { LocalFileIO } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import {
  append,
  currentSchema,
  type DataFile,
  expireSnapshots,
  isPrimitive,
  openTable,
  singleValueToBytes,
  type TableHandle,
  type TableIdentifier,
} from '@icebridge/iceberg-core'
import { wideSchema } from './wide-rows.ts'
import { peakKb } from './measure.ts'

const [leg = '', commitText = '', place = ''] = process.argv.slice(2)
const keptSnapshots = 100
const freshCommits = 21

/** The entry of a data file of 10,000 rows with metrics of every column; the file itself is not there. */
function dataFile(table: TableHandle, n: number): DataFile {
  const fields = currentSchema(table.loaded.metadata).fields
  const forEach = <T>(value: T): ReadonlyMap<number, T> => new Map(fields.map((field) => [field.id, value]))
  const bound = singleValueToBytes('long', BigInt(n))
  const longs = fields.filter((field) => isPrimitive(field.type) && field.type === 'long')
  return {
    content: 'data',
    filePath: `${table.loaded.metadata.location}/data/00000-${n}-${systemEnvironment.uuid()}.parquet`,
    fileFormat: 'parquet',
    specId: 0,
    partition: [],
    recordCount: 10_000n,
    fileSizeBytes: 400_000n,
    columnSizes: forEach(50_000n),
    valueCounts: forEach(10_000n),
    nullValueCounts: forEach(0n),
    lowerBounds: new Map(longs.map((field) => [field.id, bound])),
    upperBounds: new Map(longs.map((field) => [field.id, bound])),
    splitOffsets: [4n],
  }
}

interface Commit {
  readonly milliseconds: number
  /** Of all threads of the process. */
  readonly cpuMilliseconds: number
}

/** The commits to one table, one after the other. */
class Series {
  readonly commits: Commit[] = []
  readonly #identifier: TableIdentifier

  constructor(name: string) {
    this.#identifier = { namespace: ['bench'], name }
  }

  async create(): Promise<void> {
    await catalog.createTable(this.#identifier, { schema: wideSchema })
  }

  async commit(): Promise<void> {
    const table = await openTable(catalog, this.#identifier, io)
    const n = this.commits.length + 1
    const files = [dataFile(table, n)]
    const cpuBefore = process.cpuUsage()
    const before = performance.now()
    const outcome = await append(table, { files }, { environment: systemEnvironment })
    const milliseconds = performance.now() - before
    const cpu = process.cpuUsage(cpuBefore)
    if (outcome.status !== 'committed') throw new Error(`append ${n} is ${outcome.status}`)
    this.commits.push({ milliseconds, cpuMilliseconds: (cpu.user + cpu.system) / 1000 })
    if (leg !== 'expire' || n % 10 !== 0 || n <= keptSnapshots) return
    const selection = { olderThanMs: systemEnvironment.nowMs(), retainLast: keptSnapshots }
    const expired = await expireSnapshots(outcome.table, selection, { environment: systemEnvironment })
    if (expired.status !== 'committed') throw new Error(`the expiry after ${n} is ${expired.status}`)
  }
}

if (leg !== 'expire' && leg !== 'keep') throw new Error(`there is no leg ${leg}`)
const io = new LocalFileIO()
await using catalog = await SqlCatalog.openSqlite({
  name: 'bench',
  path: `${place}/catalog.db`,
  warehouse: place,
  io,
  environment: systemEnvironment,
})
await catalog.createNamespace(['bench'])
const [many, fresh] = [new Series('many'), new Series('fresh')]
await many.create()
await fresh.create()
for (let n = 1; n <= Number(commitText); n++) {
  await many.commit()
  if (n > Number(commitText) - freshCommits) await fresh.commit()
}
const peakMb = Math.round(peakKb() / 1024)
process.stdout.write(`${JSON.stringify({ commits: many.commits, fresh: fresh.commits, peakMb })}\n`)
