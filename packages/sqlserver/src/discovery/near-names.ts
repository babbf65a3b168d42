import type { TableName } from '../quoting.ts'

/** At most three tables whose names are alike: another schema, another letter case, or a slip of a few letters. */
export function nearNames(wanted: TableName, known: readonly TableName[]): readonly TableName[] {
  const limit = Math.max(1, Math.floor(wanted.name.length / 3))
  return known
    .map((table) => {
      const name = distance(wanted.name.toLowerCase(), table.name.toLowerCase(), limit)
      return { table, score: name * 2 + (wanted.schema.toLowerCase() === table.schema.toLowerCase() ? 0 : 1), name }
    })
    .filter(({ name }) => name <= limit)
    .sort((left, right) => left.score - right.score)
    .slice(0, 3)
    .map(({ table }) => table)
}

/** Letters to insert, delete or replace; above `limit` any number above it. */
function distance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) > limit) return limit + 1
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= right.length; column += 1) {
      const replace = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1)
      current.push(Math.min(replace, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[right.length] ?? 0
}
