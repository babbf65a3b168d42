/**
 * Planning over many data files, in a process of its own. `make <folder> <files>` writes the table and prints where its
 * metadata is; `one-day <metadata>` and `all <metadata>` plan a scan of one partition, and of every file.
 */
import { LocalFileIO } from '@icebridge/fileio'
import { openStaticTable, SqlCatalog, systemEnvironment } from '@icebridge/iceberg-catalog'
import {
  currentSchema,
  type DataFile,
  defaultSpec,
  eq,
  ManifestWriter,
  openTable,
  planScan,
  type PrimitiveType,
  type Schema,
  singleValueToBytes,
  type Value,
  writeManifestList,
} from '@icebridge/iceberg-core'
import { peakKb } from './measure.ts'

const [leg = '', place = '', filesText = '0'] = process.argv.slice(2)
const days = 1000
const manifests = 25
const firstDay = 19_000

/** Every manifest has files of all days, so that no manifest is left out by its summary: the hard case. */
async function make(): Promise<void> {
  // Loads Arrow, which would count as memory of the plan.
  const { wideSchema } = await import('./wide-rows.ts')
  const files = Number(filesText)
  const io = new LocalFileIO()
  await using catalog = await SqlCatalog.openSqlite({
    name: 'bench',
    path: `${place}/catalog.db`,
    warehouse: place,
    io,
    environment: systemEnvironment,
  })
  const identifier = { namespace: ['bench'], name: 'plan' }
  await catalog.createNamespace(identifier.namespace)
  await catalog.createTable(identifier, {
    schema: wideSchema,
    partitionSpec: {
      specId: 0,
      fields: [{ sourceIds: [6], fieldId: 1000, name: 'day', transform: { kind: 'identity' } }],
    },
  })
  const table = await openTable(catalog, identifier, io)
  const { metadata } = table.loaded
  const snapshotId = 1n
  const written = []
  for (let at = 0; at < manifests; at++) {
    const writer = await ManifestWriter.create(io, `${place}/m${at}.avro`, {
      metadata,
      specId: defaultSpec(metadata).specId,
      snapshotId,
    })
    for (let n = at; n < files; n += manifests) await writer.add(dataFile(n, wideSchema))
    written.push(await writer.close())
  }
  const manifestList = `${place}/snap-1.avro`
  const snapshot = { snapshotId, parentSnapshotId: undefined, sequenceNumber: 1n }
  await writeManifestList(io, manifestList, { metadata, snapshot, manifests: written })
  const outcome = await catalog.commitTable(identifier, {
    requirements: [],
    updates: [
      {
        action: 'add-snapshot',
        snapshot: {
          snapshotId,
          sequenceNumber: 1n,
          timestampMs: Date.now(),
          manifestList,
          operation: 'append',
          summary: { operation: 'append', 'total-data-files': String(files), 'total-delete-files': '0' },
          schemaId: currentSchema(metadata).schemaId,
        },
      },
      { action: 'set-snapshot-ref', refName: 'main', type: 'branch', snapshotId },
    ],
    base: table.loaded,
  })
  if (outcome.status !== 'committed') throw new Error(`the commit is ${outcome.status}`)
  process.stdout.write(`${JSON.stringify({ metadata: outcome.table.metadataLocation })}\n`)
}

function dataFile(n: number, schema: Schema): DataFile {
  const day = firstDay + (Math.floor(n / manifests) % days)
  const lowest: readonly Value[] = [
    BigInt(n) * 5000n,
    1,
    0.25,
    100n,
    BigInt(day) * 86_400_000_000n,
    day,
    'ref-000',
    'new',
  ]
  const highest: readonly Value[] = [
    BigInt(n) * 5000n + 4999n,
    99,
    999.75,
    99_900n,
    BigInt(day) * 86_400_000_000n + 5n,
    day,
    `ref-${n}`,
    'shipped',
  ]
  const bound = (values: readonly Value[]): Map<number, Uint8Array> =>
    new Map(
      schema.fields.flatMap(({ id, type }, at): [number, Uint8Array][] => {
        const value = values[at]
        return value === undefined ? [] : [[id, singleValueToBytes(type as PrimitiveType, value)]] // no column is nested
      }),
    )
  const each = (count: bigint): Map<number, bigint> => new Map(schema.fields.map(({ id }) => [id, count]))
  return {
    content: 'data',
    filePath: `${place}/data/day=${day}/00000-${n}-0b6ff1c7-93c0-4fd3-8a66-2f1d0be0ce2e.parquet`,
    fileFormat: 'parquet',
    specId: 0,
    partition: [day],
    recordCount: 5000n,
    fileSizeBytes: 180_000n + BigInt(n % 1000),
    columnSizes: each(20_000n + BigInt(n % 977)),
    valueCounts: each(5000n),
    nullValueCounts: each(BigInt(n % 3)),
    nanValueCounts: new Map([[3, 0n]]),
    lowerBounds: bound(lowest),
    upperBounds: bound(highest),
    splitOffsets: [4n],
    sortOrderId: 0,
  }
}

async function plan(filtered: boolean): Promise<void> {
  const table = await openStaticTable(place, new LocalFileIO())
  const before = performance.now()
  let files = 0
  let rows = 0n
  for await (const task of planScan(table, filtered ? { filter: eq('day', firstDay + 500) } : {})) {
    files++
    rows += task.file.recordCount
  }
  const seconds = (performance.now() - before) / 1000
  const peakMb = Math.round(peakKb() / 1024)
  process.stdout.write(`${JSON.stringify({ files, rows: Number(rows), seconds, peakMb })}\n`)
}

if (leg === 'make') await make()
else if (leg === 'one-day' || leg === 'all') await plan(leg === 'one-day')
else throw new Error(`there is no leg ${leg}`)
