import {
  currentSchema,
  type DataFile,
  defaultSortOrder,
  defaultSpec,
  type Environment,
  type FileIO,
  lastUpdatedSequenceNumberColumn,
  partitionPath,
  type PartitionSpec,
  type PartitionValue,
  rowIdColumn,
  type Schema,
  type TableHandle,
  type TableMetadata,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { SpillFile } from '../delete/spill-file.ts'
import { IcebergIoError } from '../errors.ts'
import type { Compression } from './compression.ts'
import { DataFileWriter, type DataFileOptions } from './data-file-writer.ts'
import { dataLocations } from './data-locations.ts'
import { deleteDataFiles } from './delete-data-files.ts'
import { parquetSettings, positive } from './file-settings.ts'
import { metricsModes } from './metrics.ts'
import { parquetSchema } from './parquet-schema.ts'
import { type PartitionedBatch, Partitioner } from './partitioner.ts'
import { canOrder, RowOrder } from './row-order.ts'
import { SortBuffer } from './sort-buffer.ts'
import { SortedRuns } from './sorted-runs.ts'
import { WriteDefaults } from './write-defaults.ts'

const DEFAULT_FILE_BYTES = 512 * 1024 * 1024
const DEFAULT_OPEN_WRITERS = 8
const DEFAULT_SORT_BYTES = 64 * 1024 * 1024

export interface AppenderOptions {
  readonly environment: Pick<Environment, 'uuid'>
  /** Size at which a file ends, about. Default: `write.target-file-size-bytes`, else 512 MiB. */
  readonly targetFileSizeBytes?: number | undefined
  /** Uncompressed bytes of a row group. Default: `write.parquet.row-group-size-bytes`, else 16 MiB. */
  readonly rowGroupBytes?: number | undefined
  /** Rows of a row group at most. Default: `write.parquet.row-group-limit`, else 1,048,576. */
  readonly rowGroupRows?: number | undefined
  /** Default: `write.parquet.compression-codec`, else zstd. */
  readonly compression?: Compression | undefined
  /** Files open at a time, one a partition; the one unused for longest is ended first. Default 8. */
  readonly maxOpenWriters?: number | undefined
  /** Columns, as dotted paths, whose bounds are kept whole whatever the table declares. */
  readonly fullMetricsColumns?: readonly string[] | undefined
  /**
   * Sorts the rows of each partition by the table's default sort order. `sortBytes` of rows are held in memory, whole batches and
   * not copies, and what is more goes to a temporary file until the end. Without it rows are written as they come; a file whose
   * rows came in order is marked as sorted all the same.
   */
  readonly sort?: boolean | undefined
  /** Bytes of rows that are held in memory for sorting, over all partitions. Default 64 MiB. */
  readonly sortBytes?: number | undefined
  /**
   * Batches may also have `_row_id` and `_last_updated_sequence_number`, which are written: for rows that are moved from other
   * files of a table of format version 3. Absent or null, a row inherits them.
   */
  readonly rowLineage?: boolean | undefined
  /** Put before every file name. */
  readonly filePrefix?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Writes data files for a table and commits nothing: `finish` gives what an append commits.
 *
 * One call at a time. After an error only `abort` is of use; it deletes every file written.
 */
export class IcebergAppender {
  /** The table's current schema. Batches carry its columns by name, in any order. */
  readonly schema: Schema
  readonly #io: FileIO
  readonly #spec: PartitionSpec
  readonly #partitioner: Partitioner
  readonly #fileOptions: Omit<DataFileOptions, 'partition'>
  readonly #settings: {
    readonly location: (partition: string, file: string) => string
    readonly prefix: string
    readonly uuid: string
    readonly fileBytes: number
    readonly open: number
    readonly sortBytes: number
  }
  readonly #defaults: WriteDefaults
  /** The order to sort by; undefined when rows are written as they come. */
  readonly #sortBy: RowOrder | undefined
  /** Rows that wait to be sorted, by partition. */
  readonly #held = new Map<string, HeldRows>()
  readonly #spill = new SpillFile()
  /** Open files by partition, the one used last at the end. */
  readonly #writers = new Map<string, DataFileWriter>()
  readonly #files: DataFile[] = []
  #created = 0
  #state: 'open' | 'failed' | 'finished' | 'aborted' = 'open'

  private constructor(table: TableHandle, options: AppenderOptions) {
    const { metadata } = table.loaded
    const { properties } = metadata
    this.schema = currentSchema(metadata)
    this.#io = table.io
    this.#spec = defaultSpec(metadata)
    checkFormat(properties)
    this.#partitioner = new Partitioner(this.schema, this.#spec)
    this.#defaults = new WriteDefaults(this.schema)
    const sortOrder = defaultSortOrder(metadata)
    // Rows that nobody asks to sort may be written in an order that is not understood, which no file then claims.
    const isSorted = options.sort === true ? sortOrder.fields.length > 0 : canOrder(this.schema, sortOrder)
    const order = isSorted ? new RowOrder(this.schema, sortOrder) : undefined
    this.#sortBy = options.sort === true ? order : undefined
    const fileSchema = options.rowLineage === true ? withLineage(this.schema, metadata) : this.schema
    parquetSchema(fileSchema) // refuses what cannot be written
    this.#fileOptions = {
      ...parquetSettings(this.schema, properties, options),
      schema: fileSchema,
      specId: this.#spec.specId,
      metrics: metricsModes(this.schema, properties, { full: options.fullMetricsColumns, sortOrder }),
      order,
      signal: options.signal,
    }
    this.#settings = {
      location: dataLocations(metadata),
      prefix: `${options.filePrefix ?? ''}00000`,
      uuid: options.environment.uuid(),
      fileBytes:
        positive('targetFileSizeBytes', options.targetFileSizeBytes) ??
        positive('write.target-file-size-bytes', properties['write.target-file-size-bytes']) ??
        DEFAULT_FILE_BYTES,
      open: positive('maxOpenWriters', options.maxOpenWriters) ?? DEFAULT_OPEN_WRITERS,
      sortBytes: positive('sortBytes', options.sortBytes) ?? DEFAULT_SORT_BYTES,
    }
  }

  /**
   * An appender for the table as it is loaded. Nothing is written before the first row.
   *
   * @throws IcebergIoError `unsupported-type` for a schema with a column that cannot be written, `invalid-argument` for
   * an option or a table property out of range; IcebergError `unsupported-transform`.
   */
  static async open(table: TableHandle, options: AppenderOptions): Promise<IcebergAppender> {
    options.signal?.throwIfAborted()
    return Promise.resolve(new IcebergAppender(table, options))
  }

  /**
   * Appends a batch. A missing column has its write default, else null. Unless rows are sorted nothing of the batch is needed once
   * this resolves.
   *
   * @throws IcebergIoError `schema-mismatch` naming the column; whatever the store raises, naming the file; the signal's
   * reason when it is aborted.
   */
  async write(batch: RecordBatch): Promise<void> {
    await this.#step(async () => {
      const complete = this.#defaults.complete(batch)
      const parts =
        this.#spec.fields.length === 0 ? [{ key: '', values: [], batch: complete }] : this.#partitioner.split(complete)
      for (const part of parts) {
        this.#fileOptions.signal?.throwIfAborted()
        if (part.batch.numRows === 0) continue
        if (this.#sortBy === undefined) await this.#writePart(part)
        else await this.#hold(part, this.#sortBy)
      }
    })
  }

  /** Ends all files. They are whole and durable when this resolves, and belong to no snapshot yet. */
  async finish(): Promise<readonly DataFile[]> {
    return this.#step(async () => {
      if (this.#sortBy !== undefined) for (const key of this.#held.keys()) await this.#writeSorted(key, this.#sortBy)
      for (const key of this.#writers.keys()) await this.#close(key)
      await this.#spill[Symbol.asyncDispose]()
      this.#state = 'finished'
      return this.#files
    })
  }

  /** Deletes every file written, finished ones too. May be called at any time, and more than once. */
  async abort(): Promise<void> {
    if (this.#state === 'aborted') return
    this.#state = 'aborted'
    const open = [...this.#writers.values()]
    this.#writers.clear()
    this.#held.clear()
    const aborted = await Promise.allSettled(open.map((writer) => writer.abort()))
    await this.#spill[Symbol.asyncDispose]()
    await deleteDataFiles(this.#io, this.#files)
    const failure = aborted.find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  /** Aborts unless finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== 'finished') await this.abort()
  }

  async #step<T>(run: () => Promise<T>): Promise<T> {
    if (this.#state !== 'open') {
      throw new IcebergIoError('closed', `the appender has ${this.#state}`, {
        hint: 'Open another appender; after a failure abort this one first.',
      })
    }
    try {
      this.#fileOptions.signal?.throwIfAborted()
      return await run()
    } catch (error) {
      this.#state = 'failed'
      throw error
    }
  }

  /** Keeps rows for sorting; what is held most of is spilled when it is too much. */
  async #hold(part: PartitionedBatch, order: RowOrder): Promise<void> {
    if (this.#held.get(part.key)?.buffer.accepts(part.batch) === false) await this.#writeSorted(part.key, order)
    let held = this.#held.get(part.key)
    if (held === undefined) {
      held = { values: part.values, buffer: new SortBuffer(), runs: new SortedRuns(order, this.#spill) }
      this.#held.set(part.key, held)
    }
    held.buffer.add(part.batch)
    let largest = held
    let total = 0
    for (const one of this.#held.values()) {
      total += one.buffer.bytes
      if (one.buffer.bytes > largest.buffer.bytes) largest = one
    }
    if (total >= this.#settings.sortBytes) await largest.runs.add(largest.buffer.take(order))
  }

  /** Writes the rows held for a partition to files of their own. */
  async #writeSorted(key: string, order: RowOrder): Promise<void> {
    const held = this.#held.get(key)
    if (held === undefined) return
    this.#held.delete(key)
    const { values, buffer, runs } = held
    if (!runs.isEmpty) await runs.add(buffer.take(order))
    for await (const batch of runs.isEmpty ? buffer.take(order) : runs.merge()) {
      this.#fileOptions.signal?.throwIfAborted()
      await this.#writePart({ key, values, batch })
    }
    await this.#close(key)
  }

  async #writePart(part: PartitionedBatch): Promise<void> {
    const writer = await this.#writerFor(part.key, part.values)
    await writer.write(part.batch)
    if (writer.estimatedBytes >= this.#settings.fileBytes) await this.#close(part.key)
  }

  async #writerFor(key: string, partition: readonly PartitionValue[]): Promise<DataFileWriter> {
    let writer = this.#writers.get(key)
    if (writer === undefined) {
      const [oldest] = this.#writers.keys()
      if (oldest !== undefined && this.#writers.size >= this.#settings.open) await this.#close(oldest)
      writer = await DataFileWriter.create(this.#io, this.#nextPath(partition), { ...this.#fileOptions, partition })
    } else {
      this.#writers.delete(key)
    }
    this.#writers.set(key, writer)
    return writer
  }

  async #close(key: string): Promise<void> {
    const writer = this.#writers.get(key)
    if (writer === undefined) return
    this.#files.push(await writer.close())
    this.#writers.delete(key)
  }

  #nextPath(partition: readonly PartitionValue[]): string {
    const { location, prefix, uuid } = this.#settings
    const folder = partitionPath(this.#spec, this.#partitioner.sources, partition)
    return location(folder, `${prefix}-${this.#created++}-${uuid}.parquet`)
  }
}

/** Rows of one partition that wait to be sorted. */
interface HeldRows {
  readonly values: readonly PartitionValue[]
  /** Those in memory. */
  readonly buffer: SortBuffer
  /** Those that were sorted and spilled, run by run. */
  readonly runs: SortedRuns
}

/** @see https://iceberg.apache.org/spec/#row-lineage */
function withLineage(schema: Schema, { formatVersion, location }: TableMetadata): Schema {
  if (formatVersion >= 3) {
    return { ...schema, fields: [...schema.fields, rowIdColumn, lastUpdatedSequenceNumberColumn] }
  }
  throw new IcebergIoError(
    'invalid-argument',
    `the table at ${location} is of format version ${formatVersion}, whose rows have no lineage`,
    { context: { location, formatVersion }, hint: 'Upgrade the table to version 3, or leave rowLineage out.' },
  )
}

/** @throws IcebergIoError `invalid-argument` for a table that wants its data files in another format. */
function checkFormat(properties: Readonly<Record<string, string>>): void {
  const format = properties['write.format.default'] ?? 'parquet'
  if (format.toLowerCase() === 'parquet') return
  throw new IcebergIoError(
    'invalid-argument',
    `the table declares ${format} as the format of its data files, and only parquet is written`,
    {
      context: { property: 'write.format.default', format },
      hint: 'Set write.format.default to parquet: files of several formats stand side by side in a table.',
    },
  )
}
