import {
  append,
  createTag,
  currentSchema,
  expireSnapshots,
  type MetadataOutcome,
  openTable,
  type TableHandle,
  updatePartitionSpec,
  updateSchema,
} from '@icebridge/iceberg-core'
import { InMemoryCatalog, InMemoryFileIO, TestEnvironment } from '@icebridge/iceberg-core/testing'

// Changes a table in place, names a snapshot, and expires the others.
const environment = new TestEnvironment()
const io = new InMemoryFileIO()
const catalog = new InMemoryCatalog({ io, environment })
await catalog.createNamespace(['shop'])
const identifier = { namespace: ['shop'], name: 'orders' }
await catalog.createTable(identifier, {
  schema: { schemaId: 0, identifierFieldIds: [], fields: [{ id: 1, name: 'id', required: true, type: 'int' }] },
})

/** Every change gives the table's new state, or says why there is none. */
function changed(outcome: MetadataOutcome): TableHandle {
  if (outcome.status !== 'committed') throw new Error(outcome.status)
  return outcome.table
}
let table = await openTable(catalog, identifier, io)
table = changed(
  await updateSchema(
    table,
    {
      updateTypes: [{ column: 'id', type: 'long' }],
      addColumns: [{ name: 'placed', type: 'date' }],
      moveColumns: [{ column: 'placed', to: 'first' }],
    },
    { environment },
  ),
)
table = changed(
  await updatePartitionSpec(
    table,
    { addFields: [{ column: 'placed', transform: { kind: 'month' } }] },
    { environment },
  ),
)
for (let commit = 0; commit < 4; commit++) {
  const outcome = await append(table, { files: [] }, { environment })
  if (outcome.status !== 'committed') throw new Error(outcome.status)
  table = outcome.table
  if (commit === 0) table = changed(await createTag(table, { name: 'first' }, { environment }))
}
const outcome = await expireSnapshots(table, { olderThanMs: environment.nowMs(), retainLast: 2 }, { environment })
if (outcome.status !== 'committed') throw new Error(outcome.status)

const { metadata } = outcome.table.loaded
console.log(
  currentSchema(metadata).fields.map((field) => field.name), // [ 'placed', 'id' ]
  metadata.snapshots.length, // 3: the tagged one and the last two
  outcome.deleted.manifestLists, // 1
)
