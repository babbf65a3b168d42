import { ByteWriter } from 'hyparquet-writer/src/bytewriter.js'
import { serializeTCompactProtocol } from 'hyparquet-writer/src/thrift.js'
import { compareRaw, indexBounds } from './statistics.ts'
import type { Leaf } from './parquet-schema.ts'
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
  return encoded({
    field_1: pages.map((page) => ({
      field_1: BigInt(position + page.offset),
      field_2: page.compressedBytes,
      field_3: BigInt(page.firstRow),
    })),
  })
}

/** Bounds and null counts of a chunk's pages; `undefined` when some page has values without bounds, as one of NaNs has. */
export function encodeColumnIndex(leaf: Leaf, pages: readonly IndexedPage[]): Uint8Array | undefined {
  if (pages.length === 0 || pages.some((page) => !page.isNull && page.bounds === undefined)) return undefined
  const none = new Uint8Array(0)
  const bounds = pages.map((page) =>
    page.bounds === undefined ? { min: none, max: none } : indexBounds(leaf, page.bounds),
  )
  return encoded({
    field_1: pages.map((page) => page.isNull),
    field_2: bounds.map(({ min }) => min),
    field_3: bounds.map(({ max }) => max),
    field_4: boundaryOrder(leaf, pages),
    field_5: pages.map((page) => BigInt(page.nullCount)),
  })
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

function encoded(fields: Parameters<typeof serializeTCompactProtocol>[1]): Uint8Array {
  const writer = new ByteWriter()
  serializeTCompactProtocol(writer, fields)
  return writer.getBytes().slice()
}
