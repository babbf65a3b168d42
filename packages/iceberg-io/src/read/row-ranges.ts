/** Rows of a row group, end exclusive. */
export interface RowRange {
  readonly start: number
  readonly end: number
}

/** Ascending, disjoint ranges with a gap between any two. */
export type RowRanges = readonly RowRange[]

/** Rows that are in either. */
export function unite(left: RowRanges, right: RowRanges): RowRanges {
  const joined: RowRange[] = []
  for (const range of [...left, ...right].toSorted((a, b) => a.start - b.start)) {
    const last = joined[joined.length - 1]
    if (range.start === range.end) continue
    if (last !== undefined && range.start <= last.end) {
      joined[joined.length - 1] = { start: last.start, end: Math.max(last.end, range.end) }
    } else joined.push(range)
  }
  return joined
}

/** Rows that are in both. */
export function intersect(left: RowRanges, right: RowRanges): RowRanges {
  const common: RowRange[] = []
  let [a, b] = [0, 0]
  for (;;) {
    const [one, two] = [left[a], right[b]]
    if (one === undefined || two === undefined) return common
    const range = { start: Math.max(one.start, two.start), end: Math.min(one.end, two.end) }
    if (range.start < range.end) common.push(range)
    if (one.end < two.end) a++
    else b++
  }
}

/** Whether any row of the range is among them. */
export function overlaps(ranges: RowRanges, range: RowRange): boolean {
  return ranges.some(({ start, end }) => start < range.end && range.start < end)
}
