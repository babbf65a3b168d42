import { selectColumns, sliceBatch } from '@icebridge/columnar'
import {
  bindExpression,
  findFieldByName,
  formatIdentifier,
  IcebergError,
  planIncrementalAppends,
  planScan,
  scanSchema,
  snapshotAsOf,
  specById,
  type DataFile,
  type Expression,
  type FileScanTask,
  type NestedField,
  type NestedValue,
  type Schema,
  type TableHandle,
  type TableMetadata,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { IcebergIoError } from '../errors.ts'
import { readParquet } from './parquet-file.ts'
import { filterColumns, filterRows } from './row-filter.ts'

export interface ReaderOptions {
  /** Most rows in a batch, by default 16,384. */
  readonly batchRows?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What is read of each row, and of which rows. */
export interface RowOptions {
  /** Top-level columns, in this order; by default all of the schema's. */
  readonly columns?: readonly string[] | undefined
  readonly filter?: Expression | undefined
  /** Where a data file is now, for tables whose files have moved. */
  readonly mapPath?: ((path: string) => string) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ScanRowsOptions extends RowOptions {
  readonly snapshotId?: bigint | undefined
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
   * The rows of the current snapshot, of a named one, or of the one that was current at a time; read with that snapshot's schema
   * when one is named, else with the table's current one. A table without a snapshot has no rows.
   *
   * @throws IcebergError `no-such-snapshot`, `no-such-column`, `unsupported-deletes`; IcebergIoError naming file and column.
   */
  async *scan(options: ScanRowsOptions = {}): AsyncGenerator<RecordBatch, void, undefined> {
    const { metadata } = this.#table.loaded
    const snapshotId = this.#snapshotId(options)
    const tasks = planScan(this.#table, {
      snapshotId,
      columns: options.columns,
      filter: options.filter,
      signal: options.signal ?? this.#options.signal,
    })
    const rows = this.#rows(tasks, scanSchema(metadata, snapshotId), options)
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
    const { metadata } = this.#table.loaded
    const signal = options.signal ?? this.#options.signal
    const wanted = this.#columns(schema, options.columns)
    for await (const task of tasks) {
      signal?.throwIfAborted()
      const { file } = task
      this.#checkReadable(task)
      const filter = bindExpression(task.residual, schema)
      // Columns that only the filter needs are read after the wanted ones and dropped again.
      const tested = [...filterColumns(filter)].map((path) => topLevel(schema, path))
      const fields = [...wanted, ...tested.filter((field) => !wanted.includes(field))]
      const batches = readParquet(this.#table.io, options.mapPath?.(file.filePath) ?? file.filePath, {
        fields: [...new Set(fields)],
        properties: metadata.properties,
        constants: identityValues(metadata, file),
        filter,
        sizeBytes: Number(file.fileSizeBytes),
        batchRows: this.#options.batchRows,
        signal,
      })
      for await (const batch of batches) {
        const passing = filterRows(batch, filter)
        if (passing.numRows === 0) continue
        yield passing.numCols === wanted.length
          ? passing
          : selectColumns(
              passing,
              wanted.map((_, index) => index),
            )
      }
    }
  }

  #snapshotId(options: ScanRowsOptions): bigint | undefined {
    if (options.asOf === undefined) return options.snapshotId
    if (options.snapshotId !== undefined) {
      throw new IcebergIoError('invalid-argument', 'a scan is of a snapshot or as of a time, not both')
    }
    const snapshot = snapshotAsOf(this.#table.loaded.metadata, options.asOf)
    if (snapshot !== undefined) return snapshot.snapshotId
    const table = formatIdentifier(this.#table.identifier)
    throw new IcebergError(
      'no-such-snapshot',
      `table ${table} has no snapshot as of ${new Date(options.asOf).toISOString()}`,
      {
        context: { table, asOf: options.asOf },
        hint: 'The table is younger than that, or the snapshots of that time have expired.',
      },
    )
  }

  #columns(schema: Schema, names: readonly string[] | undefined): readonly NestedField[] {
    if (names === undefined) return schema.fields
    return names.map((name) => {
      const field = schema.fields.find((candidate) => candidate.name === name)
      if (field !== undefined) return field
      throw new IcebergError('no-such-column', `the table has no column ${name}`, {
        context: { column: name, table: formatIdentifier(this.#table.identifier) },
        hint: `Columns are: ${schema.fields.map((candidate) => candidate.name).join(', ')}`,
      })
    })
  }

  #checkReadable({ file, deletes }: FileScanTask): void {
    if (deletes.length > 0) {
      throw new IcebergError('unsupported-deletes', `${file.filePath} has delete files, which are not read`, {
        context: { file: file.filePath },
      })
    }
    if (file.fileFormat !== 'parquet') {
      throw new IcebergIoError(
        'unsupported-file',
        `${file.filePath} is a data file in ${file.fileFormat}; only Parquet is read`,
        {
          context: { file: file.filePath, format: file.fileFormat },
          hint: 'Rewrite the table’s data files as Parquet with another engine (rewrite_data_files).',
        },
      )
    }
  }
}

function topLevel(schema: Schema, path: string): NestedField {
  const field = schema.fields.find((candidate) => candidate.name === path)
  if (field !== undefined) return field
  const nested = findFieldByName(schema, path) !== undefined
  throw new IcebergIoError(
    'invalid-argument',
    nested ? `a filter on ${path} inside a struct is not evaluated` : `the table has no column ${path}`,
    { context: { column: path }, hint: 'Filter on top-level columns.' },
  )
}

/** Identity partition values, which stand in for columns that a file was written without (Hive's layout). */
function identityValues(metadata: TableMetadata, file: DataFile): ReadonlyMap<number, NestedValue> {
  const values = new Map<number, NestedValue>()
  specById(metadata, file.specId).fields.forEach((field, index) => {
    const [sourceId] = field.sourceIds
    if (field.transform.kind === 'identity' && sourceId !== undefined)
      values.set(sourceId, file.partition[index] ?? null)
  })
  return values
}
