import { sliceBatch } from '@icebridge/columnar'
import {
  formatIdentifier,
  IcebergError,
  planIncrementalAppends,
  planScan,
  scanSchema,
  snapshotAsOf,
  type FileScanTask,
  type Schema,
  type SnapshotChoice,
  type TableHandle,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { type ChangesOptions, readChanges } from '../changes/read-changes.ts'
import { SpillFile } from '../delete/spill-file.ts'
import { IcebergIoError } from '../errors.ts'
import { readContext, type ReaderOptions, type RowOptions } from './reader-options.ts'
import { taskRows } from './task-rows.ts'
import { tableColumns, wantedColumns } from './wanted-columns.ts'

export interface ScanRowsOptions extends RowOptions {
  readonly snapshotId?: bigint | undefined
  /** The snapshot of a branch or tag. */
  readonly ref?: string | undefined
  /** The table as it was at this time, in milliseconds since 1970-01-01 UTC. */
  readonly asOf?: number | undefined
  /** Stop after so many rows. */
  readonly limit?: number | undefined
}

export interface AppendsOptions extends RowOptions {
  /** By default the beginning of the history. */
  readonly fromExclusive?: bigint | undefined
  readonly toInclusive: bigint
}

/** Reads the rows of a table as batches: streamed, single use, in bounded memory. */
export class IcebergReader {
  readonly #table: TableHandle
  readonly #options: ReaderOptions

  constructor(table: TableHandle, options: ReaderOptions = {}) {
    this.#table = table
    this.#options = options
  }

  /**
   * The rows of the current snapshot, of a named one, of a branch's or tag's, or of the one that was current at a time,
   * with all deletes applied; read with the schema of {@link scanSchema}. A table without a snapshot has no rows.
   *
   * Memory is bounded by a row group and the deletes that apply, of which what passes `spillAboveBytes` is in a
   * temporary file that goes with the scan.
   *
   * @throws IcebergError `no-such-snapshot`, `no-such-column`; IcebergIoError naming file and column.
   */
  async *scan(options: ScanRowsOptions = {}): AsyncGenerator<RecordBatch, void, undefined> {
    const { metadata } = this.#table.loaded
    const choice = this.#choice(options)
    const tasks = planScan(this.#table, {
      ...choice,
      columns: options.columns,
      filter: options.filter,
      signal: options.signal ?? this.#options.signal,
    })
    const rows = this.#rows(tasks, scanSchema(metadata, choice), options)
    const { limit } = options
    if (limit === undefined) {
      yield* rows
      return
    }
    let left = limit
    if (left <= 0) return
    for await (const batch of rows) {
      yield batch.numRows <= left ? batch : sliceBatch(batch, 0, left)
      left -= batch.numRows
      if (left <= 0) return
    }
  }

  /**
   * The rows that the appends of (from, to] added, oldest snapshot first, with the table's current schema.
   *
   * @throws IcebergError `not-append-only` naming a snapshot in between that is neither an append nor a replacement.
   */
  async *appends(options: AppendsOptions): AsyncGenerator<RecordBatch, void, undefined> {
    const tasks = planIncrementalAppends(this.#table, {
      fromExclusive: options.fromExclusive,
      toInclusive: options.toInclusive,
      filter: options.filter,
      signal: options.signal ?? this.#options.signal,
    })
    yield* this.#rows(tasks, scanSchema(this.#table.loaded.metadata, undefined), options)
  }

  /** The rows of planned files, in the order of the tasks, with the table's current schema. */
  async *scanTasks(
    tasks: AsyncIterable<FileScanTask> | Iterable<FileScanTask>,
    options: RowOptions = {},
  ): AsyncGenerator<RecordBatch, void, undefined> {
    yield* this.#rows(tasks, scanSchema(this.#table.loaded.metadata, undefined), options)
  }

  /**
   * The rows that the snapshots of (from, to] inserted and deleted, oldest snapshot first, within one what was deleted
   * first; with the table's current schema and the columns `_change_type` (INSERT, DELETE), `_change_ordinal` and
   * `_commit_snapshot_id`, at the end unless `columns` names them. Rows that a rewritten file carries over unchanged are no
   * changes; compactions have none.
   *
   * With `keys` a deleted and an inserted row of one key are UPDATE_BEFORE and UPDATE_AFTER. With `net` only what differs
   * between both ends is told, each row as it was at its first or last change. The filter is applied to rows first: an
   * update across it is an insertion or a deletion. Snapshots that only append, or only delete, are streamed; rows of others
   * are read twice and compared, all columns of them, spilled above `spillAboveBytes`.
   *
   * @throws IcebergError `no-such-snapshot`, `no-such-column`, `unsupported-changes` naming a snapshot that deletes rows by
   * delete files; IcebergIoError `duplicate-keys` when a key does not tell rows apart.
   */
  async *changes(options: ChangesOptions): AsyncGenerator<RecordBatch, void, undefined> {
    yield* readChanges(this.#table, options, this.#options)
  }

  async *#rows(
    tasks: AsyncIterable<FileScanTask> | Iterable<FileScanTask>,
    schema: Schema,
    options: RowOptions,
  ): AsyncGenerator<RecordBatch, void, undefined> {
    const { columns: names } = options
    const columns = names === undefined ? tableColumns(schema) : wantedColumns(this.#table, schema, names)
    await using spill = new SpillFile(this.#options.temporaryFolder)
    const context = readContext(this.#table, schema, { reader: this.#options, rows: options, spill })
    for await (const task of tasks) {
      context.signal?.throwIfAborted()
      yield* taskRows(task, { ...context, columns })
    }
  }

  #choice(options: ScanRowsOptions): SnapshotChoice {
    const { snapshotId, ref, asOf } = options
    if (asOf === undefined) return { snapshotId, ref }
    if (snapshotId !== undefined || ref !== undefined) {
      throw new IcebergIoError('invalid-argument', 'a scan is of a snapshot, of a ref or as of a time, not of several')
    }
    const snapshot = snapshotAsOf(this.#table.loaded.metadata, asOf)
    if (snapshot !== undefined) return { snapshotId: snapshot.snapshotId }
    const table = formatIdentifier(this.#table.identifier)
    throw new IcebergError('no-such-snapshot', `table ${table} has no snapshot as of ${new Date(asOf).toISOString()}`, {
      context: { table, asOf },
      hint: 'The table is younger than that, or the snapshots of that time have expired.',
    })
  }
}
