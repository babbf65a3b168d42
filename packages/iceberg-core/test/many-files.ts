/** Writes one manifest of so many files in 1,000 partitions, and plans scans of all of them and of one partition. */
import { eq, ManifestWriter, planScan, type Snapshot, writeManifestList } from '@icebridge/iceberg-core'
import { dataFile, Lake } from './lake.ts'

const count = Number(process.argv[2])
const lake = await Lake.create({
  partitionSpec: {
    specId: 0,
    fields: [{ sourceIds: [1], fieldId: 1000, name: 'id', transform: { kind: 'identity' } }],
  },
})
const table = await lake.table()
const { metadata } = table.loaded
const writer = await ManifestWriter.create(lake.io, '/many.avro', { metadata, specId: 0, snapshotId: 1n })
for (let n = 0; n < count; n++) {
  await writer.add(dataFile(table, `/data/${n}.parquet`, [{ id: BigInt(n % 1000), name: `n${n}`, score: n }]))
}
await writeManifestList(lake.io, '/list.avro', {
  metadata,
  snapshot: { snapshotId: 1n, parentSnapshotId: undefined, sequenceNumber: 1n },
  manifests: [await writer.close()],
})
const snapshot: Snapshot = {
  snapshotId: 1n,
  sequenceNumber: 1n,
  timestampMs: 0,
  manifestList: '/list.avro',
  operation: 'append',
  summary: { operation: 'append', 'total-delete-files': '0' },
}
const handle = { ...table, loaded: { ...table.loaded, metadata: { ...metadata, snapshots: [snapshot] } } }

async function planned(filter?: ReturnType<typeof eq>): Promise<number> {
  let files = 0
  for await (const task of planScan(handle, { snapshotId: 1n, filter })) files += task.file.filePath === '' ? 0 : 1
  return files
}

process.stdout.write(`${await planned()} planned, ${await planned(eq('id', 7n))} of one partition\n`)
