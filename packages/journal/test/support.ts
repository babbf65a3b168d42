import { BatchBuilder, columnView, type ColumnField } from '@icebridge/columnar'
import {
  append,
  currentSnapshot,
  refreshTable,
  snapshotById,
  type Snapshot,
  type TableHandle,
  type TableUpdate,
} from '@icebridge/iceberg-core'
import { InMemoryCatalog, InMemoryFileIO, TestEnvironment } from '@icebridge/iceberg-core/testing'
import {
  Journal,
  layoutFor,
  planJournal,
  type AppliedPosition,
  type BatchMode,
  type JournalBatch,
  type JournalCommit,
  type JournalHead,
  type JournalRead,
  type JournalUnit,
  type LoadChunk,
  type PlanOptions,
} from '@icebridge/journal'
import type { ColumnDefinition, SqlType, TableDefinition } from '@icebridge/sqlserver'
import type { RecordBatch } from 'apache-arrow'

export const strategy = 'rowversion'

export function column(
  ordinal: number,
  name: string,
  type: SqlType,
  more: Partial<ColumnDefinition> = {},
): ColumnDefinition {
  return {
    ordinal,
    name,
    type,
    nullable: true,
    rowversion: type.name === 'rowversion',
    masked: false,
    sparse: false,
    hidden: false,
    ...more,
  }
}

export function definition(columns: readonly ColumnDefinition[], name = 'orders'): TableDefinition {
  return {
    table: { schema: 'dbo', name },
    objectId: 4711,
    columns,
    keys: [
      {
        name: 'pk_orders',
        kind: 'primary-key',
        clustered: true,
        columns: [{ name: columns[0]?.name ?? 'id', descending: false }],
        filtered: false,
      },
    ],
    foreignKeys: 0,
    secondaryUniqueIndexes: false,
    triggers: false,
    temporal: false,
    memoryOptimized: false,
    rowFilter: false,
    changeTracking: false,
    rowCount: 0n,
  }
}

/** id int, name nvarchar(20). */
export const orders: TableDefinition = definition([
  column(1, 'id', { name: 'int' }, { nullable: false }),
  column(2, 'name', { name: 'nvarchar', length: 20 }, { collation: 'Latin1_General_CI_AS' }),
])

export interface TestLake {
  readonly catalog: InMemoryCatalog
  readonly io: InMemoryFileIO
  readonly environment: TestEnvironment
}

export function testLake(seed = 1): TestLake {
  const io = new InMemoryFileIO()
  const environment = new TestEnvironment({ seed })
  return { io, environment, catalog: new InMemoryCatalog({ io, environment }) }
}

export async function newJournal(
  lake: TestLake,
  table: TableDefinition = orders,
  options: PlanOptions = {},
): Promise<Journal> {
  return await Journal.create(lake, {
    layout: layoutFor({ source: 'erp', table: table.table }),
    plan: planJournal(table, options),
  })
}

/** Rows of `orders`: [id, name]. */
export function rowsOf(rows: readonly (readonly [number, string | null])[]): RecordBatch {
  const fields: readonly ColumnField[] = [
    { name: 'id', type: { kind: 'int32' }, nullable: true },
    { name: 'name', type: { kind: 'string' }, nullable: true },
  ]
  const builder = new BatchBuilder(fields)
  const [ids, names] = builder.columns
  if (ids?.kind !== 'int32' || names?.kind !== 'string') throw new TypeError('columns are not as declared')
  for (const [id, name] of rows) {
    ids.append(id)
    if (name === null) names.appendNull()
    else names.append(name)
  }
  return builder.finish()
}

/** `count` rows with ids from `first`. */
export function someRows(count: number, first = 1): RecordBatch {
  return rowsOf(Array.from({ length: count }, (_, at) => [first + at, `row ${first + at}`] as const))
}

export interface Extract {
  readonly watermark: string
  readonly rows?: readonly RecordBatch[]
  readonly mode?: BatchMode
  readonly load?: LoadChunk
  readonly base?: JournalHead
  readonly batchId?: string
}

/** A batch with its rows written, not committed. */
export async function writeBatch(journal: Journal, lake: TestLake, extract: Extract): Promise<JournalBatch> {
  const base = extract.base ?? (await journal.head())
  const batch = await journal.beginBatch({
    base,
    batchId: extract.batchId ?? lake.environment.uuid(),
    mode: extract.mode ?? (base.watermark === undefined ? 'load' : 'increment'),
    ...(extract.load === undefined ? {} : { load: extract.load }),
  })
  for (const rows of extract.rows ?? []) await batch.write(rows, { op: 'upsert' })
  return batch
}

/** One run of the extract leg on the newest state. */
export async function extract(journal: Journal, lake: TestLake, what: Extract): Promise<JournalCommit> {
  const fresh = await journal.refresh()
  const batch = await writeBatch(fresh, lake, what)
  return await batch.commit({ watermark: what.watermark, strategy })
}

/** As {@link extract}, for a commit that must succeed. */
export async function extracted(journal: Journal, lake: TestLake, what: Extract): Promise<CommittedBatch> {
  const commit = await extract(journal, lake, what)
  if (commit.status !== 'committed') throw new Error(`not committed: ${commit.reason}`)
  return commit
}

type CommittedBatch = globalThis.Extract<JournalCommit, { status: 'committed' }>

export async function headOf(journal: Journal): Promise<JournalHead> {
  return await (await journal.refresh()).head()
}

