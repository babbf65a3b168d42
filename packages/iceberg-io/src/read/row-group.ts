import type { ColumnChunk, RowGroup, Span } from '../parquet/metadata.ts'
import { LeafReader, type LoadedChunk, type PageRun } from '../parquet/leaf-reader.ts'
import { parseColumnIndex, parseOffsetIndex, type PageLocation } from '../parquet/page-index.ts'
import type { SchemaNode } from '../parquet/schema-tree.ts'
import { parseBloomFilter, type SplitBlocks } from '../parquet/split-blocks.ts'
import { fetchSpans, type ParquetSource } from './fetch-spans.ts'
import type { LeafIndex, RowPruner } from './row-pruner.ts'
import { overlaps, type RowRanges } from './row-ranges.ts'

/** The rows of one row group that are to be read, with the pages that hold them in memory. */
export interface LoadedRowGroup {
  readonly ranges: RowRanges
  readonly readers: ReadonlyMap<SchemaNode, LeafReader>
}

/** Fetches what of a row group may hold rows that pass: pages that the page index rules out are left where they are. */
export async function loadRowGroup(
  source: ParquetSource,
  group: RowGroup,
  wanted: { readonly leaves: readonly SchemaNode[]; readonly pruner: RowPruner | undefined },
): Promise<LoadedRowGroup> {
  const { leaves, pruner } = wanted
  const ranges = pruner === undefined ? allRows(group) : await rowsThatMight(source, group, pruner)
  const part = ranges.length !== 1 || ranges[0]?.start !== 0 || ranges[0].end !== group.rowCount
  if (ranges.length === 0) return { ranges, readers: new Map() }
  const indexes = part ? await offsetIndexes(source, group, leaves) : new Map<SchemaNode, readonly PageLocation[]>()
  const spans: Span[] = []
  const plans = leaves.map((leaf) => {
    const chunk = chunkOf(group, leaf)
    const pages = indexes.get(leaf)
    const plan = pages === undefined ? wholeChunk(chunk) : somePages(chunk, pages, { ranges, rowCount: group.rowCount })
    const first = spans.length
    spans.push(...plan.spans)
    return { leaf, chunk, plan, first }
  })
  const fetched = await fetchSpans(source, spans)
  const readers = plans.map(({ leaf, chunk, plan, first }) => {
    const bytes = fetched.slice(first, first + plan.spans.length)
    const dictionary = plan.dictionary ? bytes.shift() : undefined
    const runs = plan.firstRows.map((firstRow, at): PageRun => ({ firstRow, bytes: bytes[at] ?? new Uint8Array(0) }))
    const loaded: LoadedChunk = { chunk, dictionary, runs }
    return [leaf, new LeafReader(leaf, loaded)] as const
  })
  return { ranges, readers: new Map(readers) }
}

/** Bytes of the chunks that a read needs, stored. */
export function storedBytes(group: RowGroup, leaves: readonly SchemaNode[]): number {
  return leaves.reduce((sum, leaf) => {
    const { span } = chunkOf(group, leaf)
    return sum + span.end - span.start
  }, 0)
}

function allRows(group: RowGroup): RowRanges {
  return [{ start: 0, end: group.rowCount }]
}

function chunkOf(group: RowGroup, leaf: SchemaNode): ColumnChunk {
  const chunk = group.chunks[leaf.leaf ?? -1]
  if (chunk === undefined) throw new TypeError('a chunk for each leaf')
  return chunk
}

interface ChunkPlan {
  readonly spans: readonly Span[]
  /** Whether the first span is the dictionary page. */
  readonly dictionary: boolean
  /** The first row of each other span. */
  readonly firstRows: readonly number[]
}

function wholeChunk(chunk: ColumnChunk): ChunkPlan {
  return { spans: [chunk.span], dictionary: false, firstRows: [0] }
}

function somePages(
  chunk: ColumnChunk,
  pages: readonly PageLocation[],
  rows: { readonly ranges: RowRanges; readonly rowCount: number },
): ChunkPlan {
  const spans: Span[] = []
  const firstRows: number[] = []
  // Whatever comes before the first data page: the dictionary, if there is one.
  const firstPage = pages[0]?.start ?? chunk.span.end
  const dictionary = firstPage > chunk.span.start
  if (dictionary) spans.push({ start: chunk.span.start, end: firstPage })
  let last: { start: number; end: number } | undefined
  pages.forEach((page, at) => {
    const end = pages[at + 1]?.firstRow ?? rows.rowCount
    if (!overlaps(rows.ranges, { start: page.firstRow, end })) {
      last = undefined
      return
    }
    if (last !== undefined && last.end === page.start) {
      last.end = page.end
      return
    }
    last = { start: page.start, end: page.end }
    spans.push(last)
    firstRows.push(page.firstRow)
  })
  return { spans, dictionary, firstRows }
}

async function rowsThatMight(source: ParquetSource, group: RowGroup, pruner: RowPruner): Promise<RowRanges> {
  if (!pruner.groupMightMatch(group) || !(await bloomsMightMatch(source, group, pruner))) return []
  const leaves = pruner.leaves.filter((leaf) => chunkOf(group, leaf).columnIndex !== undefined)
  if (leaves.length === 0) return allRows(group)
  const pages = await offsetIndexes(source, group, leaves)
  const spans = leaves.map((leaf) => chunkOf(group, leaf).columnIndex ?? { start: 0, end: 0 })
  const fetched = await fetchSpans(source, spans)
  const indexes = new Map<SchemaNode, LeafIndex>()
  leaves.forEach((leaf, at) => {
    const bounds = parseColumnIndex(fetched[at] ?? new Uint8Array(0))
    const places = pages.get(leaf)
    if (bounds !== undefined && places?.length === bounds.length) indexes.set(leaf, { bounds, pages: places })
  })
  return pruner.rows(group.rowCount, indexes)
}

/** Fetches the bloom filters of columns that are compared with values. */
async function bloomsMightMatch(source: ParquetSource, group: RowGroup, pruner: RowPruner): Promise<boolean> {
  const leaves = pruner.lookedUp.filter((leaf) => chunkOf(group, leaf).bloomFilter !== undefined)
  if (leaves.length === 0) return true
  const spans = leaves.map((leaf) => chunkOf(group, leaf).bloomFilter ?? { start: 0, end: 0 })
  const fetched = await fetchSpans(source, spans)
  const blooms = new Map<SchemaNode, SplitBlocks>()
  leaves.forEach((leaf, at) => {
    const bloom = parseBloomFilter(fetched[at] ?? new Uint8Array(0))
    if (bloom !== undefined) blooms.set(leaf, bloom)
  })
  return pruner.bloomsMightMatch(blooms)
}

async function offsetIndexes(
  source: ParquetSource,
  group: RowGroup,
  leaves: readonly SchemaNode[],
): Promise<Map<SchemaNode, readonly PageLocation[]>> {
  const found = leaves.flatMap((leaf) => {
    const chunk = chunkOf(group, leaf)
    return chunk.offsetIndex === undefined ? [] : [{ leaf, chunk, span: chunk.offsetIndex }]
  })
  const fetched = await fetchSpans(
    source,
    found.map(({ span }) => span),
  )
  const indexes = new Map<SchemaNode, readonly PageLocation[]>()
  found.forEach(({ leaf, chunk }, at) => {
    const pages = parseOffsetIndex(fetched[at] ?? new Uint8Array(0), {
      dataStart: chunk.span.start,
      end: chunk.span.end,
      rowCount: group.rowCount,
    })
    if (pages !== undefined) indexes.set(leaf, pages)
  })
  return indexes
}
