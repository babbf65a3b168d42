import { BatchBuilder, sliceBatch, takeRows } from '@icebridge/columnar'
import {
  changeOrdinalColumn,
  changeTypeColumn,
  type ChangelogScanTask,
  commitSnapshotIdColumn,
  currentSchema,
  deletedColumn,
  type NestedField,
  planChangelog,
  type Schema,
  type TableHandle,
} from '@icebridge/iceberg-core'
import { type Data, type Field, makeData, RecordBatch, Schema as ArrowSchema, Struct } from 'apache-arrow'
import { columnFieldsOf } from '../column-fields.ts'
import { SpillFile } from '../delete/spill-file.ts'
import { IcebergIoError } from '../errors.ts'
import { defaultBatchRows } from '../read/parquet-file.ts'
import { readContext, type ReaderOptions, type RowOptions } from '../read/reader-options.ts'
import { noSuchColumn, tableColumns, type WantedColumn, wantedColumns } from '../read/wanted-columns.ts'
import { type ChangedRows, ChangeSource } from './change-source.ts'
import { netChangesByKey } from './net-changes-by-key.ts'
import { netChanges } from './net-changes.ts'
import { snapshotChanges } from './snapshot-changes.ts'

/** Which changes are read, and how they are told. */
export interface ChangesOptions extends RowOptions {
  /** By default the beginning of the history. */
  readonly fromExclusive?: bigint | undefined
  readonly toInclusive: bigint
  /** Top-level columns that tell rows apart. With them a deleted and an inserted row of one key are an update. */
  readonly keys?: readonly string[] | undefined
  /** Only what differs between the two ends: changes that later ones undo are left out. */
  readonly net?: boolean | undefined
}

const changeColumns = [changeTypeColumn, changeOrdinalColumn, commitSnapshotIdColumn]

/** The changes of (from, to] as batches. See `IcebergReader.changes`. */
export async function* readChanges(
  table: TableHandle,
  options: ChangesOptions,
  reader: ReaderOptions,
): AsyncGenerator<RecordBatch, void, undefined> {
  const schema = currentSchema(table.loaded.metadata)
  const { output, wanted } = outputColumns(table, schema, options.columns)
  const all = tableColumns(schema)
  const keys = (options.keys ?? []).map((name) => {
    const column = all.find(({ field }) => field.name === name)
    if (column === undefined) throw noSuchColumn(table, schema, name)
    return column
  })
  await using spill = new SpillFile(reader.temporaryFolder)
  const context = readContext(table, schema, { reader, rows: options, spill })
  const source = new ChangeSource({ context, wanted, all, keys, spill, memoryBytes: context.spillAboveBytes })
  const { fromExclusive, toInclusive, filter } = options
  const tasks = planChangelog(table, { fromExclusive, toInclusive, filter, signal: context.signal })
  const changes = options.net === true ? netOf(await inOrder(tasks), source) : bySnapshot(tasks, source)
  const batchRows = reader.batchRows ?? defaultBatchRows
  for await (const changed of changes) {
    for (const batch of batchesOf(changed, output, batchRows)) yield batch
  }
}

/** Where a column of the output comes from: a place among those read, or what is known of the change. */
type OutputColumn = { readonly read: number } | { readonly change: NestedField }

function outputColumns(
  table: TableHandle,
  schema: Schema,
  names: readonly string[] | undefined,
): { readonly output: readonly OutputColumn[]; readonly wanted: readonly WantedColumn[] } {
  const taken = schema.fields.find((field) => changeColumns.some(({ name }) => name === field.name))
  if (taken !== undefined) {
    throw new IcebergIoError('invalid-argument', `the table has a column ${taken.name} of its own`, {
      context: { column: taken.name },
      hint: 'Rename the column: changes are told in a column of this name.',
    })
  }
  const asked = names ?? schema.fields.map(({ name }) => name)
  const missing = changeColumns.filter(({ name }) => !asked.includes(name)).map(({ name }) => name)
  const stored = asked.filter((name) => !changeColumns.some((column) => column.name === name))
  const wanted = wantedColumns(table, schema, stored)
  if (wanted.some(({ field, isMetadata }) => isMetadata && field.id === deletedColumn.id)) {
    throw new IcebergIoError('invalid-argument', `${deletedColumn.name} is not read of changes`, {
      hint: `What was deleted stands in ${changeTypeColumn.name}.`,
    })
  }
  const output: OutputColumn[] = []
  for (const name of [...asked, ...missing]) {
    const change = changeColumns.find((column) => column.name === name)
    const [column] = change === undefined ? wantedColumns(table, schema, [name]) : []
    const read = wanted.findIndex((other) => other.field.id === column?.field.id && !isPartAgain(other, column))
    if (change !== undefined) output.push({ change })
    else if (read >= 0) output.push({ read })
  }
  return { output, wanted }

  /** A part of a struct that comes with another part of it, as one column. */
  function isPartAgain(whole: WantedColumn, part: WantedColumn): boolean {
    return whole.field !== part.field && output.some((column) => 'read' in column && wanted[column.read] === whole)
  }
}

