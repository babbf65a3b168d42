import type { FileIO, Schema } from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import type { Compression } from './compression.ts'
import { parquetSettings } from './file-settings.ts'
import { ParquetWriter } from './parquet-writer.ts'
import { WriteDefaults } from './write-defaults.ts'

export interface WriteParquetOptions {
  /** The columns of the file, with the field ids it gets. */
  readonly schema: Schema
  /** Default zstd. */
  readonly compression?: Compression | undefined
  /** Uncompressed bytes of a row group. Default 16 MiB. */
  readonly rowGroupBytes?: number | undefined
  /** Rows of a row group at most. Default 1,048,576. */
  readonly rowGroupRows?: number | undefined
  /** Table properties: `write.parquet.*` is followed where no option above says otherwise. */
  readonly properties?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Writes batches to one Parquet file, streamed. The file appears whole or not at all.
 *
 * @throws IcebergIoError `schema-mismatch`; whatever the store or the batches raise; the signal's reason when aborted.
 */
export async function writeParquet(
  io: FileIO,
  path: string,
  batches: AsyncIterable<RecordBatch> | Iterable<RecordBatch>,
  options: WriteParquetOptions,
): Promise<{ readonly rowCount: number; readonly sizeBytes: number }> {
  const { signal } = options
  const file = await io.create(path, { signal })
  try {
    const writer = new ParquetWriter(
      file,
      options.schema,
      parquetSettings(options.schema, options.properties ?? {}, options),
    )
    const defaults = new WriteDefaults(options.schema)
    for await (const batch of batches) {
      signal?.throwIfAborted()
      await writer.write(defaults.complete(batch))
    }
    const { rowCount, sizeBytes } = await writer.finish()
    signal?.throwIfAborted()
    await file.close()
    return { rowCount, sizeBytes }
  } catch (error) {
    await file.abort()
    throw error
  }
}
