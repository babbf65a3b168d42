import { ndjsonLines } from '@icebridge/sync-cli/dist/ndjson.js'

type Batch = Parameters<typeof ndjsonLines>[0]

/** Rows as text in one order, whatever order they came in: as `icebridge scan` prints them, numbers in one spelling. */
export async function exactRows(batches: AsyncIterable<Batch> | Iterable<Batch>): Promise<readonly string[]> {
  const rows: unknown[] = []
  for await (const batch of batches) for (const line of ndjsonLines(batch)) rows.push(JSON.parse(line))
  return inOneOrder(rows)
}

/** Parsed rows as {@link exactRows} gives them. */
export function inOneOrder(rows: readonly unknown[]): readonly string[] {
  return rows.map(exactText).sort()
}

/** JSON that tells -0.0 from 0. */
function exactText(value: unknown): string {
  if (Object.is(value, -0)) return '-0.0'
  if (Array.isArray(value)) return `[${value.map(exactText).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([name, member]) => `${JSON.stringify(name)}:${exactText(member)}`)
    .join(',')}}`
}