async function* bySnapshot(
  tasks: AsyncIterable<ChangelogScanTask>,
  source: ChangeSource,
): AsyncGenerator<ChangedRows, void, undefined> {
  let group: ChangelogScanTask[] = []
  for await (const task of tasks) {
    const [first] = group
    if (first !== undefined && first.changeOrdinal !== task.changeOrdinal) {
      yield* snapshotChanges(group, source)
      group = []
    }
    group.push(task)
  }
  if (group.length > 0) yield* snapshotChanges(group, source)
}

async function* netOf(
  tasks: readonly ChangelogScanTask[],
  source: ChangeSource,
): AsyncGenerator<ChangedRows, void, undefined> {
  // Of insertions alone nothing undoes another.
  if (tasks.every(({ change }) => change === 'insert')) yield* snapshotChanges(tasks, source)
  else if (source.hasKeys) yield* netChangesByKey(tasks, source)
  else yield* netChanges(tasks, source)
}

/** All tasks by snapshot, what was deleted before what was inserted. */
async function inOrder(tasks: AsyncIterable<ChangelogScanTask>): Promise<readonly ChangelogScanTask[]> {
  const all: ChangelogScanTask[] = []
  for await (const task of tasks) all.push(task)
  return all.toSorted(
    (a, b) => a.changeOrdinal - b.changeOrdinal || Number(a.change === 'insert') - Number(b.change === 'insert'),
  )
}

function* batchesOf(
  { task, batch, types }: ChangedRows,
  output: readonly OutputColumn[],
  batchRows: number,
): Generator<RecordBatch, void, undefined> {
  const told = typeof types === 'string' ? Array.from({ length: batch.numRows }, () => types) : types
  const rows = Uint32Array.from([...told.keys()].filter((row) => told[row] !== undefined))
  if (rows.length === 0) return
  const changed = rows.length === batch.numRows ? batch : takeRows(batch, rows)
  const names = told.filter((type) => type !== undefined)
  const changes = changeData(task, names)
  const columns = output.map((column): { readonly field: Field; readonly data: Data } => {
    const from = 'read' in column ? changed : changes
    const index = 'read' in column ? column.read : changeColumns.indexOf(column.change)
    const field = from.schema.fields[index]
    const data: Data | undefined = from.data.children[index]
    if (field === undefined || data === undefined) throw new TypeError('a column for each name')
    return { field, data }
  })
  const fields = columns.map(({ field }) => field)
  const children = columns.map(({ data }) => data)
  const all = new RecordBatch(
    new ArrowSchema(fields),
    makeData({ type: new Struct(fields), length: rows.length, nullCount: 0, children }),
  )
  for (let start = 0; start < rows.length; start += batchRows) {
    yield sliceBatch(all, start, Math.min(rows.length, start + batchRows))
  }
}

function changeData(task: ChangelogScanTask, types: readonly string[]): RecordBatch {
  const builder = new BatchBuilder(columnFieldsOf({ fields: changeColumns }), { initialRows: types.length })
  const [type, ordinal, snapshotId] = builder.columns
  if (type?.kind !== 'string' || ordinal?.kind !== 'int32' || snapshotId?.kind !== 'int64') {
    throw new TypeError('a string, an int and a long')
  }
  for (const name of types) {
    type.append(name)
    ordinal.append(task.changeOrdinal)
    snapshotId.append(task.commitSnapshotId)
  }
  return builder.finish()
}
