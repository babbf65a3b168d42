import { InvalidArgumentError } from 'commander'

/** Takes one of the given words. */
export function oneOf(...values: readonly string[]): (text: string) => string {
  return (text) => {
    if (!values.includes(text)) throw new InvalidArgumentError(`Expected ${values.join(' or ')}.`)
    return text
  }
}

/** A snapshot id, whole: 64 bits do not fit in a number. */
export function snapshotId(text: string): bigint {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('A snapshot id is an integer.')
  return BigInt(text)
}

export function rowCount(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('Expected a number of rows.')
  return value
}

/** Milliseconds since 1970 of a date (its beginning in UTC), or of a time with its zone: without one it would mean something else on every machine. */
export function time(text: string): number {
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
  const value = Date.parse(text)
  if (!isTime || Number.isNaN(value)) {
    throw new InvalidArgumentError('Expected a date, or a time with its zone: 2026-01-31T12:00:00Z.')
  }
  return value
}

/** Names apart by commas; a name that holds a comma or a double quote stands in double quotes, the quote doubled. */
export function columnNames(text: string): readonly string[] {
  const names: string[] = []
  const name = /\s*(?:"((?:[^"]|"")+)"|([^",]+?))\s*(?:,|$)/y
  while (name.lastIndex < text.length) {
    const match = name.exec(text)
    if (match === null) throw new InvalidArgumentError('Expected names apart by commas: id,"odd, name".')
    names.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
  }
  if (names.length === 0 || /,\s*$/.test(text)) throw new InvalidArgumentError('A name is missing.')
  return names
}

/** Collects `FROM=TO`. */
export function mapPrefix(
  text: string,
  all: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Expected FROM=TO.')
  return [...all, [text.slice(0, at), text.slice(at + 1)]]
}
