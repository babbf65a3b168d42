/** A row as `icebridge scan` prints it: 64-bit integers and decimals are strings. */
export type JsonRow = Readonly<Record<string, unknown>>

export interface Aggregates {
  readonly rows: number
  readonly columns: Readonly<Record<string, ColumnAggregates>>
}

interface ColumnAggregates {
  readonly count: number
  readonly distinct: number
  /** The exact sum as text, of integers and decimals; null for other types and when there is no value. */
  readonly sum: string | null
}

/** Counts and exact sums of each column. `types` gives each column's Iceberg type. */
export function aggregate(rows: readonly JsonRow[], types: ReadonlyMap<string, string>): Aggregates {
  const columns: Record<string, ColumnAggregates> = {}
  for (const [name, type] of types) {
    const values = rows.map((row) => row[name]).filter((value) => value !== null && value !== undefined)
    const scale = scaleOf(type)
    columns[name] = {
      count: values.length,
      distinct: new Set(values).size,
      sum: scale === undefined || values.length === 0 ? null : sum(values.map(String), scale),
    }
  }
  return { rows: rows.length, columns }
}

/** Digits after the point of a type that is summed, undefined for one that is not. */
function scaleOf(type: string): number | undefined {
  if (type === 'int' || type === 'long') return 0
  const decimal = /^decimal\(\d+, ?(\d+)\)$/.exec(type)
  return decimal === null ? undefined : Number(decimal[1])
}

function sum(values: readonly string[], scale: number): string {
  let total = 0n
  for (const value of values) total += BigInt(value.replace('.', ''))
  if (scale === 0) return String(total)
  const digits = String(total < 0n ? -total : total).padStart(scale + 1, '0')
  return `${total < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}
