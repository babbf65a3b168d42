import { damaged, unsupported } from './decode-fault.ts'
import { schemaTree, type SchemaNode } from './schema-tree.ts'
import { ThriftReader, type ThriftStruct } from './thrift.ts'

export const codecs = ['uncompressed', 'snappy', 'gzip', 'lzo', 'brotli', 'lz4', 'zstd', 'lz4_raw'] as const
export type Codec = (typeof codecs)[number]

/** The smallest and largest value of a chunk, as bytes of the physical type. */
export interface ChunkStatistics {
  readonly min: Uint8Array | undefined
  readonly max: Uint8Array | undefined
  /** True for bounds of the deprecated fields, whose order is signed whatever the type. */
  readonly deprecated: boolean
  readonly nullCount: bigint | undefined
}

/** A range of bytes in the file, end exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** The values of one leaf in one row group. */
export interface ColumnChunk {
  readonly codec: Codec
  /** Slots: values and nulls, and empty lists. */
  readonly valueCount: bigint
  /** Dictionary page, if any, and data pages. */
  readonly span: Span
  readonly dictionaryStart: number | undefined
  readonly dataStart: number
  readonly statistics: ChunkStatistics | undefined
  readonly offsetIndex: Span | undefined
  readonly columnIndex: Span | undefined
  /** With its header; undefined where the writer did not say how long it is. */
  readonly bloomFilter: Span | undefined
}

export interface RowGroup {
  readonly rowCount: number
  /** By the leaf's place in the file. */
  readonly chunks: readonly ColumnChunk[]
}

export interface ParquetMetadata {
  readonly root: SchemaNode
  readonly leaves: readonly SchemaNode[]
  readonly rowCount: bigint
  readonly rowGroups: readonly RowGroup[]
}

/**
 * The metadata in a file's footer, checked against itself and the file's size.
 *
 * @throws DecodeFault
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */
export function parseMetadata(footer: Uint8Array, fileBytes: number): ParquetMetadata {
  const struct = new ThriftReader(footer).struct()
  if (struct.struct(8) !== undefined) throw unsupported('the file is encrypted')
  const { root, leaves } = schemaTree(struct.structs(2) ?? [])
  const rowGroups = (struct.structs(4) ?? []).map((group, index) => rowGroup(group, { index, leaves, fileBytes }))
  const rowCount = struct.long(3) ?? 0n
  const counted = rowGroups.reduce((sum, group) => sum + BigInt(group.rowCount), 0n)
  if (counted !== rowCount) throw damaged(`the file claims ${rowCount} rows and its row groups have ${counted}`)
  return { root, leaves, rowCount, rowGroups }
}

interface GroupPlace {
  readonly index: number
  readonly leaves: readonly SchemaNode[]
  readonly fileBytes: number
}

function rowGroup(group: ThriftStruct, place: GroupPlace): RowGroup {
  const rows = group.long(3) ?? 0n
  if (rows < 0n || rows > 0xffff_ffff_ffffn) throw damaged(`row group ${place.index} claims ${rows} rows`)
  const columns = group.structs(1) ?? []
  if (columns.length !== place.leaves.length) {
    throw damaged(`row group ${place.index} has ${columns.length} columns and the schema ${place.leaves.length}`)
  }
  const chunks = columns.map((column, at) => {
    const leaf = place.leaves[at]
    if (leaf === undefined) throw new TypeError('as many leaves as columns')
    const chunk = columnChunk(column, leaf, place)
    if (leaf.maxRepetition === 0 ? chunk.valueCount !== rows : chunk.valueCount < rows) {
      throw damaged(
        `row group ${place.index} has ${rows} rows and ${chunk.valueCount} values of ${leaf.path.join('.')}`,
      )
    }
    return chunk
  })
  return { rowCount: Number(rows), chunks }
}

function columnChunk(column: ThriftStruct, leaf: SchemaNode, place: GroupPlace): ColumnChunk {
  const name = leaf.path.join('.')
  if ((column.text(1) ?? '') !== '') throw unsupported(`the column ${name} is kept in another file`)
  const meta = column.struct(3)
  if (meta === undefined) throw unsupported(`the column ${name} has no metadata, as in encrypted files`)
  const codec = codecs[meta.int(4) ?? 0]
  if (codec === undefined) throw unsupported(`the column ${name} is compressed with the unknown codec ${meta.int(4)}`)
  const physical = meta.int(1)
  if (physical !== undefined && physical !== leaf.physicalId) throw damaged(`the column ${name} has two types`)
  const data = offset(meta.long(9), place.fileBytes)
  const dictionary = offset(meta.long(11), place.fileBytes)
  if (data === undefined) throw damaged(`the column ${name} has no pages`)
  // Some writers set the dictionary's offset to 0, or to that of the data, where there is none.
  const dictionaryStart = dictionary !== undefined && dictionary > 0 && dictionary < data ? dictionary : undefined
  const start = dictionaryStart ?? data
  const size = meta.long(7) ?? 0n
  if (size < 0n || BigInt(start) + size > BigInt(place.fileBytes))
    throw damaged(`the column ${name} ends after the file`)
  const valueCount = meta.long(5) ?? 0n
  if (valueCount < 0n) throw damaged(`the column ${name} claims ${valueCount} values`)
  return {
    codec,
    valueCount,
    span: { start, end: start + Number(size) },
    dictionaryStart,
    dataStart: data,
    statistics: statistics(meta.struct(12)),
    offsetIndex: span(column.long(4), column.int(5), place.fileBytes),
    columnIndex: span(column.long(6), column.int(7), place.fileBytes),
    bloomFilter: span(meta.long(14), meta.int(15), place.fileBytes),
  }
}

function statistics(struct: ThriftStruct | undefined): ChunkStatistics | undefined {
  if (struct === undefined) return undefined
  const deprecated = struct.bytes(5) === undefined && struct.bytes(6) === undefined
  return {
    min: deprecated ? struct.bytes(2) : struct.bytes(6),
    max: deprecated ? struct.bytes(1) : struct.bytes(5),
    deprecated,
    nullCount: struct.long(3),
  }
}

function offset(value: bigint | undefined, fileBytes: number): number | undefined {
  if (value === undefined) return undefined
  if (value < 0n || value > BigInt(fileBytes)) throw damaged(`an offset of ${value} is not within the file`)
  return Number(value)
}

/** An index that does not lie in the file is no index. */
function span(start: bigint | undefined, length: number | undefined, fileBytes: number): Span | undefined {
  if (start === undefined || length === undefined || start <= 0n || length <= 0) return undefined
  return start + BigInt(length) > BigInt(fileBytes) ? undefined : { start: Number(start), end: Number(start) + length }
}
