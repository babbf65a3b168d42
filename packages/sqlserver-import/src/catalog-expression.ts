import { quoteName } from '@icebridge/sqlserver'

/** An expression on one row from the target's catalog: the filter of an index, a check, a default. */
export interface CatalogExpression {
  /** The columns that it names, each once. */
  readonly columns: readonly string[]
  /** Its text, in parentheses, with an expression of the caller's in the place of each column. */
  readonly sql: (column: (name: string) => string) => string
}

type Token = { readonly kind: 'column'; readonly name: string } | { readonly kind: 'text'; readonly text: string }

const pattern =
  /\s*(?:(?<name>\[(?:[^\]]|\]\])+\])|(?<literal>N?'(?:[^']|'')*'|0x[0-9a-f]*(?![\w.])|\$?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?![\w.]))|(?<word>[a-z]+)|(?<operator><>|<=|>=|!=|!<|!>|-(?!-)|\/(?!\*)|[=<>(),+*%]))/iuy

const words: ReadonlySet<string> = new Set('AND OR NOT IS NULL IN LIKE ESCAPE CONVERT CAST AS'.split(' '))

/**
 * Takes the text of an expression apart. Undefined for anything but columns in brackets, as SQL Server keeps them, constants, comparisons,
 * AND, OR, NOT, IN, LIKE, arithmetic and conversions: no other text gets from a definition into a statement, and no function
 * is called.
 *
 * @see https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-indexes-transact-sql filter_definition
 */
export function parseCatalogExpression(text: string): CatalogExpression | undefined {
  const tokens = tokensOf(text)
  if (tokens === undefined) return undefined
  const columns = new Set(tokens.flatMap((token) => (token.kind === 'column' ? [token.name] : [])))
  return {
    columns: [...columns],
    sql: (column) =>
      `(${tokens.map((token) => (token.kind === 'column' ? column(token.name) : token.text)).join(' ')})`,
  }
}

function tokensOf(text: string): readonly Token[] | undefined {
  const tokens: Token[] = []
  let depth = 0
  let last = ''
  let before = ''
  const source = text.trim()
  pattern.lastIndex = 0
  while (pattern.lastIndex < source.length) {
    const groups = pattern.exec(source)?.groups
    if (groups === undefined) return undefined
    const { name, literal, word, operator } = groups
    if (word !== undefined && !words.has(word.toUpperCase())) return undefined
    if (operator === '(') depth += 1
    else if (operator === ')' && (depth -= 1) < 0) return undefined
    // After `CONVERT(` and after AS stands a type.
    const isType = last === 'AS' || (last === '(' && before === 'CONVERT')
    const unquoted = name?.slice(1, -1).replaceAll(']]', ']') ?? ''
    if (name !== undefined && !isType) tokens.push({ kind: 'column', name: unquoted })
    else
      tokens.push({
        kind: 'text',
        text: name === undefined ? (literal ?? word ?? operator ?? '') : quoteName(unquoted),
      })
    before = last
    last = (word ?? operator ?? '').toUpperCase()
  }
  return depth === 0 && tokens.length > 0 ? tokens : undefined
}
