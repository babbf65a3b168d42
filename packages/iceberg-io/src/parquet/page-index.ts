import { ThriftReader, ThriftStruct } from './thrift.ts'

/** What a chunk's column index tells of one page. */
export interface PageBounds {
  readonly onlyNulls: boolean
  readonly min: Uint8Array | undefined
  readonly max: Uint8Array | undefined
  readonly nullCount: bigint | undefined
}

/** Where a data page is. */
export interface PageLocation {
  readonly start: number
  readonly end: number
  /** Within the row group. */
  readonly firstRow: number
}

/**
 * The bounds of a chunk's pages, in order; undefined when the index is not sound: nothing is known then.
 * @see https://github.com/apache/parquet-format/blob/master/PageIndex.md
 */
export function parseColumnIndex(bytes: Uint8Array): readonly PageBounds[] | undefined {
  try {
    const struct = new ThriftReader(bytes).struct()
    const nullPages = struct.list(1) ?? []
    const [mins, maxs, nullCounts] = [struct.list(2) ?? [], struct.list(3) ?? [], struct.list(5)]
    if (mins.length !== nullPages.length || maxs.length !== nullPages.length) return undefined
    if (nullCounts !== undefined && nullCounts.length !== nullPages.length) return undefined
    return nullPages.map((onlyNulls, page) => {
      const [min, max, nulls] = [mins[page], maxs[page], nullCounts?.[page]]
      return {
        onlyNulls: onlyNulls === true,
        min: onlyNulls !== true && min instanceof Uint8Array ? min : undefined,
        max: onlyNulls !== true && max instanceof Uint8Array ? max : undefined,
        nullCount: typeof nulls === 'bigint' ? nulls : undefined,
      }
    })
  } catch {
    return undefined
  }
}

/** The places of a chunk's pages, in order; undefined when they do not follow on one another within the chunk. */
export function parseOffsetIndex(
  bytes: Uint8Array,
  chunk: { readonly dataStart: number; readonly end: number; readonly rowCount: number },
): readonly PageLocation[] | undefined {
  try {
    const pages = (new ThriftReader(bytes).struct().list(1) ?? []).map((page) => {
      if (!(page instanceof ThriftStruct)) throw new TypeError('a page location')
      const start = Number(page.long(1))
      return { start, end: start + Number(page.int(2)), firstRow: Number(page.long(3)) }
    })
    const sound = pages.every((page, at) => {
      const before = pages[at - 1]
      if (!(page.end > page.start) || page.end > chunk.end || page.firstRow >= chunk.rowCount) return false
      if (before === undefined) return page.start >= chunk.dataStart && page.firstRow === 0
      return page.start >= before.end && page.firstRow > before.firstRow
    })
    return sound && pages.length > 0 ? pages : undefined
  } catch {
    return undefined
  }
}
