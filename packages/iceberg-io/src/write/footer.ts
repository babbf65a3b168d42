import type { Value } from '@icebridge/iceberg-core'
import type { CompressionCodec, SchemaElement } from 'hyparquet'
import { CompressionCodecs, ConvertedTypes, FieldRepetitionTypes, ParquetTypes } from 'hyparquet/src/constants.js'
import { ByteWriter } from 'hyparquet-writer/src/bytewriter.js'
import { logicalType } from 'hyparquet-writer/src/metadata.js'
import { serializeTCompactProtocol, ThriftStruct } from 'hyparquet-writer/src/thrift.js'
import type { Leaf } from './parquet-schema.ts'
import { statisticBytes } from './statistics.ts'
import { ThriftWriter } from './thrift-writer.ts'
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
  const metadata = new ThriftWriter()
    .int(1, 2)
    .serialized(2, footer.elements.map(schemaElement))
    .long(3, footer.rowCount)
    .structs(4, footer.rowGroups, rowGroup)
    .structs(5, Object.entries(footer.keyValues), (writer, [key, value]) => writer.text(1, key).text(2, value))
    .text(6, footer.createdBy)
    .structs(7, Array.from({ length: footer.leafCount }), (writer) => writer.struct(1, () => undefined))
    .take()
  const end = Buffer.from('\0\0\0\0PAR1')
  end.writeUInt32LE(metadata.length)
  return Buffer.concat([metadata, end])
}

type Struct = Parameters<typeof serializeTCompactProtocol>[1]

function schemaElement(element: SchemaElement): Uint8Array {
  const writer = new ByteWriter()
  serializeTCompactProtocol(writer, {
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
  })
  return writer.getBytes()
}

/** The number of a byte in Thrift's compact protocol. */
const BYTE = 3

function annotation({ logical_type }: SchemaElement): Struct | undefined {
  // Readers ask a variant for the version of its encoding.
  if (logical_type?.type === 'VARIANT') return { field_16: new ThriftStruct([[1, BYTE, 1]]) }
  return logicalType(logical_type)
}

function rowGroup(writer: ThriftWriter, group: RowGroupEntry): void {
  writer
    .structs(1, group.chunks, columnChunk)
    .long(2, group.uncompressedBytes)
    .long(3, group.rowCount)
    .long(5, group.offset)
    .long(6, group.compressedBytes)
}

function columnChunk(writer: ThriftWriter, chunk: ChunkEntry): void {
  const { leaf, offsetIndex, columnIndex } = chunk
  writer
    .long(2, 0)
    .struct(3, () =>
      writer
        .int(1, ParquetTypes.indexOf(leaf.physical))
        .ints(2, chunk.encodings)
        .binaries(
          3,
          leaf.path.map((name) => Buffer.from(name)),
        )
        .int(4, CompressionCodecs.indexOf(chunk.codec))
        .long(5, chunk.valueCount)
        .long(6, chunk.uncompressedBytes)
        .long(7, chunk.compressedBytes)
        .long(9, chunk.dataPageOffset)
        .long(11, chunk.dictionaryPageOffset)
        .struct(12, () => statistics(writer, chunk))
        .long(14, chunk.bloomFilter?.offset)
        .int(15, chunk.bloomFilter?.length),
    )
    .long(4, offsetIndex.offset)
    .int(5, offsetIndex.length)
    .long(6, columnIndex?.offset)
    .int(7, columnIndex?.length)
}

function statistics(writer: ThriftWriter, { leaf, nullCount, bounds }: ChunkEntry): void {
  const bound = (value: Value): Uint8Array | undefined => {
    const bytes = statisticBytes(leaf.type, value)
    return leaf.physical === 'BYTE_ARRAY' && bytes.length > MAX_STATISTIC_BYTES ? undefined : bytes
  }
  writer
    .long(3, nullCount)
    .binary(5, bounds === undefined ? undefined : bound(bounds.max))
    .binary(6, bounds === undefined ? undefined : bound(bounds.min))
}
