import type { SequenceRange } from './probe-batch.ts'

/** An error that the server raised about the rows of a unit. */
export interface Refusal {
  readonly number: number
  readonly error: unknown
}

/** Rows that are refused when they are merged without the others of their unit; one row when both ends are the same. */
export interface RefusedRange extends SequenceRange {
  /** What they alone bring about. */
  readonly refusal: Refusal
}

/** Merges `rows`, and rolls that back; those outside `among` are never asked for again. Undefined where nothing is refused. */
export type Probe = (ask: {
  readonly among: SequenceRange
  readonly rows: SequenceRange
}) => Promise<Refusal | undefined>

/**
 * The first row that is refused by itself, as its unit was; or, where none is, the smallest range that was found to be. Undefined
 * when the unit is refused without any row.
 *
 * By halves, of which the first that is refused is gone on with: two probes a halving, of half as many rows each time. Where no half is, the
 * range is cut at its end, and then at its beginning, as long as it is refused.
 */
export async function refusedRange(unit: RefusedRange, probe: Probe): Promise<RefusedRange | undefined> {
  let { from, to, refusal } = unit
  const refusedAlone = async (rows: SequenceRange): Promise<boolean> => {
    const found = await probe({ among: { from, to }, rows })
    if (found === undefined || !isSameCause(found, unit.refusal)) return false
    refusal = found
    return true
  }
  if ((await probe({ among: { from, to }, rows: { from, to: from - 1n } })) !== undefined) return undefined
  while (from < to) {
    const middle = from + (to - from) / 2n
    if (await refusedAlone({ from, to: middle })) to = middle
    else if (await refusedAlone({ from: middle + 1n, to })) from = middle + 1n
    else break
  }
  for (let [low, high] = [from, to]; low < high;) {
    const middle = low + (high - low) / 2n
    if (await refusedAlone({ from, to: middle })) to = high = middle
    else low = middle + 1n
  }
  for (let [low, high] = [from, to]; low < high;) {
    const middle = high - (high - low) / 2n
    if (await refusedAlone({ from: middle, to })) from = low = middle
    else high = middle - 1n
  }
  return { from, to, refusal }
}

/** Whether two errors are of one kind, and where it is a constraint's, of one constraint: what their texts quote is the same. */
function isSameCause(a: Refusal, b: Refusal): boolean {
  if (a.number !== b.number) return false
  return a.number !== 547 || quoted(a.error) === quoted(b.error)
}

function quoted(error: unknown): string {
  return (String(error).match(/"[^"]*"|'[^']*'/g) ?? []).join()
}
