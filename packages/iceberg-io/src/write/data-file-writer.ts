import {
  type DataFile,
  type FileIO,
  type FileWriter,
  IcebergError,
  type PartitionValue,
  type Schema,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { IcebergIoError } from '../errors.ts'
import { fileMetrics, type MetricsModes } from './metrics.ts'
import { ParquetWriter, type ParquetWriterOptions } from './parquet-writer.ts'
import { OrderCheck, type RowOrder } from './row-order.ts'

export interface DataFileOptions extends ParquetWriterOptions {
  readonly schema: Schema
  readonly specId: number
  readonly partition: readonly PartitionValue[]
  readonly metrics: MetricsModes
  /** Whether the rows are in this order is checked as they come; the entry names it when all were. */
  readonly order: RowOrder | undefined
  readonly signal: AbortSignal | undefined
}

/** One data file from its first row to its entry for a manifest. */
export class DataFileWriter {
  readonly path: string
  readonly #file: FileWriter
  readonly #parquet: ParquetWriter
  readonly #options: DataFileOptions
  readonly #orderCheck: OrderCheck | undefined

  private constructor(file: FileWriter, options: DataFileOptions) {
    this.path = file.path
    this.#file = file
    this.#options = options
    this.#parquet = new ParquetWriter(file, options.schema, options)
    this.#orderCheck = options.order === undefined ? undefined : new OrderCheck(options.order)
  }

  static async create(io: FileIO, path: string, options: DataFileOptions): Promise<DataFileWriter> {
    const file = await named(path, () => io.create(path, { signal: options.signal }))
    return new DataFileWriter(file, options)
  }

  get estimatedBytes(): number {
    return this.#parquet.estimatedBytes
  }

  async write(batch: RecordBatch): Promise<void> {
    this.#orderCheck?.add(batch)
    await named(this.path, () => this.#parquet.write(batch))
  }

  /** Ends the file; it is whole and durable when this resolves. */
  async close(): Promise<DataFile> {
    const { specId, partition, metrics } = this.#options
    const sortOrderId = this.#orderCheck?.orderId
    const written = await named(this.path, () => this.#parquet.finish())
    await named(this.path, () => this.#file.close())
    return {
      content: 'data',
      filePath: this.path,
      fileFormat: 'parquet',
      specId,
      partition,
      recordCount: BigInt(written.rowCount),
      fileSizeBytes: BigInt(written.sizeBytes),
      ...fileMetrics(written.chunks, metrics),
      splitOffsets: written.splitOffsets.map(BigInt),
      ...(sortOrderId === undefined ? {} : { sortOrderId }),
    }
  }

  async abort(): Promise<void> {
    await this.#file.abort()
  }
}

/** Runs a step of writing; a failure that does not name the file yet is wrapped in one that does. */
async function named<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    const known = error instanceof IcebergError || error instanceof IcebergIoError
    // A signal's reason passes as it is.
    const aborted = error instanceof DOMException || (error instanceof Error && error.name === 'AbortError')
    if (known || aborted || !(error instanceof Error) || !('code' in error || 'errno' in error)) throw error
    throw new IcebergError('io', `writing ${path} failed: ${error.message}`, {
      context: { path },
      hint: 'Check the free space and the permissions of the location.',
      cause: error,
    })
  }
}
