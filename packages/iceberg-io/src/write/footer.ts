import type { CompressionCodec, SchemaElement } from 'hyparquet'
import { CompressionCodecs, ConvertedTypes, FieldRepetitionTypes, ParquetTypes } from 'hyparquet/src/constants.js'
import { ByteWriter } from 'hyparquet-writer/src/bytewriter.js'
import { logicalType } from 'hyparquet-writer/src/metadata.js'
import { serializeTCompactProtocol, ThriftStruct } from 'hyparquet-writer/src/thrift.js'
import type { Leaf } from './parquet-schema.ts'
import { statisticBytes } from './statistics.ts'
import type { RawBounds } from './value-encoder.ts'

/** Longer bounds of strings and binaries are left out of the footer; the table's metadata has them truncated. */
const MAX_STATISTIC_BYTES = 64

/** What the footer says of a column chunk. Offsets are in the file. */
export interface ChunkEntry {
  readonly leaf: Leaf
  readonly codec: CompressionCodec
  readonly encodings: readonly number[]
  readonly valueCount: number
  readonly nullCount: number
  readonly bounds: RawBounds | undefined
  readonly uncompressedBytes: number
  readonly compressedBytes: number
  readonly dataPageOffset: number
  readonly dictionaryPageOffset: number | undefined
  readonly offsetIndex: Stretch
  readonly columnIndex: Stretch | undefined
  readonly bloomFilter: Stretch | undefined
}

/** Some bytes of the file. */
export interface Stretch {
  readonly offset: number
  readonly length: number
}

export interface RowGroupEntry {
  readonly rowCount: number
  readonly offset: number
  readonly uncompressedBytes: number
  readonly compressedBytes: number
  readonly chunks: readonly ChunkEntry[]
}

export interface Footer {
  readonly elements: readonly SchemaElement[]
  readonly leafCount: number
  readonly rowCount: number
  readonly rowGroups: readonly RowGroupEntry[]
  readonly keyValues: Readonly<Record<string, string>>
  readonly createdBy: string
}

/**
 * The end of a Parquet file: its metadata, its length, and the magic number.
 *
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */
export function encodeFooter(footer: Footer): Uint8Array {
  const writer = new ByteWriter()
  serializeTCompactProtocol(writer, {
    field_1: 2,
    field_2: footer.elements.map(schemaElement),
    field_3: BigInt(footer.rowCount),
    field_4: footer.rowGroups.map(rowGroup),
    field_5: Object.entries(footer.keyValues).map(([key, value]) => ({ field_1: key, field_2: value })),
    field_6: footer.createdBy,
    field_7: Array.from({ length: footer.leafCount }, () => ({ field_1: {} })),
  })
  writer.appendUint32(writer.offset)
  writer.appendBytes(Buffer.from('PAR1'))
  return writer.getBytes()
}

type Struct = Parameters<typeof serializeTCompactProtocol>[1]

function schemaElement(element: SchemaElement): Struct {
  return {
    field_1: element.type === undefined ? undefined : ParquetTypes.indexOf(element.type),
    field_2: element.type_length,
    field_3: element.repetition_type === undefined ? undefined : FieldRepetitionTypes.indexOf(element.repetition_type),
    field_4: element.name,
    field_5: element.num_children,
    field_6: element.converted_type === undefined ? undefined : ConvertedTypes.indexOf(element.converted_type),
    field_7: element.scale,
    field_8: element.precision,
    field_9: element.field_id,
    field_10: annotation(element),
  }
}

/** The number of a byte in Thrift's compact protocol. */
const BYTE = 3

function annotation({ logical_type }: SchemaElement): Struct | undefined {
  // Readers ask a variant for the version of its encoding.
  if (logical_type?.type === 'VARIANT') return { field_16: new ThriftStruct([[1, BYTE, 1]]) }
  return logicalType(logical_type)
}

function rowGroup(group: RowGroupEntry): Struct {
  return {
    field_1: group.chunks.map(columnChunk),
    field_2: BigInt(group.uncompressedBytes),
    field_3: BigInt(group.rowCount),
    field_5: BigInt(group.offset),
    field_6: BigInt(group.compressedBytes),
  }
}

function columnChunk(chunk: ChunkEntry): Struct {
  return {
    field_2: 0n,
    field_3: {
      field_1: ParquetTypes.indexOf(chunk.leaf.physical),
      field_2: [...chunk.encodings],
      field_3: [...chunk.leaf.path],
      field_4: CompressionCodecs.indexOf(chunk.codec),
      field_5: BigInt(chunk.valueCount),
      field_6: BigInt(chunk.uncompressedBytes),
      field_7: BigInt(chunk.compressedBytes),
      field_9: BigInt(chunk.dataPageOffset),
      field_11: chunk.dictionaryPageOffset === undefined ? undefined : BigInt(chunk.dictionaryPageOffset),
      field_12: statistics(chunk),
      field_14: chunk.bloomFilter === undefined ? undefined : BigInt(chunk.bloomFilter.offset),
      field_15: chunk.bloomFilter?.length,
    },
    field_4: BigInt(chunk.offsetIndex.offset),
    field_5: chunk.offsetIndex.length,
    field_6: chunk.columnIndex === undefined ? undefined : BigInt(chunk.columnIndex.offset),
    field_7: chunk.columnIndex?.length,
  }
}

function statistics({ leaf, nullCount, bounds }: ChunkEntry): Struct {
  const min = bounds === undefined ? undefined : statisticBytes(leaf.type, bounds.min)
  const max = bounds === undefined ? undefined : statisticBytes(leaf.type, bounds.max)
  const variable = leaf.physical === 'BYTE_ARRAY'
  return {
    field_3: BigInt(nullCount),
    field_5: max === undefined || (variable && max.length > MAX_STATISTIC_BYTES) ? undefined : max,
    field_6: min === undefined || (variable && min.length > MAX_STATISTIC_BYTES) ? undefined : min,
  }
}
