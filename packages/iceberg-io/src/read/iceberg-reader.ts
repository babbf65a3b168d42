import { sliceBatch } from '@icebridge/columnar'
import {
  formatIdentifier,
  IcebergError,
  planIncrementalAppends,
  planScan,
  scanSchema,
  snapshotAsOf,
  type Expression,
  type FileScanTask,
  type Schema,
  type SnapshotChoice,
  type TableHandle,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { EqualityDeletes } from '../delete/equality-deletes.ts'
import { PositionDeletes } from '../delete/position-deletes.ts'
import { SpillFile } from '../delete/spill-file.ts'
import { IcebergIoError } from '../errors.ts'
import type { MapPath } from './data-rows.ts'
import { metadataColumns } from './metadata-values.ts'
import { mergeFields, projectPath } from './projection.ts'
import { taskRows, type WantedColumn } from './task-rows.ts'

export interface ReaderOptions {
  /** Most rows in a batch, by default 16,384. */
  readonly batchRows?: number | undefined
  /**
   * Bytes in memory at which deletes go to a temporary file: of positions, and of keys of equality deletes for each set of
   * columns. Default 256 MiB.
   */
  readonly deletesInMemoryBytes?: number | undefined
  /** Where temporary files are made; default the system's folder for them. */
  readonly temporaryFolder?: string | undefined
  readonly signal?: AbortSignal | undefined
}

const defaultDeletesInMemoryBytes = 256 * 1024 * 1024

/** What is read of each row, and of which rows. */
export interface RowOptions {
  /**
   * Columns, in this order; by default all of the schema's. A dotted path (`address.city`) gives the struct with only that
   * part of it; parts of one struct come as one column. Of a table that has none of that name also
   * `_file`, `_pos`, `_spec_id`, `_partition`, `_row_id`, `_last_updated_sequence_number`, and `_deleted`, with which
   * deleted rows come as well.
   */
  readonly columns?: readonly string[] | undefined
  readonly filter?: Expression | undefined
  /** Where a data or delete file is now, for tables whose files have moved. */
  readonly mapPath?: MapPath | undefined
  readonly signal?: AbortSignal | undefined
}

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
   * Memory is bounded by a row group and the deletes that apply, of which what passes `deletesInMemoryBytes` is in a
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

  async *#rows(
    tasks: AsyncIterable<FileScanTask> | Iterable<FileScanTask>,
    schema: Schema,
    options: RowOptions,
  ): AsyncGenerator<RecordBatch, void, undefined> {
    const { io, loaded } = this.#table
    const { metadata } = loaded
    const { mapPath } = options
    const signal = options.signal ?? this.#options.signal
    const columns = this.#columns(schema, options.columns)
    await using spill = new SpillFile(this.#options.temporaryFolder)
    const memoryBytes = this.#options.deletesInMemoryBytes ?? defaultDeletesInMemoryBytes
    const deletes = { metadata, schema, spill, memoryBytes, mapPath, signal }
    const positionDeletes = new PositionDeletes(io, deletes)
    const equalityDeletes = new EqualityDeletes(io, deletes)
    const { batchRows } = this.#options
    const context = { io, metadata, schema, columns, positionDeletes, equalityDeletes, batchRows, mapPath, signal }
    for await (const task of tasks) {
      signal?.throwIfAborted()
      yield* taskRows(task, context)
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

  #columns(schema: Schema, names: readonly string[] | undefined): readonly WantedColumn[] {
    if (names === undefined) return schema.fields.map((field) => ({ field, isMetadata: false }))
    const known = metadataColumns(this.#table.loaded.metadata)
    const wanted = names.map((name): WantedColumn => {
      const field = projectPath(schema, name)
      if (field !== undefined) return { field, isMetadata: false }
      const metadataField = known.find((candidate) => candidate.name === name)
      if (metadataField !== undefined) return { field: metadataField, isMetadata: true }
      throw new IcebergError('no-such-column', `the table has no column ${name}`, {
        context: { column: name, table: formatIdentifier(this.#table.identifier) },
        hint: `Columns are: ${schema.fields.map((candidate) => candidate.name).join(', ')}`,
      })
    })
    return joinParts(wanted)
  }
}

/** Several parts of one struct are one column, in the place of the first. */
function joinParts(wanted: readonly WantedColumn[]): readonly WantedColumn[] {
  const joined: WantedColumn[] = []
  for (const column of wanted) {
    const at = joined.findIndex(({ field, isMetadata }) => field.id === column.field.id && !isMetadata)
    const known = joined[at]
    const [both] = known === undefined ? [] : mergeFields([known.field], [column.field])
    if (known === undefined || both === undefined || known.field === column.field) joined.push(column)
    else joined[at] = { field: both, isMetadata: false }
  }
  return joined
}
