import { raised } from './applied-position.ts'

/**
 * Errors that the values of a row bring about: conversions (220, 232, 241, 242, 245, 248, 8114, 8115, 8169), lengths (511, 1946, 2628,
 * 8152), constraints (515, 547, 2601, 2627), XML (9400 to 9499), CLR types (6522), JSON (13609), and what a trigger raises (3609, from 50000 on).
 *
 * @see https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
 */
const numbers: ReadonlySet<number> = new Set([
  220, 232, 241, 242, 245, 248, 511, 515, 547, 1946, 2601, 2627, 2628, 3609, 6522, 8114, 8115, 8152, 8169, 13_609,
])
const own: ReadonlySet<number> = new Set(Object.values(raised))

/** Whether an error of the server is about a row and not about the statement, the session or the server. */
export function isAboutRow(number: number): boolean {
  if (own.has(number)) return false
  return numbers.has(number) || (number >= 9400 && number <= 9499) || number >= 50_000
}
