import {
  currentSchema,
  type DataFile,
  dataFolder,
  defaultSpec,
  type Environment,
  type FileIO,
  type PartitionSpec,
  type PartitionValue,
  type Schema,
  type TableHandle,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { IcebergIoError } from '../errors.ts'
import type { Compression } from './compression.ts'
import { DataFileWriter, type DataFileOptions } from './data-file-writer.ts'
import { deleteDataFiles } from './delete-data-files.ts'
import { parquetSettings, positive } from './file-settings.ts'
import { metricsModes } from './metrics.ts'
import { partitionPath } from './partition-path.ts'
import { type PartitionedBatch, Partitioner } from './partitioner.ts'

const DEFAULT_FILE_BYTES = 512 * 1024 * 1024
const DEFAULT_OPEN_WRITERS = 8

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
  readonly sortOrderId?: number | undefined
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
    readonly folder: string
    readonly prefix: string
    readonly uuid: string
    readonly fileBytes: number
    readonly open: number
  }
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
    this.#partitioner = new Partitioner(this.schema, this.#spec)
    this.#fileOptions = {
      ...parquetSettings(this.schema, properties, options),
      schema: this.schema,
      specId: this.#spec.specId,
      metrics: metricsModes(this.schema, properties, options.fullMetricsColumns),
      sortOrderId: options.sortOrderId,
      signal: options.signal,
    }
    this.#settings = {
      folder: dataFolder(metadata),
      prefix: `${options.filePrefix ?? ''}00000`,
      uuid: options.environment.uuid(),
      fileBytes:
        positive('targetFileSizeBytes', options.targetFileSizeBytes) ??
        positive('write.target-file-size-bytes', properties['write.target-file-size-bytes']) ??
        DEFAULT_FILE_BYTES,
      open: positive('maxOpenWriters', options.maxOpenWriters) ?? DEFAULT_OPEN_WRITERS,
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
   * Appends a batch. A missing optional column is null.
   *
   * @throws IcebergIoError `schema-mismatch` naming the column; whatever the store raises, naming the file; the signal's
   * reason when it is aborted.
   */
  async write(batch: RecordBatch): Promise<void> {
    await this.#step(async () => {
      if (this.#spec.fields.length === 0) {
        await this.#writePart({ key: '', values: [], batch })
        return
      }
      for (const part of this.#partitioner.split(batch)) await this.#writePart(part)
    })
  }

  /** Ends all files. They are whole and durable when this resolves, and belong to no snapshot yet. */
  async finish(): Promise<readonly DataFile[]> {
    return this.#step(async () => {
      for (const key of this.#writers.keys()) await this.#close(key)
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
    const aborted = await Promise.allSettled(open.map((writer) => writer.abort()))
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

  async #writePart(part: PartitionedBatch): Promise<void> {
    this.#fileOptions.signal?.throwIfAborted()
    if (part.batch.numRows === 0) return
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
    const { folder, prefix, uuid } = this.#settings
    const inside = partitionPath(this.#spec, this.#partitioner.sources, partition)
    const file = `${prefix}-${this.#created++}-${uuid}.parquet`
    return inside === '' ? `${folder}/${file}` : `${folder}/${inside}/${file}`
  }
}
