import type { ColumnMetaData, DecodedArray, SchemaTree } from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import { decompressPage, readDataPage, readDataPageV2 } from 'hyparquet/src/datapage.js'
import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js'
import { readPlain } from 'hyparquet/src/plain.js'
import { IcebergIoError } from '../errors.ts'
import { decompressors } from './compressors.ts'

/** One data page: levels and the values that are there, raw as they are stored. */
export interface Page {
  /** A definition level a slot; empty when every slot holds a value. */
  readonly definitionLevels: readonly number[]
  /** A repetition level a slot; empty for columns that do not repeat. */
  readonly repetitionLevels: readonly number[]
  /** Slots in the page: rows, for columns that do not repeat. */
  readonly slots: number
  /** Values of the slots that hold one; indexes into `dictionary` when there is one. */
  readonly values: DecodedArray
  readonly dictionary: DecodedArray | undefined
}

/** The leaf column that a chunk belongs to. */
export interface LeafColumn {
  /** From the root to the leaf. */
  readonly path: readonly SchemaTree[]
  readonly meta: ColumnMetaData
}

/**
 * The data pages of one column chunk, in order. Values are raw: no logical type is applied.
 *
 * @throws IcebergIoError `unsupported-file` or `malformed-file`, naming the file and the column.
 */
export function* readPages(chunk: Uint8Array, column: LeafColumn, file: string): Generator<Page> {
  const { meta, path } = column
  const leaf = path[path.length - 1]
  if (leaf === undefined) throw new TypeError('a column has a path')
  const decoder = {
    pathInSchema: meta.path_in_schema,
    element: leaf.element,
    schemaPath: [...path],
    compressors: decompressors,
    type: meta.type,
    codec: meta.codec,
    parsers: DEFAULT_PARSERS,
  }
  const reader = { view: new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength), offset: 0 }
  let dictionary: DecodedArray | undefined
  let seen = 0n
  try {
    while (seen < meta.num_values && reader.offset < chunk.byteLength) {
      const header = parquetHeader(reader)
      const bytes = chunk.subarray(reader.offset, reader.offset + header.compressed_page_size)
      reader.offset += header.compressed_page_size
      if (header.dictionary_page_header !== undefined) {
        const page = decompressPage(bytes, header.uncompressed_page_size, meta.codec, decompressors)
        const values = { view: new DataView(page.buffer, page.byteOffset, page.byteLength), offset: 0 }
        dictionary = readPlain(values, meta.type, header.dictionary_page_header.num_values, leaf.element.type_length)
        continue
      }
      const v1 = header.data_page_header
      const v2 = header.data_page_header_v2
      if (v1 === undefined && v2 === undefined) continue
      const page =
        v1 === undefined
          ? readDataPageV2(bytes, header, decoder)
          : readDataPage(decompressPage(bytes, header.uncompressed_page_size, meta.codec, decompressors), v1, decoder)
      const slots = (v1 ?? v2)?.num_values ?? 0
      const encoding = (v1 ?? v2)?.encoding ?? 'PLAIN'
      seen += BigInt(slots)
      yield {
        definitionLevels: page.definitionLevels ?? [],
        repetitionLevels: page.repetitionLevels,
        slots,
        values: page.dataPage,
        dictionary: encoding.endsWith('_DICTIONARY') ? dictionary : undefined,
      }
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new IcebergIoError(
      message.includes('unsupported') ? 'unsupported-file' : 'malformed-file',
      `${file}: column ${meta.path_in_schema.join('.')} cannot be decoded: ${message}`,
      { context: { file, column: meta.path_in_schema.join('.') }, cause: error },
    )
  }
  if (seen !== meta.num_values) {
    throw new IcebergIoError('malformed-file', `${file}: column ${meta.path_in_schema.join('.')} ends early`, {
      context: { file, column: meta.path_in_schema.join('.') },
      hint: 'The file is damaged; restore it, or drop it from the table.',
    })
  }
}
