import { compareRaw, indexBounds } from './statistics.ts'
import type { Leaf } from './parquet-schema.ts'
import { ThriftWriter } from './thrift-writer.ts'
import type { RawBounds } from './value-encoder.ts'

/** What the indexes keep of one page. */
export interface IndexedPage {
  /** Where its header starts, relative to the chunk. */
  readonly offset: number
  /** Header included. */
  readonly compressedBytes: number
  /** Its first row, counted in the row group. */
  readonly firstRow: number
  readonly nullCount: number
  /** True when it holds nothing but nulls. */
  readonly isNull: boolean
  readonly bounds: RawBounds | undefined
}

/**
 * Where the pages of a chunk that starts at `position` are.
 *
 * @see https://github.com/apache/parquet-format/blob/master/PageIndex.md
 */
export function encodeOffsetIndex(pages: readonly IndexedPage[], position: number): Uint8Array {
  return new ThriftWriter()
    .structs(1, pages, (writer, page) =>
      writer
        .long(1, position + page.offset)
        .int(2, page.compressedBytes)
        .long(3, page.firstRow),
    )
    .take()
}

/** Bounds and null counts of a chunk's pages; `undefined` when some page has values without bounds, as one of NaNs has. */
export function encodeColumnIndex(leaf: Leaf, pages: readonly IndexedPage[]): Uint8Array | undefined {
  if (pages.length === 0 || pages.some((page) => !page.isNull && page.bounds === undefined)) return undefined
  const none = new Uint8Array(0)
  const bounds = pages.map((page) =>
    page.bounds === undefined ? { min: none, max: none } : indexBounds(leaf, page.bounds),
  )
  return new ThriftWriter()
    .booleans(
      1,
      pages.map((page) => page.isNull),
    )
    .binaries(
      2,
      bounds.map(({ min }) => min),
    )
    .binaries(
      3,
      bounds.map(({ max }) => max),
    )
    .int(4, boundaryOrder(leaf, pages))
    .longs(
      5,
      pages.map((page) => page.nullCount),
    )
    .take()
}

const UNORDERED = 0
const ASCENDING = 1
const DESCENDING = 2

/** Whether both bounds rise, or fall, from page to page; pages of nulls do not count. */
function boundaryOrder(leaf: Leaf, pages: readonly IndexedPage[]): number {
  const bounds = pages.flatMap((page) => page.bounds ?? [])
  let ascending = true
  let descending = true
  for (let at = 1; at < bounds.length; at++) {
    const [before, here] = [bounds[at - 1], bounds[at]]
    if (before === undefined || here === undefined) continue
    const min = compareRaw(leaf.type, before.min, here.min)
    const max = compareRaw(leaf.type, before.max, here.max)
    if (min > 0 || max > 0) ascending = false
    if (min < 0 || max < 0) descending = false
  }
  return ascending ? ASCENDING : descending ? DESCENDING : UNORDERED
}
