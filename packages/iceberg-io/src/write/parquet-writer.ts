import { type ColumnField, type ColumnType, columnFields, type ColumnView, columnView } from '@icebridge/columnar'
import { type FileWriter, type Schema, schemaToJson, stringifyJsonLossless } from '@icebridge/iceberg-core'
import type { RecordBatch, Schema as ArrowSchema } from 'apache-arrow'
import { columnFieldsOf } from '../column-fields.ts'
import { IcebergIoError } from '../errors.ts'
import { batchBytes } from './batch-bytes.ts'
import { type BloomOptions, canBloom } from './bloom-filter.ts'
import { type ChunkEntry, encodeFooter, type RowGroupEntry, type Stretch } from './footer.ts'
import { type Chunk, type LeafOptions, LeafWriter } from './leaf-writer.ts'
import { encodeColumnIndex, encodeOffsetIndex } from './page-index.ts'
import { type Node, type ParquetSchema, parquetSchema } from './parquet-schema.ts'
import { shred } from './shred.ts'

const CREATED_BY = 'icebridge'
const MAGIC = Buffer.from('PAR1')
const ROWS_A_STEP = 4096
/** Small pieces are written together up to this. */
const WRITE_BYTES = 1 << 20

export interface ParquetWriterOptions extends Omit<LeafOptions, 'bloom'> {
  /** Uncompressed bytes at which a row group ends. */
  readonly rowGroupBytes: number
  /** Rows at which a row group ends. */
  readonly rowGroupRows: number
  /** Columns that get a bloom filter, by field id. */
  readonly blooms?: ReadonlyMap<number, BloomOptions> | undefined
}

/** A chunk as it was written, for the metrics of the file. */
export type WrittenChunk = Omit<Chunk, 'parts' | 'pages' | 'bloomFilter'>

/** What a finished file holds. */
export interface WrittenParquet {
  readonly rowCount: number
  readonly sizeBytes: number
  /** Where each row group starts. */
  readonly splitOffsets: readonly number[]
  /** By row group, then by leaf in file order. */
  readonly chunks: readonly (readonly WrittenChunk[])[]
}

/** A row group whose indexes are yet to be written: they stand together before the footer. */
interface PendingGroup extends Omit<RowGroupEntry, 'chunks'> {
  readonly chunks: readonly PendingChunk[]
}

interface PendingChunk extends Omit<ChunkEntry, 'offsetIndex' | 'columnIndex'> {
  readonly offsetIndex: Uint8Array
  readonly columnIndex: Uint8Array | undefined
}

/**
 * Writes one Parquet file of an Iceberg schema, row group by row group: what is held is the open row group's compressed
 * pages and one open page a column.
 *
 * Neither closes nor aborts the {@link FileWriter}.
 */
export class ParquetWriter {
  readonly #file: FileWriter
  readonly #options: ParquetWriterOptions
  readonly #schema: Schema
  readonly #parquet: ParquetSchema
  readonly #fields: readonly ColumnField[]
  readonly #leaves: readonly LeafWriter[]
  readonly #scratch: Int32Array = new Int32Array(ROWS_A_STEP)
  readonly #groups: PendingGroup[] = []
  readonly #chunks: WrittenChunk[][] = []
  #checked: { readonly schema: ArrowSchema; readonly order: readonly number[] } | undefined = undefined
  #position = 0
  /** The end of what was put, which is not yet in the file. */
  #gathered: Uint8Array | undefined = undefined
  #gatheredBytes = 0
  #rowCount = 0
  #groupRows = 0
  #groupBytes = 0

