import type { TableName } from '@icebridge/sqlserver'

/** A table name or a pattern: two parts, each a case-insensitive regular expression, and the text when it has no wildcard. */
export interface TablePattern {
  readonly text: string
  readonly schema: RegExp
  readonly name: RegExp
  /** The name itself when there is no wildcard in it. */
  readonly exact: TableName | undefined
}

/** Parses `schema.table`, `[odd.schema].[odd]]table]` and wildcards (`dbo.*`, `dbo.order?`). Returns a message when it is none of these. */
export function parseTablePattern(text: string): TablePattern | string {
  const parts = splitParts(text)
  if (typeof parts === 'string') return parts
  const [schema, name] = parts
  if (schema === undefined || name === undefined || parts.length !== 2) {
    return `expected \`schema.table\`, got ${parts.length} part${parts.length === 1 ? '' : 's'}; put names that contain a dot in brackets`
  }
  const exact = schema.quoted && name.quoted ? true : !/[*?]/.test(outside(schema) + outside(name))
  return {
    text,
    schema: expression(schema),
    name: expression(name),
    exact: exact ? { schema: schema.text, name: name.text } : undefined,
  }
}

/** Whether a pattern takes a table; upper and lower case do not count, as in most databases. */
export function matches(pattern: TablePattern, table: TableName): boolean {
  return pattern.schema.test(table.schema) && pattern.name.test(table.name)
}

/** One part of a dotted name. */
export interface Part {
  readonly text: string
  readonly quoted: boolean
  /** Characters that it takes, brackets included. */
  readonly length: number
}

function outside(part: Part): string {
  return part.quoted ? '' : part.text
}

/** The parts of a dotted name, brackets taken off; a message when it is malformed. */
export function splitParts(text: string): Part[] | string {
  const parts: Part[] = []
  let at = 0
  for (;;) {
    if (text[at] === '[') {
      const body = /^\[((?:[^\]]|\]\])+)\]/.exec(text.slice(at))
      if (body === null) return 'a [ has no matching ] (write ] inside a name as ]])'
      parts.push({ text: (body[1] ?? '').replaceAll(']]', ']'), quoted: true, length: body[0].length })
      at += body[0].length
    } else {
      const end = text.indexOf('.', at)
      const part = text.slice(at, end === -1 ? text.length : end)
      if (part.trim() === '') return 'a part of the name is empty'
      parts.push({ text: part, quoted: false, length: part.length })
      at += part.length
    }
    if (at === text.length) return parts
    if (text[at] !== '.') return 'text follows a ]; parts are separated by a dot'
    at += 1
  }
}

function expression(part: Part): RegExp {
  const escaped = part.text.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
  const body = part.quoted
    ? escaped.replaceAll(/[*?]/g, String.raw`\$&`)
    : escaped.replaceAll('*', '.*').replaceAll('?', '.')
  return new RegExp(`^${body}$`, 'isu')
}
