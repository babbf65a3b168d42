import { ThriftWriter } from './thrift-writer.ts'
import type { PageEncoding } from './value-encoder.ts'

/** Numbers of the Parquet format. @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift */
export const PLAIN = 0
export const RLE = 3
const DELTA_BINARY_PACKED = 5
const RLE_DICTIONARY = 8
export const encodingIds: Readonly<Record<PageEncoding, number>> = { PLAIN, DELTA_BINARY_PACKED, RLE_DICTIONARY }
const DATA_PAGE = 0
const DICTIONARY_PAGE = 2
const headers = new ThriftWriter()

/** The header of a dictionary page. */
export function dictionaryHeader(plainBytes: number, compressedBytes: number, count: number): Uint8Array {
  return headers
    .int(1, DICTIONARY_PAGE)
    .int(2, plainBytes)
    .int(3, compressedBytes)
    .struct(7, (page) => page.int(1, count).int(2, PLAIN))
    .take()
}

interface DataPage {
  /** Values, nulls included. */
  readonly slots: number
  readonly encoding: PageEncoding
  readonly uncompressedBytes: number
}

/** The header of a data page. */
export function dataHeader({ slots, encoding, uncompressedBytes }: DataPage, compressedBytes: number): Uint8Array {
  return headers
    .int(1, DATA_PAGE)
    .int(2, uncompressedBytes)
    .int(3, compressedBytes)
    .struct(5, (page) => page.int(1, slots).int(2, encodingIds[encoding]).int(3, RLE).int(4, RLE))
    .take()
}