/** Where a target stands that has applied all of the journal. */
export async function endOf(journal: Journal): Promise<AppliedPosition> {
  const head = await headOf(journal)
  return { tableUuid: head.tableUuid, snapshotId: head.snapshotId ?? 0n, sequence: head.sequence }
}

export async function readOn(journal: Journal, position: AppliedPosition | undefined): Promise<JournalRead> {
  return await (await journal.refresh()).readFrom(position)
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

export interface JournalRow {
  readonly seq: bigint
  readonly op: string
  readonly id: number | null
  readonly name: string | null
}

/** The rows of a unit of `orders`. */
export async function rowsIn(unit: Pick<JournalUnit, 'batches'>): Promise<JournalRow[]> {
  const rows: JournalRow[] = []
  for await (const batch of unit.batches) {
    const view = (name: string): ReturnType<typeof columnView> =>
      columnView(
        batch,
        batch.schema.fields.findIndex((field) => field.name === name),
      )
    const [seq, op, id, name] = [view('_sync_seq'), view('_sync_op'), view('id'), view('name')]
    if (seq.kind !== 'int64' || op.kind !== 'string' || id.kind !== 'int32' || name.kind !== 'string') {
      throw new TypeError('columns are not as declared')
    }
    for (let row = 0; row < batch.numRows; row += 1) {
      rows.push({
        seq: seq.value(row),
        op: op.value(row),
        id: id.isNull(row) ? null : id.value(row),
        name: name.isNull(row) ? null : name.value(row),
      })
    }
  }
  return rows
}

/** Every row of a read, unit by unit. */
export async function rowsOfRead(read: JournalRead, maxRows = 1000): Promise<JournalRow[]> {
  const rows: JournalRow[] = []
  for await (const unit of read.units({ maxRows })) rows.push(...(await rowsIn(unit)))
  return rows
}

export async function commitUpdates(journal: Journal, updates: readonly TableUpdate[]): Promise<void> {
  const { table } = await journal.refresh()
  const outcome = await table.catalog.commitTable(table.identifier, { base: table.loaded, requirements: [], updates })
  if (outcome.status !== 'committed') throw new Error(`the test's own commit: ${outcome.status}`)
}

/** What Spark's `rollback_to_snapshot` does. */
export async function rollBack(journal: Journal, snapshotId: bigint): Promise<void> {
  await commitUpdates(journal, [{ action: 'set-snapshot-ref', refName: 'main', type: 'branch', snapshotId }])
}

/** What Spark's `expire_snapshots` does to the metadata. */
export async function expire(journal: Journal, snapshotIds: readonly bigint[]): Promise<void> {
  await commitUpdates(journal, [{ action: 'remove-snapshots', snapshotIds }])
}

/** Expires all but the current snapshot. */
export async function expireHistory(journal: Journal): Promise<void> {
  const { metadata } = (await journal.refresh()).table.loaded
  await expire(
    journal,
    metadata.snapshots.map(({ snapshotId }) => snapshotId).filter((id) => id !== metadata.currentSnapshotId),
  )
}

/** A snapshot by somebody else that shows the files of `files`: by default those of its parent. */
export async function foreignSnapshot(
  journal: Journal,
  lake: TestLake,
  options: {
    readonly operation: Snapshot['operation']
    readonly summary?: Readonly<Record<string, string>>
    readonly filesOf?: bigint
  },
): Promise<bigint> {
  const { table } = await journal.refresh()
  const { metadata } = table.loaded
  const parent = currentSnapshot(metadata)
  const files = options.filesOf === undefined ? parent : snapshotById(metadata, options.filesOf)
  if (parent === undefined || files === undefined) throw new Error('there is no such snapshot')
  const snapshotId = BigInt(`0x${lake.environment.uuid().slice(0, 8)}`) + 1n
  const snapshot: Snapshot = {
    snapshotId,
    parentSnapshotId: parent.snapshotId,
    sequenceNumber: metadata.lastSequenceNumber + 1n,
    timestampMs: Math.max(lake.environment.nowMs(), metadata.lastUpdatedMs),
    manifestList: files.manifestList,
    operation: options.operation,
    summary: { operation: options.operation, 'engine-name': 'spark', ...options.summary },
    schemaId: metadata.currentSchemaId,
  }
  await commitUpdates(journal, [
    { action: 'add-snapshot', snapshot },
    { action: 'set-snapshot-ref', refName: 'main', type: 'branch', snapshotId },
  ])
  return snapshotId
}

/** A compaction: as many records removed as added. */
export async function compaction(journal: Journal, lake: TestLake): Promise<bigint> {
  const { metadata } = (await journal.refresh()).table.loaded
  const total = currentSnapshot(metadata)?.summary['total-records'] ?? '0'
  return await foreignSnapshot(journal, lake, {
    operation: 'replace',
    summary: { 'added-records': total, 'deleted-records': total, 'total-records': total },
  })
}

/** An INSERT by another engine, of no files at all: what it did shows in its summary. */
export async function foreignAppend(table: TableHandle, lake: TestLake): Promise<bigint> {
  const outcome = await append(
    await refreshTable(table),
    { files: [], summary: { 'engine-name': 'spark' } },
    { environment: lake.environment },
  )
  if (outcome.status !== 'committed') throw new Error(`the test's own append: ${outcome.status}`)
  return outcome.snapshot.snapshotId
}

/** Parquet files that are in the store. */
export function dataFiles(lake: TestLake): readonly string[] {
  return [...lake.io.files.keys()].filter((path) => path.endsWith('.parquet'))
}
