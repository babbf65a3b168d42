import type { DataFile, FileIO } from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'
import { readAvroPositions } from './avro-file.ts'
import { type ParquetRead, readParquetPositions, type RowsAt } from './parquet-file.ts'

/** Where a file of a table is now: elsewhere than its metadata says, for tables whose files have moved. */
export type MapPath = (path: string) => string

/**
 * The rows of a data or delete file, with their positions.
 *
 * @throws IcebergIoError `unsupported-file` naming a file that is neither Parquet nor Avro; as for
 * {@link readParquetPositions}.
 */
export async function* readDataRows(
  io: FileIO,
  file: DataFile,
  read: Omit<ParquetRead, 'sizeBytes'> & { readonly mapPath?: MapPath | undefined },
): AsyncGenerator<RowsAt, void, undefined> {
  const path = read.mapPath?.(file.filePath) ?? file.filePath
  switch (file.fileFormat) {
    case 'parquet':
      yield* readParquetPositions(io, path, { ...read, sizeBytes: Number(file.fileSizeBytes) })
      return
    case 'avro':
      yield* readAvroPositions(io, path, read)
      return
    default: {
      const kind = file.content === 'data' ? 'data' : 'delete'
      throw new IcebergIoError(
        'unsupported-file',
        `${file.filePath} is a ${kind} file in ${file.fileFormat}; only Parquet and Avro are read`,
        {
          context: { file: file.filePath, format: file.fileFormat },
          hint: `Rewrite the table’s ${kind} files as Parquet with another engine (rewrite_data_files).`,
        },
      )
    }
  }
}
