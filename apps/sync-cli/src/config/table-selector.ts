import { parseTablePattern, splitParts, type TablePattern } from './table-pattern.ts'

/** A table as it is named on the command line: a name or pattern, of one source or of all. */
export interface TableSelector {
  readonly text: string
  readonly source: string | undefined
  readonly pattern: TablePattern
}

/** Parses `schema.table` and `source.schema.table`, with wildcards and brackets. Returns a message when it is neither. */
export function parseSelector(text: string): TableSelector | string {
  const parts = splitParts(text)
  if (typeof parts === 'string') return parts
  const [source] = parts
  if (parts.length !== 3 || source === undefined) {
    const pattern = parseTablePattern(text)
    return typeof pattern === 'string' ? pattern : { text, source: undefined, pattern }
  }
  const pattern = parseTablePattern(text.slice(source.length + 1))
  return typeof pattern === 'string' ? pattern : { text, source: source.text, pattern }
}
