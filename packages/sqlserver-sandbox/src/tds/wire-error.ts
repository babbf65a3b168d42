import type { SqlError } from '../session.ts'

/** 8005 to 8009 and the like: the tabular data stream says something that cannot be. */
export function wireError(message: string): SqlError {
  return { number: 8009, state: 1, severity: 16, line: 1, message }
}
