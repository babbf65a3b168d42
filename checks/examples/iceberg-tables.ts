// The program of docs/iceberg.md: makes a table, changes its rows, reads its past, and cleans up. The tests run it.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BatchBuilder, columnView } from '@icebridge/columnar'
import { fileIOFor } from '@icebridge/fileio'
import { SqlCatalog, systemEnvironment as environment } from '@icebridge/iceberg-catalog'
import {
  append,
  createBranch,
  createTag,
  currentSchema,
  currentSnapshot,
  expireSnapshots,
  fastForward,
  gteq,
  lt,
  type MetadataOutcome,
  openTable,
  refreshTable,
  removeOrphanFiles,
  type SnapshotOutcome,
  type TableHandle,
  updateSchema,
} from '@icebridge/iceberg-core'
import {
  type ActionOutcome,
  columnFieldsOf,
  compact,
  deleteWhere,
  IcebergAppender,
  IcebergReader,
  upsert,
} from '@icebridge/iceberg-io'
import type { RecordBatch } from 'apache-arrow'

const lake = await mkdtemp(join(tmpdir(), 'lake-'))

await using catalog = await SqlCatalog.openSqlite({
  name: 'lake', // other engines that open this catalog must use the same name
  path: join(lake, 'catalog.db'),
  warehouse: lake,
  io: fileIOFor,
  environment,
})

const orders = { namespace: ['shop'], name: 'orders' }
await catalog.createNamespace(orders.namespace)
await catalog.createTable(orders, {
  formatVersion: 2, // the default; or 3
  schema: {
    schemaId: 0,
    identifierFieldIds: [1], // the key of upserts
    fields: [
      { id: 1, name: 'id', required: true, type: 'long' },
      { id: 2, name: 'total', required: false, type: { kind: 'decimal', precision: 38, scale: 10 } },
    ],
  },
  partitionSpec: {
    specId: 0,
    fields: [{ fieldId: 1000, sourceIds: [1], name: 'id_bucket', transform: { kind: 'bucket', buckets: 2 } }],
  },
})
let table = await openTable(catalog, orders, fileIOFor)

// A batch is an Arrow RecordBatch; the builders take values exactly, or refuse them.
function batchOf(rows: readonly { readonly id: bigint; readonly total: string }[]): RecordBatch {
  const builder = new BatchBuilder(columnFieldsOf(currentSchema(table.loaded.metadata)))
  const [id, total] = builder.columns
  if (id?.kind !== 'int64' || total?.kind !== 'decimal') throw new Error('unexpected columns')
  for (const row of rows) {
    id.append(row.id)
    total.appendText(row.total)
  }
  return builder.finish()
}

// Streams batches into data files, and commits them in one snapshot.
async function appendRows(batches: AsyncIterable<RecordBatch> | Iterable<RecordBatch>, branch = 'main'): Promise<void> {
  await using appender = await IcebergAppender.open(table, { environment })
  for await (const batch of batches) await appender.write(batch)
  table = committed(await append(table, { files: await appender.finish(), branch }, { environment }))
}

// The outcome of a commit is a value: somebody else may have won, or the answer may be lost.
function committed(outcome: SnapshotOutcome | ActionOutcome<unknown> | MetadataOutcome): TableHandle {
  if (outcome.status !== 'committed') throw new Error(outcome.status)
  return outcome.table
}

await appendRows([
  batchOf([
    { id: 1n, total: '0.1' },
    { id: 2n, total: '9007199254740993.0000000001' },
    { id: 3n, total: '-5' },
  ]),
])
const first = currentSnapshot(table.loaded.metadata)?.snapshotId ?? 0n
const firstTime = Date.now()

// The ids of rows, read from the buffers of their batches.
async function ids(batches: AsyncIterable<RecordBatch>): Promise<string> {
  const found: bigint[] = []
  for await (const batch of batches) {
    const view = columnView(batch, 0)
    if (view.kind !== 'int64') throw new Error('unexpected column')
    for (let row = 0; row < view.length; row++) found.push(view.value(row))
  }
  return found.toSorted((a, b) => Number(a - b)).join(' ')
}

console.log(await ids(new IcebergReader(table).scan({ columns: ['id'] }))) // 1 2 3
console.log(await ids(new IcebergReader(table).scan({ columns: ['id'], filter: gteq('id', 2) }))) // 2 3

await environment.sleep(2)
const upserted = await upsert(
  table,
  [
    batchOf([
      { id: 3n, total: '5' },
      { id: 4n, total: '40' },
    ]),
  ],
  { environment },
)
table = committed(upserted)
if (upserted.status === 'committed') console.log(upserted.counts.updated, upserted.counts.inserted) // 1 1

const afterUpsert = currentSnapshot(table.loaded.metadata)?.snapshotId ?? 0n
table = committed(await deleteWhere(table, lt('id', 2), { environment, mode: 'merge-on-read' }))
console.log(await ids(new IcebergReader(table).scan({ columns: ['id'] }))) // 2 3 4

table = committed(await compact(table, { environment, all: true }))
console.log(currentSnapshot(table.loaded.metadata)?.operation) // replace

const reader = new IcebergReader(table)
console.log(await ids(reader.scan({ columns: ['id'], snapshotId: first }))) // 1 2 3
console.log(await ids(reader.scan({ columns: ['id'], asOf: firstTime }))) // 1 2 3

table = committed(await createTag(table, { name: 'first-day', at: { snapshotId: first } }, { environment }))
console.log(await ids(new IcebergReader(table).scan({ columns: ['id'], ref: 'first-day' }))) // 1 2 3

table = committed(await createBranch(table, { name: 'audit' }, { environment }))
await appendRows([batchOf([{ id: 5n, total: '50' }])], 'audit')
console.log(await ids(new IcebergReader(table).scan({ columns: ['id'] }))) // 2 3 4
table = committed(await fastForward(table, { branch: 'main', to: { ref: 'audit' } }, { environment }))
console.log(await ids(new IcebergReader(table).scan({ columns: ['id'] }))) // 2 3 4 5

const changes: string[] = []
const range = { fromExclusive: first, toInclusive: afterUpsert }
for await (const batch of new IcebergReader(table).changes({
  ...range,
  keys: ['id'],
  columns: ['id', '_change_type'],
})) {
  const [changedIds, types] = [columnView(batch, 0), columnView(batch, 1)]
  if (changedIds.kind !== 'int64' || types.kind !== 'string') throw new Error('unexpected columns')
  for (let row = 0; row < batch.numRows; row++) changes.push(`${changedIds.value(row)} ${types.value(row)}`)
}
console.log(changes.toSorted().join(', ')) // 3 UPDATE_AFTER, 3 UPDATE_BEFORE, 4 INSERT

table = committed(
  await updateSchema(
    table,
    { addColumns: [{ name: 'note', type: 'string' }], renameColumns: [{ column: 'total', name: 'amount' }] },
    { environment },
  ),
)
const names = currentSchema(table.loaded.metadata).fields.map((field) => field.name)
console.log(names.join(' ')) // id amount note

const expired = await expireSnapshots(table, { olderThanMs: environment.nowMs(), retainLast: 1 }, { environment })
table = committed(expired)
console.log(table.loaded.metadata.snapshots.length) // 2

const orphans = await removeOrphanFiles(await refreshTable(table), { dryRun: true }, { environment })
console.log(orphans.orphanCount) // 0
