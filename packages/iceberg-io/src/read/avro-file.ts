import { BatchBuilder } from '@icebridge/columnar'
import {
  AvroCompiler,
  type FileIO,
  forEachRecord,
  isIcebergError,
  type JsonValue,
  nameMappingProperty,
  openAvroFile,
  parseNameMapping,
} from '@icebridge/iceberg-core'
import type { RecordBatch } from 'apache-arrow'
import { columnFieldsOf } from '../column-fields.ts'
import { IcebergIoError } from '../errors.ts'
import { located } from '../parquet/decode-fault.ts'
import { recordAppender } from './avro-columns.ts'
import { defaultBatchRows, type ParquetRead, type RowsAt } from './parquet-file.ts'

/** The rows of one Avro file. See {@link readAvroPositions}. */
export async function* readAvro(
  io: FileIO,
  path: string,
  read: ParquetRead,
): AsyncGenerator<RecordBatch, void, undefined> {
  for await (const { batch } of readAvroPositions(io, path, read)) yield batch
}

/**
 * The rows of one Avro file, in their order, with their positions: read as those of a Parquet file are, only that nothing can
 * be passed over. Memory is bounded by two blocks and the batches of one.
 *
 * @throws IcebergIoError `unsupported-file`, `malformed-file`, naming the file; what the store throws.
 * @see https://iceberg.apache.org/spec/#avro
 */
export async function* readAvroPositions(
  io: FileIO,
  path: string,
  read: ParquetRead,
): AsyncGenerator<RowsAt, void, undefined> {
  const { signal } = read
  const batchRows = read.batchRows ?? defaultBatchRows
  const builder = new BatchBuilder(columnFieldsOf({ fields: read.fields }))
  let firstRow = 0
  try {
    const file = await openAvroFile(io, path, { sizeBytes: read.sizeBytes, signal })
    const compiler = new AvroCompiler(file.schema)
    const append = recordAppender(file.schema, read.fields, builder.columns, {
      compiler,
      mapping: mappingOf(compiler, file.schema, { read, path }),
      constants: read.constants,
      file: path,
    })
    let rows = 0
    const finish = (): RecordBatch => {
      const batch = builder.finish(rows)
      rows = 0
      return batch
    }
    const blocks = file.blocks((cursor, count) => {
      const batches: RecordBatch[] = []
      forEachRecord(cursor, count, () => {
        append(cursor)
        if (++rows >= batchRows) batches.push(finish())
      })
      if (rows > 0) batches.push(finish())
      return batches
    })
    for await (const batches of blocks) {
      for (const batch of batches) {
        signal?.throwIfAborted()
        yield { batch, firstRow }
        firstRow += batch.numRows
      }
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw faultOf(error, path)
  }
}

/** @throws IcebergIoError `unsupported-file` when the file carries no field ids and the table has no name mapping. */
function mappingOf(
  compiler: AvroCompiler,
  schema: JsonValue,
  { read, path }: { readonly read: ParquetRead; readonly path: string },
): ReturnType<typeof parseNameMapping> | undefined {
  const type = compiler.types.resolve(schema)
  if (type.kind === 'record' && type.fields.some(({ id }) => id !== undefined)) return undefined
  const text = read.properties?.[nameMappingProperty]
  if (text !== undefined) return parseNameMapping(text)
  throw new IcebergIoError('unsupported-file', `${path} carries no field ids and the table has no name mapping`, {
    context: { file: path },
    hint: `Set the table property ${nameMappingProperty}.`,
  })
}

/** Core calls every damaged Avro file a manifest; columns do not know their file; the store's errors pass through. */
function faultOf(error: unknown, path: string): unknown {
  if (isIcebergError(error) && (error.code === 'malformed-manifest' || error.code === 'malformed-json')) {
    const message = error.message.replace(`${path} `, '')
    return new IcebergIoError('malformed-file', `${path}: ${message}`, {
      context: { ...error.context, file: path },
      hint: 'The file is damaged; restore it, or drop it from the table.',
      cause: error,
    })
  }
  if (error instanceof IcebergIoError || !(error instanceof Error)) return error
  const known = error.name === 'ColumnarError' || !('code' in error)
  return known ? located(error, path) : error
}