  constructor(file: FileWriter, schema: Schema, options: ParquetWriterOptions) {
    this.#file = file
    this.#schema = schema
    this.#options = options
    this.#parquet = parquetSchema(schema)
    this.#fields = columnFieldsOf(schema)
    this.#leaves = this.#parquet.leaves.map((leaf) => {
      const bloom = canBloom(leaf) ? options.blooms?.get(leaf.fieldId) : undefined
      return new LeafWriter(leaf, { ...options, bloom })
    })
  }

  get rowCount(): number {
    return this.#rowCount
  }

  /** Bytes put, plus what the open row group will add if it compresses like the ones before it. */
  get estimatedBytes(): number {
    return this.#position + this.#groupBytes * this.#ratio
  }

  /** Compressed share of the bytes so far; a guess before the first row group. */
  get #ratio(): number {
    let plain = 0
    for (const group of this.#groups) plain += group.uncompressedBytes
    return plain === 0 ? 0.5 : this.#position / plain
  }

  /**
   * Appends a batch. Its columns are matched by name, in any order; an absent optional column is null.
   *
   * @throws IcebergIoError `schema-mismatch` naming the column that is unknown, missing, of another type, or null where
   * it is required. A null inside a nested column is found on the way; the file can only be aborted then.
   */
  async write(batch: RecordBatch): Promise<void> {
    const order = this.#columnOrder(batch.schema)
    const views = order.map((index) => (index < 0 ? undefined : columnView(batch, index)))
    this.#checkNulls(views)
    const bytesARow = Math.max(1, batchBytes(batch) / Math.max(1, batch.numRows))
    for (let start = 0; start < batch.numRows;) {
      const room = Math.min(
        this.#options.rowGroupRows - this.#groupRows,
        Math.ceil((this.#options.rowGroupBytes - this.#groupBytes) / bytesARow),
        ROWS_A_STEP,
        Math.ceil(this.#options.pageBytes / bytesARow),
      )
      const end = Math.min(batch.numRows, start + Math.max(1, room))
      this.#append(views, { start, end })
      this.#groupRows += end - start
      this.#groupBytes += Math.ceil((end - start) * bytesARow)
      start = end
      if (this.#groupRows >= this.#options.rowGroupRows || this.#groupBytes >= this.#options.rowGroupBytes) {
        await this.#endRowGroup()
      }
    }
    for (const leaf of this.#leaves) await leaf.detach()
  }

  /** Writes what is left and the footer. */
  async finish(): Promise<WrittenParquet> {
    await this.#endRowGroup()
    this.#options.compressor.release?.()
    if (this.#position === 0) await this.#put(MAGIC)
    const rowGroups = await this.#putIndexes()
    await this.#put(
      encodeFooter({
        elements: this.#parquet.elements,
        leafCount: this.#parquet.leaves.length,
        rowCount: this.#rowCount,
        rowGroups,
        keyValues: { 'iceberg.schema': stringifyJsonLossless(schemaToJson(this.#schema)) },
        createdBy: CREATED_BY,
      }),
    )
    await this.#flush()
    if (this.#gathered !== undefined) this.#options.memory.giveBack(this.#gathered.buffer)
    this.#gathered = undefined
    return {
      rowCount: this.#rowCount,
      sizeBytes: this.#position,
      splitOffsets: this.#groups.map((group) => group.offset),
      chunks: this.#chunks,
    }
  }

  #append(views: readonly (ColumnView | undefined)[], range: { readonly start: number; readonly end: number }): void {
    let leaf = 0
    for (const [index, node] of this.#parquet.columns.entries()) {
      const view = views[index]
      if (node.kind === 'absent') continue
      if (view === undefined) {
        leaf = this.#appendAbsent(node, range.end - range.start, leaf)
      } else if (node.kind === 'leaf') {
        this.#leaves[leaf++]?.appendColumn(view, range, this.#scratch)
      } else {
        for (const shredded of shred(node, view, range)) {
          this.#leaves[leaf++]?.appendShredded(shredded, range.end - range.start)
        }
      }
    }
  }

  /** Nulls for every leaf of a column that the batch does not have. */
  #appendAbsent(node: Node, rows: number, first: number): number {
    let leaf = first
    for (const count = leavesOf(node); leaf < first + count; leaf++) this.#leaves[leaf]?.appendNulls(rows)
    return leaf
  }

  async #endRowGroup(): Promise<void> {
    if (this.#groupRows === 0) return
    if (this.#position === 0) await this.#put(MAGIC)
    const { compressor } = this.#options
    const offset = this.#position
    const entries: PendingChunk[] = []
    const written: WrittenChunk[] = []
    // Large pages are compressed side by side, on other threads.
    for (const leaf of this.#leaves) leaf.endPages()
    for (const leaf of this.#leaves) {
      const { parts, pages, bloomFilter, ...chunk } = await leaf.takeChunk()
      const start = this.#position
      for (const part of parts) {
        await this.#put(part)
        compressor.giveBack?.(part)
      }
      entries.push({
        ...chunk,
        codec: compressor.codec,
        dataPageOffset: start + chunk.dictionaryBytes,
        dictionaryPageOffset: chunk.hasDictionary ? start : undefined,
        offsetIndex: encodeOffsetIndex(pages, start),
        columnIndex: encodeColumnIndex(chunk.leaf, pages),
        bloomFilter: await this.#putStretch(bloomFilter),
      })
      written.push(chunk)
    }
    this.#groups.push({
      rowCount: this.#groupRows,
      offset,
      uncompressedBytes: entries.reduce((sum, chunk) => sum + chunk.uncompressedBytes, 0),
      compressedBytes: this.#position - offset,
      chunks: entries,
    })
    this.#chunks.push(written)
    this.#rowCount += this.#groupRows
    this.#groupRows = 0
    this.#groupBytes = 0
  }

  /** Writes the page indexes of all row groups, column indexes first, and gives the entries with their places. */
  async #putIndexes(): Promise<readonly RowGroupEntry[]> {
    const chunks = this.#groups.flatMap((group) => group.chunks)
    const columnIndexes = new Map<PendingChunk, Stretch | undefined>()
    for (const chunk of chunks) columnIndexes.set(chunk, await this.#putStretch(chunk.columnIndex))
    const groups: RowGroupEntry[] = []
    for (const group of this.#groups) {
      const entries: ChunkEntry[] = []
      for (const chunk of group.chunks) {
        const offsetIndex = { offset: this.#position, length: chunk.offsetIndex.length }
        await this.#put(chunk.offsetIndex)
        entries.push({ ...chunk, offsetIndex, columnIndex: columnIndexes.get(chunk) })
      }
      groups.push({ ...group, chunks: entries })
    }
    return groups
  }

  async #putStretch(bytes: Uint8Array | undefined): Promise<Stretch | undefined> {
    if (bytes === undefined) return undefined
    const offset = this.#position
    await this.#put(bytes)
    return { offset, length: bytes.length }
  }

  /** Small pieces go to the file together; large ones are not copied once more. */
  async #put(bytes: Uint8Array): Promise<void> {
    const large = bytes.length > WRITE_BYTES >> 2
    if (large || this.#gatheredBytes + bytes.length > WRITE_BYTES) await this.#flush()
    if (large) {
      await this.#file.write(bytes)
    } else {
      this.#gathered ??= new Uint8Array(this.#options.memory.take(WRITE_BYTES), 0, WRITE_BYTES)
      this.#gathered.set(bytes, this.#gatheredBytes)
      this.#gatheredBytes += bytes.length
    }
    this.#position += bytes.length
  }

  async #flush(): Promise<void> {
    if (this.#gathered === undefined || this.#gatheredBytes === 0) return
    await this.#file.write(this.#gathered.subarray(0, this.#gatheredBytes))
    this.#gatheredBytes = 0
  }

  /** For each table column its index in the batch, -1 when it is absent. */
  #columnOrder(schema: ArrowSchema): readonly number[] {
    if (this.#checked?.schema === schema) return this.#checked.order
    const found = columnFields(schema)
    const unknown = found.find((field) => !this.#fields.some((known) => known.name === field.name))
    if (unknown !== undefined) throw mismatch(unknown.name, 'is in the batch and not in the table')
    const order = this.#fields.map((field) => {
      const index = found.findIndex((candidate) => candidate.name === field.name)
      const other = found[index]
      if (other === undefined && !field.nullable) throw mismatch(field.name, 'is required and not in the batch')
      if (other !== undefined && !sameType(field.type, other.type)) {
        throw mismatch(field.name, `is ${describe(field.type)} in the table and ${describe(other.type)} in the batch`)
      }
      return index
    })
    this.#checked = { schema, order }
    return order
  }

  #checkNulls(views: readonly (ColumnView | undefined)[]): void {
    for (const [index, field] of this.#fields.entries()) {
      if (!field.nullable && (views[index]?.nullCount ?? 0) > 0) throw mismatch(field.name, 'is required and has nulls')
    }
  }
}

function leavesOf(node: Node): number {
  switch (node.kind) {
    case 'leaf':
      return 1
    case 'absent':
      return 0
    case 'struct':
      return node.children.reduce((sum, child) => sum + leavesOf(child), 0)
    case 'list':
      return leavesOf(node.element)
    case 'map':
      return leavesOf(node.key) + leavesOf(node.value)
  }
}

function sameType(a: ColumnType, b: ColumnType): boolean {
  if (a.kind === 'decimal' && b.kind === 'decimal') return a.precision === b.precision && a.scale === b.scale
  if (a.kind === 'timestamp' && b.kind === 'timestamp') return a.utc === b.utc
  if (a.kind === 'timestamp_ns' && b.kind === 'timestamp_ns') return a.utc === b.utc
  if (a.kind === 'fixed' && b.kind === 'fixed') return a.length === b.length
  // A uuid without its Arrow extension name is 16 bytes all the same.
  if (a.kind === 'uuid' && b.kind === 'fixed') return b.length === 16
  if (a.kind === 'list' && b.kind === 'list') return sameType(a.element.type, b.element.type)
  if (a.kind === 'map' && b.kind === 'map')
    return sameType(a.key.type, b.key.type) && sameType(a.value.type, b.value.type)
  if (a.kind === 'struct' && b.kind === 'struct') {
    return (
      a.fields.length === b.fields.length &&
      a.fields.every((field, index) => {
        const other = b.fields[index]
        return other !== undefined && field.name === other.name && sameType(field.type, other.type)
      })
    )
  }
  return a.kind === b.kind
}

function describe(type: ColumnType): string {
  if (type.kind === 'decimal') return `decimal(${type.precision},${type.scale})`
  if (type.kind === 'timestamp' || type.kind === 'timestamp_ns') {
    return `${type.kind} ${type.utc ? 'in UTC' : 'without a time zone'}`
  }
  if (type.kind === 'fixed') return `fixed(${type.length})`
  return type.kind
}

function mismatch(column: string, what: string): IcebergIoError {
  return new IcebergIoError('schema-mismatch', `column ${column} ${what}`, {
    context: { column },
    hint: 'Write batches with the columns of the table, or evolve the table first.',
  })
}
